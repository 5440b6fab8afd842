"""The trial: the episodes that were performed to judge a clause once, and notes about clauses without any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from conformance.evidence.episode import Episode, Judgement
from conformance.judge import judge
from conformance.verdict.entries import Kind
from conformance.verdict.ledger import Ledger
from contracts import load_catalogue, published_contract

FIRST, AGAIN, CONFIRMATION, RENEWED, SEARCH = PARTS = ("first", "again", "confirmation", "renewed", "search")
"""Why an episode of a trial was performed: to judge; to repeat an inconclusive one; to confirm a failure; to confirm it
with customers that are new to the server; to find which of several requests is guilty."""

OF_A_CLAUSE, OF_SERVING, OF_OUTAGE = KINDS = ("clause", "still-serving", "outage")

INTERRUPTED = "the run was interrupted"
"""What is missing from a trial that was interrupted."""


@dataclass(frozen=True)
class Performed:
    """An episode, and the `part` of its trial that it is (one of PARTS)."""

    part: str
    episode: Episode

    @cached_property
    def judgement(self) -> Judgement:
        """The judgement of the episode by the published contract, made once."""
        return judge(self.episode, published_contract(), load_catalogue())

    @classmethod
    def judged(cls, part: str, episode: Episode, judgement: Judgement) -> Performed:
        """Return an episode with the judgement that the caller has made of it."""
        performed = cls(part, episode)
        vars(performed)["judgement"] = judgement
        return performed

    def with_id(self, identifier: str) -> Performed:
        """Return the same with an id for the episode."""
        return Performed(self.part, replace(self.episode, id=identifier))


@dataclass(frozen=True)
class Trial:
    """The episodes performed for one conclusion about `clause`, in order.

    `clause` is empty if only the general clauses are judged. `test` names the test, which `explores` if it has no
    clause of its own. `also` holds further clauses, each with an expectation, that are judged on the same episode.
    `missing` says why it is incomplete, such as which fixtures ran out.
    """

    clause: str
    episodes: tuple[Performed, ...]
    kind: str = OF_A_CLAUSE
    test: str = ""
    explores: bool = False
    also: tuple[tuple[str, str], ...] = ()
    missing: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-like form, from which `from_json` makes the same value."""
        return {
            "trial": self.clause,
            "kind": self.kind,
            "test": self.test,
            "explores": self.explores,
            "also": [list(pair) for pair in self.also],
            "missing": self.missing,
            "episodes": [{"part": one.part, **one.episode.to_json()} for one in self.episodes],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Trial:
        """Return the trial that `to_json` wrote. Raises KeyError when a member is missing."""
        performed = tuple(Performed(one["part"], Episode.from_json(one)) for one in data["episodes"])
        also = tuple((clause, expectation) for clause, expectation in data["also"])
        members = {name: data[name] for name in ("kind", "test", "explores", "missing")}
        return cls(data["trial"], performed, also=also, **members)

    def performed_as(self, *parts: str) -> list[Performed]:
        """Return what was performed as these parts, part after part and in order."""
        return [performed for part in parts for performed in self.episodes if performed.part == part]

    @property
    def decisive(self) -> Episode:
        """The episode that decides: the first, or its repetition if that was inconclusive."""
        return self.performed_as(FIRST, AGAIN)[-1].episode

    @property
    def judgement(self) -> Judgement:
        """The judgement of the decisive episode."""
        return self.performed_as(FIRST, AGAIN)[-1].judgement


@dataclass(frozen=True)
class Note:
    """Something known about a clause without an episode. An error has its `traceback`."""

    clause: str
    kind: Kind
    reason: str
    test: str = ""
    traceback: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-like form, from which `from_json` makes the same value."""
        members = {"note": self.clause, "kind": self.kind.value, "reason": self.reason, "test": self.test}
        return {**members, "traceback": self.traceback} if self.traceback else members

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Note:
        """Return the note that `to_json` wrote. Raises KeyError when a member is missing."""
        return cls(data["note"], Kind(data["kind"]), data["reason"], data["test"], data.get("traceback", ""))

    def ledger(self) -> Ledger:
        """Return the note as a ledger."""
        ledger = Ledger()
        ledger.entry(self.clause).add(self.kind, self.reason, self.traceback)
        return ledger
