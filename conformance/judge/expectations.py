"""Expectations: the registry of them, and the checks that they are made of.

An expectation is a pure function of an episode and the contract. It lists checks from top to bottom, and the first
check that does not hold decides the verdict. A record keeps the name of an expectation, so that verification judges
with the same function again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any, NoReturn

from conformance.evidence.episode import Episode, Outcome
from conformance.evidence.exchange import Exchange
from conformance.judge.answers import describe_refusal
from contracts import Contract

RATE_LIMITED = "rate-limited (429) on every retry"


@dataclass(frozen=True)
class Verdict:
    """The outcome of an episode for its own clause. `culprit` is the exchange that shows a failure.

    `rests_on` names clauses about the same failure: where one of them is broken, this clause is not reported too.
    """

    outcome: Outcome
    reason: str = ""
    culprit: Exchange | None = None
    rests_on: tuple[str, ...] = ()


PASS = Verdict(Outcome.PASS)

Expectation = Callable[[Episode, Contract], Verdict]

ALL_EXPECTATIONS: dict[str, Expectation] = {}
"""Every expectation by the name that records keep."""


class Concluded(Exception):
    """The verdict of the first check that does not hold."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        super().__init__(verdict.reason)


def expectation(check: Callable[[Episode, Contract], None]) -> Expectation:
    """Register a function of checks as an expectation, which records keep by the function's name."""

    @wraps(check)
    def judge_by(episode: Episode, contract: Contract) -> Verdict:
        try:
            check(episode, contract)
        except Concluded as conclusion:
            return conclusion.verdict
        return PASS

    ALL_EXPECTATIONS[check.__name__] = judge_by
    return judge_by


def expectation_name(function: Expectation) -> str:
    """Return the name that records keep of an expectation."""
    return function.__name__


# conclusions


def fail(reason: str, culprit: Exchange, *rests_on: str) -> NoReturn:
    """Conclude that the clause is broken, unless a clause that the failure `rests_on` is broken too."""
    raise Concluded(Verdict(Outcome.FAIL, reason, culprit, rests_on))


def skip(reason: str) -> NoReturn:
    """Conclude that the clause cannot be judged, for a reason that is reported elsewhere or that was expected."""
    raise Concluded(Verdict(Outcome.NOT_RUN, reason))


def inconclusive(reason: str) -> NoReturn:
    """Conclude that evidence is missing."""
    raise Concluded(Verdict(Outcome.INCONCLUSIVE, reason))


def not_applicable(reason: str) -> NoReturn:
    """Conclude that the target lacks a capability that the clause needs."""
    raise Concluded(Verdict(Outcome.NOT_APPLICABLE, reason))


def report(observed: str) -> NoReturn:
    """Conclude that the clause passes, and say what was observed."""
    raise Concluded(Verdict(Outcome.PASS, observed))


# checks


def expect(holds: Any, otherwise: str, culprit: Exchange, *rests_on: str) -> None:
    """Fail with the message `otherwise` unless the condition holds."""
    if not holds:
        fail(otherwise, culprit, *rests_on)


def skip_unless(holds: Any, reason: str) -> None:
    """Skip the clause unless the condition holds."""
    if not holds:
        skip(reason)


def require_pass(verdict: Verdict) -> None:
    """Conclude with the verdict of another expectation unless it passed."""
    if verdict is not PASS:
        raise Concluded(verdict)


def require_some_answer(exchange: Exchange) -> None:
    """Stop at a response that is missing."""
    if not exchange.answered:
        inconclusive(exchange.why_unanswered or RATE_LIMITED)


def require_answer(*exchanges: Exchange) -> None:
    """Stop at a response that is missing, and at one of a class that another clause reports: a 3xx or a 5xx."""
    for exchange in exchanges:
        require_some_answer(exchange)
        skip_unless(exchange.is_success or exchange.is_refusal, _describe_other_class(exchange))


def hold_if_rejected(exchange: Exchange) -> None:
    """Conclude that the clause holds where a request was rejected, as it may be."""
    require_answer(exchange)
    if exchange.is_refusal:
        raise Concluded(PASS)


def each_answered(episode: Episode, role: str = "subject") -> Iterator[Exchange]:
    """Yield the exchanges of a role; stop at the first one that `require_answer` does not accept."""
    for exchange in episode.exchanges(role):
        require_answer(exchange)
        yield exchange


def require_success(exchange: Exchange) -> None:
    """Skip the clause when the request, which it needs to succeed, was rejected."""
    require_answer(exchange)
    skip_unless(exchange.is_success, f"rejected with {describe_refusal(exchange)}")


def require_preparation(episode: Episode) -> None:
    """Skip the clause when a request that had to succeed first did not."""
    for exchange in each_answered(episode, "set-up"):
        skip_unless(exchange.is_success, f"a prerequisite was rejected with {describe_refusal(exchange)}")


def require_headers(exchange: Exchange) -> None:
    """Skip the clause when the evidence, a recording perhaps, lacks the headers of the response."""
    skip_unless(exchange.headers is not None, "the evidence holds no headers")


def expect_success(exchange: Exchange) -> None:
    """Fail unless the request was accepted."""
    require_answer(exchange)
    expect(exchange.is_success, f"rejected with {describe_refusal(exchange)}", exchange)


def expect_rejection(exchange: Exchange) -> None:
    """Fail unless the request was rejected."""
    require_answer(exchange)
    expect(exchange.is_refusal, f"accepted with {exchange.status}", exchange)


def _describe_other_class(exchange: Exchange) -> str:
    if exchange.has_error_inside and (exchange.status or 0) < 300:
        return f"answered {exchange.status} with an error inside"
    return f"answered {exchange.status}"
