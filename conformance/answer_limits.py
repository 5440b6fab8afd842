"""How long the head of an answer may be before our own HTTP client gives up on it.

`http.client` reads at most 100 headers of at most 64 KiB, and takes the rest for a lost connection. HTTP knows no such
limit: there are servers that put each thing that is wrong with a request into a header of its own.
"""

from __future__ import annotations

import http.client

MOST_HEADERS = 10_000
LONGEST_LINE = 1024 * 1024


def raise_limits() -> None:
    """Let `http.client` read longer heads, for the whole process; it offers no way to say so for one connection."""
    http.client._MAXHEADERS = MOST_HEADERS  # type: ignore[attr-defined]  # private, and looked up at each answer
    http.client._MAXLINE = LONGEST_LINE  # type: ignore[attr-defined]  # as above
