"""Lies about episodes: steps left out or named otherwise, and other expectations, facts and ids for the judge."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from benchmarks.lies.registry import Lie, Lies
from benchmarks.lies.telling import at_steps, culprits_of, instead, is_honest, quiet, with_facts, with_steps
from conformance.evidence.episode import Step
from conformance.evidence.exchange import Exchange
from conformance.verdict.record import Record
from conformance.verdict.shapes import sent_by
from conformance.verdict.trial import Performed, Trial

LIES = Lies()

# Steps that show a failure: left out, or said to be something else


def _step(**changes: Any) -> Lie:
    return lambda record: at_steps(record, lambda step: replace(step, **changes))


LIES.enter(
    {
        "offending steps left out": lambda record: at_steps(record, lambda _: None),
        "offending steps said to be set-up": _step(role="set-up"),
        "offending steps said to be controls": _step(role="control"),
        "offending steps said to be follow-ups": _step(role="follow-up"),
        "offending steps said to be of another kind": _step(kind="wire", invalid=""),
        "offending steps said to be valid": _step(kind="valid", invalid=""),
        "offending steps said to be invalid": _step(kind="invalid", invalid="body: not a form"),
        "offending steps said to be of no attempt": _step(attempt_digest="", attempt=""),
        "offending steps said to be of an unknown attempt": _step(attempt_digest="0" * 64),
        "offending steps without bindings": _step(bindings={}),
    }
)


def _request(**changes: Any) -> Lie:
    def altered(step: Step) -> Step:
        request = replace(step.exchange.request, **changes)
        return replace(step, exchange=replace(step.exchange, request=request))

    return lambda record: at_steps(record, altered)


LIES.enter(
    {
        "offending requests said to be empty": _request(body=b""),
        "offending requests said to have another method": _request(method="GET"),
        "offending requests said to go elsewhere": _request(target="/v1/charges"),
        "offending requests said to hold no key": _request(credentials=""),
        "offending requests said to be raw": _request(raw=True),
        "offending requests without headers": _request(headers=()),
    }
)


def _without_role(role: str) -> Lie:
    return lambda record: instead(
        record,
        lambda trial: [with_steps(quiet(trial), lambda _, step: None if step.role == role else step)],
    )


for _role in ("set-up", "control", "follow-up"):
    LIES.enter({f"failing episodes without a {_role}": _without_role(_role)})


@LIES.lie
def failing_episodes_cut_before_the_failure(record: Record) -> Record:
    """Each episode ended right before what showed the failure."""

    def cut(trial: Trial) -> list[Trial]:
        trial, guilty = quiet(trial), culprits_of(trial)
        altered = []
        for one in trial.episodes:
            steps = one.episode.steps
            places = [index for index, step in enumerate(steps) if step.exchange in guilty]
            kept = steps[: min(places, default=len(steps))]
            altered.append(Performed(one.part, replace(one.episode, steps=kept)))
        return [replace(trial, episodes=tuple(altered))]

    return instead(record, cut)


@LIES.lie
def failing_steps_doubled_by_passing_ones(record: Record) -> Record:
    """The step that showed the failure is a second copy of the step before it."""

    def doubled(performed: Performed, guilty: frozenset[Exchange]) -> Performed:
        altered: list[Step] = []
        for step in performed.episode.steps:
            altered.append(replace(altered[-1]) if step.exchange in guilty and altered else step)
        return Performed(performed.part, replace(performed.episode, steps=tuple(altered)))

    def change(trial: Trial) -> list[Trial]:
        guilty = culprits_of(trial)
        return [replace(trial, episodes=tuple(doubled(one, guilty) for one in quiet(trial).episodes))]

    return instead(record, change)


def _sends(step: Step) -> tuple[str, str, str]:
    """The request of a step, and all that the judge knows of it."""
    return sent_by(step), step.kind, step.invalid


@LIES.lie
def offending_steps_exchanged_for_others_that_sent_the_same(record: Record) -> Record:
    """The step that shows the failure is one of the same kind that was answered well elsewhere."""
    well = (trial for trial in record.trials if is_honest(trial))
    others = {_sends(step): step for trial in well for step in trial.decisive.steps}

    def exchanged(step: Step) -> Step:
        other = others.get(_sends(step), step)
        return replace(step, exchange=other.exchange, bindings=other.bindings)

    return at_steps(record, exchanged)


@LIES.lie
def repetitions_that_differ_exchanged_for_others_of_their_episode(record: Record) -> Record:
    """The step that shows the failure is another repetition of the request, which was answered as usual."""

    def exchanged(trial: Trial) -> list[Trial]:
        guilty, trial = culprits_of(trial), quiet(trial)
        usual = {_sends(step): step for step in trial.decisive.steps if step.exchange not in guilty}
        return [with_steps(trial, lambda _, step: usual.get(_sends(step), step) if step.exchange in guilty else step)]

    return instead(record, exchanged)


@LIES.lie
def reads_exchanged_for_others_of_the_same_object(record: Record) -> Record:
    """Each read in a failing episode is the last one of the same object there."""

    def altered(performed: Performed) -> Performed:
        steps = performed.episode.steps
        last = {step.exchange.request: step.exchange for step in steps if not step.attempt_digest}
        read = tuple(replace(step, exchange=last.get(step.exchange.request, step.exchange)) for step in steps)
        return Performed(performed.part, replace(performed.episode, steps=read))

    return instead(record, lambda trial: [replace(trial, episodes=tuple(map(altered, quiet(trial).episodes)))])


# The judge: another expectation, other facts, other ids


def _expectation(name: str) -> Lie:
    def altered(trial: Trial) -> list[Trial]:
        episodes = [Performed(one.part, replace(one.episode, expectation=name)) for one in quiet(trial).episodes]
        return [replace(trial, episodes=tuple(episodes))]

    return lambda record: instead(record, altered)


for _name in ("answered", "accepted", "rejected", "survived", "absent", "outlived", "nothing_changed", "flattered"):
    LIES.enter({f"failing episodes judged as {_name}": _expectation(_name)})

LIES.enter(
    {
        "failing episodes said to need a control": lambda record: with_facts(record, control_succeeds=True),
        "failing episodes said to allow 200": lambda record: with_facts(record, or_refused_with=200),
        "failing episodes said to be of a far target": lambda record: with_facts(record, remote=True),
        "failing episodes said to explore": lambda record: with_facts(record, explores=True),
        "failing episodes said to be of a server without state": lambda record: with_facts(record, stateless=True),
        "failing episodes said to have a live key": lambda record: with_facts(record, test_key=False),
        "failing episodes said to be about absent endpoints": lambda record: with_facts(
            record, absent="no such endpoint"
        ),
        "failing episodes said to be of shared ends": lambda record: with_facts(record, shared=True, ended=True),
        "failing episodes without facts about cards": lambda record: with_facts(record, created_as=None),
    }
)


@LIES.lie
def what_was_sent_said_to_be_what_was_shown(record: Record) -> Record:
    """The value that the server should have used is the one that it did use."""

    def altered(performed: Performed) -> Performed:
        episode = performed.episode
        if "value" not in episode.facts:
            return performed
        shown = episode.subject.object.get("customer")
        return Performed(performed.part, replace(episode, facts={**episode.facts, "value": shown}))

    return instead(record, lambda trial: [replace(trial, episodes=tuple(map(altered, quiet(trial).episodes)))])


@LIES.lie
def what_was_attached_before_said_to_be_what_is_attached(record: Record) -> Record:
    """The customer whom a read shows was attached before."""

    def altered(performed: Performed) -> Performed:
        episode = performed.episode
        shown = [read.object.get("customer") for read in episode.exchanges("follow-up")]
        facts = {**episode.facts, "attached_before": next(filter(None, shown), None)}
        return Performed(performed.part, replace(episode, facts=facts))

    return instead(record, lambda trial: [replace(trial, episodes=tuple(map(altered, quiet(trial).episodes)))])


@LIES.lie
def fixtures_exchanged(record: Record) -> Record:
    """The objects that an episode speaks of are each other."""

    def altered(performed: Performed) -> Performed:
        fixtures = performed.episode.fixtures
        turned = dict(zip(fixtures, reversed(list(fixtures.values())), strict=True))
        return Performed(performed.part, replace(performed.episode, fixtures=turned))

    return instead(record, lambda trial: [replace(trial, episodes=tuple(map(altered, quiet(trial).episodes)))])


@LIES.lie
def another_object_read_afterwards(record: Record) -> Record:
    """The object that was read after the request is one that nothing had changed."""

    def altered(performed: Performed) -> Performed:
        steps = performed.episode.steps
        before = next((step.exchange for step in steps if step.role == "control"), None)
        if before is None:
            return performed
        changed = tuple(replace(s, exchange=before) if s.role == "follow-up" else s for s in steps)
        return Performed(performed.part, replace(performed.episode, steps=changed))

    return instead(record, lambda trial: [replace(trial, episodes=tuple(map(altered, quiet(trial).episodes)))])
