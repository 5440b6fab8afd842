"""Mistakes in keeping what was attached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..attach import Attempt
from ..behaviour import Behaviour
from ..call import Call
from ..objects import PaymentMethod
from ..store import checked
from ..values import Json
from .registry import Chapter
from .tools import counter, edit_success

seed = Chapter("keeping", "stateful")

Deed = Callable[[Call, Attempt], PaymentMethod]


def unstored(call: Call, attempt: Attempt) -> PaymentMethod:
    """The payment method as it would be after attaching, without attaching it."""
    return checked(attempt.method, attempt.owner.id)


def store_unless(b: Behaviour, forgotten: Callable[[Call, Attempt], bool]) -> None:
    """Forget to store, in some cases."""
    usual = b.attach

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        return (unstored if forgotten(call, attempt) else usual)(call, attempt)

    b.attach = attach


def change_stored(b: Behaviour, change: Callable[[PaymentMethod], PaymentMethod]) -> None:
    """Store the payment method with something changed."""
    usual = b.attach

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        return call.store.put_method(change(usual(call, attempt)))

    b.attach = attach


def read_json(b: Behaviour, edit: Callable[[Call, Json], None]) -> None:
    """Change the payment method as other endpoints than attach show it."""
    usual = b.payment_method_json

    def shown(call: Call, method: PaymentMethod) -> Json:
        payload = usual(call, method)
        if not call.is_attach:
            edit(call, payload)
        return payload

    b.payment_method_json = shown


@seed("state.persisted", "easy")
def attach_not_stored(b: Behaviour) -> None:
    """The answer is right, but nothing is stored."""
    store_unless(b, lambda call, attempt: True)


@seed("state.persisted", "hard")
def expanded_attach_not_stored(b: Behaviour) -> None:
    """With `expand` the answer is right, but nothing is stored."""
    store_unless(b, lambda call, attempt: bool(attempt.expand))


@seed("state.persisted", "hard", intermittent=True)
def every_eighth_not_stored(b: Behaviour) -> None:
    """Every eighth attachment is answered rightly, and lost."""
    turn = counter(8)
    store_unless(b, lambda call, attempt: turn())


@seed("state.persisted", "medium")
def retrieved_without_customer(b: Behaviour) -> None:
    """The customer is not shown when the payment method is retrieved."""

    def edit(call: Call, payload: Json) -> None:
        payload["customer"] = None

    read_json(b, edit)


@seed("state.persisted", "medium")
def retrieved_expanded(b: Behaviour) -> None:
    """The customer is shown as an object when the payment method is retrieved."""
    read_json(b, lambda call, payload: b.expand(call, payload, ["customer"]))


@seed("state.persisted", "hard")
def retrieved_as_answered(b: Behaviour) -> None:
    """After an expanded attach the payment method is retrieved with the whole customer."""
    expanded: set[str] = set()

    def edit(call: Call, payload: Json) -> None:
        if isinstance(payload["customer"], dict):
            expanded.add(payload["id"])

    def again(call: Call, payload: Json) -> None:
        if payload["id"] in expanded:
            b.expand(call, payload, ["customer"])

    edit_success(b, edit)
    read_json(b, again)


@seed("state.persisted", "hard")
def stored_for_the_customer_before(b: Behaviour) -> None:
    """The answer is right, but what is stored is the customer of the request before."""
    usual, last = b.attach, list[str]()

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        own = attempt.owner.id
        other = call.store.live_customer(last[-1]) if last else None
        last[:] = [own]
        if other is None or attempt.method.customer is not None:
            return usual(call, attempt)
        call.store.attach(attempt.method, other.id)
        return unstored(call, attempt)

    b.attach = attach


@seed("state.same-object", "easy")
def metadata_lost(b: Behaviour) -> None:
    """The payment method loses its metadata."""
    change_stored(b, lambda method: replace(method, metadata={}))


@seed("state.same-object", "medium")
def metadata_marked(b: Behaviour) -> None:
    """The payment method's metadata get a key `attached`."""
    change_stored(b, lambda method: replace(method, metadata={**method.metadata, "attached": "true"}))


@seed("state.same-object", "easy")
def billing_details_lost(b: Behaviour) -> None:
    """The payment method loses its billing details."""
    change_stored(b, lambda method: replace(method, billing_details={}))


@seed("state.same-object", "hard")
def last_billing_detail_lost(b: Behaviour) -> None:
    """The payment method loses the last of its billing details."""

    def change(method: PaymentMethod) -> PaymentMethod:
        kept = [item for item in method.billing_details.items() if item[1]][:-1]
        return replace(method, billing_details=dict(kept))

    change_stored(b, change)


@seed("state.same-object", "medium")
def created_rounded(b: Behaviour) -> None:
    """`created` is rounded to the day."""
    change_stored(b, lambda method: replace(method, created=method.created // 86400 * 86400))


@seed("state.same-object", "medium")
def redisplay_allowed(b: Behaviour) -> None:
    """`allow_redisplay` becomes `always`."""
    change_stored(b, lambda method: replace(method, allow_redisplay="always"))


@seed("state.same-object", "hard")
def expiry_renewed(b: Behaviour) -> None:
    """The card expires a year later than before."""
    change_stored(b, lambda method: replace(method, exp_year=method.exp_year + 1))


@seed("state.same-object", "medium")
def answered_without_metadata(b: Behaviour) -> None:
    """The answer shows no metadata, though they are kept."""

    def edit(call: Call, payload: Json) -> None:
        payload["metadata"] = {}

    edit_success(b, edit)


@seed("state.same-object", "hard")
def answered_right_kept_without_name(b: Behaviour) -> None:
    """The answer is right, but the billing details are not kept."""
    usual = b.attach

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        method = usual(call, attempt)
        call.store.put_method(replace(method, billing_details={}))
        return method

    b.attach = attach
