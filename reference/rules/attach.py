"""`POST /v1/payment_methods/{payment_method}/attach`: ask the rules, do it, show it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from ..wire.values import Answer

if TYPE_CHECKING:
    from ..call import Call
    from ..objects.models import Customer, PaymentMethod


class Attempt:
    """One request to attach, and what the checks have learned about it."""

    def __init__(self, payment_method_id: str) -> None:
        self.payment_method_id = payment_method_id
        self.customer_id: str | None = None
        self.expand: list[str] = []
        self.payment_method: PaymentMethod | None = None
        self.customer: Customer | None = None

    @property
    def method(self) -> PaymentMethod:
        """The payment method; only used after it was found."""
        assert self.payment_method is not None
        return self.payment_method

    @property
    def owner(self) -> Customer:
        """The customer; only used after it was found."""
        assert self.customer is not None
        return self.customer


def endpoint(call: Call) -> Answer:
    """Make the checks, attach, and answer."""
    step = call.behaviour
    attempt = Attempt(call.arguments[0])
    with step.transaction(call):
        for check in tuple(step.checks.values()):
            check(call, attempt)
        return step.attached(call, attempt, step.attach(call, attempt))


def transaction(call: Call) -> AbstractContextManager[Any]:
    """Return a lock on all stored objects, from the first check to the answer."""
    return call.store.lock


def attach(call: Call, attempt: Attempt) -> PaymentMethod:
    """Make the payment method the customer's."""
    return call.store.attach(attempt.method, attempt.owner.id)


def attached(call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
    """Return the payment method, expanded as the request asks."""
    payload = call.behaviour.payment_method_json(call, method)
    call.behaviour.expand(call, payload, attempt.expand)
    return Answer(200, payload)
