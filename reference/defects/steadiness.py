"""Servers that a request harms, and answers that change though the request does not."""

from __future__ import annotations

import contextlib
import itertools
import re
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from ..app import write_answer
from ..behaviour import Behaviour, Build, FindMethod, Finish, ReadName, Serve, Split, Unquote
from ..call import Call
from ..changes import (
    Change,
    apply,
    change,
    counter,
    crash,
    edit_answer,
    interrupt,
    is_authentic,
    remembering,
    skip_check,
    wrap,
    wrap_at_attach,
)
from ..objects.models import PaymentMethod
from ..rules import errors
from ..rules.attach import Attempt
from ..rules.errors import ApiError, malformed_form, wire_error
from ..rules.forms import BROKEN_ESCAPE, Form, Pair, RawPair
from ..wire.values import RESET, Answer, Response
from .parts import FORM_ROOM, decoded_body, hang_up, id_in_path, is_utf8, unexpected_error
from .registry import Topic

contract = Topic("contract")

SAME = "robustness.same-request-same-answer"
CRASH = "error.status-class robustness.still-serving"


def is_plain(call: Call) -> bool:
    """Return whether a request attaches and has nothing but a customer."""
    return re.fullmatch(rb"customer=[A-Za-z0-9_]+", call.request.body) is not None


def poison(when: Callable[[Call], bool], then: Callable[[Call], Response]) -> Change:
    """Answer the next plain request wrongly, once, after a request of some kind."""

    @wrap("serve", poisoned=list)
    def serve(usual: Serve, call: Call, *, poisoned: list[bool]) -> Response:
        if not call.is_attach:
            return usual(call)
        if when(call):
            poisoned[:] = [True]
            return usual(call)
        if not poisoned or not is_plain(call):
            return usual(call)
        poisoned.clear()
        return then(call)

    return serve


contract.row("malformed-body-breaks-the-next", "robustness.still-serving", "medium")(
    "After a malformed body the next good request is a 500.",
    poison(lambda call: bool(BROKEN_ESCAPE.search(call.request.body)), crash),
)
contract.row("invalid-utf8-loses-the-next", "robustness.still-serving", "hard")(
    "After bytes that are no UTF-8 the next good request loses its connection.",
    poison(lambda call: not is_utf8(decoded_body(call)), hang_up),
)


@contract("robustness.still-serving", "hard")
def long_path_refuses_the_next(b: Behaviour) -> None:
    """After a very long id in the path the next good request is rejected."""
    usual = b.serve

    @apply(b, partial(poison, lambda call: len(id_in_path(call)) > 2000))
    def empty(call: Call) -> Response:
        call.request = replace(call.request, body=b"")
        return usual(call)


contract.row("many-parameters-break-the-next", "robustness.still-serving", "hard")(
    "After thousands of parameters the next good request is a 500.",
    poison(lambda call: call.request.body.count(b"&") >= 5000, crash),
)
MOST_READ = 64 * 1024


@contract("robustness.still-serving", "hard", also="robustness.large-body robustness.long-value")
def rest_of_a_body_is_the_next_request(b: Behaviour) -> None:
    """A body of more than 64 KiB is rejected with 413 and not read: what is left of it spoils the next request."""
    b.limits = replace(b.limits, unread=MOST_READ)

    @apply(b, wrap("serve"))
    def serve(usual: Serve, call: Call) -> Response:
        announced = dict(call.request.headers).get("content-length", "0")
        if int(announced) > MOST_READ:
            rejection = wire_error(413, "Request body is too large.").rejection
            return write_answer(call, call.behaviour.reject(call, rejection))
        return usual(call)


LEFT_OVER = b"%left-over"


@contract("robustness.still-serving", "medium", batch="unseen 1")
def broken_form_spoils_the_next(b: Behaviour) -> None:
    """After a form that could not be decoded, the next request on the same connection cannot be either."""
    spoilt: set[int] = set()

    @apply(b, wrap_at_attach("split"))
    def split(usual: Split, call: Call, body: bytes) -> Sequence[RawPair]:
        if call.request.connection in spoilt:
            spoilt.discard(call.request.connection)
            return [(LEFT_OVER, b"")]
        return usual(call, body)

    @apply(b, wrap_at_attach("unquote"))
    def unquote(unquoted: Unquote, call: Call, raw: bytes) -> str:
        try:
            return unquoted(call, raw)
        except ApiError:
            if raw != LEFT_OVER:
                spoilt.add(call.request.connection)
            raise


