"""The record of a run: JSON lines that hold everything it saw, each chained to the one before."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from conformance.evidence.files import read_bounded
from conformance.evidence.storing import size_of_body
from conformance.paths import SUITE
from conformance.verdict.folding import LogEntry, logged_from_json, notes_in, trials_in
from conformance.verdict.misuse import Misuse
from conformance.verdict.trial import Note, Trial

RECORD_FILE = "run.jsonl"
BEGINNING = b'{"previous":"","header":'
"""The first bytes of every record, whole or not."""

SCHEMA = SUITE / "contracts" / "record.schema.json"

FORMAT = 2

MOST_BYTES = 512_000_000
"""The most bytes of all inflated bodies of a record together."""

FRACTIONS = frozenset({"seconds", "received", "idle", "rate", "timeout", "explore", "max_time"})
"""The members of a record that may be fractions."""

FREE = "facts"
"""The member that holds any values."""

CHAINED_DIGITS = 16

REFERENCE = "embedded reference"


class BrokenRecord(Misuse):
    """A file that is no whole record of a run; the message names the line, and says why."""


@dataclass(frozen=True)
class Record:
    """A record: its `content` as a file, and the parts of that."""

    content: bytes
    header: Mapping[str, Any]
    entries: Sequence[LogEntry]
    footer: Mapping[str, Any]

    @property
    def trials(self) -> tuple[Trial, ...]:
        """The trials, in order."""
        return tuple(trials_in(self.entries))

    @property
    def notes(self) -> tuple[Note, ...]:
        """The notes, in order."""
        return tuple(notes_in(self.entries))

    @property
    def outcomes(self) -> Mapping[str, str]:
        """The outcome of each clause, by the footer."""
        outcomes: Mapping[str, str] = self.footer["outcomes"]
        return outcomes

    @classmethod
    def at(cls, path: Path, hint: str = "") -> Record:
        """Read the record in a file. Raises BrokenRecord, whose message names the file and ends with the `hint`."""
        try:
            return cls.read(path)
        except OSError as error:
            why = f" ({error.strerror}): {hint}" if hint else f": {error.strerror}"
            raise BrokenRecord(f"{path} cannot be read{why}") from None
        except BrokenRecord as error:
            raise BrokenRecord(f"{path}: {error}") from None

    @classmethod
    def of(cls, content: bytes) -> Record:
        """Return the record in the content of a file. Raises BrokenRecord."""
        if not content.startswith(BEGINNING):
            raise BrokenRecord(f"it is no record of a run: give the {RECORD_FILE} that the run has written")
        lines = content.split(b"\n")
        if lines.pop() != b"" or not lines:
            raise BrokenRecord(f"line {max(len(lines), 1)}: it is cut off")
        before = [b"", *lines]
        parts = [_read_line(number, line, before[number - 1]) for number, line in enumerate(lines, start=1)]
        if "header" not in parts[0]:
            raise BrokenRecord("line 1: it is not a header")
        if "footer" not in parts[-1]:
            raise BrokenRecord(f"line {len(lines)}: it is cut off: the last line is no footer")
        footer = parts[-1]["footer"]
        counted = {"lines": len(lines) - 1, "sha256": _digest_of(lines[:-1])}
        for name, value in counted.items():
            if footer[name] != value:
                raise BrokenRecord(f"line {len(lines)}: `{name}` of the footer is {footer[name]}, not {value}")
        _check_time(1, parts[0]["header"]["started"])
        _check_time(len(lines), footer["ended"])
        return cls(content, parts[0]["header"], _entries(parts[1:-1]), footer)

    @classmethod
    def read(cls, path: Path) -> Record:
        """Read the record in a file. Raises BrokenRecord, and OSError if there is no such file."""
        return cls.of(read_bounded(path))


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def _read_line(number: int, line: bytes, before: bytes) -> dict[str, Any]:
    try:
        data = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise BrokenRecord(f"line {number}: it is no JSON") from None
    try:
        error = next(iter(_validator().iter_errors(data)), None)
    except UnicodeEncodeError:
        raise BrokenRecord(f"line {number}: it holds half a surrogate pair") from None
    except (ValueError, OverflowError, RecursionError):
        raise BrokenRecord(f"line {number}: it is nested too deep, or a number in it is too long") from None
    if error is not None:
        place = "/".join(map(str, error.instance_path))
        where = f"`{place}`: " if place else ""
        raise BrokenRecord(f"line {number}: {where}it does not match the record's schema")
    if any(_fractions_in(data)):
        raise BrokenRecord(f"line {number}: a whole number in it is written as a fraction")
    if data["previous"] != previous_of(before):
        raise BrokenRecord(f"line {number}: the line before was edited, or one is missing")
    if encoded(data) != line:
        raise BrokenRecord(f"line {number}: it is not in the form in which the suite writes it")
    return dict(data)


def _fractions_in(value: Any) -> Iterator[bool]:
    """Yield true for each fraction, such as 1.0, in a place in which only a whole number can stand."""
    if isinstance(value, dict):
        for name, member in value.items():
            if isinstance(member, float):
                yield name not in FRACTIONS
            elif isinstance(member, dict | list) and name != FREE:
                yield from _fractions_in(member)
    elif isinstance(value, list):
        for member in value:
            if isinstance(member, dict | list):
                yield from _fractions_in(member)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _check_time(number: int, text: str) -> None:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise BrokenRecord(f"line {number}: {text} is no time") from None


def _entries(parts: Sequence[Mapping[str, Any]]) -> list[LogEntry]:
    entries: list[LogEntry] = []
    left = MOST_BYTES
    for number, data in enumerate(parts, start=2):
        if "trial" not in data and "note" not in data:
            raise BrokenRecord(f"line {number}: there is a header or a footer in the middle")
        try:
            for body in _bodies_in(data):
                left -= size_of_body(body)
                if left < 0:
                    raise ValueError("the bodies are too long")
            logged = logged_from_json(data)
        except (ValueError, zlib.error):
            raise BrokenRecord(f"line {number}: a body in it cannot be read, or is too long") from None
        entries.append(LogEntry(data["worker"], logged, data["turn"]))
    return entries


def _bodies_in(data: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the bodies in a line of a record, as they are stored."""
    for episode in data.get("episodes", ()):
        for step in episode["steps"]:
            yield step["exchange"]["request"]["body"]
            yield step["exchange"]["body"]


def encoded(data: Mapping[str, Any]) -> bytes:
    """Return a line of a record, without its end, in the form in which the suite writes it."""
    try:
        return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # a lone surrogate, which only an escape can stand for
        return json.dumps(data, separators=(",", ":")).encode()


def previous_of(line: bytes) -> str:
    """Return the member `previous` of the line that follows this one."""
    return hashlib.sha256(line).hexdigest()[:CHAINED_DIGITS] if line else ""


def _digest_of(lines: Iterable[bytes]) -> str:
    return hashlib.sha256(b"".join(line + b"\n" for line in lines)).hexdigest()
