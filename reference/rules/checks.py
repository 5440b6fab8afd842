"""The checks before attaching, one small function each; `checks` returns them in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..objects import cards
from ..objects.store import StatelessStore, new_card
from . import errors, expansion

if TYPE_CHECKING:
    from ..behaviour import Check
    from ..call import Call
    from ..objects.models import Customer, PaymentMethod
    from .attach import Attempt

KNOWN = ("customer", "expand")


def unknown_parameters(call: Call, attempt: Attempt) -> None:
    """Check that there are no parameters but `customer` and `expand`."""
    names = [str(name) for name in call.parameters.tree if name not in KNOWN]
    if names:
        raise errors.unknown_parameters(names)


def customer_structure(call: Call, attempt: Attempt) -> None:
    """Check that `customer` is a string."""
    value = call.parameters.tree.get("customer")
    if isinstance(value, dict):
        raise errors.invalid_string("customer", value)
    attempt.customer_id = value


def expand_structure(call: Call, attempt: Attempt) -> None:
    """Check that `expand` is an array of strings."""
    expansion.check_structure(call.parameters.tree)
    attempt.expand = call.parameters.items("expand")


def customer_length(call: Call, attempt: Attempt) -> None:
    """Check that `customer` has at most 5000 characters."""
    step = call.behaviour
    if attempt.customer_id is not None and step.measure(call, attempt.customer_id) > step.limit:
        raise errors.too_long("customer", attempt.customer_id, step.limit)


def expand_length(call: Call, attempt: Attempt) -> None:
    """Check that the items of `expand` have at most 5000 characters."""
    expansion.check_lengths(call, attempt.expand)


def customer_empty(call: Call, attempt: Attempt) -> None:
    """Check that `customer` is not empty: it cannot be unset."""
    if attempt.customer_id == "":
        raise errors.empty_parameter("customer")


def expand_paths(call: Call, attempt: Attempt) -> None:
    """Check that the paths of `expand` can be expanded."""
    expansion.check_paths(call, attempt.expand, expansion.OF_PAYMENT_METHOD)


def payment_method_exists(call: Call, attempt: Attempt) -> None:
    """Check that the id in the path is a payment method's."""
    attempt.payment_method = call.behaviour.find_payment_method(call, attempt.payment_method_id)
    if attempt.payment_method is None:
        raise errors.no_such("PaymentMethod", attempt.payment_method_id, "payment_method", 404)


def customer_given(call: Call, attempt: Attempt) -> None:
    """Check that there is a `customer`."""
    if attempt.customer_id is None:
        raise errors.missing_customer()


def customer_exists(call: Call, attempt: Attempt) -> None:
    """Check that the customer exists and is not deleted."""
    identifier = attempt.customer_id or ""
    customer = call.behaviour.find_customer(call, identifier)
    if customer is None:
        raise errors.no_such("customer", identifier, "customer", 400)
    attempt.customer = customer


def not_another_customers(call: Call, attempt: Attempt) -> None:
    """Check that the payment method is attached to no other customer."""
    owner = attempt.method.customer
    if owner is not None and owner != attempt.owner.id:
        raise errors.already_attached()


def not_detached(call: Call, attempt: Attempt) -> None:
    """Check that the payment method was never detached."""
    if attempt.method.detached:
        raise errors.used_up()


def not_declined(call: Call, attempt: Attempt) -> None:
    """Check that the card is not one of those that are declined."""
    card = attempt.method.card
    if card is not None and card.decline is not None:
        decline = card.decline
        raise errors.declined(decline.decline_code, decline.code, decline.message, decline.param)


def checks() -> dict[str, Check]:
    """Return the checks by name, in order."""
    return {
        "unknown-parameters": unknown_parameters,
        "customer-structure": customer_structure,
        "expand-structure": expand_structure,
        "customer-length": customer_length,
        "expand-length": expand_length,
        "customer-empty": customer_empty,
        "expand-paths": expand_paths,
        "payment-method": payment_method_exists,
        "customer-given": customer_given,
        "customer": customer_exists,
        "not-another-customers": not_another_customers,
        "not-detached": not_detached,
        "not-declined": not_declined,
    }


def find_payment_method(call: Call, identifier: str) -> PaymentMethod | None:
    """Return the payment method of exactly that id; a shared test id stands for a new one each time."""
    shared = cards.by_shared_id(identifier)
    if shared is not None and not isinstance(call.store, StatelessStore):
        return new_card(shared, call.behaviour.new_id("pm_"))
    return call.store.method(identifier)


def find_customer(call: Call, identifier: str) -> Customer | None:
    """Return the customer of exactly that id, unless deleted."""
    return call.store.live_customer(identifier)
