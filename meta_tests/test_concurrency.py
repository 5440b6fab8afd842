"""Tests performed at the same time find what tests one after the other find, at one pace."""

from __future__ import annotations

import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.delaying import delayed
from benchmarks.processes import PytestProcess, pytest_run
from benchmarks.suite import Job, Result, run_all
from conformance.fixtures.objects import Fixtures
from conformance.fixtures.probing import probe
from conformance.plugin.options import DEFAULT_AT_ONCE, concurrency_of
from conformance.scenes.notes import Commons, Made
from conformance.transport.client import Address
from conformance.transport.lanes import AT_ONCE, URGENT, USUAL, Crossing, Lane, Pacer, on_lane
from meta_tests.dying import dying
from meta_tests.test_interruptions import KEY, WRITTEN, check_whole, customers_of, signals
from meta_tests.test_provisioning import client_of_variant
from reference import running

NARROW = ("--profile", "contract", "--budget", "quick")
AT_ONCE_OPTION = ("--concurrency", "6")

DEFECTS = ("nul-crashes", "non-bmp-drops", "last4-is-a-number", "checked-then-written", "keys-ignored")
"""A crash, a connection that is dropped, a wrong body, a race, and idempotency keys that do nothing."""

THROTTLING = ("now-and-then-too-many", "forty-in-two-seconds")
"""Variants that conform and answer some requests with 429."""


def found(result: Result) -> dict[str, Any]:
    """Return what must not depend on how many tests are performed at the same time."""
    clauses = result.results["clauses"]
    findings = {slug: [one["id"] for one in clause["findings"]] for slug, clause in clauses.items()}
    outcomes = {slug: clause["outcome"] for slug, clause in clauses.items()}
    return {
        "status": result.status,
        "verdicts": result.results["verdicts"],
        "plan": result.results["plan"],
        "outcomes": outcomes,
        "findings": findings,
    }


def both(**job: Any) -> tuple[Result, Result]:
    """Run the suite with one test after the other, and with several at the same time."""
    arguments = job.pop("arguments", ())
    jobs = [Job("one", arguments=arguments, **job), Job("many", arguments=(*arguments, *AT_ONCE_OPTION), **job)]
    one, many = run_all(jobs, 1)
    return one, many


def test_a_conforming_server_gets_the_same_plan_and_verdict() -> None:
    one, many = both(arguments=("--seed", "2"))
    assert found(one) == found(many)
    assert many.results["requests"] <= 1.05 * one.results["requests"]


@pytest.mark.long
@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_gives_the_same_findings(defect: str) -> None:
    one, many = both(defect=defect)
    assert found(one) == found(many)


@pytest.mark.parametrize("defect", [None, "customer-optional"])
def test_the_quick_budget_finds_the_same(defect: str | None) -> None:
    one, many = both(arguments=NARROW, defect=defect)
    assert found(one) == found(many)


def test_a_named_clause_is_judged_alike() -> None:
    one, many = both(arguments=("--clause", "state.detach", "--clause", "idempotency.replay"))
    assert found(one) == found(many)


@pytest.mark.long
def test_a_server_that_a_request_ends_gives_the_same_findings(tmp_path: Path) -> None:
    results = []
    for options in ((), AT_ONCE_OPTION):
        with dying("long", 0.3) as url:
            [result] = run_all([Job("dies", base_url=url, arguments=options)], 1)
        results.append(found(result))
    assert results[0] == results[1]
    assert results[0]["findings"]["robustness.long-value"]


@pytest.mark.long
@pytest.mark.parametrize("variant", THROTTLING)
def test_throttling_changes_nothing(variant: str) -> None:
    one, many = both(variants=(variant,), arguments=NARROW)
    assert found(one) == found(many)


# The objects


@pytest.mark.parametrize("name", ["emails-are-unique", "customers-are-found-by-email"])
def test_customers_of_several_performers_have_emails_of_their_own(name: str) -> None:
    with client_of_variant(name) as client:
        fixtures = Fixtures(client, probe(client), "run", random.Random(1))
        all_there = threading.Barrier(6)

        def create(_: int) -> str:
            all_there.wait()
            with on_lane(Lane()):
                return fixtures.customers.create()[0]

        with ThreadPoolExecutor(6) as pool:
            assert len(set(pool.map(create, range(6)))) == 6


# The pace


