"""The gate: a run compared with its expectations, strictly both ways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from conformance.evidence.counted import counted
from conformance.evidence.episode import Outcome
from conformance.verdict.expectations.entry import Expectation, Expectations
from conformance.verdict.ledger import STILL_SERVING
from conformance.verdict.naming import Name, finding_name, reason_name
from conformance.verdict.results import ClauseResult
from contracts import Catalogue

FIXED = "fixed: remove it"
CUT_SHORT = "the target ended, or a bound was reached, before all was judged"


@dataclass(frozen=True)
class Stale:
    """An entry that does not fit the run, and why it has to be removed or is left alone."""

    entry: Expectation
    why: str

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-like form."""
        return {"clause": self.entry.clause, "line": self.entry.line, "why": self.why}


@dataclass(frozen=True)
class Gate:
    """The fate of each expectation about the clauses of the profile that decides.

    `results` are those of the run, with the outcome `expected` if every failure of a clause is listed. `expected` holds
    the entries that fit, by clause. `unexpected` results fail the run, and so do `stale` entries; `undecided` results
    could not be judged and decide nothing. `silent` entries neither fit nor have to go, each with the reason. In
    `results` a clause that is missed in a listed and in another way has the outcome and the reason of the other one.
    """

    expectations: Expectations
    results: Mapping[str, ClauseResult]
    expected: Mapping[str, tuple[Expectation, ...]]
    unexpected: tuple[ClauseResult, ...]
    stale: tuple[Stale, ...]
    undecided: tuple[ClauseResult, ...]
    silent: Mapping[Expectation, str]

    @property
    def is_met(self) -> bool:
        """True if just the expected failures happened, as far as they could be judged."""
        return not (self.unexpected or self.stale)

    @property
    def fails_for_its_entries(self) -> bool:
        """True if the target misses no more than expected, and entries have to go."""
        return bool(self.stale) and not self.unexpected

    def in_short(self) -> str:
        """Return the gate in one sentence."""
        expected = counted(len(self.expected), "expected failure")
        if self.is_met:
            unknown = f"; not judged: {counted(len(self.undecided), 'clause')}" if self.undecided else ""
            return f"as expected ({expected}{unknown})"
        counts = []
        if self.unexpected:
            counts.append(counted(len(self.unexpected), "unexpected failure"))
        if self.stale:
            counts.append(f"{counted(len(self.stale), 'entry', 'entries')} to remove")
        return f"not as expected ({', '.join([*counts, expected])})"

    def to_json(self) -> dict[str, Any]:
        """Return the gate's part of `results.json`."""
        return {
            **self.expectations.to_json(),
            "is_met": self.is_met,
            "words": self.in_short(),
            "expected": list(self.expected),
            "unexpected": [result.clause.slug for result in self.unexpected],
            "stale": [stale.to_json() for stale in self.stale],
            "silent": [Stale(entry, why).to_json() for entry, why in self.silent.items()],
            "undecided": [result.clause.slug for result in self.undecided],
        }


def weigh(
    expectations: Expectations,
    results: Mapping[str, ClauseResult],
    catalogue: Catalogue,
    *,
    profile: str,
    level: str,
    unheard: Set[str] = frozenset(),
) -> Gate:
    """Compare the results of a run with the expectations; `level` is `must` or `should`.

    `unheard` are clauses whose own tests were not selected, or were cut short by the budget: their pass proves nothing.
    """
    within = [results[clause.slug] for clause in catalogue.within(profile)]
    covering = {result.clause.slug: covering_entries(expectations, result) for result in within}
    expected = {slug: entries for slug, entries in covering.items() if entries}
    open_results = [result for result in within if result.clause.slug not in expected and decides(result, level)]
    telling = [_new_first(expectations, result) for result in open_results if is_telling(result)]
    unknown = [result for result in open_results if not (is_telling(result) or result.blocked)]
    in_part = (fitting_in_part(expectations, result) for result in telling)
    fitting = set(chain.from_iterable((*expected.values(), *in_part)))
    resting = _resting(telling)
    unexpected = tuple(result for result in telling if result not in resting)

    news = frozenset(result.clause.slug for result in unexpected)
    is_cut_short = STILL_SERVING in news or any(result.was_left for result in within)
    heard = frozenset() if is_cut_short else {result.clause.slug for result in within} - unheard
    stale: list[Stale] = []
    silent: dict[Expectation, str] = {}
    for entry in expectations.entries:
        if entry in fitting:
            continue
        result = results[entry.clause]
        if entry.clause in heard and (why := why_stale(entry, result, expectations, news)):
            stale.append(Stale(entry, why))
        else:
            silent[entry] = CUT_SHORT if is_cut_short else why_silent(entry, result, profile, catalogue)

    shown = {slug: _as_expected(results[slug], entries) for slug, entries in expected.items()}
    shown |= {result.clause.slug: result for result in telling}
    undecided = (*unknown, *resting)
    return Gate(expectations, {**results, **shown}, expected, unexpected, tuple(stale), undecided, silent)


def _resting(unexpected: Sequence[ClauseResult]) -> list[ClauseResult]:
    """Return the results that are not run because of another one of these."""
    slugs = {result.clause.slug for result in unexpected}
    return [result for result in unexpected if result.outcome is Outcome.NOT_RUN and result.cause in slugs]


