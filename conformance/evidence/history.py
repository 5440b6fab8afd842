"""The last exchanges of a client, in order, each with the one before it on the same kept connection."""

from __future__ import annotations

import threading
from collections import deque

from conformance.evidence.exchange import Exchange

MOST_KEPT = 400
"""How many exchanges are kept: more than any episode has but the longest."""


class History:
    """The exchanges of a client, the last of them kept."""

    def __init__(self) -> None:
        self._kept: deque[tuple[int, Exchange, Exchange | None]] = deque(maxlen=MOST_KEPT)
        self._count = 0
        self._lock = threading.Lock()
        self._local = threading.local()

    def add(self, exchange: Exchange) -> None:
        """Keep an exchange; one on a connection of its own follows no other."""
        is_on_kept = not exchange.request.raw and not exchange.new_connection
        before: Exchange | None = getattr(self._local, "last", None) if is_on_kept else None
        if is_on_kept:
            self._local.last = exchange if exchange.status is not None else None
        with self._lock:
            self._count += 1
            self._kept.append((self._count, exchange, before))

    def leave_connection(self) -> None:
        """Note that the next exchange of this thread has a new connection."""
        self._local.last = None

    def mark(self) -> int:
        """A mark at the present end, for `since`."""
        return self._count

    def since(self, mark: int) -> tuple[Exchange, ...]:
        """The exchanges after `mark` that are kept, in order."""
        with self._lock:
            return tuple(exchange for number, exchange, _ in self._kept if number > mark)

    def before(self, exchange: Exchange) -> Exchange | None:
        """The exchange before this one on the same kept connection; None where none is known."""
        with self._lock:
            return next((before for _, kept, before in reversed(self._kept) if kept is exchange), None)
