"""How a test says which clause it is for, and which attempts every run makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import pytest
from hypothesis import example
from hypothesis.strategies import SearchStrategy

Test = TypeVar("Test", bound=Callable[..., Any])

MARK = "clause"

Look = Literal["first", "closer", "last"]
"""When a test is run: the most telling attempts first, then all the others, and at last what repeats them."""


FIRST_LOOK = "conformance_first_look"
"""The attribute of a test that says how many of its pinned values the first look takes."""


def clause(
    slug: str, *, also: Sequence[str] = (), look: Look = "first", in_a_row: bool = False, further: bool = False
) -> pytest.MarkDecorator:
    """Mark a test as the one for the clause `slug`; what it finds on the side belongs to the clauses in `also`.

    `look` says in which look it is run, where its attempts do not say so themselves. Tests `in_a_row` send only what
    is to be refused: the closer look comes to them when it is through with the others, so that a server which tires
    of refusing is seen to. A `further` test is left out, as all but the first look is, where its clause is known to be
    broken.
    """
    return pytest.mark.clause(slug, tuple(also), look=look, in_a_row=in_a_row, further=further)


def pinned(argument: str, values: Sequence[object], *, first: int = 1) -> Callable[[Test], Test]:
    """Make every run try `values` for the drawn `argument`, in this order, before anything is drawn.

    The `first` of them are the first look; a test with none of them waits for the closer one. Raises ValueError when
    there are no values, or fewer than `first`.
    """
    if not values or not 0 <= first <= len(values):
        raise ValueError("there are no pinned values, or fewer than the first look takes")

    def decorate(test: Test) -> Test:
        for value in reversed(values):
            test = example(**{argument: value})(test)
        setattr(test, FIRST_LOOK, first)
        marked: Test = pytest.mark.usefixtures("look")(test)
        return marked

    return decorate


WIDER = "conformance_wider"
"""The attribute of a test that says how exploring widens what it draws: a `Wider`."""

EXPLORATION = "exploration"
"""The mark of a test that only exploring runs."""


@dataclass(frozen=True)
class Wider:
    """What exploring draws for a test's `argument`, by the width of its search; `share` is its part of the examples."""

    argument: str
    strategy: Callable[[int], SearchStrategy[Any]]
    share: float


def explored(
    argument: str, strategy: Callable[[int], SearchStrategy[Any]], *, share: float = 1.0
) -> Callable[[Test], Test]:
    """Have exploring draw the test's `argument` from ever wider strategies; a costly test takes a smaller `share`."""

    def decorate(test: Test) -> Test:
        setattr(test, WIDER, Wider(argument, strategy, share))
        return test

    return decorate


def explores(*slugs: str) -> pytest.MarkDecorator:
    """Mark a test that has no clause of its own: what it finds belongs to those in `slugs` and to the general ones."""
    return pytest.mark.clause("", slugs, look="closer")
