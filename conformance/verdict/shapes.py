"""The shape of a trial: the trial without the ids of its run, to compare what was recorded with a plan."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from conformance.evidence.episode import Step
from conformance.evidence.exchange import Exchange, asks_for_further_page, cookies_set, sent_header
from conformance.fixtures.endpoints import shows_list
from conformance.fixtures.ids import bound_ids, created_ids
from conformance.judge import all_kept, executed_once, expectation_name, one_winner, steady
from conformance.verdict.trial import OF_SERVING, Performed, Trial

ID = "*"
THE_LIST = "the list"
GIVEN_COOKIES = "the cookies of the target"

NOT_OF_THE_PLAN = frozenset({"created_as", "remote", "value"})
"""Facts that the target decides: how it gives payment methods, where it is, and the id that was sent."""

OF_ITS_RUN = frozenset({"created"})
"""Facts that a plan has, too, with another value: the time at which a payment method was created."""

GATHERED = expectation_name(steady)
"""The expectation of an episode that gathers successes from the whole run, as many as there happen to be."""

RACES = frozenset(map(expectation_name, (one_winner, all_kept)))
"""Expectations of requests that are sent at once: which of them comes first, or wins, is left to chance."""

AT_ONCE = RACES | {expectation_name(executed_once)}
"""All expectations of requests that are sent at once."""

_OWN_IDS = re.compile(r"(/(?:payment_methods|customers)/)[^/?]+")

Shape = tuple[Any, ...]


def shape_of(trial: Trial) -> Shape:
    """Return the shape of a trial's decisive episode, with everything that the judge knows of it."""
    episode = trial.decisive
    cookies = {value for step in episode.steps for value in cookies_set(step.exchange)}
    steps = [shape_of_step(step, cookies) for step in steps_compared(trial)]
    if episode.expectation == GATHERED:
        steps = [(sent,) for sent in sorted({sent_by(step) for step in episode.steps})]
    ids = {identifier for _, identifier in (*bound_ids(episode), *created_ids(episode))}
    facts = sorted(
        (name, "" if name in OF_ITS_RUN else repr(_without_ids(value, ids)))
        for name, value in episode.facts.items()
        if name not in NOT_OF_THE_PLAN
    )
    also = tuple(map(tuple, trial.also))
    names = (trial.kind, trial.clause, trial.test, trial.explores, also, episode.clause, episode.expectation)
    return *names, tuple(facts), tuple(steps)


def steps_compared(trial: Trial) -> Sequence[Step]:
    """Return the steps of a trial's decisive episode that a plan holds, too.

    Whether the target still serves may have to be asked again behind the odd requests, which are set-up then. How many
    pages a list has is left to the target.
    """
    left_out = "set-up" if trial.kind == OF_SERVING else ""
    return [step for step in trial.decisive.steps if step.role != left_out and not asks_for_further_page(step.exchange)]


def shape_of_step(step: Step, cookies: Container[str]) -> Shape:
    """Return the role of a step, what was sent, and what the judge knows of it.

    A list that the target shows not to have was asked for as one that it has, and `cookies` that it sets are its own.
    """
    given_back = sent_header(step.exchange, "Cookie")
    is_of_the_target = given_back and all(one in cookies for one in given_back.split("; "))
    sent = GIVEN_COOKIES if is_of_the_target else sent_by(step)
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


def performed_in(trials: Iterable[Trial]) -> Iterator[tuple[Trial, Performed]]:
    """Yield everything that was performed, with its trial."""
    return ((trial, performed) for trial in trials for performed in trial.episodes)


def steps_in(trials: Iterable[Trial]) -> Iterator[tuple[Trial, Step]]:
    """Yield every step that was performed, with its trial."""
    return ((trial, step) for trial, performed in performed_in(trials) for step in performed.episode.steps)


def exchanges_in(trials: Iterable[Trial]) -> tuple[Exchange, ...]:
    """Return every exchange that was performed once, in order: those of some episodes are shared by others."""
    return tuple(dict.fromkeys(step.exchange for _, step in steps_in(trials)))


def attempts_in(trials: Iterable[Trial]) -> Iterator[tuple[str, Step]]:
    """Yield every step that sends an attempt of the operation, with the clause of its trial."""
    return ((trial.clause, step) for trial, step in steps_in(trials) if step.attempt_digest)


def _without_ids(value: Any, ids: Container[str]) -> Any:
    """Return a fact without the ids of its episode, and without those in paths."""
    if isinstance(value, Mapping):
        return {_without_ids(name, ids): _without_ids(item, ids) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_ids(item, ids) for item in value]
    if isinstance(value, str):
        return ID if value in ids else _OWN_IDS.sub(rf"\g<1>{ID}", value)
    return value
