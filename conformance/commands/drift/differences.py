"""Differences between a published document and the contract, each reported once for all uses of its schema."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

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


@dataclass(frozen=True)
class Pair:
    """A thing of the contract, and that of the published document in its place: where both stand in the operation."""

    part: Part
    path: str
    ours: Node
    theirs: Node

    def at(self, name: str, path: str = "") -> Pair:
        """Return what both have under this name; `path` is added to the path."""
        return self.of(self.ours.at(name), self.theirs.at(name), path)

    def of(self, ours: Node, theirs: Node, path: str = "") -> Pair:
        """Return two things of these, with `path` added to the path."""
        return Pair(self.part, f"{self.path}{path}", ours, theirs)

    def followed(self) -> Pair:
        """Return what both refer to. Raises UnusableDocument."""
        return self.of(self.ours.followed(), self.theirs.followed())

    def values(self, keyword: str, default: Any) -> tuple[Any, Any]:
        """Return what both say under a keyword, the contract first."""
        return self.ours.value.get(keyword, default), self.theirs.value.get(keyword, default)

    def changed(self, words: str, keyword: str, *members: str, path: str = "") -> Difference:
        """Return the difference between the two."""
        return self.difference(Change.CHANGED, words, keyword, members, path=path)

    def difference(
        self,
        change: Change,
        words: str,
        keyword: str,
        members: tuple[str, ...] = (),
        kind: Kind = Kind.JUDGED,
        path: str = "",
    ) -> Difference:
        """Return a difference of any kind between the two."""
        places = (self.theirs.pointer, self.ours.pointer)
        return Difference(self.part, change, f"{self.path}{path}", words, keyword, members, kind, *places)


def new(part: Part, path: str, words: str, keyword: str, published: Node, *members: str) -> Difference:
    """Return the difference that only the published document has a thing."""
    return Difference(part, Change.NEW, path, words, keyword, members, published=published.pointer)


def absent(part: Part, path: str, words: str, keyword: str, ours: Node, *members: str) -> Difference:
    """Return the difference that only the contract has a thing."""
    return Difference(part, Change.ABSENT, path, words, keyword, members, ours=ours.pointer)


def each_once(differences: Iterable[Difference]) -> tuple[Difference, ...]:
    """Return the differences in order, those of one schema that is used in several places as one with their count."""
    found: dict[Difference, Difference] = {}
    for difference in differences:
        key = replace(difference, path="", part=Part.ANSWER)
        first = found.get(key)
        found[key] = difference if first is None else replace(first, more=first.more + 1)
    order = list(Part)
    return tuple(sorted(found.values(), key=lambda difference: order.index(difference.part)))
