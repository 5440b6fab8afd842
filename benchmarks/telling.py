"""Which tests tell the most: for each test, what it costs in requests, and which seeded defects it finds.

`python -m benchmarks.telling [--defects N] [--to FILE.json]` runs the first look at every seeded defect, and puts the
tests in the order in which the most defects show after the fewest requests, as many as they take with the budget
`standard`; no test comes before one on which its clause rests. conformance/order.json holds that order, which every run
follows.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.telling_probe import MARKER
from benchmarks.watching import told_in, watched
from contracts import load_catalogue
from meta_tests.detection import DEFECTS, job_for, write_rows
from meta_tests.suite import Job, Result, run_all

PROBE = "benchmarks.telling_probe"
ORDER = Path(__file__).resolve().parent.parent / "conformance" / "order.json"


@dataclass(frozen=True)
class Told:
    """What one test did in one run: the clause it is for, the `requests` it took, and whether it found anything."""

    test: str
    clause: str
    requests: int
    found: bool


def told_by(result: Result) -> Sequence[Told]:
    """What each test did in a run that the probe has watched."""
    return [Told(**one) for tests in told_in(result, MARKER) for one in tests]


def most_telling_first(
    costs: Mapping[str, int], clauses: Mapping[str, str], finders: Iterable[frozenset[str]]
) -> list[str]:
    """The tests in the order that finds most defects per request, each after those on which its clause rests.

    `costs` gives the requests of each test, `clauses` the clause it is for, `finders` for each defect the tests that
    find it.
    """
    catalogue = load_catalogue()
    places = {slug: place for place, slug in enumerate(catalogue.root_causes_first)}
    open_defects = [found for found in finders if found]
    left = sorted(costs, key=lambda test: (places.get(clauses[test], len(places)), test))
    order: list[str] = []
    while left:
        waiting = {clauses[test] for test in left}
        best, best_score = left[0], -1.0
        for test in left:
            before = needed_before(test, left, clauses, waiting)
            together = [*before, test]
            kills = sum(bool(found.intersection(together)) for found in open_defects)
            score = kills / max(1, sum(costs[one] for one in together))
            if score > best_score:
                best, best_score = test, score
        chosen = [*needed_before(best, left, clauses, waiting), best]
        order += chosen
        left = [test for test in left if test not in chosen]
        open_defects = [found for found in open_defects if not found.intersection(chosen)]
    return order


def needed_before(test: str, left: Sequence[str], clauses: Mapping[str, str], waiting: set[str]) -> list[str]:
    """The tests left whose clauses `test` rests on, in their order."""
    catalogue = load_catalogue()
    if clauses[test] not in catalogue:
        return []
    rests = catalogue.rests_on(clauses[test]) & waiting - {clauses[test]}
    return [other for other in left if clauses[other] in rests and other != test]


def main(arguments: Sequence[str]) -> int:
    """Measure, and write the order."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.telling", description=__doc__)
    parser.add_argument("--defects", type=int, default=len(DEFECTS), metavar="N", help="only so many, evenly chosen")
    parser.add_argument("--to", type=Path, default=ORDER, metavar="FILE", help="where to write (default: %(default)s)")
    parser.add_argument("--raw", type=Path, metavar="FILE", help="write what was measured, too")
    options = parser.parse_args(arguments)
    defects = list(DEFECTS.values())[:: max(1, len(DEFECTS) // options.defects)]
    clean = [
        watched(Job("reference", arguments=("--profile", "stripe", "--budget", budget)), PROBE)
        for budget in ("standard", "quick")
    ]
    jobs = [*clean, *(watched(job_for(defect, "quick"), PROBE) for defect in defects)]
    at_standard, reference, *others = map(told_by, run_all(jobs))
    at_length = {one.test: one.requests for one in at_standard}
    finders = {
        defect.name: [one.test for one in told if one.found] for defect, told in zip(defects, others, strict=True)
    }
    costs = {one.test: at_length[one.test] for one in reference}
    clauses = {one.test: one.clause for one in reference}
    if options.raw:
        options.raw.write_text(json.dumps({"costs": costs, "clauses": clauses, "finders": finders}, indent=1) + "\n")
    order = most_telling_first(costs, clauses, map(frozenset, finders.values()))
    written: list[dict[str, Any]] = [
        {"test": test, "requests": costs[test], "finds": sum(test in found for found in finders.values())}
        for test in order
    ]
    write_rows(options.to, written)
    print(f"{len(order)} tests, {sum(costs.values())} requests, {sum(map(bool, finders.values()))} of {len(defects)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
