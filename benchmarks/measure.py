"""Measure all that docs/detection.md shows in one run, and write the page.

`python -m benchmarks.measure [--seeds N]` takes more than an hour on two cores, most of it for the conforming variants.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from benchmarks import detection_page, schemathesis_runner, shrinking, silence
from benchmarks.detection import DEFECTS, MEASURED, job_for, row_of, write_rows
from benchmarks.suite import run_all
from benchmarks.watching import watched


def detect() -> None:
    """Look for every defect with both budgets, and count what each failing clause costs at `standard`."""
    for budget in ("standard", "quick"):
        results = list(run_all(watched(job_for(defect, budget), shrinking.PROBE) for defect in DEFECTS.values()))
        rows = [row_of(defect, result) for defect, result in zip(DEFECTS.values(), results, strict=True)]
        write_rows(MEASURED / f"detection-{budget}.json", rows)
        missed = [str(row["complaint"]) for row in rows if row["complaint"]]
        print(*missed, f"{budget}: {len(rows) - len(missed)} of {len(rows)} defects found", sep="\n", flush=True)
        if budget == "standard":
            shrinking.write(MEASURED / "shrinking.json", shrinking.summary(results))


def main(arguments: Sequence[str]) -> int:
    """Measure everything, and return the number of false alarms."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.measure", description=__doc__)
    parser.add_argument("--seeds", type=int, default=silence.SEEDS, metavar="N", help="(default: %(default)s)")
    options = parser.parse_args(arguments)
    detect()
    schemathesis_runner.main([])
    alarms: int = silence.main(["--store", "--seeds", str(options.seeds)])
    detection_page.main()
    return alarms


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
