"""Running it: one command to a verdict, the same requests from the same seed, and one clear line for bad input."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from benchmarks.processes import pytest_run
from benchmarks.suite import Job, run
from conformance.paths import SUITE
from meta_tests.conftest import AGAIN, Recorded
from reference import running

KEY = "sk_test_metatests0123456789abcdef"


def results_in(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return content


@pytest.fixture(scope="module")
def plain(recorded: Recorded) -> Path:
    """Return the results of a run without any option."""
    return recorded((AGAIN,))[AGAIN].parent


def test_the_reference_conforms_and_every_result_is_written(plain: Path) -> None:
    results = results_in(plain)
    assert results["exit_status"] == 0
    red = {
        slug: clause for slug, clause in results["clauses"].items() if clause["outcome"] not in ("pass", "deviation")
    }
    assert not {slug for slug in red if results["clauses"][slug]["profile"] == "contract"}, red
    assert results["verdict"] == "conforms"
    assert set(results["verdicts"]) == {"contract", "stateful", "stripe"}
    assert (plain / "junit.xml").read_text().startswith("<?xml")
    page = (plain / "report.html").read_text()
    assert "request.minimal-body" in page
    assert 'src="http' not in page


@pytest.mark.long
def test_the_same_seed_sends_the_same_requests_and_another_does_not(recorded: Recorded) -> None:
    records = recorded(("good", AGAIN, "contract", "other seed"))
    plans = {name: results_in(path.parent)["plan"] for name, path in records.items()}
    assert plans[AGAIN] == plans["good"]
    assert plans["other seed"] != plans["contract"]


def test_existing_folders_are_fine_as_values_in_any_order(tmp_path: Path) -> None:
    done = pytest_run("--seed", "3", "--results", str(tmp_path), "-k", "minimal", "--profile", "contract")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rootdir: " + str(SUITE) in done.stdout
    assert results_in(tmp_path)["clauses"]["request.minimal-body"]["outcome"] == "pass"


@pytest.mark.parametrize(
    ("arguments", "environment", "status", "said"),
    [
        (["--base-url", "127.0.0.1:1"], {}, 4, "http://"),
        (["--base-url", "ftp://127.0.0.1"], {}, 4, "must start with http"),
        (["--base-url", "http://user:pw@127.0.0.1"], {}, 4, "no credentials"),
        (["--base-url", "https://api.stripe.com"], {}, 4, "needs a test key"),
        ([], {"STRIPE_API_KEY": "sk_live_0123456789"}, 4, "live key"),
        (["--api-key", "rk_live_0123456789"], {}, 4, "live key"),
        (["--api-key=a b"], {}, 4, "printable ASCII"),
        (["--seed", "x"], {}, 4, "no whole number"),
        (["--rate", "0"], {}, 4, "not above zero"),
        (["--timeout", "-1"], {}, 4, "not above zero"),
        (["--rate", "1e-9"], {}, 4, "too few"),
        (["--timeout", "1e300"], {}, 4, "too long"),
        (["--profile", "gold"], {}, 4, "invalid choice"),
        (["--profile", "contrct"], {}, 4, "did you mean contract?"),
        (["--base-uri", "http://127.0.0.1:1"], {}, 4, "there is no option --base-uri: did you mean --base-url?"),
        (["-m", "nosuch"], {}, 4, "-m nosuch: nothing is marked nosuch: a test has the marks of its profile"),
        (["-m", "contract and stripe"], {}, 4, "-m contract and stripe: no clause has such marks"),
        (["--payment-method", "pm/1"], {}, 4, "is no id"),
        (["-k", "nothing_of_that_name"], {}, 5, "deselected"),
        (["--base-url", "http://127.0.0.1:9"], {}, 10, "refused"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    arguments: list[str], environment: dict[str, str], status: int, said: str, tmp_path: Path
) -> None:
    done = pytest_run("--results", str(tmp_path), *arguments, environment=environment)
    shown = done.stdout + done.stderr
    assert done.returncode == status, shown
    assert said in shown
    assert "Traceback" not in shown
    if status == 4:
        assert len(shown.split("ERROR: ")[-1].splitlines()) <= 2, shown
        assert "usage:" not in shown
    for value in environment.values():
        assert value not in shown


def test_given_ids_that_are_not_there_are_no_verdict(tmp_path: Path) -> None:
    given = ("--customer", "cus_Nobody", "--payment-method", "pm_Nothing")
    done = pytest_run("--results", str(tmp_path), "--clause", "request.minimal-body", *given)
    assert done.returncode == 10, done.stdout + done.stderr
    assert "the customer cus_Nobody, given by --customer, does not exist there" in done.stdout
    assert "hint: give ids with --customer that exist in the account" in done.stdout


def test_a_file_is_no_folder_for_results(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = pytest_run("--results", str(tmp_path / "file"))
    assert done.returncode == 4
    assert "a file, not a folder" in done.stderr


def test_workers_run_nothing_against_an_unreachable_target(tmp_path: Path) -> None:
    done = pytest_run("--base-url", "http://127.0.0.1:1", "--results", str(tmp_path), "-n", "2")
    assert done.returncode == 10, done.stdout
    assert "AssertionError" not in done.stdout
    assert "the connection was refused" in done.stdout


def test_an_unreachable_target_still_gets_its_results(tmp_path: Path) -> None:
    done = pytest_run("--results", str(tmp_path), "--base-url", "http://127.0.0.1:9")
    assert done.returncode == 10
    assert "hint: start it" in done.stdout
    assert results_in(tmp_path)["verdict"] == "inconclusive"
    assert "cannot be tested" in (tmp_path / "report.html").read_text()
    assert (tmp_path / "junit.xml").exists()


def _defects() -> dict[str, Any]:
    from reference.defects import CATALOGUE

    return dict(CATALOGUE)


def test_a_dry_run_sends_nothing_to_the_target(tmp_path: Path) -> None:
    results = tmp_path / "results"
    options = ("--clause=auth.missing", "--clause=request.minimal-body", "--rate=4")
    done = pytest_run("--results", str(results), "--dry-run", "--base-url", "https://api.stripe.com", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    requests = re.search(r"a run sends about (\d+) requests and creates \d+ customers? and \d+ payment", done.stdout)
    assert requests, done.stdout
    assert f"at most 4 requests a second (--rate): {int(requests[1]) / 4:.0f} s at 5 ms" in done.stdout
    assert re.search(r"needs about \d+ payment methods", done.stdout)
    assert not re.search("conforms|passed|verdict|error|results in", done.stdout.replace("attach-conformance", ""))
    first, *rest = (line for line in done.stdout.splitlines() if line.strip())
    assert first.startswith("dry run: the tests are performed against the embedded reference")
    assert len(rest) == 5
    assert not results.exists()


def test_the_first_failure_stops_a_run_that_was_asked_to(tmp_path: Path) -> None:
    defect = next(name for name, defect in _defects().items() if defect.clause == "error.envelope")
    job = Job("stop", defect, arguments=("-x", "--profile", "contract"))
    result = run(job)
    assert result.status == 1
    assert result.results["requests"] < 300


def test_a_single_clause_can_be_run_alone() -> None:
    result = run(Job("alone", arguments=("-k", "test_json_body", "--profile", "contract")))
    assert result.status == 0
    assert result.results["clauses"]["request.json-refused"]["outcome"] == "pass"
    assert result.results["clauses"]["request.accept"]["outcome"] == "not-run"


@pytest.mark.parametrize(("variants", "status"), [((), 0), (("no-detach",), 1)])
def test_a_required_capability_must_be_there(variants: tuple[str, ...], status: int) -> None:
    asked = ("--require", "detach", "--profile", "contract", "-k", "minimal")
    result = run(Job("require", variants=variants, arguments=asked))
    assert result.status == status, result.output
    assert ("missing on the target: detach" in result.output) == bool(variants)


def outcomes_in(folder: Path) -> dict[str, str]:
    return {slug: clause["outcome"] for slug, clause in results_in(folder)["clauses"].items()}


def test_two_workers_conclude_what_one_does_and_leave_objects_of_other_people(plain: Path, tmp_path: Path) -> None:
    with running(api_key=KEY) as server, requests.Session() as session:
        session.auth = (KEY, "")

        def post(path: str, **form: str) -> str:
            answer = session.post(server.url + path, data=form)
            assert answer.status_code == 200, answer.text
            return str(answer.json()["id"])

        def everything() -> list[Any]:
            paths = [f"/v1/customers/{customer}" for customer in customers]
            paths += [f"/v1/payment_methods/{method}" for method in methods]
            return [session.get(server.url + path).json() for path in paths]

        customers = [post("/v1/customers", description="another's") for _ in range(100)]
        methods = [post("/v1/payment_methods", type="card", **{"card[token]": "tok_visa"}) for _ in range(200)]
        for customer, method in zip(customers, methods[:100], strict=True):
            post(f"/v1/payment_methods/{method}/attach", customer=customer)
        before = everything()
        target = ("--base-url", server.url, "--results", str(tmp_path))
        done = pytest_run(*target, "-n", "2", environment={"STRIPE_API_KEY": KEY})
        assert done.returncode == 0, done.stdout[-3000:]
        assert outcomes_in(tmp_path) == outcomes_in(plain)
        assert everything() == before
        assert not results_in(tmp_path)["left_over"]
        left = session.get(server.url + "/v1/customers", params={"limit": "100"}).json()["data"]
        assert {customer["description"] for customer in left} == {"another's"}


def run_and_then(arguments: list[str], act: Callable[[subprocess.Popen[bytes]], object]) -> tuple[int, str]:
    """Run pytest, act as soon as the first chapter has ended, and give the exit status and what was shown."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "--profile", "contract", *arguments],
        cwd=SUITE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "STRIPE_API_KEY": KEY, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    shown = b""
    while b"requests so far" not in shown and (byte := process.stdout.read(1)):
        shown += byte
    act(process)
    shown += process.stdout.read()
    return process.wait(120), shown.decode()


@pytest.mark.parametrize("stateless", [pytest.param(True, marks=pytest.mark.long), False])
def test_a_target_that_dies_in_the_middle_is_not_called_broken(stateless: bool, tmp_path: Path) -> None:
    with running(stateless=stateless, api_key=KEY) as server:
        target = ["--results", str(tmp_path), "--base-url", server.url]
        status, shown = run_and_then(target, lambda _: server.stop())
    assert status == 11, shown
    results = results_in(tmp_path)
    assert results["verdict"] == "inconclusive"
    assert not [slug for slug, clause in results["clauses"].items() if clause["outcome"] in ("fail", "error")]
    assert (tmp_path / "report.html").exists()


def test_a_run_that_is_interrupted_writes_what_it_has_learnt(tmp_path: Path) -> None:
    status, shown = run_and_then(["--results", str(tmp_path)], lambda process: process.send_signal(signal.SIGINT))
    assert status == 2, shown
    results = results_in(tmp_path)
    assert results["verdict"] == "inconclusive"
    assert results["exit_status"] == 2
    assert "conforms (" not in shown
