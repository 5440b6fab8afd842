"""Mistakes of home-made servers, routers and parsers that show in how a request is read and authenticated."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ..behaviour import Build, FindCustomer, Guard, KnownKey, Route, Serve, Split
from ..call import Call, Endpoint
from ..changes import (
    check_after,
    crash,
    interrupt,
    override,
    rejection,
    tolerate,
    wrap,
    wrap_at_attach,
)
from ..objects.models import Customer
from ..rules import errors
from ..rules.attach import Attempt
from ..rules.errors import ApiError
from ..rules.forms import FORM, Form, Pair, RawPair
from ..wire.values import Response
from .parts import change_request_header, credentials_sent
from .registry import Topic

contract = Topic("contract")
stateful = Topic("stateful")
stripe = Topic("stripe")

BATCH = "fourth field"

UNANCHORED = re.compile(r"(/v1/payment_methods/[^/]+/attach).+")
"""A URL that begins with the operation's path."""
BEARER = re.compile("bearer ", re.IGNORECASE)
KEY = re.compile(r"[sr]k_test_\w+", re.ASCII)
NO_VALUE = frozenset({"null", "undefined", "None", "nil"})
"""Words for the absence of a value in several languages."""
REFUSALS_ALLOWED = 3
"""The consecutive refused keys after which a client is locked out."""
OF_THE_API = frozenset((
    "address", "amount", "billing_details", "card", "confirm", "currency", "description", "email",
    "ending_before", "limit", "metadata", "name", "off_session", "payment_method_types", "phone", "return_url",
    "shipping", "source", "starting_after", "type",
))  # fmt: skip
"""Parameters that some operation of the API has."""


# Forms.


@contract("request.equivalent-encodings", "medium", wrap_at_attach("split"), batch=BATCH)
def empty_pairs_are_malformed(usual: Split, call: Call, body: bytes) -> Sequence[RawPair]:
    """A form that ends with `&` or has two of them together is malformed.

    Python's urllib.parse, parse_qsl with strict_parsing.
    """
    if body and not all(body.split(b"&")):
        raise errors.malformed_form()
    return usual(call, body)


