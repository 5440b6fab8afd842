"""The ledger: what every trial showed, by clause, and the one outcome of each clause that follows."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.evidence.episode import Finding, Outcome
from conformance.evidence.exchange import Exchange
from conformance.judge.incidental import clauses_about_request
from conformance.judge.outage import SHARED
from conformance.verdict.entries import FINDINGS_KEPT, Entry, Kind, Reason, refer_to
from conformance.verdict.naming import Name
from contracts import Catalogue, Clause
from strategies.traits import traits
from strategies.valid import MINIMAL

SERVER_ERRORS = "error.status-class"
UNSTEADY = "robustness.same-request-same-answer"
STILL_SERVING = "robustness.still-serving"
EXPLAINED_BY_REQUESTS = (SERVER_ERRORS, STILL_SERVING, UNSTEADY)
"""Clauses whose findings are explained by what was sent or seen, not by what a request uses in passing."""
ABOUT_CONTENT = frozenset({"expand.not-expanded", "expand.inlined"})

NOT_SELECTED = "not selected"


class Ledger:
    """Entries by clause."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}

    def entry(self, slug: str) -> Entry:
        """Return the entry of a clause, a new one if there is none."""
        return self.entries.setdefault(slug, Entry())

    def findings_of(self, slug: str) -> list[Finding]:
        """Return the findings of a clause."""
        return self.entries[slug].findings if slug in self.entries else []

    def copy(self) -> Ledger:
        """Return a ledger with the same entries, to look at while another thread adds some."""
        ledger = Ledger()
        ledger.entries = dict(self.entries)
        return ledger

    def merge(self, other: Ledger) -> None:
        """Add the knowledge of another ledger."""
        for slug, entry in other.entries.items():
            self.entry(slug).merge(entry)

    def has_finding(self, slug: str) -> bool:
        """Return whether the clause is known to be broken."""
        return bool(self.findings_of(slug))

    @property
    def has_inconclusive(self) -> bool:
        """Return whether an answer decided nothing about some clause."""
        return any(entry.inconclusive for entry in self.entries.values())

    @property
    def broken(self) -> frozenset[str]:
        """The slugs of the clauses that are known to be broken."""
        return frozenset(slug for slug, entry in self.entries.items() if entry.findings)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-like form, from which `from_json` makes the same ledger."""
        return {slug: entry.to_json() for slug, entry in self.entries.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Ledger:
        """Return the ledger that `to_json` wrote."""
        ledger = cls()
        ledger.entries = {slug: Entry.from_json(entry) for slug, entry in data.items()}
        return ledger


@dataclass(frozen=True)
class ClauseResult:
    """The outcome of one clause, with its reason and its findings, the smallest first; `others` are those not shown.

    `cause` is the root cause that keeps the clause from being judged; it is `blocked` if it always rests on that one.
    If it is `expected`, `was` is the outcome that was observed, and `expected` says why that is known.
    `lacks_fixtures` says that fixtures ran out before all of it was judged, so that no profile conforms; `was_left`,
    that the target was gone or a bound was reached before; `unjudged`
    holds the reasons why aspects of a clause that passes were not judged. A clause that is not `selected` has
    no test, or its test was not to be run. An error of the suite has its `traceback`. `listed` are the names
    of the findings that are expected, each with the reason, also where another finding of the clause is not.
    """

    clause: Clause
    outcome: Outcome
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    others: tuple[Finding, ...] = ()
    broken: int = 0
    held: int = 0
    was: Outcome | None = None
    expected: str = ""
    blocked: bool = False
    lacks_fixtures: bool = False
    was_left: bool = False
    unjudged: tuple[str, ...] = ()
    traceback: str = ""
    cause: str = ""
    selected: bool = True
    listed: Mapping[Name, str] = field(default_factory=dict)

    @property
    def observed(self) -> Outcome:
        """The outcome that was observed, whether or not it was expected."""
        return self.was or self.outcome

    @property
    def known(self) -> tuple[Finding, ...]:
        """All findings that are known, the smallest first."""
        return (*self.findings, *self.others)

    @property
    def is_left_out(self) -> bool:
        """True where the run selected no test of the clause, although there is one."""
        return not self.selected and not self.clause.not_tested


def own_outcome(clause: Clause, entry: Entry) -> ClauseResult:
    """Return the outcome of a clause by its own entry alone, without the clauses that it requires.

    The gravest aspect decides: an error of the suite, a finding, a lost response, an aspect with a root cause
    elsewhere. An aspect without its precondition on this target, or without fixtures, hides no pass.
    """
    result = ClauseResult(clause, Outcome.NOT_RUN, held=entry.held, was_left=bool(entry.of_kind(Kind.LEFT)))
    errors = entry.of_kind(Kind.ERROR)
    if errors:
        traceback = next((error.traceback for error in errors if error.traceback), "")
        return replace(result, outcome=Outcome.ERROR, reason=errors[0].text, traceback=traceback)

    if entry.findings:
        outcome = {"MUST": Outcome.FAIL, "SHOULD": Outcome.DEVIATION}.get(clause.level, Outcome.PASS)
        findings, others = tuple(entry.findings[:FINDINGS_KEPT]), tuple(entry.findings[FINDINGS_KEPT:])
        result = replace(result, findings=findings, others=others, broken=entry.broken)
        return replace(result, outcome=outcome, reason=findings[0].observed)

    if entry.inconclusive:
        return replace(result, outcome=Outcome.INCONCLUSIVE, reason=entry.inconclusive[0])

    not_run = entry.of_kind(Kind.NOT_RUN, Kind.LACKING, Kind.LEFT)
    blocked = [reason for reason in not_run if reason.cause]
    if entry.held and not blocked:
        remarks = "; ".join(remark.text for remark in entry.of_kind(Kind.REMARK))
        unjudged = tuple(dict.fromkeys([*entry.not_run, *entry.not_applicable]))
        lacks = bool(entry.of_kind(Kind.LACKING))
        return replace(result, outcome=Outcome.PASS, reason=remarks, unjudged=unjudged, lacks_fixtures=lacks)

    if not_run:
        first = blocked[0] if entry.held else not_run[0]
        return replace(result, reason=first.text, cause=first.cause, lacks_fixtures=first.kind is Kind.LACKING)

    if entry.not_applicable:
        return replace(result, outcome=Outcome.NOT_APPLICABLE, reason=entry.not_applicable[0])
    return replace(result, reason=clause.not_tested or NOT_SELECTED, selected=False)


def hold_general_clauses(ledger: Ledger, catalogue: Catalogue) -> None:
    """Let the general clauses pass that nothing broke, if any response was judged."""
    if not any(entry.held or entry.findings for entry in ledger.entries.values()):
        return
    for clause in catalogue:
        if clause.general and not ledger.has_finding(clause.slug):
            ledger.entry(clause.slug).held += 1


def conclude(catalogue: Catalogue, ledger: Ledger, only: Container[str] | None = None) -> dict[str, ClauseResult]:
    """Return one outcome for each clause, in the order of the catalogue, or for `only` some and all that they require.

    A clause whose root cause failed is *not run*, and names the root cause, so that one defect shows as one failure.
    """
    culprits = Culprits.of(ledger, catalogue)
    owner_of_the_end = _owner_of_the_end(ledger, culprits.owners)
    ends_at_any_request = _ends_at_a_plain_request(ledger)
    results: dict[str, ClauseResult] = {}
    for slug in catalogue.root_causes_first:
        if only is not None and slug not in only:
            continue

        entry = without_what_others_own(slug, ledger.entries.get(slug, Entry()), culprits, catalogue)
        was_lost = any(finding.exchange.status is None for finding in entry.findings)
        if ends_at_any_request and was_lost and slug != STILL_SERVING:
            entry = Entry(reasons=[_blocked_by(STILL_SERVING)])

        result = own_outcome(catalogue[slug], entry)
        if ledger.has_finding(slug) and result.outcome is Outcome.NOT_RUN:
            result = replace(result, blocked=True)
        cause = blocking(catalogue[slug], results)
        if cause not in ("", slug) and result.outcome not in (Outcome.ERROR, Outcome.NOT_APPLICABLE):
            result = _block(result, cause)
            result = replace(result, outcome=Outcome.NOT_RUN, findings=(), others=(), blocked=True, selected=True)
        if owner_of_the_end and result.cause == STILL_SERVING:
            result = _block(result, owner_of_the_end)
        results[slug] = result
    return {clause.slug: results[clause.slug] for clause in catalogue if clause.slug in results}


def without(results: Mapping[str, ClauseResult], left_out: Container[str]) -> dict[str, ClauseResult]:
    """Return the results with those that are left out as if nothing had been asked or seen of them.

    They still explain others: a clause that rests on a broken one is not judged.
    """
    return {
        slug: ClauseResult(result.clause, Outcome.NOT_RUN, result.clause.not_tested or NOT_SELECTED, selected=False)
        if slug in left_out
        else result
        for slug, result in results.items()
    }


def _block(result: ClauseResult, cause: str) -> ClauseResult:
    return replace(result, reason=refer_to(cause), cause=cause)


def _blocked_by(cause: str) -> Reason:
    return Reason(Kind.NOT_RUN, refer_to(cause), cause)


@dataclass(frozen=True)
class Culprits:
    """The clauses that findings may be explained by.

    `broken` have findings; of these `standing` have one that rests on no other, and `owners` own server errors, by the
    catalogue or since a server error broke them. An unsteadiness that others explain, or that was seen at single
    clauses only, explains nothing else.
    """

    broken: AbstractSet[str]
    standing: AbstractSet[str]
    owners: AbstractSet[str]

    @classmethod
    def of(cls, ledger: Ledger, catalogue: Catalogue) -> Culprits:
        """Return the culprits among the clauses of a ledger."""
        broken = {slug for slug in ledger.broken if slug in catalogue}
        standing = {
            slug
            for slug in broken
            if any(not causes_in_passing(finding, broken, catalogue) for finding in ledger.findings_of(slug))
        }
        crashing = {slug for slug in broken - set(EXPLAINED_BY_REQUESTS) if _shows_a_crash(ledger.findings_of(slug))}
        owners = crashing | {slug for slug in broken if catalogue[slug].owns_server_errors}
        culprits = cls(broken, standing, owners)
        unsteady = ledger.findings_of(UNSTEADY)
        if all(one.seen_at or _is_explained(UNSTEADY, one, culprits, catalogue) for one in unsteady):
            return cls(broken - {UNSTEADY}, standing - {UNSTEADY}, owners - {UNSTEADY})
        return culprits

    @property
    def break_content(self) -> bool:
        """True if one of them is about the content of responses."""
        chapters = ("response.", "error.", "state.")
        return any(slug.startswith(chapters) or slug in ABOUT_CONTENT for slug in self.standing)


def without_what_others_own(slug: str, entry: Entry, culprits: Culprits, catalogue: Catalogue) -> Entry:
    """Return the entry without the findings that another broken clause explains: one defect shows once.

    A server error, or a lost connection, belongs to the clause about what was remarkable in the request. An unsteady
    response belongs to the clause at which it was seen, and to any clause about the content of responses: what is
    carried over from one response to the next shows now here, now there. One on a kept connection may be what an
    earlier request has left there.
    """
    findings = [finding for finding in entry.findings if not _is_explained(slug, finding, culprits, catalogue)]
    if slug not in EXPLAINED_BY_REQUESTS and entry.findings and not findings:
        cause, *_ = causes_in_passing(entry.findings[0], culprits.broken, catalogue)
        return replace(entry, findings=[], broken=0, reasons=[_blocked_by(cause), *entry.reasons])

    entry = _without_lost_responses(slug, entry, culprits)
    if len(findings) == len(entry.findings):
        return entry
    broken = entry.broken - (len(entry.findings) - len(findings)) if findings else 0
    return replace(entry, findings=findings, broken=broken, held=max(entry.held, 1))


def _without_lost_responses(slug: str, entry: Entry, culprits: Culprits) -> Entry:
    """Return the entry without the lost responses that a clause about odd requests explains, or one about serving."""
    causes = [trait for trait in entry.traits if trait in culprits.owners and trait != slug]
    if entry.traits and not causes and STILL_SERVING in culprits.broken - {slug}:
        causes = [STILL_SERVING]
    if not causes:
        return entry
    others = [reason for reason in entry.reasons if reason.kind is not Kind.INCONCLUSIVE]
    return replace(entry, reasons=[*map(_blocked_by, causes), *others])


def _is_explained(slug: str, finding: Finding, culprits: Culprits, catalogue: Catalogue) -> bool:
    """Return whether another broken clause explains a finding of the clause `slug`."""
    if slug == SERVER_ERRORS:
        is_aftermath = STILL_SERVING in culprits.broken and _is_after_an_odd_request(finding)
        return is_aftermath or _is_owned(finding, culprits.owners)
    if slug == STILL_SERVING:
        return _ends_as(finding, culprits.owners - {slug})
    if slug == UNSTEADY and not finding.seen_at:
        return STILL_SERVING in culprits.broken
    if slug == UNSTEADY:
        is_aftermath = STILL_SERVING in culprits.broken and finding.exchange.idle is not None
        return is_aftermath or finding.seen_at in culprits.standing or culprits.break_content
    return bool(causes_in_passing(finding, culprits.broken, catalogue))


def causes_in_passing(finding: Finding, broken: Container[str], catalogue: Catalogue) -> list[str]:
    """Return the broken clauses about what the finding's culprit uses in passing.

    A clause that is itself a reason for another one to be broken never rests on that other one.
    """
    used = [*finding.rests_on, *_earlier_traits(finding, catalogue)]
    known = [slug for slug in used if slug in broken and slug in catalogue]
    return [slug for slug in known if finding.clause not in catalogue.comes_after(slug)]


def _earlier_traits(finding: Finding, catalogue: Catalogue) -> list[str]:
    """Return the traits of a request at which the server failed whose clauses are judged before the finding's."""
    if not _shows_a_crash([finding]) or finding.clause not in catalogue:
        return []
    order = catalogue.root_causes_first
    earlier = frozenset(order[: order.index(finding.clause)])
    return [slug for slug in traits(finding.exchange.request) if slug in earlier]


