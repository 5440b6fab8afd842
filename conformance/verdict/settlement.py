"""The conclusion from a trial.

`settle` is the only code that concludes from episodes: for a live run, for a record, and for the check of one.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace

from conformance.evidence.episode import Episode, Finding, Judgement, Outcome, Step
from conformance.judge import judge
from conformance.judge.outage import ENDED, SHARED
from conformance.verdict.entries import Kind
from conformance.verdict.ledger import SERVER_ERRORS, UNSTEADY, Ledger
from conformance.verdict.trial import (
    AGAIN,
    CONFIRMATION,
    FIRST,
    INTERRUPTED,
    OF_A_CLAUSE,
    OF_OUTAGE,
    OF_SERVING,
    RENEWED,
    SEARCH,
    Note,
    Performed,
    Trial,
)
from contracts import Catalogue, Contract
from strategies.traits import traits

CONFIRMATIONS = 2
"""How many times a failing episode is performed again, to tell a broken clause from a flaky server; a long one once."""

ANEW_TIMES = 2
"""How many times it is performed with new customers, if it never failed again with the same ones."""


COME_BY_CHANCE = frozenset({"accepted"})
"""The expectations of further clauses whose findings must come again, too: any server may reject a request once."""


def with_further(
    performed: Performed, also: Iterable[tuple[str, str]], contract: Contract, catalogue: Catalogue
) -> Judgement:
    """Return the judgement of what was performed with those findings of further clauses that must come again, too.

    `also` holds the further clauses with their expectations.
    """
    judgement = performed.judgement
    further = [pair for pair in also if pair[1] in COME_BY_CHANCE and pair[0] not in judgement.broken]
    judged = [_judge_further(performed.episode, *pair, contract, catalogue) for pair in further]
    return replace(judgement, findings=(*judgement.findings, *(one for other in judged for one in other.findings)))


def _judge_further(
    episode: Episode, clause: str, expectation: str, contract: Contract, catalogue: Catalogue
) -> Judgement:
    """Judge an episode for a further clause, without what it shows of others."""
    judgement = judge(replace(episode, clause=clause, expectation=expectation), contract, catalogue)
    return replace(judgement, findings=tuple(one for one in judgement.findings if one.clause == clause))


def settle(trial: Trial, established: Container[str], contract: Contract, catalogue: Catalogue) -> Ledger:
    """Conclude from a trial, when the clauses in `established` are already known to be broken on its worker.

    A finding of a clause that is not yet known to be broken must come again in every confirmation, or in every
    repetition with new customers. If it does not, the server is unsteady, unless a network may have done it.
    """
    if trial.missing:
        return _settle_unconfirmed(trial, established)
    if trial.kind == OF_SERVING:
        return _settle_still_serving(trial)
    if trial.kind == OF_OUTAGE:
        return _settle_outage(trial)

    judgement = _confirm(_with_further(trial, contract, catalogue), established)
    own = _finding_of(trial.clause, judgement)
    own_last = tuple(sorted(judgement.findings, key=lambda one: one is own))
    ledger = _ledger_of(trial.clause, replace(judgement, findings=own_last), traits_of(trial.decisive))
    for clause, expectation in trial.also:
        other = _judge_further(trial.decisive, clause, expectation, contract, catalogue)
        is_confirmed_above = expectation in COME_BY_CHANCE
        ledger.merge(_ledger_of(clause, replace(other, findings=()) if is_confirmed_above else other))
    return ledger


def _with_further(trial: Trial, contract: Contract, catalogue: Catalogue) -> Trial:
    def further(performed: Performed) -> Performed:
        judgement = with_further(performed, trial.also, contract, catalogue)
        return Performed.judged(performed.part, performed.episode, judgement)

    return replace(trial, episodes=tuple(map(further, trial.episodes))) if trial.also else trial


def _finding_of(clause: str, judgement: Judgement) -> Finding | None:
    return next((finding for finding in judgement.findings if finding.clause == clause), None)


def _settle_unconfirmed(trial: Trial, established: Container[str]) -> Ledger:
    """Conclude from a trial for which fixtures ran out.

    A wrong success counts, since a request with an id that does not exist never succeeds. So does a clause that held,
    if fixtures ran out in confirming another. A rejection does not.
    """
    lacking = Note(trial.clause, Kind.LACKING, _what_is_missing(trial)).ledger()
    if trial.kind != OF_A_CLAUSE or not trial.performed_as(FIRST, AGAIN) or trial.missing == INTERRUPTED:
        return lacking

    ledger = Ledger()
    judgement = trial.judgement
    standing = [one for one in judgement.findings if one.exchange.is_success and not one.may_be_the_network]
    standing = [one if one.clause in established else _unconfirmed(one, trial.missing) for one in standing]
    for finding in standing:
        ledger.entry(finding.clause).add_finding(finding)
    if judgement.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE):
        _enter(ledger, trial.clause, judgement)
    elif not ledger.has_finding(trial.clause):
        ledger.merge(lacking)
    return ledger


def _unconfirmed(finding: Finding, missing: str) -> Finding:
    return replace(finding, observed=f"{finding.observed} (not confirmed: {missing})")


def _what_is_missing(trial: Trial) -> str:
    """Say which fixtures ran out, and what had been observed by then, which may be due to an id that does not exist."""
    found = [_finding_of(trial.clause, performed.judgement) for performed in trial.performed_as(FIRST)]
    observed = next((finding.observed for finding in found if finding is not None), "")
    return f"{observed}, and to confirm it {trial.missing}" if observed else trial.missing


def needs_confirmation(judgement: Judgement, established: Container[str]) -> tuple[Finding, ...]:
    """Return the findings whose clauses are not yet known to be broken."""
    return tuple(f for f in judgement.findings if f.clause != UNSTEADY and f.clause not in established)


def _confirm(trial: Trial, established: Container[str]) -> Judgement:
    """Return the judgement of the decisive episode, in which what did not come again is unsteadiness."""
    first = trial.judgement
    new = needs_confirmation(first, established)
    with_new = [_at_the_same_place(first, performed) for performed in trial.performed_as(RENEWED)]
    if len(with_new) == ANEW_TIMES:
        always = frozenset.intersection(*(judgement.broken for judgement in with_new))
        new = tuple(finding for finding in new if finding.clause not in always)

    latest = first
    doubtful: list[Finding] = []
    confirmations = [_at_the_same_place(first, performed) for performed in trial.performed_as(CONFIRMATION)]
    for again in confirmations:
        missed = [finding for finding in new if finding.clause not in again.broken]
        if missed and again.outcome is not Outcome.INCONCLUSIVE:
            doubtful += [finding for finding in missed if finding not in doubtful]
            latest = again
    if not doubtful:
        return first

    kept = tuple(finding for finding in first.findings if finding not in doubtful)
    is_kept = any(finding.clause == trial.clause for finding in kept)
    outcome = first.outcome if is_kept else latest.outcome
    return Judgement(outcome, latest.reason, (*kept, *_as_unsteadiness(doubtful)))


def _at_the_same_place(first: Judgement, again: Performed) -> Judgement:
    """Return the judgement of an episode performed again, without a server error that came at another place of it.

    In a long episode a server that fails now and then fails again somewhere else.
    """
    error = _finding_of(SERVER_ERRORS, first)
    if error is None or not _is_answered_well_in(again.episode, error):
        return again.judgement
    others = tuple(one for one in again.judgement.findings if one.clause != SERVER_ERRORS)
    return replace(again.judgement, findings=others)


def _is_answered_well_in(again: Episode, error: Finding) -> bool:
    """Return whether the request that got a server error is answered well where the episode is performed again.

    Of requests that were sent at once any may get it: which one comes first is chance.
    """
    steps, culprit = error.episode.steps, error.episode.steps[error.culprit]
    at_once = [step for step in steps if step is not culprit and _overlap(step, culprit)]
    wanted = set(map(_kind_of, (culprit, *at_once)))
    places = [step.exchange for step in again.steps if _kind_of(step) in wanted]
    if not at_once:
        place = [_kind_of(step) for step in steps[: error.culprit]].count(_kind_of(culprit))
        places = places[place : place + 1]
    return bool(places) and all(exchange.is_success or exchange.is_refusal for exchange in places)


def _overlap(step: Step, other: Step) -> bool:
    """Return whether each of two requests was sent before the other one was answered."""
    begun = [one.exchange.received - one.exchange.seconds for one in (step, other)]
    return max(begun) < min(step.exchange.received, other.exchange.received)


def _kind_of(step: Step) -> tuple[str, str]:
    """Return by what steps of two episodes are alike."""
    return step.role, step.attempt_digest


def _settle_still_serving(trial: Trial) -> Ledger:
    """Conclude whether a valid request is answered as usual after malformed ones.

    The search tries each of them, and ends with the guilty one, behind which the valid request fails again.
    """
    judgement = trial.performed_as(FIRST)[0].judgement
    if judgement.outcome is Outcome.FAIL:
        unsteady = replace(judgement, findings=_as_unsteadiness(judgement.findings), outcome=Outcome.PASS)
        searched = [one.judgement for one in trial.performed_as(SEARCH)]
        is_found = bool(searched) and searched[-1].outcome is Outcome.FAIL
        judgement = searched[-1] if is_found else unsteady
    findings = tuple(one for one in judgement.findings if one.clause in (trial.clause, UNSTEADY))
    return _ledger_of(trial.clause, replace(judgement, findings=findings, reason=""))


def _settle_outage(trial: Trial) -> Ledger:
    """Conclude from a request that ended the target, or at which it hung up.

    If a process of this machine ended while it answered, that is a failure, even once. What may have been the network,
    and a target that only hung up, must come again each time.
    """
    judgement = trial.judgement
    came_again = [performed.judgement.outcome is Outcome.FAIL for performed in trial.performed_as(CONFIRMATION)]
    facts = trial.decisive.facts
    is_certain = bool(came_again) and all(came_again)
    is_process_here = bool(facts.get(ENDED)) and not facts.get("remote")
    if judgement.outcome is Outcome.FAIL and not (is_certain or is_process_here):
        judgement = replace(judgement, outcome=Outcome.INCONCLUSIVE, findings=())
    findings = tuple(_counted(one, came_again) for one in judgement.findings if one.clause == trial.clause)
    return _ledger_of(trial.clause, replace(judgement, findings=findings))


def _counted(finding: Finding, came_again: Sequence[bool]) -> Finding:
    """Return the finding of an outage with the words that say whether it came again when the request was repeated."""
    if not came_again:
        return finding
    if not all(came_again):
        return replace(finding, observed=f"flaky: {finding.observed} on the first attempt, but not on every retry")
    facts = {name: value for name, value in finding.episode.facts.items() if name != SHARED}
    episode = replace(finding.episode, facts=facts)
    return replace(finding, observed=f"{finding.observed}, and again on every retry", episode=episode)


_KINDS = {
    Outcome.PASS: Kind.REMARK,
    Outcome.NOT_RUN: Kind.NOT_RUN,
    Outcome.INCONCLUSIVE: Kind.INCONCLUSIVE,
    Outcome.NOT_APPLICABLE: Kind.NOT_APPLICABLE,
}


def _ledger_of(clause: str, judgement: Judgement, remarkable: Sequence[str] = ()) -> Ledger:
    """Return a judgement as a ledger: its findings, and its outcome for the clause."""
    ledger = Ledger()
    for finding in judgement.findings:
        ledger.entry(finding.clause).add_finding(finding)
    _enter(ledger, clause, judgement, remarkable)
    return ledger


def _enter(ledger: Ledger, clause: str, judgement: Judgement, remarkable: Sequence[str] = ()) -> None:
    """Enter the outcome of a judgement for its clause; `remarkable` are the traits of unanswered requests."""
    entry = ledger.entry(clause)
    if judgement.outcome is Outcome.PASS:
        entry.held += 1
    if judgement.outcome is Outcome.INCONCLUSIVE:
        entry.traits += remarkable
    kind = _KINDS.get(judgement.outcome)
    if kind is not None and (judgement.reason or kind is not Kind.REMARK):
        entry.add(kind, judgement.reason)


def _as_unsteadiness(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings that did not come again, without those that a network on the way to the target may have made."""
    return tuple(put_down_to_unsteadiness(finding) for finding in findings if not finding.may_be_the_network)


def put_down_to_unsteadiness(finding: Finding) -> Finding:
    """Return a finding that did not come again as one of the clause about steady responses."""
    if finding.clause == UNSTEADY:
        return finding
    observed = f"flaky: {finding.observed} on the first attempt, but not on retry (seen at {finding.clause})"
    return replace(finding, clause=UNSTEADY, observed=observed, seen_at=finding.clause)


def traits_of(episode: Episode) -> tuple[str, ...]:
    """Return the traits of an episode's unanswered requests."""
    lost = (step.exchange for step in episode.steps if not step.exchange.answered)
    return tuple(dict.fromkeys(trait for exchange in lost for trait in traits(exchange.request)))