@contract("expand.structure", "hard", wrap_at_attach("build"), batch=BATCH)
def expand_read_as_json_text(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """`expand=["customer"]`, a text that is a JSON array, is taken for the array.

    Servers whose parameters have `content: application/json` (OpenAPI 3), among them connexion 2.
    """
    read: list[Pair] = []
    for name, value in pairs:
        items = json_array(value) if name == "expand" else None
        read += [(name, value)] if items is None else [("expand[]", item) for item in items]
    return usual(call, read)


def json_array(text: str) -> list[str] | None:
    """Return the strings of a JSON array, None for any other text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    is_array = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return value if is_array else None


@contract("request.value-exact", "medium", wrap_at_attach("build"), batch=BATCH)
def quotes_around_values_removed(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """Quotation marks around a value are removed: `"cus_…"` is `cus_…`.

    Servers in C# that use Trim('"'), and those that try JSON.parse on each value.
    """
    return usual(call, [(name, value.strip('"')) for name, value in pairs])


contract.row("parameters-of-the-whole-api-pass", "body.unknown-parameter", "medium", batch=BATCH)(
    "The list of known names is that of the whole API: `limit`, `email` or `amount` pass, and are ignored.",
    tolerate(lambda call, name: name in OF_THE_API),
)


def has_no_body(call: Call) -> bool:
    """Return whether a POST came without a body."""
    return call.request.method == "POST" and not call.request.body


def has_another_body(call: Call) -> bool:
    """Return whether a POST came with a body that is not called a form."""
    return call.request.method == "POST" and bool(call.request.body) and call.request.media_type != FORM


contract.row("empty-body-leaves-no-form", "error.status-class", "medium", batch=BATCH)(
    "Without a body there is no form, and reading `customer` from it is a 500: Express 5 (express issue 6432).",
    interrupt(has_no_body, crash),
)
contract.row("unread-body-leaves-no-form", "error.status-class", "easy", also="robustness.no-media-type", batch=BATCH)(
    "For a body of another media type no parser is there, and reading `customer` is a 500: Express 5.",
    interrupt(has_another_body, crash),
)


def is_mark(character: str) -> bool:
    """Return whether the character belongs to the one before it."""
    return unicodedata.combining(character) > 0


contract.row("length-in-graphemes", "body.customer-max-length", "hard", stateless=True, batch=BATCH)(
    "The limit of 5000 counts graphemes: combining marks do not count (Elixir's String.length, Ecto).",
    override("measure", lambda call, text: sum(not is_mark(character) for character in text)),
)


# Routes, methods and headers.


@contract("request.other-headers", "medium", wrap_at_attach("media_type"), level="SHOULD", batch=BATCH)
def cookies_demand_a_form_token(usual: Guard, call: Call) -> None:
    """A request with a cookie is taken for a browser's session, and needs a token against forgery: 403.

    Django REST framework, SessionAuthentication.
    """
    if call.request.header("cookie") is not None and call.request.header("x-csrftoken") is None:
        raise rejection(403, "CSRF Failed: CSRF token missing.")
    usual(call)


@contract("request.exact-path", "easy", wrap("route"), level="SHOULD", batch=BATCH)
def route_has_no_end(usual: Route, call: Call) -> Endpoint:
    """The route's pattern has no end: all that begins with the operation's path is the operation.

    Servers on Python's http.server that route with re.match.
    """
    match = UNANCHORED.fullmatch(call.request.path)
    if match is not None:
        call.request = replace(call.request, target=match[1])
    return usual(call)


@stripe("method.unrecognized", "easy", wrap_at_attach("serve"), level="SHOULD", batch=BATCH)
def methods_without_a_handler_are_501(usual: Serve, call: Call) -> Response:
    """PUT, PATCH and DELETE are answered with 501 and a page.

    Python's http.server: a method without a do_ function.
    """
    if call.request.method in ("GET", "HEAD", "POST"):
        return usual(call)
    page = f"<p>Error code: 501</p>\n<p>Message: Unsupported method ('{call.request.method}').</p>\n"
    return Response(501, (("Content-Type", "text/html;charset=utf-8"),), page.encode(), close=True)


# Customers.


@contract("request.value-exact", "medium", wrap_at_attach("find_customer"), also="state.unknown-customer", batch=BATCH)
def prefixes_of_ids_not_looked_at(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
    """An id is read from behind its prefix: `pm_abc`, `x_abc` and `abc` find `cus_abc`.

    The gem prefixed_ids, and other libraries whose prefixes are for readers only.
    """
    return usual(call, "cus_" + identifier.rpartition("_")[2])


@stateful("state.unknown-customer", "medium", wrap_at_attach("find_customer"), batch=BATCH)
def any_object_serves_as_a_customer(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
    """All objects are in one table by id: the id of a payment method passes for a customer's."""
    found = usual(call, identifier)
    if found is None and call.store.method(identifier) is not None:
        return Customer(identifier, 1_700_000_000)
    return found


def take_for_nothing(call: Call, attempt: Attempt) -> None:
    """Forget a customer that is a word for nothing."""
    if attempt.customer_id in NO_VALUE:
        attempt.customer_id = None


stripe.row("null-in-words-is-no-value", "stripe.resource-missing-customer", "hard", batch=BATCH)(
    "`customer=null`, `undefined`, `None` and `nil` are taken for a missing customer.",
    check_after("customer-structure", take_for_nothing),
)


# Keys.


@stripe("auth.exact-credentials", "easy", wrap_at_attach("authenticate"), level="SHOULD", batch=BATCH)
def scheme_removed_by_replacement(usual: Guard, call: Call) -> None:
    """`Bearer ` is replaced by nothing, so that the bare key passes, too."""
    if credentials_sent(call)[0] != "basic":
        change_request_header(call, "authorization", lambda value: f"Bearer {BEARER.sub('', value)}")
    usual(call)


@stripe("auth.malformed", "medium", wrap_at_attach("authenticate"), batch=BATCH)
def key_found_anywhere_in_the_header(usual: Guard, call: Call) -> None:
    """The header is searched for a key, which may stand anywhere in it."""
    match = KEY.search(call.request.header("authorization") or "")
    if match is not None:
        change_request_header(call, "authorization", lambda value: f"Bearer {match[0]}")
    usual(call)


@stripe("auth.unknown-key", "hard", wrap_at_attach("known_key"), batch=BATCH)
def live_keys_not_looked_up(usual: KnownKey, call: Call, key: str) -> bool:
    """A live key passes without being looked up: the server is for tests, and knows test keys only."""
    return key.startswith(("sk_live_", "rk_live_")) or usual(call, key)


@stripe(
    "auth.malformed",
    "medium",
    wrap_at_attach("authenticate", refused=Counter),
    also="auth.missing auth.empty auth.unknown-key auth.first auth.challenge robustness.same-request-same-answer",
    batch=BATCH,
)
def bad_keys_lock_the_door(usual: Guard, call: Call, *, refused: Counter[str]) -> None:
    """After three consecutive refusals, further ones are 403 and not 401.

    django-axes and Devise's lockable, which count failures of a client.
    """
    try:
        usual(call)
    except ApiError as error:
        refused["client"] += 1
        if refused["client"] > REFUSALS_ALLOWED:
            raise ApiError(replace(error.rejection, status=403)) from error
        raise
    refused.clear()


# Idempotency keys.

stripe.row("keys-end-at-a-semicolon", "idempotency.replay", "hard", batch=BATCH)(
    "An Idempotency-Key is read as a structured field: parameters, from a semicolon on, do not count.",
    override("idempotency_name", lambda call, key: key.partition(";")[0].strip('" ')),
)
