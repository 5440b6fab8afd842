"""The traits of a request: odd features, named by the robustness clause about them.

A server that fails on a NUL fails in every test that sends one. With the traits of a request, such a failure is
reported for the one clause about NULs, independent of the test that came first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import unquote

from strategies.attempt import Request
from strategies.wire import decode

LONG_VALUE = 5_000
LARGE_BODY = 200_000
MANY_PAIRS = 64
DEEP = 8

_MALFORMED = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_QUOTES = re.compile(rb"[\"'`\\<>${}]|&#")


@lru_cache(maxsize=1024)
def traits(request: Request) -> tuple[str, ...]:
    """Return the slugs of the robustness clauses about features of this request, the most specific first."""
    return tuple(f"robustness.{name}" for name in _names(request))


def _names(request: Request) -> Iterator[str]:
    body = request.body or b""
    if _MALFORMED.search(body):
        yield "malformed-encoding"
    pairs = decode(body)
    texts = [text for pair in pairs for text in (pair.name, pair.value)]
    everything = b"\n".join(texts)
    if _CONTROL.search(b"".join(texts)):
        yield "control-characters"
    try:
        if any(ord(char) > 0xFFFF for char in everything.decode()):
            yield "non-bmp"
    except UnicodeDecodeError:
        yield "invalid-utf8"
    if _QUOTES.search(everything):
        yield "quotes"
    has_empty_pair = bool(body) and not all(body.split(b"&"))
    if has_empty_pair or not all(texts):
        yield "empty-values"
    if len(body) > LARGE_BODY:
        yield "large-body"
    if any(len(text) > LONG_VALUE for text in texts):
        yield "long-value"
    if any(pair.name.count(b"[") > DEEP for pair in pairs):
        yield "deep-brackets"
    names = [name.lower() for name, _ in request.headers]
    if request.body is not None and "content-type" not in names:
        yield "no-media-type"
    if request.chunked:
        yield "chunked-body"
    if len(pairs) > MANY_PAIRS:
        yield "many-parameters"
    if " " in unquote(request.target.partition("?")[0]):
        yield "odd-path-id"
