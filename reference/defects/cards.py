"""Mistakes with declined cards and shared test ids."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from ..behaviour import Attach, Behaviour, Check, FindMethod, Route
from ..call import Call, Endpoint
from ..changes import (
    Change,
    apply,
    check_after,
    drop_check,
    edit_rejections,
    edit_success,
    remembering,
    skip_check,
    wrap,
    wrap_check,
)
from ..objects import cards
from ..objects.cards import by_shared_id
from ..objects.models import PaymentMethod
from ..objects.store import StatelessStore, mark_attached, new_card
from ..rules import errors
from ..rules.attach import Attempt
from ..rules.errors import ApiError, Rejection
from ..wire.values import Json
from .registry import Topic

stripe = Topic("stripe")

stripe.row("declining-card-attached", "stripe.card-declined", "easy")(
    "A card that is to be declined is attached.", drop_check("not-declined")
)


def decline(edit: Callable[[Rejection], Rejection]) -> Change:
    """Decline cards differently."""
    return edit_rejections(("declined",), edit)


stripe.row("decline-is-400", "stripe.card-declined", "medium")(
    "A declined card is answered with 400.", decline(lambda rejection: replace(rejection, status=400))
)
stripe.row("decline-is-an-invalid-request", "stripe.card-declined", "medium")(
    "A declined card is an `invalid_request_error`.",
    decline(lambda rejection: replace(rejection, type=errors.INVALID_REQUEST)),
)
stripe.row("decline-without-decline-code", "stripe.card-declined", "medium")(
    "A declined card has no `decline_code`.", decline(lambda rejection: replace(rejection, members=()))
)
stripe.row("decline-code-as-code", "stripe.card-declined", "medium")(
    "For a declined card the code is `generic_decline`.",
    decline(lambda rejection: replace(rejection, code="generic_decline")),
)


@stripe("stripe.card-declined", "hard", wrap_check("not-declined"), also="state.refusal-changes-nothing")
def declined_but_attached(usual: Check, call: Call, attempt: Attempt) -> None:
    """A declined card is rejected, and attached."""
    try:
        usual(call, attempt)
    except errors.ApiError:
        call.store.attach(attempt.method, attempt.owner.id)
        raise


@stripe("stripe.card-declined", "hard", wrap_check("not-declined", declined=set), batch="unseen 1")
def decline_wears_off(usual: Check, call: Call, attempt: Attempt, *, declined: set[str]) -> None:
    """A declining card is declined the first time only; the same payment method attaches when tried again."""
    try:
        usual(call, attempt)
    except ApiError:
        if attempt.method.id not in declined:
            declined.add(attempt.method.id)
            raise


@stripe(
    "stripe.card-declined",
    "hard",
    wrap_check("not-declined"),
    also="state.refusal-changes-nothing state.listed",
    batch="unseen 3",
)
def declined_but_listed(usual: Check, call: Call, attempt: Attempt) -> None:
    """The list is written before the bank is asked: a declined card is unattached, but on the customer's list."""
    try:
        usual(call, attempt)
    except ApiError:
        call.store.put_method(attempt.method)
        wallet = call.store.wallets.setdefault(attempt.owner.id, [])
        if attempt.method.id not in wallet:
            wallet.append(attempt.method.id)
        raise


stripe.row("declines-known-by-the-shared-id", "stripe.card-declined", "hard", batch="unseen 4")(
    "Only `pm_card_…` ids are declined: a payment method made from a declining `tok_…` attaches.",
    skip_check("not-declined", lambda call, attempt: not attempt.payment_method_id.startswith("pm_card_")),
)


def find_shared(find: Callable[[Call, str], PaymentMethod | None]) -> Change:
    """Find shared test ids differently."""

    @wrap("find_payment_method")
    def found(usual: FindMethod, call: Call, identifier: str) -> PaymentMethod | None:
        return (usual if by_shared_id(identifier) is None else find)(call, identifier)

    return found


stripe.row("shared-ids-unknown", "stripe.test-tokens", "easy", also="stripe.card-declined idempotency.replay")(
    "`pm_card_visa` is an unknown payment method.", find_shared(lambda call, identifier: None)
)


