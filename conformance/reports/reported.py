"""The tests of a run, as pytest reports them: each with its outcome, for reports that list tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import pytest

PASSED, FAILED, SKIPPED, EXPECTED, ERROR = OUTCOMES = ("passed", "failed", "skipped", "expected", "error")
"""The outcomes of a test; `error` is one in its set-up or tear-down."""

LONGEST_MESSAGE = 2000


@dataclass(frozen=True)
class ReportedTest:
    """One test by its `id`, which is `path::name`, with its outcome, why, and how many seconds it took."""

    id: str
    outcome: str
    message: str
    seconds: float


class ReportedTests:
    """The tests of a run, gathered from the reports of their phases."""

    def __init__(self) -> None:
        self._by_id: dict[str, ReportedTest] = {}

    def add(self, report: pytest.TestReport) -> None:
        """Add the report of one phase of a test."""
        known = self._by_id.get(report.nodeid, ReportedTest(report.nodeid, "", "", 0.0))
        outcome, message = _outcome_of(report) or (known.outcome, known.message)
        if known.outcome in (FAILED, ERROR):
            outcome, message = known.outcome, known.message
        seconds = round(known.seconds + report.duration, 6)
        if outcome:
            self._by_id[report.nodeid] = ReportedTest(report.nodeid, outcome, message, seconds)

    def to_json(self, ordered: Callable[[Iterable[str]], Iterable[str]] = list) -> list[dict[str, Any]]:
        """Return all tests in a JSON-like form, in the order into which `ordered` brings their ids."""
        return [asdict(self._by_id[name]) for name in ordered(self._by_id)]


def _outcome_of(report: pytest.TestReport) -> tuple[str, str] | None:
    """Return the outcome that a phase gives to its test, and why; None for a phase without one."""
    is_call = report.when == "call"
    if hasattr(report, "wasxfail") and report.skipped:
        return EXPECTED, str(report.wasxfail)
    why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr or "")
    if report.failed:
        return (FAILED if is_call else ERROR), str(report.longrepr or "")[:LONGEST_MESSAGE]
    if report.skipped:
        return SKIPPED, why[:LONGEST_MESSAGE]
    return (PASSED, "") if is_call else None
