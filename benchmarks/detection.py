"""The kill matrix: every seeded defect is found under its clause alone, and no conforming variant fails.

`python -m benchmarks.detection [PROFILE…] [--budget BUDGET] [--only DEFECT] [--store [--lacking]]` runs all of it; the
meta tests run
a representative part. What is stored is shown in docs/detection.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.suite import Job, Result, run_all
from conformance.scenes.budgets import BUDGETS
from contracts import load_catalogue
from reference.defects import CATALOGUE as DEFECTS
from reference.defects import Defect
from reference.variants import CATALOGUE as VARIANTS
from reference.variants import Variant

MEASURED = Path(__file__).resolve().parent.parent / "benchmarks" / "measured"
"""The folder of the measurements that the docs quote."""

ARGUED = MEASURED.parent.parent / "reference" / "defects" / "missed.toml"
"""The defects that a standard run misses, each with the reason."""

FOUND = ("fail", "error", "inconclusive", "deviation")

LEAST_BY_PROFILE = {"contract": 80, "stateful": 4, "stripe": 4}
LEAST_INTERMITTENT = 3

WITHOUT_TEST = ("robustness.error-envelope", "robustness.still-serving")
"""Clauses that are not general, and that the tests of other clauses judge in passing."""
WITNESSES = (
    "request.minimal-body",
    "body.customer-required",
    "robustness.malformed-encoding",
    "robustness.path-encoding",
)
"""Clauses whose tests get a success, a rejection, and rejections of odd requests."""


def job_for(defect: Defect, budget: str = "standard") -> Job:
    """Return the run that must find `defect`, at the profile that users get by default."""
    arguments = ("--budget", budget)
    return Job(defect.name, defect.name, stateless=defect.stateless, arguments=arguments)


def complaint(defect: Defect, result: Result) -> str:
    """Return what is wrong with the way in which a defect was found, or an empty text."""
    red = result.outcomes(*FOUND) if result.results else {}
    if defect.clause not in red:
        return f"{defect.name} breaks {defect.clause} ({defect.description}), and the suite said {red}"
    others = {slug: reason for slug, reason in red.items() if slug not in (defect.clause, *defect.also)}
    return f"{defect.name} breaks {defect.clause} alone, and the suite said {others}" if others else ""


def argued() -> Mapping[str, str]:
    """Return why each defect that a standard run misses is left as it is, by the name of the defect."""
    return {entry["name"]: entry["argument"] for entry in tomllib.loads(ARGUED.read_text(encoding="utf-8"))["missed"]}


def representative(defects: Iterable[Defect] = tuple(DEFECTS.values())) -> Sequence[Defect]:
    """Return the first defect of every contract clause, intermittent ones, and more until a profile has its minimum."""
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


def first_of_each(key: Callable[[Defect], object]) -> Sequence[Defect]:
    """Return the first defect of each kind. Intermittent defects are left out: a single test may miss them."""
    firsts: dict[object, Defect] = {}
    for defect in DEFECTS.values():
        if not defect.intermittent:
            firsts.setdefault(key(defect), defect)
    return list(firsts.values())


def clause_job(defect: Defect) -> Job:
    """Return the run of only those tests that must find `defect`."""
    selected = [defect.clause]
    if load_catalogue()[defect.clause].general or defect.clause in WITHOUT_TEST:
        selected += WITNESSES
    return replace(job_for(defect), clauses=tuple(selected))


def variant_job(variant: Variant, profile: str, budget: str = "standard", *, stateless: bool = False) -> Job:
    """Return the run in which a conforming `variant` must have no finding."""
    if variant.name == "slow":
        budget = "quick"
    arguments: list[str] = ["--profile", profile, "--budget", budget]
    for option, identifiers in (("--customer", variant.customers), ("--payment-method", variant.payment_methods)):
        arguments += [argument for identifier in identifiers for argument in (option, identifier)]
    name = f"{variant.name}{' without state' if stateless else ''}"
    return Job(name, variants=(variant.name,), stateless=stateless, arguments=tuple(arguments))


def false_alarms(variant: Variant, result: Result) -> dict[str, str]:
    """Return the clauses that fail on a conforming variant, with the reasons."""
    red = result.outcomes("fail", "error", "deviation")
    return {slug: reason for slug, reason in red.items() if slug not in variant.deviates}


def row_of(defect: Defect, result: Result) -> Mapping[str, object]:
    """Return the row to store for the run that had to find `defect`."""
    numbers = {name: result.results.get(name) for name in ("first_finding", "requests", "seconds")}
    return {"defect": defect.name, "complaint": complaint(defect, result), **numbers}


def stored_rows(budget: str) -> dict[str, Mapping[str, object]]:
    """Return the stored row of each defect with that budget, by the defect's name."""
    path = MEASURED / f"detection-{budget}.json"
    rows = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return {row["defect"]: row for row in rows}


def write_rows(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write a list as JSON, a row a line, so that a change of one shows as a change of one line."""
    lines = ",\n".join(f" {json.dumps(row, ensure_ascii=False)}" for row in rows)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


__all__ = [
    "DEFECTS",
    "MEASURED",
    "VARIANTS",
    "argued",
    "clause_job",
    "complaint",
    "false_alarms",
    "first_of_each",
    "job_for",
    "representative",
    "row_of",
    "stored_rows",
    "variant_job",
    "write_rows",
]


def main(arguments: Sequence[str]) -> int:
    """Run the matrix that the arguments ask for, print each complaint, and return how many there are."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection", description=__doc__)
    parser.add_argument("profiles", nargs="*", metavar="PROFILE", help="only the defects of these profiles")
    parser.add_argument("--budget", choices=tuple(BUDGETS), default="standard")
    parser.add_argument("--to", type=Path, metavar="FILE", help="write what was measured as JSON")
    parser.add_argument("--store", action="store_true", help="keep what was measured for docs/detection.md")
    parser.add_argument("--only", action="append", metavar="DEFECT", help="only this defect; repeatable")
    parser.add_argument("--lacking", action="store_true", help="only the defects of which nothing is stored yet")
    options = parser.parse_args(arguments)
    if options.store and options.profiles:
        parser.error("what is stored is measured over all profiles")
    if unknown := sorted(set(options.only or ()) - set(DEFECTS)):
        parser.error(f"there is no such defect: {', '.join(unknown)}")
    stored = stored_rows(options.budget) if options.lacking or options.only else {}
    defects = [defect for defect in DEFECTS.values() if not options.profiles or defect.profile in options.profiles]
    if options.only:
        defects = [DEFECTS[name] for name in options.only]
    elif options.lacking:
        defects = [defect for defect in defects if defect.name not in stored]
    results = run_all(job_for(defect, options.budget) for defect in defects)
    measured = [row_of(defect, result) for defect, result in zip(defects, results, strict=True)]
    complaints = [row["complaint"] for row in measured if row["complaint"]]
    if options.to:
        write_rows(options.to, measured)
    if options.store:
        every = stored | {str(row["defect"]): row for row in measured}
        write_rows(MEASURED / f"detection-{options.budget}.json", [every[name] for name in DEFECTS if name in every])
    print(*complaints, f"{len(defects) - len(complaints)} of {len(defects)} defects found", sep="\n")
    return len(complaints)


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
