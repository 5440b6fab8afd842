"""The decorators of tests: the clause, the attempts that every run makes, and the part that the quick budget sends."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pytest
from hypothesis import example, given
from hypothesis.strategies import sampled_from

from conformance.scenes.engine import Engine
from conformance.scenes.narrowing import Narrow
from conformance.scenes.story import Story

Test = TypeVar("Test", bound=Callable[..., Any])

MARK = "clause"

QUICK = "conformance_quick"
"""The attribute of a test that says how many of its pinned values the quick budget tries."""
UNDRAWN = "conformance_undrawn"
"""The attribute of a test that is true where nothing is drawn: its pinned values are all that there are."""

PINNED = "conformance_pinned"
"""The attribute of a test with the number of its pinned values."""

NARROWED = "conformance_narrowed"
"""The attribute of a test's body with the argument that it gets besides those that are drawn, and how to narrow it."""


LINE = "conformance_line"
"""The attribute of a test with the name of the line in which it waits for its turn."""

LOOKS = "conformance_looks"
"""The attribute of a test that is true where it changes nothing of what is handed on in its line."""

CARDS = "cards"
"""The line of the tests that hand on attached cards, and what they have left by a name."""

ALONE = "conformance_alone"
"""The attribute of a test that is true where it is performed while nothing else is sent."""


def clause(
    slug: str, *, also: Sequence[str] = (), quick: bool | None = None, further: bool = False, last: bool = False
) -> Callable[[Test], Test]:
    """Mark a test as one for the clause `slug`; what it finds in passing belongs to the clauses in `also`.

    Tests run in the order of the catalogue; the `last` ones, which look back at the whole run, run behind all others.
    The quick budget sends what is `quick`: all but the `last` ones, if nothing is said. What it leaves out is skipped
    where an earlier test has found the clause broken, and so are the `last` and the `further` tests.
    """
    mark = clause_mark(slug, also=also, quick=quick, further=further, last=last)
    return lambda test: mark(as_story(test))


def clause_mark(
    slug: str, *, also: Sequence[str] = (), quick: bool | None = None, further: bool = False, last: bool = False
) -> pytest.MarkDecorator:
    """Return the mark of `clause` alone, for the cases of a parametrized story."""
    quick = not last if quick is None else quick
    return pytest.mark.clause(slug, tuple(also), quick=quick, further=further or last or not quick, last=last)


def explores(*slugs: str) -> pytest.MarkDecorator:
    """Mark a test that has no clause of its own: what it finds belongs to `slugs` and to the general clauses."""
    return pytest.mark.clause("", slugs, quick=False, further=True, last=True)


def pinned(argument: str, values: Sequence[object], *, quick: int = 1) -> Callable[[Test], Test]:
    """Make every run try `values` for the drawn `argument`, in this order, before anything is drawn.

    The quick budget tries the first `quick` of them, so that it finds what others find first, and nothing else; a test
    with none of them is left out there. Raises ValueError when there are no values, or fewer than `quick`.
    """
    if not values or not 0 <= quick <= len(values):
        raise ValueError("there are no pinned values, or fewer than the quick budget takes")

    def decorate(test: Test) -> Test:
        for value in reversed(values):
            test = example(**{argument: value})(test)
        setattr(test, QUICK, quick)
        setattr(test, PINNED, len(values))
        return test

    return decorate


def each(argument: str, values: Sequence[object], *, quick: int = 1) -> Callable[[Test], Test]:
    """Make a run try each of `values` for an argument of the test, in this order, and draw nothing.

    The rest is as in `pinned`.
    """

    def decorate(test: Test) -> Test:
        undrawn: Test = given(**{argument: sampled_from(values)})(test)  # type: ignore[assignment]  # as a test is
        setattr(undrawn, UNDRAWN, True)
        return pinned(argument, values, quick=quick)(undrawn)

    return decorate


def narrowed(argument: str, narrow: Narrow, value: Any = None) -> Callable[[Test], Test]:
    """Let `narrow` find a smaller value of this argument where a test fails.

    A `value` is what the test gets as that argument, where it is not drawn.
    """

    def decorate(test: Test) -> Test:
        body = test.hypothesis.inner_test if hasattr(test, "hypothesis") else test
        setattr(body, NARROWED, (argument, narrow, value))
        return test

    return decorate


def in_turn(line: str) -> Callable[[Test], Test]:
    """Have a test follow the earlier tests of the same line, also where others are performed at the same time.

    They hand on what the next one takes, such as cards in a known state.
    """

    def decorate(test: Test) -> Test:
        setattr(test, LINE, line)
        return test

    return decorate


def looks_at(line: str) -> Callable[[Test], Test]:
    """Have a test follow the earlier tests of a line, as `in_turn` does, and hand on what it took as it was."""

    def decorate(test: Test) -> Test:
        setattr(test, LOOKS, True)
        return in_turn(line)(test)

    return decorate


def alone(test: Test) -> Test:
    """Have a test wait for all earlier ones, and be performed while nothing else is sent."""
    setattr(test, ALONE, True)
    return test


def as_story(test: Test) -> Test:
    """Return the test as a function whose body the engine tells as a story, as often as it takes."""
    if hasattr(test, "hypothesis"):
        test.hypothesis.inner_test = _told(test.hypothesis.inner_test, getattr(test, PINNED, 0))
        return test
    return _told(test)  # type: ignore[return-value]  # it takes the same arguments, but for what is narrowed


def _told(body: Callable[..., None], pinned: int = 0) -> Callable[..., None]:
    argument, narrow, value = getattr(body, NARROWED, ("", None, None))
    given = {} if value is None else {argument: value}

    signature = inspect.signature(body)
    kept = [parameter for name, parameter in signature.parameters.items() if name not in given]
    shown = signature.replace(parameters=kept)

    @functools.wraps(body)
    def tell(*positional: Any, **named: Any) -> None:
        arguments = shown.bind(*positional, **named).arguments
        engine: Engine = arguments.pop("scene")
        engine.tell(Story(body, {**arguments, **given}, (argument, narrow) if narrow else None), pinned)

    tell.__signature__ = shown  # type: ignore[attr-defined]  # functions take attributes
    return tell
