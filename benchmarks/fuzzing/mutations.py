"""Hypothesis strategies that spoil a real file: its bytes, the members of its JSON, the lines of its text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]

FAR = 2**24
"""More than any sample has bytes. A place is drawn below it, as signatures vary in length, and draws must not."""

DEEP = 100_000
"""The levels of the deepest value: more than any reader that calls itself bears."""

ODD_TEXTS = (
    "",
    " ",
    "\x00",
    "\x1b[31m\x07",
    "\u202e\u2066\ufeff",
    "\u2028\r\n",
    "\ud800",
    "\udfff\ud800",
    "\U000e0041\U0010ffff",
    "<script>'\"&]]>",
    "%00%zz+",
    "../../etc/passwd",
    "http://[::1",
    "2027-13-99",
    "9" * 5000,
    "x" * 70_000,
    "{0}{version}{",
)
"""Texts that a careless reader stumbles over."""

ODD_NUMBERS = (0, -1, 1, 7, 2**31, 2**63, -(2**63) - 1, 2**1100, 10**4200, 0.5, -0.0, 1e-320, 1e308, 99999, 200)
"""Numbers beyond an index, a time, a word of a machine, and a float."""

ODD_JSON = (
    "NaN",
    "-Infinity",
    "1e999999",
    "9" * 6000,
    "[" * DEEP + "]" * DEEP,
    '{"a":' * 5000 + "1" + "}" * 5000,
    "[" * 300 + "]" * 300,
    '{"a":1,"a":2}',
    '"\\ud800"',
    "[" + "0," * 5000 + "0]",
)
"""JSON that no value of Python is written as."""

ODD_BYTES: tuple[bytes, ...] = (
    b"\x00",
    b"\xff",
    b"\xfe\xff",
    b"\xef\xbb\xbf",
    b"\x1b[31m",
    b"\n",
    b"\r",
    b'"',
    b"{",
    b"[",
    b"}",
    b"\\",
)
ODD_BYTES += (
    b"\xed\xa0\x80",
    b"\x80" * 9,
    b"[" * 3000,
    b"- " * 3000,
    b"&a [*a,*a]",
    b"!!python/object:os.system x",
    b":",
)
"""Bytes that end, open or hide what stands around them."""

ODD_VALUES: tuple[Any, ...] = (None, True, False, [], {}, [None], {"": None}, *ODD_TEXTS, *ODD_NUMBERS)

_PLACE = "\uf8ffodd\uf8ff"
"""A stand-in for odd JSON in a value that is written down before."""

JSON_MUTATIONS = ("replace", "replace", "replace", "remove", "rename", "swap", "repeat", "odd", "number", "more")


def spoilt_bytes(draw: Draw, data: bytes) -> bytes:
    """Return the data with a few bytes changed, left out, repeated, put in or cut off."""
    content = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, FAR)) % max(len(content), 1)
        match draw(st.sampled_from(("flip", "leave out", "repeat", "put in", "cut"))):
            case "flip" if content:
                content[place] ^= draw(st.integers(1, 255))
            case "leave out":
                del content[place : place + draw(st.integers(1, 60))]
            case "repeat":
                content[place:place] = content[place : place + draw(st.integers(1, 200))]
            case "put in":
                content[place:place] = draw(st.sampled_from(ODD_BYTES))
            case _:
                del content[place:]
    return bytes(content)


def spoilt_lines(draw: Draw, data: bytes) -> bytes:
    """Return the data with a line left out, repeated, moved, or with another value behind its equals sign."""
    lines = data.split(b"\n")
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(("leave out", "repeat", "move", "value", "value", "name"))):
            case "leave out":
                del lines[place]
            case "repeat":
                lines.insert(place, lines[place])
            case "move":
                lines.insert(draw(st.integers(0, len(lines) - 1)), lines.pop(place))
            case "value":
                name, sign, _ = lines[place].partition(b"=")
                lines[place] = name + sign + draw(st.sampled_from(ODD_TOML))
            case _:
                _, sign, value = lines[place].partition(b"=")
                lines[place] = draw(st.sampled_from(ODD_NAMES)) + sign + value
        if not lines:
            break
    return b"\n".join(lines)


ODD_TOML = (
    b"1",
    b"-1.5",
    b"inf",
    b"nan",
    b"9" * 6000,
    b"0x" + b"f" * 6000,
    b"true",
    b'""',
    b'" "',
    b'"\\ud800"',
    b'"\\u202e\\u001b[31m"',
    b'"a\\nb"',
    b"[]",
    b"[[1], {a = 1}]",
    b"{}",
    b"{a.b = 1}",
    b"[" * 3000 + b"]" * 3000,
    b"{a = " * 1500 + b"1" + b"}" * 1500,
    b"1979-05-27",
    b"0001-01-01",
    b"9999-12-31T23:59:59.999999-23:59",
    b"07:32:00",
    b"'''\n[[expected]]\n'''",
    b'"{port} {0} {"',
    b'"(((("',
    b'"' + b"(" * 5000 + b")" * 5000 + b'"',
    b'["{key.__class__}", "{port!x}"]',
    b'"/\\u0000"',
)
ODD_NAMES = (
    b'"a\\nb" ',
    b'"" ',
    b"a.b.c ",
    b"name ",
    b"clause ",
    b'"\\u001b[31m" ',
    b"x" * 3000,
    b"[expected]\n",
    b"a." * 900 + b"b ",
)


def spoilt_json(draw: Draw, value: Any) -> str:
    """Return the JSON text of a value in which a few members are not what they were."""
    written = json.loads(json.dumps(value))
    odd: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        _spoil(draw, written, odd)
    text = json.dumps(written, ensure_ascii=False, separators=(",", ":"))
    for one in odd:
        text = text.replace(f'"{_PLACE}"', one, 1)
    return text


def _spoil(draw: Draw, value: Any, odd: list[str]) -> None:
    """Change a member somewhere in the value."""
    holder, name = value, None
    while isinstance(holder, dict | list) and holder:
        names = list(holder) if isinstance(holder, dict) else range(len(holder))
        name = draw(st.sampled_from(names))
        inner = holder[name]
        if not isinstance(inner, dict | list) or not inner or draw(st.integers(0, 5)) == 0:
            break
        holder = inner
    if name is None:
        return
    match draw(st.sampled_from(JSON_MUTATIONS)):
        case "replace" | "swap":
            holder[name] = draw(st.sampled_from(ODD_VALUES))
        case "remove":
            del holder[name]
        case "rename" if isinstance(holder, dict):
            holder[draw(st.sampled_from(ODD_TEXTS))] = holder.pop(name)
        case "repeat" if isinstance(holder, list):
            holder.insert(name, holder[name])
        case "number" if isinstance(holder[name], int | float):
            holder[name] = draw(st.sampled_from(ODD_NUMBERS))
        case "more" if isinstance(holder[name], str):
            holder[name] += draw(st.sampled_from(ODD_TEXTS))
        case _:
            holder[name] = _PLACE
            odd.append(draw(st.sampled_from(ODD_JSON)))


def spoilt_document(draw: Draw, data: bytes) -> bytes:
    """Return a JSON file with its bytes or its members spoilt."""
    if draw(st.integers(0, 3)) == 0:
        return spoilt_bytes(draw, data)
    return spoilt_json(draw, json.loads(data)).encode("utf-8", "surrogatepass")


def spoilt_record(draw: Draw, data: bytes) -> bytes:
    """Return a record with its bytes or the members of its lines spoilt; in most draws its chain is whole again."""
    if draw(st.integers(0, 7)) == 0:
        return spoilt_bytes(draw, data)
    lines = data.splitlines()
    changed: dict[int, str] = {}
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.integers(0, len(lines) - 1))
        changed[place] = spoilt_json(draw, json.loads(lines[place]))
    if draw(st.integers(0, 7)) == 0:
        spoilt = [changed.get(place, line.decode()) for place, line in enumerate(lines)]
        return "\n".join([*spoilt, ""]).encode("utf-8", "surrogatepass")
    return chained([_read(changed[place]) if place in changed else json.loads(one) for place, one in enumerate(lines)])


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return {}


def chained(parts: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the record of these lines, with the chain and the counts of its footer made to fit."""
    lines: list[bytes] = []
    for part in parts:
        before = hashlib.sha256(lines[-1]).hexdigest()[:16] if lines else ""
        content = {**part, "previous": before} if isinstance(part, dict) and "previous" in part else part
        if isinstance(content, dict) and isinstance(content.get("footer"), dict):
            digest = hashlib.sha256(b"".join(line + b"\n" for line in lines)).hexdigest()
            content = {**content, "footer": {**content["footer"], "lines": len(lines), "sha256": digest}}
        lines.append(_encoded(content))
    return b"".join(line + b"\n" for line in lines)


def _encoded(value: Any) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()
