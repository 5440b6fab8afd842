"""The API key: held where nothing prints it, and blotted out of everything that leaves the suite."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from conformance.evidence.spellings import CLIENT_SECRET, SHORTEST_TO_BLOT, may_show, parts, wholes

BLOT = "[API key]"
BLOTTED_CLIENT_SECRET = "[client secret]"
TEST_KEY = re.compile(r"(?:sk|rk)_(?:org_)?test_[A-Za-z0-9_.~-]+")
"""What a secret or restricted key of a sandbox or test account looks like, also one of an organisation.

A mock's key may have any character that is the same in a URL and in a header.
"""

SEED_OF_KEY = "attach-conformance"
LENGTH_OF_KEY = 24
"""The text whose SHA-256 a made-up key begins with, and how many characters of it."""

_ANY_KEY = re.compile(r"(?:sk|rk|pk|ek)_\w+(?:[.~-]+\w+)*", re.IGNORECASE)
_OF_A_LIVE_ACCOUNT = re.compile(r"(?:sk|rk|pk|ek)_(?:org_)?live", re.IGNORECASE)


def holds_key(text: str, key: str) -> bool:
    """Return whether `key` stands in `text` in one of its spellings, whole or without one character at an end."""
    return may_show(text, key) and any(True for _ in wholes(text, key))


def without_key(text: str, key: str) -> str:
    """Return `text` without any spelling of `key`, and without any part that shows more than half of it.

    A part gets as many asterisks, so that a response which masks too little keeps its length.
    """
    if not may_show(text, key):
        return text
    for start, end in reversed(_merged(wholes(text, key))):
        text = text[:start] + BLOT + text[end:]
    for start, end in _merged(parts(text, key)):
        text = text[:start] + "*" * (end - start) + text[end:]
    return text


def without_any_key(text: str) -> str:
    """Return `text` without all that looks like a key of any account."""
    return _ANY_KEY.sub(BLOT, text)


def _merged(places: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return places in a text in order, those that overlap as one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


class LiveKeyError(ValueError):
    """The given key belongs to a live account, or may do so. Nothing has been sent."""


class Secret:
    """A key that shows itself only to `reveal`.

    Raises LiveKeyError for a live key, ValueError for one that cannot stand in a header.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        if _OF_A_LIVE_ACCOUNT.search(value):
            raise LiveKeyError("this is a live key: give the key of a sandbox or test account (sk_test_…)")
        if not value or not value.isascii() or not value.isprintable() or " " in value:
            raise ValueError("the API key must be printable ASCII without blanks, and not empty")
        self._value = value

    @classmethod
    def given(cls, value: str) -> Secret:
        """Return the key that a user gave. Raises LiveKeyError for all that is no test key, which may be a live one."""
        key = cls(value)
        if not key.is_test_key:
            is_quoted = value[0] in "\"'"
            form = "a test key is sk_test_ or rk_test_ and letters, digits, _, -, . or ~ behind it"
            why = "it stands in quotation marks" if is_quoted else form
            raise LiveKeyError(f"what is given as the API key is no test key, and nothing was sent: {why}")
        return key

    def reveal(self) -> str:
        """Return the key itself, for the one request that needs it."""
        return self._value

    @property
    def is_test_key(self) -> bool:
        """True where the key says that it belongs to a test account."""
        return TEST_KEY.fullmatch(self._value) is not None

    def stands_in(self, data: bytes) -> bool:
        """Return whether the key stands in `data` in one of its forms, whole or without its last character."""
        return len(self._value) >= SHORTEST_TO_BLOT and holds_key(data.decode("latin-1"), self._value)

    def blotted(self, text: str) -> str:
        """Return `text` without the key, and without secrets of the target's objects."""
        if "_secret_" in text:
            text = CLIENT_SECRET.sub(BLOTTED_CLIENT_SECRET, text)
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
    """Return the key for a target on this machine: the same in each run, as a server may keep to the first it sees."""
    return Secret("sk_test_" + hashlib.sha256(SEED_OF_KEY.encode()).hexdigest()[:LENGTH_OF_KEY])
