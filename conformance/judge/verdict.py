"""From an episode to its judgement: its own clause by its expectation, the general clauses on every answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from conformance.evidence.episode import Episode, Finding, Judgement, Outcome
from conformance.evidence.exchange import Exchange, asks_to_expand
from conformance.evidence.foreign import one_line
from conformance.judge.expectations import EXPECTATIONS, Verdict
from conformance.judge.general import broken_general_clauses
from conformance.judge.outage import OUTAGE_EXPECTATIONS
from conformance.judge.passing import is_spelled_unusually, used_in_passing
from conformance.judge.path import PATH_EXPECTATIONS
from conformance.judge.state import STATE_EXPECTATIONS
from conformance.judge.stripe import STRIPE_EXPECTATIONS
from conformance.judge.success import broken_success_clauses
from contracts import Catalogue, Contract

ALL_EXPECTATIONS = {
    **EXPECTATIONS,
    **PATH_EXPECTATIONS,
    **STATE_EXPECTATIONS,
    **STRIPE_EXPECTATIONS,
    **OUTAGE_EXPECTATIONS,
}


def name_of(expectation: Callable[..., Verdict]) -> str:
    """Return the name by which a record knows an expectation. Raises ValueError for what is none."""
    for name, function in ALL_EXPECTATIONS.items():
        if function is expectation:
            return name
    raise ValueError(f"{expectation!r} is no expectation")


ACCEPTANCE = ("request.minimal-body", "robustness.same-request-same-answer")
"""The clauses by which a plain valid request is accepted, each time that it is sent."""


def judge(episode: Episode, contract: Contract, catalogue: Catalogue) -> Judgement:
    """What `episode` says of its clause and of the general clauses. Raises KeyError for an unknown expectation."""
    verdict = ALL_EXPECTATIONS[episode.expectation](episode, contract)
    verdict = replace(verdict, reason=one_line(verdict.reason))
    findings = list(_general(episode, contract, catalogue))
    if cause := _cause_in_the_answer(verdict, episode, contract, catalogue):
        return Judgement(Outcome.NOT_RUN, f"see {cause}", tuple(findings))
    if verdict.outcome is Outcome.FAIL:
        culprit = next((index for index, step in enumerate(episode.steps) if step.exchange is verdict.culprit), 0)
        used = (*verdict.rests_on, *_used_by(episode, culprit, contract))
        findings.insert(0, Finding(episode.clause, verdict.reason, episode, culprit, rests_on=used))
    return Judgement(verdict.outcome, verdict.reason, tuple(findings))


def _used_by(episode: Episode, culprit: int, contract: Contract) -> tuple[str, ...]:
    """Return the clauses about what the step that shows a failure uses in passing."""
    test_key = bool(episode.facts.get("test_key", True))
    created_as = str(episode.facts.get("created_as", ""))
    step = episode.steps[culprit]
    used = used_in_passing(step.exchange, episode.expectation, contract, test_key=test_key, created_as=created_as)
    is_plain = step.kind == "valid" and not asks_to_expand(step.exchange)
    if is_plain and step.exchange.is_to_operation and step.exchange.is_refusal:
        used += ACCEPTANCE
    return tuple(slug for slug in used if slug != episode.clause)


def _cause_in_the_answer(verdict: Verdict, episode: Episode, contract: Contract, catalogue: Catalogue) -> str:
    """A clause on which the failed one rests and which the very answer breaks that shows the failure; or nothing."""
    if verdict.outcome is not Outcome.FAIL or verdict.culprit is None or not verdict.culprit.is_to_operation:
        return ""
    owns = episode.clause in catalogue and catalogue[episode.clause].owns_server_errors
    broken = broken_general_clauses(verdict.culprit, contract, owns_server_errors=owns)
    required = catalogue.rests_on(episode.clause)
    return next((slug for slug, _ in broken if slug in required), "")


def _general(episode: Episode, contract: Contract, catalogue: Catalogue) -> Iterator[Finding]:
    owns = episode.clause in catalogue and catalogue[episode.clause].owns_server_errors
    test_key = bool(episode.facts.get("test_key", True))
    seen = {episode.clause}
    for index, step in enumerate(episode.steps):
        exchange = step.exchange
        if not exchange.is_to_operation:
            continue
        broken = list(broken_general_clauses(exchange, contract, owns_server_errors=owns and step.role == "subject"))
        is_attach = exchange.request.method == "POST"
        if step.kind == "valid" and is_attach and exchange.is_success:
            created_as = str(episode.facts.get("created_as", ""))
            broken += broken_success_clauses(exchange, contract, test_key=test_key, created_as=created_as)
        for slug, observed in broken:
            if slug not in seen:
                seen.add(slug)
                yield Finding(slug, one_line(observed), episode, index, rests_on=_spelling(slug, exchange))


def _spelling(slug: str, exchange: Exchange) -> tuple[str, ...]:
    """Return the clause about spellings, where the body of a success is wrong after a request in an unusual one."""
    is_odd = slug.startswith("response.") and exchange.is_success and is_spelled_unusually(exchange)
    return ("request.equivalent-encodings",) if is_odd else ()
