"""The kill matrix: every seeded defect found under its clause and no other, every conforming variant left in peace.

`python -m meta_tests.detection [PROFILE]` runs all of it; the meta tests run a representative part.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from meta_tests.suite import Job, Result, run_all
from reference.defects import CATALOGUE as DEFECTS
from reference.defects import Defect
from reference.variants import CATALOGUE as VARIANTS
from reference.variants import Variant

FOUND = ("fail", "error", "inconclusive", "deviation")

LEAST_BY_PROFILE = {"contract": 80, "stateful": 10, "stripe": 10}
LEAST_INTERMITTENT = 3


def job_for(defect: Defect) -> Job:
    """The run that must find `defect`: with the profile that it belongs to."""
    return Job(defect.name, defect.name, stateless=defect.stateless, arguments=("--profile", defect.profile))


def complaint(defect: Defect, result: Result) -> str:
    """What is wrong with the way in which a defect was found; empty when nothing is."""
    red = result.outcomes(*FOUND) if result.results else {}
    if defect.clause not in red:
        return f"{defect.name} breaks {defect.clause} ({defect.description}), and the suite said {red}"
    beside = {slug: reason for slug, reason in red.items() if slug not in (defect.clause, *defect.also)}
    return f"{defect.name} breaks {defect.clause} alone, and the suite said {beside}" if beside else ""


def representative(defects: Iterable[Defect] = tuple(DEFECTS.values())) -> Sequence[Defect]:
    """The first defect of every contract clause, intermittent ones, and more until a profile has its least."""
    everything = list(defects)
    chosen: dict[str, Defect] = {}
    for defect in everything:
        if defect.profile == "contract":
            chosen.setdefault(defect.clause, defect)
    picked = {defect.name: defect for defect in chosen.values()}
    intermittent = [defect for defect in everything if defect.intermittent]
    picked |= {defect.name: defect for defect in intermittent[:LEAST_INTERMITTENT]}
    for profile, least in LEAST_BY_PROFILE.items():
        others = [defect for defect in everything if defect.profile == profile and defect.name not in picked]
        missing = least - sum(defect.profile == profile for defect in picked.values())
        step = max(1, len(others) // missing) if missing > 0 else 1
        picked |= {defect.name: defect for defect in others[::step][: max(0, missing)]}
    return [defect for defect in everything if defect.name in picked]


def variant_job(variant: Variant, profile: str, *, stateless: bool = False) -> Job:
    """The run in which a conforming `variant` must stay without a finding."""
    arguments: list[str] = ["--profile", profile]
    for option, identifiers in (("--customer", variant.customers), ("--payment-method", variant.payment_methods)):
        arguments += [argument for identifier in identifiers for argument in (option, identifier)]
    if variant.name == "slow":
        arguments += ["--budget", "quick"]
    name = f"{variant.name}{' without state' if stateless else ''}"
    return Job(name, variants=(variant.name,), stateless=stateless, arguments=tuple(arguments))


def false_alarms(variant: Variant, result: Result) -> dict[str, str]:
    """The clauses that a conforming variant was wrongly said to break, with the reasons."""
    red = result.outcomes("fail", "error", "deviation")
    return {slug: reason for slug, reason in red.items() if slug not in variant.deviates}


__all__ = ["DEFECTS", "VARIANTS", "complaint", "false_alarms", "job_for", "representative", "variant_job"]


def main(profiles: Sequence[str]) -> int:
    """Run the whole matrix, or that of some profiles; the number of complaints, each printed."""
    defects = [defect for defect in DEFECTS.values() if not profiles or defect.profile in profiles]
    results = run_all(map(job_for, defects))
    complaints = [said for defect, result in zip(defects, results, strict=True) if (said := complaint(defect, result))]
    print(*complaints, f"{len(defects) - len(complaints)} of {len(defects)} defects found", sep="\n")
    return len(complaints)


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
