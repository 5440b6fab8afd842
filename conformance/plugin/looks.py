"""The looks at each clause: a first one at the most telling attempts, a closer one at all the others.

A run takes the first look at every clause before the closer one at any, so that a defect shows early; what repeats
requests to see whether the answers are steady comes last. The budget `quick` is the first look.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import Phase
from hypothesis import settings as hypothesis_settings

from conformance.scenes.marks import FIRST_LOOK, MARK, Look
from conformance.verdict.needs import methods_for_tests
from contracts import Catalogue
from contracts.catalogue import PROFILES

LOOKS: tuple[Look, ...] = get_args(Look)

ROOT_CAUSE = "request.minimal-body"
"""The clause on which the most others rest: it gets the first id."""

MANY = 5
"""How many clauses rest on one that comes before what is refused, though it takes a payment method."""

PARAMETER = "look"
"""The name of the parameter by which an item knows its look, where its test has two."""


def split_into_looks(metafunc: pytest.Metafunc) -> None:
    """Make an item for each look of a test that has more attempts than a first look takes."""
    if PARAMETER in metafunc.fixturenames and metafunc.definition.get_closest_marker(MARK) is not None:
        has_first = getattr(metafunc.function, FIRST_LOOK, 1) > 0
        metafunc.parametrize(PARAMETER, ("first", "closer") if has_first else ("closer",), indirect=True)


def look_of(item: pytest.Item) -> Look:
    """The look that an item is."""
    callspec = getattr(item, "callspec", None)
    if callspec is not None and PARAMETER in callspec.params:
        look: Look = callspec.params[PARAMETER]
        return look
    mark = item.get_closest_marker(MARK)
    marked: Look = "first" if mark is None else mark.kwargs["look"]
    return marked


def slug_of(item: pytest.Item) -> str | None:
    """The clause that a test is for: empty for one that explores, None for what is no test of the suite."""
    mark = item.get_closest_marker(MARK)
    return None if mark is None else mark.args[0]


def is_further(item: pytest.Item) -> bool:
    """Whether an item says nothing more where its clause is known to be broken."""
    mark = item.get_closest_marker(MARK)
    return look_of(item) != "first" or (mark is not None and mark.kwargs["further"])


ORDER = Path(__file__).resolve().parent / "order.json"
"""The tests of the first look, the most telling first, as `python -m benchmarks.telling` has measured them."""


@cache
def _places() -> Mapping[str, int]:
    """The place of each measured test, by its name with that of its file."""
    return {told["test"]: place for place, told in enumerate(json.loads(ORDER.read_text(encoding="utf-8")))}


def in_telling_order(items: Sequence[pytest.Item], root_causes: Sequence[str]) -> list[pytest.Item]:
    """The items look after look: in the first what was measured to tell the most comes first.

    What says nothing more where its clause is known to be broken comes behind what may break it. What was not measured,
    and all of the other looks, is in the order of `root_causes`: clauses, each behind those that it rests on; what only
    refuses comes last in the closer one.
    """
    measured = _places()
    causes = {slug: place for place, slug in enumerate(root_causes)}
    mains: dict[str | None, int] = {}

    def telling(item: pytest.Item) -> int:
        return measured.get(name_of(item), len(measured)) if look_of(item) == "first" else 0

    def place(item: pytest.Item) -> tuple[int, int, bool, int, bool]:
        mark, slug, look = item.get_closest_marker(MARK), slug_of(item), look_of(item)
        told = max(telling(item), mains.get(slug, 0)) if look == "first" and is_further(item) else telling(item)
        in_a_row = look == "closer" and mark is not None and mark.kwargs.get("in_a_row", False)
        return LOOKS.index(look), told, in_a_row, causes.get(slug or "", len(causes)), is_further(item)

    for item in items:
        if not is_further(item):
            mains[slug_of(item)] = max(telling(item), mains.get(slug_of(item), 0))
    return sorted(items, key=place)


def in_order_of_need(items: Sequence[pytest.Item], catalogue: Catalogue) -> list[pytest.Item]:
    """The items in the order in which few given payment methods judge the most clauses.

    Profile after profile and look after look, root causes come first, and what repeats requests last. In each look what
    takes few payment methods comes before what takes many, and never before a clause on which it rests.
    """
    methods = methods_for_tests()
    places = {slug: place for place, slug in enumerate(catalogue.root_causes_first)}
    resting = Counter(cause for clause in catalogue for cause in catalogue.rests_on(clause.slug))

    def cost(item: pytest.Item) -> int:
        """Return how many payment methods the item takes; none where many clauses rest on its own, as for a refusal."""
        taken = methods.get(name_of(item), 1)
        return taken if resting[slug_of(item) or ""] < MANY else 0

    cheapest: dict[str, int] = {}
    for item in items:
        slug = slug_of(item) or ""
        if look_of(item) == "first":
            cheapest[slug] = min(cost(item), cheapest.get(slug, cost(item)))

    def place(item: pytest.Item) -> tuple[bool, bool, int, int, int, int, bool]:
        slug, look = slug_of(item) or "", look_of(item)
        is_root = slug == ROOT_CAUSE and look == "first"
        profile = PROFILES.index(catalogue[slug].profile) if slug else len(PROFILES)
        causes = [cheapest.get(cause, 0) for cause in catalogue.rests_on(slug)]
        taken = max([cost(item), *causes])
        last = look == "last"
        return last, not is_root, profile, LOOKS.index(look), taken, places.get(slug, len(places)), is_further(item)

    return sorted(items, key=place)


def name_of(item: pytest.Item) -> str:
    """The name of an item with that of its file, by which its place was measured."""
    return f"{item.path.stem}::{item.name}"


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
        test.hypothesis_explicit_examples = examples[: len(examples) - count]
    try:
        yield
    finally:
        test.hypothesis_explicit_examples, test._hypothesis_internal_use_settings = examples, chosen
