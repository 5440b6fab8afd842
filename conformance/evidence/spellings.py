"""The spellings in which a secret can come back in an answer, and the parts of a text that show one.

Servers echo what they got: as it was, escaped for JSON, HTML or a URL, encoded, in other letters, backwards, in parts.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from functools import cache
from urllib.parse import quote

from conformance.paths import SUITE

SHORTEST_TO_BLOT = 16
"""Keys shorter than this many characters are not looked for in answers: `test` stands in every other word."""

SHORTEST_TO_MASK = 24
"""Of keys with at least this many characters, parts are sought as well."""

PIECE = 8
"""Pieces of at least this many characters of what is secret in a key count together where it is split."""

_PREFIX = re.compile(r"[a-z]{2}_(?:org_)?(?:test|live)_")

_ESCAPES = (
    "%{:02x}",
    "%25{:02x}",
    "\\u{:04x}",
    "\\x{:02x}",
    "\\\\u{:04x}",
    "\\\\x{:02x}",
    "&#{};",
    "&#x{:x};",
    "={:02x}",
    "{:02x}",
    "{:02x} ",
    "{},",
    "{}, ",
    "{} ",
    "\\{:03o}",
    "\\\\{:03o}",
)
"""What can stand for each single character, with its code in place of the braces."""

_BETWEEN = ("\0", "\\u0000", "\\x00", "\\\\u0000", "\\\\x00", " ", ".", "-")
"""What can stand between single characters, as the zeros of characters of two bytes."""

CLIENT_SECRET = re.compile(r"\b[a-z]{2,}_[A-Za-z0-9_]{8,}_secret_[A-Za-z0-9]{8,}")
"""A secret by which a browser may act on one object, such as that of a SetupIntent."""


def lowered(text: str) -> str:
    """Return the text in small letters, each character in its place."""
    small = text.lower()
    return small if len(small) == len(text) else "".join(one if len(one.lower()) != 1 else one.lower() for one in text)


@cache
def spellings_of(key: str) -> tuple[str, ...]:
    """Return a key as it is, escaped in every usual way, encoded within any text, and backwards; in small letters."""
    forms = [key, json.dumps(key)[1:-1], html.escape(key), quote(key, safe=""), key[::-1]]
    forms += [quote(key, safe="").replace("_", escape) for escape in ("%5f", "%255f", "=5f", "&#95;", "\\_")]
    forms += ["".join(escape.format(ord(character)) for character in key).strip() for escape in _ESCAPES]
    forms += [between.join(key) for between in _BETWEEN]
    for before in range(3):
        encoded = base64.b64encode(b" " * before + key.encode() + b" " * 3).decode()
        part = encoded[-(-before * 4 // 3) : (before + len(key)) * 4 // 3]
        forms += [part, part.replace("+", "-").replace("/", "_"), quote(part, safe="")]
        in_two_bytes = base64.b64encode(b" " * before + key.encode("utf-16-le") + b" " * 3).decode()
        forms.append(in_two_bytes[-(-before * 4 // 3) : (before + 2 * len(key)) * 4 // 3])
    for before in range(5):
        encoded = base64.b32encode(b" " * before + key.encode() + b" " * 5).decode()
        forms.append(encoded[-(-before * 8 // 5) : (before + len(key)) * 8 // 5])
    return tuple(dict.fromkeys(map(lowered, forms)))


def wholes(text: str, key: str) -> Iterator[tuple[int, int]]:
    """Yield where a spelling of `key` stands in `text`, whole or without one character at an end."""
    small = lowered(text)
    for form in spellings_of(key):
        for start, end in runs(small, form):
            if end - start >= len(form) - 1:
                yield start, end


def parts(text: str, key: str) -> Iterator[tuple[int, int]]:
    """Yield where `text` shows more than half of a spelling of `key`, in one piece or in several of the key itself."""
    small = lowered(text)
    for form in spellings_of(key):
        yield from runs(small, form)
    yield from _pieces(small, lowered(key))


def may_show(text: str, key: str) -> bool:
    """Return quickly whether `text` may show the key: nearly no text does, and every text is asked."""
    small = lowered(text)
    for core in _cores(key):  # noqa: SIM110  # twice as fast as any()
        if core in small:
            return True
    return False


@cache
def _cores(key: str) -> tuple[str, ...]:
    """Return the middle of each spelling, which every telling part of it holds, and blocks for a key in pieces."""
    forms = spellings_of(key)
    cores = [form[len(form) - _shortest(form) : _shortest(form)] for form in forms]
    secret = _secret_of(lowered(key))
    if len(secret) >= SHORTEST_TO_BLOT:
        half = PIECE // 2  # every piece holds such a block
        cores += [secret[at : at + half] for at in range(0, len(secret) - half + 1, half)]
    return tuple(dict.fromkeys(cores))


def _shortest(form: str) -> int:
    """Return how many characters of a form reveal it: more than half, of a short one all or all but one.

    Half of a short one is not much more than the prefix of all test keys.
    """
    length = len(form)
    return length // 2 + 2 if length >= SHORTEST_TO_MASK else length - (length >= SHORTEST_TO_BLOT)


def runs(text: str, form: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each part of `form` in `text` that is long enough to reveal it."""
    length, shortest = len(form), _shortest(form)
    first = length - shortest
    core = form[first:shortest]
    at = text.find(core)
    while at >= 0:
        start, end = at, at + len(core)
        while start > at - first and text[start - 1] == form[first - 1 - (at - start)]:
            start -= 1
        while end < at + length - first and text[end : end + 1] == form[first + end - at]:
            end += 1
        is_long = end - start >= shortest
        if is_long:
            yield start, end
        at = text.find(core, end if is_long else at + 1)


@cache
def own_words() -> str:
    """Return the words of the suite's own files, in small letters: a key may hold them, and they show nothing of it."""
    schema = (SUITE / "contracts" / "record.schema.json").read_text(encoding="utf-8")
    slugs = (SUITE / "contracts" / "requirements.toml").read_text(encoding="utf-8")
    words = re.findall(r'"([\w-]+)"', schema) + re.findall(r'^slug = "(.+)"', slugs, re.MULTILINE)
    return lowered(" ".join(["attach-conformance", "schemathesis", "hypothesis", *words]))


def _secret_of(key: str) -> str:
    """Return a key without the prefix that all test keys have."""
    return _PREFIX.sub("", key, count=1)


def _pieces(text: str, key: str) -> list[tuple[int, int]]:
    """Return where pieces of a long key stand, if together they show more than half of its secret."""
    key = _secret_of(key)
    if len(key) < SHORTEST_TO_BLOT:
        return []
    shown: set[int] = set()
    found: list[tuple[int, int]] = []
    for first in range(len(key) - PIECE + 1):
        piece = key[first : first + PIECE]
        at = -1 if piece in own_words() else text.find(piece)
        while at >= 0:
            shown.update(range(first, first + PIECE))
            found.append((at, at + PIECE))
            at = text.find(piece, at + 1)
    return found if len(shown) > len(key) // 2 else []
