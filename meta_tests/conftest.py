"""Mark the slow meta tests, so that `pytest meta_tests -m "not slow"` runs the fast ones alone."""

from __future__ import annotations

import pytest

SLOW = frozenset(
    {
        "test_certificate",
        "test_compare",
        "test_demonstration",
        "test_detection",
        "test_documents",
        "test_gate",
        "test_hostile_servers",
        "test_house",
        "test_internal_errors",
        "test_key_hygiene",
        "test_killed",
        "test_matrix",
        "test_nasty_targets",
        "test_progress",
        "test_provisioning",
        "test_rendering",
        "test_replay",
        "test_report_in_browser",
        "test_running",
        "test_scarce_ids",
        "test_schemathesis_runner",
        "test_script",
        "test_shrinking",
        "test_suite_run",
        "test_targets",
        "test_transport",
        "test_workers",
    }
)
"""The files whose tests run the suite, start processes or browsers, or wait for time limits."""


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark."""
    config.addinivalue_line("markers", "slow: runs the suite, starts processes or browsers, or waits for time limits")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of the slow files."""
    for item in items:
        if item.path.stem in SLOW:
            item.add_marker(pytest.mark.slow)
