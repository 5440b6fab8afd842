"""Seeded defects: odd and large requests."""

from __future__ import annotations

from ...behaviour import Behaviour
from ...call import Call
from ..registry import Chapter
from ..tools import counter, crash, interrupt

seed = Chapter("robustness", "contract")


@seed("robustness.invalid-utf8", "easy", also=("error.status-class",))
def bytes_not_text(b: Behaviour) -> None:
    """A body with octets or escapes from 0xF8 up is a server error."""

    def odd(call: Call) -> bool:
        body = call.request.body
        return any(octet >= 0xF8 for octet in body) or b"%FF" in body.upper() or b"%FE" in body.upper()

    interrupt(b, odd, crash)


@seed("robustness.deep-brackets", "easy", also=("error.status-class",))
def brackets_recurse(b: Behaviour) -> None:
    """A name of more than 50 brackets is a server error."""

    def deep(call: Call) -> bool:
        names = (part.partition(b"=")[0].upper().replace(b"%5B", b"[") for part in call.request.body.split(b"&"))
        return any(name.count(b"[") > 50 for name in names)

    interrupt(b, deep, crash)


@seed("robustness.chunked-body", "easy", also=("error.status-class",))
def length_needed(b: Behaviour) -> None:
    """A body without a Content-Length is a server error."""
    interrupt(b, lambda call: call.request.chunked, crash)


@seed("robustness.still-serving", "hard", also=("robustness.large-body",))
def worker_lost(b: Behaviour) -> None:
    """After a body of more than 500,000 octets, the next request is a server error."""
    lost = [False]

    def broken(call: Call) -> bool:
        before, lost[0] = lost[0], len(call.request.body) > 500_000
        return before

    interrupt(b, broken, crash)


@seed("robustness.same-request-same-answer", "medium", intermittent=True, also=("error.status-class",))
def every_fortieth_fails(b: Behaviour) -> None:
    """Every fortieth request is a server error."""
    turn = counter(40)
    interrupt(b, lambda call: turn(), crash)
