"""A story: the body of a test with its arguments, and how a failure of it is made smaller."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.evidence.episode import Episode
from conformance.judge import expectation_name, rejected, survived
from conformance.scenes.narrowing import Narrow, Try, drop_parameters
from contracts import Contract
from strategies.attempt import Attempt

OF_ONE_ATTEMPT = frozenset(map(expectation_name, (rejected, survived)))
"""The expectations whose failures are shown with as few parameters as it takes, whichever attempt was sent."""


@dataclass(frozen=True)
class Story:
    """The body of a test, `function`, with its `arguments`; `narrowing` narrows one of them, by its name."""

    function: Callable[..., None]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    narrowing: tuple[str, Narrow] | None = None

    @property
    def key(self) -> Hashable:
        """A value that is the same for the same arguments."""
        return tuple(self.arguments.items())

    def narrow(
        self, episode: Episode, fails: Callable[[Mapping[str, Any], int], Episode | None], contract: Contract
    ) -> tuple[Mapping[str, Any], Episode]:
        """Return the smallest arguments that still show the failure, and the episode that shows it with them.

        `fails` tells the story with other arguments, if that number of requests is within bounds, and returns the
        episode if it shows the failure, too.
        """
        narrowing = self.narrowing
        if narrowing is None and episode.expectation in OF_ONE_ATTEMPT:
            invalid = (name for name, value in self.arguments.items() if isinstance(value, Attempt))
            argument = next(invalid, None)
            narrowing = None if argument is None else (argument, drop_parameters)
        if narrowing is None:
            return self.arguments, episode
        argument, narrow = narrowing

        def tell(value: Any, cost: int = 0) -> Episode | None:
            return fails({**self.arguments, argument: value}, cost)

        smallest, shown = narrow(self.arguments[argument], episode, Try(tell, contract))
        return {**self.arguments, argument: smallest}, shown
