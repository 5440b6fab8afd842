"""The findings of a run so far, gathered from the reports of its tests, and the results that follow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from conformance.plugin.items import PROPERTY
from conformance.reports.reported import ReportedTests
from conformance.scenes.budgets import BUDGETS
from conformance.verdict.expectations import Gate, weigh
from conformance.verdict.expectations.gate import covering_entries
from conformance.verdict.ledger import Ledger
from conformance.verdict.log import Log
from conformance.verdict.results import ClauseResult, conclude, own_outcome, without
from conformance.verdict.settings import Settings
from contracts import Catalogue


class Gathered:
    """The ledger and the log of a run, test by test.

    `beside` are the clauses that tests judged beside their own, in order; `reported` are pytest's words on each test,
    `unselected` the clauses that the options leave out by name.
    """

    def __init__(self, settings: Settings, catalogue: Catalogue, unselected: Iterable[str]) -> None:
        self.settings = settings
        self.catalogue = catalogue
        self.unselected = frozenset(unselected)
        self.ledger = Ledger()
        self.log = Log()
        self.beside: dict[str, None] = {}
        self.reported = ReportedTests()
        self._tested: set[str] = set()
        self._sent: dict[int, int] = {}

    @property
    def requests(self) -> int:
        """The number of requests that the workers have sent by now."""
        return sum(self._sent.values())

    def take(self, report: pytest.TestReport) -> Mapping[str, Any] | None:
        """Take what a test found out of its report, which `ItemRunner` put there; None where it holds nothing."""
        for entry in [entry for entry in report.user_properties if entry[0] == PROPERTY]:
            report.user_properties.remove(entry)
            found: Any = entry[1]
            self.ledger.merge(Ledger.from_json(found["ledger"]))
            self._tested.add(found["clause"])
            self._sent[found["worker"]] = found["requests"]
            self.beside |= dict.fromkeys(found["beside"])
            self.log.keep(report.nodeid, found["worker"], found["log"])
            return dict(found)
        return None

    def results(self) -> dict[str, ClauseResult]:
        """Return the results so far."""
        return without(conclude(self.catalogue, self.ledger), self.settings.left_out)

    def results_as_expected(self) -> tuple[Mapping[str, ClauseResult], Gate | None]:
        """Return the results so far by what is expected, and how that fits; None where nothing is, as in a dry run."""
        settings, results = self.settings, self.results()
        if settings.expectations is None or settings.dry_run:
            return results, None
        unheard = self.unheard(results)
        profile, level = settings.profile, settings.level
        gate = weigh(settings.expectations, results, self.catalogue, profile=profile, level=level, unheard=unheard)
        return gate.results, gate

    def unheard(self, results: Mapping[str, ClauseResult], *, is_cut_short: bool = False) -> frozenset[str]:
        """Return the clauses whose own tests were not selected, or cut short: that they pass proves nothing."""
        within = frozenset(clause.slug for clause in self.catalogue.within(self.settings.profile))
        if is_cut_short or not BUDGETS[self.settings.budget].whole:
            return within
        if all(slug in self.unselected for slug in within if results[slug].is_left_out):
            return frozenset()
        return within - self._tested | within & set(self.settings.left_out)

    def unexpected_in(self, found: Mapping[str, Any]) -> str:
        """Return a MUST clause that a test has found broken, on the side, and that is not expected; empty for none."""
        expectations = self.settings.expectations
        for slug, entry in Ledger.from_json(found["ledger"]).entries.items():
            if not entry.findings or slug in self.settings.left_out:
                continue
            clause = self.catalogue[slug]
            is_expected = expectations and covering_entries(expectations, own_outcome(clause, entry))
            if clause.level == "MUST" and not is_expected:
                return slug
        return ""
