"""The description of a seeded defect, and the way to enter one in the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from ..changes import Change, How, as_it_is

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """A mistake, and the one clause that must catch it.

    `also` names other clauses that may rightly see it. `stateless` is true where it shows only on a server that knows
    every id, `intermittent` where it shows only now and then or only under concurrency.

    `batch` is empty for a defect that was written with its tests. The author of a batch "unseen 1" to "unseen 7" had
    seen neither tests nor defects; the author of "reading 1" to "reading 3" looked for mistakes that the tests left
    room for. Those of "natural" and "zoo" are mistakes of real software: chosen from its documentation and source, and
    seen in programs that are written with it. The authors of "first try" and of "second field" to "fourteenth field"
    had seen no tests, and took the mistakes of frameworks, proxies and stores that are reported. Those of "mutants"
    were made mechanically: each changes one place in a server that conforms.
    """

    name: str
    profile: str
    clause: str
    difficulty: str
    description: str
    apply: Change
    level: str = "MUST"
    stateless: bool = False
    intermittent: bool = False
    also: tuple[str, ...] = ()
    batch: str = ""


class Topic:
    """The defects of one profile in a module.

    As a decorator, it enters a function by its name, with its docstring as the description; `row` enters a change.
    """

    def __init__(self, profile: str) -> None:
        self.profile = profile
        self.defects: list[Defect] = []

    def __call__(
        self, clause: str, difficulty: str, how: How = as_it_is, also: str = "", **facts: Any
    ) -> Callable[[F], F]:
        """Return a decorator that enters one defect; `how` makes a change of the decorated function."""

        def enter(function: F) -> F:
            name = function.__name__.replace("_", "-")
            description = (function.__doc__ or "").strip().splitlines()[0]
            self.row(name, clause, difficulty, also, **facts)(description, how(function))
            return function

        return enter

    def row(
        self, name: str, clause: str, difficulty: str, also: str = "", **facts: Any
    ) -> Callable[[str, Change], None]:
        """Return a function that enters one defect, by its description and its change."""

        def enter(description: str, change: Change) -> None:
            self.defects.append(
                Defect(
                    name=name,
                    profile=self.profile,
                    clause=clause,
                    difficulty=difficulty,
                    description=description,
                    apply=change,
                    also=tuple(also.split()),
                    **facts,
                )
            )

        return enter


def catalogue(topics: Iterable[Topic]) -> dict[str, Defect]:
    """Return the defects of all topics by name."""
    by_name: dict[str, Defect] = {}
    for topic in topics:
        for defect in topic.defects:
            if defect.name in by_name:
                raise ValueError(f"two defects named {defect.name}")
            by_name[defect.name] = defect
    return by_name
