"""The trial: a finding is one where it comes again, and unsteadiness of the server where it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.examples import CUSTOMER, ERROR, SUCCESS, episode, exchange
from benchmarks.runs import finding
from conformance.evidence.episode import Outcome
from conformance.evidence.exchange import CONNECTION_LOST, Exchange
from conformance.verdict.culprits import is_established
from conformance.verdict.entries import Kind
from conformance.verdict.ledger import SERVER_ERRORS, STILL_SERVING, UNSTEADY, Ledger
from conformance.verdict.results import conclude
from conformance.verdict.settlement import settle
from conformance.verdict.trial import CONFIRMATION, FIRST, OF_SERVING, RENEWED, SEARCH, Performed, Trial
from contracts import load_catalogue, published_contract

CLAUSE = "request.minimal-body"
GOOD, BAD = exchange(200, SUCCESS), exchange(400, ERROR)


def broken_by(
    *answers: tuple[str, Exchange], clause: str = CLAUSE, expectation: str = "accepted", **facts: bool
) -> set[str]:
    performed = tuple(
        Performed(part, episode(expectation, answer, clause=clause, kind="wire", **facts)) for part, answer in answers
    )
    return set(settle(Trial(clause, performed), (), published_contract(), load_catalogue()).broken)


@pytest.mark.parametrize(
    ("with_new", "broken"),
    [
        ((), UNSTEADY),
        ((BAD,), UNSTEADY),
        ((BAD, GOOD), UNSTEADY),
        ((GOOD, BAD), UNSTEADY),
        ((BAD, BAD), CLAUSE),
    ],
)
def test_what_comes_again_with_new_customers_each_time_is_no_unsteadiness(
    with_new: tuple[Exchange, ...], broken: str
) -> None:
    again = [(CONFIRMATION, GOOD), (CONFIRMATION, GOOD), *((RENEWED, answer) for answer in with_new)]
    assert broken_by((FIRST, BAD), *again) == {broken}


def test_what_comes_again_only_now_and_then_is_unsteadiness() -> None:
    assert broken_by((FIRST, BAD), (CONFIRMATION, BAD), (CONFIRMATION, BAD)) == {CLAUSE}
    assert broken_by((FIRST, BAD), (CONFIRMATION, GOOD), (CONFIRMATION, BAD)) == {UNSTEADY}


@pytest.mark.parametrize(
    ("answers", "broken"),
    [((BAD, GOOD, GOOD), {UNSTEADY}), ((BAD, BAD, GOOD), {UNSTEADY}), ((BAD, BAD, BAD), {CLAUSE}), ((GOOD,), set())],
)
def test_a_rejection_breaks_a_further_clause_only_where_it_comes_again(
    answers: tuple[Exchange, ...], broken: set[str]
) -> None:
    parts = (FIRST, CONFIRMATION, CONFIRMATION)
    performed = tuple(
        Performed(part, episode("survived", answer, clause="robustness.quotes", kind="wire"))
        for part, answer in zip(parts, answers, strict=False)
    )
    trial = Trial("robustness.quotes", performed, also=((CLAUSE, "accepted"),))
    assert settle(trial, (), published_contract(), load_catalogue()).broken == broken


@pytest.mark.parametrize(
    ("searched", "broken"),
    [((BAD, GOOD, GOOD), UNSTEADY), ((GOOD, BAD, BAD), STILL_SERVING), ((GOOD, GOOD), UNSTEADY), ((), UNSTEADY)],
)
def test_the_guilty_request_is_the_one_behind_which_a_valid_one_fails_again(
    searched: tuple[Exchange, ...], broken: str
) -> None:
    parts = [(FIRST, BAD), *((SEARCH, answer) for answer in searched)]
    performed = tuple(
        Performed(part, episode("served_again", answer, clause=STILL_SERVING, kind="wire")) for part, answer in parts
    )
    trial = Trial(STILL_SERVING, performed, OF_SERVING)
    assert settle(trial, (), published_contract(), load_catalogue()).broken == {broken}


LOST = exchange(None, b"", failure=CONNECTION_LOST)
CUT = exchange(200, SUCCESS, framing=("the body ends before the length that its headers announce",))
SENT_TWICE = exchange(400, ERROR, resent=True)
BARE = replace(exchange(400, b""), headers=())


@pytest.mark.parametrize(
    ("expectation", "clause", "answer"),
    [
        ("survived", "robustness.quotes", LOST),
        ("accepted", CLAUSE, CUT),
        ("accepted", CLAUSE, SENT_TWICE),
        ("accepted", CLAUSE, BARE),
    ],
)
def test_what_a_network_may_have_done_once_is_held_against_no_server_elsewhere(
    expectation: str, clause: str, answer: Exchange
) -> None:
    once = ((FIRST, answer), (CONFIRMATION, GOOD), (CONFIRMATION, GOOD))
    assert broken_by(*once, clause=clause, expectation=expectation) == {UNSTEADY}
    assert not broken_by(*once, clause=clause, expectation=expectation, remote=True)
    again = ((FIRST, answer), (CONFIRMATION, answer), (CONFIRMATION, answer))
    assert broken_by(*again, clause=clause, expectation=expectation, remote=True)


@pytest.mark.parametrize("digests", [("alike", "alike"), ("plain", "expanded")])
@pytest.mark.parametrize(("seconds", "broken"), [(0.5, SERVER_ERRORS), (0.0, UNSTEADY)])
def test_a_server_error_may_come_again_at_any_of_the_requests_that_were_sent_at_once(
    seconds: float, broken: str, digests: tuple[str, str]
) -> None:
    crash = exchange(500, {"error": {**ERROR["error"], "type": "api_error"}}, seconds=seconds)
    good = exchange(200, SUCCESS, seconds=seconds)
    told = ((FIRST, (good, crash)), (CONFIRMATION, (crash, good)), (CONFIRMATION, (crash, good)))
    performed = []
    for part, pair in told:
        case = episode("answered", *pair, kind="wire")
        steps = (replace(step, attempt_digest=one) for step, one in zip(case.steps, digests, strict=True))
        performed.append(Performed(part, replace(case, steps=tuple(steps))))
    ledger = settle(Trial("", tuple(performed)), (), published_contract(), load_catalogue())
    assert set(ledger.broken) == {broken}


def test_a_lost_answer_to_an_odd_request_is_explained_by_a_server_that_lets_another_wait() -> None:
    ledger, clause = Ledger(), "request.equivalent-encodings"
    ledger.entry(clause).add(Kind.INCONCLUSIVE, "no answer in time")
    ledger.entry(clause).traits.append("robustness.empty-values")
    assert conclude(load_catalogue(), ledger)[clause].outcome is Outcome.INCONCLUSIVE
    ledger.entry(STILL_SERVING).add_finding(finding(STILL_SERVING, LOST))
    concluded = conclude(load_catalogue(), ledger)[clause]
    assert (concluded.outcome, concluded.cause) == (Outcome.NOT_RUN, STILL_SERVING)


@pytest.mark.parametrize(("sent", "is_known"), [(f"customer={CUSTOMER}", True), ("customer=%ff", False)])
def test_a_server_error_that_a_later_clause_may_own_is_not_established(sent: str, *, is_known: bool) -> None:
    ledger = Ledger()
    crashed = exchange(500, ERROR, sent=sent)
    as_usual = replace(crashed.request, headers=(("Content-Type", "application/x-www-form-urlencoded"),))
    ledger.entry(SERVER_ERRORS).add_finding(finding(SERVER_ERRORS, replace(crashed, request=as_usual)))
    assert is_established(SERVER_ERRORS, ledger) is is_known
