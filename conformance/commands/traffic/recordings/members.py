"""Members of foreign documents, read by type: each reader returns the value or names the member that it cannot read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from conformance.evidence.foreign import seconds_of_date

Headers = tuple[tuple[str, str], ...]

LOWEST_STATUS, HIGHEST_STATUS = 100, 599
"""The statuses that RFC 9110 section 15 defines."""
LONGEST_DURATION = 1e15
"""Milliseconds; a longer duration, infinity and NaN are none."""

_WHOLE_NUMBER = re.compile(r"\s*(-?\d{1,10})(?:\.0)?\s*", re.ASCII)


class UnreadableMember(ValueError):
    """A member of a recorded exchange cannot be read; the message names the member and says why."""

    def __init__(self, member: str, why: str) -> None:
        super().__init__(f"`{member}` {why}")


@dataclass(frozen=True)
class Member:
    """An object of a foreign document, and its name, which is empty for the entry itself."""

    value: Mapping[str, Any]
    name: str = ""

    @classmethod
    def of(cls, value: Any, name: str) -> Member:
        """Return a value as an object."""
        if not isinstance(value, Mapping):
            raise UnreadableMember(name, "is not an object")
        return cls(value, name)

    def name_of(self, key: str) -> str:
        """Return the whole name of a member of this object."""
        return f"{self.name}.{key}" if self.name else key

    def get(self, key: str) -> Any:
        """Return the value at `key` of any type, None where there is none."""
        return self.value.get(key)

    def object(self, key: str) -> Member:
        """Return the object at `key`, empty where there is none."""
        value = self.value.get(key)
        return Member.of({} if value is None else value, self.name_of(key))

    def text(self, key: str) -> str | None:
        """Return the string at `key`, None where there is none."""
        value = self.value.get(key)
        if value is None or isinstance(value, str):
            return value
        raise UnreadableMember(self.name_of(key), "is not a string")

    def status(self, key: str) -> int | None:
        """Return the status at `key`, None where the value says that no response came (null, 0 or less)."""
        value = self.value.get(key)
        if value is None or value == "":
            return None
        number = _WHOLE_NUMBER.fullmatch(str(value)) if isinstance(value, int | float | str) else None
        if number is None:
            raise UnreadableMember(self.name_of(key), "is not a status")
        status = int(number[1])
        if status > 0 and not LOWEST_STATUS <= status <= HIGHEST_STATUS:
            raise UnreadableMember(self.name_of(key), f"is not a status from {LOWEST_STATUS} to {HIGHEST_STATUS}")
        return status if status > 0 else None

    def headers(self, key: str) -> Headers:
        """Return headers that are an object (of strings, or of lists of strings) or a list of pairs."""
        value, name = self.value.get(key), self.name_of(key)
        if value is None:
            return ()
        if isinstance(value, Mapping):
            return tuple(pair for item in value.items() for pair in _pairs(*item, name))
        if not isinstance(value, list):
            raise UnreadableMember(name, "is neither an object nor a list")
        return tuple(pair for number, item in enumerate(value) for pair in _pairs_of_item(item, f"{name}[{number}]"))


def _pairs_of_item(item: Any, member: str) -> Headers:
    match item:
        case Mapping():
            return _pairs(item.get("name"), item.get("value"), member)
        case [name, value]:
            return _pairs(name, value, member)
    raise UnreadableMember(member, "is not a header with name and value")


def _pairs(name: Any, value: Any, member: str) -> Headers:
    if not isinstance(name, str | bytes):
        raise UnreadableMember(member, "has a name that is not a string")
    values = value if isinstance(value, list | tuple) else [value]
    return tuple((_plain(name, member), _plain(item, member)) for item in values if item is not None)


def _plain(value: Any, member: str) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, str | int | float):
        return str(value)
    raise UnreadableMember(member, "has a value that is not a string")


def is_whole_number(value: Any) -> bool:
    """Return whether a value is an integer; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def value_of(headers: Headers, name: str) -> str | None:
    """Return the first header of that name in any case."""
    return next((value for key, value in headers if key.lower() == name.lower()), None)


def seconds_of(milliseconds: Any) -> float:
    """Return a duration in seconds, 0 where the value is none."""
    is_number = is_whole_number(milliseconds) or isinstance(milliseconds, float)
    return milliseconds / 1000 if is_number and 0 < milliseconds < LONGEST_DURATION else 0.0


def time_of(text: Any) -> float:
    """Return a date of a header or of ISO 8601 in seconds since 1970, 0 where it is none; no zone means UTC."""
    if not isinstance(text, str):
        return 0.0
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return seconds_of_date(text) or 0.0
