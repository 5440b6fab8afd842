"""A pytest plugin that watches a run: how many requests each failing clause costs after it was first seen to fail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from conformance.evidence.episode import Episode, Judgement
from conformance.scenes.engine import Engine
from conformance.verdict.ledger import UNSTEADY, Ledger
from conformance.verdict.trial import Trial

MARKER = "after the first failure: "
"""The beginning of the line that the probe adds to the terminal's output."""

_costs: dict[str, int] = {}


class _Watch:
    """The number of requests of one test when each clause first failed in it, and when that was confirmed."""

    def __init__(self) -> None:
        self.first: dict[str, int] = {}
        self.confirmed: dict[str, int] = {}

    def see(self, engine: Engine, judgement: Judgement) -> None:
        """Note the clauses that a judgement shows to be broken, and that were not before."""
        for slug in judgement.broken - engine.stage.known.broken:
            self.first.setdefault(slug, engine.stage.client.requests_sent)

    def end_trial(self, engine: Engine) -> None:
        """Note that what has failed so far was confirmed by now."""
        for slug in self.first:
            self.confirmed.setdefault(slug, engine.stage.client.requests_sent)

    def costs(self, engine: Engine, own: str) -> Iterator[tuple[str, int]]:
        """Return the cost of each failed clause: to the end in its own test, to its confirmation in another."""
        for slug in (engine.stage.case.ledger.broken - {UNSTEADY}).intersection(self.first):
            is_confirmed = slug != own and slug in self.confirmed
            last = self.confirmed[slug] if is_confirmed else engine.stage.client.requests_sent
            yield slug, last - self.first[slug]


@contextmanager
def watching(costs: dict[str, int]) -> Iterator[None]:
    """Add to `costs` what each failing clause costs in requests, for as long as the block lasts."""
    watches: dict[Engine, _Watch] = {}
    judged, tried, begin, end = Engine._judged, Engine._try, Engine.begin, Engine.end

    def watched_begin(self: Engine, clause: str, test: str = "") -> None:
        watches[self] = _Watch()
        begin(self, clause, test)

    def watched_judged(self: Engine, episode: Episode) -> Judgement:
        judgement = judged(self, episode)
        watches[self].see(self, judgement)
        return judgement

    def watched_try(self: Engine, *arguments: Any) -> Trial:
        try:
            return tried(self, *arguments)
        finally:
            watches[self].end_trial(self)

    def watched_end(self: Engine) -> Ledger:
        before = self.stage.known.broken
        ledger = end(self)
        for slug, cost in watches[self].costs(self, self.stage.case.clause):
            if slug not in before:
                costs[slug] = cost
        return ledger

    # Methods are exchanged on purpose: what is measured is the run as it is, without a hook for it.
    setattr(Engine, "begin", watched_begin)  # noqa: B010  # mypy takes no assignment to a method
    setattr(Engine, "_judged", watched_judged)  # noqa: B010  # as above
    setattr(Engine, "_try", watched_try)  # noqa: B010  # as above
    setattr(Engine, "end", watched_end)  # noqa: B010  # as above
    try:
        yield
    finally:
        for name, usual in (("begin", begin), ("_judged", judged), ("_try", tried), ("end", end)):
            setattr(Engine, name, usual)


_watching = watching(_costs)


def pytest_configure(config: pytest.Config) -> None:
    """Begin to watch the run."""
    _watching.__enter__()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End watching the run."""
    _watching.__exit__(None, None, None)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Write the costs in one line."""
    terminalreporter.write_line(MARKER + json.dumps(_costs, sort_keys=True))
