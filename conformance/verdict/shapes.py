"""The shape of a trial: what it is without the ids of a run, so that what was recorded can be held against a plan."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from conformance.evidence.episode import Episode, Step
from conformance.evidence.exchange import is_creation
from conformance.verdict.trial import Trial

OWN_IDS = re.compile(r"(/(?:payment_methods|customers)/)[^/?]+")
"""Where an id stands in the path of another endpoint."""

ID = "*"

NOT_OF_THE_PLAN = frozenset({"created_as", "remote", "value"})
"""Facts that the target decides: how it gives payment methods, where it is, and the id that was sent."""

GATHERED = "steady"
"""What is expected of an episode that gathers successes from all over the run, as many as there happen to be."""

Shape = tuple[Any, ...]


def shape_of(trial: Trial) -> Shape:
    """The shape of the episode of a trial that decides, with all that the judge is told of it."""
    episode = trial.decisive
    steps = tuple(shape_of_step(step) for step in episode.steps)
    if episode.expectation == GATHERED:
        steps = tuple(sorted(set(steps)))
    facts = tuple(sorted((name, masked(value, episode)) for name, value in _facts(episode)))
    also = tuple(map(tuple, trial.also))
    return trial.kind, trial.clause, trial.test, trial.explores, also, episode.clause, episode.expectation, facts, steps


def shape_of_step(step: Step) -> Shape:
    """The role of a step, what was sent, and what the judge is told of it."""
    sent = step.attempt_digest or f"{step.exchange.request.method} {endpoint(step.exchange.request.target)}"
    return step.role, sent, step.kind, step.invalid


def endpoint(target: str) -> str:
    """The path of a request to another endpoint, without ids; both endpoints that list payment methods are one."""
    path = OWN_IDS.sub(rf"\g<1>{ID}", target.partition("?")[0])
    is_list = path.endswith("/payment_methods") and (path.count("/") > 2 or "customer=" in target)
    return "the list" if is_list else path


def masked(value: Any, episode: Episode) -> str:
    """A fact in words, without the ids of the episode."""
    words = repr(value)
    for identifier in sorted(ids_of(episode), key=len, reverse=True):
        words = words.replace(identifier, ID)
    return words


def ids_of(episode: Episode) -> set[str]:
    """Every id that is bound in an episode, or that its objects were created with."""
    created = (step.exchange.object.get("id") for step in episode.steps if is_creation(step.exchange))
    bound = (identifier for step in episode.steps for identifier in step.bindings.values())
    return {text for text in (*episode.fixtures.values(), *bound, *created) if isinstance(text, str) and text}


def attempts_in(trials: Iterable[Trial]) -> Iterable[tuple[str, Step]]:
    """Every step that sends an attempt of the operation, with the clause of its trial."""
    return (
        (trial.clause, step)
        for trial in trials
        for performed in trial.episodes
        for step in performed.episode.steps
        if step.attempt_digest
    )


def _facts(episode: Episode) -> Iterable[tuple[str, Any]]:
    facts: Mapping[str, Any] = episode.facts
    return ((name, value) for name, value in facts.items() if name not in NOT_OF_THE_PLAN)
