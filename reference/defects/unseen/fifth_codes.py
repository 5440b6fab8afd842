"""Seeded defects: codes, declines, tokens and nested paths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call
from ...cards import by_shared_id
from ...errors import ApiError, Refusal
from ...objects import PaymentMethod
from ...rules import KNOWN
from ...values import Answer, Json
from ..registry import Chapter
from ..tools import edit_answer, edit_refusals, edit_success, on_attach, skip_check

seed = Chapter("stripe", "stripe")


@seed("stripe.parameter-unknown", "medium")
def first_by_the_alphabet(b: Behaviour) -> None:
    """Of several unknown parameters, `param` names the first by the alphabet, not the first of the body."""

    def amend(call: Call, refusal: Refusal) -> Refusal:
        refusal = usual(call, refusal)
        if refusal.rule != "unknown-parameter":
            return refusal
        names = sorted(str(name) for name in call.parameters.tree if name not in KNOWN)
        return replace(refusal, param=names[0])

    usual = b.amend
    b.amend = on_attach(usual, amend)


@seed("stripe.already-attached", "easy")
def conflict_with_another_customer(b: Behaviour) -> None:
    """Attaching another customer's payment method is refused with 409."""
    edit_refusals(b, ["already-attached"], lambda refusal: replace(refusal, status=409))


@seed("stripe.card-declined", "easy", also=("state.refusal-changes-nothing",))
def declined_after_the_write(b: Behaviour) -> None:
    """A card that declines is refused with 402, but stays attached."""

    def check(call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError:
            call.store.attach(attempt.method, attempt.owner.id)
            raise

    usual = b.checks["not-declined"]
    b.checks["not-declined"] = check


@seed("stripe.test-tokens", "medium")
def one_clone_for_a_customer(b: Behaviour) -> None:
    """Attached again to the same customer, a shared test token gives the payment method that it gave before."""
    made: dict[tuple[str, str], str] = {}

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        if by_shared_id(attempt.payment_method_id) is None:
            return usual(call, attempt)
        name = (attempt.payment_method_id, attempt.owner.id)
        earlier = call.store.method(made.get(name, ""))
        if earlier is not None and earlier.customer == attempt.owner.id:
            return earlier
        method = usual(call, attempt)
        made[name] = method.id
        return method

    usual = b.attach
    b.attach = attach


@seed("expand.nested-path", "hard")
def attached_one_as_the_default(b: Behaviour) -> None:
    """A nested path brings the payment method that was just attached, in the place of the customer's default."""

    def expand(call: Call, payload: Json, items: Sequence[str]) -> None:
        usual(call, payload, items)
        customer = payload["customer"]
        if not isinstance(customer, dict):
            return
        settings = customer.get("invoice_settings", {})
        attached = call.store.method(payload["id"])
        if isinstance(settings.get("default_payment_method"), dict) and attached is not None:
            settings["default_payment_method"] = call.behaviour.payment_method_json(call, attached)

    usual = b.expand
    b.expand = on_attach(usual, expand)


@seed("stripe.detached-reattach", "medium")
def back_to_the_former_customer(b: Behaviour) -> None:
    """A payment method that was detached can be attached again to the customer that had it."""
    former: dict[str, str | None] = {}

    def detach(call: Call, method: PaymentMethod) -> PaymentMethod:
        former[method.id] = method.customer
        return usual_detach(call, method)

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        attempt.payment_method = replace(attempt.method, detached=False)
        return usual_attach(call, attempt)

    usual_detach, usual_attach = b.detach, b.attach
    b.detach, b.attach = detach, attach
    skip_check(b, "not-detached", lambda call, attempt: former.get(attempt.method.id) == attempt.owner.id)


@seed("response.livemode", "hard")
def live_by_basic(b: Behaviour) -> None:
    """The mode is read from a Bearer token alone: with Basic authentication `livemode` is true."""

    def edit(call: Call, payload: Json) -> None:
        header = call.request.header("authorization") or ""
        payload["livemode"] = "_test_" not in header

    edit_success(b, edit)


@seed("response.no-card-data", "medium")
def declined_number_is_shown(b: Behaviour) -> None:
    """The error of a declined card holds the payment method, with the whole number of the card."""

    def edit(call: Call, answer: Answer) -> Answer:
        method = call.store.method(call.arguments[0]) if answer.status == 402 else None
        if method is None or method.card is None:
            return answer
        shown = call.behaviour.payment_method_json(call, method)
        shown["card"]["number"] = method.card.number
        return replace(answer, payload={"error": answer.payload["error"] | {"payment_method": shown}})

    edit_answer(b, edit)


@seed("error.status-class", "easy")
def detached_is_not_foreseen(b: Behaviour) -> None:
    """Attaching a payment method that was detached ends in a 500."""

    def edit(refusal: Refusal) -> Refusal:
        return replace(refusal, status=500, type="api_error", message="An unexpected error occurred.")

    edit_refusals(b, ["used-up"], edit)
