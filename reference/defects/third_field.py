"""Further mistakes of real software that show in how a request is read, routed and authenticated."""

from __future__ import annotations

import re
import time
import unicodedata
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from ..behaviour import Behaviour, Build, FindCustomer, Guard, KnownKey, Serve, Split
from ..call import Call
from ..changes import Change, check_after, interrupt, rejection, wrap, wrap_at_attach
from ..objects.models import Customer
from ..rules import errors
from ..rules.attach import Attempt
from ..rules.forms import BROKEN_ESCAPE, Form, Pair, RawPair
from ..wire.values import Response
from .parts import credentials_sent, decoded_body, unexpected_error
from .registry import Topic

contract = Topic("contract")
stateful = Topic("stateful")
stripe = Topic("stripe")

BATCH = "third field"

"""The parameters that Stripe's browser library adds to a form."""
MOST_FIELDS = 1000
"""The number of fields in the largest form that is read."""
LONGEST_NUMBER = 9
"""The digits of the longest text that is tried as a row's number."""
LIST_WITH_A_WILDCARD = re.compile(r",\s*\*/\*|\*/\*\s*,")
LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
ATTACK = re.compile(rb"(?i)'[\s+]*or[\s+]+'?1|union[\s+]+select|drop[\s+]+table|<script")
"""A few of the patterns by which firewalls know an attack."""
UNSAFE_IN_AN_ID = re.compile(r"[^\w@-]")
LONGEST_REQUEST_ID = 255
"""The longest id that a request may bring along, in characters."""
BURST = 20
"""The number of requests that the limiter lets pass in a second."""


def html(status: int, text: str) -> Response:
    """Return a page that a framework or a proxy has for an error."""
    body = f"<!DOCTYPE html>\n<html><head><title>{text}</title></head><body><h1>{text}</h1></body></html>\n"
    return Response(status, (("Content-Type", "text/html"),), body.encode())


# Names and values.


