"""The gate: a run weighed against what was expected of it, strictly both ways."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from typing import Any

from conformance.evidence.episode import Outcome
from conformance.verdict.expectations.entry import Expectation, Expectations, finding_name, masked
from conformance.verdict.ledger import NOT_SELECTED, ClauseResult
from contracts import Catalogue


@dataclass(frozen=True)
class Stale:
    """An entry that the run does not bear out, and why it has to go."""

    entry: Expectation
    why: str

    def to_json(self) -> dict[str, Any]:
        """A JSON-like form."""
        return {"clause": self.entry.clause, "line": self.entry.line, "why": self.why}


@dataclass(frozen=True)
class Gate:
    """What became of the expectations, for the clauses of the profile that decides.

    `results` are those of the run, with the outcome `expected` where everything that is wrong with a clause was listed.
    `expected` holds the entries that were borne out, by clause. `unexpected` results fail the run, and so do `stale`
    entries; `undecided` results could not be judged and decide nothing; `silent` entries are about clauses that lie
    beyond the profile, were not selected, could not be judged, or are flaky and passed.
    """

    expectations: Expectations
    results: Mapping[str, ClauseResult]
    expected: Mapping[str, tuple[Expectation, ...]]
    unexpected: tuple[ClauseResult, ...]
    stale: tuple[Stale, ...]
    undecided: tuple[ClauseResult, ...]
    silent: tuple[Expectation, ...]

    @property
    def is_met(self) -> bool:
        """Whether just that is wrong which was expected, as far as could be judged."""
        return not (self.unexpected or self.stale)

    def in_short(self) -> str:
        """The gate in one sentence."""
        expected = counted(len(self.expected), "expected failure")
        if self.is_met:
            unknown = f"; not judged: {counted(len(self.undecided), 'clause')}" if self.undecided else ""
            return f"as expected ({expected}{unknown})"
        told = [counted(len(self.unexpected), "unexpected failure")] if self.unexpected else []
        told += [f"{counted(len(self.stale), 'entry', 'entries')} to remove"] if self.stale else []
        return f"not as expected ({', '.join([*told, expected])})"

    def to_json(self) -> dict[str, Any]:
        """What `results.json` says of the gate."""
        return {
            **self.expectations.to_json(),
            "is_met": self.is_met,
            "words": self.in_short(),
            "expected": list(self.expected),
            "unexpected": [result.clause.slug for result in self.unexpected],
            "stale": [stale.to_json() for stale in self.stale],
            "undecided": [result.clause.slug for result in self.undecided],
        }


def counted(number: int, one: str, many: str = "") -> str:
    """The number with its noun; in the plural an s behind it, or the word for `many`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def weigh(
    expectations: Expectations,
    results: Mapping[str, ClauseResult],
    catalogue: Catalogue,
    *,
    profile: str,
    level: str,
    unheard: Set[str] = frozenset(),
) -> Gate:
    """Weigh the results of a run against what was expected; `level` is `must` or `should`.

    `unheard` are clauses whose own tests were not selected, or cut short by the budget: that they pass says nothing.
    """
    weighed = dict(results)
    expected: dict[str, tuple[Expectation, ...]] = {}
    unexpected, undecided = [], []
    for clause in catalogue.within(profile):
        result = results[clause.slug]
        covering = covering_entries(expectations, result)
        if covering:
            expected[clause.slug] = covering
            reason = " · ".join(dict.fromkeys(entry.in_short() for entry in covering))
            weighed[clause.slug] = replace(result, outcome=Outcome.EXPECTED, was=result.outcome, expected=reason)
        elif decides(result, level):
            if is_telling(result):
                unexpected.append(result)
            elif not result.blocked:
                undecided.append(result)
    borne_out = {entry for entries in expected.values() for entry in entries}
    rest = [entry for entry in expectations.entries if entry not in borne_out]
    within = {clause.slug for clause in catalogue.within(profile)} - unheard
    reasons = [
        (entry, why_stale(entry, results[entry.clause], expectations) if entry.clause in within else "")
        for entry in rest
    ]
    return Gate(
        expectations=expectations,
        results=weighed,
        expected=expected,
        unexpected=tuple(_whole(expectations, result) for result in unexpected),
        stale=tuple(Stale(entry, why) for entry, why in reasons if why),
        undecided=tuple(undecided),
        silent=tuple(entry for entry, why in reasons if not why),
    )


