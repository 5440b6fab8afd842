"""The budgets: which values of a test the quick one tries, and how it tries many differences in one request."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.detection import DEFECTS, complaint, job_for
from benchmarks.suite import run
from conformance.plugin.drawing import as_the_budget_says, give_settings_of_run, is_drawn, more_drawn
from conformance.scenes.marks import each, pinned
from strategies.at_once import RECOMMENDED_AT_ONCE, REQUIRED_AT_ONCE

DIFFERENCES = {
    "request.charset-parameter": "charset-without-a-blank",
    "request.chunked-body": "chunked-body-is-refused",
}
"""A defect for each of several clauses whose difference is part of a combined request."""


@pytest.fixture(autouse=True)
def _three_drawn() -> Iterator[None]:
    """Draw three values, as a run might be set to that begins long after the tests were imported."""
    settings.register_profile("three", settings.get_profile("default"), max_examples=3, database=None)
    settings.load_profile("three")
    yield
    settings.load_profile("default")


def values_tried(test: Any, *, is_quick: bool) -> list[object]:
    item: Any = SimpleNamespace(function=test)
    tried.clear()
    give_settings_of_run([item])
    with as_the_budget_says(item, is_quick=is_quick):
        test()
    return list(tried)


tried: list[object] = []


@pinned("value", "abc", quick=2)
@given(value=st.text("xyz", min_size=1))
def drawn(value: str) -> None:
    tried.append(value)


@each("value", "abc", quick=1)
def undrawn(value: str) -> None:
    tried.append(value)


@each("value", "abc", quick=0)
def not_quick(value: str) -> None:
    tried.append(value)


@given(value=st.text("xyz", min_size=1))
def unpinned(value: str) -> None:
    tried.append(value)


def test_a_whole_budget_tries_the_pinned_values_in_order_and_draws_more() -> None:
    values = values_tried(drawn, is_quick=False)
    assert values[:3] == ["a", "b", "c"]
    assert len(values) == 6


def test_what_is_drawn_follows_the_run_and_not_the_time_of_the_import() -> None:
    assert len(values_tried(unpinned, is_quick=False)) == 3
    item: Any = SimpleNamespace(function=unpinned)
    tried.clear()
    with more_drawn(item, 7), as_the_budget_says(item, is_quick=False):
        unpinned()
    assert len(tried) == 7


def test_the_quick_budget_tries_the_first_values_and_nothing_else() -> None:
    assert values_tried(drawn, is_quick=True) == ["a", "b"]
    assert values_tried(undrawn, is_quick=True) == ["a"]


def test_where_there_are_no_other_values_none_is_drawn() -> None:
    assert values_tried(undrawn, is_quick=False) == ["a", "b", "c"]
    item: Any = SimpleNamespace(function=undrawn)
    assert not is_drawn(item)
    item.function = drawn
    assert is_drawn(item)


def test_a_test_gets_its_values_back() -> None:
    assert values_tried(undrawn, is_quick=True) != values_tried(undrawn, is_quick=False)


@pytest.mark.parametrize("quick", [-1, 4])
def test_no_more_values_are_quick_than_there_are(quick: int) -> None:
    with pytest.raises(ValueError, match="quick"):
        each("value", "abc", quick=quick)(drawn)


def test_a_combined_request_differs_from_its_control_in_everything_else() -> None:
    for comparison in (REQUIRED_AT_ONCE, RECOMMENDED_AT_ONCE):
        (subject,) = comparison.subjects
        assert subject.transport == "raw"
        assert subject.headers
        assert subject.pairs != comparison.control.pairs


@pytest.mark.slow
@pytest.mark.parametrize("clause", DIFFERENCES)
def test_a_difference_that_matters_is_named_by_its_clause(clause: str) -> None:
    defect = DEFECTS[DIFFERENCES[clause]]
    assert defect.clause == clause
    assert not complaint(defect, run(job_for(defect, "quick")))
