"""Run the suite against targets that misbehave on every request: no error of the suite, with created or given ids."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest

from benchmarks.given_ids import KEY, make_ids
from benchmarks.processes import CONTEXT
from benchmarks.suite import Job, Result, run
from conformance.verdict.run import ExitStatus
from conformance.verdict.settings import KEY_VARIABLE
from meta_tests.nasty import MANNERS, running_nasty

IDS = {"created": (0, 0), "few given": (1, 2), "given customers": (3, 0), "given": (2, 6), "many given": (4, 60)}
"""The numbers of given customers and payment methods."""

SOON_JUDGED = ("accept-all", "empty-object", "fail-all")

CASES = [
    *(
        pytest.param(manner, "created", marks=() if manner in SOON_JUDGED else pytest.mark.long)
        for manner in sorted(MANNERS)
    ),
    ("accept-all", "few given"),
    pytest.param("accept-all", "many given", marks=pytest.mark.long),
    ("fail-all", "given customers"),
    ("empty-object", "given"),
    ("list-nothing", "given"),
    pytest.param("lose-every-second", "given", marks=pytest.mark.long),
    ("refuse-attaches", "few given"),
]
"""Every manner with created ids, and every kind of given ids with a manner that goes far with them."""


def run_against(manner: str, ids: str, *, budget: str = "quick") -> Result:
    """Run the profile `stripe` against a target of that manner."""
    os.environ[KEY_VARIABLE] = KEY
    customers, payment_methods = IDS[ids]
    with running_nasty(manner, leave_alone=customers + payment_methods) as server:
        given = make_ids(server.url, customers=customers, payment_methods=payment_methods)
        arguments = (f"--budget={budget}", "--profile=stripe", "--timeout=1", "--seed=5", *given)
        return run(Job(manner, base_url=server.url, arguments=arguments))


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    """Processes in which runs share nothing with this one."""
    with ProcessPoolExecutor(2, mp_context=CONTEXT, max_tasks_per_child=1) as executor:
        yield executor


@pytest.mark.parametrize(("manner", "ids"), CASES)
def test_no_target_is_an_error_of_the_suite(pool: ProcessPoolExecutor, manner: str, ids: str) -> None:
    result = pool.submit(run_against, manner, ids).result(timeout=120)
    assert not result.outcomes("error")
    assert not result.results["errors"]
    assert result.status in set(ExitStatus) - {ExitStatus.OUR_ERROR, ExitStatus.CONFORMS}, result.output[-2000:]


def test_given_customers_of_a_conforming_target_fail_nothing(pool: ProcessPoolExecutor) -> None:
    result = pool.submit(run_with_given_customers).result(timeout=120)
    assert not result.outcomes("fail", "error")
    assert result.status == ExitStatus.INCONCLUSIVE
    assert "state.model" in result.outcomes("pass")


def run_with_given_customers() -> Result:
    """Run the sequences of operations with three given customers, which cannot be deleted."""
    from reference import running

    os.environ[KEY_VARIABLE] = KEY
    with running() as server:
        given = make_ids(server.url, customers=3, payment_methods=0)
        arguments = ("--profile=stripe", "--seed=5", *given)
        return run(Job("given customers", base_url=server.url, arguments=arguments))
