"""Every run ends in time: at a bound it sends nothing more, says so, and keeps what it has learnt."""

from __future__ import annotations

import json
import random
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from benchmarks.examples import exchange
from benchmarks.processes import pytest_run
from conformance.evidence.failure import BoundReached
from conformance.fixtures.objects import Fixtures
from conformance.fixtures.provisioning import HANGS_AFTER, Provision
from conformance.reports.rendering import FORMS, concluded_again
from conformance.transport.bounds import CLEAN_UP_SECONDS, Bounds
from conformance.transport.client import LONGEST_RETRY_WAIT, _retry_wait
from conformance.verdict.record import Record
from conformance.verdict.run import RAISE_THE_BOUND
from conformance.verdict.settings import DEFAULT_RATE, MOST_REQUESTS, default_max_time
from meta_tests.odd_servers import read_request, serving
from meta_tests.sending import BINDINGS, client_of
from reference import running
from reference.defects import CATALOGUE
from strategies.valid import MINIMAL

KEY = "sk_test_runlimits0123456789abcdef"
CONTRACT = ("--profile", "contract", "--budget", "quick", "-p", "no:html")
THROTTLED = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 10\r\nContent-Length: 0\r\n\r\n"


def run_against(url: str, folder: Path, *arguments: str) -> tuple[int, str, dict[str, Any]]:
    """Run the suite; return its status, its output, and its results, which the record leads to again."""
    options = ("--base-url", url, "--results", str(folder), *CONTRACT, *arguments)
    done = pytest_run(*options, environment={"STRIPE_API_KEY": KEY}, timeout=60)
    results: dict[str, Any] = json.loads((folder / "results.json").read_text())
    record = Record.at(folder / "run.jsonl")
    again = concluded_again(record)
    assert (again.verdict, int(again.exit_status), again.bound or None) == (
        results["verdict"],
        results["exit_status"],
        results["bound"],
    )
    assert all(form.render(record, again) for form in FORMS.values())
    return done.returncode, done.stdout, results


def customers_of(url: str) -> list[Any]:
    with requests.get(f"{url}/v1/customers", auth=(KEY, ""), timeout=10) as answer:
        return list(answer.json()["data"])


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_a_run_stops_at_its_most_requests_with_what_it_has_learnt(workers: tuple[str, ...], tmp_path: Path) -> None:
    with running(api_key=KEY) as server:
        status, shown, results = run_against(server.url, tmp_path, "--max-requests", "70", *workers)
        assert customers_of(server.url) == []
    assert (status, results["verdict"], results["bound"]) == (11, "inconclusive", "--max-requests 70 was reached")
    line = "--max-requests 70 was reached: the run stopped sending, and what it had not sent is not run"
    assert f"{line}; {RAISE_THE_BOUND}" in shown
    assert 70 <= results["requests"] <= 70 + 10, "only the removal comes on top"
    outcomes = [clause["outcome"] for clause in results["clauses"].values() if clause["profile"] == "contract"]
    assert {"pass", "not-run"} <= set(outcomes)
    assert not {"fail", "error", "inconclusive"} & set(outcomes)


def test_a_finding_made_before_the_bound_decides(tmp_path: Path) -> None:
    defect = next(name for name, defect in CATALOGUE.items() if defect.clause == "response.object")
    with running(defect, api_key=KEY) as server:
        status, _, results = run_against(server.url, tmp_path, "--max-requests", "60")
    assert (status, results["verdict"]) == (1, "does-not-conform")
    assert results["clauses"]["response.object"]["outcome"] == "fail"
    assert results["bound"]


def throttle(sock: socket.socket) -> None:
    while read_request(sock):
        sock.sendall(THROTTLED)


def test_a_target_that_throttles_for_ever_ends_while_it_is_probed(tmp_path: Path) -> None:
    started = time.monotonic()
    with serving(throttle) as port:
        status, shown, results = run_against(f"http://127.0.0.1:{port}", tmp_path, "--max-time", "1")
    assert (status, results["ending"]) == (11, "inconclusive")
    assert "cannot be tested: --max-time 1 was reached before it was known how the target gives fixtures" in shown
    assert RAISE_THE_BOUND in shown
    assert time.monotonic() - started < 8


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_sent_after_the_time_but_the_removal() -> None:
    clock = Clock()
    bounds = Bounds(5.0, clock=clock)
    bounds.count_request()
    with pytest.raises(BoundReached, match="--max-time 5 was reached"):
        bounds.check_time(pause=5)
    clock.now += 5
    with pytest.raises(BoundReached, match="--max-time 5 was reached"):
        bounds.count_request()
    with bounds.lifted_for(3):
        clock.now += CLEAN_UP_SECONDS + 2
        bounds.count_request()
        clock.now += 1
        with pytest.raises(BoundReached, match="took too long"):
            bounds.count_request()
    assert bounds.reached == "--max-time 5 was reached"


def test_processes_count_together(tmp_path: Path) -> None:
    one = Bounds(requests=3, tally=tmp_path / "tally")
    other = Bounds.from_json(json.loads(json.dumps(one.to_json())))
    for bounds in (one, other, one):
        bounds.count_request()
    with pytest.raises(BoundReached, match="--max-requests 3 was reached"):
        other.count_request()
    assert not one.reached


@pytest.mark.parametrize("explore", [None, 3.0])
def test_the_default_gives_each_request_of_a_slow_target_its_time(explore: float | None) -> None:
    for budget, requests_planned in MOST_REQUESTS.items():
        seconds = default_max_time(budget, None, explore) - 60 * (explore or 0)
        assert seconds / requests_planned > 1 + 1 / DEFAULT_RATE
        assert default_max_time(budget, 1.0, explore) > seconds
    assert default_max_time("standard", None) < 2 * 60 * 60


def test_removing_what_was_made_ends_at_a_target_that_hangs() -> None:
    def hang(sock: socket.socket) -> None:
        while read_request(sock):
            pass

    with serving(hang) as port:
        client = client_of(f"http://127.0.0.1:{port}", timeout=0.1)
        fixtures = Fixtures(
            client, Provision("a test token", "created", stateless=False, retrieves=True), "run", random.Random(1)
        )
        made = [f"cus_Made{number}" for number in range(20)]
        fixtures.inventory.made += [("customer", identifier) for identifier in made]
        assert sorted(fixtures.clean_up()) == sorted(made)
        client.close()
    assert client.requests_sent <= HANGS_AFTER + 1
    assert not fixtures.inventory.made


def test_no_wait_of_the_client_goes_beyond_the_time() -> None:
    with serving(throttle) as port:
        client = client_of(f"http://127.0.0.1:{port}")
        client.bounds = Bounds(2.0)
        started = time.monotonic()
        with pytest.raises(BoundReached):
            client.send(MINIMAL.bind(BINDINGS))
        client.keep_to(0.01)
        client.bounds = Bounds(2.0)
        request = MINIMAL.bind(BINDINGS)
        with pytest.raises(BoundReached):
            [client.send(request) for _ in range(2)]
        client.close()
    assert time.monotonic() - started < 1


def test_a_wait_of_more_digits_than_an_integer_may_have_is_bounded() -> None:
    answer = replace(exchange(429), headers=(("Retry-After", "9" * 5000),))
    assert _retry_wait(answer, 1) == LONGEST_RETRY_WAIT
