"""Seeded defects: Stripe's own codes and tokens. Names sorted, first entries only, declines that wear off."""

from __future__ import annotations

from collections import Counter

from ... import cards, expansion
from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call
from ...errors import ApiError, already_attached, too_deep, unknown_parameters
from ...objects import PaymentMethod
from ...rules import KNOWN
from ...values import Answer
from ..registry import Chapter
from ..tools import check_after, refused

seed = Chapter("codes", "stripe")


@seed("stripe.parameter-unknown", "medium")
def unknown_names_sorted(b: Behaviour) -> None:
    """Of several unknown parameters `param` names the first in the alphabet, not the first one sent."""

    def check(call: Call, attempt: Attempt) -> None:
        names = sorted(str(name) for name in call.parameters.tree if name not in KNOWN)
        if names:
            raise unknown_parameters(names)

    b.checks["unknown-parameters"] = check


@seed("expand.nested-path", "hard")
def own_copy_for_the_default(b: Behaviour) -> None:
    """The expanded default payment method is the one that is being attached, whichever the default is."""

    def attached(call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
        answer = usual(call, attempt, method)
        customer = answer.payload["customer"]
        settings = customer.get("invoice_settings") if isinstance(customer, dict) else None
        if settings and isinstance(settings["default_payment_method"], dict):
            settings["default_payment_method"] = call.behaviour.payment_method_json(call, method)
        return answer

    usual = b.attached
    b.attached = attached


@seed("stripe.expand-path", "medium", level="SHOULD")
def first_path_only(b: Behaviour) -> None:
    """Only the first entry of `expand` has to be a path that exists: `customer`, then `nope`, is accepted."""

    def check(call: Call, attempt: Attempt) -> None:
        levels = call.behaviour.expand_levels
        expansion.check_paths(call, attempt.expand[:1], expansion.OF_PAYMENT_METHOD)
        for item in attempt.expand[1:]:
            if item.count(".") >= levels:
                raise too_deep(item, levels)

    b.checks["expand-paths"] = check


@seed("stripe.resource-missing-payment-method", "medium")
def foreign_prefix_is_no_id(b: Behaviour) -> None:
    """An unknown id in the path that does not begin with `pm_` is answered 400 instead of 404."""

    def check(call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError:
            identifier = attempt.payment_method_id
            if identifier.startswith("pm_"):
                raise
            text = "Invalid payment method id: it must start with 'pm_'."
            raise refused(400, text, "resource_missing", "payment_method") from None

    usual = b.checks["payment-method"]
    b.checks["payment-method"] = check


@seed("stripe.same-customer", "medium")
def third_time_refused(b: Behaviour) -> None:
    """Attaching to the same customer again is 200 once; the time after it is refused as already attached."""
    times: Counter[str] = Counter()

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        times[attempt.method.id] += 1
        return usual(call, attempt)

    def check(call: Call, attempt: Attempt) -> None:
        if attempt.method.customer is not None and times[attempt.method.id] > 1:
            raise already_attached()

    usual = b.attach
    b.attach = attach
    check_after(b, "not-another-customers", check)


@seed("stripe.card-declined", "hard")
def decline_wears_off(b: Behaviour) -> None:
    """A declining card is declined the first time only; the same payment method attaches when tried again."""
    declined: set[str] = set()

    def check(call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError:
            if attempt.method.id not in declined:
                declined.add(attempt.method.id)
                raise

    usual = b.checks["not-declined"]
    b.checks["not-declined"] = check


@seed("stripe.test-tokens", "medium")
def one_clone_a_customer(b: Behaviour) -> None:
    """A shared test token becomes a new payment method for each customer, not each time."""
    clones: dict[tuple[str, str], str] = {}

    def reuse(call: Call, attempt: Attempt) -> None:
        if cards.by_shared_id(attempt.payment_method_id) is None:
            return
        pair = (attempt.payment_method_id, attempt.owner.id)
        known = call.store.methods.get(clones.get(pair, ""))
        if known is None or known.customer is None:
            clones[pair] = attempt.method.id
        else:
            attempt.payment_method = known

    check_after(b, "customer", reuse)
