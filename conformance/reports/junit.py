"""JUnit XML from a record: the tests that pytest reported, with the names and outcomes of its own file."""

from __future__ import annotations

import io
from collections.abc import Sequence

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from conformance.evidence.visible import escape
from conformance.reports.reported import ERROR, EXPECTED, FAILED, SKIPPED, ReportedTest

_RESULTS: dict[str, tuple[type[Error | Failure | Skipped], str]] = {
    ERROR: (Error, ""),
    FAILED: (Failure, ""),
    SKIPPED: (Skipped, "pytest.skip"),
    EXPECTED: (Skipped, "pytest.xfail"),
}


def junit_of(tests: Sequence[ReportedTest], *, started: str, seconds: float) -> bytes:
    """Return the file for the tests of a run that `started` at an ISO 8601 time and took that many seconds."""
    suite = TestSuite("pytest")
    for test in tests:
        suite.add_testcase(_case(test))
    suite.update_statistics()  # type: ignore[no-untyped-call]  # the library leaves its type out
    suite.timestamp = started
    suite.time = seconds
    whole = JUnitXml("pytest tests")
    whole.add_testsuite(suite)
    whole.update_statistics()  # type: ignore[no-untyped-call]  # as above
    whole.time = seconds
    file = io.BytesIO()
    whole.write(file)
    return file.getvalue()


def names_of(identifier: str) -> tuple[str, str]:
    """Return the names of class and case that pytest gives to a test, from the id of its node."""
    path, _, name = identifier.partition("::")
    return path.removesuffix(".py").replace("/", "."), name


def _case(test: ReportedTest) -> TestCase:
    module, name = names_of(test.id)
    case = TestCase(escape(name), module, round(test.seconds, 3))
    if test.outcome in _RESULTS:
        kind, type_name = _RESULTS[test.outcome]
        case.result = [kind(escape(test.message), type_name or None)]
    return case
