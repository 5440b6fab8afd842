"""When two answers are the same: status, type, code and param of refusals, `customer` of successes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from conformance.evidence.exchange import Exchange

NO_ANSWER = "no answer"
"""What stands first in the class of an answer that did not come."""

SENT = "the one sent"


def are_same(exchange: Exchange, control: Exchange) -> bool:
    """Whether an answer is the same as the control's.

    The `customer` of a success counts as what it is to the request (the one sent, another, an object), since two
    requests may name two customers. Where the control itself shows another than the one sent, it tells nothing: a
    server that makes its answers up gives another one each time, whatever it is asked.
    """
    if exchange.is_success and control.is_success and not customer_shown(control).endswith(SENT):
        return True
    return signature(exchange) == signature(control)


def signature(exchange: Exchange) -> tuple[Hashable, ...]:
    """What an answer is compared by; with which status a success comes is response.status's affair."""
    if exchange.is_success:
        return ("success", customer_shown(exchange))
    error = exchange.error
    return ("refusal", exchange.status, *(_hashable(error.get(name)) for name in ("type", "code", "param")))


def answer_class(exchange: Exchange) -> tuple[Hashable, ...]:
    """The coarser class of an answer that must stay the same when the same kind of request is sent many times."""
    if not exchange.answered:
        return (NO_ANSWER, exchange.failure or exchange.status)
    if exchange.is_success:
        return ("success",)
    return signature(exchange)


def differing_member(exchange: Exchange, other: Exchange) -> str:
    """Where two signatures differ, in words."""
    if exchange.is_success and other.is_success:
        return f"`customer` is {customer_shown(exchange)} there and {customer_shown(other)} here"
    for name in ("type", "code", "param"):
        if exchange.status == other.status and exchange.error.get(name) != other.error.get(name):
            return f"{name} {exchange.error.get(name)!r} there and {other.error.get(name)!r} here"
    return f"{exchange.status} there and {other.status} here"


def first_lacking(body: Mapping[str, Any], other: Mapping[str, Any], *, everywhere: bool) -> str:
    """The path of the first member that `other` has and `body` has not; empty where there is none.

    With `everywhere` the members of hashes count, too; `metadata` and `customer` are anybody's.
    """
    for name in sorted(other):
        if name not in body:
            return name
        inner, others = body[name], other[name]
        is_compared = everywhere and name not in ("metadata", "customer")
        if not is_compared or not isinstance(inner, dict) or not isinstance(others, dict):
            continue
        if lacking := first_lacking(inner, others, everywhere=True):
            return f"{name}.{lacking}"
    return ""


def customer_shown(exchange: Exchange) -> str:
    """What a success's `customer` is to the request, in words."""
    if not exchange.json.found:
        return "unreadable"
    sent = exchange.sent_values("customer")
    customer: Any = exchange.object.get("customer", "absent")
    if isinstance(customer, dict):
        return f"an object of {SENT}" if customer.get("id") in sent else "an object of another"
    if customer in sent:
        return SENT
    return "null" if customer is None else "another"


def _hashable(value: Any) -> Hashable:
    return value if isinstance(value, Hashable) else repr(value)
