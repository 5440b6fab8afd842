"""The ledger: what every episode said, by clause, and the one outcome that follows for each clause and profile."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.evidence.episode import Episode, Finding, Outcome
from conformance.judge.outage import SHARED
from contracts import Catalogue, Clause
from strategies.traits import traits
from strategies.valid import MINIMAL

SERVER_ERRORS = "error.status-class"
UNSTEADY = "robustness.same-request-same-answer"
STILL_SERVING = "robustness.still-serving"
ABOUT_CONTENT = frozenset({"expand.not-expanded", "expand.inlined"})

NOT_SELECTED = "not selected"

FINDINGS_KEPT = 3
"""How many findings of one clause are kept as evidence, the smallest first."""


@dataclass
class Entry:
    """What is known of one clause so far: how many episodes held, what broke it, and why others said nothing."""

    held: int = 0
    broken: int = 0
    findings: list[Finding] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)
    inconclusive: list[str] = field(default_factory=list)
    not_applicable: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    traits: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)
    tracebacks: list[str] = field(default_factory=list)

    def lack_fixtures(self, reason: str) -> None:
        """Note that the clause could not be judged for want of fixtures, which is no property of the target."""
        self.not_run.append(reason)
        self.lacking.append(reason)

    @property
    def is_not_applicable(self) -> bool:
        """Whether all that is known is that the clause does not apply."""
        return bool(self.not_applicable) and not (self.held or self.findings)

    def add_finding(self, finding: Finding) -> None:
        """Count a finding, and keep it if it is among the smallest."""
        self.broken += 1
        self._keep([finding])

    def merge(self, other: Entry) -> None:
        """Take over what another entry for the same clause knows."""
        self.held += other.held
        self.broken += other.broken
        self._keep(other.findings)
        for name in _REASONS:
            mine: list[str] = getattr(self, name)
            mine += [reason for reason in getattr(other, name) if reason not in mine]

    def _keep(self, findings: Iterable[Finding]) -> None:
        self.findings = sorted([*self.findings, *findings], key=size_of)[:FINDINGS_KEPT]

    def to_json(self) -> dict[str, Any]:
        """A JSON-like form, from which `from_json` makes the same entry."""
        return {
            "held": self.held,
            "broken": self.broken,
            "findings": [finding.to_json() for finding in self.findings],
            **{name: list(getattr(self, name)) for name in _REASONS},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Entry:
        """The entry that `to_json` wrote."""
        findings = [Finding.from_json(finding) for finding in data["findings"]]
        reasons = {name: list(data[name]) for name in _REASONS}
        return cls(data["held"], data["broken"], findings, **reasons)


_REASONS = ("not_run", "inconclusive", "not_applicable", "errors", "notes", "traits", "lacking", "tracebacks")


def size_of(finding: Finding) -> int:
    """How large the request is that shows a finding, in bytes of body and path, with all others of its episode."""
    steps = finding.episode.steps
    return sum(len(step.exchange.request.body or b"") + len(step.exchange.request.target) for step in steps)


class Ledger:
    """Entries by clause. A worker keeps one for each test; the controller merges them."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}

    def entry(self, slug: str) -> Entry:
        """The entry of the clause `slug`, made when there is none."""
        return self.entries.setdefault(slug, Entry())

    def merge(self, other: Ledger) -> None:
        """Take over all that another ledger knows."""
        for slug, entry in other.entries.items():
            self.entry(slug).merge(entry)

    def has_finding(self, slug: str) -> bool:
        """Whether the clause is known to be broken."""
        return slug in self.entries and bool(self.entries[slug].findings)

    @property
    def broken(self) -> frozenset[str]:
        """The slugs of the clauses that are known to be broken."""
        return frozenset(slug for slug, entry in self.entries.items() if entry.findings)

    def to_json(self) -> dict[str, Any]:
        """A JSON-like form, from which `from_json` makes the same ledger."""
        return {slug: entry.to_json() for slug, entry in self.entries.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Ledger:
        """The ledger that `to_json` wrote."""
        ledger = cls()
        ledger.entries = {slug: Entry.from_json(entry) for slug, entry in data.items()}
        return ledger


@dataclass(frozen=True)
class ClauseResult:
    """The outcome of one clause, with its reason and the findings behind it, the smallest request first.

    Where it is `expected`, `was` is the outcome that was observed, and `expected` says why that is known. `blocked`
    tells that a clause on which this one always rests keeps it from being run, `lacks_fixtures` that nothing was left
    to run it, or an aspect of it, with: no profile conforms then. `unjudged` says why aspects of a clause that passes
    could not be judged, `traceback` where an error of the suite happened.
    """

    clause: Clause
    outcome: Outcome
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    broken: int = 0
    held: int = 0
    was: Outcome | None = None
    expected: str = ""
    blocked: bool = False
    lacks_fixtures: bool = False
    unjudged: tuple[str, ...] = ()
    traceback: str = ""


def own_outcome(clause: Clause, entry: Entry) -> ClauseResult:
    """What the entry alone says of its clause, whatever became of the clauses that it requires.

    The gravest aspect decides: an error of the suite, a finding, a lost answer, an aspect with a root cause elsewhere.
    An aspect that lacks its precondition on this target, or fixtures, hides no pass: it is named with it.
    """
    if entry.errors:
        traceback = next(filter(None, entry.tracebacks), "")
        return ClauseResult(clause, Outcome.ERROR, entry.errors[0], held=entry.held, traceback=traceback)
    if entry.findings:
        outcome = {"MUST": Outcome.FAIL, "SHOULD": Outcome.DEVIATION}.get(clause.level, Outcome.PASS)
        first = entry.findings[0]
        return ClauseResult(clause, outcome, first.observed, tuple(entry.findings), entry.broken, entry.held)
    if entry.inconclusive:
        return ClauseResult(clause, Outcome.INCONCLUSIVE, entry.inconclusive[0], held=entry.held)
    needed = [reason for reason in entry.not_run if _names_root_cause(reason)]
    if entry.held and not needed:
        unjudged = tuple(dict.fromkeys([*entry.not_run, *entry.not_applicable]))
        notes, lacks = "; ".join(entry.notes), bool(entry.lacking)
        return ClauseResult(clause, Outcome.PASS, notes, held=entry.held, unjudged=unjudged, lacks_fixtures=lacks)
    if entry.not_run:
        reason = needed[0] if entry.held else entry.not_run[0]
        lacks = reason in entry.lacking
        return ClauseResult(clause, Outcome.NOT_RUN, reason, held=entry.held, lacks_fixtures=lacks)
    if entry.not_applicable:
        return ClauseResult(clause, Outcome.NOT_APPLICABLE, entry.not_applicable[0])
    return ClauseResult(clause, Outcome.NOT_RUN, clause.not_tested or NOT_SELECTED)


def _names_root_cause(reason: str) -> bool:
    return reason.startswith("see ")


def hold_general_clauses(ledger: Ledger, catalogue: Catalogue) -> None:
    """Let the general clauses hold that nothing broke, where any answer was judged."""
    if any(entry.held or entry.findings for entry in ledger.entries.values()):
        for clause in catalogue:
            if clause.general:
                ledger.entry(clause.slug).held += not ledger.has_finding(clause.slug)


def conclude(catalogue: Catalogue, ledger: Ledger) -> dict[str, ClauseResult]:
    """One outcome for each clause, in the order of the catalogue.

    A clause whose root cause failed is *not run*, and names the root cause, so that one defect shows as one failure.
    """
    results: dict[str, ClauseResult] = {}
    culprits = Culprits.of(ledger, catalogue)
    told_elsewhere = _told_elsewhere(ledger, culprits.owners)
    ends_at_any_request = _ends_at_a_plain_request(ledger)
    for slug in catalogue.root_causes_first:
        clause = catalogue[slug]
        observed = ledger.entries.get(slug, Entry())
        entry = without_what_others_own(slug, observed, culprits, catalogue)
        if ends_at_any_request and slug != STILL_SERVING and any(one.exchange.status is None for one in entry.findings):
            entry = Entry(not_run=[f"see {STILL_SERVING}"])
        own = own_outcome(clause, entry)
        if observed.findings and own.outcome is Outcome.NOT_RUN:
            own = replace(own, blocked=True)
        cause = blocking(clause, results)
        if cause and cause != slug and own.outcome not in (Outcome.ERROR, Outcome.NOT_APPLICABLE):
            own = replace(own, outcome=Outcome.NOT_RUN, reason=f"see {cause}", findings=(), blocked=True)
        if told_elsewhere and own.reason == f"see {STILL_SERVING}":
            own = replace(own, reason=f"see {told_elsewhere}")
        results[slug] = own
    return {clause.slug: results[clause.slug] for clause in catalogue}


@dataclass(frozen=True)
class Culprits:
    """The clauses that findings may be explained by.

    `broken` have findings; of these `standing` have one that rests on no other, and `owners` own server errors.
    """

    broken: AbstractSet[str]
    standing: AbstractSet[str]
    owners: AbstractSet[str]

    @classmethod
    def of(cls, ledger: Ledger, catalogue: Catalogue) -> Culprits:
        """Return the culprits among the clauses of a ledger."""
        findings = {slug: entry.findings for slug, entry in ledger.entries.items() if slug in catalogue}
        broken = {slug for slug, found in findings.items() if found}
        standing = {
            slug for slug in broken if any(not causes_in_passing(one, broken, catalogue) for one in findings[slug])
        }
        owners = {slug for slug in broken if catalogue[slug].owns_server_errors}
        return cls(broken, standing, owners)


def without_what_others_own(slug: str, entry: Entry, culprits: Culprits, catalogue: Catalogue) -> Entry:
    """The entry without what another clause reports already: one defect shows once.

    A server error, or a connection lost, belongs to the clause about what was remarkable in the request, when that
    clause is broken too. An answer that was unsteady once belongs to the
    clause at which it was seen, when that one is broken for good, and to any clause about the content of answers: what
    is carried over from one answer to the next shows now here, now there.
    """
    broken, owners = culprits.broken, culprits.owners
    if slug == SERVER_ERRORS:
        findings = [finding for finding in entry.findings if not _is_owned(finding, owners)]
        if STILL_SERVING in broken:
            findings = [finding for finding in findings if not _is_after_an_odd_request(finding)]
    elif slug == STILL_SERVING:
        findings = [finding for finding in entry.findings if not _ends_as(finding, owners - {slug})]
    elif slug == UNSTEADY:
        content_is_broken = any(
            name.startswith(("response.", "error.", "state.")) or name in ABOUT_CONTENT for name in culprits.standing
        )
        seen_at = {finding.seen_at for finding in entry.findings} - {""}
        explained = culprits.standing | seen_at if content_is_broken else culprits.standing
        findings = [finding for finding in entry.findings if finding.seen_at not in explained]
    else:
        findings = [finding for finding in entry.findings if not causes_in_passing(finding, broken, catalogue)]
        if entry.findings and not findings:
            causes = causes_in_passing(entry.findings[0], broken, catalogue)
            return replace(entry, findings=[], broken=0, not_run=[f"see {causes[0]}", *entry.not_run])
    causes = [trait for trait in entry.traits if trait in owners and trait != slug]
    if len(findings) == len(entry.findings) and not causes:
        return entry
    told = [f"see {cause}" for cause in causes]
    count = entry.broken if findings else 0
    held = entry.held if entry.findings == findings else max(entry.held, 1)
    kept = replace(entry, findings=findings, broken=count, held=held)
    return replace(kept, inconclusive=[], not_run=told + entry.not_run) if causes else kept


def causes_in_passing(finding: Finding, broken: Container[str], catalogue: Catalogue) -> list[str]:
    """Return the broken clauses about what the finding's culprit uses in passing.

    A clause that is itself a reason for another one to be broken never rests on that other one.
    """
    used = [slug for slug in finding.rests_on if slug in broken and slug in catalogue]
    return [slug for slug in used if finding.clause not in catalogue.comes_after(slug)]


def _is_after_an_odd_request(finding: Finding) -> bool:
    """Return whether the request right before the one that shows a finding had something remarkable about it."""
    steps = [step for step in finding.episode.steps[: finding.culprit] if step.exchange.is_to_operation]
    return bool(steps) and bool(traits(steps[-1].exchange.request))


def _is_owned(finding: Finding, owners: AbstractSet[str]) -> bool:
    explored = bool(finding.episode.facts.get("explores")) and bool(owners)
    return explored or any(trait in owners for trait in traits(finding.exchange.request))


def _told_elsewhere(ledger: Ledger, owners: AbstractSet[str]) -> str:
    """The clause that tells of what ended the target, where all of that is told under a clause of its own."""
    findings = ledger.entries.get(STILL_SERVING, Entry()).findings
    if not findings or not all(_ends_as(finding, owners - {STILL_SERVING}) for finding in findings):
        return ""
    named = (slug for finding in findings for slug in traits(finding.exchange.request))
    return next((slug for slug in named if slug in owners), "")


def _ends_at_a_plain_request(ledger: Ledger) -> bool:
    """Whether the plainest request of all ends the target, so that no other request tells more."""
    findings = ledger.entries.get(STILL_SERVING, Entry()).findings
    for one in findings:
        culprit = one.episode.steps[one.culprit]
        exchanges = [step.exchange for step in one.episode.steps]
        was_used = any(x.is_success and x.request.target == culprit.exchange.request.target for x in exchanges)
        if culprit.exchange.status is None and culprit.attempt_digest == MINIMAL.digest and not was_used:
            return True
    return False


def _ends_as(finding: Finding, owners: AbstractSet[str]) -> bool:
    """Whether the target ended at a request of which a clause in `owners` tells already, be it another worker's."""
    may_be_anothers = bool(finding.episode.facts.get(SHARED)) and bool(owners)
    return finding.exchange.status is None and (may_be_anothers or _is_owned(finding, owners))


def is_judged_by_answer(clause: Clause) -> bool:
    """Whether a broken `clause` spoils only those verdicts that rest on the very answers that break it.

    A server that answers a wrong method in plain text may still be judged by the codes of its other errors.
    """
    return clause.general and clause.chapter == "error"


def blocking(clause: Clause, results: Mapping[str, ClauseResult]) -> str:
    """The slug of the root cause that keeps `clause` from being judged; empty when there is none."""
    for slug in clause.requires:
        required = results.get(slug)
        if required is None or (is_judged_by_answer(required.clause) and clause.chapter not in ("error", "robustness")):
            continue
        if required.findings:
            return slug
        if required.reason.startswith("see "):
            return required.reason.removeprefix("see ")
        was_due = required.reason not in (NOT_SELECTED, required.clause.not_tested)
        if was_due and not required.held and required.outcome in (Outcome.NOT_RUN, Outcome.INCONCLUSIVE):
            return slug
    return ""


__all__ = [
    "ClauseResult",
    "Entry",
    "Episode",
    "Ledger",
    "blocking",
    "conclude",
    "own_outcome",
    "size_of",
]
