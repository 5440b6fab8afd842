"""The whole suite against targets that are bad all over: no error of the suite, with created and with given ids."""

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
"""How many customers and payment methods are given."""

CASES = [
    *((manner, ids) for manner in sorted(MANNERS) for ids in ("created", "given")),
    *(
        (manner, ids)
        for manner in ("accept-all", "list-nothing", "refuse-attaches")
        for ids in ("few given", "many given")
    ),
    *((manner, "given customers") for manner in ("accept-all", "fail-all", "refuse-attaches")),
]


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


@pytest.mark.parametrize("seed", [5, 6])
def test_given_customers_of_a_conforming_target_fail_nothing(pool: ProcessPoolExecutor, seed: int) -> None:
    result = pool.submit(run_with_given_customers, seed).result(timeout=120)
    assert not result.outcomes("fail", "error")
    assert result.status == ExitStatus.INCONCLUSIVE


def run_with_given_customers(seed: int) -> Result:
    """Run the sequences of operations with three given customers, which cannot be deleted."""
    from reference import running

    os.environ[KEY_VARIABLE] = KEY
    with running() as server:
        given = make_ids(server.url, customers=3, payment_methods=0)
        arguments = ("--profile=stripe", f"--seed={seed}", *given)
        return run(Job("given customers", base_url=server.url, arguments=arguments))
