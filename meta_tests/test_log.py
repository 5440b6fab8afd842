"""The log of a run: on disk as in memory, in the order of its record as in that of its turns."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from benchmarks.examples import ERROR, SUCCESS, exchange
from benchmarks.runs import CATALOGUE, CONTRACT, finding
from conformance.evidence.files import write_whole
from conformance.verdict.entries import Kind
from conformance.verdict.folding import LogEntry, fold, fold_in_turn
from conformance.verdict.log import Log, OrderedLog
from conformance.verdict.numbering import number_episodes
from conformance.verdict.trial import CONFIRMATION, FIRST, Note, Performed, Trial

TESTS = ("tests/a.py::one", "tests/b.py::two", "tests/a.py::three")
CLAUSES = ("request.minimal-body", "request.json-refused", "")


def logged(number: int) -> list[Trial | Note]:
    """Return what a test leaves behind at its turn of that number."""
    clause = CLAUSES[number % len(CLAUSES)]
    answers = [exchange(200, SUCCESS, seconds=number + 0.5), exchange(400, ERROR, seconds=number + 0.25)]
    episode = finding(clause or "request.accept", answers[number % 2]).episode
    parts = (Performed(FIRST, episode), *[Performed(CONFIRMATION, episode)] * (number % 3))
    trial = Trial(clause, parts, test="one")
    return [trial, Note(clause or "request.accept", Kind.NOT_RUN, f"reason {number % 4}")] if number % 4 else [trial]


def kept(log: Log, count: int = 24) -> list[LogEntry]:
    """Keep that much in a log, and return the same as entries in the order of their tests."""
    by_test: dict[str, list[LogEntry]] = {}
    turn = 0
    for number in range(count):
        test = TESTS[number * 7 % 3]
        entries = logged(number)
        log.keep(test, number % 2, [entry.to_json() for entry in entries])
        for entry in entries:
            by_test.setdefault(test, []).append(LogEntry(number % 2, entry, turn))
            turn += 1
    return list(number_episodes(entry for test in log.tests for entry in by_test[test]))


@pytest.mark.parametrize("most_held", [0, 900, 10_000_000])
def test_a_log_gives_back_what_was_kept(most_held: int) -> None:
    log = Log(most_held)
    wanted = kept(log)
    ordered = OrderedLog(log, log.tests)
    assert list(ordered) == wanted
    assert list(ordered) == wanted
    assert [entry for _, entry in ordered.in_turn()] == sorted(wanted, key=lambda entry: entry.turn)


def test_a_log_in_turn_leads_to_the_same_ledger() -> None:
    log = Log(0)
    wanted = fold(kept(log), CONTRACT, CATALOGUE)
    found = fold_in_turn(OrderedLog(log, log.tests).in_turn(), CONTRACT, CATALOGUE)
    assert found.to_json() == wanted.to_json()
    assert wanted.entries


def test_a_full_disk_keeps_the_log_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    log = Log(0)
    wanted = kept(log)
    assert list(OrderedLog(log, log.tests)) == wanted


def test_a_log_holds_little_in_memory() -> None:
    log = Log(2_000)
    kept(log, 300)
    held = sum(len(part.data) for parts in log._parts.values() for part in parts if isinstance(part.data, bytes))
    assert held <= 2_000


def test_a_file_in_pieces_is_whole_or_not_there(tmp_path: Path) -> None:
    def pieces() -> object:
        yield b"one"
        raise ValueError("the second piece is missing")

    place = tmp_path / "file"
    write_whole(place, iter([b"one", b"two"]))
    assert place.read_bytes() == b"onetwo"
    with pytest.raises(ValueError, match="second piece"):
        write_whole(place, pieces())  # type: ignore[arg-type]  # a generator
    assert not list(tmp_path.iterdir())
