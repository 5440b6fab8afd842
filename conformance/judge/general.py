"""The general clauses: obligations of every response from the operation's URL, for any request."""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Iterable, Iterator
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from conformance.evidence.episode import Episode
from conformance.evidence.exchange import (
    Exchange,
    combined_header,
    header_values,
    is_part,
    says_unknown_method,
    sent_header,
)
from conformance.evidence.foreign import one_line, seconds_of_date
from conformance.evidence.spellings import SHORTEST_TO_BLOT
from conformance.judge.answers import media_type, member_shown, says_json
from conformance.judge.expectations import expect, expectation, require_answer
from conformance.judge.internals import card_data_in, internals_in
from contracts import Contract
from strategies.traits import traits

Broken = tuple[str, str]
"""A clause's slug, and in one line what was observed."""

LARGE_BODY = 65_536
"""The number of bytes from which on a front-end server may reject a body in its own words."""

LEAST_LIMIT = 8_192
"""The number of bytes beyond which some front-end server says 413 by itself; what is too small is judged elsewhere."""

METHOD_NOT_ALLOWED, LENGTH_REQUIRED, TOO_LARGE = 405, 411, 413

METHODS = frozenset({"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
"""The methods that RFC 9110 and RFC 5789 define, but for the operation's own."""

LEGAL_WITHOUT_ENVELOPE = frozenset({400, 406, 411, 412, 413, 414, 431})
"""Statuses that a front-end server may answer to malformed requests in its own words."""

NOT_FOUND = 404
ENDS_OR_DIVIDES = re.compile("%00|%2f", re.IGNORECASE)
"""What may end or divide a path, escaped: some front-end servers let no path with that through (Apache 2.4)."""

UNREADABLE = frozenset(
    {
        "robustness.malformed-encoding",
        "robustness.invalid-utf8",
        "robustness.control-characters",
        "robustness.large-body",
        "robustness.many-parameters",
    }
)
"""The traits of requests that a server may reject before any application sees them."""

JUDGED_ON_SERVER_ERRORS = frozenset({"error.no-secrets"})
"""The general clauses that a 5xx may break too; the others are not judged on it."""

WITHOUT_BODY = frozenset({204, 205})
"""The statuses of successes that have no body."""


@expectation
def answered(episode: Episode, contract: Contract) -> None:
    """Expect every subject to be answered; the general clauses judge the response."""
    require_answer(*episode.exchanges("subject"))


@expectation
def answered_well(episode: Episode, contract: Contract) -> None:
    """Expect every response to obey the episode's own clause, a general one."""
    for exchange in episode.exchanges("subject"):
        broken = broken_general_clauses(exchange, contract, owns_server_errors=False)
        expect_obedience(episode, broken, exchange)
        is_judged_anyway = exchange.answered and episode.clause in JUDGED_ON_SERVER_ERRORS
        if not is_judged_anyway:
            require_answer(exchange)


def unless(holds: Any, slug: str, observed: str) -> Iterator[Broken]:
    """Yield the clause as broken unless the condition holds."""
    if not holds:
        yield slug, observed


def expect_obedience(episode: Episode, broken: Iterable[Broken], exchange: Exchange) -> None:
    """Fail with the first observation that breaks the episode's own clause."""
    for slug, observed in broken:
        expect(slug != episode.clause, observed, exchange)


def broken_general_clauses(exchange: Exchange, contract: Contract, *, owns_server_errors: bool) -> Iterator[Broken]:
    """Yield every general clause that this response breaks.

    `owns_server_errors` says that the clause under test reports a 5xx itself, and that a front-end server's own words
    are legal here.
    """
    status = exchange.status
    if not exchange.answered or status is None:
        return
    is_secret_kept = not (exchange.leaked_key or _holds_another_key(exchange))
    yield from unless(is_secret_kept, "error.no-secrets", "the answer holds the API key that the request carried")
    if exchange.request.method == "OPTIONS" and status < 500:
        return  # it asks about the server, and no specification says what the answer holds (RFC 9110 section 9.3.7)
    if status >= 500:
        is_legal = owns_server_errors or says_unknown_method(exchange)
        yield from unless(is_legal, "error.status-class", f"answered {status}")
        return
    yield from _broken_date(exchange)
    if status >= 400:
        if status == METHOD_NOT_ALLOWED:
            yield from _broken_allow(exchange)
        yield from _broken_json(exchange)
        yield from _broken_error(exchange, contract, owns_server_errors=owns_server_errors)
    elif status >= 300:
        yield "error.status-class", f"answered {status}"
    else:
        yield from _broken_json(exchange)
        is_clean = status < 200 or not exchange.has_error_inside
        yield from unless(is_clean, "error.status-class", f"answered {status} with an error inside")


def _broken_date(exchange: Exchange) -> Iterator[Broken]:
    """Yield response.date where a Date is not in the form of RFC 9110 section 5.6.7, its weekday that of the day."""
    for value in header_values(exchange, "Date"):
        yield from unless(_is_http_date(value.strip()), "response.date", f"the answer has the Date {one_line(value)!r}")


def _is_http_date(text: str) -> bool:
    seconds = seconds_of_date(text)  # which takes other forms, too
    return seconds is not None and formatdate(seconds, usegmt=True) == text


def _broken_allow(exchange: Exchange) -> Iterator[Broken]:
    """Yield error.allowed-methods where a 405 has no Allow, or one that names methods, and not the one of the URL.

    An empty one is legal.
    """
    if exchange.headers is None:
        return
    allow = combined_header(exchange, "Allow")
    yield from unless(allow is not None, "error.allowed-methods", "a 405 without Allow")
    named = {method.strip().upper() for method in (allow or "").split(",")} - {""}
    is_whole = named.isdisjoint(METHODS) or "POST" in named
    is_judged = exchange.is_to_operation and exchange.request.method != "POST"
    yield from unless(is_whole or not is_judged, "error.allowed-methods", f"a 405 with Allow: {allow}, without POST")


def _is_of_front_end(exchange: Exchange, *, owns_server_errors: bool) -> bool:
    """Return whether a front-end server may have rejected the request in its own words.

    It may for a large body, for one with a method that defines none (RFC 9110 sections 9.3.1 and 9.3.5), for a
    malformed one, for what RFC 9110 lets a server refuse, and with 404 for a path with what ends or divides one.
    """
    if exchange.error:
        return False
    if exchange.status == NOT_FOUND:
        return owns_server_errors and ENDS_OR_DIVIDES.search(exchange.request.target) is not None
    if _may_be_refused(exchange):
        return True
    if exchange.status not in LEGAL_WITHOUT_ENVELOPE:
        return False
    body = exchange.request.body or b""
    is_needless = bool(body) and exchange.request.method in ("GET", "DELETE")
    is_malformed = not UNREADABLE.isdisjoint(traits(exchange.request))
    is_large = len(body) > (LEAST_LIMIT if exchange.status == TOO_LARGE else LARGE_BODY)
    return owns_server_errors or is_large or is_needless or is_malformed


def _may_be_refused(exchange: Exchange) -> bool:
    """Return whether the request has what RFC 9110 lets a server refuse with the status of the response.

    That is a request without a Content-Length (section 15.5.12), the wish for no JSON (section 15.5.7), a condition
    that does not hold (section 15.5.13), an expectation (section 15.5.18), or a header beyond ASCII (section 5.5).
    """
    headers = exchange.request.headers
    match exchange.status:
        case HTTPStatus.LENGTH_REQUIRED:
            return not exchange.request.announces_length
        case HTTPStatus.NOT_ACCEPTABLE:
            return not _takes_json(exchange)
        case HTTPStatus.PRECONDITION_FAILED:
            return any(name.lower().startswith("if-") for name, _ in headers)
        case HTTPStatus.EXPECTATION_FAILED:
            return sent_header(exchange, "Expect") is not None
        case HTTPStatus.BAD_REQUEST:
            return is_beyond_ascii(exchange)
    return False


def is_beyond_ascii(exchange: Exchange) -> bool:
    """Return whether a header of the request has characters that RFC 9110 section 5.5 calls obsolete."""
    request = exchange.request
    return not all(value.isascii() for value in (request.credentials, *(value for _, value in request.headers)))


def _takes_json(exchange: Exchange) -> bool:
    """Return whether the request's headers allow an answer in JSON, in no content coding."""
    accept, coding = sent_header(exchange, "Accept"), sent_header(exchange, "Accept-Encoding") or ""
    takes_it = accept is None or any(kind in accept for kind in ("*/*", "application/*", "json"))
    return takes_it and "identity;q=0" not in coding


def _holds_another_key(exchange: Exchange) -> bool:
    """Return whether the response holds a key that the request presented and that is not the account's."""
    scheme, _, presented = exchange.request.credentials.partition(" ")
    if scheme == "Basic":
        with contextlib.suppress(ValueError):
            presented = base64.b64decode(presented, validate=True).decode().partition(":")[0]
    if len(presented) < SHORTEST_TO_BLOT or not presented.startswith(("sk_", "rk_")):
        return False
    texts = [value.encode() for _, value in exchange.headers or ()] + [exchange.body or b""]
    return any(presented.encode() in text for text in texts)


def _broken_json(exchange: Exchange) -> Iterator[Broken]:
    """Yield response.json and response.media-type where they are broken; a part of a body is no whole value.

    A rejection in another format than the envelope may have that format's media type: error.envelope judges it.
    """
    if is_part(exchange):
        return
    for problem in exchange.framing[:1]:
        yield "response.json", problem
    if exchange.body is None:
        return
    text = exchange.json
    is_success = exchange.request.method == "POST" and not exchange.is_refusal
    must_be_json = is_success or (says_json(exchange) and not is_page(exchange))
    if must_be_json and exchange.status not in WITHOUT_BODY:
        for problem in text.problems[:1]:
            yield "response.json", f"the body is not one JSON value: {problem}"
    is_json = text.found and isinstance(text.value, dict | list)
    is_of_another_format = exchange.is_refusal and not exchange.has_error_inside
    if is_json and exchange.headers is not None and not is_of_another_format:
        is_called_json = media_type(exchange) == "application/json"
        observed = _describe_media_type(exchange.header("Content-Type"))
        yield from unless(is_called_json, "response.media-type", observed)
        named = header_values(exchange, "Content-Type")
        yield from unless(len(named) < 2, "response.media-type", f"Content-Type comes {len(named)} times: {named}")


def is_page(exchange: Exchange) -> bool:
    """Return whether the body is empty or a page of HTML, regardless of its Content-Type."""
    return (exchange.body or b"").lstrip()[:1] in (b"<", b"")


def _describe_media_type(content_type: str | None) -> str:
    return f"a JSON body is called {content_type!r}" if content_type else "a JSON body has no Content-Type"


def _broken_error(exchange: Exchange, contract: Contract, *, owns_server_errors: bool) -> Iterator[Broken]:
    """Yield error.envelope or, inside an envelope, the other clauses about errors where they are broken."""
    if exchange.body is None or _is_of_front_end(exchange, owns_server_errors=owns_server_errors):
        return
    if not exchange.json.found and says_json(exchange) and not is_page(exchange):
        return  # response.json reports it
    if not exchange.has_error_inside:
        yield "error.envelope", f"the body of a {exchange.status} is {_shorten_body(exchange.body)}"
        return
    yield from _broken_members(exchange, contract)
    card_data, trace = card_data_in(exchange.error), internals_in(exchange)
    yield from unless(not card_data, "response.no-card-data", f"the error's {card_data}")
    yield from unless(not trace, "error.no-internals", f"the error shows {trace}")


def _broken_members(exchange: Exchange, contract: Contract) -> Iterator[Broken]:
    """Yield the clauses about single members of an error where they are broken."""
    error = exchange.error
    kind, message = error.get("type"), error.get("message")
    is_known = isinstance(kind, str) and kind in contract.error_types
    yield from unless(is_known, "error.type", f"the error's type is {member_shown(error, 'type')}")
    is_text = isinstance(message, str) and message
    yield from unless(is_text, "error.message", f"the error's message is {member_shown(error, 'message')}")
    strings = sorted(contract.error_string_members - {"type", "message"})
    wrong = [name for name in strings if not isinstance(error.get(name), str | None)]
    for name in wrong[:1]:
        yield "error.member-types", f"the error's {name} is {error[name]!r}, no string"
    objects = sorted(contract.error_object_members)
    for name in [name for name in objects if not isinstance(error.get(name), dict | None)][:1]:
        yield "error.member-types", f"the error's {name} is {error[name]!r}, no object"
    empty = [name for name in strings if name in error and error[name] is None]
    for name in empty[:1]:
        yield "error.null-members", f"the error's {name} is null"


def _shorten_body(body: bytes, limit: int = 60) -> str:
    text = body.decode("utf-8", "replace").strip()
    if not text:
        return "empty"
    return repr(text if len(text) <= limit else text[:limit] + "…")