def test_all_lanes_keep_one_pace_and_the_urgent_go_first() -> None:
    pacer = Pacer(100)
    left: list[tuple[float, int]] = []
    is_open = threading.Event()

    def leave(rank: int) -> None:
        is_open.wait()
        pacer.wait(rank=rank)
        left.append((time.monotonic(), rank))

    pacer.hold(0.15)
    threads = [threading.Thread(target=leave, args=(rank,)) for rank in (USUAL, URGENT, AT_ONCE) for _ in range(4)]
    for thread in threads:
        thread.start()
    is_open.set()
    for thread in threads:
        thread.join()
    times = sorted(moment for moment, _ in left)
    assert times[-1] - times[0] >= 0.9 * 11 / 100
    ranks = [rank for _, rank in sorted(left)][1:]  # the first one had its turn before the others came
    assert ranks == sorted(ranks)


def test_what_asks_to_be_alone_waits_for_what_is_under_way_and_holds_the_rest() -> None:
    crossing, main, other = Crossing(), Lane(), Lane()
    assert crossing.enter(other)
    seen: list[str] = []

    def be_alone() -> None:
        with crossing.alone(main):
            seen.append("alone")
            assert crossing.enter(main)
            assert not crossing.enter(other)
            crossing.leave(main)

    thread = threading.Thread(target=be_alone)
    thread.start()
    time.sleep(0.05)
    assert seen == []
    crossing.leave(other)
    thread.join(5)
    assert seen == ["alone"]
    assert crossing.enter(other)


# What is made once


def test_what_is_shared_is_made_once_however_many_want_it() -> None:
    commons = Commons()
    made: list[int] = []

    def make() -> Made:
        time.sleep(0.05)
        made.append(1)
        return Made("a sample")

    got: list[Made] = []
    threads = [threading.Thread(target=lambda: got.append(commons.get("name", make))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(set(map(id, got)))) == (1, 1)


def test_another_makes_what_the_first_could_not() -> None:
    commons = Commons()

    def fail() -> Made:
        raise ValueError("no answer")

    with pytest.raises(ValueError, match="no answer"):
        commons.get("name", fail)
    assert commons.get("name", lambda: Made("a sample")).value == "a sample"


# The end, and the option


def test_an_interruption_ends_all_threads_at_once(tmp_path: Path) -> None:
    with running(api_key=KEY) as server:
        options = (f"--base-url={server.url}", f"--results={tmp_path}", "--rate", "30", *AT_ONCE_OPTION)
        interrupt = signals(server.url, signal.SIGINT)
        sent: list[float] = []

        def act(process: PytestProcess) -> None:
            time.sleep(6)
            interrupt(process)
            sent.append(time.monotonic())

        process = pytest_run(*options, act=act, environment={"STRIPE_API_KEY": KEY}, timeout=60)
        seconds = time.monotonic() - sent[0]
        left = customers_of(server.url)
    results = check_whole(tmp_path, *WRITTEN)
    assert (process.returncode, results["verdict"], results["left_over"], left) == (2, "inconclusive", [], set())
    assert any(clause["outcome"] == "pass" for clause in results["clauses"].values())
    assert seconds < 15


def test_a_run_of_no_test_leaves_nothing_on_a_slow_target(tmp_path: Path) -> None:
    with running(api_key=KEY) as server, delayed(server.url, 0.3) as url:
        options = (f"--base-url={url}", f"--results={tmp_path}", "-k", "nothing_is_called_so", *AT_ONCE_OPTION)
        process = pytest_run(*options, environment={"STRIPE_API_KEY": KEY}, timeout=60)
        time.sleep(0.5)  # what was under way arrives
        assert (process.returncode, customers_of(server.url)) == (5, set())


FAR, NEAR = Address.of("https://api.stripe.com"), Address.of("http://127.0.0.1:8420")


@pytest.mark.parametrize(
    ("address", "options", "expected"),
    [
        (NEAR, {}, 1),
        (None, {}, 1),
        (FAR, {}, DEFAULT_AT_ONCE),
        (NEAR, {"concurrency": 4}, 4),
        (FAR, {"concurrency": 1}, 1),
        (FAR, {"customer": ["cus_1"], "concurrency": 4}, 1),
        (FAR, {"payment_method": ["pm_1"], "concurrency": 4}, 1),
        (FAR, {"tx": ["2*popen"], "concurrency": 4}, 1),
    ],
)
def test_how_many_tests_are_performed_at_the_same_time(
    address: Address | None, options: dict[str, Any], expected: int
) -> None:
    usual: dict[str, Any] = {"customer": [], "payment_method": [], "concurrency": None}
    assert concurrency_of(SimpleNamespace(**{**usual, **options}), address) == expected


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", "65"])
def test_what_is_no_number_of_tests_is_said_in_one_line(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    [result] = run_all([Job("wrong", arguments=(f"--concurrency={value}",))], 1)
    lines = [line for line in result.output.splitlines() if line.startswith("ERROR: --concurrency: ")]
    assert (result.status, len(lines)) == (4, 1)
