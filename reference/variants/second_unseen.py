"""More ways to conform, written without a look at the tests."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..attach import Attempt
from ..behaviour import Behaviour
from ..call import Call, Endpoint
from ..cards import by_shared_id
from ..errors import ApiError, Refusal, already_attached
from ..forms import Form, Pair
from ..objects import Customer
from ..values import Json
from .registry import STATEFUL, STRIPE, Variants
from .shape import edit_methods

variant = Variants()

WAIT = "This object cannot be accessed right now because another API request is currently accessing it."


@variant(STRIPE)
def slashes_escaped(b: Behaviour) -> None:
    r"""JSON as PHP writes it: `\/` for a slash, and every letter beyond ASCII as `\uXXXX`."""
    usual = b.dump

    def dump(call: Call, payload: object) -> bytes:
        text = usual(call, payload).decode().replace("/", "\\/")
        units = (char if char.isascii() else _escaped(char) for char in text)
        return "".join(units).encode("ascii")

    b.dump = dump


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


@variant(STRIPE)
def first_of_two_counts(b: Behaviour) -> None:
    """Of two values of the same name the first one counts."""
    usual = b.build

    def build(call: Call, pairs: Sequence[Pair]) -> Form:
        kept: dict[object, Pair] = {}
        for position, pair in enumerate(pairs):
            kept.setdefault(position if pair[0].endswith("[]") else pair[0], pair)
        return replace(usual(call, list(kept.values())), pairs=tuple(pairs))

    b.build = build


@variant(STRIPE)
def path_looked_up_first(b: Behaviour) -> None:
    """The payment method is looked up before anything else, and unknown parameters are noticed last."""
    order = ("payment-method", "customer-structure", "expand-structure")
    last = b.checks.pop("unknown-parameters")
    known = {name: b.checks.pop(name) for name in order}
    deeds = {name: b.checks.pop(name) for name in ("not-another-customers", "not-detached", "not-declined")}
    b.checks = known | b.checks | {"unknown-parameters": last} | deeds


@variant(STRIPE)
def methods_outlive_their_customer(b: Behaviour) -> None:
    """Deleting a customer leaves its payment methods as they are, with the customer's id."""

    def delete(call: Call, customer: Customer) -> None:
        call.store.put_customer(replace(customer, deleted=True, default_payment_method=None))

    b.delete_customer = delete


@variant(STRIPE)
def busy_is_a_conflict(b: Behaviour) -> None:
    """Who wants a payment method that another request has in hand does not wait, but gets 409."""
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
            raise ApiError(Refusal("busy", 409, WAIT, code="lock_timeout"))
        try:
            with call.store.lock:
                yield
        finally:
            lock.release()

    b.transaction = transaction


@variant(STRIPE)
def now_and_then_too_many(b: Behaviour) -> None:
    """Every 15th attach is answered with 429 before anything is done, and may be tried again at once."""
    usual, turns = b.route, itertools.count(1)

    def route(call: Call) -> Endpoint:
        endpoint = usual(call)
        if call.is_attach and next(turns) % 15 == 0:
            retry = (("Stripe-Should-Retry", "true"), ("Retry-After", "0"))
            raise ApiError(Refusal("rate", 429, WAIT, code="lock_timeout", headers=retry))
        return endpoint

    b.route = route


@variant(STRIPE)
def empty_metadata_left_out(b: Behaviour) -> None:
    """A payment method without metadata is shown without the member, everywhere."""

    def leave_out(payload: Json) -> None:
        if not payload["metadata"]:
            del payload["metadata"]

    edit_methods(b, leave_out)


@variant(STATEFUL)
def attached_once_but_returnable(b: Behaviour) -> None:
    """What is attached is refused even to its own customer, with 409; what was detached is free again."""

    def check(call: Call, attempt: Attempt) -> None:
        if attempt.method.customer is not None:
            raise ApiError(replace(already_attached().refusal, status=409))

    b.checks["not-another-customers"] = check
    del b.checks["not-detached"]
