"""Text of foreign origin: what a server sent, made fit for a request's path and for a line that a person reads."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

LONGEST_LINE = 600
"""How many characters a line may have that quotes a server: a server may send any number."""

LONGEST_ID = 5000
"""How long an id may be, in characters: as long as the operation lets a customer's be."""


def usable_id(value: Any) -> str:
    """The id if a request can carry it: text without control characters and lone surrogates; else the empty string."""
    if not isinstance(value, str) or len(value) > LONGEST_ID:
        return ""
    return value if value.isprintable() else ""


def path_segment(text: str) -> str:
    """The text percent-encoded as one segment of a path or value of a query, whatever characters it holds."""
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def one_line(text: str) -> str:
    """The text in one line, not too long, with everything spelled out that has no glyph or moves others about."""
    cut = text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]}…"
    return cut if cut.isprintable() else "".join(char if char.isprintable() else _spelled(char) for char in cut)


def _spelled(char: str) -> str:
    return char.encode("unicode-escape").decode()
