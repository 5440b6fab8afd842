"""Lies about trials: left out, exchanged, or said to be about something else; and about their parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from benchmarks.forging import log_of
from benchmarks.lies.registry import Lie, Lies
from benchmarks.lies.telling import instead, is_honest, quiet, shows_failure, with_log
from conformance.evidence.episode import Outcome
from conformance.verdict.entries import Kind
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

LIES = Lies()

# Trials: left out, replaced, said to be about something else


@LIES.lie
def failing_trials_left_out(record: Record) -> Record:
    """The trials that show a failure were never performed."""
    return instead(record, lambda _: [])


@LIES.lie
def failing_clauses_left_out(record: Record) -> Record:
    """Nothing at all was performed for the clauses that fail."""
    failing = {one.clause for one in log_of(record) if shows_failure(one)}
    return with_log(record, [one for one in log_of(record) if one.clause not in failing])


@LIES.lie
def record_cut_before_the_first_failure(record: Record) -> Record:
    """The run ended before anything failed."""
    log = log_of(record)
    return with_log(record, log[: next(i for i, one in enumerate(log) if shows_failure(one))])


@LIES.lie
def record_cut_after_the_last_failure(record: Record) -> Record:
    """The run began when the last failure was over."""
    log = log_of(record)
    return with_log(record, log[max(i for i, one in enumerate(log) if shows_failure(one)) + 1 :])


@LIES.lie
def failing_trials_exchanged_for_passing_ones(record: Record) -> Record:
    """Each trial that failed is a second copy of one of the same clause that passed."""
    passed = {one.clause: one for one in log_of(record) if is_honest(one)}
    return instead(record, lambda trial: [passed[trial.clause]] if trial.clause in passed else [trial])


@LIES.lie
def failing_trials_exchanged_for_one_of_another_clause(record: Record) -> Record:
    """Each trial that failed holds the episodes of another clause that passed."""
    other = next(one for one in log_of(record) if is_honest(one) and isinstance(one, Trial) and one.clause)
    return instead(record, lambda trial: [replace(trial, episodes=other.episodes)])


def _as_note(kind: Kind) -> Lie:
    def altered(record: Record) -> Record:
        return instead(record, lambda trial: [Note(trial.clause, kind, "not for this product", trial.test)])

    return altered


def _failing_clauses_as_note(kind: Kind) -> Lie:
    def altered(record: Record) -> Record:
        failing = dict.fromkeys(one.clause for one in log_of(record) if shows_failure(one))
        kept = [one for one in log_of(record) if one.clause not in failing]
        return with_log(record, [*kept, *(Note(slug, kind, "not for this product") for slug in failing)])

    return altered


for _kind in (Kind.NOT_RUN, Kind.LACKING, Kind.NOT_APPLICABLE, Kind.ERROR):
    LIES.enter({f"failing trials noted as {_kind}": _as_note(_kind)})
    LIES.enter({f"failing clauses noted as {_kind}": _failing_clauses_as_note(_kind)})


def _with_trial(**changes: Any) -> Lie:
    return lambda record: instead(record, lambda trial: [replace(quiet(trial), **changes)])


def _with_clause(clause: str) -> Lie:
    def moved(trial: Trial) -> list[Trial]:
        trial = quiet(trial)
        altered = [Performed(one.part, replace(one.episode, clause=clause)) for one in trial.episodes]
        return [replace(trial, clause=clause, episodes=tuple(altered))]

    return lambda record: instead(record, moved)


LIES.enter(
    {
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
)


@LIES.lie
def every_trial_said_to_lack_fixtures(record: Record) -> Record:
    """Fixtures ran out in each trial, after its first episode; a rejection then proves nothing."""
    return with_log(
        record,
        [
            replace(quiet(one), missing="no payment method is left") if isinstance(one, Trial) else one
            for one in log_of(record)
        ],
    )


@LIES.lie
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


LIES.enter(
    {
        "first episodes said to be a search": _with_parts(_renamed(FIRST, SEARCH)),
        "first episodes said to be a confirmation": _with_parts(_renamed(FIRST, CONFIRMATION)),
        "confirmations said to be repetitions": _with_parts(_renamed(CONFIRMATION, AGAIN)),
        "confirmations said to be first": _with_parts(_renamed(CONFIRMATION, FIRST)),
        "confirmations said to be a search": _with_parts(_renamed(CONFIRMATION, SEARCH)),
        "failing episodes said to be a search": _with_parts(
            lambda trial: (
                Performed(SEARCH if one.judgement.findings else one.part, one.episode) for one in trial.episodes
            )
        ),
        "failing episodes left out of their trials": _with_parts(
            lambda trial: (one for one in trial.episodes if not one.judgement.findings)
        ),
        "only the last episode left": _with_parts(lambda trial: [Performed(FIRST, trial.episodes[-1].episode)]),
        "episodes in the opposite order": _with_parts(lambda trial: reversed(trial.episodes)),
    }
)


def _then_passing(part: str, times: int) -> Lie:
    """Add episodes of the same clause that passed, as that part."""

    def altered(record: Record) -> Record:
        passed = {one.clause: one for one in log_of(record) if is_honest(one)}

        def added(trial: Trial) -> list[Trial]:
            other = passed.get(trial.clause)
            if not isinstance(other, Trial):
                return [trial]
            more = tuple(Performed(part, replace(other.decisive, id="")) for _ in range(times))
            return [replace(quiet(trial), episodes=(*quiet(trial).episodes, *more))]

        return instead(record, added)

    return altered


LIES.enter(
    {
        "a repetition that passed invented": _then_passing(AGAIN, 1),
        "confirmations that passed invented": _then_passing(CONFIRMATION, 2),
        "a second first episode that passed invented": _then_passing(FIRST, 1),
    }
)


@LIES.lie
def confirmations_of_what_passed_invented(record: Record) -> Record:
    """Failed trials are left out, and to make up for it every trial that passed was confirmed another time."""
    log: list[Trial | Note] = []
    for one in log_of(record):
        if isinstance(one, Trial) and one.episodes and not shows_failure(one):
            again = Performed(CONFIRMATION, replace(one.decisive, id=""))
            log.append(replace(one, episodes=(*one.episodes, again)))
        elif not shows_failure(one):
            log.append(one)
    return with_log(record, log)
