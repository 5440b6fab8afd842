"""Mistakes in the lists of customers, and harm done to other objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..attach import Attempt
from ..behaviour import Behaviour
from ..call import Call
from ..objects import PaymentMethod
from .registry import Chapter

seed = Chapter("lists and others", "stateful")


def edit_lists(b: Behaviour, change: Callable[[Call, str, list[PaymentMethod]], list[PaymentMethod]]) -> None:
    """Change what is listed for a customer."""
    usual = b.methods_of
    b.methods_of = lambda call, customer: change(call, customer, usual(call, customer))


@seed("state.listed", "easy")
def not_listed(b: Behaviour) -> None:
    """The customer's list stays empty."""
    edit_lists(b, lambda call, customer, methods: [])


@seed("state.listed", "medium")
def listed_twice(b: Behaviour) -> None:
    """The customer's list holds the newest payment method twice."""
    edit_lists(b, lambda call, customer, methods: methods[:1] + methods)


@seed("state.listed", "medium")
def listed_for_everybody(b: Behaviour) -> None:
    """Every customer's list holds what all customers have."""

    def everything(call: Call, customer: str, methods: list[PaymentMethod]) -> list[PaymentMethod]:
        return [one for one in reversed(call.store.methods.values()) if one.customer is not None]

    edit_lists(b, everything)


@seed("state.listed", "hard")
def list_lacks_the_newest(b: Behaviour) -> None:
    """The customer's list lacks what was attached last, until something else is."""
    edit_lists(b, lambda call, customer, methods: methods[1:])


@seed("state.listed", "hard")
def newest_customer_lists_another(b: Behaviour) -> None:
    """The list of the newest customer also holds what was attached to somebody else last."""

    def more(call: Call, customer: str, methods: list[PaymentMethod]) -> list[PaymentMethod]:
        newest = [one.id for one in call.store.all_customers()[:1]]
        return methods + attached_elsewhere(call, customer)[:1] if customer in newest else methods

    edit_lists(b, more)


def attached_elsewhere(call: Call, customer: str) -> list[PaymentMethod]:
    """What other customers have, newest first."""
    methods = reversed(call.store.methods.values())
    return [one for one in methods if one.customer not in (None, customer)]


def after_attach(b: Behaviour, more: Callable[[Call, PaymentMethod, str], None]) -> None:
    """Do something more, after a payment method was attached to a customer."""
    usual = b.attach

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        method = usual(call, attempt)
        more(call, method, attempt.owner.id)
        return method

    b.attach = attach


@seed("state.only-this-one", "medium")
def becomes_the_default(b: Behaviour) -> None:
    """The payment method becomes the customer's default."""

    def more(call: Call, method: PaymentMethod, customer: str) -> None:
        owner = call.store.customers[customer]
        call.store.put_customer(replace(owner, default_payment_method=method.id))

    after_attach(b, more)


@seed("state.only-this-one", "medium", also=("state.listed",))
def one_card_for_each_customer(b: Behaviour) -> None:
    """The customer's earlier payment methods are detached."""

    def more(call: Call, method: PaymentMethod, customer: str) -> None:
        for other in call.store.methods_of(customer):
            if other.id != method.id:
                call.store.detach(other)

    after_attach(b, more)


@seed("state.only-this-one", "hard")
def unattached_follow(b: Behaviour) -> None:
    """Another unattached payment method, made just before, is attached with it."""

    def more(call: Call, method: PaymentMethod, customer: str) -> None:
        for other in reversed(list(call.store.methods.values())):
            if other.customer is None and not other.detached and other.card == method.card:
                call.store.attach(other, customer)
                return

    after_attach(b, more)


@seed("state.only-this-one", "medium")
def own_default_reset(b: Behaviour) -> None:
    """The customer's default payment method is unset."""

    def more(call: Call, method: PaymentMethod, customer: str) -> None:
        call.store.put_customer(replace(call.store.customers[customer], default_payment_method=None))

    after_attach(b, more)


@seed("state.only-this-one", "hard")
def customer_metadata_marked(b: Behaviour) -> None:
    """The customer's metadata get the id of the payment method."""

    def more(call: Call, method: PaymentMethod, customer: str) -> None:
        owner = call.store.customers[customer]
        call.store.put_customer(replace(owner, metadata={**owner.metadata, "last_card": method.id}))

    after_attach(b, more)


@seed("state.only-this-one", "hard")
def defaults_of_others_reset(b: Behaviour) -> None:
    """The default payment methods of all customers are unset."""

    def more(call: Call, method: PaymentMethod, customer: str) -> None:
        for other in call.store.all_customers():
            call.store.put_customer(replace(other, default_payment_method=None))

    after_attach(b, more)