@contract("robustness.still-serving", "hard", batch="unseen 2")
def depth_not_unwound(b: Behaviour) -> None:
    """After brackets too deep the parser's depth is not taken back, and the next form is rejected."""
    depths = [0]

    @apply(b, wrap_at_attach("read_name"))
    def read_name(usual: ReadName, call: Call, name: str) -> tuple[str, ...]:
        if depths[0]:
            depths[0] = 0
            raise malformed_form()
        try:
            return usual(call, name)
        except ApiError:
            depths[0] = name.count("[")
            raise


@contract("robustness.still-serving", "hard", batch="unseen 3")
def unread_body_is_the_next_request(b: Behaviour) -> None:
    """A body of more than 64 KiB is rejected unread; on a kept connection it is taken for the next request."""
    unread: set[int] = set()

    def wire(call: Call, status: int, message: str) -> Response:
        return write_answer(call, call.behaviour.reject(call, wire_error(status, message).rejection))

    @apply(b, wrap("serve"))
    def serve(usual: Serve, call: Call) -> Response:
        connection = call.request.connection
        if connection in unread:
            unread.discard(connection)
            return replace(wire(call, 400, "Malformed request line."), close=True)
        if call.is_attach and len(call.request.body) > FORM_ROOM and is_authentic(call):
            unread.add(connection)
            return wire(call, 413, "Request body is too large.")
        return usual(call)


@contract(
    "robustness.still-serving",
    "medium",
    also="state.refusal-changes-nothing robustness.malformed-encoding robustness.invalid-utf8",
    batch="unseen 4",
)
def decoder_keeps_its_error(b: Behaviour) -> None:
    """The decoder's error is not reset: after what it can't decode the next good request is rejected too."""
    failed: list[bool] = []

    @apply(b, wrap_at_attach("unquote"))
    def noting(unquote: Unquote, call: Call, raw: bytes) -> str:
        try:
            return unquote(call, raw)
        except ApiError:
            failed[:] = [True]
            raise

    @apply(b, wrap_at_attach("build"))
    def late(build: Build, call: Call, pairs: Sequence[Pair]) -> Form:
        if failed:
            failed.clear()
            raise errors.malformed_form()
        return build(call, pairs)


MANY = 1000


@contract("robustness.still-serving", "hard", wrap_at_attach("build", pending=list), batch="unseen 5")
def count_goes_on_after_many(usual: Build, call: Call, pairs: Sequence[Pair], *, pending: list[bool]) -> Form:
    """After a body of more than 1000 parameters, the next request is rejected as malformed."""
    if pending:
        pending.clear()
        raise malformed_form()
    if len(pairs) > MANY:
        pending.append(True)
    return usual(call, pairs)


@contract("robustness.still-serving", "hard", also="robustness.large-body", batch="unseen 6")
def worker_lost(b: Behaviour) -> None:
    """After a body of more than 500,000 octets, the next request is a server error."""
    lost = [False]

    @apply(b, partial(interrupt, answer=crash))
    def broken(call: Call) -> bool:
        before, lost[0] = lost[0], len(call.request.body) > 500_000
        return before


@change
def interrupt_every(b: Behaviour, period: int, answer: Callable[[Call], Response]) -> None:
    """Answer every `period`th request in another way."""
    turn = counter(period)
    interrupt(lambda call: turn(), answer)(b)


@change
def interrupt_fortieth(b: Behaviour, answer: Callable[[Call], Response]) -> None:
    """Answer the 40th request to attach on each connection in another way, and the 80th, and so on."""
    counts = Counter[int]()

    def is_fortieth(call: Call) -> bool:
        counts[call.request.connection] += 1
        return counts[call.request.connection] % 40 == 0

    interrupt(is_fortieth, answer)(b)


contract.row("every-twentieth-crashes", SAME, "medium", intermittent=True, also=CRASH)(
    "Every 20th request is a 500.", interrupt_every(20, crash)
)
contract.row("every-fiftieth-crashes", SAME, "hard", intermittent=True, also=CRASH)(
    "Every 50th request is a 500.", interrupt_every(50, crash)
)
contract.row("every-fiftieth-drops", SAME, "hard", intermittent=True, also="robustness.still-serving")(
    "Every 50th request loses its connection.", interrupt_every(50, hang_up)
)
contract.row("fortieth-on-a-connection-drops", SAME, "hard", intermittent=True, also="robustness.still-serving")(
    "The 40th request to attach on a connection is not answered any more.", interrupt_fortieth(hang_up)
)
contract.row("fortieth-on-a-connection-crashes", SAME, "hard", intermittent=True, also=CRASH)(
    "Every 40th request to attach on a connection is a 500.", interrupt_fortieth(crash)
)


