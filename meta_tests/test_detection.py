"""The suite finds seeded defects under their clauses, and reports nothing on conforming servers.

`python -m benchmarks.detection` and `python -m benchmarks.silence` run all defects and variants. Here, every third
clause has to find its first defect, and whole runs show for a few defects that no other clause fails.
"""

from __future__ import annotations

import pytest

from benchmarks.detection import (
    DEFECTS,
    VARIANTS,
    clause_job,
    complaint,
    false_alarms,
    first_of_each,
    job_for,
    stored_rows,
    variant_job,
)
from benchmarks.suite import Job, Result, run_all
from contracts import load_catalogue
from contracts.catalogue import PROFILES

CLAUSES = first_of_each(lambda defect: defect.clause)[::3]
EACH_PROFILE = first_of_each(lambda defect: defect.profile)
INTERMITTENT = [defect for defect in DEFECTS.values() if defect.intermittent][:1]
WHOLE = [*EACH_PROFILE, *INTERMITTENT]

SEEDED = 947
"""The number of defects. Who adds one raises it; a registry that loses a name fails."""
UNSEEDED = {
    "idempotency.other-path-type",
    "request.charset-capitals",
    "request.query-customer",
    "stripe.detached-reattach-status",
}
"""Clauses of level SHOULD or MAY for which there is no defect yet."""
MISSED = 3
"""The most defects that a standard run may miss, or report under another clause, too."""
MISSED_QUICKLY = 91
"""The most defects that a quick run may miss."""

QUIET = [
    "bare-errors",
    "extra-keys",
    "keys-reversed",
    "compact-json",
    "escaped-json",
    "charset-in-type",
    "chunked-response",
    "gzip",
    "http-1-0",
    "path-prefix",
    "refusals-are-422",
    "no-provisioning",
    "old-shape",
    "connection-close",
]
STATELESS = QUIET[:2]
JUDGED = 60
"""The fewest clauses that pass with the profile `contract`: a run that judges nothing has no false alarm either."""


@pytest.fixture(scope="module")
def alone() -> dict[str, Result]:
    """Return a run of the clause's own tests for the first defect of each of these clauses."""
    return {result.job.name: result for result in run_all(map(clause_job, CLAUSES))}


@pytest.fixture(scope="module")
def whole() -> dict[str, Result]:
    return {result.job.name: result for result in run_all(map(job_for, WHOLE))}


@pytest.mark.parametrize("name", [defect.name for defect in CLAUSES])
def test_a_clause_finds_its_first_defect(name: str, alone: dict[str, Result]) -> None:
    assert not complaint(DEFECTS[name], alone[name])


@pytest.mark.parametrize("name", [defect.name for defect in WHOLE])
def test_a_whole_run_finds_a_defect_under_its_clause_and_no_other(name: str, whole: dict[str, Result]) -> None:
    assert not complaint(DEFECTS[name], whole[name])


def test_every_clause_that_can_fail_has_a_defect() -> None:
    clauses = {clause.slug for clause in load_catalogue() if not clause.not_tested}
    assert clauses - {defect.clause for defect in DEFECTS.values()} == UNSEEDED


def test_every_defect_names_a_clause_that_its_profile_includes() -> None:
    catalogue = load_catalogue()
    for defect in DEFECTS.values():
        assert PROFILES.index(catalogue[defect.clause].profile) <= PROFILES.index(defect.profile), defect.name
        assert catalogue[defect.clause].level == defect.level, defect.name


@pytest.mark.parametrize(("budget", "most_missed"), [("standard", MISSED), ("quick", MISSED_QUICKLY)])
def test_no_defect_has_vanished(budget: str, most_missed: int) -> None:
    rows = stored_rows(budget)
    assert len(DEFECTS) >= SEEDED
    assert set(rows) == set(DEFECTS)
    missed = [name for name, row in rows.items() if row["complaint"]]
    assert len(missed) <= most_missed, missed


@pytest.fixture(scope="module")
def quiet() -> dict[str, Result]:
    jobs = [variant_job(VARIANTS[name], "contract", "quick") for name in QUIET]
    jobs += [variant_job(VARIANTS[name], "contract", "quick", stateless=True) for name in STATELESS]
    return {result.job.name: result for result in run_all(jobs)}


@pytest.mark.parametrize("name", [*QUIET, *(f"{name} without state" for name in STATELESS)])
def test_a_conforming_server_has_no_finding(name: str, quiet: dict[str, Result]) -> None:
    result = quiet[name]
    assert result.results["diagnosis"] is None, result.results["diagnosis"]
    assert not false_alarms(VARIANTS[name.removesuffix(" without state")], result)
    assert len(result.outcomes("pass")) >= JUDGED


def test_the_seed_does_not_decide_whether_a_clause_is_judged() -> None:
    """The server rejects `expand[0]`, however it is escaped: its spellings get the same response, a rejection."""
    selected = ("--clause", "request.equivalent-encodings", "--profile", "contract")
    jobs = [
        Job(f"seed {seed}", "expand-index-refused", arguments=(*selected, "--seed", str(seed))) for seed in range(1, 5)
    ]
    outcomes = [result.results["clauses"]["request.equivalent-encodings"]["outcome"] for result in run_all(jobs)]
    assert outcomes == ["pass"] * len(jobs)
