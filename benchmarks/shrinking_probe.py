"""A pytest plugin that watches a run: how many requests each failing clause costs after it was first seen to fail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from conformance.scenes.conductor import Conductor

from conformance.evidence.episode import Episode, Judgement
from conformance.verdict.ledger import UNSTEADY, Ledger
from conformance.verdict.trial import Trial

MARKER = "after the first failure: "
"""What the line begins with that the probe adds to the terminal's output."""

_costs: dict[str, int] = {}


class _Watch:
    """What one test has sent when each clause first failed in it, and when that was confirmed."""

    def __init__(self) -> None:
        self.first: dict[str, int] = {}
        self.confirmed: dict[str, int] = {}

    def see(self, conductor: Conductor, judgement: Judgement) -> None:
        """Note the clauses that a judgement shows to be broken, and that were not before."""
        for slug in judgement.broken - conductor.known.broken:
            self.first.setdefault(slug, conductor.client.requests_sent)

    def end_trial(self, conductor: Conductor) -> None:
        """Note that what has failed so far was confirmed by now."""
        for slug in self.first:
            self.confirmed.setdefault(slug, conductor.client.requests_sent)

    def costs(self, conductor: Conductor, own: str) -> Iterator[tuple[str, int]]:
        """What each clause that failed has cost: its own test goes on to the end, for others it is confirmed."""
        for slug in (conductor.case.ledger.broken - {UNSTEADY}).intersection(self.first):
            is_confirmed = slug != own and slug in self.confirmed
            last = self.confirmed[slug] if is_confirmed else conductor.client.requests_sent
            yield slug, last - self.first[slug]


@contextmanager
def watching(costs: dict[str, int]) -> Iterator[None]:
    """Add to `costs` what each failing clause costs in requests, for as long as the block lasts."""
    watches: dict[Conductor, _Watch] = {}
    judged, tried, begin, end = Conductor._judged, Conductor._tried, Conductor.begin, Conductor.end

    def watched_begin(self: Conductor, clause: str, test: str = "") -> None:
        watches[self] = _Watch()
        begin(self, clause, test)

    def watched_judged(self: Conductor, episode: Episode) -> Judgement:
        judgement = judged(self, episode)
        watches[self].see(self, judgement)
        return judgement

    def watched_tried(self: Conductor, *arguments: Any) -> Trial:
        try:
            return tried(self, *arguments)
        finally:
            watches[self].end_trial(self)

    def watched_end(self: Conductor) -> Ledger:
        before = self.known.broken
        ledger = end(self)
        for slug, cost in watches[self].costs(self, self.case.clause):
            if slug not in before:
                costs[slug] = cost
        return ledger

    # Methods are exchanged on purpose: what is measured is the run as it is, without a hook for it.
    setattr(Conductor, "begin", watched_begin)  # noqa: B010  # mypy takes no assignment to a method
    setattr(Conductor, "_judged", watched_judged)  # noqa: B010  # as above
    setattr(Conductor, "_tried", watched_tried)  # noqa: B010  # as above
    setattr(Conductor, "end", watched_end)  # noqa: B010  # as above
    try:
        yield
    finally:
        for name, usual in (("begin", begin), ("_judged", judged), ("_tried", tried), ("end", end)):
            setattr(Conductor, name, usual)


_watching = watching(_costs)


def pytest_configure(config: pytest.Config) -> None:
    """Begin to watch."""
    _watching.__enter__()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Watch no more."""
    _watching.__exit__(None, None, None)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Tell it in one line."""
    terminalreporter.write_line(MARKER + json.dumps(_costs, sort_keys=True))
