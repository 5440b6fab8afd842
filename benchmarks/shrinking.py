"""Measure what a failing clause costs: the requests after its first failure, to confirm and to shrink it.

`python -m benchmarks.shrinking [--defects N] [--budget BUDGET] [--to FILE.json]` runs the suite against seeded defects,
evenly chosen, and prints how many requests were sent after the first failure of each clause that failed. Exits with
1 if one costs more than 40. What is written to benchmarks/measured/shrinking.json is shown in docs/detection.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.detection import DEFECTS, job_for
from benchmarks.shrinking_probe import MARKER
from benchmarks.suite import Result, run_all
from benchmarks.watching import lines_in, watched
from conformance.scenes.budgets import BUDGETS
from conformance.scenes.engine import MOST_REQUESTS_AFTER_A_FAILURE

PROBE = "benchmarks.shrinking_probe"
BOUND = MOST_REQUESTS_AFTER_A_FAILURE
BUCKETS = (0, 2, 5, 10, 20, 30, BOUND)


@dataclass(frozen=True)
class Cost:
    """The number of `requests` sent for `clause` after it first failed, on a server with `defect`."""

    defect: str
    clause: str
    requests: int


def costs_of(result: Result) -> Iterator[Cost]:
    """Return the cost of each clause that failed in a run that the probe has watched."""
    for costs in lines_in(result, MARKER):
        for clause, requests in costs.items():
            yield Cost(result.job.name, clause, requests)


def distribution(costs: Iterable[Cost]) -> dict[str, int]:
    """Count the clauses by ranges of their cost."""
    counted = Counter(next((limit for limit in BUCKETS if cost.requests <= limit), None) for cost in costs)
    lows = (0, *(limit + 1 for limit in BUCKETS[:-1]))
    named = {
        f"{low} to {limit}" if low != limit else str(limit): counted[limit]
        for low, limit in zip(lows, BUCKETS, strict=True)
    }
    return {**named, f"over {BOUND}": counted[None]}


def in_words(measured: Mapping[str, Any]) -> str:
    """Return the measurement as Markdown."""
    numbers = [cost["requests"] for cost in measured["costs"]]
    lines = [
        f"A failing clause may cost at most {measured['bound']} requests after its first failure: to perform it again, "
        f"so that it is no chance, and to make what is shown small. Over {measured['defects']} defects {len(numbers)} "
        f"clauses failed; half of them cost at most {round(statistics.median(numbers))}, none more than "
        f"{measured['most']}.",
        "",
        "| requests after the first failure | clauses |",
        "|---|---|",
        *(f"| {name} | {count} |" for name, count in measured["counts"].items()),
        "",
        "Measured by `python -m benchmarks.measure`, and alone by `python -m benchmarks.shrinking`.",
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Measure, print, write, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shrinking", description=__doc__)
    parser.add_argument("--defects", type=int, default=60, metavar="N", help="only N of them (default: %(default)s)")
    parser.add_argument("--budget", choices=tuple(BUDGETS), default="standard")
    parser.add_argument("--to", type=Path, metavar="FILE", help="write what was measured as JSON")
    options = parser.parse_args(arguments)
    defects = list(DEFECTS.values())[:: max(1, len(DEFECTS) // options.defects)]
    measured = summary(list(run_all(watched(job_for(defect, options.budget), PROBE) for defect in defects)))
    for name, count in measured["counts"].items():
        print(f"{name:>10} requests: {count}")
    costs = measured["costs"]
    for cost in costs[:5]:
        print(f"{cost['requests']:>4}  {cost['clause']}  ({cost['defect']})")
    most = measured["most"]
    print(f"{len(defects)} defects, {len(costs)} failing clauses: at the most {most} requests, {BOUND} are allowed")
    if options.to:
        write(options.to, measured)
    return int(most > BOUND)


def summary(results: Sequence[Result]) -> Mapping[str, Any]:
    """Summarise runs that the probe has watched, the costliest clause first."""
    costs = sorted((cost for result in results for cost in costs_of(result)), key=lambda cost: -cost.requests)
    most = max((cost.requests for cost in costs), default=0)
    numbers = {"defects": len(results), "bound": BOUND, "most": most, "counts": distribution(costs)}
    return {**numbers, "costs": list(map(asdict, costs))}


def write(path: Path, measured: Mapping[str, Any]) -> None:
    """Store the measurement for docs/detection.md, one clause a line."""
    costs = ",\n".join(f"  {json.dumps(cost)}" for cost in measured["costs"])
    rest = json.dumps({name: value for name, value in measured.items() if name != "costs"})
    path.write_text(f'{rest[:-1]},\n "costs": [\n{costs}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
