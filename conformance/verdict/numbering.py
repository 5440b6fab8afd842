"""The ids of the episodes of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from conformance.verdict.folding import LogEntry
from conformance.verdict.trial import Note

EXPLORED = "explored"
"""The stand-in for a clause in the id of an episode that has none."""


def number_for(clause: str) -> str:
    """Return the name by which the episodes of a clause's trials are numbered."""
    return clause or EXPLORED


def number_episodes(entries: Iterable[LogEntry], before: Mapping[str, int] | None = None) -> Iterator[LogEntry]:
    """Yield the entries of a run, each of their episodes with its id; `before` counts the trials that came before."""
    numbers = Counter(before)
    for entry in entries:
        trial = entry.logged
        if isinstance(trial, Note):
            yield entry
            continue
        name = number_for(trial.clause)
        numbers[name] += 1
        identifier = f"{name}/{numbers[name]}"
        episodes = tuple(
            performed.with_id(f"{identifier}/{performed.part}-{place}" if place else identifier)
            for place, performed in enumerate(trial.episodes)
        )
        yield replace(entry, logged=replace(trial, episodes=episodes))
