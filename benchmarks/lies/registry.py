"""The registry of lies: each module about one subject enters its own, and the package joins them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from conformance.commands.certificate.files import Files
from conformance.verdict.record import Record

Lie = Callable[[Record], Record | Files | bytes]
"""A pure function from a record to a record, a bundle or a zip file in which the lie is altered."""


@dataclass(frozen=True)
class Lies:
    """The lies about one subject, by their names."""

    by_name: dict[str, Lie] = field(default_factory=dict)

    def enter(self, lies: Mapping[str, Lie]) -> None:
        """Enter lies. Raises ValueError for a name that is taken."""
        for name, lie in lies.items():
            if name in self.by_name:
                raise ValueError(f"two lies have the name {name!r}")
            self.by_name[name] = lie

    def lie(self, function: Lie) -> Lie:
        """Enter a function by its own name; for use as a decorator."""
        self.enter({function.__name__.replace("_", " "): function})
        return function
