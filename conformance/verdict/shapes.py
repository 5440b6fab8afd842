"""The shape of a trial: the trial without the ids of its run, to compare what was recorded with a plan."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from conformance.evidence.episode import Episode, Step
from conformance.evidence.exchange import Exchange
from conformance.fixtures.endpoints import shows_list
from conformance.fixtures.ids import bound_ids, created_ids, pattern_of
from conformance.judge import expectation_name, steady
from conformance.verdict.trial import Trial

ID = "*"
THE_LIST = "the list"

NOT_OF_THE_PLAN = frozenset({"created_as", "remote", "value"})
"""Facts that the target decides: how it gives payment methods, where it is, and the id that was sent."""

GATHERED = expectation_name(steady)
"""The expectation of an episode that gathers successes from the whole run, as many as there happen to be."""

_OWN_IDS = re.compile(r"(/(?:payment_methods|customers)/)[^/?]+")

Shape = tuple[Any, ...]


def shape_of(trial: Trial) -> Shape:
    """Return the shape of a trial's decisive episode, with everything that the judge knows of it."""
    episode = trial.decisive
    steps = [shape_of_step(step) for step in episode.steps]
    if episode.expectation == GATHERED:
        steps = sorted(set(steps))
    facts = sorted(
        (name, _mask(value, episode)) for name, value in episode.facts.items() if name not in NOT_OF_THE_PLAN
    )
    also = tuple(map(tuple, trial.also))
    names = (trial.kind, trial.clause, trial.test, trial.explores, also, episode.clause, episode.expectation)
    return *names, tuple(facts), tuple(steps)


def shape_of_step(step: Step) -> Shape:
    """Return the role of a step, what was sent, and what the judge knows of it.

    A list that the target shows not to have was asked for as one that it has.
    """
    sent = sent_by(step)
    is_absent_list = (step.role, sent) == ("set-up", f"GET {THE_LIST}") and not shows_list(step.exchange)
    return "follow-up" if is_absent_list else step.role, sent, step.kind, step.invalid


def sent_by(step: Step) -> str:
    """Return what a step sent, without ids: the digest of its attempt, or else method and endpoint."""
    request = step.exchange.request
    return step.attempt_digest or f"{request.method} {endpoint(request.target)}"


def endpoint(target: str) -> str:
    """Return the path of a request without ids; both endpoints that list payment methods are one."""
    path = _OWN_IDS.sub(rf"\g<1>{ID}", target.partition("?")[0])
    is_list = path.endswith("/payment_methods") and (path.count("/") > 2 or "customer=" in target)
    return THE_LIST if is_list else path


def steps_in(trials: Iterable[Trial]) -> Iterator[tuple[Trial, Step]]:
    """Yield every step that was performed, with its trial."""
    for trial in trials:
        for performed in trial.episodes:
            yield from ((trial, step) for step in performed.episode.steps)


def exchanges_in(trials: Iterable[Trial]) -> tuple[Exchange, ...]:
    """Return every exchange that was performed once, in order: those of some episodes are shared by others."""
    return tuple(dict.fromkeys(step.exchange for _, step in steps_in(trials)))


def attempts_in(trials: Iterable[Trial]) -> Iterator[tuple[str, Step]]:
    """Yield every step that sends an attempt of the operation, with the clause of its trial."""
    return ((trial.clause, step) for trial, step in steps_in(trials) if step.attempt_digest)


def _mask(value: Any, episode: Episode) -> str:
    """Return a fact in words, without the ids of its episode."""
    ids = {identifier for _, identifier in (*bound_ids(episode), *created_ids(episode))}
    return pattern_of(ids).sub(ID, repr(value))
