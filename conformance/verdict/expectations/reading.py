"""Reading an expectations file: TOML, checked against the catalogue, every error with its line."""

from __future__ import annotations

import datetime
import hashlib
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.evidence.episode import Outcome
from conformance.evidence.files import MOST_WRITTEN, read_bounded
from conformance.evidence.foreign import did_you_mean
from conformance.verdict.expectations.entry import OUTCOMES, Expectation, Expectations
from contracts import Catalogue, Clause

TABLE = "expected"
REQUIRED = {"clause": "", "outcome": "", "reason": ": say why this is expected"}


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


FORMS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys((*REQUIRED, "finding", "link"), (_is_text, "a text that is not empty")),
    "expires": (lambda value: type(value) is datetime.date, "a date without quotes, such as 2027-03-31"),
    "flaky": (lambda value: isinstance(value, bool), "true or false"),
}
"""The keys of an entry, each with the form that its value must have."""

_HEADER = re.compile(rf"\s*\[\[\s*{TABLE}\s*\]\]")
_PLACE = re.compile(r" *\(at (?:line (\d+), column \d+|end of document)\)")


@dataclass(frozen=True)
class Problem:
    """A mistake in a file, and its line, counted from 1."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}"


class ExpectationsError(ValueError):
    """An expectations file that cannot be used; `problems` says why, each with its line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def read_expectations(path: Path, name: str, catalogue: Catalogue) -> Expectations:
    """Return the expectations in the file at `path`, which the user calls `name`, as of today.

    Raises ExpectationsError as `parse_expectations`, and when the file cannot be read.
    """
    try:
        data = read_bounded(path, MOST_WRITTEN)
    except OSError as error:
        raise ExpectationsError([Problem(name, 1, f"cannot be read: {error.strerror}")]) from None
    return parse_expectations(data, name, catalogue, datetime.date.today())


def parse_expectations(data: bytes, name: str, catalogue: Catalogue, today: datetime.date) -> Expectations:
    """Return the expectations that `data` holds.

    Raises ExpectationsError when `data` is not TOML, or when an entry lacks a key, has an unknown one, names no tested
    clause or an outcome that it cannot have, gives no reason, has expired before `today`, or repeats another entry.
    """
    try:
        text = data.decode("utf-8-sig")
        document = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ExpectationsError([Problem(name, line, "is not UTF-8")]) from None
    except tomllib.TOMLDecodeError as error:
        raise ExpectationsError([_syntax_problem(name, text, str(error))]) from None
    except (ValueError, RecursionError) as error:  # a number without end, or lists in lists in lists
        raise ExpectationsError([Problem(name, 1, f"is not TOML that can be read: {error}")]) from None
    lines = text.split("\n")  # and at nothing else that `splitlines` takes for an end
    tables = document.get(TABLE, [])
    strangers = [key for key in document if key != TABLE]
    problems = [_stranger(name, lines, key) for key in strangers]
    starts = list(_starts(lines))
    if not isinstance(tables, list) or len(starts) != len(tables):
        line = next((number for number, line in enumerate(lines, 1) if TABLE in line.partition("#")[0]), 1)
        what = f"write each entry as a table of its own, under [[{TABLE}]]"
        raise ExpectationsError([*problems, Problem(name, line, what)])
    checker = _Checker(name, catalogue, today)
    entries = []
    for number, table in enumerate(tables):
        end = starts[number + 1] - 1 if number + 1 < len(starts) else len(lines)
        place = _Place(starts[number], lines[:end])
        found = list(checker.problems(table, place))
        problems += found
        if not found:
            entries.append(_entry(table, place))
    problems += _repetitions(name, entries)
    if problems:
        raise ExpectationsError(sorted(problems, key=lambda problem: problem.line))
    return Expectations(name, tuple(entries), hashlib.sha256(data).hexdigest())


