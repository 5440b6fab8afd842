"""Which tests run, and in which order: the catalogue's, root causes first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import pytest

from conformance.scenes.marks import ALONE, CARDS, LINE, LOOKS, MARK, QUICK
from conformance.verdict.needs import methods_for_tests
from contracts import Catalogue
from contracts.catalogue import PROFILES

ROOT_CAUSE = "request.minimal-body"
"""The clause on which most others rest: it gets the first id."""

MANY = 5
"""From how many clauses that rest on it a clause comes first, although its tests use up payment methods."""


def slug_of(item: pytest.Item) -> str | None:
    """Return the clause that a test is for: empty for one that explores, None for what is no test of the suite."""
    mark = item.get_closest_marker(MARK)
    return None if mark is None else mark.args[0]


def slugs_beside(item: pytest.Item) -> tuple[str, ...]:
    """Return the clauses to which belongs what a test finds in passing."""
    mark = item.get_closest_marker(MARK)
    return () if mark is None else tuple(mark.args[1])


def is_further(item: pytest.Item) -> bool:
    """Return whether an item is skipped where its clause is known to be broken."""
    return _is_marked(item, "further")


def is_quick(item: pytest.Item) -> bool:
    """Return whether the quick budget runs an item."""
    return _is_marked(item, "quick") and _attribute(item, QUICK, 1) > 0


def line_of(item: pytest.Item) -> str:
    """Return the line of tests in which an item waits for its turn; empty for none."""
    return str(_attribute(item, LINE, ""))


def takes_cards(item: pytest.Item) -> bool:
    """Return whether an item takes cards that earlier tests of its line hand on."""
    return line_of(item) == CARDS


def only_looks(item: pytest.Item) -> bool:
    """Return whether an item changes nothing of what is handed on in its line."""
    return bool(_attribute(item, LOOKS, False))


def is_to_be_alone(item: pytest.Item) -> bool:
    """Return whether an item is performed while nothing else is sent."""
    return bool(_attribute(item, ALONE, False))


def _attribute(item: pytest.Item, name: str, usual: Any) -> Any:
    """Return an attribute of the function of a test."""
    return getattr(getattr(item, "function", None), name, usual)


def _is_marked(item: pytest.Item, word: str) -> bool:
    mark = item.get_closest_marker(MARK)
    return mark is not None and bool(mark.kwargs.get(word))


def name_of(item: pytest.Item) -> str:
    """Return the name of an item with that of its file."""
    return f"{item.path.stem}::{item.name}"


def name_in(nodeid: str) -> str:
    """Return the name of a test with that of its file, by its node id; Schemathesis gives an item a longer name."""
    file, _, name = nodeid.partition("::")
    return f"{PurePosixPath(file).stem}::{name}"


def in_catalogue_order(items: Sequence[pytest.Item], catalogue: Catalogue) -> list[pytest.Item]:
    """Return the items in the order of their clauses, each behind those that it rests on.

    Those that look back at the whole run come last. Tests of one clause keep the order of their file.
    """
    places = {slug: place for place, slug in enumerate(catalogue.root_causes_first)}
    return sorted(items, key=lambda item: (_is_marked(item, "last"), places.get(slug_of(item) or "", len(places))))


def in_order_of_need(items: Sequence[pytest.Item], catalogue: Catalogue) -> list[pytest.Item]:
    """Return the items in the order in which few given payment methods judge the most clauses.

    Profile after profile, root causes come first. What takes few payment methods comes before what takes many, and
    never before a clause on which it rests; quick tests come before others.
    """
    methods = methods_for_tests()
    places = {slug: place for place, slug in enumerate(catalogue.root_causes_first)}
    resting = Counter(cause for clause in catalogue for cause in catalogue.rests_on(clause.slug))

    def cost(item: pytest.Item) -> int:
        """Return how many payment methods the item takes; none where many clauses rest on its own."""
        return methods.get(name_of(item), 1) if resting[slug_of(item) or ""] < MANY else 0

    cheapest: dict[str, int] = {}
    for item in items:
        if is_quick(item):
            slug = slug_of(item) or ""
            cheapest[slug] = min(cost(item), cheapest.get(slug, cost(item)))

    def place(item: pytest.Item) -> tuple[bool, bool, int, bool, int, int]:
        slug = slug_of(item) or ""
        is_root = slug == ROOT_CAUSE and is_quick(item)
        profile = PROFILES.index(catalogue[slug].profile) if slug else len(PROFILES)
        taken = max([cost(item), *(cheapest.get(cause, 0) for cause in catalogue.rests_on(slug))])
        is_last = _is_marked(item, "last")
        return is_last, not is_root, profile, not is_quick(item), taken, places.get(slug, len(places))

    return sorted(items, key=place)
