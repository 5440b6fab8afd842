"""Ways to make the argument of a failing story smaller, each a function of the argument and of a way to try others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.evidence.episode import Episode
from contracts import Contract
from strategies.attempt import Attempt
from strategies.simpler import simpler

MOST_SMALLER_ONES = 8
"""How many smaller attempts are tried to show a failure with as few parameters as it takes."""

Attempts = tuple[Attempt, ...]


@dataclass(frozen=True)
class Try:
    """Another telling: `tell` takes another value, and returns the episode where that fails, too, else None."""

    tell: Callable[..., Episode | None]
    contract: Contract


Narrow = Callable[[Any, Episode, Try], tuple[Any, Episode]]


def drop_parameters(attempt: Attempt, episode: Episode, tries: Try) -> tuple[Attempt, Episode]:
    """Leave parameters out of an attempt, one after the other, as long as the failure stays."""
    candidates = simpler(attempt, tries.contract)
    for _ in range(MOST_SMALLER_ONES):
        candidate = next(candidates, None)
        if candidate is None:
            break
        smaller = tries.tell(candidate)
        if smaller is not None:
            attempt, episode, candidates = candidate, smaller, simpler(candidate, tries.contract)
    return attempt, episode


def single_out(attempts: Attempts, episode: Episode, tries: Try) -> tuple[Attempts, Episode]:
    """Return the first of several attempts that fails alone; all of them where none does."""
    return _first_alone(attempts, attempts, episode, tries)


def single_out_of(suspects: Sequence[Attempt]) -> Narrow:
    """Return a way to narrow: to the first of these suspects that fails alone."""

    def narrow(attempts: Attempts, episode: Episode, tries: Try) -> tuple[Attempts, Episode]:
        return _first_alone(suspects, attempts, episode, tries)

    return narrow


def halve(attempts: Attempts, episode: Episode, tries: Try) -> tuple[Attempts, Episode]:
    """Return the fewest attempts that fail, found by leaving out one half after the other."""
    while len(attempts) > 1:
        middle = len(attempts) // 2
        for half in (attempts[middle:], attempts[:middle]):
            shown = tries.tell(half)
            if shown is not None:
                attempts, episode = half, shown
                break
        else:
            break
    return attempts, episode


def _first_alone(
    suspects: Sequence[Attempt], attempts: Attempts, episode: Episode, tries: Try
) -> tuple[Attempts, Episode]:
    for suspect in suspects:
        alone = tries.tell((suspect,))
        if alone is not None:
            return (suspect,), alone
    return attempts, episode
