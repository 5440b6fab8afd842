"""From the log of a run to its ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.verdict.ledger import Ledger
from conformance.verdict.settlement import settle
from conformance.verdict.trial import Note, Trial
from contracts import Catalogue, Contract

Logged = Trial | Note
"""An item in the log of a test."""


@dataclass(frozen=True)
class LogEntry:
    """An item in the log of a test, the number of the worker that ran it, and its `turn` on that worker."""

    worker: int
    logged: Logged
    turn: int = 0


def logged_from_json(data: Mapping[str, Any]) -> Logged:
    """Return the trial or the note that wrote this as JSON."""
    return Trial.from_json(data) if "trial" in data else Note.from_json(data)


def trials_in(entries: Iterable[LogEntry]) -> Iterator[Trial]:
    """Yield the trials in a log, in order."""
    return (entry.logged for entry in entries if isinstance(entry.logged, Trial))


def notes_in(entries: Iterable[LogEntry]) -> Iterator[Note]:
    """Yield the notes in a log, in order."""
    return (entry.logged for entry in entries if isinstance(entry.logged, Note))


def by_turn(entries: Iterable[LogEntry]) -> list[tuple[int, LogEntry]]:
    """Return the entries in the order of their turns, each with its place."""
    return sorted(enumerate(entries), key=lambda placed: placed[1].turn)


def fold(entries: Iterable[LogEntry], contract: Contract, catalogue: Catalogue) -> Ledger:
    """Return the ledger of a run from the logs of its tests."""
    return fold_in_turn(by_turn(entries), contract, catalogue)


def fold_in_turn(entries: Iterable[tuple[int, LogEntry]], contract: Contract, catalogue: Catalogue) -> Ledger:
    """Return the ledger of a run from entries in the order of their turns, each with a place.

    The knowledge of each worker grows by its own turns; the ledgers of all entries are merged in the order of their
    places, and of their turns where several have the same place.
    """
    known: dict[int, Ledger] = defaultdict(Ledger)
    found: dict[int, Ledger] = defaultdict(Ledger)
    for place, entry in entries:
        before = known[entry.worker]
        if isinstance(entry.logged, Note):
            concluded = entry.logged.ledger()
        else:
            concluded = settle(entry.logged, before.broken, contract, catalogue)
        found[place].merge(concluded)
        before.merge(concluded)
    ledger = Ledger()
    for place in sorted(found):
        ledger.merge(found[place])
    return ledger
