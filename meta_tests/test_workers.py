"""Several workers conclude what one concludes: each has whole chapters, and what exists once stays with one."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from _pytest.config import get_config
from xdist.remote import Producer

from benchmarks.examples import episode, exchange
from benchmarks.processes import pytest_run
from benchmarks.suite import Job, run_all
from conformance.evidence.episode import Outcome
from conformance.evidence.exchange import CONNECTION_LOST
from conformance.evidence.secret import Secret
from conformance.fixtures.provisioning import Provision
from conformance.judge.outage import ENDED, SHARED
from conformance.plugin import dealing
from conformance.plugin.careful import Errors
from conformance.plugin.dealing import ByGroup, Workers, group_of, workers_at_work
from conformance.plugin.items import ItemRunner
from conformance.plugin.options import settings_of
from conformance.plugin.order import name_in
from conformance.transport.client import Client
from conformance.verdict.ledger import Ledger
from conformance.verdict.results import conclude
from conformance.verdict.settlement import settle
from conformance.verdict.trial import CONFIRMATION, FIRST, OF_OUTAGE, Performed, Trial
from contracts import load_catalogue, published_contract
from reference import running
from reference.defects import CATALOGUE

KEY = "sk_test_workers0123456789abcdefg"

TESTS = (
    "tests/test_body.py::first",
    "tests/test_state.py::first",
    "tests/test_auth.py::first",
    "tests/test_state.py::closer",
    "tests/test_stripe.py::closer",
    "tests/test_body.py::closer",
    "tests/test_idempotency.py::last",
    "tests/test_state.py::last",
)
STATE = ["tests/test_state.py::first", "tests/test_state.py::closer", "tests/test_stripe.py::closer"]
STATE += ["tests/test_idempotency.py::last", "tests/test_state.py::last"]
BODY = ["tests/test_body.py::first", "tests/test_body.py::closer"]

CREATED = Provision("test token", "created", stateless=False, retrieves=True)


class Node:
    """A worker that only keeps the tests that it is sent."""

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.sent: list[str] = []
        self.shutting_down = False

    def send_runtest_some(self, indices: Sequence[int]) -> None:
        self.sent += [TESTS[index] for index in indices]

    def shutdown(self) -> None:
        self.shutting_down = True


def config_for(workers: int) -> pytest.Config:
    config = get_config()
    config.parse(["-p", "no:cacheprovider", "--tx", f"{workers}*popen"])
    return config


def dealt(*nodes: Node) -> ByGroup:
    scheduler = ByGroup(config_for(len(nodes)), Producer("workers", enabled=False))
    join(scheduler, *nodes)
    return scheduler


def join(scheduler: ByGroup, *nodes: Any) -> None:
    for node in nodes:
        scheduler.add_node(node)
        scheduler.add_node_collection(node, list(TESTS))
    scheduler.schedule()


def play(scheduler: ByGroup, node: Any, count: int) -> None:
    """Have the node be done with the first `count` of its tests."""
    for number in range(count):
        scheduler.mark_test_complete(node, TESTS.index(node.sent[number]))


def test_a_group_goes_to_one_worker_in_its_order() -> None:
    first, second = Node("gw0"), Node("gw1")
    scheduler = dealt(first, second)
    assert first.sent == STATE
    assert second.sent[:2] == BODY
    play(scheduler, second, 2)
    assert second.sent == [*BODY, "tests/test_auth.py::first"]
    assert scheduler.tests_finished is False


def test_the_group_that_sends_most_requests_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    lone = "tests/test_auth.py::first"
    monkeypatch.setattr(
        dealing, "requests_of_tests", lambda: {name_in(test): 1 for test in TESTS} | {name_in(lone): 99}
    )
    first, second = Node("gw0"), Node("gw1")
    dealt(first, second)
    assert (first.sent[0], second.sent[: len(STATE)]) == (lone, STATE)


def test_a_worker_that_is_alone_keeps_the_whole_order() -> None:
    alone = Node("gw0")
    dealt(alone)
    assert alone.sent == list(TESTS)


def test_the_test_that_ended_a_worker_is_not_run_again_and_the_others_are() -> None:
    first, second, replacement = Node("gw0"), Node("gw1"), Node("gw2")
    scheduler = dealt(first, second)
    play(scheduler, first, 1)
    assert scheduler.remove_node(first) == STATE[1]  # type: ignore[arg-type]  # stands in for a worker
    join(scheduler, replacement)
    assert [test for test in second.sent + replacement.sent if test in STATE] == STATE[2:]


@pytest.fixture
def workers() -> Workers:
    return Workers(config_for(3), Errors(Secret(KEY)), lambda **_: None)


@pytest.mark.parametrize(
    "provision",
    [
        Provision("given", "given", stateless=False, retrieves=True),
        Provision("given", "created", stateless=False, retrieves=True),
        Provision("test token", "given", stateless=False, retrieves=True),
    ],
)
def test_given_ids_go_to_one_worker(workers: Workers, provision: Provision) -> None:
    workers.send_to("http://127.0.0.1:1", provision)
    node = SimpleNamespace(workerinput={})
    workers.pytest_configure_node(node)
    assert (workers.asked_for, workers.count, node.workerinput["conformance"]["workers"]) == (3, 1, 1)
    assert workers.header_lines()[0].startswith("workers: 1 of 3")


def test_created_ids_go_to_as_many_workers_as_were_asked_for(workers: Workers) -> None:
    workers.send_to("http://127.0.0.1:1", CREATED)
    assert workers.count == 3


def test_the_chapters_that_use_what_state_attaches_go_with_it() -> None:
    assert {group_of(f"tests/test_{name}.py::test_it") for name in ("state", "stripe", "idempotency")} == {"test_state"}


def test_no_more_workers_share_the_rate_than_have_tests() -> None:
    assert [workers_at_work(count, TESTS) for count in (1, 2, 3, 8)] == [1, 2, 3, 3]
    assert workers_at_work(4, ()) == 1


@pytest.mark.parametrize(("workers", "tests", "part"), [(4, STATE, 10.0), (4, TESTS, 10 / 3), (2, TESTS, 5.0)])
def test_the_rate_is_dealt_out(
    workers: int, tests: Sequence[str], part: float, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    kept: list[float | None] = []
    monkeypatch.setattr(Client, "keep_to", lambda client, per_second: kept.append(per_second))
    monkeypatch.setattr(pytestconfig.option, "rate", 10.0)
    address, key, settings = "http://127.0.0.1:1", Secret(KEY), settings_of(pytestconfig)
    runner = ItemRunner(settings, address, CREATED, key, workers=workers)
    runner.pytest_collection_finish(SimpleNamespace(items=[SimpleNamespace(nodeid=name) for name in tests]))  # type: ignore[arg-type]
    assert kept == [pytest.approx(part)]


def concluded(folder: Path) -> dict[str, Any]:
    results = json.loads((folder / "results.json").read_text())
    outcomes = {slug: clause["outcome"] for slug, clause in results["clauses"].items()}
    return {"outcomes": outcomes, **{name: results[name] for name in ("exit_status", "requests", "plan")}}


@contextlib.contextmanager
def given() -> Iterator[list[str]]:
    """The options for a target with two customers and some payment methods, which are given."""
    with running(api_key=KEY) as server, requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {KEY}"

        def made(path: str, form: dict[str, str]) -> str:
            return str(session.post(f"{server.url}/v1/{path}", data=form).json()["id"])

        customers = [made("customers", {}) for _ in range(2)]
        methods = [made("payment_methods", {"type": "card", "card[token]": "tok_visa"}) for _ in range(24)]
        options = ["--base-url", server.url]
        options += [word for one in customers for word in ("--customer", one)]
        yield [*options, *(word for one in methods for word in ("--payment-method", one))]


ASKED = ("request.minimal-body", "body.unknown-parameter", "expand.accepted", "response.object")
CONTRACT = ("--profile", "contract", "--budget", "quick", *(word for slug in ASKED for word in ("--clause", slug)))


@pytest.mark.long
def test_workers_with_given_ids_conclude_what_one_process_does(tmp_path: Path) -> None:
    found = []
    for number, several in enumerate([(), ("-n", "2", "--dist", "each")]):
        folder = tmp_path / str(number)
        with given() as options:
            pytest_run(*options, *CONTRACT, *several, "--results", str(folder), environment={"STRIPE_API_KEY": KEY})
        found.append(concluded(folder))
    assert found[0]["exit_status"] == 0
    assert found[0] == found[1]


def test_a_worker_that_ends_is_an_error_and_its_other_tests_are_run(tmp_path: Path) -> None:
    crash = ("-p", "meta_tests.crashing", "-n", "1", "-k", "test_header")
    done = pytest_run(*crash, "--results", str(tmp_path), environment={"CRASH_AT": "test_request_id"})
    assert done.returncode == 3, done.stdout
    outcomes = concluded(tmp_path)["outcomes"]
    assert (outcomes["header.version"], outcomes["header.cache-control"]) == ("pass", "pass")
    assert outcomes["header.request-id"] == "not-run"


SHOWN_APART = ("listed-twice", "expand-unknown", "unknown-parameter-refused-too-late", "every-key-accepted")


@pytest.mark.long
def test_groups_that_know_nothing_of_each_other_find_what_one_process_does() -> None:
    jobs = [Job(name, defect=name, arguments=("-p", "meta_tests.apart")) for name in SHOWN_APART]
    found = {result.job.name: sorted(result.outcomes("fail", "error", "inconclusive")) for result in run_all(jobs)}
    assert found == {name: [CATALOGUE[name].clause] for name in SHOWN_APART}


def test_what_was_let_go_is_looked_for_even_if_no_other_test_let_it_go() -> None:
    (result,) = run_all([Job("alone", arguments=("-k", "test_detached_stays_off_the_list"))])
    assert result.results["clauses"]["state.detach"]["held"] == 1


STILL_SERVING = "robustness.still-serving"
LOST = exchange(None, b"", failure=CONNECTION_LOST)


def outage_settled(*parts: str, **facts: Any) -> Ledger:
    """Return the ledger of an outage at a request that was sent in these parts of a trial."""
    performed = [Performed(part, episode("outlived", LOST, clause=STILL_SERVING, **facts)) for part in parts]
    trial = Trial(STILL_SERVING, tuple(performed), OF_OUTAGE)
    return settle(trial, (), published_contract(), load_catalogue())


@pytest.mark.parametrize(
    ("shared", "confirmations", "is_told_twice"),
    [({}, (), True), ({SHARED: True}, (), False), ({SHARED: True}, (CONFIRMATION,), True)],
)
def test_an_outage_at_anothers_request_is_said_once(
    shared: dict[str, Any], confirmations: Sequence[str], is_told_twice: bool
) -> None:
    catalogue, ledger = load_catalogue(), outage_settled(FIRST, *confirmations, **{ENDED: True}, **shared)
    assert conclude(catalogue, ledger)[STILL_SERVING].outcome is Outcome.FAIL
    (finding,) = ledger.entries[STILL_SERVING].findings
    ledger.entry("robustness.large-body").add_finding(replace(finding, clause="robustness.large-body"))
    told_twice = conclude(catalogue, ledger)[STILL_SERVING].outcome is Outcome.FAIL
    assert told_twice is is_told_twice
