"""How a test says which clause it is for, and which attempts every run makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pytest
from hypothesis import example

Test = TypeVar("Test", bound=Callable[..., Any])

MARK = "clause"


def clause(slug: str, *, also: Sequence[str] = ()) -> pytest.MarkDecorator:
    """Mark a test as the one for the clause `slug`; what it finds on the side belongs to the clauses in `also`."""
    return pytest.mark.clause(slug, tuple(also))


def pinned(argument: str, values: Sequence[object]) -> Callable[[Test], Test]:
    """Make every run try `values` for the drawn `argument`, in this order, before anything is drawn.

    Raises ValueError when there are none.
    """
    if not values:
        raise ValueError("nothing is pinned")

    def decorate(test: Test) -> Test:
        for value in reversed(values):
            test = example(**{argument: value})(test)
        return test

    return decorate


def explores(*slugs: str) -> pytest.MarkDecorator:
    """Mark a test that has no clause of its own: what it finds belongs to those in `slugs` and to the general ones."""
    return pytest.mark.clause("", slugs)
