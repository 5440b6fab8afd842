"""The script that reproduces failures: executed by bash, it gets from the same server what the run got."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.examples import SUCCESS, exchange
from benchmarks.runs import finding
from benchmarks.suite import Job, run
from conformance.evidence.episode import Episode, Finding, Step
from conformance.evidence.exchange import Exchange
from conformance.evidence.secret import made_up_key
from conformance.reports.script import Ways, script_for, script_of
from conformance.reports.shell import Variables
from meta_tests.odd_servers import OK, read_request, serving
from reference import running
from strategies.attempt import Request

KEY = "sk_test_metatests0123456789abcdef"
STEP = re.compile(
    r"--- steps? \d+(?: to \d+)? of \d+, (?P<words>.*); in the run: (?P<status>\d{3})(?P<shows> \(shows it\))?"
)
STATUS = re.compile(r"HTTP/1\.1 (\d{3})")

DEFECTS = {
    "unknown-ignored": "body.unknown-parameter",
    "taken-over": "state.second-customer",
    "method-in-any-case": "state.unknown-payment-method",
    "abbreviated-customer-found": "state.unknown-customer",
    "deleted-customer-accepted": "state.deleted-customer",
    "declining-card-attached": "stripe.card-declined",
    "other-parameters-are-409": "idempotency.mismatch",
    "brackets-half-encoded": "request.equivalent-encodings",
}
"""Defects whose findings differ in what a script needs: several steps, changed ids, keys, cards of their own."""


def executed(script: str, url: str, *ids: str, key: str = KEY) -> str:
    """Run the script against a server, and return its output."""
    done = subprocess.run(
        ["bash", "-s", "--", *ids],
        input=script,
        env={"PATH": os.environ["PATH"], "STRIPE_API_KEY": key, "BASE_URL": url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout


def statuses(shown: str) -> list[tuple[str, str, bool, list[str]]]:
    """Return each step of a script: its words, its status in the run, whether it shows the failure, its status now."""
    parts = re.split(r"^(?=--- step)", shown, flags=re.MULTILINE)[1:]
    found = []
    for part in parts:
        step = STEP.match(part)
        assert step, part
        found.append((step["words"], step["status"], bool(step["shows"]), STATUS.findall(part)))
    return found


@pytest.fixture(scope="module")
def results() -> Mapping[str, Mapping[str, Any]]:
    """Return the results of a run for each defect."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRIPE_API_KEY", KEY)
        for defect, slug in DEFECTS.items():
            found[defect] = run(Job(defect, defect, clauses=(slug,))).results
    return found


@pytest.mark.parametrize("defect", DEFECTS)
def test_the_script_gets_from_a_server_with_the_defect_what_the_run_got(
    defect: str, results: Mapping[str, Mapping[str, Any]]
) -> None:
    slug = DEFECTS[defect]
    (found, *_) = results[defect]["clauses"][slug]["findings"]
    script = script_of(results[defect])
    assert f". {found['id']} {slug}" in script
    with running(defect, api_key=KEY) as broken, running(api_key=KEY) as repaired:
        steps = statuses(executed(script, broken.url, found["id"]))
        again = statuses(executed(script, repaired.url, found["id"]))
    assert any(shows for _, _, shows, _ in steps)
    for words, status, _, got in steps:
        assert got, words
        assert set(got) == {status}, words
    assert [got for *_, got in again] != [got for *_, got in steps] or "idempotency" in slug


