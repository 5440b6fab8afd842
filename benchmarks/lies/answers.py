"""Lies about answers that show a failure: taken away, or exchanged for what decides nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from benchmarks.lies.registry import Lie, Lies
from benchmarks.lies.telling import a_refusal, at_culprits, culprits_of, instead, quiet, with_steps
from conformance.evidence.episode import Episode, Step
from conformance.verdict.record import Record
from conformance.verdict.trial import Performed, Trial

LIES = Lies()


def _answer(**changes: Any) -> Lie:
    return lambda record: at_culprits(record, lambda one: replace(one, **changes))


_NO_ANSWER: dict[str, Any] = {"status": None, "headers": None, "body": None}

LIES.enter(
    {
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
)


@LIES.lie
def offending_answers_exchanged_for_a_refusal(record: Record) -> Record:
    """Every request that showed a failure got an answer that the product gave to another request."""
    other = a_refusal(record)
    return at_culprits(record, lambda one: replace(one, status=400, headers=other.headers, body=other.body, failure=""))


@LIES.lie
def offending_exchanges_exchanged_for_a_refused_one(record: Record) -> Record:
    """Every exchange that showed a failure was another one, request and all."""
    other = a_refusal(record)
    return at_culprits(record, lambda _: other)


@LIES.lie
def answers_swapped_within_episodes(record: Record) -> Record:
    """In every episode that shows a failure, each request got the answer to the next one."""

    def rotated(performed: Performed) -> Performed:
        steps = performed.episode.steps
        answers = [step.exchange for step in (*steps[1:], *steps[:1])]
        altered = tuple(
            replace(step, exchange=replace(answer, request=step.exchange.request))
            for step, answer in zip(steps, answers, strict=True)
        )
        return Performed(performed.part, replace(performed.episode, steps=altered))

    return instead(record, lambda trial: [replace(trial, episodes=tuple(map(rotated, quiet(trial).episodes)))])


@LIES.lie
def offending_answers_taken_from_the_controls(record: Record) -> Record:
    """Every request that showed a failure got the very answer of its control."""

    def altered(trial: Trial) -> list[Trial]:
        guilty = culprits_of(trial)

        def as_control(episode: Episode, step: Step) -> Step:
            controls = [one.exchange for one in episode.steps if one.role == "control"]
            if step.exchange not in guilty or not controls:
                return step
            return replace(step, exchange=replace(controls[0], request=step.exchange.request))

        return [with_steps(quiet(trial), as_control)]

    return instead(record, altered)
