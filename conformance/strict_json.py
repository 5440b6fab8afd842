"""JSON read strictly: one RFC 8259 value, and by name everything that a lenient parser would have swallowed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class JsonText:
    """A body read as JSON: the `value` (None when there is none), whether one was `found`, and the `problems`."""

    value: Any
    found: bool
    problems: tuple[str, ...]


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
        names = [name for name, _ in members]
        for name in sorted({name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else ()):
            problems.append(f"the key {name!r} stands twice in one object")
        return dict(members)

    decoder = json.JSONDecoder(parse_constant=constant, object_pairs_hook=pairs, strict=True)
    stripped = text.lstrip(" \t\r\n")
    try:
        value, end = decoder.raw_decode(stripped)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        return JsonText(None, False, (*problems, f"it is no JSON value: {reason}"))
    if rest := stripped[end:].strip(" \t\r\n"):
        problems.append(f"after the value comes {rest[:40]!r}")
    return JsonText(value, True, tuple(problems))
