"""A run as a value: the target, the conclusions, and the way it ended."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import Enum, IntEnum, StrEnum
from typing import Any

from conformance.evidence.counted import counted
from conformance.evidence.episode import Outcome
from conformance.evidence.traffic import Traffic
from conformance.fixtures.forms import GIVEN
from conformance.transport.ways import Try
from conformance.verdict.expectations import Gate
from conformance.verdict.internal_errors import InternalError
from conformance.verdict.naming import finding_name
from conformance.verdict.needs import Wanted, ids_wanted
from conformance.verdict.profiles import ProfileVerdict
from conformance.verdict.results import ClauseResult
from conformance.verdict.settings import Settings
from contracts import Catalogue, Contract

LONGEST_SELECTION = 60
"""How many characters of the options that narrowed a run its verdict shows."""
NOTHING_FAILED = "nothing failed"
"""The verdict in words where the user had only a part of a profile run, and that part holds."""


class ExitStatus(IntEnum):
    """An exit status of the suite."""

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
    NOT_COMPARED = 24


class Ending(StrEnum):
    """A way in which a run ends, from which its exit status, its badge and its headlines follow."""

    CONFORMS = "conforms"
    DOES_NOT_CONFORM = "does-not-conform"
    INCONCLUSIVE = "inconclusive"
    INTERNAL_ERROR = "internal-error"
    INTERRUPTED = "interrupted"
    UNREACHABLE = "unreachable"
    WRONG_USAGE = "wrong-usage"
    NOTHING_SELECTED = "nothing-selected"
    NOT_AS_EXPECTED = "not-as-expected"
    AS_EXPECTED = "as-expected"
    EXPECTED_IN_PART = "expected-in-part"
    NOTHING_FOUND = "nothing-found"
    REHEARSED = "rehearsed"


ENDINGS: Mapping[Ending, tuple[ExitStatus, str]] = {
    Ending.CONFORMS: (ExitStatus.CONFORMS, "conforms"),
    Ending.DOES_NOT_CONFORM: (ExitStatus.DOES_NOT_CONFORM, "does not conform"),
    Ending.INCONCLUSIVE: (ExitStatus.INCONCLUSIVE, "inconclusive"),
    Ending.INTERNAL_ERROR: (ExitStatus.OUR_ERROR, "internal error of the suite"),
    Ending.INTERRUPTED: (ExitStatus.INTERRUPTED, "interrupted"),
    Ending.UNREACHABLE: (ExitStatus.UNREACHABLE, "cannot be tested"),
    Ending.WRONG_USAGE: (ExitStatus.WRONG_USAGE, "wrong usage"),
    Ending.NOTHING_SELECTED: (ExitStatus.NOTHING_SELECTED, "no test was selected"),
    Ending.NOT_AS_EXPECTED: (ExitStatus.DOES_NOT_CONFORM, "not as expected"),
    Ending.AS_EXPECTED: (ExitStatus.CONFORMS, "fails as expected"),
    Ending.EXPECTED_IN_PART: (ExitStatus.INCONCLUSIVE, "inconclusive"),
    Ending.NOTHING_FOUND: (ExitStatus.CONFORMS, "exploring found nothing"),
    Ending.REHEARSED: (ExitStatus.CONFORMS, "rehearsed only"),
}
"""The exit status that follows from each ending, and what it means."""

WRONG_USAGE, NOTHING_SELECTED = STOPS = (Ending.WRONG_USAGE.value, Ending.NOTHING_SELECTED.value)
"""The reasons why pytest itself ended a run before there was anything to conclude."""


RAISE_THE_BOUND = "raise --max-time or --max-requests if that was it, or send less with --profile or --budget quick"
"""What to do about a bound that was reached."""


class Mood(Enum):
    """Good, bad, or neither."""

    GOOD = "good"
    BAD = "bad"
    OPEN = "open"


@dataclass(frozen=True)
class Words:
    """A verdict in words: the `text`, the `detail` that follows in brackets, and its mood."""

    mood: Mood
    text: str
    detail: str

    def __str__(self) -> str:
        return f"{self.text} ({self.detail})"


@dataclass(frozen=True)
class Diagnosis:
    """The reason why a target cannot be tested at all, a hint, and the attempts to get fixtures.

    `is_misuse` says that it must not be tested, such as a live account.
    """

    what: str
    hint: str
    tries: tuple[Try, ...] = ()
    is_misuse: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON, without the attempts."""
        return {"what": self.what, "hint": self.hint, **({"is_misuse": True} if self.is_misuse else {})}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], tries: tuple[Try, ...]) -> Diagnosis:
        """Read what `to_json` returned, and add the attempts."""
        return cls(data["what"], data["hint"], tries, is_misuse=data.get("is_misuse", False))

    def __str__(self) -> str:
        return f"{self.what} — {self.hint}" if self.hint else self.what


