"""The bounds of a run: how long it may send, how many requests, and how much it keeps."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from conformance.evidence.failure import BoundReached

CLEAN_UP_SECONDS = 30.0
"""Seconds for removing what a run has made, independent of its bounds, and one more for each object."""


class Bounds:
    """The bounds of all clients of a run, on one worker or on several.

    - `seconds`: how long requests may be sent, None for no limit.
    - `requests`: how many may be sent, None for no limit.
    - `deadline`: when the seconds are over, by the monotonic clock, which the processes of a machine share.
    - `tally`: a file that holds a byte for each request, so that workers count together; None counts in this process.
    - `reached`: why a request was not sent; empty as long as all were.
    """

    def __init__(
        self,
        seconds: float | None = None,
        requests: int | None = None,
        *,
        deadline: float | None = None,
        tally: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seconds = seconds
        self.requests = requests
        self.tally = tally
        self.reached = ""
        self.deadline = clock() + seconds if deadline is None and seconds is not None else deadline
        self._clock = clock
        self._counted = 0
        self._clean_up_deadline: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the bounds for another process of this machine."""
        tally = None if self.tally is None else str(self.tally)
        return {"seconds": self.seconds, "requests": self.requests, "deadline": self.deadline, "tally": tally}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Bounds:
        """Return the bounds that `to_json` wrote."""
        return cls(**{**data, "tally": data["tally"] and Path(data["tally"])})

    def header_lines(self) -> list[str]:
        """Return the line of a run's header that says what the bounds are; none without bounds."""
        bounds = [f"{self.seconds:.0f} s"] if self.seconds is not None else []
        bounds += [f"{self.requests} requests"] if self.requests is not None else []
        return [f"bounds: at most {' and '.join(bounds)} (--max-time, --max-requests)"] if bounds else []

    def check_time(self, pause: float = 0.0) -> None:
        """Raise BoundReached where the time is over, or would be after a pause of that many seconds."""
        then = self._clock() + pause
        if self._clean_up_deadline is not None:
            if then >= self._clean_up_deadline:
                raise BoundReached("removing what the run has made took too long")
        elif self.deadline is not None and then >= self.deadline:
            self._end(f"--max-time {self.seconds:g} was reached")

    def count_request(self) -> None:
        """Count a request that is about to be sent. Raises BoundReached where it may not be sent."""
        self.check_time()
        if self._clean_up_deadline is None and self.requests is not None and self._count() > self.requests:
            self._end(f"--max-requests {self.requests} was reached")

    def check_memory(self, most: str) -> None:
        """Raise BoundReached, since the run would keep more than `most` of large answers; not during a removal."""
        if self._clean_up_deadline is None:
            self._end(f"large answers of more than {most} together were received, which is all that a run keeps")

    @contextmanager
    def lifted_for(self, objects: int) -> Iterator[None]:
        """Lift the bounds for the removal of that many objects, which has a time limit of its own."""
        self._clean_up_deadline = self._clock() + CLEAN_UP_SECONDS + objects
        try:
            yield
        finally:
            self._clean_up_deadline = None

    def _end(self, why: str) -> None:
        self.reached = self.reached or why
        raise BoundReached(self.reached)

    def _count(self) -> int:
        """Return how many requests have been counted, this one included."""
        if self.tally is None:
            self._counted += 1
            return self._counted
        file = os.open(self.tally, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, b".")
            return os.fstat(file).st_size
        finally:
            os.close(file)
