"""Other ways to treat parallel and repeated requests."""

from __future__ import annotations

import contextlib
import itertools
import re
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Any

from ..behaviour import Behaviour, Conflict, Finish, Once, Route, Serve
from ..call import Call, Endpoint
from ..changes import Change, apply, change, override, wrap
from ..objects import cards
from ..objects.cards import by_shared_id
from ..rules import attach
from ..rules.errors import ApiError, Rejection
from ..rules.forms import flat
from ..rules.idempotency import Entry
from ..wire.values import Answer, Headers, Response
from .registry import STATEFUL, STRIPE, Variants

variant = Variants()


@change
def reject_losers(
    b: Behaviour, status: int, code: str, wanted: Callable[[Call], str] = lambda call: call.request.path
) -> None:
    """Reject other requests while what is `wanted`, by default the payment method, is being attached."""
    usual, lock, busy = b.route, threading.Lock(), set[str]()

    def alone(call: Call) -> Answer:
        name = wanted(call)
        with lock:
            taken = name in busy
            busy.add(name)
        if taken:
            text = "This object cannot be accessed right now because another request is accessing it."
            raise ApiError(Rejection("busy", status, text, code=code))
        try:
            time.sleep(0.02)
            return attach.endpoint(call)
        finally:
            with lock:
                busy.discard(name)

    def route(call: Call) -> Endpoint:
        endpoint = usual(call)
        shared = call.is_attach and cards.by_shared_id(call.arguments[0]) is not None
        return alone if endpoint is attach.endpoint and not shared else endpoint

    b.route = route


variant.row("race-losers-get-409", STRIPE)(
    "All but the first of simultaneous requests for one payment method are answered with 409.",
    reject_losers(409, "resource_busy"),
)
variant.row("race-losers-get-429", STRIPE)(
    "All but the first of simultaneous requests for one payment method are answered with 429.",
    reject_losers(429, "lock_timeout"),
)
variant.row("no-idempotency", STATEFUL)(
    "Idempotency keys mean nothing.", override("once", lambda call, endpoint: endpoint(call))
)


