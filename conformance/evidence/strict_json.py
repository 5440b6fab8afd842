"""JSON read strictly: one RFC 8259 value, and the name of every error that a lenient parser would ignore."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

MOST_LEVELS = 400
"""The depth to which a value is read; RFC 8259 section 9 leaves a limit to each parser. Deeper values are legal, count
as null, and are not checked, so that every walk through a value stays below Python's own limit of 1,000 calls.
"""

LONGEST_INTEGER = 4000
"""The number of characters in an integer that is read exactly; Python rejects more than 4,300 digits. A longer one is
read as a float, as RFC 8259 section 6 lets any number be."""

MOST_TWICE = 10
"""How many keys of one object are named that stand there twice."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_STRING_OR_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[{]+|[\]}]+', re.DOTALL)


@dataclass(frozen=True)
class JsonText:
    """A body read as JSON: the `value` (None when there is none), whether one was `found`, and the `problems`."""

    value: Any
    found: bool
    problems: tuple[str, ...]


def count_values(text: bytes) -> int:
    """Return about how many values a JSON text has, without reading it: what it takes in memory depends on that."""
    return sum(text.count(sign) for sign in (b",", b"[", b"{"))


def exact_form(value: Any) -> str:
    """Return the one form of a JSON value, for comparisons: Python takes 1, 1.0 and true for equal."""
    return json.dumps(value, sort_keys=True)


def value_at(value: Any, *path: str) -> Any:
    """Return what stands in a JSON value under these names, each within the one before; None for nothing."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def read_json(body: bytes) -> JsonText:
    """Read `body`, as strictly as RFC 8259 (sections 2, 4, 6 and 8.1) says, as leniently as is needed to go on."""
    problems: list[str] = []
    if body.startswith(_BYTE_ORDER_MARK):
        problems.append("it starts with a byte order mark")
        body = body.removeprefix(_BYTE_ORDER_MARK)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        problems.append("it is not UTF-8")
        text = body.decode("latin-1")

    def constant(name: str) -> None:
        problems.append(f"{name} is no JSON number")

    def pairs(members: list[tuple[str, Any]]) -> dict[str, Any]:
        counts = Counter(name for name, _ in members)
        twice = sorted(name for name, count in counts.items() if count > 1)
        problems.extend(f"the key {name!r} stands twice in one object" for name in twice[:MOST_TWICE])
        return dict(members)

    decoder = json.JSONDecoder(parse_constant=constant, parse_int=_integer, object_pairs_hook=pairs, strict=True)
    stripped = _without_deepest(text.lstrip(" \t\r\n"))
    try:
        value, end = decoder.raw_decode(stripped)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        return JsonText(None, False, (*problems, f"it is no JSON value: {reason}"))
    if rest := stripped[end:].strip(" \t\r\n"):
        problems.append(f"after the value comes {rest[:40]!r}")
    return JsonText(value, True, tuple(problems))


def _integer(text: str) -> int | float:
    return int(text) if len(text) <= LONGEST_INTEGER else float(text)


def _without_deepest(text: str) -> str:
    """Return the JSON `text` with `null` in place of each value deeper than MOST_LEVELS."""
    if text.count("[") + text.count("{") <= MOST_LEVELS:
        return text
    kept: list[str] = []
    level = done = 0
    for match in _STRING_OR_BRACKETS.finditer(text):
        if match[0][0] in "[{":
            before, level = level, level + len(match[0])
            if before <= MOST_LEVELS < level:
                kept.append(text[done : match.start() + MOST_LEVELS - before])
        elif match[0][0] in "]}":
            before, level = level, level - len(match[0])
            if level <= MOST_LEVELS < before:
                kept.append("null")
                done = match.start() + before - MOST_LEVELS
    return text if level > MOST_LEVELS else "".join([*kept, text[done:]])