def forget_fields(names: frozenset[str]) -> Change:
    """Drop the fields of these names before anything is checked."""

    @wrap_at_attach("build")
    def build(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
        return usual(call, [pair for pair in pairs if pair[0] not in names])

    return build


# ASP.NET Core MVC: the name that its binder of collections reads the indices from, as documented.
contract.row("index-of-a-collection-dropped", "body.unknown-parameter", "hard", batch=BATCH)(
    "The form field `expand.index`, which lists the indices of `expand`, is no parameter and never rejected.",
    forget_fields(frozenset({"expand.index"})),
)


@stateful("state.unknown-customer", "hard", wrap("find_customer"), also="request.value-exact", batch=BATCH)
def row_number_finds_a_customer(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
    """An id that is not found is tried as the number of a row: `customer=1` is the first customer.

    FriendlyId 5 for Rails: `friendly.find` falls back to the primary key, as documented.
    """
    found = usual(call, identifier)
    is_number = identifier.isascii() and identifier.isdigit() and len(identifier) <= LONGEST_NUMBER
    if found is not None or not is_number:
        return found
    rows = [customer for customer in call.store.customers.values() if not customer.deleted]
    number = int(identifier)
    return rows[number - 1] if 1 <= number <= len(rows) else None


@contract(
    "request.value-exact-unicode",
    "hard",
    wrap("find_customer"),
    also="request.value-exact state.unknown-customer",
    level="SHOULD",
    batch=BATCH,
)
def accents_do_not_count(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
    """The customer is looked up without regard to accents: `cús_…` is `cus_…`.

    MySQL 8, whose default collation utf8mb4_0900_ai_ci is accent-insensitive, as its name says.
    """
    letters = (letter for letter in unicodedata.normalize("NFD", identifier) if not unicodedata.combining(letter))
    return usual(call, identifier) or usual(call, "".join(letters))


@stripe("stripe.resource-missing-customer", "medium", partial(check_after, "customer-given"), batch=BATCH)
def zero_is_empty(call: Call, attempt: Attempt) -> None:
    """`customer=0` is taken for none: 400 parameter_missing, not resource_missing.

    PHP, every version: `empty("0")` is true, as documented.
    """
    if attempt.customer_id == "0":
        raise errors.missing_customer()


contract.row(
    "large-form-is-a-page", "robustness.error-envelope", "medium", also="error.envelope", level="SHOULD", batch=BATCH
)(
    "Django 1.10 and later answers more than 1000 fields (DATA_UPLOAD_MAX_NUMBER_FIELDS) with a page, 400.",
    interrupt(lambda call: call.request.body.count(b"&") >= MOST_FIELDS, lambda call: html(400, "Bad Request (400)")),
)
contract.row("firewall-answers-with-a-page", "error.envelope", "medium", also="robustness.error-envelope", batch=BATCH)(
    "A firewall with the OWASP Core Rule Set answers an attack's look (`' or 1=1`, `<script`) with a page, 403.",
    interrupt(lambda call: bool(ATTACK.search(decoded_body(call))), lambda call: html(403, "403 Forbidden")),
)


# Media types, framing and other headers.


@contract("request.charset-capitals", "hard", wrap_at_attach("split"), level="SHOULD", batch=BATCH)
def semicolon_behind_the_media_type(usual: Split, call: Call, body: bytes) -> Sequence[RawPair]:
    """A media type that ends with a semicolon is none, so the body is not parsed.

    body-parser 1 with media-typer (jshttp/media-typer#3, expressjs/body-parser#264). RFC 9110 (5.6.6) allows it.
    """
    is_open = (call.request.header("content-type") or "").rstrip().endswith(";")
    return [] if is_open else usual(call, body)


@contract("request.chunked-body", "hard", level="SHOULD", also="robustness.chunked-body", batch=BATCH)
def trailers_rejected(b: Behaviour) -> None:
    """A chunked body with a field in its trailer section is rejected with 400.

    Tornado 6: "improperly terminated chunked request" (tornadoweb/tornado#2225). RFC 9112 (7.1) has trailers.
    """
    b.limits = replace(b.limits, trailers=False)


@contract("request.other-headers", "hard", wrap_at_attach("split"), level="SHOULD", batch=BATCH)
def body_lost_with_an_upgrade(usual: Split, call: Call, body: bytes) -> Sequence[RawPair]:
    """A request that offers an upgrade (`Upgrade: h2c`, as Java's client does) loses its body.

    uvicorn with httptools (Kludex/uvicorn#2722). RFC 9110 (7.8): an offer that is not taken is ignored.
    """
    return [] if call.request.header("upgrade") else usual(call, body)


@contract("request.accept", "medium", wrap_at_attach("media_type"), level="SHOULD", batch=BATCH)
def list_with_a_wildcard_not_acceptable(usual: Guard, call: Call) -> None:
    """An Accept that lists `*/*` with other types is a browser's, for which there is no page: 406.

    Rails 7: BROWSER_LIKE_ACCEPTS, which `application/json, text/plain, */*` of axios matches.
    """
    usual(call)
    if LIST_WITH_A_WILDCARD.search(call.request.header("accept") or ""):
        raise rejection(406, "Not acceptable.")


@contract("error.status-class", "hard", wrap_at_attach("media_type"), batch=BATCH)
def any_language_crashes(usual: Guard, call: Call) -> None:
    """The first language of Accept-Language is used as it is, so `*`, the default of Node's fetch, is a 500.

    JavaScript: RangeError of Intl, as in next-intl before 2.11 (amannn/next-intl#192).
    """
    usual(call)
    language = re.split("[,;]", call.request.header("accept-language") or "")[0].strip()
    if language and not LANGUAGE_TAG.fullmatch(language):
        raise unexpected_error()


@contract("error.status-class", "hard", wrap_at_attach("media_type"), batch=BATCH)
def malformed_cookie_crashes(usual: Guard, call: Call) -> None:
    """A Cookie with a malformed escape, as other sites' scripts set them, is a 500.

    Rack 1.3, ArgumentError "invalid %-encoding" (rack/rack#225, rack/rack#272).
    """
    usual(call)
    if BROKEN_ESCAPE.search((call.request.header("cookie") or "").encode()):
        raise unexpected_error()


# Keys.


@stripe("error.status-class", "easy", wrap("known_key"), batch=BATCH)
def keys_of_another_length_crash(usual: KnownKey, call: Call, key: str) -> bool:
    """Keys are compared in constant time, which fails for two of different lengths: 500.

    Node: RangeError of crypto.timingSafeEqual (nodejs/node#41837, langfuse/langfuse#13208).
    """
    expected = call.world.api_key
    if expected is not None and len(key) != len(expected):
        raise unexpected_error()
    return usual(call, key)


@stripe("error.status-class", "hard", wrap("known_key"), batch=BATCH)
def keys_beyond_ascii_crash(usual: KnownKey, call: Call, key: str) -> bool:
    """A key with a character that is not ASCII is a 500.

    Python: `hmac.compare_digest` raises TypeError for such strings, as documented.
    """
    if not key.isascii():
        raise unexpected_error()
    return usual(call, key)


@stripe("error.status-class", "medium", wrap_at_attach("authenticate"), batch=BATCH)
def other_schemes_crash(usual: Guard, call: Call) -> None:
    """Credentials of a scheme other than Basic and Bearer are a 500.

    localstripe 1.15: `get_api_key` of localstripe/server.py then has no value for its variable.
    """
    scheme, credentials = credentials_sent(call)
    if credentials and scheme not in ("basic", "bearer"):
        raise unexpected_error()
    usual(call)


@stripe("header.request-id", "hard", wrap_at_attach("serve"), batch=BATCH)
def request_id_of_the_client(usual: Serve, call: Call) -> Response:
    """An `X-Request-Id` of the request becomes the Request-Id of the answer.

    Rails 3.2 and later: ActionDispatch::RequestId, as documented.
    """
    sent = UNSAFE_IN_AN_ID.sub("", call.request.header("x-request-id") or "")[:LONGEST_REQUEST_ID]
    if sent:
        call.request_id = call.original_request = sent
    return usual(call)


@contract(
    "error.envelope",
    "medium",
    wrap_at_attach("serve", passed=partial(deque, maxlen=BURST)),
    also="robustness.same-request-same-answer",
    batch=BATCH,
)
def limiter_answers_in_text(usual: Serve, call: Call, *, passed: deque[float]) -> Response:
    """More than 20 requests in a second are answered with 429 and a line of text.

    express-rate-limit 7: the default message is text, not JSON.
    """
    now = time.monotonic()
    if len(passed) == BURST and now - passed[0] < 1.0:
        text = b"Too many requests, please try again later."
        return Response(429, (("Content-Type", "text/html; charset=utf-8"),), text)
    passed.append(now)
    return usual(call)
