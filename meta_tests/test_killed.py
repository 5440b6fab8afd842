"""A request that ends the server is named, and nothing else: no clause after it, and no server that is stopped."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.examples import SUCCESS, episode, exchange
from benchmarks.suite import Job, run
from conformance.evidence.episode import Outcome
from conformance.evidence.exchange import CONNECTION_LOST, Exchange
from conformance.evidence.failure import Failure
from conformance.fixtures import outage
from conformance.judge.outage import ENDED, WAITED
from conformance.verdict.results import ClauseResult, without
from conformance.verdict.settlement import settle
from conformance.verdict.trial import CONFIRMATION, FIRST, OF_OUTAGE, Performed, Trial
from contracts import load_catalogue, published_contract
from meta_tests.dying import dying

STILL_SERVING = "robustness.still-serving"
CONTROL_CHARACTERS = "robustness.control-characters"
FEW = (STILL_SERVING, CONTROL_CHARACTERS, "request.minimal-body")


@pytest.mark.parametrize(
    ("trigger", "down", "broken"),
    [
        ("never", None, set()),
        ("nul", 0.3, {CONTROL_CHARACTERS}),
        ("attach", 0.3, {STILL_SERVING}),
        ("nul", None, {STILL_SERVING}),
    ],
)
def test_a_request_that_ends_the_server_fails_one_clause(
    trigger: str, down: float | None, broken: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "PATIENCE_HERE", 15.0 if down else 0.5)
    with dying(trigger, down) as url:
        result = run(Job(trigger, base_url=url, arguments=("--profile", "contract"), clauses=FEW))
    assert set(result.outcomes("fail", "deviation", "inconclusive", "error")) == broken
    assert result.status == int(bool(broken))


LOST = exchange(None, b"", failure=CONNECTION_LOST)
REFUSED = exchange(None, b"", failure=Failure.CONNECTION_REFUSED)
ANSWERED = exchange(200, SUCCESS)


@pytest.mark.parametrize(
    ("facts", "confirmations", "is_broken"),
    [
        ({ENDED: True}, (), True),
        ({ENDED: True, WAITED: 15.0}, (), True),
        ({ENDED: True}, (ANSWERED,), True),
        ({ENDED: True, "remote": True}, (), False),
        ({ENDED: True, "remote": True, WAITED: 60.0}, (), False),
        ({ENDED: True, "remote": True}, (ANSWERED,), False),
        ({ENDED: True, "remote": True}, (LOST,), True),
        ({ENDED: False}, (), False),
        ({ENDED: False}, (LOST, ANSWERED), False),
        ({ENDED: False}, (LOST, LOST), True),
    ],
)
def test_an_outage_is_a_failure_where_a_request_is_to_blame(
    facts: dict[str, Any], confirmations: tuple[Exchange, ...], is_broken: bool
) -> None:
    parts = [(FIRST, LOST), *((CONFIRMATION, answer) for answer in confirmations)]
    performed = tuple(
        Performed(part, episode("outlived", answer, clause=STILL_SERVING, **facts)) for part, answer in parts
    )
    trial = Trial(STILL_SERVING, performed, OF_OUTAGE)
    entry = settle(trial, (), published_contract(), load_catalogue()).entry(STILL_SERVING)
    assert bool(entry.findings) is is_broken
    assert bool(entry.inconclusive) is not is_broken


def test_a_server_that_was_stopped_is_no_failure() -> None:
    facts: dict[str, Any] = {ENDED: True, WAITED: 15.0}
    stopped = episode("outlived", REFUSED, clause=STILL_SERVING, **facts)
    steps = tuple(step.__class__("follow-up", step.exchange, step.attempt) for step in stopped.steps)
    trial = Trial(STILL_SERVING, (Performed(FIRST, type(stopped)(**{**vars(stopped), "steps": steps})),), OF_OUTAGE)
    entry = settle(trial, (), published_contract(), load_catalogue()).entry(STILL_SERVING)
    assert not entry.findings
    assert entry.inconclusive


def test_a_request_that_is_never_answered_is_named_once() -> None:
    """The server answers all others: it is not down, and what waits for it waits for ever."""
    name = "scalar-expand-is-never-answered"
    result = run(Job("waits", name, arguments=("--profile=contract", "--budget=quick", "--timeout=1")))
    assert result.status == 1
    assert result.outcomes("fail").keys() == {STILL_SERVING}
    assert "never answers “POST customer=‹customer› & expand=customer”" in result.outcomes("fail")[STILL_SERVING]


@pytest.mark.parametrize(
    ("cause", "outcome"), [(STILL_SERVING, Outcome.FAIL), ("request.minimal-body", Outcome.NOT_RUN)]
)
def test_a_selected_request_that_is_never_answered_is_a_failure(cause: str, outcome: Outcome) -> None:
    """The clause that fails is not selected, yet the request is that of a selected test, which has no other failure."""
    catalogue, selected = load_catalogue(), "request.other-headers"
    broken = ClauseResult(catalogue[STILL_SERVING], Outcome.FAIL)
    blocked = ClauseResult(catalogue[selected], Outcome.NOT_RUN, cause=cause)
    shown = without({STILL_SERVING: broken, selected: blocked}, {STILL_SERVING})
    assert (shown[STILL_SERVING].outcome, shown[selected]) == (outcome, blocked)
