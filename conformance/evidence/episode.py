"""The episode, the unit of evidence, and what is concluded from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from conformance.evidence.exchange import Exchange, may_be_lost_on_the_way
from conformance.evidence.storing import exchange_from_json, exchange_to_json


class Outcome(StrEnum):
    """What is known of a clause. `expected` is a miss that an expectations file lists: known, and still a miss."""

    PASS = "pass"
    DEVIATION = "deviation"
    FAIL = "fail"
    NOT_APPLICABLE = "not-applicable"
    NOT_RUN = "not-run"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    EXPECTED = "expected"


@dataclass(frozen=True)
class Step:
    """One exchange of an episode and its role there: `subject`, `control`, `set-up` or `follow-up`.

    `attempt` says in words what was sent, `invalid` which component breaks the contract and how, `kind` whether the
    attempt is `valid`, `invalid` or `wire`. `attempt_digest` tells attempts apart, whatever ids are bound in them; it
    is empty for a request that is no attempt of the operation. `bindings` are the ids that were bound.
    """

    role: str
    exchange: Exchange
    attempt: str = ""
    invalid: str = ""
    kind: str = "valid"
    attempt_digest: str = ""
    bindings: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A JSON-like form, from which `from_json` makes the same value."""
        return {
            "role": self.role,
            "attempt": self.attempt,
            "invalid": self.invalid,
            "kind": self.kind,
            "attempt_digest": self.attempt_digest,
            "bindings": dict(self.bindings),
            "exchange": exchange_to_json(self.exchange),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Step:
        """The step that `to_json` wrote. Raises KeyError when a member is missing."""
        told = {name: data[name] for name in ("attempt", "invalid", "kind", "attempt_digest", "bindings")}
        return cls(data["role"], exchange_from_json(data["exchange"]), **told)


@dataclass(frozen=True)
class Episode:
    """What happened for one clause: its steps in order, with the fixtures that they used.

    `expectation` names the judge. `fixtures` binds names to ids; `facts` holds what the judge must know of the run
    besides (whether the target is stateless, say). `id` is given when the run is recorded.
    """

    clause: str
    expectation: str
    steps: tuple[Step, ...]
    fixtures: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    id: str = field(default="", compare=False)

    def exchanges(self, role: str) -> tuple[Exchange, ...]:
        """The exchanges with that role, in order."""
        return tuple(step.exchange for step in self.steps if step.role == role)

    @property
    def subject(self) -> Exchange:
        """The first exchange whose role is `subject`."""
        return self.exchanges("subject")[0]

    def to_json(self) -> dict[str, Any]:
        """A JSON-like form, from which `from_json` makes the same value."""
        return {
            "id": self.id,
            "clause": self.clause,
            "expectation": self.expectation,
            "steps": [step.to_json() for step in self.steps],
            "fixtures": dict(self.fixtures),
            "facts": dict(self.facts),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Episode:
        """The episode that `to_json` wrote. Raises KeyError when a member is missing."""
        steps = tuple(map(Step.from_json, data["steps"]))
        return cls(data["clause"], data["expectation"], steps, data["fixtures"], data["facts"], data.get("id", ""))


@dataclass(frozen=True)
class Finding:
    """A clause that an episode shows to be broken.

    `observed` says in one line what came back instead of what is admissible; `culprit` is the index of the step that
    shows it. `seen_at` is the clause at which an unsteady answer was seen. `rests_on` names the clauses about what that
    step uses in passing: where one of them is broken, the finding says nothing new. `id` is given when the run is
    concluded.
    """

    clause: str
    observed: str
    episode: Episode
    culprit: int = 0
    seen_at: str = ""
    rests_on: tuple[str, ...] = ()
    id: str = field(default="", compare=False)

    @property
    def exchange(self) -> Exchange:
        """The exchange that shows it."""
        return self.episode.steps[self.culprit].exchange

    @property
    def may_be_the_network(self) -> bool:
        """Whether what lies between here and a target elsewhere may have lost, cut or repeated what shows it."""
        return bool(self.episode.facts.get("remote")) and may_be_lost_on_the_way(self.exchange)

    def to_json(self) -> dict[str, Any]:
        """A JSON-like form, from which `from_json` makes the same value."""
        return {
            "id": self.id,
            "clause": self.clause,
            "observed": self.observed,
            "culprit": self.culprit,
            "seen_at": self.seen_at,
            "rests_on": list(self.rests_on),
            "episode": self.episode.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Finding:
        """The finding that `to_json` wrote. Raises KeyError when a member is missing."""
        episode = Episode.from_json(data["episode"])
        told = (data["clause"], data["observed"], episode, data["culprit"], data["seen_at"])
        return cls(*told, rests_on=tuple(data.get("rests_on", ())), id=data.get("id", ""))


@dataclass(frozen=True)
class Judgement:
    """What one episode says: the outcome for its own clause with a reason, and every finding, of whatever clause."""

    outcome: Outcome
    reason: str = ""
    findings: tuple[Finding, ...] = ()

    @property
    def broken(self) -> frozenset[str]:
        """The slugs of the clauses that the episode shows to be broken."""
        return frozenset(finding.clause for finding in self.findings)
