"""Exploring draws many attempts with other seeds behind a run; a failure counts, and finding nothing proves nothing."""

from __future__ import annotations

import pytest

from benchmarks.suite import Job, Result, run_all

CHOSEN = ("request.minimal-body", "body.unknown-parameter")
ORDINARY = ("--profile=contract", "--seed=3")
EXPLORING = (*ORDINARY, "--explore=0.05")

FEWEST_A_ROUND = 20
"""The drawn test takes 40 attempts a round, of which some are drawn twice; an ordinary run draws two."""


@pytest.fixture(scope="module")
def runs() -> dict[str, Result]:
    jobs = [
        Job("ordinary", arguments=ORDINARY, clauses=CHOSEN),
        Job("exploring", arguments=EXPLORING, clauses=CHOSEN),
        Job("quick", arguments=(*EXPLORING, "--budget=quick"), clauses=CHOSEN),
        Job("broken", "unknown-ignored", arguments=EXPLORING, clauses=CHOSEN),
    ]
    return {result.job.name: result for result in run_all(jobs)}


def test_a_round_draws_many_attempts(runs: dict[str, Result]) -> None:
    rounds = runs["exploring"].results["exploration"]["rounds"]
    more = runs["exploring"].results["requests"] - runs["ordinary"].results["requests"]
    assert rounds >= 1
    assert more / rounds >= FEWEST_A_ROUND


def test_a_quick_run_explores_as_much(runs: dict[str, Result]) -> None:
    more = runs["quick"].results["requests"] - runs["ordinary"].results["requests"]
    assert more >= FEWEST_A_ROUND


def test_finding_nothing_proves_nothing(runs: dict[str, Result]) -> None:
    assert runs["exploring"].status == 0
    assert runs["exploring"].results["verdicts"]["contract"] == "inconclusive"


def test_a_failure_counts(runs: dict[str, Result]) -> None:
    assert runs["broken"].status == 1
    assert list(runs["broken"].outcomes("fail")) == ["body.unknown-parameter"]
