"""Bytes made visible: characters without a glyph escaped, long repetitions as unit and count, the rest cut."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, groupby, starmap
from typing import Literal

Kind = Literal["plain", "escape", "count", "cut"]

_SHORTEST_RUN = 40
"""The number of characters from which on a repetition is shown as a unit and a count."""

_WINDOW = 4096
"""The number of characters searched for repetitions at a time, so that the part that is cut costs nothing."""

_REPETITION = re.compile(r"(.{1,12}?)\1{3,}", re.DOTALL)
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{]\s*[\]}]|\s+|(?s:.)')
_DEEPER = {"[": 1, "{": 1, "]": -1, "}": -1}
_DEEPEST_INDENT = 12
_INDENT = "  "


@dataclass(frozen=True)
class Piece:
    """Text of one kind: `plain`, an `escape` of a character without a glyph, a repetition's `count`, or a `cut`.

    `marked` text belongs to the invalid component of a request.
    """

    text: str
    kind: Kind = "plain"
    marked: bool = False


def visible(parts: Iterable[tuple[bytes, bool]], limit: int) -> tuple[Piece, ...]:
    """Return pieces of about `limit` characters that show `parts`: pairs of bytes and whether they are marked."""
    whole = list(parts)
    left = sum(len(data) for data, _ in whole)
    pieces: list[Piece] = []
    room = limit
    for piece, length in chain.from_iterable(starmap(_pieces, whole)):
        if piece.kind == "plain" and len(piece.text) > room:
            piece = replace(piece, text=piece.text[:room])
            length = len(piece.text.encode())
        pieces.append(piece)
        left -= length
        room -= len(piece.text)
        if room <= 0:
            break
    if left:
        pieces.append(Piece(f"… {left:,} more byte{'s' * (left > 1)}", "cut"))
    return tuple(pieces)


def _pieces(data: bytes, marked: bool) -> Iterator[tuple[Piece, int]]:
    """Return the pieces of `data`, each with the number of bytes that it stands for."""
    text = data.decode("utf-8", "surrogateescape")
    done = 0
    while done < len(text):
        window = min(done + _WINDOW, len(text))
        match = next((found for found in _REPETITION.finditer(text, done, window) if _is_long(found)), None)
        if match is None:
            yield from _spell(text[done:window], marked)
            done = window
            continue
        yield from _spell(text[done : match.start()], marked)
        unit, done = match[1], match.end()
        more = re.compile(f"(?:{re.escape(unit)})*+").match(text, done)
        done = more.end() if more else done
        count = (done - match.start()) // len(unit)
        shown = "".join(piece.text for piece, _ in _spell(unit, marked))
        yield Piece(f"{shown} × {count:,}", "count", marked), count * len(unit.encode("utf-8", "surrogateescape"))


def _is_long(match: re.Match[str]) -> bool:
    return match.end() - match.start() >= _SHORTEST_RUN


def _spell(text: str, marked: bool) -> Iterator[tuple[Piece, int]]:
    for has_glyph, chars in groupby(text, lambda char: char.isprintable() or char == "\n"):
        run = "".join(chars)
        shown = run if has_glyph else "".join(map(escape_char, run))
        yield Piece(shown, "plain" if has_glyph else "escape", marked), len(run.encode("utf-8", "surrogateescape"))


def escape(text: str, *, kept: str = "\n") -> str:
    """Return `text` with characters without a glyph escaped, except for those that are `kept`."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in kept else escape_char(char) for char in text)


def escape_char(char: str) -> str:
    """Return the escape of a character that has no glyph or moves others about."""
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}.get(char)
    number = ord(char)
    if short:
        return short
    if 0xDC80 <= number <= 0xDCFF:
        return f"\\x{number - 0xDC00:02x}"
    return f"\\x{number:02x}" if number < 0x80 else f"\\u{{{number:x}}}"


def indent(text: str) -> str:
    """Return JSON `text` with line breaks and indents; every string and number stays exactly as it is written."""
    written: list[str] = []
    depth = 0
    for token in _JSON_TOKEN.findall(text):
        depth = max(depth + _DEEPER.get(token, 0), 0)
        new_line = "\n" + _INDENT * min(depth, _DEEPEST_INDENT)
        if token in ("]", "}"):
            written.append(new_line + token)
        elif token in ("[", "{", ","):
            written.append(token + new_line)
        elif token == ":":
            written.append(": ")
        else:
            written.append(token if token.startswith('"') else "".join(token.split()))
    return "".join(written)
