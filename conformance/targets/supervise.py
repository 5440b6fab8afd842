"""Run a command, and end it with all that it has started as soon as our standard input closes.

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


def main(command: list[str]) -> int:
    """Run `command` until it ends or standard input does; its exit status, negative for a signal."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def stop_when_left() -> None:
        while os.read(0, 4096):
            pass
        _signal_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
        _signal_group(process.pid, signal.SIGKILL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=stop_when_left, daemon=True).start()
    status = process.wait()
    _signal_group(process.pid, signal.SIGKILL)
    return status


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) & 0xFF)
