"""One deadline for a whole exchange: from before the host is looked up to the last byte of the answer."""

from __future__ import annotations

import time


class Deadline:
    """A moment at which an exchange must be over, so many seconds after this object is made."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """How many seconds are left, 0 when it has passed."""
        return max(0.0, self._end - time.monotonic())

    @property
    def has_passed(self) -> bool:
        """Whether no time is left."""
        return self.left <= 0