def _is_after_an_odd_request(finding: Finding) -> bool:
    """Return whether the request right before the one that shows a finding had something remarkable about it."""
    steps = [step for step in finding.episode.steps[: finding.culprit] if step.exchange.is_to_operation]
    return bool(steps) and bool(traits(steps[-1].exchange.request))


def _is_owned(finding: Finding, owners: AbstractSet[str]) -> bool:
    explored = bool(finding.episode.facts.get("explores")) and bool(owners)
    return explored or not owners.isdisjoint(_remarkable(finding.exchange))


def _remarkable(exchange: Exchange) -> tuple[str, ...]:
    """Return the clauses about what is remarkable in a request: its traits, and the features that it uses."""
    return (*traits(exchange.request), *clauses_about_request(exchange))


def _shows_a_crash(findings: Iterable[Finding]) -> bool:
    """Return whether a request of the findings got a server error, or no answer at all."""
    return any(finding.exchange.status is None or finding.exchange.status >= 500 for finding in findings)


def _ends_as(finding: Finding, owners: AbstractSet[str]) -> bool:
    """Return whether a clause in `owners`, perhaps another worker's, reports the request that ended the target."""
    may_be_anothers = bool(finding.episode.facts.get(SHARED)) and bool(owners)
    return finding.exchange.status is None and (may_be_anothers or _is_owned(finding, owners))


