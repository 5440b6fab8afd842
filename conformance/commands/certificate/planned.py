"""The record compared with the plan: every request is there, is the one that was planned, and in its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from conformance.commands.certificate.objections import Objection
from conformance.commands.certificate.rerunning import Plan
from conformance.commands.certificate.reuse import find_reused_exchanges
from conformance.commands.certificate.statements import Evidence
from conformance.commands.certificate.wholeness import (
    REJECTED,
    Gathered,
    count_gathered,
    find_gaps,
    find_other_objects,
    kind_of_gathered,
)
from conformance.commands.certificate.wording import name_trial
from conformance.fixtures.provisioning import Provision
from conformance.judge import executed_once, expectation_name, nothing_changed
from conformance.scenes.budgets import Repetitions
from conformance.verdict.shapes import GATHERED, Shape, attempts_in, sent_by, shape_of, steps_compared
from conformance.verdict.trial import Trial
from strategies.attempt import Attempt

NOTHING_CHANGED = expectation_name(nothing_changed)
ADAPTING = frozenset({NOTHING_CHANGED, expectation_name(executed_once)})
"""Expectations of episodes that pass over what a target accepts against its contract, or take what it has."""


def compare_with_plan(evidence: Evidence, plan: Plan) -> Iterator[Objection]:
    """Yield the objections to the recorded trials of the clauses that passed, given the plan.

    A server on which nothing fails is sent exactly what was planned, but for a few places in which the suite adapts:
    there each planned attempt must be among those recorded for its clause, unless the server is seen to accept it. To
    one that fails it adapts in many, and what is missing cannot make a failure a success: it is no objection.
    """
    trials, passed = evidence.record.trials, evidence.passed
    yield from _find_edited_requests(trials, plan.attempts)
    if not evidence.conforms:
        return
    recorded = _trials_of(trials, passed)
    payment_methods = Provision.from_json(evidence.record.header["target"]["provision"]).payment_methods
    planned = _trials_of(plan.trials, passed)
    adapting = list(_adapting_pairs(evidence, plan))
    yield from _compare_shapes(recorded, planned, payment_methods)
    yield from _find_missing_attempts(adapting)
    if len(recorded) == len(planned):
        together = ((own, wanted) for own, wanted in adapting if own is not None)
        yield from find_reused_exchanges([*zip(recorded, planned, strict=True), *together])
    yield from _find_few_repetitions(recorded, plan.repetitions)
    yield from _find_dropped_repetitions(trials, plan.trials)
    yield from find_gaps(evidence)


def _find_edited_requests(trials: Sequence[Trial], attempts: Mapping[str, Attempt]) -> Iterator[Objection]:
    """Yield the recorded requests that are not what their attempts make of the ids that were bound."""
    for clause, step in attempts_in(trials):
        attempt = attempts.get(step.attempt_digest)
        if attempt is None:
            continue
        try:
            bound = attempt.bind(step.bindings)
        except (KeyError, ValueError):
            bound = None
        if bound != step.exchange.request:
            yield Objection("request", f"{clause or 'a general clause'}: the request is not “{attempt}”")


def _trials_of(trials: Sequence[Trial], passed: frozenset[str]) -> list[Trial]:
    """Return the performed trials of the clauses that passed, or that have no clause of their own; none that adapts."""
    return [trial for trial in trials if trial.episodes and not _is_adapting(trial) and trial.clause in {*passed, ""}]


def _compare_shapes(recorded: Sequence[Trial], planned: Sequence[Trial], payment_methods: str) -> Iterator[Objection]:
    have, want = list(map(shape_of, recorded)), list(map(shape_of, planned))
    if have == want:
        yield from _find_other_customers(recorded, planned)
        for trial, wanted in zip(recorded, planned, strict=True):
            yield from find_other_objects(trial, wanted, payment_methods)
        return
    missing, extra = Counter(want) - Counter(have), Counter(have) - Counter(want)
    for trial in _pick(planned, want, missing):
        yield Objection("plan", f"{_describe(trial)} is planned, and not in the record")
    for trial in _pick(recorded, have, extra):
        yield Objection("episodes", f"{_describe(trial)} is in the record, and not planned, or not as often")
    if not missing and not extra:
        misplaced = next(place for place, shape in enumerate(have) if shape != want[place])
        yield Objection("episodes", f"{_describe(recorded[misplaced])} is out of order")


def _pick(trials: Sequence[Trial], shapes: Sequence[Shape], wanted: Counter[Shape]) -> Iterator[Trial]:
    """Yield the first trials of each shape, as many as are wanted."""
    seen: Counter[Shape] = Counter()
    for trial, shape in zip(trials, shapes, strict=True):
        seen[shape] += 1
        if seen[shape] <= wanted[shape]:
            yield trial


def _find_few_repetitions(trials: Sequence[Trial], repetitions: Repetitions) -> Iterator[Objection]:
    for trial in trials:
        steps = trial.decisive.steps
        is_rejected = kind_of_gathered(trial) == REJECTED
        least = repetitions.new + (repetitions.refused if is_rejected else repetitions.kept)
        if trial.decisive.expectation == GATHERED and len(steps) < least:
            yield Objection("plan", f"{_describe(trial)} was sent {len(steps)} times, and {least} are planned")


def _find_dropped_repetitions(recorded: Sequence[Trial], planned: Sequence[Trial]) -> Iterator[Objection]:
    """Yield the gathered episodes with fewer requests of their own than are planned: answers were left out."""
    have = count_gathered(recorded)
    for kind, wanted in count_gathered(planned).items():
        found = have.get(kind, Gathered())
        least = wanted.own if kind == REJECTED else wanted.least_of(found.others)
        if found.own < least:
            yield Objection("plan", f"{found.own} requests that are {kind} were repeated, and {least} are planned")


def _find_other_customers(recorded: Sequence[Trial], planned: Sequence[Trial]) -> Iterator[Objection]:
    """Yield where the record has another customer, and the plan one that it has used before.

    Gathered successes are not compared: they hold those of races, in any order.
    """
    used: dict[str, str] = {}
    for trial, wanted in zip(recorded, planned, strict=True):
        if trial.decisive.expectation == GATHERED:
            continue
        for name, bound, other in _customers_bound(trial, wanted):
            before = used.setdefault(other, bound)
            if bound != before:
                text = f"{_describe(trial)} uses {bound} for {name}, where the plan uses {before} again"
                yield Objection("ids", text)


def _customers_bound(recorded: Trial, planned: Trial) -> Iterator[tuple[str, str, str]]:
    """Yield the names of the customers that a planned trial binds, each with the recorded id and the planned one."""
    for step, wanted in zip(steps_compared(recorded), steps_compared(planned), strict=True):
        for name in sorted(name for name in wanted.bindings if name.endswith("customer")):
            yield name, step.bindings.get(name, ""), wanted.bindings[name]


def _adapting_pairs(evidence: Evidence, plan: Plan) -> Iterator[tuple[Trial | None, Trial]]:
    """Yield each planned trial of a clause that passed in which the suite adapts, behind the recorded one of its test.

    That is None if the record has none.
    """
    recorded = {_story_of(trial): trial for trial in evidence.record.trials if trial.episodes}
    for trial in plan.trials:
        if _is_adapting(trial) and trial.clause in evidence.passed:
            yield recorded.get(_story_of(trial)), trial


def _story_of(trial: Trial) -> tuple[str, str, str]:
    return trial.clause, trial.test, trial.decisive.expectation


def _find_missing_attempts(pairs: Iterable[tuple[Trial | None, Trial]]) -> Iterator[Objection]:
    """Yield the planned trials which the record lacks, and the attempts that its own lack."""
    for own, trial in pairs:
        if own is None:
            yield Objection("plan", f"{_describe(trial)} is planned, and not in the record")
            continue
        wanted = [step for step in trial.decisive.steps if step.role == "subject" and step.attempt_digest]
        set_up = [step for step in own.decisive.steps if step.role == "set-up" and step.exchange.is_success]
        accepted = {step.attempt_digest for step in wanted} & {step.attempt_digest for step in set_up}
        if trial.decisive.expectation == NOTHING_CHANGED and _frame_of(own, accepted) != _frame_of(trial):
            yield Objection("plan", f"{_describe(trial)}: what is planned before and after the requests is not there")
        left = Counter(step.attempt_digest for step in own.decisive.steps)
        for step in wanted:
            left[step.attempt_digest] -= 1
            if left[step.attempt_digest] < 0 and step.attempt_digest not in accepted:
                yield Objection("plan", f"{_describe(trial)}: “{step.attempt}” is planned, and not in the record")


def _frame_of(trial: Trial, accepted: Container[str] = ()) -> list[tuple[str, str]]:
    """Return the steps around the requests that are to be refused: what is made, and what is read before and after.

    Attempts that were `accepted`, given by their digests, are none of them.
    """
    around = (step for step in trial.decisive.steps if step.role != "subject" and step.attempt_digest not in accepted)
    return [(step.role, sent_by(step)) for step in around]


def _is_adapting(trial: Trial) -> bool:
    return bool(trial.episodes) and trial.decisive.expectation in ADAPTING


def _describe(trial: Trial) -> str:
    subjects = [f" (“{step.attempt}”)" for step in trial.decisive.steps if step.role == "subject"]
    return "".join([name_trial(trial), *subjects[:1]])
