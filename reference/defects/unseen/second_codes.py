"""Stripe's statuses, codes and members, as remembered rather than looked up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call
from ...cards import by_shared_id
from ...errors import Refusal, unknown_parameters
from ...objects import PaymentMethod
from ...rules import KNOWN
from ...values import Json
from ..registry import Chapter
from ..tools import edit_refusals, on_attach, refused, skip_check

seed = Chapter("codes", "stripe")


@seed("stripe.already-attached", "easy")
def already_attached_is_forbidden(b: Behaviour) -> None:
    """A payment method of another customer is refused with 403."""
    edit_refusals(b, ["already-attached"], lambda refusal: replace(refusal, status=403))


@seed("stripe.too-long", "easy", level="SHOULD")
def too_long_is_too_large(b: Behaviour) -> None:
    """A customer of more than 5000 characters is answered with 413 instead of 400."""

    def edit(refusal: Refusal) -> Refusal:
        return replace(refusal, status=413) if refusal.param == "customer" else refusal

    edit_refusals(b, ["too-long"], edit)


@seed("stripe.parameter-unknown", "medium")
def unknown_names_in_alphabetical_order(b: Behaviour) -> None:
    """Unknown names are kept in a sorted set: `param` is the first by the alphabet, not the first sent."""

    def check(call: Call, attempt: Attempt) -> None:
        names = sorted(str(name) for name in call.parameters.tree if name not in KNOWN)
        if names:
            raise unknown_parameters(names)

    b.checks["unknown-parameters"] = check


@seed("stripe.resource-missing-payment-method", "medium")
def ids_without_prefix_are_malformed(b: Behaviour) -> None:
    """An unknown payment method whose id does not begin with `pm_` is 400 parameter_invalid, not 404."""
    usual = b.checks["payment-method"]

    def check(call: Call, attempt: Attempt) -> None:
        if not attempt.payment_method_id.startswith(("pm_", "card_", "src_")):
            raise refused(400, "Invalid payment method id.", "parameter_invalid", "payment_method")
        usual(call, attempt)

    b.checks["payment-method"] = check


@seed("stripe.resource-missing-customer", "medium")
def deleted_customers_have_no_code(b: Behaviour) -> None:
    """A deleted customer is refused with 400 and words of its own, without the code resource_missing."""
    usual = b.checks["customer"]

    def check(call: Call, attempt: Attempt) -> None:
        stored = call.store.customer(attempt.customer_id or "")
        if stored is not None and stored.deleted:
            raise refused(400, "This customer has been deleted.", None, "customer")
        usual(call, attempt)

    b.checks["customer"] = check


@seed("expand.nested-path", "easy")
def expansion_is_two_levels_deep(b: Behaviour) -> None:
    """Of an `expand` path only the first two segments are followed; what comes after them stays an id."""
    usual = b.expand

    def expand(call: Call, payload: Json, items: Sequence[str]) -> None:
        usual(call, payload, [".".join(item.split(".")[:2]) for item in items])

    b.expand = on_attach(usual, expand)


@seed("stripe.detached-reattach", "medium")
def detached_may_return_to_its_customer(b: Behaviour) -> None:
    """A detached payment method is refused by other customers, but its former one can have it back."""
    usual = b.detach
    former: dict[str, str | None] = {}

    def detach(call: Call, method: PaymentMethod) -> PaymentMethod:
        former[method.id] = method.customer
        return usual(call, method)

    b.detach = detach
    skip_check(b, "not-detached", lambda call, attempt: former.get(attempt.method.id) == attempt.owner.id)


@seed("stripe.test-tokens", "hard")
def token_made_once_for_each_customer(b: Behaviour) -> None:
    """A shared test id is made once for each customer: attached again it is the same `pm_`."""
    usual = b.find_payment_method
    made: dict[tuple[str, str], str] = {}

    def find(call: Call, identifier: str) -> PaymentMethod | None:
        if by_shared_id(identifier) is None:
            return usual(call, identifier)
        key = (identifier, call.parameters.text("customer") or "")
        earlier = call.store.methods.get(made.get(key, ""))
        if earlier is not None and not earlier.detached:
            return earlier
        method = usual(call, identifier)
        if method is not None:
            made[key] = method.id
        return method

    b.find_payment_method = find
