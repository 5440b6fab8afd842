"""Lies that a holder of the key can tell with the record of a product that does not conform.

Each is a pure function from the record to a record or a bundle in which it is told; its docstring names the lie. One
that finds nothing to lie about raises LookupError. None makes an answer up with care: that leaves no trace, as
docs/certification.md says, and only asking the product shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from benchmarks.forging import Log, log_of, rewritten
from conformance.commands.certificate.files import Files
from conformance.evidence.episode import Episode, Outcome, Step
from conformance.evidence.exchange import Exchange
from conformance.verdict.record import Record
from conformance.verdict.trial import (
    AGAIN,
    CONFIRMATION,
    FIRST,
    OF_A_CLAUSE,
    OF_OUTAGE,
    OF_SERVING,
    SEARCH,
    Note,
    Performed,
    Trial,
)

Lie = Callable[[Record], Record | Files]
LIES: dict[str, Lie] = {}
"""The lies by their names."""


def lie(function: Lie) -> Lie:
    """Enter a lie by its name."""
    LIES[function.__name__.replace("_", " ")] = function
    return function


def with_log(record: Record, log: Log) -> Record:
    """Return the record with another log. Raises LookupError where nothing differs."""
    if list(log) == log_of(record):
        raise LookupError("nothing differs")
    return rewritten(record, log)


def shows_failure(logged: Trial | Note) -> bool:
    """Return whether an episode of a trial shows a failure, or shows nothing for want of an answer."""
    if not isinstance(logged, Trial):
        return False
    return any(one.judgement.findings or one.judgement.outcome is not Outcome.PASS for one in logged.episodes)


def is_honest(logged: Trial | Note) -> bool:
    """Return whether a trial shows that its clause holds."""
    return isinstance(logged, Trial) and bool(logged.episodes) and not shows_failure(logged)


Change = Callable[[Trial], Iterable[Trial | Note]]


def instead(record: Record, change: Change) -> Record:
    """Return the record in which every trial that shows a failure is replaced by what `change` makes of it."""
    log: list[Trial | Note] = []
    for one in log_of(record):
        log += change(one) if isinstance(one, Trial) and shows_failure(one) else [one]
    return with_log(record, log)


def quiet(trial: Trial) -> Trial:
    """Return a trial with its first episode alone, as if nothing had given a reason to confirm it."""
    return replace(trial, episodes=tuple(trial.performed_as(FIRST)[:1]))


def with_steps(trial: Trial, change: Callable[[Episode, Step], Step | None]) -> Trial:
    """Return a trial with the steps of its episodes changed, or left out."""

    def changed(performed: Performed) -> Performed:
        episode = performed.episode
        steps = (change(episode, step) for step in episode.steps)
        kept = tuple(step for step in steps if step is not None)
        return Performed(performed.part, replace(episode, steps=kept))

    return replace(trial, episodes=tuple(map(changed, trial.episodes)))


def culprits_of(trial: Trial) -> frozenset[Exchange]:
    """Return the exchanges that show a failure in any episode of a trial; if none does, those without an answer."""
    shown = {finding.exchange for one in trial.episodes for finding in one.judgement.findings}
    steps = [step for one in trial.episodes for step in one.episode.steps]
    return frozenset(shown or {step.exchange for step in steps if not step.exchange.answered})


def at_culprits(record: Record, change: Callable[[Exchange], Exchange], *, silent: bool = True) -> Record:
    """Return the record with each exchange that shows a failure changed, wherever it stands.

    When `silent`, what was performed because of the failure is dropped.
    """
    trials = [one for one in log_of(record) if isinstance(one, Trial)]
    guilty = frozenset[Exchange]().union(*(culprits_of(trial) for trial in trials))

    def changed(_: Episode, step: Step) -> Step:
        return replace(step, exchange=change(step.exchange)) if step.exchange in guilty else step

    log: list[Trial | Note] = []
    for one in log_of(record):
        if not isinstance(one, Trial) or not any(
            step.exchange in guilty for p in one.episodes for step in p.episode.steps
        ):
            log.append(one)
            continue
        log.append(with_steps(quiet(one) if silent and shows_failure(one) else one, changed))
    return with_log(record, log)


def at_steps(record: Record, change: Callable[[Step], Step | None]) -> Record:
    """Return the record with the steps changed that show a failure, and what was performed because of it dropped."""

    def changed(trial: Trial) -> Iterator[Trial]:
        guilty = culprits_of(trial)
        yield with_steps(quiet(trial), lambda _, step: change(step) if step.exchange in guilty else step)

    return instead(record, changed)


def with_facts(record: Record, **facts: Any) -> Record:
    """Return the record with facts added to each episode of a trial that shows a failure; None takes one away."""

    def told(performed: Performed) -> Performed:
        every = {**performed.episode.facts, **facts}
        kept = {name: value for name, value in every.items() if value is not None}
        return Performed(performed.part, replace(performed.episode, facts=kept))

    return instead(record, lambda trial: [replace(trial, episodes=tuple(map(told, quiet(trial).episodes)))])


def everywhere_with_facts(record: Record, **facts: Any) -> list[Trial | Note]:
    """Return the log with facts changed in every episode; None takes one away."""

    def told(performed: Performed) -> Performed:
        every = {**performed.episode.facts, **facts}
        kept = {name: value for name, value in every.items() if value is not None}
        return Performed(performed.part, replace(performed.episode, facts=kept))

    return [
        replace(one, episodes=tuple(map(told, one.episodes))) if isinstance(one, Trial) else one
        for one in log_of(record)
    ]


def a_refusal(record: Record) -> Exchange:
    """Return an exchange in which the product rejected something as it must. Raises LookupError."""
    for one in log_of(record):
        if is_honest(one) and isinstance(one, Trial):
            for step in one.decisive.steps:
                if step.role == "subject" and step.exchange.status == 400 and step.exchange.error:
                    return step.exchange
    raise LookupError("nothing was rejected")


# Trials: left out, replaced, said to be about something else


@lie
def failing_trials_left_out(record: Record) -> Record:
    """The trials that show a failure were never performed."""
    return instead(record, lambda _: [])


@lie
def failing_clauses_left_out(record: Record) -> Record:
    """Nothing at all was performed for the clauses that fail."""
    failing = {one.clause for one in log_of(record) if shows_failure(one)}
    return with_log(record, [one for one in log_of(record) if one.clause not in failing])


@lie
def record_cut_before_the_first_failure(record: Record) -> Record:
    """The run ended before anything failed."""
    log = log_of(record)
    return with_log(record, log[: next(i for i, one in enumerate(log) if shows_failure(one))])


@lie
def record_cut_after_the_last_failure(record: Record) -> Record:
    """The run began when the last failure was over."""
    log = log_of(record)
    return with_log(record, log[max(i for i, one in enumerate(log) if shows_failure(one)) + 1 :])


@lie
def failing_trials_exchanged_for_passing_ones(record: Record) -> Record:
    """Each trial that failed is a second copy of one of the same clause that passed."""
    passed = {one.clause: one for one in log_of(record) if is_honest(one)}
    return instead(record, lambda trial: [passed[trial.clause]] if trial.clause in passed else [trial])


@lie
def failing_trials_exchanged_for_one_of_another_clause(record: Record) -> Record:
    """Each trial that failed holds the episodes of another clause that passed."""
    other = next(one for one in log_of(record) if is_honest(one) and isinstance(one, Trial) and one.clause)
    return instead(record, lambda trial: [replace(trial, episodes=other.episodes)])


def _as_note(kind: str) -> Lie:
    def told(record: Record) -> Record:
        return instead(record, lambda trial: [Note(trial.clause, kind, "not for this product", trial.test)])

    return told


def _failing_clauses_as_note(kind: str) -> Lie:
    def told(record: Record) -> Record:
        failing = dict.fromkeys(one.clause for one in log_of(record) if shows_failure(one))
        kept = [one for one in log_of(record) if one.clause not in failing]
        return with_log(record, [*kept, *(Note(slug, kind, "not for this product") for slug in failing)])

    return told


for _kind in ("not-run", "lacking", "not-applicable", "error"):
    LIES[f"failing trials noted as {_kind}"] = _as_note(_kind)
    LIES[f"failing clauses noted as {_kind}"] = _failing_clauses_as_note(_kind)


def _with_trial(**changes: Any) -> Lie:
    return lambda record: instead(record, lambda trial: [replace(quiet(trial), **changes)])


def _with_clause(clause: str) -> Lie:
    def moved(trial: Trial) -> list[Trial]:
        trial = quiet(trial)
        told = [Performed(one.part, replace(one.episode, clause=clause)) for one in trial.episodes]
        return [replace(trial, clause=clause, episodes=tuple(told))]

    return lambda record: instead(record, moved)


LIES |= {
    "failing trials without a clause": _with_clause(""),
    "failing trials without a clause, but in the episode": _with_trial(clause=""),
    "failing trials moved to a SHOULD": _with_clause("request.other-media-types"),
    "failing trials moved to a clause that holds": _with_clause("request.minimal-body"),
    "failing trials moved to a clause that is none": _with_clause("body.none-such"),
    "failing trials said to explore": _with_trial(explores=True, clause=""),
    "failing trials said to be of another test": _with_trial(test="test_nothing"),
    "failing trials said to be about serving": _with_trial(kind=OF_SERVING),
    "failing trials said to be about an outage": _with_trial(kind=OF_OUTAGE),
    "failing trials said to be of a clause alone": _with_trial(kind=OF_A_CLAUSE, also=()),
    "failing trials said to lack fixtures": _with_trial(missing="no payment method is left"),
    "failing trials said to be interrupted": _with_trial(missing="the run was interrupted"),
    "failing trials without any episode": _with_trial(missing="no payment method is left", episodes=()),
    "failing trials never confirmed": _with_trial(),
}


@lie
def every_trial_said_to_lack_fixtures(record: Record) -> Record:
    """Fixtures ran out in each trial, after its first episode; a rejection then proves nothing."""
    return with_log(
        record,
        [
            replace(quiet(one), missing="no payment method is left") if isinstance(one, Trial) else one
            for one in log_of(record)
        ],
    )


@lie
def passing_trials_that_show_failures_said_to_lack_fixtures(record: Record) -> Record:
    """Fixtures ran out in confirming what an answer showed of a general clause, while its own clause held."""

    def lacking(trial: Trial) -> list[Trial]:
        is_passed = bool(trial.episodes) and trial.episodes[0].judgement.outcome is Outcome.PASS
        return [replace(quiet(trial), missing="no payment method is left") if is_passed else trial]

    return instead(record, lacking)


# Parts of trials


def _with_parts(change: Callable[[Trial], Iterable[Performed]]) -> Lie:
    return lambda record: instead(record, lambda trial: [replace(trial, episodes=tuple(change(trial)))])


def _renamed(old: str, new: str) -> Callable[[Trial], Iterator[Performed]]:
    return lambda trial: (Performed(new if one.part == old else one.part, one.episode) for one in trial.episodes)


LIES |= {
    "first episodes said to be a search": _with_parts(_renamed(FIRST, SEARCH)),
    "first episodes said to be a confirmation": _with_parts(_renamed(FIRST, CONFIRMATION)),
    "confirmations said to be repetitions": _with_parts(_renamed(CONFIRMATION, AGAIN)),
    "confirmations said to be first": _with_parts(_renamed(CONFIRMATION, FIRST)),
    "confirmations said to be a search": _with_parts(_renamed(CONFIRMATION, SEARCH)),
    "failing episodes said to be a search": _with_parts(
        lambda trial: (Performed(SEARCH if one.judgement.findings else one.part, one.episode) for one in trial.episodes)
    ),
    "failing episodes left out of their trials": _with_parts(
        lambda trial: (one for one in trial.episodes if not one.judgement.findings)
    ),
    "only the last episode left": _with_parts(lambda trial: [Performed(FIRST, trial.episodes[-1].episode)]),
    "episodes in the opposite order": _with_parts(lambda trial: reversed(trial.episodes)),
}


def _then_passing(part: str, times: int) -> Lie:
    """Add episodes of the same clause that passed, as that part."""

    def told(record: Record) -> Record:
        passed = {one.clause: one for one in log_of(record) if is_honest(one)}

        def added(trial: Trial) -> list[Trial]:
            other = passed.get(trial.clause)
            if not isinstance(other, Trial):
                return [trial]
            more = tuple(Performed(part, replace(other.decisive, id="")) for _ in range(times))
            return [replace(quiet(trial), episodes=(*quiet(trial).episodes, *more))]

        return instead(record, added)

    return told


LIES |= {
    "a repetition that passed invented": _then_passing(AGAIN, 1),
    "confirmations that passed invented": _then_passing(CONFIRMATION, 2),
    "a second first episode that passed invented": _then_passing(FIRST, 1),
}


@lie
def confirmations_of_what_passed_invented(record: Record) -> Record:
    """What failed is left out, and every trial that passed was confirmed once more, to make up for it."""
    log: list[Trial | Note] = []
    for one in log_of(record):
        if isinstance(one, Trial) and one.episodes and not shows_failure(one):
            again = Performed(CONFIRMATION, replace(one.decisive, id=""))
            log.append(replace(one, episodes=(*one.episodes, again)))
        elif not shows_failure(one):
            log.append(one)
    return with_log(record, log)


# Answers that show a failure: taken away, or exchanged for what decides nothing


def _answer(**changes: Any) -> Lie:
    return lambda record: at_culprits(record, lambda one: replace(one, **changes))


_NO_ANSWER: dict[str, Any] = {"status": None, "headers": None, "body": None}

LIES |= {
    "offending answers timed out": _answer(**_NO_ANSWER, failure="timed out", original_error="10 s have passed"),
    "offending answers lost with their connection": _answer(**_NO_ANSWER, failure="connection lost"),
    "offending answers neither there nor lost": _answer(**_NO_ANSWER, failure=""),
    "offending answers throttled": _answer(status=429, retries=4),
    "offending answers without a body": _answer(body=None),
    "offending answers without a head": _answer(headers=None),
    "offending answers with an empty body": _answer(body=b""),
    "offending answers without headers": _answer(headers=()),
    "offending answers with only another status": _answer(status=400),
    "offending answers with a status that is none": _answer(status=99),
    "offending answers said to be informative": _answer(status=101),
    "offending answers without framing errors": _answer(framing=()),
    "offending answers said not to show the key": _answer(leaked_key=False),
    "offending answers said to be sent again": _answer(resent=True, unread=True, idle=60.0),
    "offending answers said to have had a connection of their own": _answer(new_connection=True, idle=None),
    "offending answers said to come of retries": _answer(retries=3),
    "offending answers said to be quick": _answer(seconds=0.0001),
    "offending answers said to take longer than the run": _answer(seconds=86_400.0),
    "offending answers said to be before the run": _answer(received=1.0),
}


@lie
def offending_answers_exchanged_for_a_refusal(record: Record) -> Record:
    """Every request that showed a failure got an answer that the product gave to another request."""
    other = a_refusal(record)
    return at_culprits(record, lambda one: replace(one, status=400, headers=other.headers, body=other.body, failure=""))


@lie
def offending_exchanges_exchanged_for_a_refused_one(record: Record) -> Record:
    """Every exchange that showed a failure was another one, request and all."""
    other = a_refusal(record)
    return at_culprits(record, lambda _: other)


@lie
def answers_swapped_within_episodes(record: Record) -> Record:
    """In every episode that shows a failure, each request got the answer to the next one."""

    def rotated(performed: Performed) -> Performed:
        steps = performed.episode.steps
        answers = [step.exchange for step in (*steps[1:], *steps[:1])]
        told = tuple(
            replace(step, exchange=replace(answer, request=step.exchange.request))
            for step, answer in zip(steps, answers, strict=True)
        )
        return Performed(performed.part, replace(performed.episode, steps=told))

    return instead(record, lambda trial: [replace(trial, episodes=tuple(map(rotated, quiet(trial).episodes)))])


@lie
def offending_answers_taken_from_the_controls(record: Record) -> Record:
    """Every request that showed a failure got the very answer of its control."""

    def told(trial: Trial) -> list[Trial]:
        guilty = culprits_of(trial)

        def as_control(episode: Episode, step: Step) -> Step:
            controls = [one.exchange for one in episode.steps if one.role == "control"]
            if step.exchange not in guilty or not controls:
                return step
            return replace(step, exchange=replace(controls[0], request=step.exchange.request))

        return [with_steps(quiet(trial), as_control)]

    return instead(record, told)
