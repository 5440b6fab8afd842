"""A clause can be asked for alone, or left out of everything; marks and ids name profile, chapter and clause."""

from __future__ import annotations

import re

import pytest

from benchmarks.processes import pytest_run
from benchmarks.suite import Job, Result, run_all
from contracts import load_catalogue
from tests.test_header import IN_EVERY_VERSION

CATALOGUE = load_catalogue()

JOBS = (
    Job("a clause of stripe", arguments=("--clause=auth.missing",)),
    Job("a clause of contract", arguments=("--clause=request.json-refused",)),
    Job("a narrower profile", arguments=("--clause=auth.missing", "--profile=contract")),
    Job("a broken prerequisite", "expand-unknown", arguments=("--clause=expand.inlined",)),
    Job("a general clause", "key-in-message", arguments=("--clause=error.no-secrets", "--budget=quick")),
    Job("another is broken", "json-obeyed", arguments=("--clause=error.no-secrets", "--budget=quick")),
    Job("marked", arguments=("-m", "method or header", "--budget=quick")),
    Job(
        "left out",
        "key-in-message",
        arguments=("--without-clause=error.no-secrets", "--profile=contract", "--budget=quick", "--explore=0.02"),
    ),
)


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    return {result.job.name: result for result in run_all(JOBS, 1)}


def selected(result: Result) -> set[str]:
    return {slug for slug, clause in result.results["clauses"].items() if clause["selected"]}


@pytest.mark.parametrize(
    ("name", "slug", "profile"),
    [
        ("a clause of stripe", "auth.missing", "stripe"),
        ("a clause of contract", "request.json-refused", "contract"),
        ("a narrower profile", "auth.missing", "stripe"),
    ],
)
def test_a_clause_brings_its_prerequisites_and_its_profile(
    results: dict[str, Result], name: str, slug: str, profile: str
) -> None:
    result = results[name]
    assert result.status == 0, result.output
    assert result.results["profile"] == profile
    assert selected(result) == {slug, *CATALOGUE.rests_on(slug)}
    assert result.results["clauses"][slug]["outcome"] == "pass"


def test_a_broken_prerequisite_is_what_fails(results: dict[str, Result]) -> None:
    result = results["a broken prerequisite"]
    assert result.status == 1
    assert set(result.red) == {"expand.accepted"}
    assert result.results["clauses"]["expand.inlined"]["cause"] == "expand.accepted"


def test_a_general_clause_runs_what_exercises_it_and_reports_nothing_else(results: dict[str, Result]) -> None:
    assert set(results["a general clause"].red) == {"error.no-secrets"}
    assert results["a general clause"].status == 1
    assert not results["another is broken"].red
    assert results["another is broken"].status == 0
    assert "✗" not in results["another is broken"].output


def test_what_is_left_out_is_seen_by_no_other_test(results: dict[str, Result]) -> None:
    result = results["left out"]
    assert "error.no-secrets" not in selected(result)
    assert not result.red
    assert " failed" not in result.output
    assert result.results["exploration"]["rounds"]


def test_marks_select_profiles_and_chapters(results: dict[str, Result]) -> None:
    chosen = {slug for slug in selected(results["marked"]) if not CATALOGUE[slug].general}
    assert {CATALOGUE[slug].chapter for slug in chosen - set(IN_EVERY_VERSION)} == {"method", "header"}
    assert results["marked"].results["profile"] == "stripe"


def test_the_id_of_a_test_carries_its_clause() -> None:
    done = pytest_run("--collect-only", "-q", "-m", "auth or header")
    ids = [line for line in done.stdout.splitlines() if "::" in line]
    assert ids
    for line in ids:
        found = re.search(r"\[([a-z.-]+)\]$", line)
        assert found, line
        assert CATALOGUE[found[1]].chapter in ("auth", "header")
