"""Seeded defects: which parameters there are, and what they may be."""

from __future__ import annotations

from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call
from ...objects import PaymentMethod
from ..registry import Chapter
from ..tools import expands

seed = Chapter("body", "contract")
ID_LENGTH = 28


@seed("body.customer-required", "medium", also=("stripe.parameter-missing", "state.refusal-changes-nothing"))
def last_customer_is_remembered(b: Behaviour) -> None:
    """A body with `expand` but no `customer` attaches to the customer that was last attached to."""
    last: list[str] = []

    def structure(call: Call, attempt: Attempt) -> None:
        usual_check(call, attempt)
        if attempt.customer_id is None and last and expands(call):
            attempt.customer_id = last[-1]

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        last[:] = [attempt.owner.id]
        return usual_attach(call, attempt)

    usual_check, usual_attach = b.checks["customer-structure"], b.attach
    b.checks["customer-structure"], b.attach = structure, attach


@seed("body.customer-max-length", "hard", also=("request.value-exact", "state.unknown-customer", "stripe.too-long"))
def long_customer_is_cut(b: Behaviour) -> None:
    """A `customer` of more than 5000 characters is cut to the length of an id instead of refused."""

    def length(call: Call, attempt: Attempt) -> None:
        if attempt.customer_id is not None and len(attempt.customer_id) > call.behaviour.limit:
            attempt.customer_id = attempt.customer_id[:ID_LENGTH]
        usual(call, attempt)

    usual = b.checks["customer-length"]
    b.checks["customer-length"] = length
