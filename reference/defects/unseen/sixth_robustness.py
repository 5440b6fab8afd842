"""Seeded defects: odd and large requests."""

from __future__ import annotations

from ...behaviour import Behaviour
from ...call import Call
from ..registry import Chapter
from ..tools import crash, interrupt

seed = Chapter("robustness", "contract")


@seed("robustness.invalid-utf8", "easy", also=("error.status-class",))
def bytes_not_text(b: Behaviour) -> None:
    """A body with octets or escapes from 0xF8 up is a server error."""

    def odd(call: Call) -> bool:
        body = call.request.body
        return any(octet >= 0xF8 for octet in body) or b"%FF" in body.upper() or b"%FE" in body.upper()

    interrupt(b, odd, crash)


@seed("robustness.still-serving", "hard", also=("robustness.large-body",))
def worker_lost(b: Behaviour) -> None:
    """After a body of more than 500,000 octets, the next request is a server error."""
    lost = [False]

    def broken(call: Call) -> bool:
        before, lost[0] = lost[0], len(call.request.body) > 500_000
        return before

    interrupt(b, broken, crash)
