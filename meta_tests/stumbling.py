"""A plugin of pytest for meta tests: the suite stumbles while it sends a request, with the key in its variables."""

from __future__ import annotations

import itertools
import signal

import pytest

from conformance.transport.connection import Connection, Deadline

INTERRUPT, FAULT = WAYS = ("interrupt", "fault")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register `--stumble WAY:NUMBER`: the way, and which request it is."""
    parser.addoption("--stumble", default=None)


def pytest_configure(config: pytest.Config) -> None:
    """Have the request with that number go wrong where its header is about to leave."""
    if config.option.stumble is None:
        return
    way, _, number = config.option.stumble.partition(":")
    usual, left = Connection.send, itertools.count(int(number), -1)

    def send(connection: Connection, data: bytes, deadline: Deadline) -> OSError | None:
        if next(left) == 1:
            if way == INTERRUPT:
                signal.raise_signal(signal.SIGINT)
            raise RuntimeError(f"the suite stumbles over {bytes(data)!r}")
        return usual(connection, data, deadline)

    patch = pytest.MonkeyPatch()
    patch.setattr(Connection, "send", send)
    config.add_cleanup(patch.undo)
