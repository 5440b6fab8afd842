"""Reports for clauses that have no test of their own, so that every reporter of pytest shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from conformance.evidence.episode import Outcome
from conformance.reports.words import finding_in_short
from conformance.verdict.expectations import Gate
from conformance.verdict.results import ClauseResult

FILE = "tests/general"
LETTERLESS = "conformance_letterless"
"""The attribute of such a report: the lines of progress are full by then, and have no place for its letter."""


def reports_for(result: ClauseResult) -> Sequence[pytest.TestReport]:
    """Return the three reports that pytest makes of one test, for a clause that is judged beside all tests."""
    slug = result.clause.slug
    outcome: Any = "passed"
    longrepr: Any = None
    more: dict[str, Any] = {}
    if result.outcome in (Outcome.FAIL, Outcome.ERROR):
        outcome, longrepr = "failed", finding_in_short(result)
    elif result.outcome is Outcome.EXPECTED:
        outcome, longrepr, more = "skipped", (FILE, 0, result.reason), {"wasxfail": f"expected: {result.expected}"}
    elif result.outcome not in (Outcome.PASS, Outcome.DEVIATION):
        outcome, longrepr = "skipped", (FILE, 0, f"{result.outcome}: {result.reason}")
    return _reports(FILE, slug, outcome, longrepr, more)


def reports_of_stale(gate: Gate) -> Sequence[Sequence[pytest.TestReport]]:
    """Return the reports of each entry that has to go from the expectations file, as of a test that failed."""
    return [
        _reports(
            "expectations",
            f"line {stale.entry.line}: {stale.entry.clause}",
            "failed",
            f"{gate.expectations.place(stale.entry)}: {stale.why}",
            {},
        )
        for stale in gate.stale
    ]


def _reports(file: str, name: str, outcome: Any, longrepr: Any, more: Mapping[str, Any]) -> Sequence[pytest.TestReport]:
    around: dict[str, Any] = {"outcome": "passed", "longrepr": None, LETTERLESS: True}
    call = {**around, "outcome": outcome, "longrepr": longrepr, **more}
    phases: dict[Any, dict[str, Any]] = {"setup": around, "call": call, "teardown": around}
    return [
        pytest.TestReport(nodeid=f"{file}::{name}", location=(file, None, name), keywords={name: 1}, when=when, **said)
        for when, said in phases.items()
    ]
