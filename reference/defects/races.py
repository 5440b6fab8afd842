"""Mistakes that show only in parallel, and those that show only in a longer story."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter, defaultdict
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Any

from ..behaviour import Attach, Attached, Behaviour, Check, DeleteCustomer, Detach, Present
from ..call import Call
from ..changes import Change, apply, check_after, edit_answer, edit_success, override, wrap, wrap_at_attach, wrap_check
from ..objects.models import Customer, PaymentMethod
from ..objects.store import StatelessStore, mark_attached
from ..rules import errors
from ..rules.attach import Attempt
from ..rules.errors import ApiError
from ..wire.values import Answer, Json
from .parts import move
from .registry import Topic

stateful = Topic("stateful")

MOMENT = 0.03


def dawdle(after: str) -> Change:
    """Take a moment after a check."""
    return check_after(after, lambda call, attempt: time.sleep(MOMENT))


def drop_lock() -> Change:
    """Let requests overlap."""
    return override("transaction", lambda call: contextlib.nullcontext())


@stateful("state.race", "medium", intermittent=True)
def checked_then_written(b: Behaviour) -> None:
    """Nothing is locked between the check of the owner and the writing, so several customers win."""
    drop_lock()(b)
    dawdle("not-declined")(b)
    b.attach = lambda call, attempt: move(call, attempt.method, attempt.owner.id)


@stateful("state.race", "hard", intermittent=True)
def all_told_that_they_won(b: Behaviour) -> None:
    """The first of several simultaneous customers gets the payment method, and all get a success."""
    drop_lock()(b)
    dawdle("not-declined")(b)

    @apply(b, wrap("attach"))
    def attach(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        with call.store.lock:
            now = call.store.method(attempt.method.id)
            if now is not None and now.customer not in (None, attempt.owner.id):
                return mark_attached(attempt.method, attempt.owner.id)
            return usual(call, attempt)


@stateful("state.race", "hard", intermittent=True)
def nobody_wins(b: Behaviour) -> None:
    """None of several simultaneous customers gets the payment method: each sees the other and gives up."""
    drop_lock()(b)
    running, arrivals = Counter[str](), Counter[str]()
    lock = threading.Lock()

    @apply(b, wrap_check("not-another-customers"))
    def check(usual: Check, call: Call, attempt: Attempt) -> None:
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


@stateful("state.race", "hard", intermittent=True)
def list_read_then_written(b: Behaviour) -> None:
    """The customer's list is read, and written a moment later, so that parallel attachments get lost."""
    drop_lock()(b)

    @apply(b, partial(override, "attach"))
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


