"""Mistakes in who may attach what at Stripe: again, after detaching, declined cards, shared test ids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .. import errors
from ..attach import Attempt
from ..behaviour import Behaviour
from ..call import Call
from ..cards import by_shared_id
from ..errors import Refusal
from ..objects import PaymentMethod
from ..store import new_card
from ..values import Json
from .codes import kind, status
from .registry import Chapter
from .tools import check_after, edit_refusals, edit_success, skip_check

seed = Chapter("cards", "stripe")


@seed("stripe.already-attached", "medium")
def already_attached_is_409(b: Behaviour) -> None:
    """A payment method that another customer has is answered with 409."""
    status(b, ("already-attached",), 409)


@seed("stripe.already-attached", "medium")
def already_attached_is_a_card_error(b: Behaviour) -> None:
    """A payment method that another customer has is a `card_error`."""
    kind(b, ("already-attached",), "card_error")


@seed("stripe.same-customer", "medium")
def same_customer_refused(b: Behaviour) -> None:
    """Attaching to the same customer again is refused."""

    def refuse(call: Call, attempt: Attempt) -> None:
        if attempt.method.customer is not None:
            raise errors.already_attached()

    check_after(b, "customer", refuse)


@seed("stripe.detached-reattach", "medium")
def detached_attached_again(b: Behaviour) -> None:
    """A detached payment method can be attached again."""
    del b.checks["not-detached"]


@seed("stripe.detached-reattach", "hard")
def detached_attached_after_refusal(b: Behaviour) -> None:
    """A detached payment method is refused once; the second time it is attached."""
    seen: set[str] = set()

    def second(call: Call, attempt: Attempt) -> bool:
        name = attempt.method.id
        known = name in seen
        if attempt.method.detached:
            seen.add(name)
        return known

    skip_check(b, "not-detached", second)


def decline(b: Behaviour, edit: Callable[[Refusal], Refusal]) -> None:
    """Decline cards differently."""
    edit_refusals(b, ("declined",), edit)


@seed("stripe.card-declined", "easy")
def declining_card_attached(b: Behaviour) -> None:
    """A card that is to be declined is attached."""
    del b.checks["not-declined"]


@seed("stripe.card-declined", "medium")
def decline_is_400(b: Behaviour) -> None:
    """A declined card is answered with 400."""
    decline(b, lambda refusal: replace(refusal, status=400))


@seed("stripe.card-declined", "medium")
def decline_is_an_invalid_request(b: Behaviour) -> None:
    """A declined card is an `invalid_request_error`."""
    decline(b, lambda refusal: replace(refusal, type=errors.INVALID_REQUEST))


@seed("stripe.card-declined", "medium")
def decline_without_decline_code(b: Behaviour) -> None:
    """A declined card has no `decline_code`."""
    decline(b, lambda refusal: replace(refusal, members=()))


@seed("stripe.card-declined", "medium")
def decline_code_as_code(b: Behaviour) -> None:
    """For a declined card the code is `generic_decline`."""
    decline(b, lambda refusal: replace(refusal, code="generic_decline"))


@seed("stripe.card-declined", "hard", also=("state.refusal-changes-nothing",))
def declined_but_attached(b: Behaviour) -> None:
    """A declined card is refused, and attached."""
    usual = b.checks["not-declined"]

    def check(call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except errors.ApiError:
            call.store.attach(attempt.method, attempt.owner.id)
            raise

    b.checks["not-declined"] = check


def find_shared(b: Behaviour, find: Callable[[Call, str], PaymentMethod | None]) -> None:
    """Find shared test ids differently."""
    usual = b.find_payment_method

    def found(call: Call, identifier: str) -> PaymentMethod | None:
        return (usual if by_shared_id(identifier) is None else find)(call, identifier)

    b.find_payment_method = found


@seed("stripe.test-tokens", "easy", also=("stripe.card-declined", "idempotency.replay"))
def shared_ids_unknown(b: Behaviour) -> None:
    """`pm_card_visa` is an unknown payment method."""
    find_shared(b, lambda call, identifier: None)


@seed("stripe.test-tokens", "medium", also=("idempotency.replay",))
def shared_ids_used_up(b: Behaviour) -> None:
    """`pm_card_visa` is one payment method, so that only its first customer can have it."""

    def find(call: Call, identifier: str) -> PaymentMethod | None:
        card = by_shared_id(identifier)
        known = call.store.method(identifier)
        return known if known is not None or card is None else new_card(card, identifier)

    find_shared(b, find)


@seed("stripe.test-tokens", "medium")
def shared_id_in_answer(b: Behaviour) -> None:
    """`pm_card_visa` is attached as a new payment method, but the answer says `pm_card_visa`."""

    def edit(call: Call, payload: Json) -> None:
        if by_shared_id(call.arguments[0]) is not None:
            payload["id"] = call.arguments[0]

    edit_success(b, edit)


@seed("stripe.test-tokens", "hard")
def shared_ids_cloned_once(b: Behaviour) -> None:
    """`pm_card_visa` becomes a new payment method only once for each customer."""
    clones: dict[tuple[str, str], str] = {}
    usual = b.attach

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        name = (attempt.payment_method_id, attempt.owner.id)
        if by_shared_id(attempt.payment_method_id) is None:
            return usual(call, attempt)
        if name in clones:
            return call.store.methods[clones[name]]
        method = usual(call, attempt)
        clones[name] = method.id
        return method

    b.attach = attach