@stripe("stripe.test-tokens", "medium", find_shared, also="idempotency.replay")
def shared_ids_used_up(call: Call, identifier: str) -> PaymentMethod | None:
    """`pm_card_visa` is one payment method, so that only its first customer can have it."""
    card = by_shared_id(identifier)
    known = call.store.method(identifier)
    return known if known is not None or card is None else new_card(card, identifier)


@stripe("stripe.test-tokens", "medium", edit_success)
def shared_id_in_answer(call: Call, payload: Json) -> None:
    """`pm_card_visa` is attached as a new payment method, but the answer says `pm_card_visa`."""
    if by_shared_id(call.arguments[0]) is not None:
        payload["id"] = call.arguments[0]


@stripe("stripe.test-tokens", "hard", wrap("attach", clones=dict))
def shared_ids_cloned_once(
    usual: Attach, call: Call, attempt: Attempt, *, clones: dict[tuple[str, str], str]
) -> PaymentMethod:
    """`pm_card_visa` becomes a new payment method only once for each customer."""
    name = (attempt.payment_method_id, attempt.owner.id)
    if by_shared_id(attempt.payment_method_id) is None:
        return usual(call, attempt)
    if name in clones:
        return call.store.methods[clones[name]]
    method = usual(call, attempt)
    clones[name] = method.id
    return method


@stripe("stripe.test-tokens", "medium", remembering(partial(check_after, "customer"), clones=dict), batch="unseen 1")
def one_clone_a_customer(call: Call, attempt: Attempt, *, clones: dict[tuple[str, str], str]) -> None:
    """A shared test token becomes a new payment method for each customer, not each time."""
    if cards.by_shared_id(attempt.payment_method_id) is None:
        return
    pair = (attempt.payment_method_id, attempt.owner.id)
    known = call.store.methods.get(clones.get(pair, ""))
    if known is None or known.customer is None:
        clones[pair] = attempt.method.id
    else:
        attempt.payment_method = known


@stripe("stripe.test-tokens", "hard", wrap("find_payment_method", made=dict), batch="unseen 2")
def token_made_once_for_each_customer(
    usual: FindMethod, call: Call, identifier: str, *, made: dict[tuple[str, str], str]
) -> PaymentMethod | None:
    """A shared test id is made once for each customer: attached again it is the same `pm_`."""
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


@stripe("stripe.test-tokens", "medium", wrap("find_payment_method"), intermittent=True, batch="unseen 3")
def ids_made_from_the_second(usual: FindMethod, call: Call, identifier: str) -> PaymentMethod | None:
    """The id of what a shared token makes is made from the time in seconds: two in the same second are one."""
    shared = by_shared_id(identifier)
    if shared is None:
        return usual(call, identifier)
    moment = f"{identifier} {int(time.time())}"
    return new_card(shared, "pm_" + hashlib.sha256(moment.encode()).hexdigest()[:24])


@stripe("stripe.test-tokens", "hard", wrap("attach"), also="state.only-this-one", batch="reading 1")
def clone_not_stored(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """A shared token is answered with a new payment method that is stored nowhere."""
    is_shared = attempt.payment_method_id.startswith("pm_card_") and not isinstance(call.store, StatelessStore)
    return mark_attached(attempt.method, attempt.owner.id) if is_shared else usual(call, attempt)


@stripe("stripe.test-tokens", "hard", batch="reading 2")
def clone_cannot_be_read(b: Behaviour) -> None:
    """The payment method that a shared token becomes is on the list, but retrieving it is answered 404."""
    clones: set[str] = set()

    @apply(b, wrap("attach"))
    def attach(usual_attach: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        method = usual_attach(call, attempt)
        if method.id != attempt.payment_method_id:
            clones.add(method.id)
        return method

    @apply(b, wrap("route"))
    def route(usual_route: Route, call: Call) -> Endpoint:
        identifier = call.request.path.rpartition("/")[2]
        if call.request.method == "GET" and identifier in clones:
            raise errors.no_such("PaymentMethod", identifier, "payment_method", 404)
        return usual_route(call)
