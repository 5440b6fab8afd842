"""Lies in the lines of a record: values and forms that the suite never writes, all chained and counted as they must."""

from __future__ import annotations

import base64
import copy
import zlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from benchmarks.forging import SIGNER, honest, log_of, rewritten, statements_of
from benchmarks.lies.registry import Lie, Lies
from benchmarks.lies.telling import Parts, chained, in_bytes, parts_of, shows_failure
from conformance.commands.certificate.bundle import TARGET, make_bundle
from conformance.commands.certificate.files import Files
from conformance.evidence.strict_json import read_json
from conformance.verdict.record import BrokenRecord, Record

LIES = Lies()

Line = dict[str, Any]


def _signed(record: Record, content: bytes) -> Files:
    """Return a bundle of an edited record, consistent where it can be read, else with statements of the one before."""
    try:
        return honest(rewritten(Record.of(content)))
    except (BrokenRecord, LookupError, TypeError, ValueError, ArithmeticError):
        target = read_json(honest(record)[TARGET]).value
        return make_bundle(content, target, statements_of(record), SIGNER)


def _failing(record: Record) -> list[int]:
    """Return the places of the lines whose trials show a failure. Raises LookupError where none does."""
    places = [place for place, logged in enumerate(log_of(record), start=1) if shows_failure(logged)]
    if not places:
        raise LookupError("nothing fails")
    return places


def _lines(change: Callable[[Parts, list[int]], Iterable[Line | bytes]]) -> Lie:
    """Return a lie that changes the lines, given the places of those that show a failure."""
    return lambda record: _signed(record, chained(change(parts_of(record), _failing(record))))


def _failing_lines(change: Callable[[Line], Line | bytes]) -> Lie:
    return _lines(lambda parts, places: [change(part) if place in places else part for place, part in enumerate(parts)])


def _exchanges(change: Callable[[Line], object]) -> Lie:
    """Return a lie that edits every exchange of a trial that shows a failure."""

    def edited(part: Line) -> Line:
        part = copy.deepcopy(part)
        for episode in part["episodes"]:
            for step in episode["steps"]:
                change(step["exchange"])
        return part

    return _failing_lines(edited)


def _value(name: str, value: Any) -> Lie:
    return _exchanges(lambda exchange: exchange.update({name: value}))


def _member(where: str, name: str, value: Any) -> Lie:
    """Return a lie that sets a member of the header or the footer; dots lead into objects."""

    def changed(parts: Parts, _: list[int]) -> Parts:
        parts = copy.deepcopy(parts)
        *path, last = name.split(".")
        place = parts[0]["header"] if where == "header" else parts[-1]["footer"]
        for step in path:
            place = place[step]
        place[last] = value
        return parts

    return _lines(changed)


