"""The suite finds seeded defects under their clauses, and reports nothing on conforming servers.

`python -m benchmarks.detection` and `python -m benchmarks.silence` run all defects and variants. Here, every seventh
clause of a chapter has to find its first defect, and whole runs show for a few defects that no other clause fails.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.detection import (
    DEFECTS,
    VARIANTS,
    argued,
    clause_job,
    complaint,
    false_alarms,
    first_of_each,
    job_for,
    stored_rows,
    variant_job,
)
from benchmarks.suite import Job, Result, paths_for, run_all
from conformance.verdict.needs import load_needs
from contracts import load_catalogue
from contracts.catalogue import PROFILES
from reference.defects import Defect


def sampled(defects: Iterable[Defect], step: int) -> list[Defect]:
    """Return the first defect of each chapter, and every `step`-th after it."""
    chapters = defaultdict(list)
    for defect in defects:
        chapters[defect.clause.partition(".")[0]].append(defect)
    return [defect for chapter in chapters.values() for defect in chapter[::step]]


CLAUSES = sampled(first_of_each(lambda defect: defect.clause), 7)
BEYOND_CONTRACT = [defect for defect in first_of_each(lambda defect: defect.profile) if defect.profile != "contract"]
INTERMITTENT = [defect for defect in DEFECTS.values() if defect.intermittent][:1]
SETTLED = ["first-of-a-customer-is-created", "body-lost-on-old-connections", "indices-from-one"]
"""Defects of the profile `contract` that show only with new customers, on old connections or by their indices."""
WHOLE = [*BEYOND_CONTRACT, *INTERMITTENT, *(DEFECTS[name] for name in SETTLED)]

SEEDED = 1299
"""The number of defects. Who adds one raises it; a registry that loses a name fails."""
UNSEEDED = {"request.query-customer"}
"""Clauses of level SHOULD or MAY for which there is no defect yet."""
MISSED_QUICKLY = 141
"""The most defects that a quick run may miss."""

QUIET = [
    ("bare-errors", "refusals-are-422", "compact-json", "connection-close"),
    ("extra-keys", "old-shape", "keys-reversed", "charset-in-type", "chunked-response"),
    ("escaped-json", "gzip", "path-prefix"),
    ("http-1-0",),
    ("no-provisioning",),
]
"""Servers that conform, each in several other ways at once."""
STATELESS = ("bare-errors", "extra-keys")
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


def test_the_files_that_name_a_clause_hold_its_tests() -> None:
    """Otherwise a run of one clause would leave tests out."""
    tests = {(need.test.partition("::")[0], need.clause) for need in load_needs() if need.clause}
    assert len(tests) > 100
    for name, clause in tests:
        assert name in {Path(path).stem for path in paths_for((clause,))}


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


@pytest.mark.parametrize("budget", ["standard", "quick"])
def test_no_defect_has_vanished(budget: str) -> None:
    assert len(DEFECTS) >= SEEDED
    assert set(stored_rows(budget)) == set(DEFECTS)


def test_what_a_standard_run_misses_is_argued() -> None:
    assert missed("standard") == set(argued())


def test_a_quick_run_misses_no_more_than_before() -> None:
    assert len(missed("quick")) <= MISSED_QUICKLY


def missed(budget: str) -> set[str]:
    """Return the defects that a run of this budget missed, or reported under another clause, too."""
    return {name for name, row in stored_rows(budget).items() if row["complaint"]}


@pytest.fixture(scope="module")
def quiet() -> dict[str, Result]:
    jobs = [quiet_job(names) for names in QUIET]
    jobs.append(replace(quiet_job(STATELESS), name="without state", stateless=True))
    return {result.job.name: result for result in run_all(jobs)}


def quiet_job(names: Sequence[str]) -> Job:
    """Return a quick run against a server that is all of these variants; the first one says which ids it has."""
    return replace(variant_job(VARIANTS[names[0]], "contract", "quick"), name=" ".join(names), variants=tuple(names))


@pytest.mark.parametrize("name", [*(" ".join(names) for names in QUIET), "without state"])
def test_a_conforming_server_has_no_finding(name: str, quiet: dict[str, Result]) -> None:
    result = quiet[name]
    assert result.results["diagnosis"] is None, result.results["diagnosis"]
    assert not [alarm for variant in result.job.variants for alarm in false_alarms(VARIANTS[variant], result)]
    assert len(result.outcomes("pass")) >= JUDGED


def test_the_seed_does_not_decide_whether_a_clause_is_judged() -> None:
    """The server rejects `expand[0]`, however it is escaped: its spellings get the same response, a rejection."""
    clauses = ("request.equivalent-encodings",)
    seeds = [("--profile", "contract", "--seed", str(seed)) for seed in range(1, 5)]
    jobs = [Job(arguments[-1], "expand-index-refused", arguments=arguments, clauses=clauses) for arguments in seeds]
    outcomes = [result.results["clauses"]["request.equivalent-encodings"]["outcome"] for result in run_all(jobs)]
    assert outcomes == ["pass"] * len(jobs)
