"""`results.json` and `junit.xml`: their form is published, and each failure in them can be understood from it alone."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from benchmarks.detection import VARIANTS, variant_job
from benchmarks.examples import SUCCESS, exchange
from benchmarks.runs import CATALOGUE, finding, run_with, settings
from benchmarks.suite import Job, run
from conformance.evidence.episode import Finding, Outcome
from conformance.paths import SUITE
from conformance.reports.html import html_page
from conformance.reports.junit import junit_of
from conformance.reports.rendering import results_text
from conformance.reports.sarif import sarif_of
from conformance.reports.terminal import print_summary
from conformance.reports.workflow import summary_of
from conformance.verdict.entries import Entry
from conformance.verdict.expectations import Expectation, Expectations, weigh
from conformance.verdict.naming import finding_name
from conformance.verdict.record import Record
from conformance.verdict.run import Diagnosis, ExitStatus, Run
from meta_tests.test_finding_ids import Terminal
from strategies.attempt import Request

SCHEMA = json.loads((SUITE / "contracts" / "results.schema.json").read_text(encoding="utf-8"))
UNKNOWN = "body.unknown-parameter"
KNOWN = finding(UNKNOWN, exchange(200, SUCCESS), invalid="id: no such property", attempt_digest="a" * 64)
NEW = finding(UNKNOWN, exchange(200, SUCCESS, sent="customer=cus_1&foo=1"), invalid="foo: no such property")
OTHER = finding("stripe.too-long", exchange(200, SUCCESS))


def weighed(*findings: Finding, level: str = "must") -> Run:
    """Return a run with these findings, of which KNOWN is expected."""
    found: dict[str, list[Finding]] = {}
    for one in findings:
        found.setdefault(one.clause, []).append(one)
    run = run_with(found)
    entry = Expectation(UNKNOWN, Outcome.FAIL, "the id is merged", line=3, finding=str(finding_name(KNOWN)))
    gate = weigh(Expectations("known.toml", (entry,)), run.results, CATALOGUE, profile="stripe", level=level)
    return replace(run, gate=gate, results=gate.results, settings=settings(level=level))


def problems(results: Any) -> list[str]:
    validator = jsonschema_rs.validator_for(SCHEMA)
    return [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(results)]


def test_what_follows_a_request_does_not_make_its_finding_larger() -> None:
    plain = exchange(200, SUCCESS, sent="customer=cus_1")
    followed = replace(finding(UNKNOWN, plain, plain, plain), culprit=0)
    entry = Entry()
    entry.add_finding(NEW)
    entry.add_finding(followed)
    assert entry.findings == [followed, NEW]


@pytest.mark.parametrize(
    "run",
    [
        run_with(),
        run_with({UNKNOWN: [KNOWN, NEW], OTHER.clause: [OTHER]}),
        weighed(KNOWN),
        weighed(KNOWN, NEW),
        weighed(),
        run_with(diagnosis=Diagnosis("it is down", "start it")),
    ],
)
def test_results_have_the_published_form(run: Run) -> None:
    assert not problems(json.loads(results_text(run)))


def test_the_published_form_is_strict() -> None:
    results = json.loads(results_text(weighed(KNOWN, NEW)))
    assert problems({**results, "more": 1})
    assert problems({name: value for name, value in results.items() if name != "verdict"})
    del results["clauses"][UNKNOWN]["findings"][0]["episode"]["steps"]
    assert problems(results)
    assert not problems({"verdict": "internal-error", "exit_status": 3, "errors": []})


def test_the_results_of_a_run_have_the_published_form() -> None:
    done = run(Job("published", "json-obeyed", arguments=("--clause", "request.json-refused")))
    assert done.results["clauses"]["request.json-refused"]["findings"]
    assert not problems(done.results)
    assert not problems(run(Job("down", base_url="http://127.0.0.1:9")).results)


# A listed and another way to miss a clause


def test_another_way_to_miss_a_listed_clause_is_shown_as_that_and_the_listed_one_as_expected() -> None:
    both = weighed(KNOWN, NEW)
    results = both.to_json()
    clause = results["clauses"][UNKNOWN]
    assert clause["outcome"] == "fail"
    assert [one["expected"] for one in clause["findings"]] == ["", "the id is merged"]
    assert clause["findings"][0]["episode"]["steps"][0]["invalid"] == "foo: no such property"
    assert results["expectations"]["unexpected"] == [UNKNOWN]
    assert not results["expectations"]["silent"]

    terminal = Terminal()
    print_summary(terminal, both)
    assert (
        f"  unexpected: {UNKNOWN}: accepted with 200: POST customer=‹customer›  [foo: no such property]"
        in terminal.text
    )
    assert "    as expected: the id is merged" in terminal.text
    assert "left alone" not in terminal.text

    page = html_page(both)
    new, listed = page.index("foo: no such property"), page.index("<b>As expected</b> the id is merged")
    assert new < listed
    assert page.count("<b>As expected</b>") == 1
    assert "also, as expected: the id is merged" in summary_of(results)


def test_what_is_fixed_is_said_to_be() -> None:
    fixed = weighed()
    terminal = Terminal()
    print_summary(terminal, fixed)
    said = f"known.toml:3: {UNKNOWN} is fixed: remove it"
    assert said in terminal.text
    deciding = [line for line in terminal.text.splitlines() if line.endswith("← decides the exit status")]
    assert [line.partition(":")[0] for line in deciding] == ["known.toml"]
    assert said in html_page(fixed)
    assert said in junit_of(fixed, {}).decode()


# JUnit


IDS = {"payment_method": "pm_" + "x" * 40, "customer": "cus_1", "customer in upper case": "CUS"}


@pytest.mark.parametrize(
    ("sent", "headers"),
    [
        ("customer=cus_1", (("Idempotency-Key", "a"),)),
        ("customer=cus_1&expand[]=x", ()),
        ("customer=CUSTOMER", ()),
    ],
)
def test_a_plain_request_with_long_ids_is_smaller_than_one_with_a_header_or_a_parameter_more(
    sent: str, headers: tuple[tuple[str, str], ...]
) -> None:
    def with_request(target: str, body: str, others: tuple[tuple[str, str], ...]) -> Finding:
        request = Request("POST", target, (("Accept", "application/json"), *others), body.encode())
        return finding(UNKNOWN, replace(exchange(200, SUCCESS), request=request), bindings=IDS)

    plain = with_request(f"/v1/payment_methods/{IDS['payment_method']}/attach", "customer=cus_1", ())
    other = with_request("/v1/payment_methods/pm_card_visa/attach", sent, headers)
    other = replace(other, episode=replace(other.episode, steps=(replace(other.episode.steps[0], attempt="P"),)))
    entry = Entry()
    entry.add_finding(other)
    entry.add_finding(plain)
    assert entry.findings == [plain, other]


def cases(run: Run) -> dict[str, ET.Element]:
    root = ET.fromstring(junit_of(run, {UNKNOWN: 1.25}))
    assert not list(root.iter("property"))
    return {case.attrib["name"]: case for case in root.iter("testcase")}


def test_a_case_is_a_clause_and_a_failure_says_all_that_it_takes() -> None:
    found = cases(run_with({UNKNOWN: [NEW], OTHER.clause: [OTHER]}))
    assert set(found) == {clause.slug for clause in CATALOGUE.within("stripe") if not clause.not_tested}
    failed = [slug for slug, case in found.items() if case.find("failure") is not None]
    assert failed == [UNKNOWN], "a deviation decides nothing"
    assert found[UNKNOWN].attrib["time"] == "1.25"
    failure = found[UNKNOWN].find("failure")
    assert failure is not None
    text = failure.text or ""
    assert failure.attrib["message"] == "accepted with 200"
    for part in (
        "POST /v1/payment_methods/",
        "customer=cus_1&foo=1",
        "Authorization: Bearer $STRIPE_API_KEY",
        "200 OK",
        '"object": "payment_method"',
        "expected:   a rejection (4xx)",
        "observed:   accepted with 200",
        "attach-conformance replay ",
    ):
        assert part in text, part


def test_a_deviation_fails_where_it_decides_and_what_is_expected_is_skipped() -> None:
    strict = cases(weighed(KNOWN, OTHER, level="should"))
    assert strict[OTHER.clause].find("failure") is not None
    skipped = strict[UNKNOWN].find("skipped")
    assert skipped is not None
    assert skipped.attrib["message"] == "expected fail: the id is merged"


def test_a_target_that_cannot_be_tested_is_one_error() -> None:
    (case,) = cases(run_with(diagnosis=Diagnosis("it is down", "start it"))).values()
    assert case.find("error") is not None


def test_the_job_summary_is_short_and_names_the_script(tmp_path: Path) -> None:
    summary = summary_of(run_with({UNKNOWN: [NEW], OTHER.clause: [OTHER]}).to_json())
    assert "[reproduce.sh](reproduce.sh)" in summary
    assert "#!/usr/bin/env bash" not in summary
    assert len(summary.splitlines()) < 40


def sarif(run: Run) -> dict[str, Any]:
    (log,) = json.loads(sarif_of(run))["runs"]
    assert isinstance(log, dict)
    return log


def test_code_scanning_gets_each_finding_at_its_entry_and_the_expected_ones_suppressed() -> None:
    run = weighed(KNOWN, NEW, OTHER)
    log = sarif(run)
    assert [rule["id"] for rule in log["tool"]["driver"]["rules"]] == [UNKNOWN, OTHER.clause]
    found = {(one["ruleId"], one["partialFingerprints"]["finding/v1"]): one for one in log["results"]}
    assert len(found) == 3
    new, known, other = log["results"]
    assert known["suppressions"] == [{"kind": "external", "justification": "the id is merged"}]
    assert "suppressions" not in new
    assert NEW.observed in new["message"]["text"]
    assert "replay" in new["message"]["text"]
    places = [one["locations"][0]["physicalLocation"] for one in (known, new, other)]
    assert [place["artifactLocation"]["uri"] for place in places] == ["known.toml"] * 3
    assert [place["region"]["startLine"] for place in places] == [3, 1, 1]
    assert log["invocations"][0]["exitCode"] == ExitStatus.DOES_NOT_CONFORM
    assert log["invocations"][0]["executionSuccessful"]


def test_code_scanning_gets_deviations_as_warnings_and_no_place_without_expectations() -> None:
    deviation = finding("header.cache-control", exchange(200, SUCCESS))
    (one,) = sarif(run_with({deviation.clause: [deviation]}))["results"]
    assert one["level"] == "warning"
    assert "physicalLocation" not in one["locations"][0]
    assert one["locations"][0]["logicalLocations"][0]["fullyQualifiedName"].startswith("POST /v1/")


def test_a_run_without_a_verdict_is_no_successful_execution() -> None:
    log = sarif(run_with(diagnosis=Diagnosis("it is down", "start it")))
    assert not log["invocations"][0]["executionSuccessful"]
    (note,) = log["invocations"][0]["toolExecutionNotifications"]
    assert note["message"]["text"] == "it is down — start it"


@pytest.mark.parametrize("name", ["no-provisioning", "customers-are-not-looked-up", "no-deletion", "no-detach"])
def test_a_record_is_read_for_all_that_a_target_may_lack(name: str, tmp_path: Path) -> None:
    job = variant_job(VARIANTS[name], "stripe", "quick")
    run(replace(job, arguments=(*job.arguments, f"--results={tmp_path}"), clauses=("request.minimal-body",)))
    assert Record.at(tmp_path / "run.jsonl").outcomes["request.minimal-body"] == Outcome.PASS
