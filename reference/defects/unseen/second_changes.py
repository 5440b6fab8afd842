"""State as it changes: caches that outlive it, detaching, and many requests at a time."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import replace
from typing import Any

from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call, Endpoint
from ...objects import Customer, PaymentMethod
from ...store import StatelessStore, checked
from ...values import Answer
from ..registry import Chapter
from ..tools import expands, on_attach

seed = Chapter("changes", "stateful")


@seed(
    "state.persisted",
    "hard",
    also=("state.same-object", "state.only-this-one", "state.second-customer", "state.race", "state.model"),
)
def retrieval_cached_from_before_too(b: Behaviour) -> None:
    """Retrieving is cached and attaching does not clear it: what was retrieved before is shown ever after."""
    usual = b.route
    cache: dict[str, Answer] = {}

    def route(call: Call) -> Endpoint:
        endpoint = usual(call)
        names = call.request.path.split("/")[2:]
        if names[0] != "payment_methods" or len(names) < 2 or call.is_attach:
            return endpoint
        if call.request.method != "GET" or len(names) > 2:
            cache.pop(names[1], None)
            return endpoint

        def cached(call: Call) -> Answer:
            if expands(call):
                return endpoint(call)
            if names[1] not in cache:
                answer = endpoint(call)
                if answer.payload["id"] != names[1]:
                    return answer
                cache[names[1]] = answer
            return cache[names[1]]

        return cached

    b.route = route


@seed("state.deleted-customer", "hard", also=("state.model", "stripe.resource-missing-customer"))
def customers_in_use_are_cached(b: Behaviour) -> None:
    """Customers that something was attached to are cached: they can be attached to after they are deleted."""
    find, attach = b.find_customer, b.attach
    cache: dict[str, Customer] = {}

    def find_cached(call: Call, identifier: str) -> Customer | None:
        return cache.get(identifier) or find(call, identifier)

    def remember(call: Call, attempt: Attempt) -> PaymentMethod:
        cache[attempt.owner.id] = attempt.owner
        return attach(call, attempt)

    b.find_customer, b.attach = find_cached, remember


@seed("state.detach", "medium", also=("state.model",))
def detaching_takes_the_newest_off_the_list(b: Behaviour) -> None:
    """Detaching pops the end of the customer's list, whichever payment method was detached."""
    usual = b.detach

    def detach(call: Call, method: PaymentMethod) -> PaymentMethod:
        wallet = call.store.wallets.get(method.customer or "", [])
        before = list(wallet)
        result = usual(call, method)
        wallet[:] = before[:-1]
        return result

    b.detach = detach


@seed("state.model", "medium", also=("state.detach", "state.only-this-one"))
def list_ends_at_a_gap(b: Behaviour) -> None:
    """Detaching leaves a gap in the list, and what was attached before it is not shown."""
    attach, detach = b.attach, b.detach
    rows: dict[str, list[str | None]] = defaultdict(list)

    def attach_row(call: Call, attempt: Attempt) -> PaymentMethod:
        method = attach(call, attempt)
        if method.id not in rows[attempt.owner.id]:
            rows[attempt.owner.id].append(method.id)
        return method

    def leave_gap(call: Call, method: PaymentMethod) -> PaymentMethod:
        row = rows[method.customer or ""]
        row[:] = [None if identifier == method.id else identifier for identifier in row]
        return detach(call, method)

    def methods_of(call: Call, customer: str) -> list[PaymentMethod]:
        with call.store.lock:
            shown: list[PaymentMethod] = []
            for identifier in reversed(rows[customer]):
                if identifier is None:
                    break
                shown.append(call.store.methods[identifier])
            return shown

    b.attach, b.detach, b.methods_of = attach_row, leave_gap, methods_of


@seed("state.race", "hard", intermittent=True)
def list_written_back_whole(b: Behaviour) -> None:
    """The customer's list is read, extended and written back, under a lock of the payment method's only."""
    locks: dict[str, threading.RLock] = defaultdict(threading.RLock)
    usual = b.attach

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        store, customer, identifier = call.store, attempt.owner.id, attempt.method.id
        if isinstance(store, StatelessStore):
            return usual(call, attempt)
        wallet = list(store.wallets.get(customer, []))
        if identifier not in wallet:
            wallet.append(identifier)
        time.sleep(0.004)
        with store.lock:
            method = store.put_method(checked(attempt.method, customer))
            store.wallets[customer] = wallet
        return method

    b.transaction = lambda call: locks[call.arguments[0]]
    b.attach = attach


@seed("state.race", "hard", intermittent=True)
def answers_share_a_buffer(b: Behaviour) -> None:
    """Answers to attach are put in a buffer that all requests share: under load one gets another's body."""
    usual = b.present
    buffer: dict[str, Any] = {}

    def present(call: Call, answer: Answer) -> Answer:
        answer = usual(call, answer)
        if answer.status != 200:
            return answer
        buffer["payload"] = answer.payload
        time.sleep(0.002)
        return replace(answer, payload=buffer["payload"])

    b.present = on_attach(usual, present)
