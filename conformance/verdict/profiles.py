"""The verdict on each profile, from the results of its clauses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from conformance.evidence.episode import Outcome
from conformance.verdict.ledger import NOT_SELECTED, ClauseResult
from contracts import Catalogue
from contracts.catalogue import PROFILES


@dataclass(frozen=True)
class ProfileVerdict:
    """What a run says of one profile: `conforms`, `does-not-conform`, `inconclusive`, `not-applicable`, or
    `internal-error` where the suite itself failed and nothing is known to be broken.

    `reason` is the rest of the sentence. `selected` of `total` clauses were asked for.
    """

    profile: str
    verdict: str
    reason: str
    selected: int
    total: int


def verdict_of(
    profile: str, results: Mapping[str, ClauseResult], catalogue: Catalogue, *, level: str, stateless: bool
) -> ProfileVerdict:
    """The verdict on one profile from the results of its clauses; `level` is `must` or `should`."""
    clauses = catalogue.within(profile)
    asked = [results[c.slug] for c in clauses if not c.not_tested and results[c.slug].reason != NOT_SELECTED]
    selected, total = len(asked), len(clauses)

    def verdict(word: str, reason: str) -> ProfileVerdict:
        return ProfileVerdict(profile, word, reason, selected, total)

    broken = [result for result in asked if _decides(result, level)]
    errors = [result for result in asked if result.outcome is Outcome.ERROR]
    failing = f"{len(broken)} clause{'s' * (len(broken) != 1)} fail{'s' * (len(broken) == 1)}"
    erring = f"the suite itself failed in {len(errors)} clause{'s' * (len(errors) != 1)}"
    if broken:
        return verdict("does-not-conform", f"{failing}; {erring}" if errors else failing)
    if errors:
        return verdict("internal-error", erring)
    unknown = [r for r in asked if r.outcome in (Outcome.INCONCLUSIVE, Outcome.NOT_RUN)]
    unknown = [result for result in unknown if result.clause.level == "MUST"]
    if unknown:
        return verdict("inconclusive", f"{len(unknown)} clauses could not be judged ({unknown[0].reason})")
    in_part = [result for result in asked if result.lacks_fixtures and result.clause.level == "MUST"]
    if in_part:
        return verdict(
            "inconclusive", f"{len(in_part)} clauses could be judged in part only ({in_part[0].unjudged[0]})"
        )
    own = [result for result in asked if result.clause.profile == profile]
    if stateless and profile != "contract":
        return verdict("not-applicable", "the target keeps no state")
    if not own:
        return verdict("inconclusive", "none of its own clauses was judged")
    judged = f"{selected} of {total} clauses judged" if selected < total else f"{total} clauses"
    count = sum(bool(result.unjudged) for result in asked)
    return verdict("conforms", f"{judged}, {count} in part" if count else judged)


def _decides(result: ClauseResult, level: str) -> bool:
    return result.outcome is Outcome.FAIL or (level == "should" and result.outcome is Outcome.DEVIATION)


def all_verdicts(
    results: Mapping[str, ClauseResult], catalogue: Catalogue, *, level: str, stateless: bool
) -> dict[str, ProfileVerdict]:
    """The verdicts on all profiles."""
    return {profile: verdict_of(profile, results, catalogue, level=level, stateless=stateless) for profile in PROFILES}
