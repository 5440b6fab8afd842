"""A run as a value: what was tested, what was concluded, and how it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

from conformance.evidence.episode import Finding
from conformance.evidence.traffic import Traffic
from conformance.transport.ways import Try
from conformance.verdict.expectations import Gate, counted
from conformance.verdict.internal_errors import InternalError
from conformance.verdict.ledger import ClauseResult
from conformance.verdict.needs import Wanted, ids_wanted
from conformance.verdict.profiles import ProfileVerdict
from conformance.verdict.settings import Settings
from contracts import Catalogue, Contract


class ExitStatus(IntEnum):
    """How a run ends."""

    CONFORMS = 0
    DOES_NOT_CONFORM = 1
    INTERRUPTED = 2
    OUR_ERROR = 3
    WRONG_USAGE = 4
    NOTHING_SELECTED = 5
    UNREACHABLE = 10
    INCONCLUSIVE = 11
    FORGED = 20
    EXPIRED = 21
    DIFFERENT = 22
    NOT_CONFORMING = 23


WRONG_USAGE, NOTHING_SELECTED = STOPS = ("wrong-usage", "nothing-selected")
"""Why pytest itself ended a run before there was anything to conclude."""


@dataclass(frozen=True)
class Diagnosis:
    """Why the target cannot be tested at all, what to do about it, and what was tried to get fixtures."""

    what: str
    hint: str
    tries: tuple[Try, ...] = ()

    def __str__(self) -> str:
        return f"{self.what} — {self.hint}" if self.hint else self.what


@dataclass(frozen=True)
class Pinnable:
    """What exploring found: the finding, and the `imports` and the `code` that pin it above the test of that id.

    `round` is the round that drew it; 0 where it was found again from an earlier exploration.
    """

    finding: Finding
    test: str
    imports: tuple[str, ...]
    code: str
    round: int

    @property
    def clause(self) -> str:
        """The slug of the clause that is broken."""
        return self.finding.clause

    def to_json(self) -> dict[str, Any]:
        """A JSON-like form."""
        told = {"clause": self.clause, "observed": self.finding.observed, "round": self.round, "test": self.test}
        return {**told, "imports": list(self.imports), "code": self.code}


@dataclass(frozen=True)
class Exploration:
    """What came of exploring for that many `minutes`, in that many `rounds`.

    `has_judged` tells whether any clause held. A record keeps only what an exploration found, so that this cannot be
    told from its episodes.
    """

    minutes: float
    rounds: int
    found: tuple[Pinnable, ...]
    has_judged: bool

    def to_json(self) -> dict[str, Any]:
        """A JSON-like form."""
        return {"minutes": self.minutes, "rounds": self.rounds, "found": [one.to_json() for one in self.found]}


def without_proof(verdicts: Mapping[str, ProfileVerdict]) -> dict[str, ProfileVerdict]:
    """The verdicts of an exploration: what it finds counts, and what it does not find proves nothing."""
    return {
        profile: verdict
        if verdict.verdict == "does-not-conform"
        else replace(verdict, verdict="inconclusive", reason="exploring found nothing, and that proves nothing")
        for profile, verdict in verdicts.items()
    }


@dataclass(frozen=True)
class Run:
    """One run, concluded. `seconds` is how long it took, `requests` how many were sent, `started` an ISO 8601 time.

    `plan` is the digest of what was sent, in order, with names in place of ids; empty where several workers sent it.
    `capabilities` is None where they were not looked for; `gate` is None where nothing was expected. What is expected
    is still a miss: it changes the exit status, never a verdict. `first_finding` is how many requests of the tests were
    sent until the first finding, None without one. `exploration` is None where nothing was explored. `payment_methods`
    and `customers` say how they are come by, in the words of `Provision`. `errors` are those of the suite itself;
    `stopped` is one of STOPS, or empty.
    """

    settings: Settings
    contract: Contract
    catalogue: Catalogue
    target: str
    provision: str
    stateless: bool
    results: Mapping[str, ClauseResult]
    verdicts: Mapping[str, ProfileVerdict]
    requests: int
    seconds: float
    started: str
    versions: Mapping[str, str]
    diagnosis: Diagnosis | None = None
    interrupted: bool = False
    left_over: tuple[str, ...] = field(default=())
    objects: Mapping[str, int] = field(default_factory=dict)
    plan: str = ""
    first_finding: int | None = None
    capabilities: tuple[str, ...] | None = None
    payment_methods: str = ""
    customers: str = ""
    gate: Gate | None = None
    traffic: Traffic = field(default_factory=Traffic)
    exploration: Exploration | None = None
    errors: tuple[InternalError, ...] = ()
    stopped: str = ""

    @property
    def verdict(self) -> str:
        """The word for the chosen profile: `conforms`, `does-not-conform`, `inconclusive` or `internal-error`."""
        if self.diagnosis or self.interrupted:
            return "inconclusive"
        if self.errors:
            return "internal-error"
        if self.lacking:
            return "does-not-conform"
        word = self.verdicts[self.settings.profile].verdict
        return "does-not-conform" if word == "not-applicable" else word

    @property
    def lacking(self) -> tuple[str, ...]:
        """The capabilities that `--require` asks for and the target has not."""
        return tuple(name for name in self.settings.required if name not in (self.capabilities or ()))

    @property
    def wanted(self) -> Wanted | None:
        """The ids that would judge more clauses of the profile; None where none would."""
        return ids_wanted(
            (self.results[clause.slug] for clause in self.catalogue.within(self.settings.profile)),
            self.settings.profile,
            self.settings.budget,
            methods_given=self.payment_methods == "given",
            customers_given=len(self.settings.customers) if self.customers == "given" else None,
        )

    @property
    def exit_status(self) -> ExitStatus:
        """The status with which the process ends. It is decided here and nowhere else."""
        if self.diagnosis:
            return ExitStatus.UNREACHABLE
        if self.interrupted:
            return ExitStatus.INTERRUPTED
        if self.stopped == WRONG_USAGE:
            return ExitStatus.WRONG_USAGE
        if self.errors:
            return ExitStatus.OUR_ERROR
        if self.stopped == NOTHING_SELECTED:
            return ExitStatus.NOTHING_SELECTED
        if self.gate is not None and not self.lacking:
            if not self.gate.is_met:
                return ExitStatus.DOES_NOT_CONFORM
            if self.verdicts[self.settings.profile].verdict == "does-not-conform":
                return ExitStatus.INCONCLUSIVE if self.gate.undecided else ExitStatus.CONFORMS
        if self.exploration is not None and self.verdict == "inconclusive" and self.exploration.has_judged:
            return ExitStatus.CONFORMS
        return {
            "conforms": ExitStatus.CONFORMS,
            "does-not-conform": ExitStatus.DOES_NOT_CONFORM,
        }.get(self.verdict, ExitStatus.INCONCLUSIVE)

    @property
    def errors_in_words(self) -> str:
        """How many errors of the suite there were, and that they say nothing of the target; empty for none."""
        if not self.errors:
            return ""
        places = len({error.where for error in self.errors})
        where = f"in {counted(places, 'test')}" if all(error.clause for error in self.errors) else "in this run"
        return f"internal error of the suite {where} (this is a bug of the suite, not of your server)"

    def words(self, profile: str) -> str:
        """The verdict on a profile in words, with what was expected of it."""
        verdict = self.verdicts[profile]
        word = "inconclusive" if self.interrupted and verdict.verdict == "conforms" else verdict.verdict
        spoken = word.replace("-", " ")
        if self.gate is None or word != "does-not-conform":
            return f"{spoken} ({verdict.reason})"
        within = {clause.slug for clause in self.catalogue.within(profile)}
        expected = len(within & self.gate.expected.keys())
        unexpected = len(within & {result.clause.slug for result in self.gate.unexpected})
        if unexpected:
            return f"{spoken} ({counted(unexpected, 'unexpected failure')}, {expected} expected)"
        return f"{spoken}, as expected ({counted(expected, 'expected failure')})"

    def to_json(self) -> dict[str, Any]:
        """The content of `results.json`."""
        return {
            "suite": {"name": "attach-conformance", **self.versions},
            "target": {
                "base_url": self.target,
                "implementation": self.settings.implementation or None,
                "fixtures": self.provision,
                "payment_methods": self.payment_methods,
                "customers": self.customers,
                "stateless": self.stateless,
            },
            "started": self.started,
            "profile": self.settings.profile,
            "level": self.settings.level,
            "budget": self.settings.budget,
            "seed": self.settings.seed,
            "dry_run": self.settings.dry_run,
            "plan": self.plan,
            "capabilities": None if self.capabilities is None else list(self.capabilities),
            "lacking": list(self.lacking),
            "ids_wanted": self.wanted.to_json() if self.wanted else None,
            "contract": self.contract.digest,
            "catalogue": self.catalogue.digest,
            "verdict": self.verdict,
            "exit_status": int(self.exit_status),
            "diagnosis": str(self.diagnosis) if self.diagnosis else None,
            "errors": [error.to_json() for error in self.errors],
            "verdicts": {profile: verdict.verdict for profile, verdict in self.verdicts.items()},
            "words": {profile: self.words(profile) for profile in self.verdicts},
            "reasons": {profile: verdict.reason for profile, verdict in self.verdicts.items()},
            "exploration": self.exploration.to_json() if self.exploration else None,
            "expectations": self.gate.to_json() if self.gate else None,
            "clauses": {slug: _clause_json(result) for slug, result in self.results.items()},
            "requests": self.requests,
            "first_finding": self.first_finding,
            "seconds": round(self.seconds, 3),
            "left_over": list(self.left_over),
        }


def _clause_json(result: ClauseResult) -> dict[str, Any]:
    more: dict[str, Any] = {"was": str(result.was), "expected": result.expected} if result.was else {}
    if result.unjudged:
        more["unjudged"] = list(result.unjudged)
    if result.traceback:
        more["traceback"] = result.traceback
    return {
        "outcome": str(result.outcome),
        "level": result.clause.level,
        "profile": result.clause.profile,
        "statement": result.clause.statement,
        "reason": result.reason,
        "held": result.held,
        "lacks_fixtures": result.lacks_fixtures,
        "broken": result.broken,
        "findings": [finding.to_json() for finding in result.findings],
        **more,
    }
