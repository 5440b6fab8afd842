"""The reference with a change of its behaviour that a test wrote."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from reference import build
from reference.behaviour import Behaviour
from reference.wire.server import Server

Needle = Callable[[Behaviour], None]


@contextlib.contextmanager
def running_with(needle: Needle | None, *, api_key: str | None = None) -> Iterator[Server]:
    """Serve the reference, with a needle in its behaviour, for as long as the block lasts."""
    server = build(api_key=api_key)
    if needle is not None:
        needle(server.world.behaviour)
    server.start()
    try:
        yield server
    finally:
        server.stop()
