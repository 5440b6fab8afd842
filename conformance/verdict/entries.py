"""The knowledge about one clause: findings, and the reasons of what was not judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from conformance.evidence.episode import Finding

FINDINGS_KEPT = 3
"""How many findings of one clause are kept as evidence, the smallest first."""
FINDINGS_KNOWN, BYTES_KNOWN = 60, 300_000
"""How many are known in all, and how many bytes of bodies they may have: clauses explain each other's findings,
and an expectations file names each."""

_ROOT_CAUSE = "see "


def refer_to(cause: str) -> str:
    """Return the reason of a clause that is not judged because the clause `cause` is broken, as records write it."""
    return f"{_ROOT_CAUSE}{cause}"


class Kind(StrEnum):
    """A kind of reason.

    Two are no property of the target: `lacking` is not run for want of fixtures, and what was `left` is not run since
    the target was gone, or a bound of the run was reached.
    """

    NOT_RUN = "not-run"
    LACKING = "lacking"
    LEFT = "left"
    NOT_APPLICABLE = "not-applicable"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    REMARK = "remark"


@dataclass(frozen=True)
class Reason:
    """A reason why a clause, or an aspect of it, was not judged, or a remark about how it was.

    `cause` is the broken clause that keeps it from being judged, if one does; an error has its `traceback`.
    """

    kind: Kind
    text: str
    cause: str = ""
    traceback: str = ""

    @classmethod
    def read(cls, kind: Kind, text: str, traceback: str = "") -> Reason:
        """Return the reason in a record's text. Only here is a cause read out of the form of `refer_to`."""
        cause = text.removeprefix(_ROOT_CAUSE) if text.startswith(_ROOT_CAUSE) else ""
        return cls(kind, text, cause, traceback)


@dataclass
class Entry:
    """The knowledge about one clause: how many episodes held, the findings, and the reasons of what was not judged.

    `traits` are those of requests that got no answer.
    """

    held: int = 0
    broken: int = 0
    findings: list[Finding] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    traits: list[str] = field(default_factory=list)

    def add(self, kind: Kind, text: str, traceback: str = "") -> None:
        """Add a reason."""
        self.reasons.append(Reason.read(kind, text, traceback))

    def of_kind(self, *kinds: Kind) -> list[Reason]:
        """Return the reasons of these kinds, in the order in which they were added."""
        return [reason for reason in self.reasons if reason.kind in kinds]

    @property
    def not_run(self) -> list[str]:
        """The reasons why an aspect was not run."""
        return [reason.text for reason in self.of_kind(Kind.NOT_RUN, Kind.LACKING, Kind.LEFT)]

    @property
    def inconclusive(self) -> list[str]:
        """The reasons why an answer decided nothing."""
        return [reason.text for reason in self.of_kind(Kind.INCONCLUSIVE)]

    @property
    def not_applicable(self) -> list[str]:
        """The reasons why an aspect does not apply to the target."""
        return [reason.text for reason in self.of_kind(Kind.NOT_APPLICABLE)]

    @property
    def is_not_applicable(self) -> bool:
        """True if the clause is only known not to apply."""
        return bool(self.not_applicable) and not (self.held or self.findings)

    def add_finding(self, finding: Finding) -> None:
        """Count a finding, and keep it if it is small enough."""
        self.broken += 1
        self._keep([finding])

    def merge(self, other: Entry) -> None:
        """Add the knowledge of another entry for the same clause."""
        self.held += other.held
        self.broken += other.broken
        self._keep(other.findings)
        self.reasons += [reason for reason in other.reasons if reason not in self.reasons]
        self.traits += [trait for trait in other.traits if trait not in self.traits]

    def _keep(self, findings: Iterable[Finding]) -> None:
        self.findings = _within_bounds(sorted([*self.findings, *findings], key=size_of))

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-like form, from which `from_json` makes the same entry."""
        return {
            "held": self.held,
            "broken": self.broken,
            "findings": [finding.to_json() for finding in self.findings],
            "reasons": [{**asdict(reason), "kind": reason.kind.value} for reason in self.reasons],
            "traits": list(self.traits),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Entry:
        """Return the entry that `to_json` wrote."""
        findings = [Finding.from_json(finding) for finding in data["findings"]]
        reasons = [Reason(**{**reason, "kind": Kind(reason["kind"])}) for reason in data["reasons"]]
        return cls(data["held"], data["broken"], findings, reasons, list(data["traits"]))


def _within_bounds(findings: Sequence[Finding]) -> list[Finding]:
    """Return the first of these findings, as many as may be known; FINDINGS_KEPT of them in any case."""
    size = 0
    for number, finding in enumerate(findings[:FINDINGS_KNOWN]):
        size += sum(len(step.exchange.body or b"") for step in finding.episode.steps)
        if number >= FINDINGS_KEPT and size > BYTES_KNOWN:
            return list(findings[:number])
    return list(findings[:FINDINGS_KNOWN])


def size_of(finding: Finding) -> tuple[int, int, int]:
    """Return the size of a finding: of what was sent up to the request that shows it, then of all else beside that."""
    steps = finding.episode.steps
    size = sum(step.size for step in steps[: finding.culprit + 1])
    return size, len(steps), len(steps[finding.culprit].attempt)
