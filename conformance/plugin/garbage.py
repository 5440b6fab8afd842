"""Python's garbage collector during a run, which would else search all that was imported again and again.

That is some 15 % of the processor time of a short run, half of it in pytest's own collections at the end.
"""

from __future__ import annotations

import gc
from collections.abc import Callable

RARE = (100_000, 50, 50)
"""The thresholds of a run, in objects and in collections of the younger generation: a run makes few cycles."""


def collect_rarely() -> Callable[[], None]:
    """Collect rarely from now on; return what undoes this and `spare_what_exists`, at the end of the run."""
    usual = gc.get_threshold()
    gc.set_threshold(*RARE)

    def as_before() -> None:
        gc.set_threshold(*usual)
        gc.unfreeze()

    return as_before


def spare_what_exists() -> None:
    """Leave what exists out of every later collection: modules and tests stay until the end anyway."""
    gc.freeze()
