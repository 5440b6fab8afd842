"""Spoil files that commands read, for some seconds each, and see whether only their own errors come out.

`python -m benchmarks.fuzzing [FORMAT…] [--seconds N] [--keep DIR] [--store]` makes real files in the same run, spoils
them with Hypothesis, and has the functions of the commands read them in this process. Anything but an error of their
own, in one line, is a finding; `--keep` keeps a file that shows each.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from benchmarks.detection import MEASURED
from benchmarks.fuzzing.formats import FORMATS, Fuzz, Reader
from benchmarks.fuzzing.samples import made_in
from benchmarks.hostile.page import write
from conformance.paths import SUITE
from conformance.plugin.options import positive
from reference import running

STORED = MEASURED / "fuzzing.json"

EXAMPLES_A_ROUND = 40
"""How many files Hypothesis draws with one seed; then comes the next seed, or the time is over."""

SLOW = 20.0
"""The seconds that one file may take."""


@dataclass
class Fuzzed:
    """A format that was fuzzed: the number of files, the seconds, and the findings, each kind with its first file."""

    name: str
    files: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    findings: dict[str, str] = field(default_factory=dict)


def main(arguments: Sequence[str]) -> int:
    """Fuzz the formats, and return how many kinds of findings there are."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzzing", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="FORMAT", help=f"one of {', '.join(FORMATS)} (default: all)")
    parser.add_argument("--seconds", type=positive, default=60, metavar="N", help="for each format (default: 60)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the first seed (default: 1)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep a file for each kind of finding there")
    parser.add_argument("--store", action="store_true", help="store what was measured, and write the page again")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.names) - set(FORMATS)):
        parser.error(f"there is no format {unknown[0]}")
    stored = json.loads(STORED.read_text()) if STORED.exists() else {}
    count = 0
    with tempfile.TemporaryDirectory() as name, running() as server:
        samples = made_in(Path(name))
        for format_name in options.names or FORMATS:
            folder = Path(name, format_name)
            folder.mkdir()
            reader = Reader(samples, folder, server.url)
            fuzzed = fuzz(format_name, reader, options.seconds, options.seed, options.keep)
            count += len(fuzzed.findings)
            print(line_of(fuzzed), *fuzzed.findings.values(), sep="\n", flush=True)
            stored[format_name] = asdict(fuzzed)
    if options.store:
        STORED.write_text(json.dumps({name: stored[name] for name in FORMATS if name in stored}, indent=1) + "\n")
        write()
    return count


def line_of(fuzzed: Fuzzed) -> str:
    """Return a format in one line."""
    return (
        f"{fuzzed.name}: {fuzzed.files:,} files in {fuzzed.seconds:.0f} s, {len(fuzzed.findings)} kinds of findings;"
        f" the slowest took {fuzzed.slowest:.1f} s"
    )


def fuzz(
    name: str,
    reader: Reader,
    seconds: float,
    first_seed: int = 1,
    keep: Path | None = None,
    *,
    examples: int = EXAMPLES_A_ROUND,
) -> Fuzzed:
    """Spoil files of one format for a number of seconds, and at least that many files."""
    fuzzed = Fuzzed(name)
    start = time.monotonic()
    number = first_seed
    while (fuzzed.seconds < seconds) or not fuzzed.files:
        _round(FORMATS[name], reader, fuzzed, number, keep, examples)
        fuzzed.seconds = time.monotonic() - start
        number += 1
    return fuzzed


def _round(act: Fuzz, reader: Reader, fuzzed: Fuzzed, number: int, keep: Path | None, examples: int) -> None:
    """Draw that many files with one seed."""

    @seed(number)
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def spoil(data: st.DataObject) -> None:
        start = time.monotonic()
        fuzzed.files += 1
        try:
            act(data.draw, reader)
        except Exception as error:  # whichever it is, it is a finding
            _keep(error, reader, fuzzed, keep)
        took = time.monotonic() - start
        fuzzed.slowest = max(fuzzed.slowest, took)
        if took > SLOW:
            _keep(TimeoutError(f"it took {took:.0f} s"), reader, fuzzed, keep)

    spoil()


def _keep(error: Exception, reader: Reader, fuzzed: Fuzzed, keep: Path | None) -> None:
    """Keep the first file of each kind of finding: the error's type, and where in the suite it was raised."""
    kind = f"{type(error).__name__} at {_place_of(error)}"
    if type(error).__module__.startswith("hypothesis"):
        raise error
    if kind in fuzzed.findings:
        return
    fuzzed.findings[kind] = f"{fuzzed.name}: {kind}: {str(error)[:200]!r}"
    if keep is not None:
        place = keep / f"{fuzzed.name}-{len(fuzzed.findings)}"
        shutil.copytree(reader.folder, place, dirs_exist_ok=True)


def _place_of(error: Exception) -> str:
    """Return the last line of the suite on the way to an error."""
    place, trace = "nowhere", error.__traceback__
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        if path.is_relative_to(SUITE) and "venv" not in path.parts:
            place = f"{path.relative_to(SUITE)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
