"""The command `explain`, and the page that says the same."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.examples import CUSTOMER, ERROR, PAYMENT_METHOD, SUCCESS, but, exchange
from benchmarks.runs import finding
from conformance.__main__ import main
from conformance.commands.docs.command import DOCS
from conformance.commands.explain import ALL_CLAUSES, as_markdown, explain, page
from conformance.evidence.episode import Episode, Finding, Step
from conformance.paths import SUITE, program_here
from conformance.reports.details import finding_alone, steps_in_order
from conformance.reports.reproduction import Reached
from conformance.reports.script import SCRIPT_FILE, script_command
from conformance.reports.words import step_in_short
from conformance.verdict.run import ExitStatus
from contracts import load_catalogue
from meta_tests.conftest import Recorded
from strategies.attempt import Request

STATE = "state.refusal-changes-nothing"
CATALOGUE = load_catalogue()
HERE = Reached("http://127.0.0.1:1")
WITHOUT_TEST_OF_ITS_OWN = {
    clause.slug for clause in CATALOGUE if clause.general or clause.chapter == "robustness" or clause.not_tested
}


@pytest.mark.parametrize("slug", [clause.slug for clause in CATALOGUE])
def test_every_clause_says_what_it_demands_and_on_what_ground(slug: str) -> None:
    clause = CATALOGUE[slug]
    text = as_markdown(explain(slug))
    assert clause.statement in text
    assert clause.source in text
    assert all(phrase in text for phrase in clause.admissible)
    assert ("No test sends it: " in text) == bool(clause.not_tested)


@pytest.mark.parametrize("slug", [one.slug for one in CATALOGUE if one.slug not in WITHOUT_TEST_OF_ITS_OWN])
def test_a_clause_with_a_test_says_why(slug: str) -> None:
    assert explain(slug).reasons


@pytest.mark.parametrize("slug", [one.slug for one in CATALOGUE if one.slug not in WITHOUT_TEST_OF_ITS_OWN])
def test_a_clause_with_a_test_shows_requests_that_pass(slug: str) -> None:
    text = as_markdown(explain(slug))
    assert explain(slug).passing
    assert all(line in text for line in explain(slug).passing)


def test_what_passes_is_what_the_clause_demands() -> None:
    assert explain("request.minimal-body").passing[0] == (
        'POST customer=‹customer› → 200 {"id": "‹payment method›", "object": "payment_method", '
        '"customer": "‹customer›", …}'
    )
    (refused,) = explain("body.unknown-parameter").passing
    assert (
        refused
        == "POST customer=‹customer› & foo=1 → 400, type invalid_request_error, code parameter_unknown, param foo"
    )


def test_no_id_of_the_run_is_written_down() -> None:
    lines = [line for clause in CATALOGUE for line in explain(clause.slug).passing]
    assert not [line for line in lines if re.search(r"(pm|cus)_[A-Za-z0-9]{14}", line)]


def test_it_names_the_software_that_breaks_the_clause_and_no_other() -> None:
    broken_by = explain("request.exact-path").broken_by
    assert "Koa" in {target.title for target, _ in broken_by}
    assert {defect.clause for _, defect in broken_by} == {"request.exact-path"}


def test_several_clauses_are_explained_in_the_order_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "response.id", "request.accept"]) == ExitStatus.CONFORMS
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "response.id"
    assert lines.index("request.accept") > lines.index("Why:")


@pytest.mark.slow
def test_it_lists_what_the_recorded_run_found_of_the_clause_and_no_other(
    recorded: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    record = recorded(["bad"])["bad"]
    assert main(["explain", "body.unknown-parameter-nested", "--record", str(record)]) == ExitStatus.CONFORMS
    _, _, findings = capsys.readouterr().out.partition(f"Findings in {record} (the run of ")
    command = re.search(rf"`{program_here()} explain ([0-9a-f]{{7}}) --record {record}`: accepted with 200", findings)
    assert command
    assert main(["explain", command[1], "--record", str(record)]) == ExitStatus.CONFORMS
    assert "request:\n    POST /v1/payment_methods/" in capsys.readouterr().out
    assert main(["explain", "body.unknown-parameter", "--record", str(record)]) == ExitStatus.CONFORMS
    assert "Findings" not in capsys.readouterr().out


def test_a_record_that_is_named_must_be_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "request.accept", "--record", str(tmp_path / "none.jsonl")]) == ExitStatus.WRONG_USAGE
    out, error = capsys.readouterr()
    assert not out
    assert error.count("\n") == 1


def test_an_unknown_clause_is_one_line_with_the_nearest_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "request.exactpath"]) == ExitStatus.WRONG_USAGE
    out, error = capsys.readouterr()
    assert not out
    assert "request.exact-path" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("name", ["nonsense", "abc", "request"])
def test_only_what_is_near_is_suggested(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", name]) == ExitStatus.WRONG_USAGE
    error = capsys.readouterr().err
    assert "did you mean" not in error
    assert ALL_CLAUSES in error


def test_how_to_run_a_clause_alone_is_as_it_is_typed_here(capsys: pytest.CaptureFixture[str]) -> None:
    main(["explain", "request.accept"])
    assert f"Alone: `{program_here()} run --base-url URL --clause request.accept`" in capsys.readouterr().out


BINDINGS = {"customer": CUSTOMER, "payment_method": PAYMENT_METHOD}


def alone(found: Finding, reached: Reached = HERE, script: str = "") -> str:
    return "\n".join(finding_alone(found, CATALOGUE[found.clause], reached, "replay ID", script))


def test_a_finding_is_shown_with_the_whole_exchange_and_without_the_key() -> None:
    whole = but(SUCCESS, metadata={f"name {number}": "value" for number in range(100)})
    request = Request(
        "POST",
        f"/v1/payment_methods/{PAYMENT_METHOD}/attach",
        (("Content-Type", "text/plain"), ("Cookie", "customer=x")),
        b"customer=cus_Example0",
    )
    text = alone(finding("body.unknown-parameter", replace(exchange(200, whole), request=request), bindings=BINDINGS))
    assert "    Cookie: customer=x\n" in text
    assert "    Authorization: Bearer $STRIPE_API_KEY\n" in text
    assert '"name 99": "value"' in text
    assert "response: 200 OK" in text


def test_what_is_cut_of_a_finding_is_counted() -> None:
    text = alone(finding("body.unknown-parameter", exchange(200, "ab c" + "xyz 1234567 " * 9000)))
    assert re.search(r"… [\d,]+ bytes in all|× [\d,]+", text)
    assert len(text) < 100_000


def test_a_curl_command_is_shown_where_one_request_shows_it() -> None:
    one = finding("body.unknown-parameter", exchange(200, SUCCESS), bindings=BINDINGS)
    text = alone(one)
    assert "by curl:    curl -i " in text
    assert PAYMENT_METHOD not in text.partition("by curl:")[2]
    assert "with new objects of yours: customer=ID payment_method=ID" in text
    two = finding("body.unknown-parameter", exchange(200, SUCCESS), exchange(200, SUCCESS), bindings=BINDINGS)
    assert "by curl:" not in alone(two)
    assert "as script:  bash reproduce.sh 1234567 " in alone(two, script="bash reproduce.sh 1234567")


def test_the_customer_that_each_step_shows_stands_behind_it() -> None:
    """The work of a rejection shows in the retrieval after it, and not in the rejection, which is marked."""
    refused = Step("subject", exchange(400, ERROR), "POST")
    steps = (refused, Step("follow-up", exchange(200, SUCCESS), "GET"))
    one = Finding(STATE, "afterwards it is attached", Episode(STATE, "nothing_changed", steps), 0)
    assert list(steps_in_order(one)) == [
        "in order:   ▸ POST → 400",
        f"              GET → 200, customer {CUSTOMER}",
    ]


@pytest.mark.parametrize(
    ("clause", "status", "has_curl"),
    [(STATE, 400, False), (STATE, 500, True), ("response.object", 200, True)],
)
def test_what_is_wrong_by_itself_has_a_curl_line_although_others_stand_before_it(
    clause: str, status: int, has_curl: bool
) -> None:
    ordinary, last = (Step("subject", exchange(one, ERROR), "POST", bindings=BINDINGS) for one in (400, status))
    text = alone(Finding(clause, "it is wrong", Episode(STATE, "steady", (ordinary, last)), 1))
    assert ("by curl:    curl -i " in text) == has_curl
    assert ("where it gets another answer, what came before has a part in it" in text) == has_curl


def test_requests_of_the_clause_that_passed_are_named() -> None:
    found = finding("body.unknown-parameter", exchange(200, SUCCESS), bindings=BINDINGS)
    lines = list(
        finding_alone(found, CATALOGUE[found.clause], HERE, "replay ID", "", ["POST a", "POST b", "POST c", "d"])
    )
    place = lines.index("passed:     POST a")
    assert lines[place + 1 : place + 4] == ["            POST b", "            POST c", "            and 1 more"]


def test_steps_that_are_alike_have_one_line() -> None:
    attach = [Step("subject", exchange(200, SUCCESS), "POST", bindings={"payment_method": f"pm_{n}"}) for n in range(9)]
    steps = (*attach, Step("subject", exchange(500, b"", sent="x"), "POST", bindings={"payment_method": "pm_9"}))
    one = Finding(STATE, "answered 500", Episode(STATE, "steady", steps), 9)
    assert list(steps_in_order(one, 60)) == [
        f"in order:     POST to pm_0 and others, 9 times → 200, customer {CUSTOMER}",
        "            ▸ POST to pm_9 → 500",
    ]


@pytest.mark.parametrize(
    ("headers", "attempt", "shown"),
    [
        ((("Accept", "application/json"), ("content-type", "application/x-www-form-urlencoded")), "POST", "POST"),
        ((("Idempotency-Key", "abc"),), "POST", "POST (Idempotency-Key: abc)"),
        ((("Stripe-Version", "2020-08-27"),), "POST asking for 2020-08-27", "POST asking for 2020-08-27"),
        ((("Cookie", "a=b"),), "POST with a cookie", "POST with a cookie"),
        ((("Idempotency-Key", "k" * 254 + "xy"),), "POST", "POST (Idempotency-Key: kkkkkk…kkkkxy, 256 characters)"),
        (tuple((f"X-{n}", "1") for n in range(5)), "POST", "POST (X-0: 1; X-1: 1; X-2: 1 and 2 more)"),
    ],
)
def test_a_header_that_the_words_do_not_name_stands_behind_them(
    headers: tuple[tuple[str, str], ...], attempt: str, shown: str
) -> None:
    answered = exchange(200, SUCCESS)
    sent = replace(answered, request=replace(answered.request, headers=headers))
    assert step_in_short(Step("subject", sent, attempt)) == shown


def test_the_script_beside_a_record_is_named_where_it_has_the_finding(tmp_path: Path) -> None:
    record = tmp_path / "run.jsonl"
    assert not script_command("1234567", record)
    (tmp_path / SCRIPT_FILE).write_text("finding_1234567() {\n}\n")
    assert script_command("1234567", record) == f"bash {tmp_path / SCRIPT_FILE} 1234567"
    assert not script_command("7654321", record)


def test_a_python_without_the_suite_says_what_to_do_in_one_line() -> None:
    command = [sys.executable, "-S", "-E", "-m", "conformance", "explain", "request.accept"]
    done = subprocess.run(command, cwd=SUITE, capture_output=True, text=True, timeout=60)
    assert done.returncode == ExitStatus.WRONG_USAGE
    assert done.stderr.startswith(f"attach-conformance is not installed in this Python ({sys.executable}): ")
    assert done.stderr.count("\n") == 1


def test_the_page_has_a_section_for_each_clause() -> None:
    written = (DOCS / "explained.md").read_text(encoding="utf-8")
    assert written.endswith(page(CATALOGUE))
    assert [line[3:] for line in written.splitlines() if line.startswith("## ")] == [one.slug for one in CATALOGUE]
