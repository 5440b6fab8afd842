"""Let a run go on for many thousand exchanges, and see whether its memory or its pace depends on their number.

`python -m benchmarks.soak [--exchanges N] [--store]` explores the reference, in a process of its own, until 2,000 and
then until N exchanges are made, and compares the two runs: the most memory that each took, and the exchanges per second
of the processor's time. It ends with 1 where memory is above 1.3 times, or the rate below 80 %, or a file is missing.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from benchmarks.detection import MEASURED
from benchmarks.hostile.page import write
from conformance.paths import SUITE
from conformance.plugin.options import count
from conformance.verdict.record import RECORD_FILE
from conformance.verdict.run import ExitStatus
from conformance.verdict.settings import KEY_VARIABLE, REPORT_FILE
from reference import build
from reference.call import Call
from reference.wire.values import Response

STORED = MEASURED / "soak.json"

FEW, MANY = 2_000, 20_000
"""The exchanges of the run that is compared with, and those of the other one."""

MOST_MEMORY, LEAST_RATE = 1.3, 0.8
"""The most that memory may be of that of the short run, and the least that the rate may be."""

PAUSE = 0.2
"""The seconds between two looks at the run."""

USUAL_ENDS = (ExitStatus.CONFORMS, ExitStatus.INCONCLUSIVE)
"""A run that reaches its bound of requests is inconclusive where a test was cut short."""


@dataclass(frozen=True)
class Look:
    """A look at a run: exchanges so far, seconds of the processor, and bytes of memory."""

    exchanges: int
    processor: float
    memory: int


@dataclass(frozen=True)
class Soak:
    """A finished run: what it took in all, and the files that it left, each with its size.

    `rate` is the exchanges per second of the processor's time between the 1,000th and the last, without start and end.
    """

    exchanges: int
    status: int
    seconds: float
    processor: float
    memory: int
    while_sending: int
    rate: float
    rates: tuple[float, ...]
    files: Mapping[str, int]


def main(arguments: Sequence[str]) -> int:
    """Measure both runs, and print what they took; return how many of the demands are missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--exchanges", type=count, default=MANY, metavar="N", help="default: %(default)s")
    parser.add_argument("--store", action="store_true", help="store what was measured, and write the page again")
    options = parser.parse_args(arguments)
    short = soak(FEW)
    print(line_of(short), flush=True)
    long = soak(options.exchanges)
    print(line_of(long))
    missed = complaints(short, long)
    print(*missed, f"memory x {long.memory / short.memory:.2f}, rate x {long.rate / short.rate:.2f}", sep="\n")
    if options.store:
        STORED.write_text(json.dumps([asdict(short), asdict(long)], indent=1) + "\n")
        write()
    return len(missed)


def complaints(short: Soak, long: Soak) -> list[str]:
    """Return what is wrong with the long run, measured by the short one."""
    missed = []
    if long.memory > MOST_MEMORY * short.memory:
        missed.append("memory grows with the number of exchanges")
    if long.rate < LEAST_RATE * short.rate:
        missed.append("the rate falls with the number of exchanges")
    for run in (short, long):
        if run.status not in USUAL_ENDS:
            missed.append(f"a run of {run.exchanges:,} ended with status {run.status}")
        missed += [f"a run of {run.exchanges:,} left no {name}" for name, size in run.files.items() if not size]
    return missed


def line_of(run: Soak) -> str:
    """Return a run in one line."""
    tenths = " ".join(f"{rate:.0f}" for rate in run.rates)
    return (
        f"{run.exchanges:,} exchanges: status {run.status}, {run.seconds:.0f} s, {run.processor:.0f} s of the"
        f" processor, {run.memory / 1e6:.0f} MB ({run.while_sending / 1e6:.0f} MB while sending),"
        f" {run.rate:.0f} a second, by tenths: {tenths}; " + ", ".join(f"{n} {s:,} B" for n, s in run.files.items())
    )


def soak(exchanges: int) -> Soak:
    """Explore the reference until that many exchanges are made."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=_serve, args=(theirs,), daemon=True)
    server.start()
    try:
        return _explore(ours.recv(), ours, exchanges)
    finally:
        server.terminate()
        server.join()


def _explore(url: str, server: Connection, exchanges: int) -> Soak:
    with tempfile.TemporaryDirectory() as folder:
        options = [f"--base-url={url}", f"--results={folder}", "--budget=quick", "--explore=100000", "-q"]
        command = [sys.executable, "-m", "conformance", "run", *options, f"--max-requests={exchanges}"]
        environment = {name: value for name, value in os.environ.items() if name != KEY_VARIABLE}
        start = time.monotonic()
        run = psutil.Popen(command, cwd=SUITE, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        looks = []
        while run.poll() is None:
            server.send(None)
            looks.append(_look(run, server.recv()))
            time.sleep(PAUSE)
        seen = [look for look in looks if look is not None]
        names = (RECORD_FILE, REPORT_FILE, "results.json", "junit.xml")
        places = {name: Path(folder, name) for name in names}
        sending = [look for look in seen if look.exchanges < exchanges]
        return Soak(
            exchanges=seen[-1].exchanges,
            status=run.returncode,
            seconds=time.monotonic() - start,
            processor=seen[-1].processor,
            memory=max(look.memory for look in seen),
            while_sending=max(look.memory for look in sending),
            rate=_rates(sending, 1)[0],
            rates=tuple(_rates(sending, 10)),
            files={name: place.stat().st_size if place.exists() else 0 for name, place in places.items()},
        )


def _look(run: Any, exchanges: int) -> Look | None:
    try:
        with run.oneshot():
            times, memory = run.cpu_times(), run.memory_info()
    except psutil.Error:  # it has ended meanwhile
        return None
    return Look(exchanges, times.user + times.system, memory.rss)


def _rates(looks: Sequence[Look], parts: int) -> list[float]:
    """Return the exchanges per second of the processor in each of some parts of what comes after the start."""
    later = [look for look in looks if look.exchanges >= FEW // 2]
    first, last = later[0].exchanges, later[-1].exchanges
    ends = [first + (last - first) * part // parts for part in range(parts + 1)]
    marks = [next(look for look in later if look.exchanges >= end) for end in ends]
    spans = [(a, b) for a, b in pairwise(marks) if b.processor > a.processor]
    return [(b.exchanges - a.exchanges) / (b.processor - a.processor) for a, b in spans]


def _serve(asked: Connection) -> None:
    """Turn this process into the reference, which says how many requests it has got whenever it is asked."""
    server = build()
    behaviour = server.world.behaviour
    serve = behaviour.serve
    numbers: list[None] = []

    def counted(call: Call) -> Response:
        numbers.append(None)
        return serve(call)

    behaviour.serve = counted
    server.start()
    asked.send(server.url)
    while True:
        asked.recv()
        asked.send(len(numbers))


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
