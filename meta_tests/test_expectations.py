"""Expectations: every error of the file has its line, and a run is weighed strictly both ways."""

from __future__ import annotations

import datetime
import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.examples import SUCCESS, episode, exchange
from conformance.evidence.episode import Finding, Outcome
from conformance.verdict.entries import Kind, refer_to
from conformance.verdict.expectations import (
    Expectation,
    Expectations,
    ExpectationsError,
    Gate,
    parse_expectations,
    proposal,
    weigh,
)
from conformance.verdict.expectations.gate import CUT_SHORT
from conformance.verdict.expectations.proposal import MOST_LISTED
from conformance.verdict.ledger import Ledger
from conformance.verdict.naming import finding_name
from conformance.verdict.results import NOT_SELECTED, ClauseResult, conclude
from contracts import load_catalogue

CATALOGUE = load_catalogue()
TODAY = datetime.date(2026, 6, 15)
GOOD = """\
[[expected]]
clause = "request.json-refused"
outcome = "fail"
reason = "JSON is convenient"
"""


def parse(text: str) -> Expectations:
    return parse_expectations(text.encode(), "known.toml", CATALOGUE, TODAY)


def problems(text: str) -> list[str]:
    with pytest.raises(ExpectationsError) as caught:
        parse(text)
    return [str(problem) for problem in caught.value.problems]


# The file


