"""Text of foreign origin, made fit for the path of a request and for a line that a person reads."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from conformance.evidence.visible import escape

LONGEST_LINE = 600
"""The number of characters in a line that quotes a server, which may send any number."""

LONGEST_ID = 5000
"""The number of characters in an id: as many as the operation allows for a customer."""


SIGNS_OF_FORMS = frozenset("%&+")
"""Characters that no id may hold: in the bodies that are sent exactly as they stand, they would mean something else."""


def usable_id(value: Any) -> str:
    """Return the id if a request can carry it (in a header, too: printable ASCII without signs of forms), else ''."""
    is_text = isinstance(value, str) and len(value) <= LONGEST_ID and value.isascii() and value.isprintable()
    return value if is_text and not SIGNS_OF_FORMS & set(value) else ""


def path_segment(text: str) -> str:
    """Return the text percent-encoded as one segment of a path or one value of a query."""
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def one_line(text: str) -> str:
    """Return the text in one line of bounded length, with characters escaped that have no glyph or move others."""
    cut = text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]}…"
    return escape(cut, kept="")
