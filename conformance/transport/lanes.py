"""The lanes on which requests leave: one for each performer of tests, all under one pace.

A lane belongs to a context (`contextvars`), so that the threads of simultaneous requests can share the lane of their
story, and every other thread begins on the main one.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from conformance.evidence.exchange import Exchange
from conformance.evidence.history import History

AT_ONCE, URGENT, USUAL = range(3)
"""The ranks of requests that wait for the pace: those that are wanted at once, those of long tests, and others."""


@dataclass(eq=False)
class Lane:
    """The requests of one performer.

    - `history`: the last exchanges; `sent` and `resends`: how many requests were sent, and sent again because a kept
      connection was closed before the answer.
    - `throttled`: how many consecutive requests stayed rate-limited through all retries, of those to the operation and
      of the others.
    - `rank`: which of several requests that wait for the pace leaves first.
    - `begin`: called before every request, `check` with every exchange, `sleep` for every pause; each may raise.
    """

    history: History = field(default_factory=History)
    sent: int = 0
    resends: int = 0
    throttled: Counter[bool] = field(default_factory=Counter)
    rank: int = USUAL
    begin: Callable[[], object] = lambda: None
    check: Callable[[Exchange], object] = lambda _: None
    sleep: Callable[[float], object] = lambda seconds: time.sleep(seconds)  # looked up when it is called


class Pacer:
    """A limit of `per_second` requests, evenly spaced; None sets no limit.

    Of several that wait, the one of the lowest rank leaves first, and of one rank the one that came first.
    """

    def __init__(self, per_second: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.interval = 1 / per_second if per_second else 0.0
        self._clock = clock
        self._next = 0.0
        self._changed = threading.Condition()
        self._waiting: list[tuple[int, int]] = []
        self._tickets = 0
        self._is_taken = False

    def wait(
        self,
        check: Callable[[float], object] = lambda _: None,
        *,
        rank: int = USUAL,
        sleep: Callable[[float], object] = time.sleep,
        may_leave: Callable[[], bool] = lambda: True,
    ) -> bool:
        """Sleep until the next request may leave, and return whether it still may by then.

        `check` is called with the seconds before.
        """
        if not self.interval and self._next <= self._clock():
            return may_leave()
        with self._turn(rank):
            now = self._clock()
            start = max(now, self._next)
            check(start - now)
            sleep(start - now)
            is_leaving = may_leave()
            if is_leaving:
                self._next = max(start, self._next) + self.interval
            return is_leaving

    @contextmanager
    def _turn(self, rank: int) -> Iterator[None]:
        """Wait for a turn, which lasts as long as the block."""
        with self._changed:
            ticket = (rank, self._tickets)
            self._tickets += 1
            self._waiting.append(ticket)
            try:
                self._changed.wait_for(lambda: not self._is_taken and min(self._waiting) == ticket)
                self._is_taken = True
            finally:
                self._waiting.remove(ticket)
        try:
            yield
        finally:
            with self._changed:
                self._is_taken = False
                self._changed.notify_all()

    def hold(self, seconds: float) -> None:
        """Let no request leave for so long, on any lane: the target asked for that."""
        self._next = max(self._next, self._clock() + seconds)


class Crossing:
    """Decides whether a request may leave now: any, or those of one lane alone."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._under_way: Counter[Lane] = Counter()
        self._alone: list[Lane] = []

    def is_open(self, lane: Lane) -> bool:
        """Return whether a request of this lane may leave."""
        return not self._alone or self._alone[0] is lane

    def wait(self, lane: Lane) -> None:
        """Wait until a request of this lane may leave."""
        if not self.is_open(lane):
            with self._changed:
                self._changed.wait_for(lambda: self.is_open(lane))

    def enter(self, lane: Lane) -> bool:
        """Count a request as under way if it may leave, and return whether it may."""
        with self._changed:
            is_open = self.is_open(lane)
            self._under_way[lane] += is_open
        return is_open

    def leave(self, lane: Lane) -> None:
        """Note that a request has been answered, or has failed."""
        with self._changed:
            self._under_way[lane] -= 1
            self._changed.notify_all()

    @contextmanager
    def alone(self, lane: Lane) -> Iterator[None]:
        """Let no other lane send for as long as the block lasts; it begins once their requests are answered."""
        with self._changed:
            is_within = bool(self._alone) and self._alone[0] is lane
            if not is_within:
                self._changed.wait_for(lambda: not self._alone)
                self._alone.append(lane)
                self._changed.wait_for(lambda: not any(n for other, n in self._under_way.items() if other is not lane))
        try:
            yield
        finally:
            if not is_within:
                with self._changed:
                    self._alone.clear()
                    self._changed.notify_all()


LANE: ContextVar[Lane | None] = ContextVar("lane", default=None)
"""The lane of the running code; None for the main one."""


@contextmanager
def on_lane(lane: Lane) -> Iterator[None]:
    """Send the requests of the block on this lane."""
    token = LANE.set(lane)
    try:
        yield
    finally:
        LANE.reset(token)
