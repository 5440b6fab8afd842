"""Mistakes in who may have what: owners, ids that name nothing, deleted customers, detached methods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .. import errors
from ..attach import Attempt
from ..behaviour import Behaviour
from ..call import Call
from ..cards import CARDS
from ..objects import Customer, PaymentMethod
from ..store import checked, new_card
from .registry import Chapter
from .tools import expands, skip_check

seed = Chapter("owners and ids", "stateful")


def move(call: Call, method: PaymentMethod, customer: str) -> PaymentMethod:
    """Take the payment method from its owner and give it to another."""
    if method.customer is not None:
        wallet = call.store.wallets.get(method.customer, [])
        if method.id in wallet:
            wallet.remove(method.id)
    return call.store.attach(method, customer)


def is_again(attempt: Attempt) -> bool:
    """Whether the customer has the payment method already."""
    return attempt.method.customer == attempt.owner.id


def instead_of_attaching(
    b: Behaviour,
    when: Callable[[Attempt], bool],
    deed: Callable[[Call, Attempt], PaymentMethod],
) -> None:
    """Do something else in some cases."""
    usual = b.attach
    b.attach = lambda call, attempt: (deed if when(attempt) else usual)(call, attempt)


@seed("state.same-customer-again", "medium")
def again_detaches(b: Behaviour) -> None:
    """Attaching to the same customer again detaches, like a switch."""

    def toggle(call: Call, attempt: Attempt) -> PaymentMethod:
        call.store.detach(attempt.method)
        return checked(attempt.method, attempt.owner.id)

    instead_of_attaching(b, is_again, toggle)


@seed("state.same-customer-again", "medium")
def again_listed_twice(b: Behaviour) -> None:
    """Attaching to the same customer again lists the payment method a second time."""

    def append(call: Call, attempt: Attempt) -> PaymentMethod:
        call.store.wallets[attempt.owner.id].append(attempt.method.id)
        return attempt.method

    instead_of_attaching(b, is_again, append)


@seed("state.same-customer-again", "hard")
def again_refused_and_detached(b: Behaviour) -> None:
    """Attaching to the same customer again is refused, and detaches."""

    def refuse(call: Call, attempt: Attempt) -> PaymentMethod:
        call.store.detach(attempt.method)
        raise errors.already_attached()

    instead_of_attaching(b, is_again, refuse)


@seed("state.same-customer-again", "hard")
def again_not_listed(b: Behaviour) -> None:
    """Attaching to the same customer again takes the payment method off the customer's list."""

    def unlist(call: Call, attempt: Attempt) -> PaymentMethod:
        wallet = call.store.wallets[attempt.owner.id]
        wallet[:] = [identifier for identifier in wallet if identifier != attempt.method.id]
        return attempt.method

    instead_of_attaching(b, is_again, unlist)


def allow_takeover(b: Behaviour, when: Callable[[Call, Attempt], bool]) -> None:
    """Let another customer take a payment method over, in some cases."""
    skip_check(b, "not-another-customers", when)
    b.attach = lambda call, attempt: move(call, attempt.method, attempt.owner.id)


@seed("state.second-customer", "easy")
def taken_over(b: Behaviour) -> None:
    """Attaching to another customer moves the payment method."""
    allow_takeover(b, lambda call, attempt: True)


@seed("state.second-customer", "hard")
def taken_over_with_expand(b: Behaviour) -> None:
    """Attaching to another customer with `expand` moves the payment method."""
    allow_takeover(b, lambda call, attempt: expands(call))


