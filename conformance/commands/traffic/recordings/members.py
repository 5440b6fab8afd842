"""Members of foreign documents, read by type: each reader returns the value or names the member that it cannot read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

Headers = tuple[tuple[str, str], ...]

LOWEST_STATUS, HIGHEST_STATUS = 100, 599
"""The statuses that RFC 9110 section 15 defines."""


class UnreadableMember(ValueError):
    """A member of a recorded exchange cannot be read; the message names the member and says why."""

    def __init__(self, member: str, why: str) -> None:
        super().__init__(f"`{member}` {why}")


def object_at(holder: Mapping[str, Any], name: str, member: str) -> Mapping[str, Any]:
    """Return the object at `name`, empty where there is none."""
    value = holder.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise UnreadableMember(member, "is not an object")
    return value


def text_at(holder: Mapping[str, Any], name: str, member: str) -> str | None:
    """Return the string at `name`, None where there is none."""
    value = holder.get(name)
    if value is None or isinstance(value, str):
        return value
    raise UnreadableMember(member, "is not a string")


def status_of(value: Any, member: str) -> int | None:
    """Return a status, None where the value says that no response came (null, 0 or less)."""
    if value is None or value == "":
        return None
    number = _whole_number(value)
    if number is None:
        raise UnreadableMember(member, "is not a status")
    if number <= 0:
        return None
    if not LOWEST_STATUS <= number <= HIGHEST_STATUS:
        raise UnreadableMember(member, f"is not a status from {LOWEST_STATUS} to {HIGHEST_STATUS}")
    return number


def _whole_number(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str) and value.isascii() and value.strip().isdigit() and len(value) <= 10:
        return int(value)
    return None


def milliseconds_of(value: Any) -> float:
    """Return a duration in milliseconds, 0 where the value is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    try:
        number = float(value)
    except OverflowError:
        return 0.0
    return max(number, 0.0) if math.isfinite(number) else 0.0


def pairs_of(headers: Any, member: str) -> Headers:
    """Return headers that are an object (of strings, or of lists of strings) or a list of pairs."""
    if headers is None:
        return ()
    if isinstance(headers, Mapping):
        return tuple(pair for name, value in headers.items() for pair in _named(name, value, member))
    if not isinstance(headers, list):
        raise UnreadableMember(member, "is neither an object nor a list")
    pairs: list[tuple[str, str]] = []
    for number, item in enumerate(headers):
        if isinstance(item, Mapping):
            pairs += _named(item.get("name"), item.get("value"), f"{member}[{number}]")
        elif isinstance(item, list | tuple) and len(item) == 2:
            pairs += _named(item[0], item[1], f"{member}[{number}]")
        else:
            raise UnreadableMember(f"{member}[{number}]", "is not a header with name and value")
    return tuple(pairs)


def _named(name: Any, value: Any, member: str) -> Headers:
    if not isinstance(name, str | bytes):
        raise UnreadableMember(member, "has a name that is not a string")
    values = value if isinstance(value, list | tuple) else [value]
    return tuple((_plain(name, member), _plain(item, member)) for item in values if item is not None)


def _plain(value: Any, member: str) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return str(value)
    raise UnreadableMember(member, "has a value that is not a string")


def value_of(headers: Headers, name: str) -> str | None:
    """Return the first header of that name, whatever its case."""
    return next((value for key, value in headers if key.lower() == name.lower()), None)


def time_of(text: Any) -> float:
    """Return a date of a header or of ISO 8601 in seconds since 1970, 0 where it is none; no zone means UTC."""
    if not isinstance(text, str):
        return 0.0
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return 0.0