def decides(result: ClauseResult, level: str) -> bool:
    """Whether a result is one that keeps a target from conforming, or its verdict from being given."""
    if result.reason == NOT_SELECTED or result.clause.not_tested:
        return False
    counts = result.clause.level == "MUST" or (level == "should" and result.clause.level == "SHOULD")
    return counts and result.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE)


def names_of(result: ClauseResult) -> tuple[str, ...]:
    """The names by which the findings of a clause are matched; of one that was not run, its reason."""
    if result.findings:
        return tuple(dict.fromkeys(map(finding_name, result.findings)))
    return (masked(result.reason),) if result.outcome is Outcome.NOT_RUN else ()


def covering_entries(expectations: Expectations, result: ClauseResult) -> tuple[Expectation, ...]:
    """The entries that expect this very result; none where anything about it is new, or nothing was found out."""
    if not is_telling(result):
        return ()
    return expectations.covering(result.clause.slug, result.outcome, names_of(result))


def is_telling(result: ClauseResult) -> bool:
    """Whether a result tells something of the target that can be expected: a miss, or what it answered instead.

    A clause that was not run tells nothing where fixtures ran out, which is no property of the target, or where a
    clause failed on which this one always rests: that one tells it all.
    """
    if result.outcome in (Outcome.FAIL, Outcome.DEVIATION):
        return True
    is_idle = result.lacks_fixtures or result.blocked or result.clause.not_tested or result.reason == NOT_SELECTED
    return result.outcome is Outcome.NOT_RUN and not is_idle


def _whole(expectations: Expectations, result: ClauseResult) -> ClauseResult:
    """An unexpected result with the findings that no entry expects in front, as those are what is new."""
    entries = [entry for entry in expectations.of(result.clause.slug) if entry.outcome is result.outcome]

    def is_known(name: str) -> bool:
        return any(entry.fits(name) for entry in entries)

    findings = sorted(result.findings, key=lambda finding: is_known(finding_name(finding)))
    if not findings:
        return result
    return replace(result, findings=tuple(findings), reason=findings[0].observed)


def why_stale(entry: Expectation, result: ClauseResult, expectations: Expectations) -> str:
    """Why an entry that was not borne out has to go; empty where the run does not tell, or it is flaky and passed."""
    slug, outcome = entry.clause, result.outcome
    if result.reason == NOT_SELECTED or outcome in (Outcome.INCONCLUSIVE, Outcome.ERROR) or result.lacks_fixtures:
        return ""
    if outcome is Outcome.PASS:
        return "" if entry.flaky else f"{slug} passes: remove this entry"
    if outcome is Outcome.NOT_APPLICABLE:
        return f"{slug} does not apply to this target ({result.reason}): remove this entry"
    if outcome is Outcome.NOT_RUN and entry.outcome is not Outcome.NOT_RUN:
        cause = result.reason.removeprefix("see ")
        if cause == result.reason:
            return f"{slug} is not run ({result.reason}): change `outcome` to not-run, or remove this entry"
        listed = bool(expectations.of(cause))
        return f"{slug} is not run while {cause} fails, which has an entry: remove this one" if listed else ""
    if outcome is not entry.outcome:
        return f"{slug} is run, with the outcome {outcome}: remove this entry"
    # The smallest request that breaks a clause is shown: something new may stand before what this entry expects.
    is_hidden = result.broken > len(result.findings) > 0 or not covering_entries(expectations, result)
    if entry.flaky or is_hidden:
        return ""
    names = " and ".join(f"“{name}”" for name in names_of(result))
    return f"`finding` matches nothing: {slug} has {names}; remove this entry"