@dataclass(frozen=True)
class Exploration:
    """An exploration that lasted that many `minutes`, in that many `rounds`."""

    minutes: float
    rounds: int

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-like form."""
        return asdict(self)


def without_proof(verdicts: Mapping[str, ProfileVerdict]) -> dict[str, ProfileVerdict]:
    """Return the verdicts of an exploration: its findings count, but finding nothing proves nothing."""
    reason = "exploring found nothing, and that proves nothing"
    unproven = {profile: replace(one, verdict="inconclusive", reason=reason) for profile, one in verdicts.items()}
    found = {profile: one for profile, one in verdicts.items() if one.verdict == "does-not-conform"}
    return {**unproven, **found}


@dataclass(frozen=True)
class Run:
    """A concluded run. It `started` at an ISO 8601 time and took `seconds`, in which it sent `requests`.

    `plan` is the digest of the requests, in order, with names in place of ids; empty if several workers sent them.
    `capabilities` is None if they were not probed, `gate` if nothing was expected, `exploration` if nothing was
    explored. An expected failure is still a failure: it changes the exit status, never a verdict. `first_finding` is
    the number of requests until the first finding, None without one. `payment_methods` and `customers` say where they
    come from, in the words of `Provision`, and `scheme` how the key is shown. `errors` are those of the suite itself;
    `stopped` is one of STOPS, or empty. `narrowed` holds the options by which only a part was run. `bound` says which
    bound the run reached, so that the rest was not sent; it is empty if it reached none.
    """

    settings: Settings
    contract: Contract
    catalogue: Catalogue
    target: str
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
    provision: str = ""
    payment_methods: str = ""
    customers: str = ""
    scheme: str = "bearer"
    gate: Gate | None = None
    traffic: Traffic = field(default_factory=Traffic)
    exploration: Exploration | None = None
    errors: tuple[InternalError, ...] = ()
    stopped: str = ""
    narrowed: str = ""
    bound: str = ""

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
        if word == "not-applicable":
            return "does-not-conform"
        return "inconclusive" if self.bound and word == "conforms" else word

    @property
    def lacking(self) -> tuple[str, ...]:
        """The capabilities that `--require` asks for and the target lacks."""
        return tuple(name for name in self.settings.required if name not in (self.capabilities or ()))

    @property
    def wanted(self) -> Wanted | None:
        """The ids that would judge more clauses of the profile; None if none would, or for want of time."""
        if self.bound:
            return None
        return ids_wanted(
            (self.results[clause.slug] for clause in self.catalogue.within(self.settings.profile)),
            self.settings.profile,
            self.settings.budget,
            methods_given=self.payment_methods == GIVEN,
            customers_given=len(self.settings.customers) if self.customers == GIVEN else None,
        )

    @property
    def ending(self) -> Ending:
        """The way in which the run ended. It decides the exit status, and is decided here and nowhere else."""
        if self.diagnosis and self.diagnosis.is_misuse:
            return Ending.WRONG_USAGE
        if self.interrupted:
            return Ending.INTERRUPTED
        if self.diagnosis:
            return Ending.INCONCLUSIVE if self.bound else Ending.UNREACHABLE
        if self.stopped == WRONG_USAGE:
            return Ending.WRONG_USAGE
        if self.errors:
            return Ending.INTERNAL_ERROR
        if self.stopped == NOTHING_SELECTED:
            return Ending.NOTHING_SELECTED
        if self.settings.dry_run:
            return Ending.REHEARSED

        verdict = self.verdicts[self.settings.profile].verdict
        if self.gate is not None and not self.lacking:
            if not self.gate.is_met:
                return Ending.NOT_AS_EXPECTED
            if verdict == "does-not-conform":
                return Ending.EXPECTED_IN_PART if self.gate.undecided or self.bound else Ending.AS_EXPECTED
        has_judged = any(result.outcome is Outcome.PASS for result in self.results.values())
        if self.exploration is not None and has_judged and self.verdict == "inconclusive" and not self.bound:
            return Ending.NOTHING_FOUND
        return Ending(self.verdict)

    @property
    def exit_status(self) -> ExitStatus:
        """The status with which the process ends."""
        return ENDINGS[self.ending][0]

    @property
    def bound_in_words(self) -> str:
        """The bound that was reached, and what to do; empty if none was."""
        what = "the run stopped sending, and what it had not sent is not run"
        return f"{self.bound}: {what}; {RAISE_THE_BOUND}" if self.bound else ""

    @property
    def errors_in_words(self) -> str:
        """The errors of the suite, and that they are no verdict on the target; empty for none."""
        if not self.errors:
            return ""
        places = len({error.where for error in self.errors})
        where = f"in {counted(places, 'test')}" if all(error.clause for error in self.errors) else "in this run"
        return f"internal error of the suite {where} (this is a bug of the suite, not of your server)"

    def word(self, profile: str) -> str:
        """Return the verdict on a profile as one word; a run that was cut short proves no conformance."""
        word = self.verdicts[profile].verdict
        if self.diagnosis or ((self.interrupted or self.bound) and word == "conforms"):
            return "inconclusive"
        return word

    def is_part_of(self, profile: str) -> bool:
        """Return whether the user had only a part of the profile run."""
        verdict = self.verdicts[profile]
        return bool(self.narrowed) and verdict.selected < verdict.total

    def words(self, profile: str) -> Words:
        """Return the verdict on a profile in words, with the expectations that it meets."""
        words = self._words_of_the_whole(profile)
        if not self.is_part_of(profile):
            return words
        text = NOTHING_FAILED if words.mood is Mood.GOOD else words.text
        how = textwrap.shorten(self.narrowed, LONGEST_SELECTION, placeholder=" …")
        return replace(words, text=text, detail=f"{words.detail}; only a part was run: {how}")

    def _words_of_the_whole(self, profile: str) -> Words:
        verdict, word = self.verdicts[profile], self.word(profile)
        text = word.replace("-", " ")
        mood = {"conforms": Mood.GOOD, "does-not-conform": Mood.BAD}.get(word, Mood.OPEN)
        if self.gate is None or mood is not Mood.BAD:
            return Words(mood, text, verdict.reason)

        within = {clause.slug for clause in self.catalogue.within(profile)}
        expected = len(within & self.gate.expected.keys())
        unexpected = len(within & {result.clause.slug for result in self.gate.unexpected})
        if unexpected:
            return Words(mood, text, f"{counted(unexpected, 'unexpected failure')}, {expected} expected")
        return Words(Mood.OPEN, f"{text}, as expected", counted(expected, "expected failure"))

    def to_json(self) -> dict[str, Any]:
        """Return the content of `results.json`."""
        return {
            "suite": {"name": "attach-conformance", **self.versions},
            "target": {
                "base_url": self.target,
                "implementation": self.settings.implementation or None,
                "fixtures": self.provision,
                "payment_methods": self.payment_methods,
                "customers": self.customers,
                "scheme": self.scheme,
                "started": self.settings.target or None,
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
            "ending": self.ending.value,
            "bound": self.bound or None,
            "diagnosis": str(self.diagnosis) if self.diagnosis else None,
            "errors": [error.to_json() for error in self.errors],
            "verdicts": {profile: verdict.verdict for profile, verdict in self.verdicts.items()},
            "words": {profile: str(self.words(profile)) for profile in self.verdicts},
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
    more = {
        "was": str(result.was) if result.was else "",
        "expected": result.expected,
        "unjudged": list(result.unjudged),
        "traceback": result.traceback,
        "cause": result.cause,
    }
    return {
        "outcome": str(result.outcome),
        "level": result.clause.level,
        "profile": result.clause.profile,
        "statement": result.clause.statement,
        "reason": result.reason,
        "selected": result.selected,
        "held": result.held,
        "lacks_fixtures": result.lacks_fixtures,
        "broken": result.broken,
        "findings": [
            {**finding.to_json(), "expected": result.listed.get(finding_name(finding), "")}
            for finding in result.findings
        ],
        **{name: value for name, value in more.items() if value},
    }
