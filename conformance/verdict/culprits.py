"""Which broken clauses explain a finding of another one, so that one defect shows once."""

from __future__ import annotations

from collections.abc import Container, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from conformance.evidence.episode import Finding
from conformance.evidence.exchange import Exchange
from conformance.judge.incidental import clauses_about_request
from conformance.judge.outage import SHARED
from conformance.verdict.entries import Entry, Kind, Reason, refer_to
from conformance.verdict.ledger import SERVER_ERRORS, STILL_SERVING, UNSTEADY, Ledger
from contracts import Catalogue
from strategies.traits import traits
from strategies.valid import MINIMAL

EXPLAINED_BY_REQUESTS = (SERVER_ERRORS, STILL_SERVING, UNSTEADY)
"""Clauses whose findings are explained by what was sent or seen, not by what a request uses in passing."""

ABOUT_CONTENT = frozenset({"expand.not-expanded", "expand.inlined"})


def blocked_by(cause: str) -> Reason:
    """Return the reason of a clause that is not judged because the clause `cause` is broken."""
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


def is_established(slug: str, ledger: Ledger) -> bool:
    """Return whether a clause is known to be broken, and no clause that is judged later may own what shows it."""
    findings = ledger.findings_of(slug)
    if slug == SERVER_ERRORS:
        return any(not _remarkable(finding.exchange) for finding in findings)
    return bool(findings)


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
        return replace(entry, findings=[], broken=0, reasons=[blocked_by(cause), *entry.reasons])

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
    return replace(entry, reasons=[*map(blocked_by, causes), *others])


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


def owner_of_the_end(ledger: Ledger, owners: AbstractSet[str]) -> str:
    """Return the clause that reports the end of the target, if clauses of their own report all of it."""
    findings = ledger.findings_of(STILL_SERVING)
    if not all(_ends_as(finding, owners - {STILL_SERVING}) for finding in findings):
        return ""
    named = [slug for finding in findings for slug in _remarkable(finding.exchange) if slug in owners]
    return next(iter(named), "")


def ends_at_a_plain_request(ledger: Ledger) -> bool:
    """Return whether even the plainest request ends the target, so that no other request shows more."""
    return any(map(_shows_plain_end, ledger.findings_of(STILL_SERVING)))


def _shows_plain_end(finding: Finding) -> bool:
    culprit = finding.episode.steps[finding.culprit]
    exchanges = [step.exchange for step in finding.episode.steps]
    was_used = any(one.is_success and one.request.target == culprit.exchange.request.target for one in exchanges)
    return culprit.exchange.status is None and culprit.attempt_digest == MINIMAL.digest and not was_used
