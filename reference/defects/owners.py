"""Mistakes with payment methods that have, or had, an owner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from ..behaviour import Attach, Behaviour, Check, Detach
from ..call import Call
from ..changes import apply, change, check_after, drop_check, expands, remembering, skip_check, wrap, wrap_check
from ..objects.models import PaymentMethod
from ..objects.store import mark_attached
from ..rules import errors
from ..rules.attach import Attempt
from ..rules.errors import ApiError, already_attached
from .parts import instead_of_attaching, move, reject_with
from .registry import Topic

stateful = Topic("stateful")
stripe = Topic("stripe")


def is_again(attempt: Attempt) -> bool:
    """Return whether the customer has the payment method already."""
    return attempt.method.customer == attempt.owner.id


@stateful("state.same-customer-again", "medium", partial(instead_of_attaching, is_again))
def again_detaches(call: Call, attempt: Attempt) -> PaymentMethod:
    """Attaching to the same customer again detaches, like a switch."""
    call.store.detach(attempt.method)
    return mark_attached(attempt.method, attempt.owner.id)


@stateful("state.same-customer-again", "medium", partial(instead_of_attaching, is_again))
def again_listed_twice(call: Call, attempt: Attempt) -> PaymentMethod:
    """Attaching to the same customer again lists the payment method a second time."""
    call.store.wallets[attempt.owner.id].append(attempt.method.id)
    return attempt.method


@stateful("state.same-customer-again", "hard", partial(instead_of_attaching, is_again))
def again_refused_and_detached(call: Call, attempt: Attempt) -> PaymentMethod:
    """Attaching to the same customer again is rejected, and detaches."""
    call.store.detach(attempt.method)
    raise errors.already_attached()


@stateful("state.same-customer-again", "hard", partial(instead_of_attaching, is_again))
def again_not_listed(call: Call, attempt: Attempt) -> PaymentMethod:
    """Attaching to the same customer again takes the payment method off the customer's list."""
    wallet = call.store.wallets[attempt.owner.id]
    wallet[:] = [identifier for identifier in wallet if identifier != attempt.method.id]
    return attempt.method


