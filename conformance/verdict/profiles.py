"""The verdict on each profile, from the results of its clauses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from conformance.evidence.counted import counted
from conformance.evidence.episode import Outcome
from conformance.verdict.results import ClauseResult
from contracts import Catalogue
from contracts.catalogue import PROFILES

NOT_JUDGED = (Outcome.NOT_APPLICABLE, Outcome.NOT_RUN, Outcome.INCONCLUSIVE)
"""The outcomes of a clause that say nothing of the target. Those of a MUST but the first decide."""

BROKEN = (Outcome.FAIL, Outcome.DEVIATION)
"""The outcomes of a clause that is broken; the second one, of a SHOULD, decides at the level `should` alone."""


@dataclass(frozen=True)
class ProfileVerdict:
    """The verdict of a run on one profile.

    It is `conforms`, `does-not-conform`, `inconclusive`, `not-applicable`, or `internal-error` if the suite itself
    failed and nothing is known to be broken. `reason` is the rest of the sentence. `selected` of `total` clauses were
    to be tested.
    """

    profile: str
    verdict: str
    reason: str
    selected: int
    total: int


def verdict_of(
    profile: str, results: Mapping[str, ClauseResult], catalogue: Catalogue, *, level: str, stateless: bool
) -> ProfileVerdict:
    """Return the verdict on one profile from the results of its clauses; `level` is `must` or `should`."""
    clauses = catalogue.within(profile)
    tested = [results[clause.slug] for clause in clauses if not clause.not_tested]
    selected = [result for result in tested if result.selected]
    is_idle = stateless and profile != "contract"
    word, reason = _judge(profile, selected, len(clauses), level=level, is_idle=is_idle)
    return ProfileVerdict(profile, word, reason, len(selected), len(clauses))


def _judge(profile: str, results: Sequence[ClauseResult], total: int, *, level: str, is_idle: bool) -> tuple[str, str]:
    """Return the verdict and its reason; a profile `is_idle` if the target lacks what it is about."""
    broken = _with_outcome(results, *(BROKEN if level == "should" else BROKEN[:1]))
    errors = _with_outcome(results, Outcome.ERROR)
    own = f"the suite itself failed in {counted(len(errors), 'clause')}"
    if broken:
        failing = counted(len(broken), "clause fails", "clauses fail")
        return "does-not-conform", f"{failing}; {own}" if errors else failing
    if errors:
        return "internal-error", own

    musts = [result for result in results if result.clause.level == "MUST"]
    unknown = _with_outcome(musts, Outcome.INCONCLUSIVE, Outcome.NOT_RUN)
    if unknown:
        return "inconclusive", f"{counted(len(unknown), 'clause')} could not be judged ({unknown[0].reason})"
    in_part = [result for result in musts if result.lacks_fixtures]
    if in_part:
        clauses = counted(len(in_part), "clause")
        return "inconclusive", f"{clauses} could be judged in part only ({in_part[0].unjudged[0]})"
    if is_idle:
        return "not-applicable", "the target keeps no state"
    if not any(result.clause.profile == profile for result in results):
        return "inconclusive", "none of its own clauses was judged"

    number = len(results) - len(_with_outcome(results, *NOT_JUDGED))
    judged = f"{number} of {total} clauses judged" if number < total else f"{total} clauses"
    count = sum(bool(result.unjudged) for result in results)
    return "conforms", f"{judged}, {count} in part" if count else judged


def _with_outcome(results: Sequence[ClauseResult], *outcomes: Outcome) -> list[ClauseResult]:
    return [result for result in results if result.outcome in outcomes]


def all_verdicts(
    results: Mapping[str, ClauseResult], catalogue: Catalogue, *, level: str, stateless: bool
) -> dict[str, ProfileVerdict]:
    """Return the verdicts on all profiles."""
    return {profile: verdict_of(profile, results, catalogue, level=level, stateless=stateless) for profile in PROFILES}
