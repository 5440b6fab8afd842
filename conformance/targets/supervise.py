"""Run a command, and end it with all processes that it has started as soon as our standard input closes.

Once a byte has come on standard input, a command that ends by itself is run again: the suite may have killed it.

A test run that is killed cannot stop the server that it started. This process, which waits between the two, can: the
pipe to it closes however the run ends. It imports nothing of the suite, so that it starts at once.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading

GRACE_SECONDS = 5.0
MOST_STARTS = 200
PAUSE_SECONDS = 0.2


def main(command: list[str]) -> int:
    """Run `command` until it ends or standard input does; return its exit status, negative for a signal."""
    is_wanted, is_left = threading.Event(), threading.Event()
    running = [_start(command)]

    def stop_when_left() -> None:
        while os.read(0, 4096):
            is_wanted.set()
        is_left.set()
        _signal_group(running[-1].pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            running[-1].wait(GRACE_SECONDS)
        _signal_group(running[-1].pid, signal.SIGKILL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=stop_when_left, daemon=True).start()
    while True:
        status = running[-1].wait()
        _signal_group(running[-1].pid, signal.SIGKILL)
        if is_left.wait(PAUSE_SECONDS) or not is_wanted.is_set() or len(running) >= MOST_STARTS:
            return status
        running.append(_start(command))
        if is_left.is_set():
            _signal_group(running[-1].pid, signal.SIGKILL)


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) & 0xFF)
