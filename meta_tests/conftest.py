"""Records of whole runs that files share, made once a session, the mark of slow tests, and which files come first.

`pytest meta_tests -m "not slow"` runs the fast ones alone, `-m "not long"` all but those that repeat at length what
others try in short.
"""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import processes
from benchmarks.suite import Job, run_all
from conformance.verdict.record import RECORD_FILE

CONTRACT = ("--profile=contract",)
JOBS = {
    "good": Job("good"),
    "contract": Job("contract", arguments=CONTRACT),
    "other seed": Job("other seed", arguments=(*CONTRACT, "--seed=2")),
    "stateless": Job("stateless", stateless=True, arguments=CONTRACT),
    "bad": Job("bad", "unknown-nested-ignored", arguments=CONTRACT),
    "obeying": Job("obeying", "json-obeyed", arguments=CONTRACT),
    "deviating": Job("deviating", "text-plain-obeyed"),
    "uncached": Job("uncached", "cacheable"),
}
"""Runs against the reference, most of them with a seeded defect."""
AGAIN = "again"
"""The run of a user who gives no option but a folder: another one like "good", with every report."""


Recorded = Callable[[Collection[str]], Mapping[str, Path]]
"""Returns the records of some of the JOBS, and of AGAIN, by their names."""


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Run those jobs that no worker has run yet; all share a folder above that of each worker."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared-records"
    folder.mkdir(exist_ok=True)

    def record(names: Collection[str]) -> Mapping[str, Path]:
        paths = {name: folder / name / RECORD_FILE for name in names}
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            missing = {name: path.parent for name, path in paths.items() if not path.exists()}
            if at := missing.pop(AGAIN, None):
                done = processes.pytest_run("--results", str(at))
                assert done.returncode == 0, done.stdout[-3000:] + done.stderr
            jobs = [
                replace(JOBS[name], arguments=(*JOBS[name].arguments, f"--results={at}"))
                for name, at in missing.items()
            ]
            list(run_all(jobs))
        return paths

    return record


SLOW = frozenset(
    {
        "test_adding_a_clause",
        "test_against",
        "test_budgets",
        "test_certificate",
        "test_compare",
        "test_demonstration",
        "test_detection",
        "test_doctor",
        "test_documents",
        "test_drift_command",
        "test_exploring",
        "test_gate",
        "test_hanging_targets",
        "test_history",
        "test_honest_certificates",
        "test_hostile_servers",
        "test_house",
        "test_init",
        "test_internal_errors",
        "test_interruptions",
        "test_key_hygiene",
        "test_keys",
        "test_killed",
        "test_lies",
        "test_matrix",
        "test_nasty_targets",
        "test_progress",
        "test_project_options",
        "test_provisioning",
        "test_recognizing",
        "test_rendering",
        "test_replay",
        "test_report_in_browser",
        "test_reproduction",
        "test_run_limits",
        "test_running",
        "test_scarce_ids",
        "test_schemathesis_runner",
        "test_script",
        "test_selecting",
        "test_shrinking",
        "test_suite_run",
        "test_targets",
        "test_transport",
        "test_wheel",
        "test_workers",
    }
)
"""The files whose tests run the suite, start processes or browsers, or wait for time limits."""


LONGEST_FIRST = (
    "test_certificate",
    "test_documents",
    "test_compare",
    "test_running",
    "test_detection",
    "test_nasty_targets",
    "test_killed",
    "test_scarce_ids",
    "test_key_hygiene",
    "test_hostile_servers",
    "test_rendering",
    "test_adding_a_clause",
    "test_reproduction",
    "test_recognizing",
)
"""The files that take longest: begun last, one would keep a single worker busy when all others are done."""


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks, and take Ctrl-C again where a shell runs this in the background: tests send it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "slow: runs the suite, starts processes or browsers, or waits for time limits")
    config.addinivalue_line("markers", "long: tries at length what others try in short; for `tox -e long`")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of the slow files, and bring the longest files to the front."""
    for item in items:
        if item.path.stem in SLOW:
            item.add_marker(pytest.mark.slow)
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))