@stateful("state.race", "hard", intermittent=True)
def answers_mixed_up(b: Behaviour) -> None:
    """The answer is kept in a variable that all threads share."""
    drop_lock()(b)
    shared: list[Answer] = []

    @apply(b, wrap("attach"))
    def attach(usual_attach: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        with call.store.lock:
            now = call.store.method(attempt.method.id)
            if now is not None and now.customer not in (None, attempt.owner.id):
                raise errors.already_attached()
            return usual_attach(call, attempt)

    @apply(b, wrap("attached"))
    def attached(usual: Attached, call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
        shared[:] = [usual(call, attempt, method)]
        time.sleep(MOMENT)
        return shared[0]


@stateful("state.race", "medium", intermittent=True, batch="unseen 1")
def lock_by_customer(b: Behaviour) -> None:
    """Attaching locks the customer, not the payment method: two customers may get it at the same moment."""
    locks: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)

    @apply(b, partial(override, "transaction"))
    def transaction(call: Call) -> AbstractContextManager[Any]:
        return locks[call.parameters.text("customer") or ""]

    @apply(b, partial(check_after, "not-declined"))
    def linger(call: Call, attempt: Attempt) -> None:
        time.sleep(0.004)


@stateful("state.race", "hard", intermittent=True, batch="unseen 1")
def answer_through_a_global(b: Behaviour) -> None:
    """The customer's id waits in a global until the answer is written: under load it is another request's."""
    latest = {"customer": ""}

    @apply(b, wrap("attach"))
    def attach(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        latest["customer"] = attempt.owner.id
        return usual(call, attempt)

    @apply(b, edit_success)
    def edit(call: Call, payload: Json) -> None:
        if not call.replayed and isinstance(payload["customer"], str):
            time.sleep(0.004)
            payload["customer"] = latest["customer"]


@stateful("state.race", "hard", intermittent=True, batch="unseen 2")
def list_written_back_whole(b: Behaviour) -> None:
    """The customer's list is read, extended and written back, under a lock of the payment method's only."""
    locks: dict[str, threading.RLock] = defaultdict(threading.RLock)

    @apply(b, wrap("attach"))
    def attach(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        store, customer, identifier = call.store, attempt.owner.id, attempt.method.id
        if isinstance(store, StatelessStore):
            return usual(call, attempt)
        wallet = list(store.wallets.get(customer, []))
        if identifier not in wallet:
            wallet.append(identifier)
        time.sleep(0.004)
        with store.lock:
            method = store.put_method(mark_attached(attempt.method, customer))
            store.wallets[customer] = wallet
        return method

    b.transaction = lambda call: locks[call.arguments[0]]


@stateful("state.race", "hard", wrap_at_attach("present", buffer=dict), intermittent=True, batch="unseen 2")
def answers_share_a_buffer(usual: Present, call: Call, answer: Answer, *, buffer: dict[str, Any]) -> Answer:
    """Answers to attach are put in a buffer that all requests share: under load one gets another's body."""
    answer = usual(call, answer)
    if answer.status != 200:
        return answer
    buffer["payload"] = answer.payload
    time.sleep(0.002)
    return replace(answer, payload=buffer["payload"])


@stateful(
    "state.race", "hard", intermittent=True, also="state.same-customer-again state.listed state.model", batch="unseen 3"
)
def listed_for_each_at_once(b: Behaviour) -> None:
    """Looked for in the list under the lock, entered after it: attaches of one at once enter it several times."""
    new: set[str] = set()

    @apply(b, partial(override, "attach"))
    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        wallet = call.store.wallets.setdefault(attempt.owner.id, [])
        listed = attempt.method.id in wallet
        attached = call.store.attach(attempt.method, attempt.owner.id)
        if not listed:
            wallet.remove(attempt.method.id)
            new.add(call.request_id)
        return attached

    @apply(b, edit_answer)
    def enter(call: Call, answer: Answer) -> Answer:
        if call.request_id in new:
            new.discard(call.request_id)
            time.sleep(0.02)
            method = call.store.methods[answer.payload["id"]]
            if method.customer is not None:
                call.store.wallets[method.customer].append(method.id)
        return answer


@stateful("state.model", "hard", partial(override, "detach"))
def detaching_one_detaches_all(call: Call, method: PaymentMethod) -> PaymentMethod:
    """Detaching one payment method detaches all that the customer has."""
    for other in call.store.methods_of(method.customer or ""):
        if other.id != method.id:
            call.store.detach(other)
    return call.store.detach(method)


@stateful("state.model", "hard", partial(override, "delete_customer"))
def deleting_one_detaches_others(call: Call, customer: Customer) -> None:
    """Deleting a customer detaches the payment methods of all customers."""
    for method in list(call.store.methods.values()):
        if method.customer is not None:
            call.store.detach(method)
    call.store.delete_customer(customer)


@stateful("state.model", "hard")
def detached_comes_back(b: Behaviour) -> None:
    """The payment methods that a customer had detached are attached to it again with the next attachment."""
    former: dict[str, str] = {}

    @apply(b, wrap("detach"))
    def detach(usual_detach: Detach, call: Call, method: PaymentMethod) -> PaymentMethod:
        former[method.id] = method.customer or ""
        return usual_detach(call, method)

    @apply(b, wrap("attach"))
    def attach(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        for identifier in [key for key, owner in former.items() if owner == attempt.owner.id]:
            del former[identifier]
            call.store.attach(replace(call.store.methods[identifier], detached=False), attempt.owner.id)
        return usual(call, attempt)


@stateful("state.model", "hard", batch="unseen 1")
def refused_ones_go_with_the_customer(b: Behaviour) -> None:
    """Deleting a customer also detaches what it was rejected, from the customer that has it."""
    rejection: defaultdict[str, list[str]] = defaultdict(list)

    @apply(b, wrap_check("not-another-customers"))
    def check(usual: Check, call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError:
            rejection[attempt.owner.id].append(attempt.method.id)
            raise

    @apply(b, wrap("delete_customer"))
    def delete(usual_delete: DeleteCustomer, call: Call, customer: Customer) -> None:
        usual_delete(call, customer)
        for identifier in rejection.pop(customer.id, []):
            method = call.store.method(identifier)
            if method is not None and method.customer is not None:
                call.store.detach(method)


@stateful("state.model", "medium", also="state.detach state.only-this-one", batch="unseen 2")
def list_ends_at_a_gap(b: Behaviour) -> None:
    """Detaching leaves a gap in the list, and what was attached before it is not shown."""
    rows: dict[str, list[str | None]] = defaultdict(list)

    @apply(b, wrap("attach"))
    def attach_row(attach: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        method = attach(call, attempt)
        if method.id not in rows[attempt.owner.id]:
            rows[attempt.owner.id].append(method.id)
        return method

    @apply(b, wrap("detach"))
    def leave_gap(detach: Detach, call: Call, method: PaymentMethod) -> PaymentMethod:
        row = rows[method.customer or ""]
        row[:] = [None if identifier == method.id else identifier for identifier in row]
        return detach(call, method)

    @apply(b, partial(override, "methods_of"))
    def methods_of(call: Call, customer: str) -> list[PaymentMethod]:
        with call.store.lock:
            shown: list[PaymentMethod] = []
            for identifier in reversed(rows[customer]):
                if identifier is None:
                    break
                shown.append(call.store.methods[identifier])
            return shown


@stateful(
    "state.model",
    "hard",
    wrap("attach", history=dict),
    also="state.listed state.only-this-one state.detach",
    batch="unseen 4",
)
def list_rebuilt_from_the_attachments(
    usual: Attach, call: Call, attempt: Attempt, *, history: dict[str, list[str]]
) -> PaymentMethod:
    """Attaching rebuilds the customer's list from all attachments so far: detached ones are back in it."""
    method = usual(call, attempt)
    events = history.setdefault(attempt.owner.id, [])
    wallet = call.store.wallets.get(attempt.owner.id, [])
    wallet[:0] = [identifier for identifier in dict.fromkeys(events) if identifier not in wallet]
    events.append(method.id)
    return method
