"""The findings of a test in the words of pytest: passed, failed, skipped, or failed as expected."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

import pytest

from conformance.evidence.episode import Outcome
from conformance.plugin.order import is_further, slugs_beside
from conformance.reports.words import finding_in_short
from conformance.verdict.culprits import Culprits, without_what_others_own
from conformance.verdict.entries import Entry
from conformance.verdict.expectations import Expectations
from conformance.verdict.expectations.gate import covering_entries
from conformance.verdict.ledger import Ledger
from conformance.verdict.results import ClauseResult, own_outcome
from contracts import Catalogue


@dataclass(frozen=True)
class Wording:
    """The rules by which the outcome of a clause becomes that of its test.

    `left_out` are clauses that the run does not report; `has_company` is true where other workers share the run.
    """

    catalogue: Catalogue
    expectations: Expectations | None
    left_out: Container[str]
    has_company: bool

    def word(self, report: pytest.TestReport, item: pytest.Item, slug: str, ledger: Ledger, known: Ledger) -> None:
        """Put into a test's report what its `ledger` says of its clause; `known` is what the run found before."""
        if slug in self.left_out:  # it only exercises a clause that is judged on every response
            report.outcome, report.longrepr = "passed", None
            return
        broken = [result for result in self._results(item, slug, ledger, known) if result.findings]
        failed = [result for result in broken if result.outcome is Outcome.FAIL]
        if failed and (why := self._why_expected(failed)):
            # pytest's own form of an expected failure, which every reporter knows.
            _skip(report, item, finding_in_short(failed[0]))
            report.wasxfail = why
        elif failed:
            report.outcome, report.longrepr = "failed", finding_in_short(failed[0])
        elif broken:
            report.outcome, report.longrepr = "passed", None
            report.sections.append(("deviation", finding_in_short(broken[0])))
        elif report.outcome != "skipped" and slug and (slug in ledger.entries or not is_further(item)):
            own = self._own(slug, ledger, known)
            if own.outcome is Outcome.PASS:
                report.outcome, report.longrepr = "passed", None
            else:
                _skip(report, item, f"{own.outcome}: {own.reason}")

    def _why_expected(self, failed: list[ClauseResult]) -> str:
        """Return why all of these failures are expected; empty where one is not."""
        if self.expectations is None:
            return ""
        covering = [covering_entries(self.expectations, result) for result in failed]
        if all(covering):
            return "expected: " + " · ".join(dict.fromkeys(entry.in_short() for found in covering for entry in found))
        # Another worker may know that a clause on which this one rests fails; alone, this test had not been run.
        listed = {entry.clause for entry in self.expectations.entries if not entry.flaky} if self.has_company else ()
        causes = [
            min(self.catalogue.rests_on(result.clause.slug).intersection(listed), default="") for result in failed
        ]
        return f"rests on {causes[0]}, which is expected to fail" if all(causes) else ""

    def _results(self, item: pytest.Item, slug: str, ledger: Ledger, known: Ledger) -> list[ClauseResult]:
        slugs = [slug] if slug else [name for name in slugs_beside(item) if name not in self.left_out]
        return [self._own(name, ledger, known) for name in slugs if name in ledger.entries]

    def _own(self, slug: str, ledger: Ledger, known: Ledger) -> ClauseResult:
        return own_outcome(self.catalogue[slug], self._explained(slug, ledger, known))

    def _explained(self, slug: str, ledger: Ledger, known: Ledger) -> Entry:
        """Return what a test found about a clause, without what clauses explain that are known to be broken."""
        broken = known.broken | ledger.broken
        return without_what_others_own(slug, ledger.entry(slug), Culprits(broken, broken, frozenset()), self.catalogue)


def _skip(report: pytest.TestReport, item: pytest.Item, why: str) -> None:
    path, line, _ = item.location
    report.outcome, report.longrepr = "skipped", (path, line or 0, why)
