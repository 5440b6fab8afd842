"""Comparing shows just what differs, each systematic difference once, and nothing that differs from run to run."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.examples import exchange
from benchmarks.forging import rewritten
from conformance.commands.compare.comparison import CannotCompare, Comparison, compare
from conformance.commands.compare.differences import ABSENT, Difference, differences
from conformance.commands.compare.masking import Mask
from conformance.commands.compare.page import html_page, markdown_page
from conformance.evidence.episode import Episode, Step
from conformance.evidence.exchange import TIMED_OUT
from conformance.fixtures.forms import RUN
from conformance.verdict.record import RECORD_FILE, BrokenRecord, Record
from conformance.verdict.run import ExitStatus
from meta_tests.command_line import Command, command_line
from meta_tests.conftest import AGAIN, Recorded
from reference import running

KEY = "sk_test_comparing0123456789abcdef"


@pytest.fixture(scope="module")
def records(recorded: Recorded) -> Mapping[str, Path]:
    return recorded(("good", AGAIN, "uncached", "obeying", "contract", "other seed"))


@pytest.fixture(scope="module")
def uncached(records: Mapping[str, Path]) -> Comparison:
    return compare(*(Record.read(records[name]) for name in ("good", "uncached")))


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return command_line("compare", KEY, monkeypatch, capsys)


@pytest.mark.long
def test_a_server_is_like_itself_whatever_ids_it_makes(records: Mapping[str, Path], command: Command) -> None:
    status, shown = command(records["good"], records[AGAIN])
    assert status == ExitStatus.CONFORMS, shown
    alike = re.match(r"### .+ and .+ are alike in all (\d+) answers that were compared\.\n", shown)
    assert alike is not None, shown
    assert int(alike[1]) > 600


def test_one_defect_is_one_clause_and_one_line_with_a_count(
    uncached: Comparison, records: Mapping[str, Path], command: Command
) -> None:
    comparison = uncached
    assert [one.a.clause.slug for one in comparison.outcomes] == ["header.cache-control"]
    (group,) = comparison.groups
    assert (group.difference.part, group.difference.place, group.difference.b) == ("header", "cache-control", ABSENT)
    assert group.count > 200
    status, shown = command(records["good"], records["uncached"])
    assert status == ExitStatus.DOES_NOT_CONFORM
    assert len(re.findall(r"only in 127\.0\.0\.1:\d+ \|", shown)) == 1


def test_what_a_defect_changes_is_said_with_its_status(records: Mapping[str, Path]) -> None:
    comparison = compare(*(Record.read(records[name]) for name in ("contract", "obeying")))
    assert [one.a.clause.slug for one in comparison.outcomes] == ["request.json-refused"]
    (group,) = (one for one in comparison.groups if "request.json-refused" in one.clauses)
    assert (group.difference.a, group.difference.b) == ("400 invalid_request_error", "200")
    assert group.clauses == ("request.json-refused",)


def test_episodes_that_cannot_be_judged_are_said_to_be_of_the_records(
    records: Mapping[str, Path], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Record) -> Comparison:
        raise BrokenRecord("its episodes cannot be judged")

    monkeypatch.setattr("conformance.commands.compare.command.compare", fail)
    status, shown = command(records["good"], records["good"])
    assert status == ExitStatus.WRONG_USAGE
    assert "one of the records cannot be compared: its episodes" in shown


def test_what_makes_runs_unlike_is_said(records: Mapping[str, Path], command: Command, tmp_path: Path) -> None:
    _, shown = command(records["contract"], records["other seed"])
    assert "**Beware:** the first was run with seed 1, the second with 2: what was drawn differs" in shown
    record = Record.read(records["contract"])
    cut = rewritten(record, log=[], footer={**record.footer, "interrupted": True})
    (tmp_path / RECORD_FILE).write_bytes(cut.content)
    status, shown = command(records["contract"], tmp_path / RECORD_FILE)
    assert (status, shown.count("no attempt in common")) == (ExitStatus.WRONG_USAGE, 1)
    with pytest.raises(CannotCompare):
        compare(record, cut)


def test_a_run_that_did_not_reach_its_target_cannot_be_compared(
    records: Mapping[str, Path], command: Command, tmp_path: Path
) -> None:
    record = Record.read(records["contract"])
    footer = {**record.footer, "diagnosis": {"what": "the connection was refused", "hint": "start it"}}
    (tmp_path / RECORD_FILE).write_bytes(rewritten(record, log=[], footer=footer, concluded=False).content)
    status, shown = command(records["contract"], tmp_path / RECORD_FILE)
    assert status == ExitStatus.UNREACHABLE, shown
    assert "nothing was tested: the connection was refused" in shown


def test_the_pages_are_written_and_need_nothing_else(
    records: Mapping[str, Path], command: Command, tmp_path: Path
) -> None:
    page, text = tmp_path / "page.html", tmp_path / "page.md"
    _, shown = command(records["good"], records["uncached"], "--html", page, "--markdown", text)
    (a, b) = re.findall(r"127\.0\.0\.1:\d+", shown)
    assert shown == f"{a} and {b} differ in the outcome of 1 clause, and their answers in 1 way.\n"
    assert f"header `cache-control` only in {a}" in text.read_text()
    written = page.read_text()
    assert f"header <code>cache-control</code> only in {a}" in written
    assert not re.search(r"<(script|link|img)|url\(|@import", written)


@pytest.mark.long
def test_two_implementations_are_run_with_one_plan(command: Command, tmp_path: Path) -> None:
    with running(api_key=KEY) as a, running("json-obeyed", api_key=KEY) as b:
        few = ("--profile", "contract", "--budget", "quick", "--seed", "7", "--results", tmp_path)
        status, shown = command("--base-url", a.url, "--against", b.url, *few)
    assert status == ExitStatus.DOES_NOT_CONFORM, shown
    assert f"**: {a.url} (conforms)" in shown
    assert f"**: {b.url} (does not conform)" in shown
    assert "| `request.json-refused` | MUST | ✓ pass | ✗ fail |" in shown
    assert "budget quick, seed 7" in shown
    assert all(Record.read(tmp_path / side / RECORD_FILE).header["options"]["seed"] == 7 for side in "AB")
    assert KEY not in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give two records, or --against B"),
        (["one.jsonl"], "give two records, or --against B"),
        (["--base-url", "http://127.0.0.1:1"], "give two records, or --against B"),
        (["nowhere.jsonl", "nowhere.jsonl"], "nowhere.jsonl cannot be read: No such file or directory"),
        ([__file__, __file__], "it is no record of a run"),
        (["--against", "nobody"], "there is no target 'nobody'"),
        (["--against", "ftp://127.0.0.1"], "must start with http"),
    ],
)
def test_what_cannot_be_compared_is_said_in_one_line(arguments: list[str], said: str, command: Command) -> None:
    status, shown = command(*arguments)
    assert (status, shown.count("\n")) == (ExitStatus.WRONG_USAGE, 1)
    assert said in shown


# one answer against another


def step(status: int | None, body: Any, sent: str = "customer=cus_1", **headers: str) -> Step:
    answer = replace(exchange(status or 200, body, sent=sent), status=status, headers=tuple(headers.items()))
    return Step("subject", answer, bindings={"customer": "cus_1", "payment_method": "pm_ABCDef123456"})


def differing(a: Step, b: Step, expectation: str = "accepted") -> list[Difference]:
    masks = [Mask(one, Episode("x", expectation, (one,))) for one in (a, b)]
    return list(differences(a.exchange, masks[0], b.exchange, masks[1]))


def places(a: Any, b: Any) -> list[tuple[str, str, str, str]]:
    return [(one.about, one.place, one.a, one.b) for one in differing(step(200, a), step(200, b))]


def test_what_is_made_up_anew_does_not_differ() -> None:
    a = {"id": "pm_ABCDef123456", "customer": "cus_1", "created": 1795624552, "fingerprint": "a", "m": "No CUS_1"}
    b = {"id": "pm_ZYXwvu987654", "customer": "cus_1", "created": 1795629999, "fingerprint": "b", "m": "No CUS_1"}
    assert places({**a, "id": "cus_1"}, {**b, "id": "cus_1"}) == []
    assert places({"m": "no ch_1A2b3C4d5E"}, {"m": "no ch_9Z8y7X6w5V"}) == []
    assert places({"m": "key sk_test_****abcd"}, {"m": "key sk_test_****efgh"}) == []
    first, second = (
        step(
            200,
            {},
            **{"Request-Id": f"req_{n}", "Original-Request": f"req_{n}", "Date": f"{n}", "Content-Length": f"{n}"},
        )
        for n in (1, 2)
    )
    assert differing(first, second) == []


@pytest.mark.parametrize("change", [str, str.swapcase, str.upper])
def test_a_key_of_a_run_whose_id_has_no_letters_does_not_differ(change: Callable[[str], str]) -> None:
    """A server cannot write it in another case, and a key of any other run it can."""

    def echoed(run: str) -> Step:
        answer = step(200, {}, **{"Idempotency-Key": f"{change(run)}-DPR0x7Fmdg81"})
        return replace(answer, bindings={**answer.bindings, RUN: run})

    assert differing(echoed("123456789012"), echoed("abcdef789012")) == []


def test_what_is_not_made_up_differs() -> None:
    assert places({"customer": "cus_1"}, {"customer": "pm_ABCDef123456"}) == [
        ("other", "customer", '"‹customer›"', '"‹payment method›"')
    ]
    assert places({"created": 1795624552}, {"created": 1795}) == [("other", "created", '"‹time›"', "1795")]
    assert places({"created": 1795624552}, {"created": None}) == [("other", "created", '"‹time›"', "null")]
    assert places({"n": 1}, {"n": True}) == [("other", "n", "1", "true")]
    assert places({"code": "card_declined"}, {"code": "card_declines"})[0][2:] == ('"card_declined"', '"card_declines"')


def test_a_difference_is_said_once_at_its_own_object() -> None:
    nested = {"object": "payment_method", "customer": {"object": "customer", "email": None}, "card": {"a": 1, "b": 2}}
    other = {"object": "payment_method", "customer": {"object": "customer"}}
    assert places(nested, other) == [
        ("payment_method", "card", '{"a": 1, "b": 2}', ABSENT),
        ("customer", "email", "null", ABSENT),
    ]
    lists = [{"data": [{"x": 1, "y": 1}] * 3}, {"data": [{"x": 2, "y": 1}] * 2}]
    assert places(*lists) == [("other", "data", "3 entries", "2 entries"), ("other", "data[].x", "1", "2")]
    assert [one.about for one in differing(step(400, {"error": {"a": 1}}), step(400, {"error": {"a": 2}}))] == ["error"]


def test_of_answers_with_different_statuses_the_rest_says_nothing() -> None:
    refused = step(400, {"error": {"type": "invalid_request_error", "code": "parameter_missing"}})
    (one,) = differing(refused, step(200, {"id": "x"}, Vary="x"))
    assert (one.part, one.a, one.b) == ("status", "400 invalid_request_error parameter_missing", "200")
    lost = replace(step(None, {}), exchange=replace(step(None, {}).exchange, failure=TIMED_OUT))
    assert [one.b for one in differing(refused, lost)] == [TIMED_OUT]


def test_who_wins_a_race_makes_no_difference() -> None:
    a, b = (
        replace(step(200, {"customer": name}), bindings={"customer": "cus_1", "other_customer": "cus_2"})
        for name in ("cus_1", "cus_2")
    )
    assert [one.place for one in differing(a, b)] == ["customer"]
    assert differing(a, b, "one_winner") == []


def test_what_a_server_answers_cannot_change_the_pages(uncached: Comparison) -> None:
    (group,) = uncached.groups
    evil = "<script>alert(1)</script>|`\n```"
    hostile = replace(group, difference=replace(group.difference, place=evil, a=evil), b=replace(group.b, attempt=evil))
    shown = replace(uncached, groups=(hostile,))
    assert "<script>" not in html_page(shown)
    row = next(line for line in markdown_page(shown).splitlines() if line.startswith(f"| {group.count} "))
    assert len(re.findall(r"(?<!\\)\|", row)) == 7
    assert "<script>" not in row.replace("```` <script>alert(1)</script>\\|` ``` ````", "")
