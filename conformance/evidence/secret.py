"""The API key: held where nothing prints it, and blotted out of everything that leaves the suite."""

from __future__ import annotations

import base64
import html
import json
import secrets
import string
from collections.abc import Iterator
from functools import cache
from urllib.parse import quote

BLOT = "[API key]"
LIVE_PREFIXES = ("sk_live_", "rk_live_", "pk_live_")
SHORTEST_TO_BLOT = 16
"""Keys shorter than this many characters are not looked for in answers: `test` stands in every other word."""

SHORTEST_TO_MASK = 24
"""Of keys with at least this many characters, parts are sought as well."""


def holds_key(text: str, key: str) -> bool:
    """Return whether `key` stands in `text` in one of its forms, whole or without one character at an end."""
    if not _may_hold(text, key):
        return False
    return any(end - start >= len(form) - 1 for form in _forms(key) for start, end in _runs(text, form))


def without_key(text: str, key: str) -> str:
    """Return `text` without any form of `key`, and without any part that shows more than half of it.

    A part gets as many asterisks, so that a response which masks too little keeps its length.
    """
    if not _may_hold(text, key):
        return text
    for only_whole in (True, False):
        for form in _forms(key):
            for start, end in reversed(list(_runs(text, form))):
                is_whole = end - start >= len(form) - 1
                if is_whole:
                    text = text[:start] + BLOT + text[end:]
                elif not only_whole:
                    text = text[:start] + "*" * (end - start) + text[end:]
    return text


def _may_hold(text: str, key: str) -> bool:
    """Return quickly whether `text` may hold the key: nearly no text does, and every text is asked."""
    for core in _cores(key):  # noqa: SIM110  # twice as fast as any()
        if core in text:
            return True
    return False


@cache
def _cores(key: str) -> tuple[str, ...]:
    """Return the middle of each form of a key, which every part of it holds that is long enough to matter."""
    return tuple(dict.fromkeys(form[len(form) - _shortest(form) : _shortest(form)] for form in _forms(key)))


def _shortest(form: str) -> int:
    """Return how many characters of a form reveal it: more than half, of a short one all or all but one.

    Half of a short one is not much more than the prefix of all test keys.
    """
    length = len(form)
    return length // 2 + 2 if length >= SHORTEST_TO_MASK else length - (length >= SHORTEST_TO_BLOT)


@cache
def _forms(key: str) -> tuple[str, ...]:
    """Return a key as it is, in JSON, in HTML, in a URL, and within any text in base64."""
    forms = [key, json.dumps(key)[1:-1], html.escape(key), quote(key, safe="")]
    forms += [quote(key, safe="").replace("_", escape) for escape in ("%5F", "%5f")]
    for before in range(3):
        encoded = base64.b64encode(b" " * before + key.encode() + b" " * 3).decode()
        forms.append(encoded[-(-before * 4 // 3) : (before + len(key)) * 4 // 3])
    return tuple(dict.fromkeys(forms))


def _runs(text: str, form: str) -> Iterator[tuple[int, int]]:
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


class LiveKeyError(ValueError):
    """The given key belongs to a live account. Nothing has been sent."""


class Secret:
    """A key that shows itself only to `reveal`.

    Raises LiveKeyError for a live key, ValueError for one that cannot stand in a header.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        if value.strip().startswith(LIVE_PREFIXES):
            raise LiveKeyError("this is a live key: give the key of a sandbox or test account (sk_test_…)")
        if not value or not value.isascii() or not value.isprintable() or " " in value:
            raise ValueError("the API key must be printable ASCII without blanks, and not empty")
        self._value = value

    def reveal(self) -> str:
        """Return the key itself, for the one request that needs it."""
        return self._value

    @property
    def is_test_key(self) -> bool:
        """True where the key says that it belongs to a test account."""
        return self._value.startswith(("sk_test_", "rk_test_"))

    def stands_in(self, data: bytes) -> bool:
        """Return whether the key stands in `data` in one of its forms, whole or without its last character."""
        return len(self._value) >= SHORTEST_TO_BLOT and holds_key(data.decode("latin-1"), self._value)

    def blotted(self, text: str) -> str:
        """Return `text` without the key."""
        return without_key(text, self._value) if self._is_to_blot else text

    def blotted_bytes(self, data: bytes) -> bytes:
        """Return `data` without the key."""
        return self.blotted(data.decode("latin-1")).encode("latin-1")

    @property
    def _is_to_blot(self) -> bool:
        """True where the key is blotted out: a short word such as `test` is no secret, and stands in every record."""
        return len(self._value) >= SHORTEST_TO_BLOT or self.is_test_key

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret is not pickled")


def made_up_key() -> Secret:
    """Return a key for a target on this machine: `sk_test_` and 24 random letters and digits."""
    letters = string.ascii_letters + string.digits
    return Secret("sk_test_" + "".join(secrets.choice(letters) for _ in range(24)))
