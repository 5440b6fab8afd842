"""What a seeded defect is, and how one is entered in the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..behaviour import Behaviour

Apply = Callable[[Behaviour], None]


@dataclass(frozen=True, slots=True)
class Defect:
    """A mistake, and the one clause that must catch it.

    `also` names other clauses that may rightly see it. `stateless` is true where it shows only on a server
    that knows every id, `intermittent` where it shows only now and then or only under concurrency.
    """

    name: str
    chapter: str
    profile: str
    clause: str
    level: str
    difficulty: str
    description: str
    apply: Apply
    stateless: bool = False
    intermittent: bool = False
    also: tuple[str, ...] = ()
    why: str = ""


class Chapter:
    """Enters functions in the catalogue, under their names and with their docstrings as descriptions."""

    def __init__(self, name: str, profile: str) -> None:
        self.name, self.profile = name, profile
        self.defects: list[Defect] = []

    def __call__(
        self,
        clause: str,
        difficulty: str,
        *,
        level: str = "MUST",
        stateless: bool = False,
        intermittent: bool = False,
        also: tuple[str, ...] = (),
        why: str = "",
    ) -> Callable[[Apply], Apply]:
        """A decorator for one defect of this chapter."""

        def enter(apply: Apply) -> Apply:
            name = apply.__name__.replace("_", "-")
            description = (apply.__doc__ or "").strip().splitlines()[0]
            flags = (stateless, intermittent, also, why)
            self.defects.append(
                Defect(name, self.name, self.profile, clause, level, difficulty, description, apply, *flags)
            )
            return apply

        return enter


def catalogue(chapters: Iterable[Chapter]) -> dict[str, Defect]:
    """The defects of all chapters by name."""
    by_name: dict[str, Defect] = {}
    for chapter in chapters:
        for defect in chapter.defects:
            if defect.name in by_name:
                raise ValueError(f"two defects named {defect.name}")
            by_name[defect.name] = defect
    return by_name
