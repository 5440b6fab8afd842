"""From the ledger to the one outcome of each clause."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace

from conformance.evidence.episode import Finding, Outcome
from conformance.verdict.culprits import (
    Culprits,
    blocked_by,
    ends_at_a_plain_request,
    owner_of_the_end,
    without_what_others_own,
)
from conformance.verdict.entries import FINDINGS_KEPT, Entry, Kind, refer_to
from conformance.verdict.ledger import STILL_SERVING, Ledger
from conformance.verdict.naming import Name
from contracts import Catalogue, Clause

NOT_SELECTED = "not selected"


@dataclass(frozen=True)
class ClauseResult:
    """The outcome of one clause, with its reason and all findings that are `known`, the smallest first.

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
    known: tuple[Finding, ...] = ()
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
    def findings(self) -> tuple[Finding, ...]:
        """The findings that are shown."""
        return self.known[:FINDINGS_KEPT]

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
        known, reason = tuple(entry.findings), entry.findings[0].observed
        return replace(result, outcome=outcome, reason=reason, known=known, broken=entry.broken)

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
    owner = owner_of_the_end(ledger, culprits.owners)
    ends_at_any_request = ends_at_a_plain_request(ledger)
    results: dict[str, ClauseResult] = {}
    for slug in catalogue.root_causes_first:
        if only is not None and slug not in only:
            continue

        entry = without_what_others_own(slug, ledger.entries.get(slug, Entry()), culprits, catalogue)
        was_lost = any(finding.exchange.status is None for finding in entry.findings)
        if ends_at_any_request and was_lost and slug != STILL_SERVING:
            entry = Entry(reasons=[blocked_by(STILL_SERVING)])

        result = own_outcome(catalogue[slug], entry)
        if ledger.has_finding(slug) and result.outcome is Outcome.NOT_RUN:
            result = replace(result, blocked=True)
        cause = blocking(catalogue[slug], results)
        if cause not in ("", slug) and result.outcome not in (Outcome.ERROR, Outcome.NOT_APPLICABLE):
            result = _block(result, cause)
            result = replace(result, outcome=Outcome.NOT_RUN, known=(), blocked=True, selected=True)
        if owner and result.cause == STILL_SERVING:
            result = _block(result, owner)
        results[slug] = result
    return {clause.slug: results[clause.slug] for clause in catalogue if clause.slug in results}


def without(results: Mapping[str, ClauseResult], left_out: Container[str]) -> dict[str, ClauseResult]:
    """Return the results with those that are left out as if nothing had been asked or seen of them.

    They still explain others: a clause that rests on a broken one is not judged. A request of a selected test that the
    server never answers, or at which it ends, stays a failure: the test has no other.
    """
    shown = {slug for slug in results if slug not in left_out}
    if any(results[slug].cause == STILL_SERVING for slug in shown):
        shown.add(STILL_SERVING)
    return {
        slug: result
        if slug in shown
        else ClauseResult(result.clause, Outcome.NOT_RUN, result.clause.not_tested or NOT_SELECTED, selected=False)
        for slug, result in results.items()
    }


def _block(result: ClauseResult, cause: str) -> ClauseResult:
    return replace(result, reason=refer_to(cause), cause=cause)


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
