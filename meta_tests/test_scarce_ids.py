"""Runs with few given ids: what they judge, what they say is missing, and that a defect is found all the same."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import pytest

from benchmarks.detection import VARIANTS, variant_job
from benchmarks.given_ids import KEY, make_ids
from benchmarks.processes import CONTEXT
from benchmarks.suite import Job, Result, run
from conformance.fixtures.diagnosing import IDS_CHECKED
from conformance.paths import TESTS
from conformance.verdict.needs import ids_for_profile, load_needs
from conformance.verdict.run import ExitStatus
from conformance.verdict.settings import KEY_VARIABLE
from contracts import load_catalogue
from reference import running

JUDGED_WITH_THREE = frozenset(
    {
        "request.minimal-body",
        "response.object",
        "response.customer",
        "response.schema",
        "body.customer-required",
        "body.customer-structure",
        "body.unknown-parameter",
        "expand.accepted",
        "expand.inlined",
        "expand.structure",
        "request.value-exact",
        "robustness.long-value",
    }
)


@dataclass(frozen=True)
class Given:
    """A run with that many ids against the reference with a defect; the ids in `absent` name nothing."""

    customers: int = 2
    payment_methods: int = 3
    defect: str | None = None
    arguments: tuple[str, ...] = ("--profile=contract",)
    absent: tuple[str, ...] = ()


def run_given(given: Given) -> Result:
    """Make the objects by the reference's API, and run the suite with their ids."""
    os.environ[KEY_VARIABLE] = KEY
    with running(given.defect) as server:
        ids = make_ids(server.url, customers=given.customers, payment_methods=given.payment_methods)
        arguments = (*ids, *given.absent, *given.arguments)
        return run(Job("given ids", base_url=server.url, arguments=arguments))


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    """Processes in which runs share nothing with this one."""
    with ProcessPoolExecutor(2, mp_context=CONTEXT, max_tasks_per_child=1) as executor:
        yield executor


@pytest.fixture(scope="module")
def three(pool: ProcessPoolExecutor) -> Result:
    """Return the run with two customers and three payment methods."""
    return pool.submit(run_given, Given()).result(timeout=120)


def test_three_payment_methods_judge_the_root_causes_and_all_refusals(three: Result) -> None:
    passed = three.outcomes("pass").keys()
    assert passed >= JUDGED_WITH_THREE
    assert len(passed) >= 55
    assert not three.red
    assert three.status == ExitStatus.INCONCLUSIVE


def test_a_run_says_how_many_more_ids_would_do(three: Result) -> None:
    wanted = three.results["ids_wanted"]
    lacking = {slug for slug, clause in three.results["clauses"].items() if clause["lacks_fixtures"]}
    assert 0 < wanted["clauses"] <= len(lacking)
    assert wanted["payment_methods"] >= wanted["clauses"]
    assert "--payment-method" in three.output


def test_as_many_more_as_a_run_asks_for_judge_the_profile(pool: ProcessPoolExecutor, three: Result) -> None:
    count = 3 + three.results["ids_wanted"]["payment_methods"]
    result = pool.submit(run_given, Given(payment_methods=2 * count)).result(timeout=120)
    assert result.status == ExitStatus.CONFORMS
    assert result.results["ids_wanted"] is None


def test_a_dry_run_says_how_many_ids_a_run_needs(pool: ProcessPoolExecutor) -> None:
    arguments = ("--profile=contract", "--budget=quick", "--dry-run")
    result = pool.submit(run_given, Given(0, 0, arguments=arguments)).result(timeout=120)
    methods, customers = ids_for_profile("contract", "quick", load_catalogue())
    assert f"{methods} payment methods" in result.output
    assert f"{customers} customers" in result.output


@pytest.mark.parametrize(
    ("defect", "clause", "payment_methods"),
    [
        ("customer-is-null", "response.customer", 2),
        ("customer-is-null", "response.customer", 3),
        ("expand-ignored", "expand.inlined", 2),
        ("expand-ignored", "expand.inlined", 3),
        ("expand-unknown", "expand.accepted", 3),
        ("unknown-ignored", "body.unknown-parameter", 2),
        ("unknown-ignored", "body.unknown-parameter", 4),
    ],
)
def test_a_defect_is_found_with_few_ids(
    pool: ProcessPoolExecutor, defect: str, clause: str, payment_methods: int
) -> None:
    result = pool.submit(run_given, Given(payment_methods=payment_methods, defect=defect)).result(timeout=120)
    assert set(result.outcomes("fail")) <= {clause}
    assert "body.customer-required" in result.outcomes("pass")
    if payment_methods > 2 or not clause.startswith("expand."):
        assert set(result.outcomes("fail")) == {clause}
        assert result.status == ExitStatus.DOES_NOT_CONFORM


def test_an_id_that_is_not_there_fails_nothing(pool: ProcessPoolExecutor) -> None:
    absent = ("--payment-method", "pm_Nothing")
    result = pool.submit(run_given, Given(payment_methods=IDS_CHECKED, absent=absent)).result(timeout=120)
    assert not result.outcomes("fail", "error")
    assert "body.customer-required" in result.outcomes("pass")
    assert result.status == ExitStatus.INCONCLUSIVE
    result = pool.submit(run_given, Given(payment_methods=1, absent=absent)).result(timeout=120)
    assert "the payment method pm_Nothing, given by --payment-method, does not exist there" in result.output
    assert result.status == ExitStatus.UNREACHABLE


def test_every_test_of_the_suite_that_takes_payment_methods_is_measured() -> None:
    assert {need.clause for need in load_needs() if need.clause} <= {clause.slug for clause in load_catalogue()}
    tests = {
        f"{path.stem}::{name}"
        for path in TESTS.glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert len(tests) > 100
    assert {need.test.partition("[")[0] for need in load_needs()} == tests


DELETED = "state.deleted-customer"


def test_given_customers_are_enough_where_none_is_created(pool: ProcessPoolExecutor) -> None:
    job = variant_job(VARIANTS["customers-are-not-created"], "stateful", "quick")
    result = pool.submit(run, replace(job, clauses=(DELETED,))).result(timeout=120)
    assert result.outcomes("not-applicable")[DELETED] == "the target creates no customers"


def test_given_customers_hide_nothing_of_a_server_that_creates_some(pool: ProcessPoolExecutor) -> None:
    arguments = ("--profile=stateful", "--budget=quick", f"--clause={DELETED}")
    result = pool.submit(run_given, Given(payment_methods=9, arguments=arguments)).result(timeout=120)
    assert result.outcomes("not-run")[DELETED].startswith("customers that were given are not deleted")
