"""Defects that show for few requests only: the standard budget misses them, and exploring is there to find them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from reference import build
from reference.behaviour import Behaviour
from reference.call import Call
from reference.changes import check_first, rejection
from reference.rules.attach import Attempt
from reference.wire.server import Server

Needle = Callable[[Behaviour], None]


def numerals_are_converted(b: Behaviour) -> None:
    """A customer with a character that is numeric but no digit, such as a rune for 17, is an error of the server's."""

    def convert(call: Call, attempt: Attempt) -> None:
        customer = call.parameters.tree.get("customer")
        text = customer if isinstance(customer, str) else ""
        if any(char.isnumeric() and not char.isdecimal() for char in text):
            raise rejection(500, "the id cannot be converted")

    check_first("numerals", convert)(b)


def dotted_names_are_dropped(b: Behaviour) -> None:
    """An unknown parameter of more than twelve characters with a dot in its name is dropped where `expand` is there."""
    usual = b.split

    def split(call: Call, body: bytes) -> list[tuple[bytes, bytes]]:
        pairs = list(usual(call, body))
        if any(name.startswith(b"expand") for name, _ in pairs):
            pairs = [pair for pair in pairs if not (b"." in pair[0] and len(pair[0]) > 12)]
        return pairs

    b.split = split


@contextlib.contextmanager
def running_with(needle: Needle | None, *, api_key: str | None = None) -> Iterator[Server]:
    """The reference with a needle in it, served for as long as the block lasts."""
    server = build(api_key=api_key)
    if needle is not None:
        needle(server.world.behaviour)
    server.start()
    try:
        yield server
    finally:
        server.stop()