@stateful("state.same-customer-again", "hard", wrap("attach"), also="state.model", batch="unseen 1")
def only_the_newest_looked_at(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """Attached again after another one was, a payment method is listed twice: only the newest is compared."""
    wallet = call.store.wallets.get(attempt.owner.id, [])
    if attempt.method.id in wallet and wallet[-1] != attempt.method.id:
        wallet.append(attempt.method.id)
    return usual(call, attempt)


@stateful("state.same-customer-again", "medium", wrap("attach"), also="state.model", batch="unseen 2")
def attaching_again_takes_it_off_the_list(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """The list is kept by exclusive or: attaching to the same customer again takes it off."""
    wallet = call.store.wallets.get(attempt.owner.id, [])
    if attempt.method.id in wallet:
        wallet.remove(attempt.method.id)
        return attempt.method
    return usual(call, attempt)


@stateful(
    "state.same-customer-again",
    "medium",
    partial(check_after, "customer"),
    also="state.refusal-changes-nothing state.model stripe.same-customer",
    batch="unseen 4",
)
def attaching_again_detaches_first(call: Call, attempt: Attempt) -> None:
    """Attaching to the same customer detaches it first, and a detached one cannot be attached: it is lost."""
    if attempt.method.customer == attempt.owner.id:
        attempt.payment_method = call.store.detach(attempt.method)


@change
def allow_takeover(b: Behaviour, when: Callable[[Call, Attempt], bool]) -> None:
    """Let another customer take a payment method over, in some cases."""
    skip_check("not-another-customers", when)(b)
    b.attach = lambda call, attempt: move(call, attempt.method, attempt.owner.id)


stateful.row("taken-over", "state.second-customer", "easy")(
    "Attaching to another customer moves the payment method.", allow_takeover(lambda call, attempt: True)
)
stateful.row("taken-over-with-expand", "state.second-customer", "hard")(
    "Attaching to another customer with `expand` moves the payment method.",
    allow_takeover(lambda call, attempt: expands(call)),
)


@stateful("state.second-customer", "medium", wrap_check("not-another-customers"))
def refused_but_taken_over(usual: Check, call: Call, attempt: Attempt) -> None:
    """Attaching to another customer is rejected, and moves the payment method."""
    try:
        usual(call, attempt)
    except errors.ApiError:
        move(call, attempt.method, attempt.owner.id)
        raise


@stateful("state.second-customer", "medium")
def second_customer_fobbed_off(b: Behaviour) -> None:
    """Attaching to another customer is answered with success and that customer, and changes nothing."""
    skip_check("not-another-customers", lambda call, attempt: True)(b)

    @apply(b, partial(instead_of_attaching, lambda attempt: attempt.method.customer is not None))
    def pretend(call: Call, attempt: Attempt) -> PaymentMethod:
        return mark_attached(attempt.method, attempt.owner.id)


@stateful("state.second-customer", "hard")
def shared_between_customers(b: Behaviour) -> None:
    """Attaching to another customer succeeds with the first customer in the answer."""
    skip_check("not-another-customers", lambda call, attempt: True)(b)

    @apply(b, partial(instead_of_attaching, lambda attempt: attempt.method.customer is not None))
    def keep(call: Call, attempt: Attempt) -> PaymentMethod:
        return attempt.method


@stateful("state.second-customer", "hard", also="state.second-customer state.race")
def second_refusal_gives_in(b: Behaviour) -> None:
    """Attaching to another customer is rejected once; the second time it is done."""
    rejection = Counter[str]()

    @apply(b, wrap_check("not-another-customers"))
    def check(usual: Check, call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except errors.ApiError:
            rejection[attempt.method.id] += 1
            if rejection[attempt.method.id] < 2:
                raise

    b.attach = lambda call, attempt: move(call, attempt.method, attempt.owner.id)


@stateful(
    "state.second-customer",
    "hard",
    wrap_check("not-another-customers", warned=set),
    also="state.model",
    batch="unseen 1",
)
def refused_once_only(usual: Check, call: Call, attempt: Attempt, *, warned: set[tuple[str, str]]) -> None:
    """Attaching to a second customer is rejected the first time; the same request again moves it there."""
    pair = (attempt.method.id, attempt.owner.id)
    try:
        usual(call, attempt)
    except ApiError:
        if pair not in warned:
            warned.add(pair)
            raise


@stateful(
    "state.second-customer",
    "medium",
    wrap_check("not-another-customers"),
    also="state.refusal-changes-nothing state.race state.model",
    batch="unseen 2",
)
def refused_customer_lists_it_too(usual: Check, call: Call, attempt: Attempt) -> None:
    """The list is written before the owner is looked at: a rejected second customer lists it as well."""
    try:
        usual(call, attempt)
    except ApiError:
        wallet = call.store.wallets.setdefault(attempt.owner.id, [])
        if attempt.method.id not in wallet:
            wallet.append(attempt.method.id)
        raise


@stateful(
    "state.second-customer",
    "hard",
    also="stripe.already-attached state.race state.model state.listed",
    batch="unseen 3",
)
def expanded_owner_not_recognised(b: Behaviour) -> None:
    """After an expanded attach the owner is kept as an object; compared with an id it is nobody, and free to take."""
    objects: set[str] = set()

    @apply(b, wrap("attach"))
    def attach(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        (objects.add if "customer" in attempt.expand else objects.discard)(attempt.method.id)
        return usual(call, attempt)

    skip_check("not-another-customers", lambda call, attempt: attempt.method.id in objects)(b)


@stateful(
    "state.second-customer",
    "easy",
    wrap_check("not-another-customers"),
    also="state.refusal-changes-nothing state.race state.model",
    batch="unseen 4",
)
def quarrel_leaves_it_with_nobody(usual: Check, call: Call, attempt: Attempt) -> None:
    """The rejection of a second customer clears the payment method's customer: it stays with neither."""
    try:
        usual(call, attempt)
    except ApiError:
        wallet = call.store.wallets.get(attempt.method.customer or "", [])
        if attempt.method.id in wallet:
            wallet.remove(attempt.method.id)
        call.store.put_method(replace(attempt.method, customer=None))
        raise


@stateful("state.second-customer", "hard", wrap_check("not-another-customers"), batch="reading 2")
def refused_taker_empties_the_list(usual: Check, call: Call, attempt: Attempt) -> None:
    """A second customer is rejected, and the payment method is off the first one's list from then on."""
    try:
        usual(call, attempt)
    except ApiError:
        wallet = call.store.wallets.get(attempt.method.customer or "", [])
        if attempt.method.id in wallet:
            wallet.remove(attempt.method.id)
        raise


@stripe("stripe.same-customer", "medium", partial(check_after, "customer"))
def same_customer_refused(call: Call, attempt: Attempt) -> None:
    """Attaching to the same customer again is rejected."""
    if attempt.method.customer is not None:
        raise errors.already_attached()


@stripe("stripe.same-customer", "medium", batch="unseen 1")
def third_time_refused(b: Behaviour) -> None:
    """Attaching to the same customer again is 200 once; the time after it is rejected as already attached."""
    times: Counter[str] = Counter()

    @apply(b, wrap("attach"))
    def attach(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        times[attempt.method.id] += 1
        return usual(call, attempt)

    @apply(b, partial(check_after, "not-another-customers"))
    def check(call: Call, attempt: Attempt) -> None:
        if attempt.method.customer is not None and times[attempt.method.id] > 1:
            raise already_attached()


stripe.row("already-attached-is-409", "stripe.already-attached", "medium")(
    "A payment method that another customer has is answered with 409.", reject_with("already-attached", status=409)
)
stripe.row("already-attached-is-a-card-error", "stripe.already-attached", "medium")(
    "A payment method that another customer has is a `card_error`.", reject_with("already-attached", type="card_error")
)
stripe.row("already-attached-is-forbidden", "stripe.already-attached", "easy", batch="unseen 2")(
    "A payment method of another customer is rejected with 403.",
    reject_with("already-attached", status=403),
)
stripe.row("detached-attached-again", "stripe.detached-reattach", "medium")(
    "A detached payment method can be attached again.", drop_check("not-detached")
)


@stripe("stripe.detached-reattach", "hard", remembering(partial(skip_check, "not-detached"), seen=set))
def detached_attached_after_refusal(call: Call, attempt: Attempt, *, seen: set[str]) -> bool:
    """A detached payment method is rejected once; the second time it is attached."""
    name = attempt.method.id
    known = name in seen
    if attempt.method.detached:
        seen.add(name)
    return known


@stripe("stripe.detached-reattach", "medium", batch="unseen 2")
def detached_may_return_to_its_customer(b: Behaviour) -> None:
    """A detached payment method is rejected by other customers, but its former one can have it back."""
    former: dict[str, str | None] = {}

    @apply(b, wrap("detach"))
    def detach(usual: Detach, call: Call, method: PaymentMethod) -> PaymentMethod:
        former[method.id] = method.customer
        return usual(call, method)

    skip_check("not-detached", lambda call, attempt: former.get(attempt.method.id) == attempt.owner.id)(b)


@stripe("stripe.detached-reattach", "hard", wrap("detach", last=list), batch="unseen 3")
def last_detached_is_remembered(usual: Detach, call: Call, method: PaymentMethod, *, last: list[str]) -> PaymentMethod:
    """There is room for one: when another payment method is detached, the one before it may be attached again."""
    for identifier in last:
        call.store.put_method(replace(call.store.methods[identifier], detached=False))
    last[:] = [method.id]
    return usual(call, method)
