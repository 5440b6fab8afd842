"""The episode, which is the unit of evidence, and the findings that a judge draws from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from itertools import chain
from typing import Any

from conformance.evidence.exchange import Exchange, is_usual, may_be_lost_on_the_way
from conformance.evidence.storing import exchange_from_json, exchange_to_json


class Outcome(StrEnum):
    """The result for a clause. `expected` is a miss that an expectations file lists: known, and still a miss."""

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
    """An exchange of an episode and its role there: `subject`, `control`, `set-up` or `follow-up`.

    - `attempt`: what was sent, in words; `kind`: `valid`, `invalid` or `wire`.
    - `invalid`: the component that breaks the contract, and how.
    - `attempt_digest`: the same for the same attempt with any ids; empty for a request to another endpoint.
    - `bindings`: the ids that were bound.
    """

    role: str
    exchange: Exchange
    attempt: str = ""
    invalid: str = ""
    kind: str = "valid"
    attempt_digest: str = ""
    bindings: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def size(self) -> int:
        """The characters of the path, the body and the unusual headers that were sent, without the ids of fixtures."""
        request = self.exchange.request
        others = (header for header in request.headers if not is_usual(header))
        sent = [request.target, *chain.from_iterable(others), (request.body or b"").decode("latin-1")]
        bound = {one for name, one in self.bindings.items() if one and " " not in name}  # changed ids have such names
        return sum(len(text) - sum(text.count(one) * len(one) for one in bound) for text in sent)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-like form, from which `from_json` makes the same value."""
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
        """Return the step that `to_json` wrote. Raises KeyError when a member is missing."""
        members = {name: data[name] for name in ("attempt", "invalid", "kind", "attempt_digest", "bindings")}
        return cls(data["role"], exchange_from_json(data["exchange"]), **members)


@dataclass(frozen=True)
class Episode:
    """The steps performed for one clause, in order, with the fixtures that they used.

    `expectation` names the judge. `fixtures` binds names to ids; `facts` holds what else the judge must know of the run
    (that the target is stateless, say). `id` is given when the run is recorded.
    """

    clause: str
    expectation: str
    steps: tuple[Step, ...]
    fixtures: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    id: str = field(default="", compare=False)

    def exchanges(self, role: str) -> tuple[Exchange, ...]:
        """Return the exchanges with that role, in order."""
        return tuple(step.exchange for step in self.steps if step.role == role)

    @property
    def subject(self) -> Exchange:
        """Return the first exchange whose role is `subject`."""
        return self.exchanges("subject")[0]

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-like form, from which `from_json` makes the same value."""
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
        """Return the episode that `to_json` wrote. Raises KeyError when a member is missing."""
        steps = tuple(map(Step.from_json, data["steps"]))
        return cls(data["clause"], data["expectation"], steps, data["fixtures"], data["facts"], data.get("id", ""))


@dataclass(frozen=True)
class Finding:
    """A clause that an episode shows to be broken.

    - `observed`: what came back instead of what is admissible, in one line.
    - `culprit`: the index of the step that shows it.
    - `seen_at`: the clause at which a flaky answer was seen.
    - `rests_on`: the clauses about what that step uses in passing; the finding is not news where one is broken.
    - `id`: given when the run is concluded.
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
        """Return the exchange that shows the failure."""
        return self.episode.steps[self.culprit].exchange

    @property
    def may_be_the_network(self) -> bool:
        """Return whether the network to a target elsewhere may have lost, cut or repeated what shows it."""
        return bool(self.episode.facts.get("remote")) and may_be_lost_on_the_way(self.exchange)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-like form, from which `from_json` makes the same value."""
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
        """Return the finding that `to_json` wrote. Raises KeyError when a member is missing."""
        episode = Episode.from_json(data["episode"])
        members = (data["clause"], data["observed"], episode, data["culprit"], data["seen_at"])
        return cls(*members, rests_on=tuple(data.get("rests_on", ())), id=data.get("id", ""))


@dataclass(frozen=True)
class Judgement:
    """The result of an episode: the outcome for its own clause with a reason, and the findings for all clauses."""

    outcome: Outcome
    reason: str = ""
    findings: tuple[Finding, ...] = ()

    @property
    def broken(self) -> frozenset[str]:
        """Return the slugs of the clauses that the episode shows to be broken."""
        return frozenset(finding.clause for finding in self.findings)
