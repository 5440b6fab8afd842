"""Mistakes in what is saved with a payment method, and in what is read of it."""

from __future__ import annotations

import time
from dataclasses import replace

from ..behaviour import Attach, Behaviour, Check, Detach, ListMethods, ShowMethod
from ..call import Call
from ..changes import apply, wrap, wrap_check
from ..objects.models import PaymentMethod
from ..rules.attach import Attempt
from ..rules.errors import ApiError
from ..wire.values import Json
from .eighth_field_handlers import BATCH
from .fifth_field_state import method_retrieved
from .registry import Topic

stateful = Topic("stateful")
stripe = Topic("stripe")

PROJECTING = 0.1
"""How long it takes until an event is in what is read, in seconds."""


# Declined cards.


@stripe("stripe.card-declined", "hard", batch=BATCH)
def declined_update_is_committed_later(b: Behaviour) -> None:
    """A declined attach is neither committed nor rolled back: the next attach commits it.

    node-postgres: BEGIN, UPDATE, an exception, and `client.release()` without a ROLLBACK.
    """
    open_updates: list[tuple[str, str]] = []

    @apply(b, wrap_check("not-declined"))
    def not_declined(usual: Check, call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError:
            open_updates.append((attempt.method.id, attempt.owner.id))
            raise

    @apply(b, wrap("attach"))
    def attach(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        for identifier, customer in open_updates:
            method = call.store.method(identifier)
            if method is not None and method.customer is None:
                call.store.attach(method, customer)
        open_updates.clear()
        return usual(call, attempt)


@stripe("stripe.card-declined", "medium", wrap_check("not-declined"), batch=BATCH)
def declined_method_is_destroyed(usual: Check, call: Call, attempt: Attempt) -> None:
    """A payment method whose card is declined is deleted: retrieving it is 404.

    Callbacks that clean up: `rescue CardError; payment_method.destroy`.
    """
    try:
        usual(call, attempt)
    except ApiError:
        call.store.methods.pop(attempt.method.id, None)
        raise


# Saving the customer, and what else it has.


@stateful("state.only-this-one", "medium", wrap("attach"), batch=BATCH)
def customer_saved_without_its_address(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """Attaching saves the customer, and its address, which is in a relation that was not loaded, becomes null.

    TypeORM's `save` of a partial entity, JPA's merge with `orphanRemoval`, `update(**dto.dict())` of Pydantic.
    """
    method = usual(call, attempt)
    call.store.put_customer(replace(attempt.owner, address=None))
    return method


@stateful("state.only-this-one", "hard", wrap("attach"), batch=BATCH)
def customer_saved_with_its_email_in_lower_case(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """Attaching saves the customer, whose e-mail address a callback makes lower-case.

    `before_save { email.downcase! }` of Rails, `lowercase: true` of Mongoose.
    """
    method = usual(call, attempt)
    email = attempt.owner.details.get("email")
    if email is not None:
        details = {**attempt.owner.details, "email": email.lower()}
        call.store.put_customer(replace(attempt.owner, details=details))
    return method


@stateful("state.only-this-one", "medium", wrap("attach"), batch=BATCH)
def billing_address_becomes_the_customers(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """A customer without an address is given the one in the payment method's billing details.

    Shops that fill in profiles: `customer.address ??= method.billing_details.address`.
    """
    method = usual(call, attempt)
    address = method.billing_details.get("address")
    if attempt.owner.address is None and address:
        call.store.put_customer(replace(attempt.owner, address=address))
    return method


@stateful("state.only-this-one", "medium", wrap("attach"), batch=BATCH)
def earlier_ones_are_not_shown_again(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """Attaching sets `allow_redisplay` of the customer's earlier payment methods to `limited`.

    Callbacks that keep one of several flagged: `customer.payment_methods.update_all(preferred: false)`.
    """
    for earlier in call.store.methods_of(attempt.owner.id):
        if earlier.id != attempt.method.id:
            call.store.put_method(replace(earlier, allow_redisplay="limited"))
    return usual(call, attempt)


# Reading.


@stateful("state.detach", "medium", batch=BATCH)
def detachment_is_projected_later(b: Behaviour) -> None:
    """For a tenth of a second after a detach, retrieving still shows the customer: a projection is behind.

    Event sourcing and CQRS: Axon, EventStoreDB, Marten's asynchronous projections.
    """
    before: dict[str, tuple[float, PaymentMethod]] = {}

    @apply(b, wrap("detach"))
    def detach(usual: Detach, call: Call, method: PaymentMethod) -> PaymentMethod:
        before[method.id] = time.monotonic() + PROJECTING, method
        return usual(call, method)

    @apply(b, wrap("payment_method_json"))
    def payment_method_json(usual: ShowMethod, call: Call, method: PaymentMethod) -> Json:
        due, attached = before.get(method.id, (0.0, method))
        is_behind = method_retrieved(call) is not None and time.monotonic() < due
        return usual(call, attached if is_behind else method)


@stateful("state.listed", "medium", wrap("methods_of"), batch=BATCH)
def list_by_type_is_everybodys(usual: ListMethods, call: Call, customer: str) -> list[PaymentMethod]:
    """The list with `customer` and `type` shows the payment methods of all customers: the filters exclude another.

    `if type: query = Method.filter(type=type) elif customer: query = Method.filter(customer=customer)`.
    """
    if call.parameters.text("type") is None or call.request.path != "/v1/payment_methods":
        return usual(call, customer)
    return [method for method in reversed(call.store.methods.values()) if method.customer is not None]
