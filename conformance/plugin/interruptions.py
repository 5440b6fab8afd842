"""The signals that end a run or a command: SIGINT (Ctrl-C), SIGTERM (a CI service), SIGHUP (a closed terminal).

The first one ends the run with what it has learnt. A later one gives up the clean-up, and what is left is named. None
cuts short the writing of the results.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the commands do without pytest
    import pytest

NUMBERS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)  # Windows has no SIGHUP

APART = 0.5
"""Seconds within which two signals are one: a terminal and a parent process may both pass on a single Ctrl-C."""


class Interrupted(KeyboardInterrupt):
    """The interruption of a run by a signal, which the message names."""


Interrupted.__module__ = "builtins"  # so that pytest shows the name alone, without a place in this file


class Phase(Enum):
    """A phase of a run, by what a signal does in it."""

    RUNNING = "raises, and again where that was swallowed"
    CLEANING = "gives up the clean-up"
    WRITING = "is ignored"


class Interruptions:
    """The handler of the signals, for as long as it is installed. `received` names the first one; empty for none."""

    def __init__(self) -> None:
        self.received = ""
        self.phase = Phase.RUNNING
        self._last = 0.0
        self._usual: dict[int, Any] = {}

    def install(self) -> None:
        """Handle the signals from now on; what the process ignores, as under `nohup`, stays ignored."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in NUMBERS:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):  # None: a handler of a program in C
                self._usual[number] = signal.signal(number, self._handle)

    def remove(self) -> None:
        """Have the signals do what they did before."""
        for number, usual in self._usual.items():
            signal.signal(number, usual)
        self._usual.clear()

    @contextmanager
    def cleaning(self) -> Iterator[None]:
        """Let a signal give up the clean-up in the block, and nothing after it."""
        self.phase = Phase.CLEANING
        try:
            yield
        finally:
            self.phase = Phase.WRITING

    def _handle(self, number: int, _: FrameType | None) -> None:
        now = time.monotonic()
        is_another = now - self._last > APART
        self._last = now
        if not self.received:
            self.received = signal.Signals(number).name
        if is_another and self.phase is not Phase.WRITING:
            raise Interrupted(f"by {signal.Signals(number).name}")


def make_showable(excinfo: pytest.ExceptionInfo[BaseException]) -> None:
    """Drop what pytest cannot show of the traceback of an interruption, and the error that it came in between.

    A signal can arrive at an instruction that belongs to no line of the source, and pytest counts from that line.
    """
    excinfo.traceback = type(excinfo.traceback)(filter(_has_line, excinfo.traceback))
    excinfo.value.__suppress_context__ = True


def _has_line(entry: Any) -> bool:
    try:
        return bool(entry.lineno >= 0)
    except TypeError:
        return False


@contextmanager
def handled() -> Iterator[Interruptions]:
    """Handle the signals in the block."""
    interruptions = Interruptions()
    interruptions.install()
    try:
        yield interruptions
    finally:
        interruptions.remove()
