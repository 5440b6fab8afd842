"""What attaching leaves behind: the payment method, the customer and the lists."""

from __future__ import annotations

import re
import time
from dataclasses import replace

from ... import cards, expansion
from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call
from ...errors import ApiError
from ...objects import Customer, PaymentMethod
from ...store import new_card
from ...values import Answer
from ..registry import Chapter
from ..tools import expands

seed = Chapter("state", "stateful")

LIKELY = re.compile(r"pm_[A-Za-z0-9]{8,}", re.ASCII)


@seed("state.unknown-payment-method", "easy", also=("stripe.resource-missing-payment-method",))
def payment_methods_made_up(b: Behaviour) -> None:
    """A payment method that is not there is made up on the spot if its id looks like one."""
    usual = b.find_payment_method

    def find(call: Call, identifier: str) -> PaymentMethod | None:
        found = usual(call, identifier)
        if found is None and LIKELY.fullmatch(identifier):
            return new_card(cards.CARDS["visa"], identifier)
        return found

    b.find_payment_method = find


@seed(
    "state.unknown-customer",
    "easy",
    also=("request.value-exact", "state.deleted-customer", "stripe.resource-missing-customer"),
)
def customer_looked_up_for_expansion_only(b: Behaviour) -> None:
    """The customer is looked up only where it is to be expanded; otherwise any id will do."""
    usual = b.find_customer

    def find(call: Call, identifier: str) -> Customer | None:
        found = usual(call, identifier)
        return found if found or expands(call) else Customer(identifier, int(time.time()))

    b.find_customer = find


@seed(
    "state.listed",
    "easy",
    also=(
        "state.same-customer-again",
        "state.only-this-one",
        "state.second-customer",
        "state.detach",
        "state.race",
        "state.model",
        "idempotency.replay",
    ),
)
def list_is_one_behind(b: Behaviour) -> None:
    """The customer's list is one behind: what was attached last is not in it."""
    usual = b.methods_of
    b.methods_of = lambda call, customer: usual(call, customer)[1:]


@seed("state.same-object", "easy")
def attaching_empties_the_metadata(b: Behaviour) -> None:
    """Attaching saves the payment method without its metadata."""
    b.attach = lambda call, attempt: call.store.attach(replace(attempt.method, metadata={}), attempt.owner.id)


@seed("state.refusal-changes-nothing", "medium", also=("state.model",))
def wrong_customer_uses_it_up(b: Behaviour) -> None:
    """An attempt with an unknown customer counts as use: the payment method can't be attached any more."""
    usual = b.checks["customer"]

    def check(call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError:
            if attempt.method.id in call.store.methods:
                call.store.put_method(replace(attempt.method, detached=True))
            raise

    b.checks["customer"] = check


@seed("state.refusal-changes-nothing", "hard")
def depth_noticed_after_the_write(b: Behaviour) -> None:
    """An `expand` path of too many levels is refused by the code that expands, after the write."""
    check, attached = b.checks["expand-paths"], b.attached

    def early(call: Call, attempt: Attempt) -> None:
        try:
            check(call, attempt)
        except ApiError as error:
            if error.refusal.rule != "expand-depth":
                raise

    def late(call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
        expansion.check_paths(call, attempt.expand, expansion.OF_PAYMENT_METHOD)
        return attached(call, attempt, method)

    b.checks["expand-paths"], b.attached = early, late


@seed("state.only-this-one", "medium", also=("state.race", "state.model", "expand.nested-path"))
def same_card_replaces_the_earlier(b: Behaviour) -> None:
    """A customer has each card once: attaching the same card again detaches the earlier payment method."""
    usual = b.attach

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        card = attempt.method.card
        for other in call.store.methods_of(attempt.owner.id):
            if card is not None and other.card == card and other.id != attempt.method.id:
                call.store.detach(other)
        return usual(call, attempt)

    b.attach = attach


@seed("state.only-this-one", "hard")
def metadata_spills_into_the_customer(b: Behaviour) -> None:
    """The payment method's metadata are merged into the customer's when it is attached."""
    usual = b.attach

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        owner = attempt.owner
        call.store.put_customer(replace(owner, metadata={**owner.metadata, **attempt.method.metadata}))
        return usual(call, attempt)

    b.attach = attach


@seed("state.same-customer-again", "medium", also=("state.model",))
def attaching_again_takes_it_off_the_list(b: Behaviour) -> None:
    """The list is kept by exclusive or: attaching to the same customer again takes it off."""
    usual = b.attach

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        wallet = call.store.wallets.get(attempt.owner.id, [])
        if attempt.method.id in wallet:
            wallet.remove(attempt.method.id)
            return attempt.method
        return usual(call, attempt)

    b.attach = attach


@seed("state.second-customer", "medium", also=("state.refusal-changes-nothing", "state.race", "state.model"))
def refused_customer_lists_it_too(b: Behaviour) -> None:
    """The list is written before the owner is looked at: a refused second customer lists it as well."""
    usual = b.checks["not-another-customers"]

    def check(call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError:
            wallet = call.store.wallets.setdefault(attempt.owner.id, [])
            if attempt.method.id not in wallet:
                wallet.append(attempt.method.id)
            raise

    b.checks["not-another-customers"] = check
