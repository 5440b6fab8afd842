"""Mistakes that show only in parallel, and those that show only in a longer story."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from dataclasses import replace

from .. import errors
from ..attach import Attempt
from ..behaviour import Behaviour
from ..call import Call
from ..objects import Customer, PaymentMethod
from ..store import checked
from ..values import Answer
from .registry import Chapter
from .rules import move
from .tools import check_after

seed = Chapter("races and stories", "stateful")

MOMENT = 0.03


def without_lock(b: Behaviour) -> None:
    """Let requests overlap."""
    b.transaction = lambda call: contextlib.nullcontext()


def dawdle(b: Behaviour, after: str) -> None:
    """Take a moment after a check."""
    check_after(b, after, lambda call, attempt: time.sleep(MOMENT))


@seed("state.race", "medium", intermittent=True)
def checked_then_written(b: Behaviour) -> None:
    """Nothing is locked between the check of the owner and the writing, so several customers win."""
    without_lock(b)
    dawdle(b, "not-declined")
    b.attach = lambda call, attempt: move(call, attempt.method, attempt.owner.id)


@seed("state.race", "hard", intermittent=True)
def all_told_that_they_won(b: Behaviour) -> None:
    """Of several customers at once the first one gets the payment method, and all are told so."""
    without_lock(b)
    dawdle(b, "not-declined")
    usual = b.attach

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        with call.store.lock:
            now = call.store.method(attempt.method.id)
            if now is not None and now.customer not in (None, attempt.owner.id):
                return checked(attempt.method, attempt.owner.id)
            return usual(call, attempt)

    b.attach = attach


@seed("state.race", "hard", intermittent=True)
def nobody_wins(b: Behaviour) -> None:
    """Of several customers at once none gets the payment method: each sees the other and gives up."""
    without_lock(b)
    running, arrivals = Counter[str](), Counter[str]()
    lock = threading.Lock()
    usual = b.checks["not-another-customers"]

    def check(call: Call, attempt: Attempt) -> None:
        name = attempt.method.id
        with lock:
            alone = running[name] == 0
            running[name] += 1
            arrivals[name] += 1
            seen = arrivals[name]
        time.sleep(MOMENT)
        with lock:
            running[name] -= 1
            alone = alone and arrivals[name] == seen
        if not alone:
            raise errors.already_attached()
        usual(call, attempt)

    b.checks["not-another-customers"] = check


@seed("state.race", "hard", intermittent=True)
def list_read_then_written(b: Behaviour) -> None:
    """The customer's list is read, and written a moment later, so that parallel attachments get lost."""
    without_lock(b)

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        customer = attempt.owner.id
        with call.store.lock:
            listed = list(call.store.wallets.get(customer, []))
        time.sleep(MOMENT)
        with call.store.lock:
            now = call.store.method(attempt.method.id)
            if now is not None and now.customer not in (None, customer):
                raise errors.already_attached()
            method = call.store.attach(attempt.method, customer)
            kept = [identifier for identifier in listed if identifier != method.id]
            call.store.wallets[customer] = [*kept, method.id]
        return method

    b.attach = attach


@seed("state.race", "hard", intermittent=True)
def answers_mixed_up(b: Behaviour) -> None:
    """The answer is kept in a variable that all threads share."""
    without_lock(b)
    shared: list[Answer] = []
    usual, usual_attach = b.attached, b.attach

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        with call.store.lock:
            now = call.store.method(attempt.method.id)
            if now is not None and now.customer not in (None, attempt.owner.id):
                raise errors.already_attached()
            return usual_attach(call, attempt)

    def attached(call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
        shared[:] = [usual(call, attempt, method)]
        time.sleep(MOMENT)
        return shared[0]

    b.attach, b.attached = attach, attached


@seed("state.model", "hard")
def detaching_one_detaches_all(b: Behaviour) -> None:
    """Detaching one payment method detaches all that the customer has."""

    def detach(call: Call, method: PaymentMethod) -> PaymentMethod:
        for other in call.store.methods_of(method.customer or ""):
            if other.id != method.id:
                call.store.detach(other)
        return call.store.detach(method)

    b.detach = detach


@seed("state.model", "hard")
def deleting_one_detaches_others(b: Behaviour) -> None:
    """Deleting a customer detaches the payment methods of all customers."""

    def delete(call: Call, customer: Customer) -> None:
        for method in list(call.store.methods.values()):
            if method.customer is not None:
                call.store.detach(method)
        call.store.delete_customer(customer)

    b.delete_customer = delete


@seed("state.second-customer", "hard", also=("state.second-customer", "state.race"))
def second_refusal_gives_in(b: Behaviour) -> None:
    """Attaching to another customer is refused once; the second time it is done."""
    usual, refused = b.checks["not-another-customers"], Counter[str]()

    def check(call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except errors.ApiError:
            refused[attempt.method.id] += 1
            if refused[attempt.method.id] < 2:
                raise

    b.checks["not-another-customers"] = check
    b.attach = lambda call, attempt: move(call, attempt.method, attempt.owner.id)


@seed("state.listed", "hard", also=("state.listed",))
def list_remembered(b: Behaviour) -> None:
    """A customer's list is remembered from the first time it was asked for until something is detached."""
    usual, usual_detach = b.methods_of, b.detach
    remembered: dict[str, list[PaymentMethod]] = {}

    def methods_of(call: Call, customer: str) -> list[PaymentMethod]:
        return remembered.setdefault(customer, usual(call, customer))

    def detach(call: Call, method: PaymentMethod) -> PaymentMethod:
        remembered.clear()
        return usual_detach(call, method)

    b.methods_of, b.detach = methods_of, detach


@seed("state.model", "hard")
def detached_comes_back(b: Behaviour) -> None:
    """What a customer had detached is attached to it again with the next attachment."""
    usual_detach, usual = b.detach, b.attach
    former: dict[str, str] = {}

    def detach(call: Call, method: PaymentMethod) -> PaymentMethod:
        former[method.id] = method.customer or ""
        return usual_detach(call, method)

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        for identifier in [key for key, owner in former.items() if owner == attempt.owner.id]:
            del former[identifier]
            call.store.attach(replace(call.store.methods[identifier], detached=False), attempt.owner.id)
        return usual(call, attempt)

    b.detach, b.attach = detach, attach