@seed("state.second-customer", "medium")
def refused_but_taken_over(b: Behaviour) -> None:
    """Attaching to another customer is refused, and moves the payment method."""
    usual = b.checks["not-another-customers"]

    def check(call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except errors.ApiError:
            move(call, attempt.method, attempt.owner.id)
            raise

    b.checks["not-another-customers"] = check


@seed("state.second-customer", "medium")
def second_customer_fobbed_off(b: Behaviour) -> None:
    """Attaching to another customer is answered with success and that customer; nothing changes."""
    skip_check(b, "not-another-customers", lambda call, attempt: True)

    def pretend(call: Call, attempt: Attempt) -> PaymentMethod:
        return checked(attempt.method, attempt.owner.id)

    instead_of_attaching(b, lambda attempt: attempt.method.customer is not None, pretend)


@seed("state.second-customer", "hard")
def shared_between_customers(b: Behaviour) -> None:
    """Attaching to another customer succeeds with the first customer in the answer."""
    skip_check(b, "not-another-customers", lambda call, attempt: True)

    def keep(call: Call, attempt: Attempt) -> PaymentMethod:
        return attempt.method

    instead_of_attaching(b, lambda attempt: attempt.method.customer is not None, keep)


@seed("state.unknown-payment-method", "easy")
def unknown_method_created(b: Behaviour) -> None:
    """An unknown payment method is created on the spot."""
    usual = b.find_payment_method

    def find(call: Call, identifier: str) -> PaymentMethod | None:
        return usual(call, identifier) or new_card(CARDS["visa"], identifier)

    b.find_payment_method = find


def find_method_like(b: Behaviour, alike: Callable[[str, str], bool]) -> None:
    """Find payment methods whose ids are only like the one sent."""
    usual = b.find_payment_method

    def find(call: Call, identifier: str) -> PaymentMethod | None:
        exact = usual(call, identifier)
        near = [known for known in call.store.methods if alike(known, identifier)]
        return exact or (call.store.method(near[0]) if near else None)

    b.find_payment_method = find


@seed("state.unknown-payment-method", "medium")
def method_in_any_case(b: Behaviour) -> None:
    """Payment methods are found without regard to upper and lower case."""
    find_method_like(b, lambda known, sent: known.lower() == sent.lower())


@seed("state.unknown-payment-method", "hard")
def junk_after_method_ignored(b: Behaviour) -> None:
    """What follows a known id in the path is ignored."""
    find_method_like(b, lambda known, sent: sent.startswith(known))


def find_customer_else(b: Behaviour, other: Callable[[Call, str], Customer | None]) -> None:
    """Find some customer for ids that name none."""
    usual = b.find_customer
    b.find_customer = lambda call, identifier: usual(call, identifier) or other(call, identifier)


def newest(call: Call) -> Customer | None:
    """The customer created last."""
    customers = call.store.all_customers()
    return customers[0] if customers else None


@seed("state.unknown-customer", "easy", also=("state.deleted-customer", "request.value-exact"))
def unknown_customer_created(b: Behaviour) -> None:
    """An unknown customer is created on the spot, if its id begins with `cus_`."""

    def create(call: Call, identifier: str) -> Customer | None:
        if not identifier.startswith("cus_") or identifier in call.store.customers:
            return None
        return call.store.put_customer(Customer(identifier, 1_700_000_000))

    find_customer_else(b, create)


@seed("state.unknown-customer", "medium")
def empty_customer_is_the_newest(b: Behaviour) -> None:
    """An empty id is taken for the newest customer's."""
    skip_check(b, "customer-empty", lambda call, attempt: True)
    find_customer_else(b, lambda call, identifier: None if identifier else newest(call))


@seed("state.unknown-customer", "hard")
def bare_prefix_is_the_newest(b: Behaviour) -> None:
    """`cus_` without anything behind it is taken for the newest customer's id."""
    find_customer_else(b, lambda call, identifier: newest(call) if identifier == "cus_" else None)


@seed("state.unknown-customer", "hard")
def abbreviated_customer_found(b: Behaviour) -> None:
    """The first 8 to 20 characters of an id are enough to find a customer."""

    def find(call: Call, identifier: str) -> Customer | None:
        if not 8 <= len(identifier) <= 20:
            return None
        return next((one for one in call.store.all_customers() if one.id.startswith(identifier)), None)

    find_customer_else(b, find)


@seed("state.unknown-customer", "hard", also=("request.value-exact", "body.customer-length-limit-exact"))
def unknown_customer_ignored(b: Behaviour) -> None:
    """An unknown customer is answered with success and a null customer."""

    def nobody(call: Call, identifier: str) -> Customer | None:
        return None if identifier in call.store.customers else Customer("", 0)

    find_customer_else(b, nobody)
    instead_of_attaching(
        b, lambda attempt: not attempt.owner.id, lambda call, attempt: replace(attempt.method, customer=None)
    )


def find_deleted(call: Call, identifier: str) -> Customer | None:
    """The customer of that id, though deleted."""
    return call.store.customer(identifier)


@seed("state.deleted-customer", "medium")
def deleted_customer_accepted(b: Behaviour) -> None:
    """A deleted customer is as good as any."""
    find_customer_else(b, find_deleted)


@seed("state.deleted-customer", "hard")
def deleted_customer_revived(b: Behaviour) -> None:
    """Attaching to a deleted customer revives it."""

    def revive(call: Call, identifier: str) -> Customer | None:
        customer = call.store.customer(identifier)
        return None if customer is None else call.store.put_customer(replace(customer, deleted=False))

    find_customer_else(b, revive)


@seed("state.deleted-customer", "hard")
def deleted_customer_accepted_with_expand(b: Behaviour) -> None:
    """A deleted customer is accepted where `expand` is there."""
    find_customer_else(b, lambda call, identifier: find_deleted(call, identifier) if expands(call) else None)


@seed("state.detach", "easy")
def detach_not_stored(b: Behaviour) -> None:
    """Detaching is answered rightly, but nothing is stored."""
    b.detach = lambda call, method: replace(method, customer=None)


@seed("state.detach", "medium")
def detached_still_listed(b: Behaviour) -> None:
    """After detaching, the customer's list still holds the payment method."""

    def detach(call: Call, method: PaymentMethod) -> PaymentMethod:
        return call.store.put_method(replace(method, customer=None, detached=True))

    b.detach = detach


@seed("state.detach", "medium")
def detached_keeps_customer(b: Behaviour) -> None:
    """After detaching, the payment method is off the list but still names its customer."""

    def detach(call: Call, method: PaymentMethod) -> PaymentMethod:
        detached = call.store.detach(method)
        call.store.put_method(replace(detached, customer=method.customer))
        return detached

    b.detach = detach
