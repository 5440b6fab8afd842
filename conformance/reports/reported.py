"""The tests of a run, as pytest reports them: each with its outcome, for reports that list tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import pytest

PASSED, FAILED, SKIPPED, EXPECTED, ERROR = OUTCOMES = ("passed", "failed", "skipped", "expected", "error")
"""What becomes of a test; `error` is what went wrong around the test itself."""

LONGEST_MESSAGE = 2000


@dataclass(frozen=True)
class ReportedTest:
    """One test by its `id`, which is `path::name`, with its outcome, why, and how many seconds it took."""

    id: str
    outcome: str
    message: str
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """A JSON-like form, from which `from_json` makes the same value."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ReportedTest:
        """The test that `to_json` wrote. Raises TypeError when a member is missing."""
        return cls(**data)


class ReportedTests:
    """Gathers the tests of a run from the reports of their phases."""

    def __init__(self) -> None:
        self._by_id: dict[str, ReportedTest] = {}

    def add(self, report: pytest.TestReport) -> None:
        """Take in the report of one phase of a test."""
        known = self._by_id.get(report.nodeid)
        seconds = round((known.seconds if known else 0.0) + report.duration, 6)
        told = _told(report)
        if told is None:
            if known is not None:
                self._by_id[report.nodeid] = replace(known, seconds=seconds)
            return
        if known is not None and known.outcome in (FAILED, ERROR):
            told = known.outcome, known.message
        self._by_id[report.nodeid] = ReportedTest(report.nodeid, *told, seconds)

    def to_json(self, ordered: Callable[[Iterable[str]], Iterable[str]] = list) -> list[dict[str, Any]]:
        """All tests in a JSON-like form, in the order into which `ordered` brings their ids."""
        return [self._by_id[name].to_json() for name in ordered(self._by_id)]


def _told(report: pytest.TestReport) -> tuple[str, str] | None:
    """The outcome that a phase gives to its test, and why; None for a phase that says nothing."""
    is_call = report.when == "call"
    if hasattr(report, "wasxfail") and report.skipped:
        return EXPECTED, str(report.wasxfail)
    if report.failed:
        return (FAILED if is_call else ERROR), str(report.longrepr or "")[:LONGEST_MESSAGE]
    if report.skipped:
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr or "")
        return SKIPPED, why[:LONGEST_MESSAGE]
    return (PASSED, "") if is_call else None
