"""Seeded defects: what attaching leaves behind."""

from __future__ import annotations

import contextlib
import time
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call
from ...objects import PaymentMethod
from ...values import Json
from ..registry import Chapter
from ..tools import check_after, edit_success, expands, skip_check

seed = Chapter("state", "stateful")


@seed("state.persisted", "medium", also=("state.listed", "state.model"))
def expanded_not_saved(b: Behaviour) -> None:
    """An attach with `expand` is answered well and not saved."""
    usual = b.attach

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        if expands(call):
            return replace(attempt.method, customer=attempt.owner.id)
        return usual(call, attempt)

    b.attach = attach


@seed("state.listed", "medium", also=("state.only-this-one", "state.model", "state.race"))
def wallet_of_one(b: Behaviour) -> None:
    """The list of a customer holds only the payment method that was attached last."""
    usual = b.methods_of
    b.methods_of = lambda call, customer: usual(call, customer)[:1]


@seed("state.refusal-changes-nothing", "hard", also=("state.second-customer", "state.model"))
def refused_after_the_write(b: Behaviour) -> None:
    """A refused unknown parameter comes after the write: the payment method is attached all the same."""
    usual = b.checks.pop("unknown-parameters")
    attach = b.attach

    def attach_first(call: Call, attempt: Attempt) -> PaymentMethod:
        method = attach(call, attempt)
        usual(call, attempt)
        return method

    b.attach = attach_first


@seed("state.only-this-one", "medium")
def first_becomes_default(b: Behaviour) -> None:
    """The attached payment method becomes the customer's default."""

    def more(call: Call, attempt: Attempt) -> None:
        call.store.put_customer(replace(attempt.owner, default_payment_method=attempt.method.id))

    check_after(b, "not-declined", more)


@seed("state.second-customer", "easy", also=("stripe.already-attached", "state.model", "state.race"))
def moved(b: Behaviour) -> None:
    """A payment method of another customer is moved."""
    skip_check(b, "not-another-customers", lambda call, attempt: True)


@seed("state.unknown-payment-method", "medium", also=("stripe.resource-missing-payment-method",))
def suffix_of_the_id(b: Behaviour) -> None:
    """A payment method is found though its id in the path has a suffix."""
    usual = b.find_payment_method

    def find(call: Call, identifier: str) -> PaymentMethod | None:
        return usual(call, identifier) or usual(call, identifier[:27])

    b.find_payment_method = find


@seed("state.deleted-customer", "easy", also=("stripe.resource-missing-customer", "state.model"))
def deleted_rows_found(b: Behaviour) -> None:
    """A deleted customer can be attached to."""
    b.find_customer = lambda call, identifier: call.store.customer(identifier)


@seed("state.race", "hard", intermittent=True, also=("state.second-customer",))
def no_lock(b: Behaviour) -> None:
    """Between the check and the write nothing is locked."""

    def transaction(call: Call) -> AbstractContextManager[Any]:
        return contextlib.nullcontext()

    b.transaction = transaction
    check_after(b, "not-declined", lambda call, attempt: time.sleep(0.005))


@seed("state.race", "hard", intermittent=True, also=("response.customer", "robustness.same-request-same-answer"))
def shared_current_customer(b: Behaviour) -> None:
    """The customer to show is kept in one place for all requests, so simultaneous ones show each other's."""
    current = [""]
    usual = b.attach

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        current[0] = attempt.owner.id
        return usual(call, attempt)

    def edit(call: Call, payload: Json) -> None:
        time.sleep(0.003)
        if isinstance(payload["customer"], str):
            payload["customer"] = current[0]

    b.attach = attach
    edit_success(b, edit)
