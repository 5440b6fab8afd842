"""From an episode to its judgement: its own clause by its expectation, the general clauses on every response."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.evidence.episode import Episode, Finding, Judgement, Outcome, Step
from conformance.evidence.exchange import Exchange
from conformance.evidence.foreign import one_line
from conformance.judge.expectations import ALL_EXPECTATIONS
from conformance.judge.general import Broken, broken_general_clauses
from conformance.judge.incidental import clauses_used_by, is_spelled_unusually
from conformance.judge.response import broken_success_clauses
from contracts import Catalogue, Contract


def judge(episode: Episode, contract: Contract, catalogue: Catalogue) -> Judgement:
    """Judge the episode's own clause and the general clauses. Raises KeyError for an unknown expectation."""
    verdict = ALL_EXPECTATIONS[episode.expectation](episode, contract)
    reason = one_line(verdict.reason)
    findings = tuple(_general_findings(episode, contract, catalogue))
    if verdict.outcome is not Outcome.FAIL:
        return Judgement(verdict.outcome, reason, findings)
    culprit = next(index for index, step in enumerate(episode.steps) if step.exchange is verdict.culprit)
    step = episode.steps[culprit]
    cause = _cause_in_response(step.exchange, episode, contract, catalogue)
    if cause:
        return Judgement(Outcome.NOT_RUN, f"see {cause}", findings)
    rests_on = (*verdict.rests_on, *clauses_used_by(step, episode, contract))
    own = Finding(episode.clause, reason, episode, culprit, rests_on=rests_on)
    return Judgement(Outcome.FAIL, reason, (own, *findings))


def _cause_in_response(exchange: Exchange, episode: Episode, contract: Contract, catalogue: Catalogue) -> str:
    """Return a clause that the failed one requires and that the response breaks that shows the failure; or nothing."""
    if not exchange.is_to_operation:
        return ""
    owns = _owns_server_errors(episode, catalogue)
    broken = broken_general_clauses(exchange, contract, owns_server_errors=owns)
    required = catalogue.rests_on(episode.clause)
    return next((slug for slug, _ in broken if slug in required), "")


def _owns_server_errors(episode: Episode, catalogue: Catalogue) -> bool:
    return episode.clause in catalogue and catalogue[episode.clause].owns_server_errors


def _general_findings(episode: Episode, contract: Contract, catalogue: Catalogue) -> Iterator[Finding]:
    """Yield the first failure of each general clause, and of each clause about successes."""
    owns = _owns_server_errors(episode, catalogue)
    seen = {episode.clause}
    for index, step in enumerate(episode.steps):
        for slug, observed in _broken_by(step, episode, contract, owns_server_errors=owns):
            if slug not in seen:
                seen.add(slug)
                rests_on = _clauses_about_spelling(slug, step.exchange)
                yield Finding(slug, one_line(observed), episode, index, rests_on=rests_on)


def _broken_by(step: Step, episode: Episode, contract: Contract, *, owns_server_errors: bool) -> Iterator[Broken]:
    """Yield the clauses, other than the episode's own, that a response of the operation breaks."""
    exchange = step.exchange
    if not exchange.is_to_operation:
        return
    owns = owns_server_errors and step.role == "subject"
    yield from broken_general_clauses(exchange, contract, owns_server_errors=owns)
    is_valid_attach = step.kind == "valid" and exchange.request.method == "POST"
    if is_valid_attach and exchange.is_success:
        yield from broken_success_clauses(exchange, contract, episode)


def _clauses_about_spelling(slug: str, exchange: Exchange) -> tuple[str, ...]:
    """Return the clause about spellings, where the body of a success is wrong after a request in an unusual one."""
    is_odd = slug.startswith("response.") and exchange.is_success and is_spelled_unusually(exchange)
    return ("request.equivalent-encodings",) if is_odd else ()
