"""Standard output that may be closed or full: what is shown is lost then, and nothing else.

A reader such as `head` closes the pipe when it has seen enough. Without this, the next write ends a run in the middle,
with the status that says "does not conform".
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO

MOST_FILES = 256
"""How many file descriptors are looked at for copies of the output; capturing makes two or three."""


class Output:
    """A stream that goes on without its reader; `lost` is the error of the first failed write, None as long as none."""

    def __init__(self, stream: TextIO, what_goes_on: str) -> None:
        self._stream = stream
        self._what_goes_on = what_goes_on
        self.lost: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write to the stream, as long as it can be written."""
        try:
            self._stream.write(text)
        except OSError as error:
            self._lose(error)
        return len(text)

    def flush(self) -> None:
        """Flush the stream, as long as it can be written."""
        try:
            self._stream.flush()
        except OSError as error:
            self._lose(error)

    def _lose(self, error: OSError) -> None:
        if self.lost is not None:
            return
        self.lost = error
        _lead_nowhere(self._stream)
        line = f"standard output cannot be written ({error.strerror or error}): {self._what_goes_on}\n"
        with contextlib.suppress(OSError):
            os.write(2, line.encode())


def _lead_nowhere(stream: TextIO) -> None:
    """Have every descriptor of the stream's file lead to the null device, so that nothing fails when it is flushed."""
    with contextlib.suppress(OSError, ValueError):
        number = stream.fileno()
        lost = _identity(number)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for other in range(MOST_FILES):
            with contextlib.suppress(OSError):
                if other == number or (other != 2 and _identity(other) == lost):
                    os.dup2(nowhere, other)
        os.close(nowhere)
        stream.flush()


def _identity(number: int) -> tuple[int, int]:
    status = os.fstat(number)
    return status.st_dev, status.st_ino


def open_nowhere() -> TextIO:
    """Return a stream for the rest of the process that shows nothing."""
    return open(os.devnull, "w", encoding="utf-8")


def open_closed_error_output() -> None:
    """Have a standard error if it was closed from the start: writing to none would end with a verdict's status."""
    if sys.stderr is None:
        sys.stderr = open_nowhere()


@contextlib.contextmanager
def surviving_output(what_goes_on: str) -> Iterator[Output]:
    """Have standard output be one that goes on without its reader, for as long as the block lasts."""
    usual = sys.stdout
    if usual is None:  # it was closed from the start
        usual = open_nowhere()
    output = Output(usual, what_goes_on)
    sys.stdout = output
    try:
        yield output
    finally:
        output.flush()
        sys.stdout = usual