def test_a_file_says_what_is_expected_and_where() -> None:
    text = (
        "# why\n\n" + GOOD + 'link = "https://example.com/1"\nexpires = 2026-06-15\nflaky = true\nfinding = "200 *"\n'
    )
    (entry,) = parse(text).entries
    assert entry == Expectation(
        clause="request.json-refused",
        outcome=Outcome.FAIL,
        reason="JSON is convenient",
        line=3,
        finding="200 *",
        link="https://example.com/1",
        expires=datetime.date(2026, 6, 15),
        flaky=True,
    )
    assert Expectation.from_json(entry.to_json()) == entry
    assert Expectations.from_json(parse(text).to_json()) == parse(text)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (GOOD.replace("reason", "# reason"), 1, "`reason` is missing"),
        (GOOD.replace("JSON is convenient", "  "), 4, "`reason` must be a text that is not empty"),
        (GOOD.replace('"fail"', "1"), 3, "`outcome` must be a text"),
        (GOOD.replace('clause = "request', '# "request'), 1, "`clause` is missing"),
        (GOOD.replace("json-refused", "json-refusd"), 2, "did you mean request.json-refused?"),
        (GOOD.replace("request.json-refused", "nothing.like-it"), 2, "no clause is called"),
        (GOOD.replace('"fail"', '"pass"'), 3, "cannot be expected"),
        (GOOD.replace('"fail"', '"inconclusive"'), 3, "cannot be expected"),
        (GOOD.replace('"fail"', '"error"'), 3, "cannot be expected"),
        (GOOD.replace('"fail"', '"deviation"'), 3, "is a MUST"),
        (GOOD.replace("request.json-refused", "stripe.too-long"), 3, "is a SHOULD"),
        (GOOD.replace("request.json-refused", "request.query-customer"), 3, "is a MAY"),
        (GOOD + "expires = 2026-06-14\n", 5, "expired on 2026-06-14"),
        (GOOD + 'expires = "2027-01-01"\n', 5, "a date without quotes"),
        (GOOD + "expires = 2027-01-01T00:00:00Z\n", 5, "a date without quotes"),
        (GOOD + 'flaky = "yes"\n', 5, "true or false"),
        (GOOD + 'link = "see the tracker"\n', 5, "must begin with https://"),
        (GOOD + 'expirs = "2027-01-01"\n', 5, "did you mean expires?"),
        (GOOD + GOOD, 5, "covers the same as line 1"),
        (GOOD + GOOD + 'finding = "200"\n', 5, "covers the same as line 1"),
        (GOOD + GOOD.replace('"fail"', '"not-run"'), 5, "it has one outcome"),
        (GOOD.replace("[[expected]]", "[expected]"), 1, "under [[expected]]"),
        ('\nexpected = [{clause = "request.json-refused", outcome = "fail", reason = "x"}]', 2, "under [[expected]]"),
        ("\n\n[[expect]]\n" + GOOD, 3, "`expect` is unknown"),
        (GOOD + "reason = \n", 5, "is not TOML"),
        (GOOD + 'link = "https://\n', 5, "is not TOML"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(text: str, line: int, said: str) -> None:
    (problem,) = problems(text)
    assert problem.startswith(f"known.toml:{line}: ")
    assert said in problem


def test_every_error_is_said_at_once() -> None:
    text = GOOD.replace("reason", "# reason") + GOOD.replace("json-refused", "nothing") + "expires = 2020-01-01\n"
    assert [problem.split(": ")[0] for problem in problems(text)] == ["known.toml:1", "known.toml:6", "known.toml:9"]


def test_what_looks_like_an_entry_within_a_text_is_none() -> None:
    text = GOOD.replace('"JSON is convenient"', '"""\n[[expected]]\nclause = "x"\n"""') + GOOD.replace(
        "request.json-refused", "stripe.nothing"
    )
    assert problems(text)[0].startswith("known.toml:9: no clause")


def test_signs_that_an_editor_adds_change_nothing() -> None:
    text = "\ufeff" + GOOD.replace("is convenient", "is\u2028convenient").replace("\n", "\r\n")
    assert [entry.line for entry in parse(text + GOOD.replace("json-refused", "minimal-body")).entries] == [1, 5]


def test_a_long_file_is_parsed_twice_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    load = tomllib.loads

    def loads(text: str) -> dict[str, Any]:
        parsed.append(text)
        return load(text)

    monkeypatch.setattr(tomllib, "loads", loads)
    text = "".join(f'{GOOD}finding = "{number}"\n' for number in range(100))

    assert len(parse(text).entries) == 100
    assert sum(map(len, parsed)) <= 2 * len(text)


def test_each_entry_repeats_one_other() -> None:
    assert [problem.split(": ")[0] for problem in problems(GOOD * 4)] == [f"known.toml:{line}" for line in (5, 9, 13)]


def test_bytes_that_are_no_text_have_a_line_too() -> None:
    with pytest.raises(ExpectationsError, match=r"known\.toml:2: is not UTF-8"):
        parse_expectations(b"# fine\n# \xff\n", "known.toml", CATALOGUE, TODAY)


# The gate


def finding(slug: str, observed: str = "accepted with 200", invalid: str = "") -> Finding:
    shown = episode("rejected", exchange(200, SUCCESS), clause=slug)
    (step,) = shown.steps
    return Finding(
        slug, observed, replace(shown, steps=(replace(step, attempt=f"POST {invalid or 'customer'}", invalid=invalid),))
    )


def run(*findings: Finding, **entries: Any) -> dict[str, ClauseResult]:
    """The results of a run in which every clause held but those with findings, or as `entries` say."""
    ledger = Ledger()
    for clause in CATALOGUE:
        if not clause.not_tested:
            ledger.entry(clause.slug).held = 1
    for found in findings:
        ledger.entry(found.clause).add_finding(found)
    for slug, (kind, reason) in entries.items():
        entry = ledger.entry(slug)
        entry.held = 0
        entry.add(Kind(kind), reason)
    return conclude(CATALOGUE, ledger)


def weighed(text: str, results: dict[str, ClauseResult], level: str = "must") -> Gate:
    return weigh(parse(text), results, CATALOGUE, profile="stripe", level=level)


JSON = "request.json-refused"


def test_what_is_listed_is_expected_and_still_a_miss() -> None:
    gate = weighed(GOOD, run(finding(JSON)))
    assert gate.is_met
    assert list(gate.expected) == [JSON]
    result = gate.results[JSON]
    assert (result.outcome, result.was, result.expected) == (Outcome.EXPECTED, Outcome.FAIL, "JSON is convenient")


def test_any_other_failure_is_unexpected() -> None:
    gate = weighed(GOOD, run(finding(JSON), finding("request.charset-parameter")))
    assert not gate.is_met
    assert [result.clause.slug for result in gate.unexpected] == ["request.charset-parameter"]


def test_what_passes_is_to_be_removed() -> None:
    gate = weighed(GOOD, run())
    assert not gate.is_met
    assert [(stale.entry.line, stale.why) for stale in gate.stale] == [(1, f"{JSON} is fixed: remove it")]


def test_what_is_flaky_may_pass_or_fail_and_no_other_may_fail() -> None:
    text = GOOD + "flaky = true\n"
    assert weighed(text, run()).is_met
    assert weighed(text, run()).results[JSON].outcome is Outcome.PASS
    assert weighed(text, run(finding(JSON))).expected
    assert not weighed(text + 'finding = "answered 500 *"\n', run(finding(JSON))).is_met


def test_only_the_finding_that_is_named_is_expected() -> None:
    known = finding("body.unknown-parameter", invalid="id: the contract has no such property")
    new = finding("body.unknown-parameter", invalid="foo: the contract has no such property")
    text = GOOD.replace(JSON, "body.unknown-parameter")
    pinned = text + f'finding = "{finding_name(known)}"\n'
    assert weighed(text, run(new)).is_met, "without `finding` the clause may be missed in any way"
    assert weighed(pinned, run(known)).is_met
    both = weighed(pinned, run(known, new))
    assert not both.silent, "what was listed was seen, too"
    shown = both.results["body.unknown-parameter"]
    assert (shown.outcome, shown.reason) == (Outcome.FAIL, new.observed)
    assert shown.listed == {finding_name(known): "JSON is convenient"}
    assert [result.findings[0] for result in both.unexpected] == [new], "what is new comes first"
    assert not both.stale
    other = weighed(pinned, run(new))
    assert other.unexpected
    assert not other.stale, "it may yet be so, behind what is new"
    assert list(other.silent.values()) == ["the clause failed in another way"]
    listed = weighed(pinned + text + f'finding = "{finding_name(new)}"\n', run(new))
    assert not listed.unexpected
    assert "is fixed: remove it (left: " in listed.stale[0].why


def test_of_two_entries_the_one_without_a_finding_is_to_be_removed() -> None:
    text = GOOD + 'finding = "accepted *"\n' + GOOD + 'finding = "answered 500 *"\n'
    gate = weighed(text, run(finding(JSON)))
    assert list(gate.expected) == [JSON]
    assert [stale.entry.line for stale in gate.stale] == [6]


@pytest.mark.parametrize("attribute", ["inconclusive", "error", "lacking"])
def test_set_up_errors_satisfy_no_expectation(attribute: str) -> None:
    for outcome in ("fail", "not-run"):
        text = GOOD.replace('"fail"', f'"{outcome}"')
        gate = weighed(text, run(**{JSON: (attribute, "time is out")}))
        assert not gate.expected
        assert [result.clause.slug for result in gate.undecided] == [JSON]
        assert not gate.stale, "the entry may yet be true"
        assert [entry.clause for entry in gate.silent] == [JSON]


def test_a_clause_that_the_target_spoils_has_to_be_listed() -> None:
    spoiled = run(**{JSON: ("not-run", "answered 500")})
    assert [result.clause.slug for result in weighed("", spoiled).unexpected] == [JSON]
    text = GOOD.replace('"fail"', '"not-run"')
    assert weighed(text + 'finding = "answered 500"\n', spoiled).is_met
    assert not weighed(text + 'finding = "answered 502"\n', spoiled).is_met
    assert "change `outcome`" in weighed(GOOD, spoiled).stale[0].why
    assert "is run" in weighed(text, run(finding(JSON))).stale[0].why


def test_what_rests_on_an_expected_failure_needs_no_entry_and_has_none() -> None:
    root = GOOD.replace(JSON, "body.unknown-parameter")
    results = run(finding("body.unknown-parameter"), finding("body.unknown-parameter-nested"))
    assert weighed(root, results).is_met
    nested = GOOD.replace(JSON, "body.unknown-parameter-nested")
    assert "not run while body.unknown-parameter fails" in weighed(root + nested, results).stale[0].why
    alone = weighed(nested, results)
    assert [result.clause.slug for result in alone.unexpected] == ["body.unknown-parameter"]
    assert not alone.stale


def test_deviations_count_at_their_level_alone() -> None:
    missed = run(finding("stripe.too-long"))
    text = GOOD.replace(JSON, "stripe.too-long").replace('"fail"', '"deviation"')
    assert weighed("", missed).is_met
    assert not weighed("", missed, level="should").is_met
    assert weighed(text, missed, level="should").is_met
    assert weighed(text, missed).results["stripe.too-long"].outcome is Outcome.EXPECTED
    assert not weighed(text, run()).is_met


def test_what_was_not_selected_is_left_alone() -> None:
    unselected: dict[str, Any] = {"outcome": Outcome.NOT_RUN, "reason": NOT_SELECTED, "selected": False}
    results = {slug: replace(result, **unselected) for slug, result in run().items()}
    gate = weighed(GOOD, results)
    assert gate.is_met
    assert [entry.clause for entry in gate.silent] == [JSON]


def test_what_lies_beyond_the_profile_is_left_alone() -> None:
    text = GOOD.replace(JSON, "stripe.parameter-unknown")
    for results in (run(), run(finding("body.unknown-parameter"))):
        gate = weigh(parse(text), results, CATALOGUE, profile="contract", level="must")
        assert not gate.stale
        assert [entry.clause for entry in gate.silent] == ["stripe.parameter-unknown"]


def test_a_clause_that_other_tests_alone_have_touched_is_left_alone() -> None:
    gate = weigh(parse(GOOD), run(), CATALOGUE, profile="stripe", level="must", unheard={JSON})
    assert gate.is_met
    assert [entry.clause for entry in gate.silent] == [JSON]


def test_what_does_not_apply_is_to_be_removed() -> None:
    gate = weighed(GOOD, run(**{JSON: ("not-applicable", "no JSON here")}))
    assert "does not apply to this target" in gate.stale[0].why


@pytest.mark.parametrize("made", ["PM_LHAH241NMFG9", "158763941174545309a", "7f3c2f5e-1b2a-4c55-9d7e-0a1b2c3d4e5f"])
def test_an_id_that_a_server_makes_in_its_own_form_is_in_no_name(made: str) -> None:
    shown = replace(finding(JSON), observed=f"the new payment method's `id` is '{made}'")
    (step, *others) = shown.episode.steps
    answer = replace(step.exchange, body=json.dumps({"id": made}).encode())
    steps = (replace(step, exchange=answer), *others)
    shown = replace(shown, episode=replace(shown.episode, steps=steps))
    assert str(finding_name(shown)) == "the new payment method's `id` is '‹id›' | POST customer"


def test_names_of_findings_are_the_same_in_every_run() -> None:
    shown = replace(finding(JSON), observed="attached to cus_Abcdef12, then to own; created 1790000000, pm_card_visa")
    shown = replace(shown, episode=replace(shown.episode, fixtures={"customer": "own"}))
    assert (
        str(finding_name(shown))
        == "attached to ‹cus›, then to ‹customer›; created ‹number›, pm_card_visa | POST customer"
    )


# The proposal


def proposed(text: str, results: dict[str, ClauseResult], level: str = "must") -> str:
    gate = weighed(text, results, level)
    return proposal(gate, CATALOGUE, profile="stripe", level=level, date=TODAY)[0]


def test_what_is_proposed_is_borne_out_by_the_run_and_by_no_better_one() -> None:
    hard = finding(JSON, 'said "no"\\ \n\x07 é “*”', invalid="x\ty")
    server = finding("error.status-class", "answered 500", invalid="a")
    results = run(hard, server, finding("stripe.too-long"), **{"auth.malformed": ("not-run", "answered 500")})
    for level in ("must", "should"):
        text = proposed("", results, level)
        gate = weighed(text, results, level)
        assert gate.is_met, text
        assert not gate.silent
        assert not weighed(text, run(), level).is_met
        assert ("stripe.too-long" in gate.expected) == (level == "should")
    assert tomllib.loads(text)["expected"][0]["clause"] == JSON
    assert "observed on 2026-06-15: answered 500" in text
    elsewhere = run(hard, finding("error.status-class", "answered 500", invalid="b"), finding("stripe.too-long"))
    assert JSON in weighed(text, elsewhere).expected
    assert [one.clause.slug for one in weighed(text, elsewhere).unexpected] == ["error.status-class"]


def test_nothing_is_proposed_of_what_could_not_be_judged() -> None:
    for attribute in ("inconclusive", "error", "lacking"):
        assert "[[expected]]" not in proposed("", run(**{JSON: (attribute, "time is out")}))


def test_a_new_proposal_keeps_the_reasons_of_the_old_file() -> None:
    old = GOOD + "expires = 2026-12-31\n" + GOOD.replace(JSON, "auth.missing")
    text = proposed(old, run(finding(JSON), finding("request.charset-parameter")))
    entries = tomllib.loads(text)["expected"]
    assert [entry["clause"] for entry in entries] == ["request.charset-parameter", JSON]
    assert entries[1]["reason"] == "JSON is convenient"
    assert entries[1]["expires"] == datetime.date(2026, 12, 31)


def test_a_clause_that_is_missed_in_another_way_keeps_its_reason() -> None:
    old = GOOD + 'finding = "answered 500 | a"\nexpires = 2026-12-31\n'
    (entry,) = tomllib.loads(proposed(old, run(finding(JSON, "accepted with 200", invalid="b"))))["expected"]
    assert entry["finding"] == "accepted with 200 | b"
    assert entry["reason"] == "JSON is convenient"
    assert entry["expires"] == datetime.date(2026, 12, 31)


def test_each_proposed_entry_has_a_reason_of_its_own() -> None:
    ways = [finding(JSON, f"answered {status}", invalid=str(status)) for status in (200, 201, 202)]
    old = "".join(
        GOOD.replace("JSON is convenient", f"reason {number}") + f'finding = "gone {number} | x"\n' for number in (1, 2)
    )
    kept = GOOD + f'finding = "{finding_name(ways[0])}"\n'
    for text in (old, old + kept):
        entries = tomllib.loads(proposed(text, run(*ways)))["expected"]
        reasons = {entry["finding"]: entry["reason"] for entry in entries}
        assert len(set(reasons.values())) == len(ways)
        assert "answered 202, for 202" in reasons[str(finding_name(ways[2]))]
    assert reasons[str(finding_name(ways[0]))] == "JSON is convenient"


@pytest.mark.parametrize(("count", "listed"), [(MOST_LISTED, MOST_LISTED), (MOST_LISTED + 1, 1)])
def test_few_requests_with_one_failure_are_listed_one_by_one(count: int, listed: int) -> None:
    requests = [finding("error.status-class", "answered 500", invalid=f"request {number}") for number in range(count)]
    text = proposed("", run(*requests))
    assert len(tomllib.loads(text)["expected"]) == listed
    assert weighed(text, run(*requests)).is_met
    another = finding("error.status-class", "answered 500", invalid="an ordinary request")
    assert weighed(text, run(*requests, another)).is_met is (listed == 1)


def test_a_target_that_ended_has_fixed_nothing() -> None:
    known = finding(JSON), finding(JSON, invalid="another")
    text = proposed("", run(*known))
    ended = run(
        known[0],
        finding("robustness.still-serving", "ended"),
        **{"auth.malformed": ("not-run", refer_to("robustness.still-serving"))},
    )
    gate = weighed(text, ended)
    assert [result.clause.slug for result in gate.unexpected] == ["robustness.still-serving"]
    assert not gate.stale
    assert weighed(text, run(known[0])).stale


@pytest.mark.parametrize("gone", ["the target did not come back within 15 s", "sent 100 requests"])
def test_what_was_left_is_neither_new_nor_fixed(gone: str) -> None:
    text = proposed("", run(finding(JSON), finding("request.charset-parameter")))
    gate = weighed(text, run(finding(JSON), **{"auth.malformed": ("left", gone)}))
    assert gate.is_met
    assert [result.clause.slug for result in gate.undecided] == ["auth.malformed"]
    assert list(gate.silent.values()) == [CUT_SHORT]


def test_one_of_several_failures_is_not_fixed_while_something_else_is_new() -> None:
    known = finding(JSON), finding(JSON, invalid="another")
    gate = weighed(proposed("", run(*known)), run(known[0], finding("request.charset-parameter")))
    assert not gate.stale
    assert list(gate.silent.values()) == ["the clause failed in another way"]


def test_a_clause_about_headers_is_met_by_whichever_answer() -> None:
    text = proposed("", run(finding("header.request-id", "a 400 without Request-Id", invalid="a")))
    assert weighed(text, run(finding("header.request-id", "a 400 without Request-Id", invalid="b"))).is_met


def test_the_file_is_read_from_where_the_user_is(tmp_path: Path) -> None:
    from conformance.verdict.expectations import read_expectations

    with pytest.raises(ExpectationsError, match=r"gone\.toml:1: cannot be read"):
        read_expectations(tmp_path / "gone.toml", "gone.toml", CATALOGUE)
