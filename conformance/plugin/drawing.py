"""Private names of Hypothesis, for what it draws for a test and for the seed of a run: they stand here alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis.internal.conjecture import providers

from conformance.scenes.budgets import BUDGETS
from conformance.scenes.marks import QUICK, UNDRAWN
from conformance.transport.serializer import schema_of
from conformance.verdict.settings import Settings
from contracts import published_contract


def set_up_hypothesis(settings: Settings) -> None:
    """Make Hypothesis and Schemathesis draw the same plan from the same seed, whichever modules are imported."""
    breadth = BUDGETS[settings.budget].drawn
    phases = (Phase.explicit, Phase.generate, Phase.shrink) if breadth else (Phase.explicit,)
    hypothesis_settings.register_profile(
        "conformance",
        max_examples=max(breadth, 1),
        phases=phases,
        deadline=None,
        database=None,
        derandomize=False,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    hypothesis_settings.load_profile("conformance")
    set_seed(settings.seed)
    schema_of(published_contract()).config.seed = settings.seed
    no_constants = type(providers._local_constants)()
    providers._get_local_constants = lambda: no_constants


def set_seed(seed: int) -> None:
    """Make every test draw from this seed."""
    setattr(hypothesis.core, "global_force_seed", seed)  # noqa: B010  # its stub says it is always None


def give_settings_of_run(items: Iterable[pytest.Item]) -> None:
    """Give the tests the settings of this run.

    Hypothesis gives each those that are the default when it is imported. That may have been before this run, for
    another one in the same process.
    """
    for item in items:
        test: Any = getattr(item, "function", None)
        if hasattr(test, "hypothesis"):
            test._hypothesis_internal_use_settings = hypothesis_settings.default


def is_drawn(item: pytest.Item) -> bool:
    """Return whether a test has an argument that is drawn."""
    test = getattr(item, "function", None)
    return hasattr(test, "hypothesis") and not hasattr(test, UNDRAWN)


@contextlib.contextmanager
def as_the_budget_says(item: pytest.Function, *, is_quick: bool) -> Iterator[None]:
    """Leave a test its pinned values, or only those of the quick budget."""
    test: Any = item.function
    if not hasattr(test, QUICK):
        yield
        return
    examples = test.hypothesis_explicit_examples  # the last one first
    phases = {"phases": (Phase.explicit,)} if is_quick or hasattr(test, UNDRAWN) else {}
    chosen = examples[len(examples) - getattr(test, QUICK) :] if is_quick else examples
    test.hypothesis_explicit_examples = chosen
    try:
        with _changed(test, **phases):
            yield
    finally:
        test.hypothesis_explicit_examples = examples


@contextlib.contextmanager
def more_drawn(item: pytest.Function, examples: int) -> Iterator[None]:
    """Draw that many examples for a test, and try none of its pinned values."""
    with _changed(item.function, phases=(Phase.generate, Phase.shrink), max_examples=examples):
        yield


@contextlib.contextmanager
def _changed(test: Any, **changes: Any) -> Iterator[None]:
    """Change a test's settings for as long as the block lasts."""
    usual = test._hypothesis_internal_use_settings
    test._hypothesis_internal_use_settings = hypothesis_settings(usual, **changes)
    try:
        yield
    finally:
        test._hypothesis_internal_use_settings = usual
