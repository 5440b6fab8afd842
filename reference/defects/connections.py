"""Requests that a server reads and then resets the connection over, which looks like a connection that was idle."""

from __future__ import annotations

from ..behaviour import Behaviour
from ..call import Call
from ..values import RESET
from .registry import Chapter
from .repetition import ELSEWHERE, SAME
from .tools import counter, interrupt

seed = Chapter("connections", "contract")

ALSO = ("robustness.still-serving",)


@seed(SAME, "hard", intermittent=True, also=ALSO, why=ELSEWHERE)
def every_fortieth_is_reset(b: Behaviour) -> None:
    """Every 40th request resets its connection."""
    turn = counter(40)
    interrupt(b, lambda call: turn(), lambda call: RESET)


@seed(SAME, "hard", intermittent=True, also=ALSO, why=ELSEWHERE)
def every_twelfth_on_kept_is_reset(b: Behaviour) -> None:
    """On a connection that was used before, every 12th request resets it."""
    turn = counter(12)

    def is_due(call: Call) -> bool:
        return call.request.position > 1 and turn()

    interrupt(b, is_due, lambda call: RESET)
