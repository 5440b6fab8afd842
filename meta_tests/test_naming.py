"""Naming: one defect shows under one clause, even if the tests of others met it in passing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.examples import CUSTOMER, ERROR, SUCCESS, but, episode, exchange
from conformance.evidence.episode import Episode, Finding, Outcome, Step
from conformance.evidence.exchange import Exchange
from conformance.judge import all_kept, judge, replayed
from conformance.judge.incidental import used_incidentally
from conformance.judge.reads import number_listed
from conformance.verdict.ledger import SERVER_ERRORS, STILL_SERVING, UNSTEADY, Ledger
from conformance.verdict.results import conclude
from contracts import load_catalogue, published_contract
from strategies import invalid, malformed
from strategies.attempt import Attempt, Request
from strategies.ordinary import ordinary_counterpart
from strategies.refusals import NO_CUSTOMER, NO_PAYMENT_METHOD, UNKNOWN_PATH
from strategies.valid import EXPANDED, MINIMAL

CATALOGUE = load_catalogue()
CONTRACT = published_contract()

WITH_EXPAND = "customer=cus_1&expand[]=customer"
WITH_TWO = "customer=cus_1&expand[]=card&expand[]=customer"
TWICE = "customer=cus_1&expand[]=customer&expand[]=customer"


def finding_of(clause: str, answer: Exchange, expectation: str = "accepted") -> Finding:
    """Return what the judge finds of an episode that breaks `clause`."""
    found = judge(episode(expectation, answer, clause=clause, kind="wire"), CONTRACT, CATALOGUE).findings
    (own,) = (finding for finding in found if finding.clause == clause)
    return own


def concluded(*findings: Finding) -> dict[str, tuple[str, str]]:
    """Return outcome and reason of the clauses of these findings, concluded together."""
    ledger = Ledger()
    for finding in findings:
        ledger.entry(finding.clause).add_finding(finding)
    results = conclude(CATALOGUE, ledger)
    return {finding.clause: (results[finding.clause].outcome, results[finding.clause].reason) for finding in findings}


@pytest.mark.parametrize(
    ("sent", "used"),
    [
        ("customer=cus_1", set()),
        (WITH_EXPAND, {"expand.accepted", "expand.inlined"}),
        ("customer=cus_1&expand[0]=customer", {"expand.accepted", "expand.inlined", "expand.indexed"}),
        (WITH_TWO, {"expand.accepted", "expand.inlined", "expand.every-entry"}),
        (TWICE, {"expand.accepted", "expand.inlined", "expand.every-entry", "expand.duplicates"}),
    ],
)
def test_a_finding_names_the_features_of_expand_that_its_request_uses(sent: str, used: set[str]) -> None:
    finding = finding_of("state.model", exchange(400, ERROR, sent=sent))
    assert set(finding.rests_on) == used


def test_a_finding_of_brackets_rests_on_the_plainest_use_of_them() -> None:
    finding = finding_of("stripe.parameter-unknown", exchange(400, ERROR, sent="customer=cus_1&foo[bar]=1"))
    assert "expand.accepted" in finding.rests_on


def test_a_refusal_that_attaches_is_first_of_all_a_refusal_that_changes_something() -> None:
    steps = (
        Step("subject", exchange(401, ERROR)),
        Step("follow-up", exchange(200, SUCCESS, method="GET")),
    )
    (finding,) = judge(Episode("auth.missing", "locked_out", steps), CONTRACT, CATALOGUE).findings
    assert finding.clause == "auth.missing"
    assert "state.refusal-changes-nothing" in finding.rests_on


@pytest.mark.parametrize(
    ("expectation", "used"), [("same_object", {"response.livemode"}), ("rejected", set()), ("survived", set())]
)
def test_a_body_that_is_wrong_in_itself_matters_where_bodies_are_compared(expectation: str, used: set[str]) -> None:
    answer = exchange(200, but(SUCCESS, livemode=True))
    assert set(used_incidentally(answer, episode(expectation, answer), CONTRACT)) == used


def test_a_success_breaks_a_rejection_by_itself_whatever_its_request_uses() -> None:
    answer = exchange(200, SUCCESS, sent=f"{WITH_TWO}&foo=1")
    assert set(used_incidentally(answer, episode("rejected", answer), CONTRACT)) == {"expand.every-entry"}
    answer = exchange(200, SUCCESS, sent=f"{WITH_EXPAND}&foo=1")
    assert not used_incidentally(answer, episode("locked_out", answer), CONTRACT)


def test_a_finding_survives_its_record() -> None:
    finding = finding_of("state.model", exchange(400, ERROR, sent=WITH_EXPAND))
    assert Finding.from_json(json.loads(json.dumps(finding.to_json()))).rests_on == finding.rests_on


def test_what_uses_a_broken_feature_in_passing_is_not_run() -> None:
    root = finding_of("expand.accepted", exchange(400, ERROR, sent=WITH_EXPAND))
    passing = finding_of("state.race", exchange(400, ERROR, sent=WITH_EXPAND))
    assert concluded(passing)["state.race"][0] is Outcome.FAIL
    assert concluded(root, passing) == {
        "expand.accepted": (Outcome.FAIL, root.observed),
        "state.race": (Outcome.NOT_RUN, "see expand.accepted"),
    }


def test_a_failure_without_the_broken_feature_still_counts() -> None:
    root = finding_of("expand.every-entry", exchange(400, ERROR, sent=WITH_TWO))
    passing = finding_of("body.unknown-parameter", exchange(200, SUCCESS, sent=f"{WITH_TWO}&foo=1"), "rejected")
    plain = finding_of("body.unknown-parameter", exchange(200, SUCCESS, sent="customer=cus_1&foo=1"), "rejected")
    assert concluded(root, passing)["body.unknown-parameter"][0] is Outcome.NOT_RUN
    assert concluded(root, passing, plain)["body.unknown-parameter"][0] is Outcome.FAIL


def test_a_server_that_serves_nobody_does_not_fail_for_what_is_odd() -> None:
    turned_away = finding_of("error.status-class", exchange(503, ERROR), "answered_well")
    odd = finding_of("robustness.chunked-body", exchange(503, ERROR), "survived")
    crash = finding_of("robustness.quotes", exchange(500, ERROR), "survived")
    assert concluded(turned_away, odd, crash) == {
        "error.status-class": (Outcome.FAIL, turned_away.observed),
        "robustness.chunked-body": (Outcome.NOT_RUN, "see error.status-class"),
        "robustness.quotes": (Outcome.FAIL, crash.observed),
    }
    assert concluded(odd)["robustness.chunked-body"][0] is Outcome.FAIL


def test_a_root_cause_never_rests_on_what_rests_on_it() -> None:
    root = finding_of("expand.accepted", exchange(400, ERROR, sent=WITH_EXPAND))
    ledger = Ledger()
    ledger.entry("expand.accepted").add_finding(replace(root, rests_on=("expand.inlined",)))
    ledger.entry("expand.inlined").add_finding(replace(root, clause="expand.inlined", rests_on=("expand.accepted",)))
    results = conclude(CATALOGUE, ledger)
    assert results["expand.accepted"].outcome is Outcome.FAIL
    assert results["expand.inlined"].outcome is Outcome.NOT_RUN


@pytest.mark.parametrize(
    ("attempt", "ordinary"),
    [
        (MINIMAL, None),
        (EXPANDED, None),
        (NO_CUSTOMER, None),
        (malformed.quotes()[0], NO_CUSTOMER),
        (malformed.quotes()[2], invalid.unknown_parameter("foo")),
        (malformed.quotes()[3], UNKNOWN_PATH),
        (malformed.control_characters()[4], invalid.unknown_parameter("foo")),
        (malformed.many_expands(), EXPANDED),
        (malformed.odd_path_ids()[0], NO_PAYMENT_METHOD),
        (malformed.malformed_encodings()[0], NO_CUSTOMER),
        (malformed.deep_brackets()[0], invalid.structured_customer("[a]")),
        (malformed.large_bodies()[0], invalid.unknown_parameter("foo")),
        (malformed.no_media_type()[0], MINIMAL),
        (malformed.chunked_bodies()[0], MINIMAL),
    ],
    ids=str,
)
def test_an_odd_attempt_has_the_ordinary_one_of_its_kind(attempt: Attempt, ordinary: Attempt | None) -> None:
    assert ordinary_counterpart(attempt, CONTRACT) == ordinary


def test_an_odd_request_fails_no_clause_where_its_ordinary_one_fails_too() -> None:
    steps = (Step("control", exchange(500, ERROR)), Step("subject", exchange(500, ERROR)))
    failed = judge(Episode("robustness.quotes", "survived", steps), CONTRACT, CATALOGUE)
    assert failed.outcome is Outcome.NOT_RUN
    assert "error.status-class" in failed.broken
    survived = (replace(steps[0], exchange=exchange(400, ERROR)), steps[1])
    assert judge(Episode("robustness.quotes", "survived", survived), CONTRACT, CATALOGUE).outcome is Outcome.FAIL


def listing(*ids: object) -> Exchange:
    """Return a list of objects with these ids; of an id that is no string, the entry itself."""
    entries: list[Any] = [{"id": one} if isinstance(one, str) else one for one in ids]
    answer = exchange(200, {"object": "list", "data": entries})
    return replace(answer, request=Request("GET", f"/v1/payment_methods?customer={CUSTOMER}", (), b""))


@pytest.mark.parametrize(
    ("ids", "count"), [((), 0), (("pm_1",), 1), (("pm_1", "pm_1"), 1), (("pm_1", "pm_2"), 2), (("pm_1", 7), 2)]
)
def test_an_object_that_a_list_shows_twice_is_one(ids: tuple[object, ...], count: int) -> None:
    assert number_listed(listing(*ids)) == count


def test_a_replay_is_not_executed_again_by_a_list_that_shows_all_twice() -> None:
    again = replace(exchange(200, SUCCESS), headers=(("Idempotent-Replayed", "true"),))
    steps = (
        Step("control", exchange(200, SUCCESS)),
        Step("subject", again),
        Step("follow-up", listing("pm_1", "pm_1")),
    )
    assert replayed(Episode("idempotency.replay", "replayed", steps), CONTRACT).outcome is Outcome.PASS
    twice = (*steps[:2], Step("follow-up", listing("pm_1", "pm_2")))
    assert replayed(Episode("idempotency.replay", "replayed", twice), CONTRACT).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("shown", "outcome"),
    [
        ({}, Outcome.PASS),
        ({"id": None}, Outcome.PASS),
        ({"id": "pm_elsewhere"}, Outcome.PASS),
        ({"customer": None}, Outcome.PASS),
        ({"id": "pm_other"}, Outcome.FAIL),
        ({"customer": "cus_other"}, Outcome.FAIL),
    ],
)
def test_a_race_is_lost_by_ids_of_the_other_requests_alone(shown: dict[str, Any], outcome: Outcome) -> None:
    mine = exchange(200, but(SUCCESS, customer="cus_1") | shown, sent="customer=cus_1")
    their = exchange(
        200,
        but(SUCCESS, id="pm_other", customer="cus_other"),
        sent="customer=cus_other",
        payment_method="pm_other",
    )
    case = Episode("state.race", "all_kept", (Step("subject", mine), Step("subject", their)), {"customer": "cus_1"})
    assert all_kept(case, CONTRACT).outcome is outcome


@pytest.mark.parametrize("expand", ["", "&expand[]=customer"], ids=["plain", "expanded"])
@pytest.mark.parametrize("is_object", [False, True], ids=["an id", "an object"])
@pytest.mark.parametrize("other", ["", "&expand[]=customer"], ids=["beside plain", "beside expanded"])
def test_an_answer_at_once_is_expanded_as_its_own_request_asks(*, expand: str, is_object: bool, other: str) -> None:
    """The clauses about `expand` judge what comes where all ask alike."""
    customer = {"id": "cus_1", "object": "customer"} if is_object else "cus_1"
    mine = exchange(200, but(SUCCESS, customer=customer), sent=f"customer=cus_1{expand}")
    their = exchange(400, ERROR, sent=f"customer=cus_1{other}")
    case = Episode("state.race", "all_kept", (Step("subject", mine), Step("subject", their)), {"customer": "cus_1"})
    is_right = expand == other or is_object == bool(expand)
    assert all_kept(case, CONTRACT).outcome is (Outcome.PASS if is_right else Outcome.FAIL)


@pytest.mark.parametrize(
    ("body", "owner"),
    [
        ({"data": SUCCESS}, "response.object"),
        (but(SUCCESS, customer=None), "response.customer"),
        (b"", "response.json"),
    ],
)
def test_a_shape_that_is_wrong_at_any_time_is_no_matter_of_a_race(body: Any, owner: str) -> None:
    """A wrapped or an empty success has no customer to show, neither at once nor alone."""
    mine = exchange(200, body, sent="customer=cus_1&expand[]=customer")
    case = Episode("state.race", "all_kept", (Step("subject", mine),), {"customer": "cus_1"})
    verdict = all_kept(case, CONTRACT)
    assert verdict.outcome is Outcome.FAIL
    assert owner in verdict.rests_on


def test_an_unsteadiness_that_another_clause_explains_hides_nothing() -> None:
    """Nothing is left unreported for a clause that is not reported, or that a single other clause has met."""
    token = finding_of("stripe.test-tokens", exchange(404, ERROR))
    token = replace(token, rests_on=(*token.rests_on, UNSTEADY))
    unsteady = replace(token, clause=UNSTEADY, rests_on=())
    assert concluded(token, unsteady)["stripe.test-tokens"] == (Outcome.NOT_RUN, f"see {UNSTEADY}")
    met = replace(unsteady, seen_at="expand.inlined")
    assert concluded(token, met)["stripe.test-tokens"][0] is Outcome.FAIL


@pytest.mark.parametrize(
    ("crash", "is_explained"),
    [(exchange(500, ERROR, sent=WITH_TWO), True), (exchange(400, ERROR, sent=WITH_TWO), False)],
)
def test_a_server_error_at_a_feature_belongs_to_its_clause_where_that_is_one_too(
    crash: Exchange, is_explained: bool
) -> None:
    owner = Finding("expand.every-entry", "", episode("accepted", crash), 0)
    error = Finding(SERVER_ERRORS, "answered 500", episode("answered_well", exchange(500, ERROR, sent=WITH_TWO)), 0)
    lost = replace(error, clause=STILL_SERVING, episode=episode("outlived", exchange(None, None, sent=WITH_TWO)))
    outcomes = concluded(owner, error, lost)
    assert outcomes["expand.every-entry"][0] is Outcome.FAIL
    for slug in (SERVER_ERRORS, STILL_SERVING):
        assert (outcomes[slug][0] is not Outcome.FAIL) is is_explained


def test_a_crash_belongs_to_the_first_clause_about_what_is_odd_in_its_request() -> None:
    """Two clauses whose requests share what is odd never explain each other away."""
    blank = replace(finding_of("state.model", exchange(400, ERROR)), rests_on=())
    crash = exchange(None, None, sent="customer=cus_1", payment_method="%20pm%22")
    first = replace(blank, clause="robustness.odd-path-id", episode=episode("survived", crash))
    second = replace(first, clause="robustness.path-encoding")
    assert concluded(second)["robustness.path-encoding"][0] is Outcome.FAIL
    outcomes = concluded(first, second)
    assert outcomes["robustness.odd-path-id"][0] is Outcome.FAIL
    assert outcomes["robustness.path-encoding"] == (Outcome.NOT_RUN, "see robustness.odd-path-id")


def test_what_a_request_leaves_behind_explains_that_later_answers_differ() -> None:
    unsteady = Finding(UNSTEADY, "answer 1 of 23 differs", episode("steady", exchange(400, ERROR)), 0)
    spoilt = replace(unsteady, clause=STILL_SERVING, observed="afterwards 400", rests_on=(UNSTEADY,))
    assert concluded(unsteady)[UNSTEADY][0] is Outcome.FAIL
    outcomes = concluded(unsteady, spoilt)
    assert outcomes[STILL_SERVING][0] is Outcome.FAIL
    assert outcomes[UNSTEADY][0] is not Outcome.FAIL