@contract(SAME, "hard", intermittent=True)
def fiftieth_refusal_in_a_row_crashes(b: Behaviour) -> None:
    """After 49 consecutive rejections the next answer is a 500."""
    rejections = [0]

    @apply(b, wrap("finish"))
    def finish(usual: Finish, call: Call, response: Response) -> Response:
        response = usual(call, response)
        if call.is_attach:
            is_rejection = 400 <= response.status < 500
            rejections[0] = rejections[0] + 1 if is_rejection else 0
        return response

    interrupt(lambda call: rejections[0] >= 49, crash)(b)


contract.row("every-fortieth-is-reset", SAME, "hard", intermittent=True, also="robustness.still-serving")(
    "Every 40th request resets its connection.", interrupt_every(40, lambda call: RESET)
)


@contract(
    SAME,
    "hard",
    remembering(partial(interrupt, answer=lambda call: RESET), turn=partial(counter, 12)),
    intermittent=True,
    also="robustness.still-serving",
)
def every_twelfth_on_kept_is_reset(call: Call, *, turn: Callable[[], bool]) -> bool:
    """On a connection that was used before, every 12th request resets it."""
    return call.request.position > 1 and turn()


@contract(SAME, "medium", intermittent=True, also="error.status-class", batch="unseen 1")
def fiftieth_on_a_connection(b: Behaviour) -> None:
    """Every fiftieth attach request of one kept connection fails with a 500."""
    turns: defaultdict[int, Iterator[int]] = defaultdict(lambda: itertools.count(1))
    interrupt(lambda call: next(turns[call.request.connection]) % 50 == 0, crash)(b)


@contract(SAME, "hard", wrap_at_attach("split"), intermittent=True, batch="unseen 2")
def every_fiftieth_body_is_lost(usual: Split, call: Call, body: bytes) -> Sequence[RawPair]:
    """On a kept connection every 50th request is read as if it had no body."""
    return [] if call.request.position % 50 == 0 else usual(call, body)


@contract(
    SAME,
    "hard",
    remembering(edit_answer, turn=partial(counter, 16)),
    intermittent=True,
    also="response.status",
    batch="unseen 3",
)
def every_sixteenth_is_accepted(call: Call, answer: Answer, *, turn: Callable[[], bool]) -> Answer:
    """When the pool is busy the work is handed over and done at once: every 16th success is a 202."""
    return replace(answer, status=202) if answer.status == 200 and turn() else answer


@contract(
    SAME,
    "hard",
    intermittent=True,
    also="body.unknown-parameter-nested stripe.parameter-unknown body.unknown-parameter state.refusal-changes-nothing",
    batch="unseen 3",
)
def every_twelfth_extra_passes(b: Behaviour) -> None:
    """The compiled list of names is renewed now and then: the twelfth unknown parameter each time passes."""
    turn = counter(12)

    @apply(b, partial(skip_check, "unknown-parameters"))
    def passes(call: Call, attempt: Attempt) -> bool:
        return not set(call.parameters.tree) <= {"customer", "expand"} and turn()


@contract(SAME, "hard", intermittent=True, also="state.race error.status-class idempotency.in-use", batch="unseen 3")
def database_is_locked(b: Behaviour) -> None:
    """The database takes one writer at a time: who comes while another attach is on its way gets 500."""
    usual, writer = b.transaction, threading.Lock()

    @contextlib.contextmanager
    def transaction(call: Call) -> Iterator[None]:
        if not writer.acquire(blocking=False):
            raise unexpected_error()
        try:
            with usual(call):
                time.sleep(0.02)
                yield
        finally:
            writer.release()

    b.transaction = transaction


@contract(
    SAME,
    "hard",
    wrap("find_payment_method", behind=partial(counter, 12)),
    intermittent=True,
    also="state.race",
    batch="unseen 4",
)
def one_replica_is_behind(
    usual: FindMethod, call: Call, identifier: str, *, behind: Callable[[], bool]
) -> PaymentMethod | None:
    """One look-up in twelve goes to a replica that is behind, and does not find the payment method."""
    return None if behind() else usual(call, identifier)


TURNS = 20


@contract(SAME, "hard", wrap_at_attach("split"), also="robustness.still-serving request.minimal-body", batch="unseen 5")
def body_lost_on_old_connections(usual: Split, call: Call, body: bytes) -> Sequence[RawPair]:
    """From the 20th request on a connection on, the body is not read, and `customer` is missing."""
    return [] if call.request.position >= TURNS else usual(call, body)


@contract(
    SAME,
    "hard",
    partial(interrupt, lambda call: call.request.position >= 30),
    also="robustness.still-serving",
    batch="unseen 7",
)
def kept_connection_wears_out(call: Call) -> Response:
    """From its thirtieth request on, a kept connection is answered with 400."""
    call.authenticated = True
    error = {"message": "Too many requests on this connection.", "type": "invalid_request_error"}
    return write_answer(call, Answer(400, {"error": error}))