def _as_expected(result: ClauseResult, entries: tuple[Expectation, ...]) -> ClauseResult:
    reason = " · ".join(dict.fromkeys(entry.in_short() for entry in entries))
    listed = _listed(result, entries)
    return replace(result, outcome=Outcome.EXPECTED, was=result.outcome, expected=reason, listed=listed)


def _listed(result: ClauseResult, entries: Iterable[Expectation]) -> dict[Name, str]:
    """Return the reasons of the findings that entries for this outcome expect, by their names."""
    return {name: entry.in_short() for entry in entries for name in names_of(result) if entry.fits(name)}


def fitting_in_part(expectations: Expectations, result: ClauseResult) -> tuple[Expectation, ...]:
    """Return the entries that expect a finding of a result that has others, too."""
    entries = expectations.expecting(result.clause.slug, result.outcome)
    return tuple(entry for entry in entries if any(map(entry.fits, names_of(result))))


def decides(result: ClauseResult, level: str) -> bool:
    """Return whether a result keeps a target from conforming, or its verdict from being given."""
    decisive = ("MUST", "SHOULD") if level == "should" else ("MUST",)
    is_good = result.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE)
    return result.selected and not result.clause.not_tested and result.clause.level in decisive and not is_good


def names_of(result: ClauseResult) -> tuple[Name, ...]:
    """Return the names by which the findings of a clause are matched; of one that was not run, its reason."""
    if result.known:
        return tuple(dict.fromkeys(map(finding_name, result.known)))
    return (reason_name(result.reason),) if result.outcome is Outcome.NOT_RUN else ()


def covering_entries(expectations: Expectations, result: ClauseResult) -> tuple[Expectation, ...]:
    """Return the entries that expect this very result; none if anything about it is new or nothing was found out."""
    if not is_telling(result):
        return ()
    return expectations.covering(result.clause.slug, result.outcome, names_of(result))


def is_telling(result: ClauseResult) -> bool:
    """Return whether a result shows something about the target that can be expected.

    A clause that was not run shows nothing if fixtures ran out or the target was gone, or if a clause failed on which
    this one always rests.
    """
    if result.outcome in (Outcome.FAIL, Outcome.DEVIATION):
        return True
    is_unrun = result.lacks_fixtures or result.was_left or not result.selected
    is_idle = is_unrun or result.blocked or result.clause.not_tested
    return result.outcome is Outcome.NOT_RUN and not is_idle


def _new_first(expectations: Expectations, result: ClauseResult) -> ClauseResult:
    """Return an unexpected result with the findings that no entry expects in front."""
    if not result.known:
        return result
    listed = _listed(result, expectations.expecting(result.clause.slug, result.outcome))
    known = tuple(sorted(result.known, key=lambda finding: finding_name(finding) in listed))
    return replace(result, known=known, reason=known[0].observed, listed=listed)


def why_stale(entry: Expectation, result: ClauseResult, expectations: Expectations, news: Set[str]) -> str:
    """Return why an entry that does not fit has to be removed; empty if the run does not show it.

    `news` are the clauses that fail unexpectedly: because of them a request may not have been sent at all, so that one
    of several failures of a clause that is not seen need not be fixed.
    """
    slug, outcome = entry.clause, result.outcome
    is_unknown = not result.selected or result.lacks_fixtures or outcome in (Outcome.INCONCLUSIVE, Outcome.ERROR)
    if is_unknown or (outcome is Outcome.PASS and entry.flaky):
        return ""
    if outcome is Outcome.PASS:
        return f"{slug} is {FIXED}"
    if outcome is Outcome.NOT_APPLICABLE:
        return f"{slug} does not apply to this target ({result.reason}): remove this entry"
    if outcome is Outcome.NOT_RUN and entry.outcome is not Outcome.NOT_RUN:
        return _why_not_run(slug, result, expectations)
    if outcome is not entry.outcome:
        return f"{slug} is run, with the outcome {outcome}: remove this entry"

    # Not every request that breaks a clause is known: something new may hide what this entry expects.
    is_hidden = result.broken > len(result.known) > 0 or not covering_entries(expectations, result)
    if entry.flaky or is_hidden or news:
        return ""
    names = " and ".join(dict.fromkeys(f"“{name}”" for name in names_of(result)))
    return f"this failure of {slug} is {FIXED} (left: {names})"


def why_silent(entry: Expectation, result: ClauseResult, profile: str, catalogue: Catalogue) -> str:
    """Return why an entry that does not fit is left alone."""
    if catalogue[entry.clause] not in catalogue.within(profile):
        return f"beyond the profile {profile}"
    if not result.selected:
        return "not selected"
    if result.cause:
        return f"not run while {result.cause} fails or is not judged"
    if result.outcome is Outcome.PASS:
        return "flaky, and it passed" if entry.flaky else "it passed, but not all of its tests were run"
    if result.outcome in (Outcome.FAIL, Outcome.DEVIATION):
        return "the clause failed in another way"
    return f"not judged: {result.reason}"


def _why_not_run(slug: str, result: ClauseResult, expectations: Expectations) -> str:
    if not result.cause:
        return f"{slug} is not run ({result.reason}): change `outcome` to not-run, or remove this entry"
    if expectations.of(result.cause):
        return f"{slug} is not run while {result.cause} fails, which has an entry: remove this one"
    return ""
