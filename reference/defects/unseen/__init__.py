"""Mistakes written from the clauses alone, without a look at the tests: what the suite was not made for.

The `first_` ones came before the tests were widened, the `second_` ones after that, the `third_` ones
later still, the others last. What was the same mistake as an earlier one is kept once, and of the seventh batch only
what was missed at first.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

__all__ = ["UNSEEN"]

BATCHES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")

UNSEEN = tuple(
    import_module(f"{__name__}.{module.name}")
    for batch in BATCHES
    for module in pkgutil.iter_modules(__path__)
    if module.name.startswith(f"{batch}_")
)
"""The modules, each a chapter, batch after batch."""
