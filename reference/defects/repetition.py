"""Answers that change though the request does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from ..behaviour import Behaviour
from ..call import Call
from ..values import DROPPED, Response
from .registry import Chapter
from .tools import counter, crash, interrupt

seed = Chapter("repetition", "contract")

SAME = "robustness.same-request-same-answer"
ELSEWHERE = "The request that is hit may be another clause's, whichever that is."
CRASH = ("error.status-class", "robustness.still-serving")


@seed(SAME, "medium", intermittent=True, also=CRASH, why=ELSEWHERE)
def every_twentieth_crashes(b: Behaviour) -> None:
    """Every 20th request is a 500."""
    turn = counter(20)
    interrupt(b, lambda call: turn(), crash)


@seed(SAME, "hard", intermittent=True, also=CRASH, why=ELSEWHERE)
def every_fiftieth_crashes(b: Behaviour) -> None:
    """Every 50th request is a 500."""
    turn = counter(50)
    interrupt(b, lambda call: turn(), crash)


@seed(SAME, "hard", intermittent=True, also=CRASH[1:], why=ELSEWHERE)
def every_fiftieth_drops(b: Behaviour) -> None:
    """Every 50th request loses its connection."""
    turn = counter(50)
    interrupt(b, lambda call: turn(), lambda call: DROPPED)


def fortieth_attach(call: Call, counts: Counter[int]) -> bool:
    """Whether 39 requests to attach have come on this connection before, or 79, and so on."""
    counts[call.request.connection] += 1
    return counts[call.request.connection] % 40 == 0


@seed(SAME, "hard", intermittent=True, also=CRASH[1:], why=ELSEWHERE)
def fortieth_on_a_connection_drops(b: Behaviour) -> None:
    """The 40th request to attach on a connection is not answered any more."""
    counts = Counter[int]()
    interrupt(b, lambda call: fortieth_attach(call, counts), lambda call: DROPPED)


@seed(SAME, "hard", intermittent=True, also=CRASH, why=ELSEWHERE)
def fortieth_on_a_connection_crashes(b: Behaviour) -> None:
    """Every 40th request to attach on a connection is a 500."""
    counts = Counter[int]()
    interrupt(b, lambda call: fortieth_attach(call, counts), crash)


def in_a_row(b: Behaviour, length: int, kind: Callable[[Response], bool]) -> Callable[[Call], bool]:
    """Whether so many answers of one kind have been given in a row."""
    usual, row = b.finish, [0]

    def finish(call: Call, response: Response) -> Response:
        response = usual(call, response)
        if call.is_attach:
            row[0] = row[0] + 1 if kind(response) else 0
        return response

    b.finish = finish
    return lambda call: row[0] >= length


@seed(SAME, "hard", intermittent=True)
def fiftieth_refusal_in_a_row_crashes(b: Behaviour) -> None:
    """After 49 refusals in a row the next answer is a 500."""
    due = in_a_row(b, 49, lambda response: 400 <= response.status < 500)
    interrupt(b, due, crash)