def _nested(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


LONG = 10**400
LIES.enter(
    {
        "offending answers at no time": _value("received", float("nan")),
        "offending answers at the end of time": _value("received", float("inf")),
        "offending answers at a time of many digits": _value("received", LONG),
        "offending answers after no time": _value("seconds", float("nan")),
        "offending answers after less than no time": _value("seconds", -5.0),
        "offending answers with a status in floating point": _value("status", 400.0),
        "offending answers with a status of many digits": _value("status", LONG),
        "offending answers with a status that is true": _value("status", True),
        "offending answers with a status in quotes": _value("status", "400"),
        "offending answers nested without end": _value("framing", _nested(900)),
        "offending answers with half a surrogate pair": _value("failure", "\ud800"),
        "offending answers with a member more": _value("approved", True),
        "offending answers in a body that is no base64": _value("body", {"base64": "A"}),
        "offending answers in a body that is cut off": _value("body", {"deflate": "eJw="}),
        "offending answers in a body that goes on": _value(
            "body", {"deflate": base64.b64encode(zlib.compress(b"{}") + b"{}").decode()}
        ),
        "offending answers in a body that is a bomb": _value(
            "body", {"deflate": base64.b64encode(zlib.compress(b"[" * 70_000_000, 9)).decode()}
        ),
        "a seed in floating point": _member("header", "options.seed", 1.0),
        "a seed of many digits": _member("header", "options.seed", LONG),
        "a seed below zero": _member("header", "options.seed", -1),
        "a run of no workers": _member("header", "workers", 0),
        "a run that began on no day": _member("header", "started", "2026-02-31T00:00:00+00:00"),
        "a run that began in other digits": _member("header", "started", "２０２６-01-01T00:00:00+00:00"),
        "a run that began in no zone": _member("header", "started", "2026-01-01T00:00:00"),
        "a run that ended with all time": _member("footer", "ended", "9999-12-31T23:59:59+00:00"),
        "a run against no URL": _member("header", "target.base_url", "http://["),
        "a run against a port that is none": _member("header", "target.base_url", "http://127.0.0.1:99999"),
        "a run against a URL that hides text": _member("header", "target.base_url", "http://a\u202e\n\x1b[2Jb"),
        "a run with failures expected by a file alone": _member(
            "header", "expectations", {"file": "", "digest": "0" * 64, "entries": []}
        ),
        "a run that was bounded": _member("footer", "bound", "--max-time: 1 s"),
        "a run that pytest stopped": _member("footer", "stopped", "nothing-selected"),
        "a run in which the suite failed": _member(
            "footer", "errors", [{"where": "x", "what": "x", "traceback": "", "clause": ""}]
        ),
        "a run of another suite": _member("header", "suite.name", "another"),
        "a record of another format": _member("header", "format", 1),
        "a record that says that it was approved": _member("footer", "approved", True),
    }
)


# forms of a line that the suite never writes


def _twice(name: str, value: Any) -> Callable[[Line], bytes]:
    """Return a change that gives a line a member for the second time, which is the one that lenient readers take."""
    return lambda part: in_bytes({**part, "previous": "@previous@"})[:-1] + b"," + in_bytes({name: value})[1:]


LIES.enter(
    {
        "failing trials with a second list of episodes": _failing_lines(_twice("episodes", [])),
        "failing trials with a second clause": _failing_lines(_twice("trial", "")),
        "failing trials with a second kind": _failing_lines(_twice("kind", "outage")),
        "failing trials with blanks in their lines": _failing_lines(
            lambda part: b" " + in_bytes({**part, "previous": "@previous@"})
        ),
        "failing trials in lines that are no text": _failing_lines(lambda _: b'{"previous":"@previous@","\xff":1}'),
        "failing trials in lines that are empty": _failing_lines(lambda _: b""),
        "a second header at the end": _lines(lambda parts, _: [*parts[:-1], parts[0], parts[-1]]),
        "a footer before the first failure": _lines(
            lambda parts, places: [*parts[: places[0]], parts[-1], *parts[places[0] :]]
        ),
        "lines in the opposite order": _lines(lambda parts, _: [parts[0], *reversed(parts[1:-1]), parts[-1]]),
        "a line that is a header and a trial": _failing_lines(lambda part: {**part, "header": {}}),
    }
)


@LIES.lie
def failing_clauses_named_alike(record: Record) -> Files:
    """The clauses that fail have names with a letter of another alphabet that looks the same."""

    def renamed(part: Line) -> Line:
        episodes = [{**one, "clause": one["clause"].replace("o", "\u043e")} for one in part["episodes"]]
        return {**part, "trial": part["trial"].replace("o", "\u043e"), "episodes": episodes}

    lie = _failing_lines(renamed)(record)
    assert not isinstance(lie, Record | bytes)
    return lie


def _moved(seconds: float) -> Callable[[Line], object]:
    return lambda exchange: exchange.update(received=exchange["received"] + seconds)


LIES.enter(
    {
        "offending answers before those that precede them": _exchanges(_moved(-3.0)),
        "offending answers after those that follow them": _exchanges(_moved(30.0)),
        "offending answers all at one time": _value("received", 0.0),
    }
)


def _content(change: Callable[[bytes], bytes]) -> Lie:
    return lambda record: honest(replace(record, content=change(record.content)))


LIES.enter(
    {
        "a record with the ends of lines of another system": _content(lambda text: text.replace(b"\n", b"\r\n")),
        "a record that goes on behind its footer": _content(lambda text: text + b"{}\n"),
        "a record with an empty line": _content(lambda text: text.replace(b"\n", b"\n\n", 1)),
        "a record with a mark of byte order": _content(lambda text: b"\xef\xbb\xbf" + text),
        "a record in UTF-16": _content(lambda text: text.decode().encode("utf-16")),
        "two records in one": _content(lambda text: text + text),
    }
)
