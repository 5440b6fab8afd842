"""What was recorded, held against the plan: every request is there, is the one that was planned, and in its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from conformance.commands.certificate.objections import Objection
from conformance.commands.certificate.planning import Plan
from conformance.scenes.budgets import Repetitions
from conformance.verdict.shapes import GATHERED, Shape, attempts_in, shape_of
from conformance.verdict.trial import Note, Trial
from strategies.attempt import Attempt

ADAPTING = frozenset({"nothing_changed", "executed_once"})
"""What is expected of episodes that leave out what a target accepts against its contract, or take what it has."""


def against_plan(
    trials: Sequence[Trial], notes: Sequence[Note], plan: Plan, passed: Collection[str], *, is_positive: bool
) -> Iterator[Objection]:
    """What speaks against the recorded trials of the clauses that `passed`, when the suite is planned again.

    A server on which nothing that decides fails is sent exactly what was planned. To others the suite adapts: there
    each planned attempt must be among those recorded for its clause, or for one that did not pass.
    """
    yield from edited_requests(trials, plan.attempts)
    if is_positive:
        all_pass = {trial.clause for trial in plan.trials if trial.clause} <= set(passed)
        recorded, planned = (_of(each, passed, adapting=all_pass) for each in (trials, plan.trials))
        yield from _not_as_planned(recorded, planned)
        yield from _too_few(recorded, plan.repetitions)
    else:
        yield from _left_out(trials, notes, plan, passed)


def edited_requests(trials: Sequence[Trial], attempts: Mapping[str, Attempt]) -> Iterator[Objection]:
    """The recorded requests that are not what their attempts make of the ids that were bound."""
    for clause, step in attempts_in(trials):
        attempt = attempts.get(step.attempt_digest)
        if attempt is None:
            continue
        try:
            is_own = attempt.bind(step.bindings) == step.exchange.request
        except (KeyError, ValueError):
            is_own = False
        if not is_own:
            yield Objection("request", f"{clause or 'a general clause'}: what was sent is not “{attempt}”")


def _of(trials: Sequence[Trial], passed: Collection[str], *, adapting: bool) -> list[Trial]:
    """The trials of the clauses that passed, and those that have no clause of their own.

    Those that adapt to a target are among them only where there is nothing to adapt to.
    """
    kept = [trial for trial in trials if trial.episodes and (trial.clause in passed or not trial.clause)]
    return [trial for trial in kept if adapting or trial.decisive.expectation not in ADAPTING]


def _not_as_planned(recorded: Sequence[Trial], planned: Sequence[Trial]) -> Iterator[Objection]:
    have, want = [shape_of(trial) for trial in recorded], [shape_of(trial) for trial in planned]
    if have == want:
        yield from _other_customers(recorded, planned)
        return
    missing, beyond = Counter(want) - Counter(have), Counter(have) - Counter(want)
    yield from _told("plan", planned, want, missing, "is planned, and not in the record")
    yield from _told("episodes", recorded, have, beyond, "is in the record, and not planned, or not as often")
    if not missing and not beyond:
        first = next(trial for trial, mine, theirs in zip(recorded, have, want, strict=True) if mine != theirs)
        yield Objection("episodes", f"{_named(first)} is out of order")


def _too_few(trials: Sequence[Trial], repetitions: Repetitions) -> Iterator[Objection]:
    for trial in trials:
        steps = trial.decisive.steps
        is_refused = any(step.kind == "invalid" for step in steps)
        least = (repetitions.refused if is_refused else repetitions.kept) + repetitions.new
        if trial.decisive.expectation == GATHERED and len(steps) < least:
            yield Objection("plan", f"{_named(trial)} was sent {len(steps)} times, and {least} are planned")


def _other_customers(recorded: Sequence[Trial], planned: Sequence[Trial]) -> Iterator[Objection]:
    """Where the plan uses a customer again, the record does; among gathered successes stand those of races."""
    known: dict[str, str] = {}
    for trial, wanted in zip(recorded, planned, strict=True):
        if trial.decisive.expectation == GATHERED:
            continue
        for step, other in zip(trial.decisive.steps, wanted.decisive.steps, strict=True):
            for name in sorted(other.bindings):
                bound = step.bindings.get(name, "")
                if name.endswith("customer") and known.setdefault(other.bindings[name], bound) != bound:
                    used = known[other.bindings[name]]
                    yield Objection("ids", f"{_named(trial)} uses {bound} for {name}, where the plan uses {used} again")


def _told(
    code: str, trials: Sequence[Trial], shapes: Sequence[Shape], wanted: Counter[Shape], what: str
) -> Iterator[Objection]:
    left = Counter(wanted)
    for trial, shape in zip(trials, shapes, strict=True):
        if left[shape] > 0:
            left[shape] -= 1
            yield Objection(code, f"{_named(trial)} {what}")


def _left_out(
    trials: Sequence[Trial], notes: Sequence[Note], plan: Plan, passed: Collection[str]
) -> Iterator[Objection]:
    elsewhere = {step.attempt_digest for clause, step in attempts_in(trials) if clause not in passed}
    explained = {(note.clause, note.test) for note in notes}
    recorded: dict[str, Counter[str]] = {}
    for clause, step in attempts_in(trials):
        recorded.setdefault(clause, Counter())[step.attempt_digest] += 1
    for trial in plan.trials:
        adapts = trial.decisive.expectation in ADAPTING
        if trial.clause not in passed or (trial.clause, trial.test) in explained or adapts:
            continue
        have = recorded.setdefault(trial.clause, Counter())
        for step in trial.decisive.steps:
            if not step.attempt_digest or step.role != "subject":
                continue
            if have[step.attempt_digest] > 0:
                have[step.attempt_digest] -= 1
            elif step.attempt_digest not in elsewhere:
                yield Objection("plan", f"{_named(trial)}: “{step.attempt}” is planned, and not in the record")


def _named(trial: Trial) -> str:
    subjects = [step.attempt for step in trial.decisive.steps if step.role == "subject"]
    sent = f" (“{subjects[0]}”)" if subjects else ""
    return f"{trial.episodes[0].episode.id or trial.test} of {trial.clause or 'no clause'}{sent}"
