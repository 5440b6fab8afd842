"""Responses in words, and comparisons of two responses or of two representations of one object."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from email.message import Message
from enum import StrEnum
from typing import Any

from conformance.evidence.exchange import Exchange, customer_id, is_part
from contracts import Contract

RESOURCE_MISSING = "resource_missing"

NO_ANSWER = "no answer"
"""The first part of the class of a response that did not come."""


class Shown(StrEnum):
    """The relation of a success's `customer` to the request."""

    SENT_ID = "the id that was sent"
    SENT_OBJECT = "an object with the id that was sent"
    OTHER_OBJECT = "an object with another id"
    OTHER = "another value"
    NULL = "null"
    UNREADABLE = "unreadable"


OF_SENT = frozenset({Shown.SENT_ID, Shown.SENT_OBJECT})

CHECKS = "card.checks"
"""The results of a card's checks, which an attach may change."""

OF_A_PAYMENT_METHOD = frozenset({CHECKS})
OF_A_CUSTOMER = frozenset({"sources", "subscriptions", "tax", "tax_ids"})
"""Members that are no property of the object itself, but lists or results that belong to other operations.

Where a customer is taxed may follow from the address of a payment method: that is a `source` of `tax.location`.
"""

_PREFIX = "#/components/schemas/"

# responses in words


def describe_refusal(exchange: Exchange) -> str:
    """Return status, type, code and param of a rejection, those that it has."""
    members = [f"{name} {exchange.error[name]}" for name in ("type", "code", "param") if exchange.error.get(name)]
    return ", ".join([str(exchange.status), *members])


def describe_answer(exchange: Exchange) -> str:
    """Return the status of a success, the error of a rejection, or the failure where no response came."""
    if exchange.status is None:
        return exchange.failure
    return f"{exchange.status}" if exchange.is_success else describe_refusal(exchange)


LONGEST_SHOWN = 60
"""The most characters of a value that are shown."""


def shorten(value: Any, limit: int = LONGEST_SHOWN) -> str:
    """Return the value as Python writes it, cut after `limit` characters."""
    text = repr(value)
    return text if len(text) <= limit else text[:limit] + "…"


def shorten_or_null(value: Any, limit: int = LONGEST_SHOWN) -> str:
    """Return the value as `shorten` does, and `null or absent` for None."""
    return "null or absent" if value is None else shorten(value, limit)


def repr_or_absent(value: Any) -> str:
    """Return the value as Python writes it, and `absent` for None."""
    return "absent" if value is None else repr(value)


def member_shown(body: Mapping[str, Any], name: str) -> str:
    """Return a member of an object as `shorten` does, and `null` or `absent` where it has no value."""
    value = body.get(name)
    if value is None:
        return "null" if name in body else "absent"
    return shorten(value)


def media_type(exchange: Exchange) -> str:
    """Return the media type of a response without parameters, in lower case; empty when it has none."""
    content_type = exchange.header("Content-Type")
    if not content_type:
        return ""
    message = Message()
    message["Content-Type"] = content_type
    return message.get_content_type()


def says_json(exchange: Exchange) -> bool:
    """Return whether the Content-Type of a response is a JSON type."""
    return media_type(exchange) in ("application/json", "text/json") or media_type(exchange).endswith("+json")


# two responses


def are_same(exchange: Exchange, control: Exchange) -> bool:
    """Return whether a response is the same as the control's.

    The `customer` of a success is compared by its relation to the request (the one sent, another, an object), since two
    requests may name two customers. Where the control shows another than the one sent, `customer` is not compared: a
    server that makes its responses up gives another one each time.
    """
    if exchange.is_success and control.is_success and customer_shown(control) not in OF_SENT:
        return True
    return signature(exchange) == signature(control)


def signature(exchange: Exchange) -> tuple[Hashable, ...]:
    """Return what a response is compared by; response.status alone judges the status of a success."""
    if exchange.is_success:
        return ("success", customer_shown(exchange))
    error = exchange.error
    return ("refusal", exchange.status, *(_hashable(error.get(name)) for name in ("type", "code", "param")))


def says_unknown_customer(exchange: Exchange) -> bool:
    """Return whether a response rejects the customer as one that does not exist, and not for its length or form."""
    error = exchange.error
    is_missing = exchange.is_refusal and error.get("code") == RESOURCE_MISSING
    return is_missing and error.get("param") in (None, "", "customer")


def answer_class(exchange: Exchange) -> tuple[Hashable, ...]:
    """Return the coarser class of a response, which stays the same when the same kind of request is sent many times."""
    if not exchange.answered:
        return (NO_ANSWER, exchange.failure or exchange.status)
    if exchange.is_success:
        return ("success",)
    return signature(exchange)


