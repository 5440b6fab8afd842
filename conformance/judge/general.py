"""The general clauses: what holds for every answer from the operation's URL, whatever was sent."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from email.message import Message

from conformance.evidence.exchange import Exchange
from conformance.evidence.secret import SHORTEST_TO_BLOT
from conformance.judge.internals import internals_in
from conformance.judge.success import card_data_in
from contracts import Contract
from strategies.traits import traits

Broken = tuple[str, str]
"""A clause's slug, and in one line what was observed."""

LARGE_BODY = 65_536
"""From how many bytes on a body may be too much for a front-end server, in its own words."""

LEGAL_WITHOUT_ENVELOPE = frozenset({400, 411, 413, 414, 431})
"""Statuses that a front-end server may answer to malformed requests in its own words."""

UNREADABLE = frozenset(
    {
        "robustness.malformed-encoding",
        "robustness.invalid-utf8",
        "robustness.control-characters",
        "robustness.large-body",
        "robustness.many-parameters",
    }
)
"""The traits of requests that a server may refuse before any application sees them, whichever test sends them."""

JUDGED_ON_SERVER_ERRORS = frozenset({"error.no-secrets"})
"""The general clauses that a 5xx may break too; it says nothing of the others."""


def broken_general_clauses(exchange: Exchange, contract: Contract, *, owns_server_errors: bool) -> Iterator[Broken]:
    """Every general clause that this answer breaks.

    `owns_server_errors` says that the clause under test reports a 5xx itself, and that a front-end server's own words
    are legal here.
    """
    status = exchange.status
    if not exchange.answered or status is None:
        return
    if exchange.leaked_key or _holds_another_key(exchange):
        yield "error.no-secrets", "the answer holds the API key that the request carried"
    if status >= 500 or 300 <= status < 400:
        if not (owns_server_errors and status >= 500):
            yield "error.status-class", f"answered {status}"
        return
    yield from _broken_json(exchange)
    if 200 <= status < 300:
        if exchange.has_error_inside:
            yield "error.status-class", f"answered {status} with an error inside"
        return
    is_strange = owns_server_errors or _is_large(exchange) or _has_needless_body(exchange) or _is_malformed(exchange)
    is_front_end = status in LEGAL_WITHOUT_ENVELOPE and is_strange
    if status < 400 or (is_front_end and not exchange.error):
        return
    yield from _broken_error(exchange, contract)


def _has_needless_body(exchange: Exchange) -> bool:
    """Whether content was sent with a method that defines none (RFC 9110 sections 9.3.1 and 9.3.5)."""
    return exchange.request.method in ("GET", "DELETE") and bool(exchange.request.body)


def _is_malformed(exchange: Exchange) -> bool:
    """Return whether a front-end server may be the one that cannot read the request."""
    return not UNREADABLE.isdisjoint(traits(exchange.request))


def _holds_another_key(exchange: Exchange) -> bool:
    """Whether a key that is not the account's, and that the request presented all the same, comes back."""
    scheme, _, presented = exchange.request.credentials.partition(" ")
    if scheme == "Basic":
        with contextlib.suppress(ValueError):
            presented = base64.b64decode(presented, validate=True).decode().partition(":")[0]
    if len(presented) < SHORTEST_TO_BLOT or not presented.startswith(("sk_", "rk_")):
        return False
    told = [value.encode() for _, value in exchange.headers or ()] + [exchange.body or b""]
    return any(presented.encode() in text for text in told)


def _is_large(exchange: Exchange) -> bool:
    """Whether a front-end server may refuse the request for its size alone."""
    return len(exchange.request.body or b"") > LARGE_BODY


def says_json(exchange: Exchange) -> bool:
    """Whether the answer calls itself JSON."""
    return media_type(exchange) in ("application/json", "text/json") or media_type(exchange).endswith("+json")


def media_type(exchange: Exchange) -> str:
    """The media type of the answer without parameters, in lower case; empty when there is none."""
    message = Message()
    message["Content-Type"] = exchange.header("Content-Type") or ""
    return message.get_content_type() if exchange.header("Content-Type") else ""


def _broken_json(exchange: Exchange) -> Iterator[Broken]:
    """response.json and response.media-type."""
    if exchange.framing:
        yield "response.json", exchange.framing[0]
    if exchange.body is None:
        return
    text = exchange.json
    is_success = exchange.status is not None and exchange.status < 300
    is_page = exchange.body.lstrip()[:1] in (b"<", b"")
    claims_json = says_json(exchange) and not is_page
    if text.problems and (is_success or claims_json) and exchange.status not in (204, 205):
        yield "response.json", f"the body is not one JSON value: {text.problems[0]}"
    is_json = text.found and isinstance(text.value, dict | list)
    if is_json and exchange.headers is not None and media_type(exchange) != "application/json":
        called = exchange.header("Content-Type")
        yield (
            "response.media-type",
            f"a JSON body is called {called!r}" if called else "a JSON body has no Content-Type",
        )


def _broken_error(exchange: Exchange, contract: Contract) -> Iterator[Broken]:
    """error.envelope and, inside an envelope, error.type, .message, .member-types and .no-internals."""
    if exchange.body is None:
        return
    text = exchange.json
    if not text.found and exchange.body.strip() and says_json(exchange) and not exchange.body.lstrip().startswith(b"<"):
        return
    if not exchange.has_error_inside:
        yield "error.envelope", f"the body of a {exchange.status} is {_in_short(exchange)}"
        return
    error = exchange.error
    if "type" not in error:
        yield "error.type", "the error has no type"
    elif not isinstance(error["type"], str) or error["type"] not in contract.error_types:
        yield "error.type", f"the error's type is {error['type']!r}"
    message = error.get("message")
    if not isinstance(message, str) or not message:
        yield "error.message", "the error has no message" if message is None else f"its message is {message!r}"
    for name in sorted(contract.error_string_members - {"type", "message"}):
        if not isinstance(error.get(name, ""), str):
            yield "error.member-types", f"the error's {name} is {error[name]!r}, no string"
            break
    if where := card_data_in(error):
        yield "response.no-card-data", f"the error's {where}"
    if leak := internals_in(exchange):
        yield "error.no-internals", f"the error shows {leak}"


def _in_short(exchange: Exchange, limit: int = 60) -> str:
    body = (exchange.body or b"").decode("utf-8", "replace").strip()
    if not body:
        return "empty"
    return repr(body if len(body) <= limit else body[:limit] + "…")
