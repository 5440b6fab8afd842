"""What may be in the body: the customer, and nothing that is not a parameter."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ... import forms
from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call
from ...forms import Form, Pair
from ...objects import Customer
from ..registry import Chapter
from ..tools import check_after, on_attach, tolerate

seed = Chapter("body", "contract")

MISSING = ("stripe.parameter-missing", "stripe.parameter-missing-code")
OF_EVERY_OBJECT = frozenset(
    (
        "__proto__",
        "constructor",
        "hasOwnProperty",
        "isPrototypeOf",
        "propertyIsEnumerable",
        "toLocaleString",
        "toString",
        "valueOf",
    )
)
DEPTH = 2


@seed("body.customer-required", "easy", also=MISSING)
def guest_customer_made(b: Behaviour) -> None:
    """Without `customer` a new customer is made, a guest, and gets the payment method."""

    def check(call: Call, attempt: Attempt) -> None:
        if attempt.customer_id is None:
            guest = Customer(call.behaviour.new_id("cus_"), int(time.time()))
            attempt.customer_id = call.store.put_customer(guest).id

    b.checks["customer-given"] = check


@seed("body.customer-required", "medium", also=MISSING)
def customer_of_the_last_good_request(b: Behaviour) -> None:
    """The parameters are kept in one place: without `customer` the one of the last good request counts."""
    usual = b.checks["customer-given"]
    left: list[str] = []

    def check(call: Call, attempt: Attempt) -> None:
        if attempt.customer_id is None and left:
            attempt.customer_id = left[-1]
        usual(call, attempt)

    def remember(call: Call, attempt: Attempt) -> None:
        left[:] = [attempt.owner.id]

    b.checks["customer-given"] = check
    check_after(b, "customer", remember)


@seed("body.unknown-parameter", "easy")
def names_known_by_their_beginning(b: Behaviour) -> None:
    """The names are checked by a pattern without an end: `customers` and `customer_id` pass, unused."""
    tolerate(b, lambda call, name: name.startswith(("customer", "expand")))


@seed("body.unknown-parameter", "hard")
def names_that_every_object_has_pass(b: Behaviour) -> None:
    """`name in allowed` is asked of an object that inherits: `constructor` and `toString` pass, unused."""
    tolerate(b, lambda call, name: name in OF_EVERY_OBJECT)


@seed("body.unknown-parameter-nested", "medium", also=("expand.structure",))
def deeper_parameters_dropped(b: Behaviour) -> None:
    """The parser reads one pair of brackets: a parameter with two of them is dropped without a word."""
    usual = b.build

    def build(call: Call, pairs: Sequence[Pair]) -> Form:
        return usual(call, [pair for pair in pairs if len(forms.read_name(call, pair[0])) <= DEPTH])

    b.build = on_attach(usual, build)
