"""A reference server in a process of its own that a certain request ends; and one that starts it again.

`python -m meta_tests.dying PORT TRIGGER [DOWN]`: with DOWN, it is started again after that many seconds,
without its state.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import unquote_to_bytes

from conformance.targets.running import free_port
from reference import build
from reference.call import Call
from reference.rules.forms import BROKEN_ESCAPE

STATUS = 9
MOST_STARTS = 300
START_SECONDS = 20.0


def _attaches_again(call: Call) -> bool:
    identifier = call.request.path.split("/")[3]
    method = call.world.store.method(identifier)
    return call.request.method == "POST" and method is not None and method.customer is not None


def _counting(most: int) -> Callable[[Call], bool]:
    count = [0]

    def is_due(call: Call) -> bool:
        count[0] += 1
        return count[0] > most

    return is_due


TRIGGERS: dict[str, Callable[[Call], bool]] = {
    "never": lambda call: False,
    "nul": lambda call: b"\0" in unquote_to_bytes(call.request.body),
    "brackets": lambda call: re.search(rb"(?:%5B[^&=]*?){31}|(?:\[[^&=]*?){31}", call.request.body) is not None,
    "long": lambda call: any(len(pair) > 90_000 for pair in call.request.body.split(b"&")),
    "percent": lambda call: BROKEN_ESCAPE.search(call.request.body) is not None,
    "second": _attaches_again,
    "forty": _counting(40),
    "get": lambda call: call.request.method == "GET",
    "attach": lambda call: True,
}
"""Which request to the operation's URL ends the server."""

ANY_URL = frozenset({"forty"})


def serve(port: int, trigger: str) -> None:
    """Serve until the trigger, or until standard input ends."""
    server = build(port=port)
    behaviour = server.world.behaviour
    usual, is_due = behaviour.serve, TRIGGERS[trigger]

    def fatal(call: Call):  # type: ignore[no-untyped-def]  # as `serve`
        path = call.request.path
        if (trigger in ANY_URL or path.endswith("/attach")) and is_due(call):
            os._exit(STATUS)
        return usual(call)

    behaviour.serve = fatal
    server.start()
    while os.read(0, 1024):
        pass


def supervise(port: int, trigger: str, down: float) -> None:
    """Start the server again, whenever it has ended, until standard input ends."""
    is_left = threading.Event()
    running: list[subprocess.Popen[bytes]] = []

    def leave() -> None:
        while os.read(0, 1024):
            pass
        is_left.set()
        running[-1].kill()

    threading.Thread(target=leave, daemon=True).start()
    for _ in range(MOST_STARTS):
        command = [sys.executable, "-m", "meta_tests.dying", str(port), trigger]
        running.append(subprocess.Popen(command, stdin=subprocess.PIPE))
        running[-1].wait()
        if is_left.is_set():
            return
        time.sleep(down)


@contextlib.contextmanager
def dying(trigger: str, down: float | None = None) -> Iterator[str]:
    """The base URL of a server that the trigger ends; it is started again after `down` seconds, unless that is None."""
    port = free_port()
    arguments = [str(port), trigger] + ([] if down is None else [str(down)])
    process = subprocess.Popen([sys.executable, "-m", "meta_tests.dying", *arguments], stdin=subprocess.PIPE)
    assert process.stdin is not None
    try:
        _wait_until_open(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stdin.close()
        process.wait(START_SECONDS)


def _wait_until_open(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        time.sleep(0.05)
    raise RuntimeError("the server did not start")


if __name__ == "__main__":
    if len(sys.argv) > 3:
        supervise(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
    else:
        serve(int(sys.argv[1]), sys.argv[2])