@pytest.mark.parametrize("variant", ["payment-methods-begin-when-attached", "customers-are-not-looked-up"])
def test_a_new_id_is_made_up_where_any_will_do(variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", KEY)
    with running("last4-is-a-number", [variant], api_key=KEY) as server:
        results = run(Job(variant, base_url=server.url, clauses=("response.schema",))).results
        steps = statuses(executed(script_of(results), server.url))
    assert all(set(got) == {status} for _, status, _, got in steps)


def test_values_of_the_objects_that_it_makes_are_encoded(results: Mapping[str, Mapping[str, Any]]) -> None:
    script = next(iter(map(script_of, results.values())))
    made = [line for line in script.splitlines() if line.lstrip().startswith("create ")]
    assert any("billing_details[name]" in line for line in made)
    assert not any(" -d " in line for line in made)


def test_ids_are_found_without_jq_too(results: Mapping[str, Mapping[str, Any]]) -> None:
    (found, *_) = results["taken-over"]["clauses"]["state.second-customer"]["findings"]
    script = "jq() { return 127; }\n" + script_of(results["taken-over"])
    with running("taken-over", api_key=KEY) as server:
        steps = statuses(executed(script, server.url, found["id"]))
    assert len(steps) > 1
    assert all(set(got) == {status} for _, status, _, got in steps)


def test_the_script_runs_all_findings_or_those_that_are_named(results: Mapping[str, Mapping[str, Any]]) -> None:
    clauses = results["unknown-ignored"]["clauses"]
    ids = [clause["findings"][0]["id"] for clause in clauses.values() if clause["findings"]]
    script = script_of(results["unknown-ignored"])
    with running("unknown-ignored", api_key=KEY) as server:
        shown = executed(script, server.url)
    assert re.findall(r"^=== \d+\. (\w+)", shown, re.MULTILINE) == ids


def test_what_is_expected_stands_beside_each_answer(results: Mapping[str, Mapping[str, Any]]) -> None:
    script = script_of(results["unknown-ignored"])
    with running("unknown-ignored", api_key=KEY) as server:
        shown = executed(script, server.url)
    titles = re.findall(r"^=== .*\nexpected: (.*)", shown, re.MULTILINE)
    assert titles
    assert all(titles)


def test_answers_to_requests_at_once_are_shown_one_after_the_other() -> None:
    def attach(number: int, sent: float, answered: float) -> Step:
        done = exchange(200, {**SUCCESS, "metadata": {"n": str(number)}})
        return Step("subject", replace(done, received=sent + answered, seconds=answered), f"attempt {number}")

    race = Episode("state.race", "one_winner", (attach(1, 100.0, 0.5), attach(2, 100.1, 0.5)))
    turns = Episode("state.race", "one_winner", (attach(1, 100.0, 0.5), attach(2, 90.0, 0.5)))
    script = script_for([Finding("state.race", "both won", race, 1)], "", Ways())
    assert "\n    show 1 2\n" in script
    assert script.count('> "$work/step.') == 2
    assert "show 1 2" not in script_for([Finding("state.race", "both won", turns, 1)], "", Ways())


def test_a_refused_creation_is_shown(results: Mapping[str, Mapping[str, Any]]) -> None:
    script = script_of(results["unknown-ignored"])
    with running("unknown-ignored", api_key="sk_test_another0123456789abcdef") as server:
        environment = {"PATH": os.environ["PATH"], "STRIPE_API_KEY": KEY, "BASE_URL": server.url}
        done = subprocess.run(["bash"], input=script, env=environment, capture_output=True, text=True, check=False)
    assert re.search(r"no (customer|payment method) was created: .*Invalid API Key", done.stderr.replace("\n", " "))


def test_a_live_key_and_an_unknown_finding_are_refused(results: Mapping[str, Mapping[str, Any]]) -> None:
    script = script_of(results["unknown-ignored"])

    def status(*ids: str, key: str = KEY) -> tuple[int, str]:
        environment = {"PATH": os.environ["PATH"], "STRIPE_API_KEY": key, "BASE_URL": "http://127.0.0.1:9"}
        done = subprocess.run(
            ["bash", "-s", "--", *ids], input=script, env=environment, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stderr

    assert status(key="sk_live_0123456789abcdef") == (4, "this is a live key\n")
    assert status("0000000") == (4, "there is no finding 0000000 here\n")


def test_a_target_on_this_machine_needs_no_key(results: Mapping[str, Mapping[str, Any]]) -> None:
    """A run makes one up there, which the script makes again, without holding it; elsewhere it asks for one."""
    script = script_of(results["unknown-ignored"])
    made_up = made_up_key().reveal()
    assert made_up not in script
    with running("unknown-ignored", api_key=made_up) as server:
        steps = statuses(executed(script, server.url, key=""))
    assert steps
    assert all(set(got) == {status} for _, status, _, got in steps)
    environment = {"PATH": os.environ["PATH"], "BASE_URL": "https://localhost.example.invalid"}
    done = subprocess.run(["bash"], input=script, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "give the key of a test account in STRIPE_API_KEY" in done.stderr


def test_equal_requests_on_a_kept_connection_are_sent_on_one() -> None:
    again = Step("subject", exchange(200, SUCCESS), "POST")
    new = replace(again, exchange=replace(again.exchange, new_connection=True))
    episode = Episode("state.same-object", "same", (*[again] * 3, *[new] * 2))
    script = script_for([Finding("state.same-object", "they differ", episode, 0, id="1234567")], "", Ways())
    connections: list[int] = []

    def count_requests(sock: socket.socket) -> None:
        connections.append(0)
        place = len(connections) - 1
        while read_request(sock):
            connections[place] += 1
            sock.sendall(OK)

    with serving(count_requests) as port:
        shown = executed(script, f"http://127.0.0.1:{port}")
    assert connections == [3, 1, 1]
    assert [len(got) for *_, got in statuses(shown)] == [3, 2]


def test_the_last_of_equal_creations_is_what_a_later_step_uses() -> None:
    create = Request("POST", "/v1/payment_methods", (), b"type=card")
    made = [f"pm_Made{number}" for number in range(3)]
    read = Request("GET", f"/v1/payment_methods/{made[-1]}", (), None)
    bodies = [b'{"id": "%s", "object": "payment_method"}' % identifier.encode() for identifier in made]
    steps = [Step("set-up", Exchange(create, 200, (), body), "POST") for body in bodies]
    steps.append(Step("subject", Exchange(read, 200, (), bodies[-1]), "GET"))
    found = Finding(
        "state.same-object", "it differs", Episode("state.same-object", "same", tuple(steps)), 3, id="1234567"
    )
    targets: list[bytes] = []

    def create_objects(sock: socket.socket) -> None:
        while request := read_request(sock):
            targets.append(request.split()[1])
            body = b'{"id": "pm_New%d"}' % len(targets)
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    with serving(create_objects) as port:
        executed(script_for([found], "", Ways()), f"http://127.0.0.1:{port}")
    assert targets == [b"/v1/payment_methods"] * 3 + [b"/v1/payment_methods/pm_New3"]


def test_nothing_that_a_server_or_an_attempt_says_can_run(tmp_path: Path) -> None:
    touch = f"touch {tmp_path}/was-here"
    hostile = f"'; {touch}; $({touch}) `{touch}`\n{touch}\r{touch}\u2028{touch}"
    one = finding(
        "body.unknown-parameter",
        exchange(200, SUCCESS, sent=f"customer=cus_Example0&foo={hostile}"),
        observed=hostile,
        attempt=hostile,
        bindings={"customer": "cus_Example0", "payment_method": "pm_Example0"},
    )
    script = script_for([replace(one, id="1234567")], "", Ways())
    with running(api_key=KEY) as server:
        executed(script, server.url)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("command", "written"),
    [
        ("send customer=cus_Ab3dEf9h1", 'send customer="${customer}"'),
        ("send 'a=cus_Ab3dEf9h1&b'", "send 'a='\"${customer}\"'&b'"),
        ("send 'a=cus_Ab3dEf9h1'", "send 'a='\"${customer}\""),
        ("send 'cus_Ab3dEf9h1&b'", "send \"${customer}\"'&b'"),
        ('send "Key: cus_Ab3dEf9h1"', 'send "Key: ${customer}"'),
        ("send cus_Ab3dEf9h", 'send "${customer:0:12}"'),
        ("send cus_aB3DeF9H1", 'send "cus_$(printf %s "${customer##*_}" | tr a-zA-Z A-Za-z)"'),
        ("send CUS_AB3DEF9H1", 'send "${customer^^}"'),
        ("send us_Ab3dEf9h1", 'send "${customer#?}"'),
        ("send cus_Other", "send cus_Other"),
    ],
)
def test_variables_take_the_place_of_ids_in_any_quotes_and_form(command: str, written: str) -> None:
    assert Variables({"cus_Ab3dEf9h1": "customer"}).in_shell(command) == written
