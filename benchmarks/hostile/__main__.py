"""Run the suite against servers that mean ill, and see whether it bears them.

`python -m benchmarks.hostile [NAME…] [--store]` runs the suite against each server, one after the other, and prints
what is wrong. `--store` writes benchmarks/measured/hostile.json and docs/robustness.md, which a run of all takes.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from benchmarks.detection import MEASURED
from benchmarks.hostile.page import write
from benchmarks.hostile.table import TABLE
from benchmarks.hostile.trial import Trial, attempt

STORED = MEASURED / "hostile.json"


def main(arguments: Sequence[str]) -> int:
    """Run the suite against the servers; return how many runs are wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hostile", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", default=["*"], help="a server, or a pattern such as text-*")
    parser.add_argument("--store", action="store_true", help="store what was measured, and write the page again")
    options = parser.parse_args(arguments)
    chosen = [name for name in TABLE if any(fnmatch.fnmatch(name, pattern) for pattern in options.names)]
    stored = {one["name"]: one for one in json.loads(STORED.read_text())} if STORED.exists() else {}
    trials = []
    for name in sorted(chosen, key=lambda name: TABLE[name].seconds):  # those that take long come last
        trial = attempt(TABLE[name])
        trials.append(trial)
        print(line_of(trial), flush=True)
        stored[name] = asdict(trial)
        if options.store:
            STORED.write_text(json.dumps([stored[name] for name in TABLE if name in stored], indent=1) + "\n")
    wrong = sum(bool(trial.wrong) for trial in trials)
    print(f"{len(trials)} servers, {wrong} borne badly")
    if options.store:
        write()
    return wrong


def line_of(trial: Trial) -> str:
    """Return a line for the terminal."""
    words = "; ".join(trial.wrong) or "as it should be"
    return f"{trial.name}: status {trial.status}, {trial.seconds:.1f} s, {trial.memory // 1024**2} MB: {words}"


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
