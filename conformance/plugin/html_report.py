"""The report of pytest-html: the verdict and the clauses on top, and no table of what they show already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from conformance.paths import TESTS
from conformance.reports.html import TITLE


class HtmlReport:
    """Puts what `section` returns into the report of pytest-html; empty for none."""

    def __init__(self, section: Callable[[], str]) -> None:
        self.section = section

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: Any) -> None:
        """Name the HTML report."""
        report.title = TITLE

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        """Put verdict and clauses on top of the HTML report."""
        if section := self.section():
            prefix.append(section)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(self, report: pytest.TestReport, cells: list[str]) -> None:
        """Leave out of pytest-html's own table what the clauses show: all but what went wrong outside of tests."""
        is_clause = report.nodeid.startswith(f"{TESTS.name}/")
        if is_clause and (report.when == "call" or not report.failed):
            cells.clear()