@dataclass(frozen=True)
class _Place:
    """The place of an entry: the number of its header's line, and the lines of the file down to its end."""

    start: int
    lines: list[str]

    def of(self, key: str) -> int:
        """Return the line of a key; that of the header if it is not found."""
        pattern = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*(?:=|\.)""")
        numbers = range(self.start, len(self.lines))
        return next((number + 1 for number in numbers if pattern.match(self.lines[number])), self.start)


@dataclass(frozen=True)
class _Checker:
    file: str
    catalogue: Catalogue
    today: datetime.date

    def problems(self, table: Mapping[str, Any], place: _Place) -> Iterator[Problem]:
        for key, what in (*self._form(table), *self._sense(table)):
            yield Problem(self.file, place.of(key) if key in table else place.start, what)

    def _form(self, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for key, hint in REQUIRED.items():
            if key not in table:
                yield key, f"`{key}` is missing{hint}"
        for key, value in table.items():
            if key not in FORMS:
                yield key, f"`{key}` is no key of an entry{did_you_mean(key, FORMS, '; ')}"
                continue
            fits, form = FORMS[key]
            if not fits(value):
                yield key, f"`{key}` must be {form}"
            elif key == "link" and not value.startswith(("https://", "http://")):
                yield key, "`link` must begin with https:// or http://"

    def _sense(self, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        slug, outcome, expires = table.get("clause"), table.get("outcome"), table.get("expires")
        if type(expires) is datetime.date and expires < self.today:
            yield "expires", f"expired on {expires}: fix the server, or set a later date and say why in `reason`"
        if isinstance(outcome, str) and outcome.strip() and outcome not in OUTCOMES:
            yield "outcome", f"{outcome!r} cannot be expected: only {', '.join(OUTCOMES)}"
        if not isinstance(slug, str) or not slug.strip():
            return
        if slug not in self.catalogue:
            yield "clause", f"no clause is called {slug!r}{did_you_mean(slug, self.catalogue.by_slug, '; ')}"
            return
        clause = self.catalogue[slug]
        if clause.not_tested:
            yield "clause", f"{slug} is not tested ({clause.not_tested}): nothing can be expected of it"
        elif outcome in OUTCOMES and _why_impossible(clause, Outcome(outcome)):
            yield "outcome", _why_impossible(clause, Outcome(outcome))


def _why_impossible(clause: Clause, outcome: Outcome) -> str:
    """Return why a clause cannot have an outcome; empty when it can."""
    if clause.level == "MAY":
        return f"{clause.slug} is a MAY: it cannot fail"
    possible = {"MUST": Outcome.FAIL, "SHOULD": Outcome.DEVIATION}[clause.level]
    if outcome in (possible, Outcome.NOT_RUN):
        return ""
    return f"{clause.slug} is a {clause.level}: when it fails, the outcome is {possible}"


def _entry(table: Mapping[str, Any], place: _Place) -> Expectation:
    return Expectation(
        clause=table["clause"],
        outcome=Outcome(table["outcome"]),
        reason=table["reason"].strip(),
        line=place.start,
        finding=table.get("finding", ""),
        link=table.get("link", ""),
        expires=table.get("expires"),
        flaky=table.get("flaky", False),
    )


def _repetitions(file: str, entries: list[Expectation]) -> Iterator[Problem]:
    """Yield a problem for each entry that repeats or contradicts an earlier one of the same clause."""
    for index, entry in enumerate(entries):
        for other in entries[:index]:
            if other.clause != entry.clause:
                continue
            if other.outcome is not entry.outcome:
                what = f"line {other.line} expects {other.outcome} of {entry.clause}: it has one outcome"
                yield Problem(file, entry.line, what)
                break
            if not other.finding or not entry.finding or other.finding == entry.finding:
                what = f"covers the same as line {other.line}: keep one, or name the `finding` in both"
                yield Problem(file, entry.line, what)
                break


def _starts(lines: list[str]) -> Iterator[int]:
    """Yield the numbers of the lines on which entries begin.

    A line within a text of several lines may look like a header: then what stands from the last one to it is not TOML.
    """
    last = 0
    for number, line in enumerate(lines, 1):
        if _HEADER.match(line):
            try:
                tomllib.loads("\n".join([*lines[last : number - 1], ""]))
            except (ValueError, RecursionError):
                continue
            last = number - 1
            yield number


def _syntax_problem(file: str, text: str, message: str) -> Problem:
    place = _PLACE.search(message)
    line = int(place[1]) if place and place[1] else max(1, len(text.splitlines()))
    return Problem(file, line, f"is not TOML: {_PLACE.sub('', message)}")


def _stranger(file: str, lines: list[str], key: str) -> Problem:
    pattern = re.compile(rf"""\s*\[{{0,2}}\s*["']?{re.escape(key)}\b""")
    line = next((number for number, line in enumerate(lines, 1) if pattern.match(line)), 1)
    return Problem(file, line, f"`{key}` is unknown: the file holds only entries, each under [[{TABLE}]]")
