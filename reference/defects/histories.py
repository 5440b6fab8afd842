"""Mistakes that need a history: what was done before with the same payment method, customer or key."""

from __future__ import annotations

from dataclasses import replace

from ..attach import Attempt
from ..behaviour import Behaviour
from ..call import Call, Endpoint
from ..errors import ApiError
from ..idempotency import Entry
from ..objects import PaymentMethod
from ..values import Answer
from .registry import Chapter
from .tools import check_first

seed = Chapter("histories of cards and keys", "stripe")
stateful = Chapter("histories of objects", "stateful")

SEEDS = (stateful, seed)


@stateful("state.refusal-changes-nothing", "hard", also=("state.persisted", "state.listed"))
def attach_after_a_refusal_unsaved(b: Behaviour) -> None:
    """The attach that follows a refusal of the same payment method is answered well, and not saved."""
    usual, usual_once = b.attach, b.once
    refused: set[str] = set()

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        if attempt.payment_method_id in refused:
            return replace(attempt.method, customer=attempt.owner.id)
        return usual(call, attempt)

    def once(call: Call, endpoint: Endpoint) -> Answer:
        try:
            return usual_once(call, endpoint)
        except ApiError:
            if call.is_attach:
                refused.add(call.arguments[0])
            raise

    b.attach, b.once = attach, once


@stateful("state.same-object", "medium", also=("response.billing-details",))
def billing_email_filled_in(b: Behaviour) -> None:
    """A payment method without an email takes on that of the customer to whom it is attached."""
    usual = b.attach

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        method = usual(call, attempt)
        email = attempt.owner.details.get("email")
        if email is None or method.billing_details.get("email") is not None:
            return method
        return call.store.put_method(replace(method, billing_details={**method.billing_details, "email": email}))

    b.attach = attach


@stateful("state.refusal-changes-nothing", "hard")
def empty_customer_detaches(b: Behaviour) -> None:
    """An empty `customer` is refused, and takes an attached payment method from its customer all the same."""

    def check(call: Call, attempt: Attempt) -> None:
        method = call.store.method(attempt.payment_method_id)
        if call.parameters.tree.get("customer") == "" and method is not None and method.customer is not None:
            call.store.put_method(replace(method, customer=None))

    check_first(b, "emptied", check)


@seed("idempotency.mismatch", "hard", also=("idempotency.replay",))
def decline_replayed_for_other_parameters(b: Behaviour) -> None:
    """A stored decline is replayed whatever the parameters are; only of a success they are compared."""
    usual = b.idempotency_conflict

    def conflict(call: Call, earlier: Entry) -> str | None:
        is_decline = earlier.answer is not None and earlier.answer.status >= 400
        return None if is_decline and earlier.path == call.request.path else usual(call, earlier)

    b.idempotency_conflict = conflict
