"""The budgets: how much a run sends beside what it must."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Repetitions:
    """The number of times a request is sent to see whether its answer is steady: on `kept` and on `new` connections.

    One that is to be refused is sent on a kept connection as often as `refused` says.

    After every `survived` odd requests a server is asked whether it still serves. `shelf` is how many payment methods
    are attached to see a target that loses one, `races` how often several customers want the same one. Differences that
    are to change nothing are tried all in one request first, if `at_once`, and one by one only where that fails.
    """

    kept: int
    new: int
    refused: int
    survived: int = 1
    shelf: int = 8
    races: int = 3
    at_once: bool = False


STANDARD_REPETITIONS = Repetitions(kept=38, new=8, refused=4)


@dataclass(frozen=True)
class Budget:
    """An amount of requests: how many attempts each test draws besides the pinned ones, and the repetitions.

    The first attempt that Hypothesis draws is always the simplest, and is left out where there are pinned ones; from
    the second on the seed decides. A budget that is not `whole` sends only what the marks of the tests call quick.
    """

    drawn: int
    repetitions: Repetitions
    whole: bool = True


BUDGETS: Mapping[str, Budget] = {
    "quick": Budget(0, Repetitions(kept=7, new=3, refused=7, survived=20, shelf=8, races=1, at_once=True), whole=False),
    "standard": Budget(2, STANDARD_REPETITIONS),
    "thorough": Budget(40, Repetitions(kept=150, new=50, refused=150, shelf=16, races=15)),
}
