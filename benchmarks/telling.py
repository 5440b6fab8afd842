"""Which tests tell the most: for each test, what it costs in requests, and which seeded defects it finds.

`python -m benchmarks.telling [--defects N] [--to FILE.json]` runs the first look at every seeded defect, and puts the
tests in the order in which the most defects show after the fewest requests, as many as they take with the budget
`standard`; no test comes before one on which its clause rests. conformance/order.json holds that order, which every run
follows.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.detection import DEFECTS, job_for, write_rows
from benchmarks.ordering import NEVER, Telling, improved, most_telling_first
from benchmarks.suite import Job, Result, run_all
from benchmarks.telling_probe import MARKER
from benchmarks.watching import told_in, watched
from conformance.plugin.looks import ORDER

PROBE = "benchmarks.telling_probe"
MOVES = 200_000
"""How often it is tried to better the order."""


@dataclass(frozen=True)
class Told:
    """What one test did in one run: the clause it is for, the `requests` it took, and whether it found anything.

    `answers` are the numbers of the answers that it used, each the same wherever it is used again in the run.
    """

    test: str
    clause: str
    requests: int
    answers: Sequence[int]
    found: bool


def told_by(result: Result) -> Sequence[Told]:
    """What each test did in a run that the probe has watched. Raises RuntimeError where that has told nothing."""
    told = [Told(**one) for tests in told_in(result, MARKER) for one in tests]
    if not told:
        raise RuntimeError(f"{result.job.name}: nothing was told of its tests: {result.output[-500:]}")
    return told


def main(arguments: Sequence[str]) -> int:
    """Measure, and write the order."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.telling", description=__doc__)
    parser.add_argument("--defects", type=int, default=len(DEFECTS), metavar="N", help="only so many, evenly chosen")
    parser.add_argument("--to", type=Path, default=ORDER, metavar="FILE", help="where to write (default: %(default)s)")
    parser.add_argument("--raw", type=Path, metavar="FILE", help="write what was measured, too")
    parser.add_argument("--measured", type=Path, metavar="FILE", help="order what --raw has written before")
    parser.add_argument("--moves", type=int, default=MOVES, metavar="N", help="(default: %(default)s)")
    options = parser.parse_args(arguments)
    telling = read(options.measured) if options.measured else measure(options.defects)
    if options.raw:
        finders = {defect: sorted(tests) for defect, tests in telling.finders.items()}
        answers = {test: sorted(used) for test, used in telling.answers.items()}
        told = {
            "costs": telling.costs,
            "answers": answers,
            "clauses": telling.clauses,
            "finders": finders,
            "profiles": telling.profiles,
        }
        options.raw.write_text(json.dumps(told, indent=1) + "\n")
    greedy = most_telling_first(telling.costs, telling.clauses, telling.finders.values())
    order = improved(telling, greedy, options.moves)
    prices = telling.prices(order)
    finds = {test: sum(test in one for one in telling.finders.values()) for test in order}
    written = [
        {"test": test, "clause": telling.clauses[test], "requests": prices[test], "finds": finds[test]}
        for test in order
    ]
    write_rows(options.to, written)
    found = [requests for requests in telling.first_findings(order) if requests < NEVER]
    print(f"{len(order)} tests, {sum(telling.costs.values())} requests; {len(found)} of {len(telling.finders)} defects")
    print(f"half of those show within {statistics.median(found):.0f} requests")
    return 0


def measure(count: int) -> Telling:
    """Run the first look at `count` defects, evenly chosen."""
    defects = list(DEFECTS.values())[:: max(1, len(DEFECTS) // count)]
    clean = [
        watched(Job("reference", arguments=("--profile", "stripe", "--budget", budget)), PROBE)
        for budget in ("standard", "quick")
    ]
    jobs = [*clean, *(watched(job_for(defect, "quick"), PROBE) for defect in defects)]
    at_standard, reference, *others = map(told_by, run_all(jobs))
    first_look = {one.test for one in reference}
    return Telling(
        costs={one.test: one.requests for one in at_standard if one.test in first_look},
        answers={one.test: frozenset(one.answers) for one in at_standard if one.test in first_look},
        clauses={one.test: one.clause for one in reference},
        finders={
            defect.name: frozenset(one.test for one in told if one.found)
            for defect, told in zip(defects, others, strict=True)
        },
        profiles={defect.name: defect.profile for defect in defects},
    )


def read(path: Path) -> Telling:
    """What was measured before."""
    told = json.loads(path.read_text(encoding="utf-8"))
    finders = {defect: frozenset(tests) for defect, tests in told["finders"].items()}
    answers = {test: frozenset(used) for test, used in told["answers"].items()}
    return Telling(told["costs"], answers, told["clauses"], finders, told["profiles"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
