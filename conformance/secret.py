"""The API key: held where nothing prints it, and blotted out of whatever leaves the suite."""

from __future__ import annotations

import base64
import secrets
import string
from collections.abc import Iterable

BLOT = "[API key]"
LIVE_PREFIXES = ("sk_live_", "rk_live_", "pk_live_")
SHORTEST_TO_BLOT = 16
"""Keys shorter than this many characters are not looked for in answers: `test` stands in every other word."""


class LiveKeyError(ValueError):
    """A key of a live account was given. Nothing has been sent."""


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
        """The key itself, for the one request that needs it."""
        return self._value

    @property
    def is_test_key(self) -> bool:
        """Whether the key says of itself that it belongs to a test account."""
        return self._value.startswith(("sk_test_", "rk_test_"))

    def stands_in(self, data: bytes) -> bool:
        """Whether the key, or its form in Basic authentication, stands in `data`."""
        return len(self._value) >= SHORTEST_TO_BLOT and any(form in data for form in self._forms())

    def blotted(self, text: str) -> str:
        """`text` without the key."""
        for form in self._forms():
            text = text.replace(form.decode(), BLOT)
        return text

    def blotted_bytes(self, data: bytes) -> bytes:
        """`data` without the key."""
        for form in self._forms():
            data = data.replace(form, BLOT.encode())
        return data

    def _forms(self) -> Iterable[bytes]:
        key = self._value.encode()
        return key, base64.b64encode(key + b":"), base64.b64encode(key).rstrip(b"=")

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret is not pickled")


def made_up_key() -> Secret:
    """A key for a target on this machine that was given none: `sk_test_` and 24 random letters and digits."""
    letters = string.ascii_letters + string.digits
    return Secret("sk_test_" + "".join(secrets.choice(letters) for _ in range(24)))