def _owner_of_the_end(ledger: Ledger, owners: AbstractSet[str]) -> str:
    """Return the clause that reports the end of the target, if clauses of their own report all of it."""
    findings = ledger.findings_of(STILL_SERVING)
    if not all(_ends_as(finding, owners - {STILL_SERVING}) for finding in findings):
        return ""
    named = [slug for finding in findings for slug in _remarkable(finding.exchange) if slug in owners]
    return next(iter(named), "")


def _ends_at_a_plain_request(ledger: Ledger) -> bool:
    """Return whether even the plainest request ends the target, so that no other request shows more."""
    return any(map(_shows_plain_end, ledger.findings_of(STILL_SERVING)))


def _shows_plain_end(finding: Finding) -> bool:
    culprit = finding.episode.steps[finding.culprit]
    exchanges = [step.exchange for step in finding.episode.steps]
    was_used = any(one.is_success and one.request.target == culprit.exchange.request.target for one in exchanges)
    return culprit.exchange.status is None and culprit.attempt_digest == MINIMAL.digest and not was_used


def is_judged_by_answer(clause: Clause) -> bool:
    """Return whether a broken `clause` spoils only verdicts that rest on the very responses that break it.

    A server that answers a wrong method in plain text may still be judged by the codes of its other errors.
    """
    return clause.general and clause.chapter == "error"


def blocking(clause: Clause, results: Mapping[str, ClauseResult]) -> str:
    """Return the slug of the root cause that keeps `clause` from being judged; empty when there is none."""
    judges_errors = clause.chapter in ("error", "robustness")
    for slug in clause.requires:
        required = results.get(slug)
        if required is None or (is_judged_by_answer(required.clause) and not judges_errors):
            continue
        if required.findings:
            return slug
        if required.cause:
            return required.cause
        is_open = required.outcome in (Outcome.NOT_RUN, Outcome.INCONCLUSIVE)
        was_judged = required.held or required.clause.general or not is_open
        if required.selected and not was_judged:
            return slug
    return ""
