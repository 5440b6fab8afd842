"""The trial: all that was performed to judge a clause once, and what follows from it.

`settle` is the one piece of code that concludes from episodes: for a live run, for a record that is read again, and for
whoever checks one.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from conformance.evidence.episode import Episode, Finding, Judgement, Outcome, Step
from conformance.judge import judge
from conformance.judge.outage import ENDED, SHARED
from conformance.verdict.ledger import SERVER_ERRORS, UNSTEADY, Ledger
from contracts import Catalogue, Contract
from strategies.traits import traits

FIRST, AGAIN, CONFIRMATION, ANEW, SEARCH = PARTS = ("first", "again", "confirmation", "anew", "search")
"""Why an episode of a trial was performed: to judge; since the first was inconclusive; to tell a broken clause from an
unsteady server; the same with customers that are new to the server; to find which of several requests did it."""

OF_A_CLAUSE, OF_SERVING, OF_OUTAGE = KINDS = ("clause", "still-serving", "outage")

NOT_RUN, LACKING, NOT_APPLICABLE, ERROR = NOTE_KINDS = ("not-run", "lacking", "not-applicable", "error")
"""What a note says of its clause; `lacking` is not run for want of fixtures."""

INTERRUPTED = "the run was interrupted"
"""What is missing from a trial that was broken off."""

CONFIRMATIONS = 2
"""How often an episode that breaks a clause is performed again, to tell a broken clause from an unsteady server; a long
one is once."""
ANEW_TIMES = 2
"""How often it is performed with new customers where it never broke the clause again with the same."""


@dataclass(frozen=True)
class Performed:
    """An episode, and which `part` of its trial it is (one of PARTS)."""

    part: str
    episode: Episode


@dataclass(frozen=True)
class Trial:
    """All that was performed for one conclusion about `clause`, in order.

    `clause` is empty where only the general clauses are judged. `test` names the test, `explores` tells that it has no
    clause of its own. `also` holds further clauses, each with an expectation, that are judged on the same episode.
    `missing` says what kept it from being completed, such as which fixtures ran out.
    """

    clause: str
    episodes: tuple[Performed, ...]
    kind: str = OF_A_CLAUSE
    test: str = ""
    explores: bool = False
    also: tuple[tuple[str, str], ...] = ()
    missing: str = ""

    def to_json(self) -> dict[str, Any]:
        """A JSON-like form, from which `from_json` makes the same value."""
        return {
            "trial": self.clause,
            "kind": self.kind,
            "test": self.test,
            "explores": self.explores,
            "also": [list(pair) for pair in self.also],
            "missing": self.missing,
            "episodes": [{"part": one.part, **one.episode.to_json()} for one in self.episodes],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Trial:
        """The trial that `to_json` wrote. Raises KeyError when a member is missing."""
        performed = tuple(Performed(one["part"], Episode.from_json(one)) for one in data["episodes"])
        also = tuple((clause, expectation) for clause, expectation in data["also"])
        told = {name: data[name] for name in ("kind", "test", "explores", "missing")}
        return cls(data["trial"], performed, also=also, **told)

    def of_part(self, part: str) -> tuple[Episode, ...]:
        """The episodes that were performed as that part, in order."""
        return tuple(performed.episode for performed in self.episodes if performed.part == part)

    @property
    def decisive(self) -> Episode:
        """The episode that decides: the first, or the one performed again since that was inconclusive."""
        return (*self.of_part(FIRST), *self.of_part(AGAIN))[-1]


@dataclass(frozen=True)
class Note:
    """What is known of a clause without an episode: `kind` is one of NOTE_KINDS. An error has its `traceback`."""

    clause: str
    kind: str
    reason: str
    test: str = ""
    traceback: str = ""

    def to_json(self) -> dict[str, Any]:
        """A JSON-like form, from which `from_json` makes the same value."""
        told = {"note": self.clause, "kind": self.kind, "reason": self.reason, "test": self.test}
        return {**told, "traceback": self.traceback} if self.traceback else told

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Note:
        """The note that `to_json` wrote. Raises KeyError when a member is missing."""
        return cls(data["note"], data["kind"], data["reason"], data["test"], data.get("traceback", ""))

    def ledger(self) -> Ledger:
        """The note as a ledger."""
        ledger = Ledger()
        entry = ledger.entry(self.clause)
        match self.kind:
            case "lacking":
                entry.lack_fixtures(self.reason)
            case "not-run":
                entry.not_run.append(self.reason)
            case "not-applicable":
                entry.not_applicable.append(self.reason)
            case _:
                entry.errors.append(self.reason)
                entry.tracebacks.append(self.traceback)
        return ledger


@dataclass(frozen=True)
class Settlement:
    """What a trial comes to: the entries of its `ledger`, and its `own` finding, that of its clause."""

    ledger: Ledger
    own: Finding | None = None


def settle(trial: Trial, established: Container[str], contract: Contract, catalogue: Catalogue) -> Settlement:
    """What follows from a trial, when the clauses in `established` are already known to be broken on its worker.

    A finding of a clause that is not yet known to be broken must come again each time that the episode is performed
    again, or each time that it is with new customers and never with the same. What does neither is put down to the
    server's unsteadiness, under the clause that forbids that, unless a network may have done it.
    """
    if trial.missing:
        return _settle_unconfirmed(trial, established, contract, catalogue)

    def judged(episode: Episode) -> Judgement:
        return judge(episode, contract, catalogue)

    if trial.kind == OF_SERVING:
        return _settle_still_serving(trial, list(map(judged, trial.of_part(FIRST))), map(judged, trial.of_part(SEARCH)))
    if trial.kind == OF_OUTAGE:
        return _settle_outage(trial, judged(trial.decisive), list(map(judged, trial.of_part(CONFIRMATION))))
    ledger = Ledger()
    first = judged(trial.decisive)
    confirmations, anew = (
        [_at_the_same_place(first, judged(again), again) for again in trial.of_part(part)]
        for part in (CONFIRMATION, ANEW)
    )
    judgement = _confirmed(trial.clause, first, confirmations, anew, established)
    own = next((finding for finding in judgement.findings if finding.clause == trial.clause), None)
    for finding in judgement.findings:
        if finding is not own:
            ledger.entry(finding.clause).add_finding(finding)
    _enter(ledger, trial.clause, judgement, [] if own is None else [own], traits_of(trial.decisive))
    for clause, expectation in trial.also:
        other = judged(replace(trial.decisive, clause=clause, expectation=expectation))
        _enter(ledger, clause, other, [finding for finding in other.findings if finding.clause == clause])
    return Settlement(ledger, own)


def _settle_unconfirmed(
    trial: Trial, established: Container[str], contract: Contract, catalogue: Catalogue
) -> Settlement:
    """What stands of a trial for which fixtures ran out.

    A success that is wrong stands, since an id that does not exist is answered with no success. So does a clause that
    held, where fixtures ran out in confirming another. Whatever was refused does not.
    """
    performed = (*trial.of_part(FIRST), *trial.of_part(AGAIN))
    lacked = Note(trial.clause, LACKING, _lacked(trial, contract, catalogue)).ledger()
    if trial.kind != OF_A_CLAUSE or not performed or trial.missing == INTERRUPTED:
        return Settlement(lacked)
    judgement = judge(performed[-1], contract, catalogue)
    told = f" (not confirmed: {trial.missing})"
    standing = [
        finding if finding.clause in established else replace(finding, observed=finding.observed + told)
        for finding in judgement.findings
        if finding.exchange.is_success and not finding.may_be_the_network
    ]
    own = next((finding for finding in standing if finding.clause == trial.clause), None)
    ledger = Ledger()
    for finding in standing:
        ledger.entry(finding.clause).add_finding(finding)
    if judgement.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE):
        _enter(ledger, trial.clause, judgement, [])
    elif own is None:
        ledger.merge(lacked)
    return Settlement(ledger, own)


def _lacked(trial: Trial, contract: Contract, catalogue: Catalogue) -> str:
    """Which fixtures ran out, and what had been seen by then: an id that is not there looks like that, too."""
    found = [finding for episode in trial.of_part(FIRST) for finding in judge(episode, contract, catalogue).findings]
    seen = next((finding.observed for finding in found if finding.clause == trial.clause), "")
    return f"{seen}, and to make sure of it {trial.missing}" if seen else trial.missing


def needs_confirmation(judgement: Judgement, established: Container[str]) -> tuple[Finding, ...]:
    """The findings whose clauses are not yet known to be broken."""
    return tuple(f for f in judgement.findings if f.clause != UNSTEADY and f.clause not in established)


def _confirmed(
    clause: str,
    judgement: Judgement,
    confirmations: Sequence[Judgement],
    anew: Sequence[Judgement],
    established: Container[str],
) -> Judgement:
    new = needs_confirmation(judgement, established)
    doubtful: list[Finding] = []
    latest = judgement
    if len(anew) == ANEW_TIMES:
        with_new_customers = frozenset.intersection(*(one.broken for one in anew))
        new = tuple(finding for finding in new if finding.clause not in with_new_customers)
    for again in confirmations if new else ():
        if again.outcome is not Outcome.INCONCLUSIVE:
            lacking = [finding for finding in new if finding.clause not in again.broken]
            doubtful += [finding for finding in lacking if finding not in doubtful]
            latest = again if lacking else latest
    if not doubtful:
        return judgement
    unsteady = _put_down_to_unsteadiness(doubtful)
    kept = tuple(finding for finding in judgement.findings if finding not in doubtful)
    outcome = judgement.outcome if clause in {finding.clause for finding in kept} else latest.outcome
    return Judgement(outcome, latest.reason, (*kept, *unsteady))


def _at_the_same_place(first: Judgement, judgement: Judgement, again: Episode) -> Judgement:
    """Return the judgement of an episode performed again, without a server error that came at another place of it.

    In a long episode a server that fails now and then fails again somewhere else.
    """
    error = next((finding for finding in first.findings if finding.clause == SERVER_ERRORS), None)
    if error is None or not _is_answered_well_in(again, error):
        return judgement
    return replace(judgement, findings=tuple(one for one in judgement.findings if one.clause != SERVER_ERRORS))


def _is_answered_well_in(again: Episode, error: Finding) -> bool:
    """Return whether the request that got a server error is answered well where the episode is performed again."""
    steps, culprit = error.episode.steps, error.episode.steps[error.culprit]
    place = sum(_is_like(step, culprit) for step in steps[: error.culprit])
    alike = [step.exchange for step in again.steps if _is_like(step, culprit)]
    return place < len(alike) and (alike[place].is_success or alike[place].is_refusal)


def _is_like(step: Step, other: Step) -> bool:
    return (step.role, step.attempt_digest) == (other.role, other.attempt_digest)


def _settle_still_serving(trial: Trial, first: list[Judgement], search: map[Judgement]) -> Settlement:
    """After malformed requests a valid one must be answered as before; if not, the search says which one did it."""
    ledger = Ledger()
    judgement = first[0]
    if judgement.outcome is Outcome.FAIL:
        judgement = next((found for found in search if found.outcome is Outcome.FAIL), None) or replace(
            judgement, findings=_put_down_to_unsteadiness(judgement.findings), outcome=Outcome.PASS
        )
    for finding in judgement.findings:
        if finding.clause in (trial.clause, UNSTEADY):
            ledger.entry(finding.clause).add_finding(finding)
    _enter(ledger, trial.clause, replace(judgement, reason=""), [])
    return Settlement(ledger)


def _settle_outage(trial: Trial, first: Judgement, confirmations: list[Judgement]) -> Settlement:
    """A request that ended the target, or that it hung up on: each time that it was sent, or once.

    That a process of this machine ended while it answered is a failure, however often; what may have been the network,
    and a target that only hung up, must come again each time.
    """
    ledger = Ledger()
    came_again = [again.outcome is Outcome.FAIL for again in confirmations]
    facts = trial.decisive.facts
    is_certain = bool(came_again) and all(came_again)
    is_process_here = bool(facts.get(ENDED)) and not facts.get("remote")
    if not (is_certain or is_process_here) and first.outcome is Outcome.FAIL:
        first = replace(first, outcome=Outcome.INCONCLUSIVE, findings=())
    how_often = ", and again each time that it was sent again" if is_certain else ""
    if came_again and not is_certain:
        how_often = ", but not when it was sent again"
    for finding in first.findings:
        if finding.clause == trial.clause:
            left = {name: value for name, value in finding.episode.facts.items() if name != SHARED or not is_certain}
            told = replace(finding, observed=finding.observed + how_often, episode=replace(finding.episode, facts=left))
            ledger.entry(trial.clause).add_finding(told)
    _enter(ledger, trial.clause, first, [])
    return Settlement(ledger)


def _enter(
    ledger: Ledger, clause: str, judgement: Judgement, findings: Sequence[Finding], remarkable: Sequence[str] = ()
) -> None:
    entry = ledger.entry(clause)
    for finding in findings:
        entry.add_finding(finding)
    match judgement.outcome:
        case Outcome.PASS:
            entry.held += 1
            if judgement.reason:
                entry.notes.append(judgement.reason)
        case Outcome.NOT_RUN:
            entry.not_run.append(judgement.reason)
        case Outcome.INCONCLUSIVE:
            entry.inconclusive.append(judgement.reason)
            entry.traits += [trait for trait in remarkable if trait not in entry.traits]
        case Outcome.NOT_APPLICABLE:
            entry.not_applicable.append(judgement.reason)


def _put_down_to_unsteadiness(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings that did not come again, without those that a network between here and the target may have made."""
    return tuple(put_down_to_unsteadiness(finding) for finding in findings if not finding.may_be_the_network)