def describe_difference(exchange: Exchange, control: Exchange) -> str:
    """Return where the signatures of a response and of the control's differ, in words."""
    if exchange.is_success and control.is_success and not is_part(exchange):
        return f"`customer` is {customer_shown(exchange)}, but the control request got {customer_shown(control)}"
    for name in ("type", "code", "param"):
        shown, wanted = exchange.error.get(name), control.error.get(name)
        if exchange.status == control.status and shown != wanted:
            before = member_shown(control.error, name)
            return f"the error's {name} is {member_shown(exchange.error, name)}, but the control request got {before}"
    return f"answered {exchange.status}, but the control request got {control.status}"


def customer_shown(exchange: Exchange) -> Shown:
    """Return the relation of a success's `customer` to the request."""
    if not exchange.json.found:
        return Shown.UNREADABLE
    is_sent = customer_id(exchange) in exchange.sent_values("customer")
    if isinstance(exchange.object.get("customer"), dict):
        return Shown.SENT_OBJECT if is_sent else Shown.OTHER_OBJECT
    if is_sent:
        return Shown.SENT_ID
    is_null = exchange.object.get("customer", "absent") is None
    return Shown.NULL if is_null else Shown.OTHER


def _hashable(value: Any) -> Hashable:
    return value if isinstance(value, Hashable) else repr(value)


# two representations of one object


def first_lacking(body: Mapping[str, Any], other: Mapping[str, Any], contract: Contract) -> str:
    """Return the path of the first member that payment method `other` has and `body` lacks; empty when there is none.

    A member that is null is none. The members of hashes that the contract describes count, too, but not those of
    `metadata` and `customer`. The keys of any other hash may be data, such as ids.
    """
    schemas: Mapping[str, Any] = contract.document["components"]["schemas"]
    return _first_lacking(body, other, schemas["payment_method"], schemas)


def _first_lacking(
    body: Mapping[str, Any], other: Mapping[str, Any], schema: Mapping[str, Any], schemas: Mapping[str, Any]
) -> str:
    described = _followed(schema, schemas).get("properties", {})
    for name in sorted(other):
        if name not in body and other[name] is not None:
            return name
        inner, others = body.get(name), other[name]
        is_described = "properties" in _followed(described.get(name, {}), schemas)
        is_compared = is_described and name not in ("metadata", "customer")
        if is_compared and isinstance(inner, dict) and isinstance(others, dict):
            lacking = _first_lacking(inner, others, described[name], schemas)
            if lacking:
                return f"{name}.{lacking}"
    return ""


def _followed(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema that a reference leads to; any other schema as it is."""
    while "$ref" in schema:
        schema = schemas[str(schema["$ref"]).removeprefix(_PREFIX)]
    return schema


def difference(
    before: Mapping[str, Any], after: Mapping[str, Any], contract: Contract, schema: str, ignoring: Collection[str] = ()
) -> str:
    """Return the first field of the contract in which the two differ, with both values, in words; empty for none.

    `schema` names the contract's schema of both; `ignoring` holds paths with dots. A field that is null and one that is
    absent are the same, since extra members, nulls among them, are legal everywhere.
    """
    schemas: Mapping[str, Any] = contract.document["components"]["schemas"]
    return _difference(before, after, schemas[schema], schemas, ignoring, "")


def _difference(
    before: Any, after: Any, schema: Mapping[str, Any], schemas: Mapping[str, Any], ignoring: Collection[str], path: str
) -> str:
    if path in ignoring:
        return ""
    properties = _followed(schema, schemas).get("properties")
    if properties and isinstance(before if after is None else after, dict):
        before, after = ({} if side is None else side for side in (before, after))
    if not properties or not isinstance(before, dict) or not isinstance(after, dict):
        return "" if before == after else _describe_change(path, before, after)
    found = (
        _difference(before.get(name), after.get(name), inner, schemas, ignoring, f"{path}.{name}".lstrip("."))
        for name, inner in properties.items()
    )
    return next(filter(None, found), "")


def _describe_change(path: str, before: Any, after: Any) -> str:
    """Return how a value has changed, in words: of two maps the first entry that differs, of long texts the place."""
    if isinstance(before, dict) and isinstance(after, dict):
        name = next((name for name in {**before, **after} if before.get(name) != after.get(name)), None)
        if name is not None:
            return _describe_change(f"{path}.{name}", before.get(name), after.get(name))
    if isinstance(before, str) and isinstance(after, str) and max(len(before), len(after)) > LONGEST_SHOWN:
        if len(before) != len(after):
            return f"`{path}` had {len(before)} characters and has {len(after)}"
        start = next(place for place, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1])
        before, after = before[start:], after[start:]
        return f"`{path}` was {shorten(before)} and is {shorten(after)} from character {start + 1} on"
    return f"`{path}` was {shorten_or_null(before)} and is {shorten_or_null(after)}"
