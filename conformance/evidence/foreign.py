"""Text of foreign origin, made fit for the path of a request and for a line that a person reads."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import UTC
from email.utils import parsedate_to_datetime
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


def cut(text: str, limit: int) -> str:
    """Return the text, cut to `limit` characters where it is longer, the last of which says so."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def one_line(text: str) -> str:
    """Return the text in one line of bounded length, with characters escaped that have no glyph or move others."""
    return escape(text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]}…", kept="")


def seconds_of_date(text: str) -> float | None:
    """Return an HTTP date in seconds since 1970, in UTC where it names no zone; None for any other text."""
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, LookupError, OSError):  # a date may be any text, and any number
        return None


def did_you_mean(given: str, known: Iterable[str], before: str = ": ", *, most: int = 1, alike: float = 0.6) -> str:
    """Return the question whether a name near the `given` one was meant, with what stands `before`; empty for none.

    It names one, or as many as `most` says, each at least `alike` as difflib measures it.
    """
    near = difflib.get_close_matches(given, list(known), n=most, cutoff=alike)
    return f"{before}did you mean {' or '.join(near)}?" if near else ""
