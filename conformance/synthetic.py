"""Reports for clauses that have no test of their own, so that every reporter of pytest shows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from conformance.episode import Outcome
from conformance.ledger import ClauseResult
from conformance.reporting.words import finding_in_short

FILE = "tests/general"


def reports_for(result: ClauseResult) -> Iterator[pytest.TestReport]:
    """The three reports that pytest makes of one test, for a clause that is judged beside all tests."""
    slug = result.clause.slug
    location = (FILE, None, slug)
    outcome: Any = "passed"
    longrepr: Any = None
    if result.outcome in (Outcome.FAIL, Outcome.ERROR):
        outcome, longrepr = "failed", finding_in_short(result)
    elif result.outcome not in (Outcome.PASS, Outcome.DEVIATION):
        outcome, longrepr = "skipped", (FILE, 0, f"{result.outcome}: {result.reason}")
    for when in ("setup", "call", "teardown"):
        is_call = when == "call"
        yield pytest.TestReport(
            nodeid=f"{FILE}::{slug}",
            location=location,
            keywords={slug: 1},
            outcome=outcome if is_call else "passed",
            longrepr=longrepr if is_call else None,
            when=when,
        )
