"""Differences between a published document and the contract, each reported once for all uses of its schema."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from conformance.commands.drift.schemas import Node


class Change(StrEnum):
    """The ways in which the published document differs from the contract."""

    NEW = "new"
    ABSENT = "absent"
    CHANGED = "changed"


class Part(StrEnum):
    """The parts of the operation, in the order of the report."""

    OPERATION = "operation"
    REQUEST = "request"
    ANSWER = "answer"
    ERROR = "error"


class Kind(StrEnum):
    """The things that differ: what the suite judges by the contract, and what it takes in any form."""

    JUDGED = "judged"
    MEMBERS = "members"
    VALUES = "values"


@dataclass(frozen=True)
class Difference:
    """One thing that differs: the JSON path within the operation, what differs, and the words for it.

    `keyword` is the word of OpenAPI that differs; `members` names the parameters or members it is about. `published`
    and `ours` are JSON pointers into the two documents, one of them empty where only the other has the thing. `more`
    counts the further places where the same schema is used.
    """

    part: Part
    change: Change
    path: str
    words: str
    keyword: str
    members: tuple[str, ...] = ()
    kind: Kind = Kind.JUDGED
    published: str = ""
    ours: str = ""
    more: int = 0

    def between(self, ours: Node | None, published: Node | None) -> Difference:
        """Return the difference with its places in the two documents; None for the one that lacks the thing."""
        return replace(self, ours=ours.pointer if ours else "", published=published.pointer if published else "")


def each_once(differences: Iterable[Difference]) -> tuple[Difference, ...]:
    """Return the differences in order, those of one schema that is used in several places as one with their count."""
    found: dict[Difference, Difference] = {}
    for difference in differences:
        key = replace(difference, path="", part=Part.ANSWER)
        first = found.get(key)
        found[key] = difference if first is None else replace(first, more=first.more + 1)
    order = list(Part)
    return tuple(sorted(found.values(), key=lambda difference: order.index(difference.part)))
