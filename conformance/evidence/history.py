"""The last exchanges of a client, in order, each with the previous one on the same kept connection."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from itertools import takewhile

from conformance.evidence.exchange import Exchange
from conformance.evidence.failure import Failure

MOST_KEPT = 400
"""The number of exchanges that are kept: more than nearly any episode has."""
MOST_BYTES = 8_000_000
"""The number of bytes that their bodies and headers may have together: two of the largest answers."""


class History:
    """The exchanges of a client, of which the last are kept."""

    def __init__(self) -> None:
        self._kept: deque[tuple[int, Exchange, Exchange | None]] = deque()
        self._count = 0
        self._bytes = 0
        self._lock = threading.Lock()
        self._local = threading.local()

    def add(self, exchange: Exchange) -> None:
        """Keep an exchange, and drop the oldest ones that are too many or too large."""
        is_on_kept = not exchange.request.raw and not exchange.new_connection
        before: Exchange | None = getattr(self._local, "last", None) if is_on_kept else None
        if is_on_kept:
            self._local.last = exchange if exchange.status is not None else None
        with self._lock:
            self._count += 1
            self._kept.append((self._count, exchange, before))
            self._bytes += _size(exchange)
            while len(self._kept) > MOST_KEPT or (self._bytes > MOST_BYTES and len(self._kept) > 1):
                self._bytes -= _size(self._kept.popleft()[1])

    def leave_connection(self) -> None:
        """Note that the next exchange of this thread has a new connection."""
        self._local.last = None

    def mark(self) -> int:
        """Return a mark at the present end, for `since`."""
        return self._count

    def since(self, mark: int) -> tuple[Exchange, ...]:
        """Return the exchanges after `mark` that are kept, in order."""
        with self._lock:
            return tuple(exchange for number, exchange, _ in self._kept if number > mark)

    def last_time_outs(self) -> tuple[Exchange, ...]:
        """Return the consecutive exchanges at the end that timed out, the last first."""
        with self._lock:
            kept = [exchange for _, exchange, _ in reversed(self._kept)]
        return tuple(takewhile(lambda exchange: exchange.failure == Failure.TIMED_OUT, kept))

    def before(self, exchange: Exchange) -> Iterator[Exchange]:
        """Return the exchanges before this one on the same kept connection, the nearest first."""
        with self._lock:
            kept = list(reversed(self._kept))
        last: Exchange | None = exchange
        for _, one, before in kept:
            if one is last:
                last = before
                if before is None:
                    return
                yield before


def _size(exchange: Exchange) -> int:
    headers = (*exchange.request.headers, *(exchange.headers or ()))
    bodies = len(exchange.request.body or b"") + len(exchange.body or b"") + len(exchange.request.target)
    return bodies + sum(len(name) + len(value) for name, value in headers)
