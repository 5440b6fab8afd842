"""The clauses about a success's body, judged on every successful answer to a valid request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote

from conformance.evidence.exchange import Exchange, asks_to_expand
from contracts import Contract, SchemaViolation
from strategies.attempt import PATH_PREFIX, PATH_SUFFIX

Broken = tuple[str, str]

SECONDS_A_DAY = 86_400
LATEST_CREATED = 10**11
CARD_DATA_KEYS = frozenset({"number", "cvc"})
CARD_NUMBERS = (
    "4242424242424242",
    "4000056655665556",
    "5555555555554444",
    "378282246310005",
    "4000000000000002",
)
SHARED_TOKEN_PREFIX = "pm_card_"

_OWNED_AT_TOP = frozenset({"object", "id", "customer", "created", "livemode", "metadata", "billing_details"})
_OWNED_THROUGHOUT = frozenset({"customer", "metadata"})


def broken_success_clauses(
    exchange: Exchange, contract: Contract, *, test_key: bool, created_as: str = "", whole: bool = False
) -> Iterator[Broken]:
    """Every clause of the chapter `response` that this 2xx answer to a valid request breaks.

    `created_as` is the type with which the suite made the payment method, empty when it did not. Of an expanded answer
    only status and object are looked at, the rest being for expand.inlined to see, unless it is to be taken `whole`.
    """
    if exchange.status != 200:
        yield "response.status", f"a success is answered {exchange.status}"
    if exchange.body is None or not exchange.json.found:
        return
    body = exchange.json.value
    if not isinstance(body, dict):
        yield "response.object", f"the body is {_kind(body)}, no object"
        return
    if body.get("object") != "payment_method":
        yield "response.object", f"`object` is {body.get('object', 'absent')!r}"
        return
    if asks_to_expand(exchange) and not whole:
        return
    yield from _broken_identity(exchange, body)
    yield from _broken_created(exchange, body)
    if body.get("livemode") is not False and (test_key or not isinstance(body.get("livemode"), bool)):
        yield "response.livemode", f"`livemode` is {body.get('livemode', 'absent')!r} for a test key"
    if not _is_metadata(body.get("metadata")):
        yield "response.metadata", f"`metadata` is {body['metadata']!r}"
    if not isinstance(body.get("billing_details"), dict):
        yield "response.billing-details", f"`billing_details` is {body.get('billing_details', 'absent')!r}"
    kind = body.get("type")
    if isinstance(kind, str) and not isinstance(body.get(kind), dict):
        yield "response.type-hash", f"`type` is {kind!r} and `{kind}` is {body.get(kind, 'absent')!r}"
    if created_as and isinstance(kind, str) and kind != created_as:
        yield "response.schema", f"`type` is {kind!r} for a payment method of type {created_as!r}"
        return
    for violation in contract.payment_method.violations(body):
        if not _is_owned(violation, kind, body):
            yield "response.schema", str(violation)
            break
    if where := card_data_in(body):
        yield "response.no-card-data", where


def sent_payment_method(exchange: Exchange) -> str:
    """The payment method's id in the path of the request."""
    path = exchange.request.target.partition("?")[0]
    return unquote(path.removeprefix(PATH_PREFIX).removesuffix(PATH_SUFFIX))


def _broken_identity(exchange: Exchange, body: Mapping[str, Any]) -> Iterator[Broken]:
    wanted, got = sent_payment_method(exchange), body.get("id")
    if wanted.startswith(SHARED_TOKEN_PREFIX):
        if not isinstance(got, str) or not got.startswith("pm_"):
            yield "response.id", f"`id` is {got!r}, not a new one for the shared token {wanted}"
    elif got != wanted:
        yield "response.id", f"`id` is {got!r}, not the one in the path"
    sent = exchange.sent_values("customer")
    if asks_to_expand(exchange) or len(sent) != 1:
        return
    customer = body.get("customer", "absent")
    if isinstance(customer, dict) and customer.get("id") == sent[0]:
        yield "expand.not-expanded", "without expand, `customer` is an object"
    elif customer != sent[0]:
        yield "response.customer", f"`customer` is {_short(customer)}, not the one that was sent"


def _broken_created(exchange: Exchange, body: Mapping[str, Any]) -> Iterator[Broken]:
    created = body.get("created")
    if isinstance(created, bool) or not isinstance(created, int | float) or created % 1:
        yield "response.created", f"`created` is {body.get('created', 'absent')!r}, no integer"
    elif created >= LATEST_CREATED:
        yield "response.created", f"`created` is {created}: not in seconds"
    elif (answered := _answer_time(exchange)) and created > answered + SECONDS_A_DAY:
        yield "response.created", f"`created` is {created}, more than a day after the answer ({answered:.0f})"


def _answer_time(exchange: Exchange) -> float:
    date = exchange.header("Date")
    try:
        return parsedate_to_datetime(date).timestamp() if date else exchange.received
    except (ValueError, TypeError, OverflowError, LookupError, OSError):  # a date may be any text, and any number
        return exchange.received


def _is_metadata(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and all(isinstance(item, str) for item in value.values()))


def _is_owned(violation: SchemaViolation, kind: Any, body: Mapping[str, Any]) -> bool:
    """Whether a clause of its own speaks of this place."""
    path = violation.path
    if not path:
        return any(violation.message.startswith(f'"{name}" is a required') for name in _OWNED_AT_TOP)
    if path[0] in _OWNED_THROUGHOUT:
        return True
    is_whole_member = len(path) == 1 and not isinstance(body.get(str(path[0])), dict)
    return is_whole_member and (path[0] in _OWNED_AT_TOP or path[0] == kind)


def card_data_in(value: Any, path: str = "") -> str:
    """Where in a decoded JSON value card data stands, in words; empty when nowhere."""
    if isinstance(value, dict):
        for key, item in value.items():
            here = f"{path}.{key}".lstrip(".")
            if key == "metadata":
                continue
            if key in CARD_DATA_KEYS and item is not None:
                return f"`{here}` is in the answer"
            if where := card_data_in(item, here):
                return where
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if where := card_data_in(item, f"{path}[{index}]"):
                return where
    elif isinstance(value, str | int):
        digits = str(value).replace(" ", "").replace("-", "")
        if any(number in digits for number in CARD_NUMBERS):
            return f"`{path}` holds a card number"
    return ""


def _kind(value: Any) -> str:
    return {list: "a list", str: "a string", type(None): "null", bool: "a boolean"}.get(type(value), "a number")


def _short(value: Any, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[:limit] + "…"
