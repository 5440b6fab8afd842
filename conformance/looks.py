"""The looks at each clause: a first one at the most telling attempts, a closer one at all the others.

A run takes the first look at every clause before the closer one at any, so that a defect shows early; what repeats
requests to see whether the answers are steady comes last. The budget `quick` is the first look.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from hypothesis import Phase
from hypothesis import settings as hypothesis_settings

from conformance.marks import FIRST_LOOK, MARK, Look

LOOKS: tuple[Look, ...] = get_args(Look)

PARAMETER = "look"
"""The name of the parameter by which an item knows its look, where its test has two."""


def split_into_looks(metafunc: pytest.Metafunc) -> None:
    """Make two items of a test that has more attempts than a first look takes."""
    if PARAMETER in metafunc.fixturenames and metafunc.definition.get_closest_marker(MARK) is not None:
        metafunc.parametrize(PARAMETER, ("first", "closer"), indirect=True)


def look_of(item: pytest.Item) -> Look:
    """The look that an item is."""
    callspec = getattr(item, "callspec", None)
    if callspec is not None and PARAMETER in callspec.params:
        look: Look = callspec.params[PARAMETER]
        return look
    mark = item.get_closest_marker(MARK)
    marked: Look = "first" if mark is None else mark.kwargs["look"]
    return marked


@contextlib.contextmanager
def looking(item: pytest.Function) -> Iterator[None]:
    """Leave a test only the attempts of the item's look for as long as the block lasts."""
    callspec = getattr(item, "callspec", None)
    if callspec is None or PARAMETER not in callspec.params:
        yield
        return
    test: Any = item.function
    if not hasattr(test, FIRST_LOOK):  # exploring draws wider, and pins nothing
        yield
        return
    examples, chosen = test.hypothesis_explicit_examples, test._hypothesis_internal_use_settings
    count = getattr(test, FIRST_LOOK)
    if look_of(item) == "first":
        test.hypothesis_explicit_examples = examples[-count:]
        test._hypothesis_internal_use_settings = hypothesis_settings(chosen, phases=(Phase.explicit,))
    else:
        test.hypothesis_explicit_examples = examples[:-count]
    try:
        yield
    finally:
        test.hypothesis_explicit_examples, test._hypothesis_internal_use_settings = examples, chosen
