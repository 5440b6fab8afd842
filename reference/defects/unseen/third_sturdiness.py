"""Requests that are hard on a server, and what they leave behind."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ...app import written
from ...behaviour import Behaviour
from ...call import Call
from ...errors import Refusal, wire_error
from ...forms import Form, Pair
from ...values import Response
from ..registry import Chapter
from ..tools import is_authentic, on_attach
from .third_refusals import crashed

seed = Chapter("robustness", "contract")

ROOM = 64 * 1024
LONGEST_WAIT = 150.0


@seed("robustness.control-characters", "hard", also=("request.value-exact-whitespace",))
def customer_in_a_header(b: Behaviour) -> None:
    """An id that is not there is logged in a header, as it came: a line end in it breaks the answer."""
    usual = b.amend

    def amend(call: Call, refusal: Refusal) -> Refusal:
        refusal = usual(call, refusal)
        sent = call.parameters.text("customer") if call.is_attach and call.form else None
        if refusal.rule != "no-such-customer" or sent is None:
            return refusal
        return replace(refusal, headers=(("X-Customer", sent), *refusal.headers))

    b.amend = amend


@seed("robustness.long-value", "medium", also=("robustness.large-body", "body.customer-max-length"))
def time_grows_with_the_square(b: Behaviour) -> None:
    """A pattern goes over `customer` again for each of its characters: 100,000 of them take two minutes."""
    usual = b.build

    def build(call: Call, pairs: Sequence[Pair]) -> Form:
        longest = max((len(value) for name, value in pairs if name == "customer"), default=0)
        if longest > ROOM // 16:
            time.sleep(min(LONGEST_WAIT, (longest / 9000) ** 2))
        return usual(call, pairs)

    b.build = on_attach(usual, build)


@seed("robustness.still-serving", "hard")
def unread_body_is_the_next_request(b: Behaviour) -> None:
    """A body of more than 64 KiB is refused unread; on a kept connection it is taken for the next request."""
    usual = b.serve
    unread: set[int] = set()

    def wire(call: Call, status: int, message: str) -> Response:
        return written(call, call.behaviour.refuse(call, wire_error(status, message).refusal))

    def serve(call: Call) -> Response:
        connection = call.request.connection
        if connection in unread:
            unread.discard(connection)
            return replace(wire(call, 400, "Malformed request line."), close=True)
        if call.is_attach and len(call.request.body) > ROOM and is_authentic(call):
            unread.add(connection)
            return wire(call, 413, "Request body is too large.")
        return usual(call)

    b.serve = serve


@seed(
    "robustness.same-request-same-answer",
    "hard",
    intermittent=True,
    also=("state.race", "error.status-class", "idempotency.in-use"),
)
def database_is_locked(b: Behaviour) -> None:
    """The database takes one writer at a time: who comes while another attach is on its way gets 500."""
    usual, writer = b.transaction, threading.Lock()

    @contextlib.contextmanager
    def transaction(call: Call) -> Iterator[None]:
        if not writer.acquire(blocking=False):
            raise crashed()
        try:
            with usual(call):
                time.sleep(0.02)
                yield
        finally:
            writer.release()

    b.transaction = transaction