def put_down_to_unsteadiness(finding: Finding) -> Finding:
    """A finding that did not come again when the same was sent again."""
    if finding.clause == UNSTEADY:
        return finding
    observed = f"{finding.observed} once, and not when the same was sent again (seen at {finding.clause})"
    return replace(finding, clause=UNSTEADY, observed=observed, seen_at=finding.clause)


def traits_of(episode: Episode) -> tuple[str, ...]:
    """The traits of an episode's unanswered requests."""
    lost = (step.exchange for step in episode.steps if not step.exchange.answered)
    return tuple(dict.fromkeys(trait for exchange in lost for trait in traits(exchange.request)))


Logged = Trial | Note
"""What a test leaves behind, one after the other."""


@dataclass(frozen=True)
class Entry:
    """One thing that a test left behind, the number of the worker that ran it, and whose `turn` it was there."""

    worker: int
    logged: Logged
    turn: int = 0


def fold(entries: Sequence[Entry], contract: Contract, catalogue: Catalogue) -> Ledger:
    """The ledger of a run from what its tests left behind.

    What a worker knew is followed in its own turn; of several workers all is put together in the order of `entries`.
    """
    known: dict[int, Ledger] = {}
    found: dict[int, Ledger] = {}
    for place in sorted(range(len(entries)), key=lambda place: entries[place].turn):
        worker, logged = entries[place].worker, entries[place].logged
        before = known.setdefault(worker, Ledger())
        if isinstance(logged, Note):
            found[place] = logged.ledger()
        else:
            found[place] = settle(logged, before.broken, contract, catalogue).ledger
        before.merge(found[place])
    ledger = Ledger()
    for place in sorted(found):
        ledger.merge(found[place])
    return ledger