@variant(STRIPE, batch="unseen 1")
def waits_for_the_first(b: Behaviour) -> None:
    """A request whose idempotency key is in use waits until the first is done, and is its replay."""

    def slowly(call: Call, endpoint: Endpoint) -> Answer:
        if call.request.header("idempotency-key") is not None:
            time.sleep(0.01)
        return endpoint(call)

    @apply(b, wrap("once"))
    def once(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
        until = time.monotonic() + 5.0
        while True:
            try:
                return usual(call, lambda call: slowly(call, endpoint))
            except ApiError as error:
                if error.rejection.rule != "key-in-use" or time.monotonic() > until:
                    raise
            time.sleep(0.002)


@variant(STRIPE, batch="unseen 1")
def conflict_for_the_loser(b: Behaviour) -> None:
    """One of simultaneous attaches of one payment method is executed, and the others are answered 409."""
    busy: set[str] = set()
    guard = threading.Lock()

    def transaction(call: Call) -> AbstractContextManager[Any]:
        identifier = call.arguments[0]
        return usual(call) if by_shared_id(identifier) is not None else alone(call, identifier)

    @contextlib.contextmanager
    def alone(call: Call, identifier: str) -> Iterator[None]:
        with guard:
            if identifier in busy:
                text = "This object cannot be accessed right now because another API request is using it."
                raise ApiError(Rejection("variant", 409, text, code="lock_timeout"))
            busy.add(identifier)
        time.sleep(0.003)
        try:
            with usual(call):
                yield
        finally:
            with guard:
                busy.discard(identifier)

    usual = b.transaction
    b.transaction = transaction


WAIT = "This object cannot be accessed right now because another API request is currently accessing it."


@variant(STRIPE, batch="unseen 2")
def busy_is_a_conflict(b: Behaviour) -> None:
    """A request for a payment method that another request is using does not wait, but gets 409."""
    locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    @contextlib.contextmanager
    def transaction(call: Call) -> Iterator[None]:
        identifier = call.arguments[0]
        if by_shared_id(identifier) is not None:
            with call.store.lock:
                yield
            return
        lock = locks[identifier]
        if not lock.acquire(blocking=False):
            raise ApiError(Rejection("busy", 409, WAIT, code="lock_timeout"))
        try:
            with call.store.lock:
                yield
        finally:
            lock.release()

    b.transaction = transaction


@variant(STRIPE, wrap("route", turns=partial(itertools.count, 1)), batch="unseen 2")
def now_and_then_too_many(usual: Route, call: Call, *, turns: Iterator[int]) -> Endpoint:
    """Every 15th attach is answered with 429 before anything is done, and may be tried again at once."""
    endpoint = usual(call)
    if call.is_attach and next(turns) % 15 == 0:
        retry = (("Stripe-Should-Retry", "true"), ("Retry-After", "0"))
        raise ApiError(Rejection("rate", 429, WAIT, code="lock_timeout", headers=retry))
    return endpoint


variant.row("busy-customer-is-409", STRIPE, batch="reading 1")(
    "A customer is locked while something is attached to it: another attach at that time is answered with 409.",
    reject_losers(409, "lock_timeout", lambda call: call.parameters.text("customer") or ""),
)


ALARMS = "alarms 1"


def too_many(reason: str, headers: Headers = ()) -> ApiError:
    """Return the rejection of a request that comes too soon."""
    limited = (("Stripe-Rate-Limited-Reason", reason), *headers)
    return ApiError(Rejection("rate", 429, "Too many requests.", code="rate_limit", headers=limited))


@variant(STRIPE, wrap("route", busy=lambda: threading.BoundedSemaphore(1)), batch=ALARMS)
def one_at_a_time(usual: Route, call: Call, *, busy: threading.BoundedSemaphore) -> Endpoint:
    """While one request of the account is executed, any other is answered with 429."""
    endpoint = usual(call)

    def alone(call: Call) -> Answer:
        if not busy.acquire(blocking=False):
            raise too_many("global-concurrency")
        try:
            time.sleep(0.002)
            return endpoint(call)
        finally:
            busy.release()

    return alone


@variant(STRIPE, wrap("serve", turn=threading.Lock), batch=ALARMS)
def single_threaded(usual: Serve, call: Call, *, turn: threading.Lock) -> Response:
    """One request is served after the other, each in 2 ms: those that come at once wait."""
    with turn:
        time.sleep(0.002)
        return usual(call)


def rate(count: int, seconds: float, reason: str, headers: Headers = ()) -> Change:
    """Reject a request with 429 where `count` came within the last `seconds`; rejected ones do not count."""

    @wrap("route", moments=deque, guard=threading.Lock)
    def route(usual: Route, call: Call, *, moments: deque[float], guard: threading.Lock) -> Endpoint:
        endpoint = usual(call)
        now = time.monotonic()
        with guard:
            while moments and moments[0] < now - seconds:
                moments.popleft()
            if len(moments) >= count:
                raise too_many(reason, headers)
            moments.append(now)
        return endpoint

    return route


variant.row("twenty-five-a-second", STRIPE, batch=ALARMS)(
    "More than 25 requests in a second are answered with 429, which says neither when nor whether to try again.",
    rate(25, 1.0, "global-rate"),
)
variant.row("forty-in-two-seconds", STRIPE, batch=ALARMS)(
    "More than 40 requests in two seconds are answered with 429 and `Retry-After: 1`.",
    rate(40, 2.0, "endpoint-rate", (("Retry-After", "1"),)),
)


variant.row("keys-belong-to-a-path", STRIPE, deviates=("idempotency.other-path-type",), batch=ALARMS)(
    "An idempotency key counts for its path alone: on another one it is a new key.",
    override("idempotency_name", lambda call, key: (call.request.path, key)),
)


@variant(STRIPE, wrap("idempotency_conflict"), deviates=("idempotency.parameter-order",), batch=ALARMS)
def keys_compare_pairs_in_order(usual: Conflict, call: Call, earlier: Entry) -> str | None:
    """Parameters in another order are other parameters to an idempotency key."""
    is_other = list(flat(earlier.tree)) != list(flat(call.parameters.tree))
    return "The parameters stand in another order." if is_other else usual(call, earlier)


@variant(STRIPE, wrap("finish"), batch=ALARMS)
def replays_with_fewer_headers(usual: Finish, call: Call, response: Response) -> Response:
    """A replay has no Idempotency-Key, no Original-Request and no Stripe-Should-Retry."""
    response = usual(call, response)
    if not call.replayed:
        return response
    rest = response.without("Idempotency-Key", "Original-Request", "Stripe-Should-Retry", "Idempotent-Replayed")
    return replace(rest, headers=(("idempotent-replayed", "true"), *rest.headers))


@variant(STRIPE, wrap("once"), batch="alarms 3")
def keys_of_letters_digits_and_hyphens(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
    """An idempotency key with any character but letters, digits, hyphens and underscores is rejected."""
    key = call.request.header("idempotency-key")
    if key is not None and not re.fullmatch(r"[A-Za-z0-9_-]+", key):
        raise ApiError(Rejection("variant", 400, "Malformed idempotency key.", type="idempotency_error"))
    return usual(call, endpoint)


@variant(STRIPE, wrap("finish"), batch=ALARMS)
def first_answers_are_no_replays(usual: Finish, call: Call, response: Response) -> Response:
    """The first answer to an idempotency key says so: `Idempotent-Replayed: false`."""
    response = usual(call, response)
    is_first = call.idempotency_key is not None and not call.replayed
    return response.with_header("Idempotent-Replayed", "false") if is_first else response
