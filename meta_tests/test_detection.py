"""The suite bites, and never barks wrongly: a representative part of the kill matrix."""

from __future__ import annotations

import pytest

from benchmarks.detection import (
    DEFECTS,
    VARIANTS,
    closely,
    complaint,
    false_alarms,
    job_for,
    representative,
    variant_job,
)
from benchmarks.suite import Job, Result, run_all
from contracts import load_catalogue
from contracts.catalogue import PROFILES

CHOSEN = representative()
CLOSELY = closely(CHOSEN)

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


@pytest.fixture(scope="module")
def found() -> dict[str, Result]:
    jobs = [job_for(defect, "standard" if defect.name in CLOSELY else "quick") for defect in CHOSEN]
    return {result.job.name: result for result in run_all(jobs)}


@pytest.mark.parametrize("name", [defect.name for defect in CHOSEN])
def test_a_defect_is_found_under_its_clause_and_no_other(name: str, found: dict[str, Result]) -> None:
    assert not complaint(DEFECTS[name], found[name])


def test_every_defect_names_a_clause_that_its_profile_includes() -> None:
    catalogue = load_catalogue()
    for defect in DEFECTS.values():
        assert PROFILES.index(catalogue[defect.clause].profile) <= PROFILES.index(defect.profile), defect.name
        assert catalogue[defect.clause].level == defect.level, defect.name


def test_enough_defects_are_seeded() -> None:
    by_profile = [defect.profile for defect in DEFECTS.values()]
    assert by_profile.count("contract") >= 80
    assert by_profile.count("stateful") >= 25
    assert by_profile.count("stripe") >= 25
    assert len(DEFECTS) >= 150


@pytest.fixture(scope="module")
def quiet() -> dict[str, Result]:
    jobs = [variant_job(VARIANTS[name], "contract") for name in QUIET]
    jobs += [variant_job(VARIANTS[name], "contract", stateless=True) for name in QUIET[:2]]
    return {result.job.name: result for result in run_all(jobs)}


@pytest.mark.parametrize("name", [*QUIET, *(f"{name} without state" for name in QUIET[:2])])
def test_a_conforming_server_is_left_in_peace(name: str, quiet: dict[str, Result]) -> None:
    result = quiet[name]
    assert result.results["diagnosis"] is None, result.results["diagnosis"]
    assert not false_alarms(VARIANTS[name.removesuffix(" without state")], result)


def test_what_is_drawn_does_not_decide_whether_a_clause_is_judged() -> None:
    """Where `expand[0]` is refused, however it is escaped, its spellings get the same answer: the refusal."""
    asked = ("--clause", "request.equivalent-encodings", "--profile", "contract")
    jobs = [
        Job(f"seed {seed}", "expand-index-refused", arguments=(*asked, "--seed", str(seed))) for seed in range(1, 5)
    ]
    results = [result.results for result in run_all(jobs)]
    assert {told["clauses"]["request.equivalent-encodings"]["outcome"] for told in results} == {"pass"}
