"""Run this suite and Schemathesis's own runner against the same servers, and compare findings and false alarms.

`python -m benchmarks.schemathesis_runner [--defects N | --all] [--to FILE.json]` runs `schemathesis run` with our
contract document, a key, ids that exist, arrays written as this API reads them, and a fixed seed, against seeded
defects and conforming variants; and the suite against the same. Schemathesis has found a defect if it reports any
failure that it does not report for the conforming reference; the suite has found it only under the defect's clause.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from benchmarks import schemathesis_given as given
from benchmarks.detection import (
    DEFECTS,
    MEASURED,
    VARIANTS,
    complaint,
    false_alarms,
    job_for,
    representative,
    variant_job,
)
from benchmarks.suite import run_all
from conformance.paths import SUITE
from contracts.catalogue import PROFILES
from reference import running
from reference.call import Call
from reference.defects import Defect
from reference.variants import Variant
from reference.wire.values import Response

STORED = MEASURED / "schemathesis.json"
CONTRACT = SUITE / "contracts" / "attach.openapi.yaml"
HOOKS = "benchmarks.schemathesis_hooks"
KEY = "sk_test_benchmark0123456789abcdef"
SEED = 1
EVERY_VARIANT = 3
"""By default every third variant is run, to halve the time."""
AT_ONCE = os.cpu_count() or 1
PATIENCE = 300.0
"""The time limit of one run, in seconds."""

Measurement = Mapping[str, Any]


@dataclass(frozen=True)
class Server:
    """The reference with a defect, with a variant, or as it is."""

    defect: Defect | None = None
    variant: Variant | None = None


@dataclass(frozen=True)
class Ran:
    """A run of `schemathesis run`: the titles of its failures, its requests and seconds."""

    failures: tuple[str, ...]
    requests: int
    seconds: float


def run_schemathesis(server: Server) -> Ran:
    """Run Schemathesis against a new server. Raises RuntimeError if it writes no report."""
    variants = (server.variant.name,) if server.variant else ()
    name, stateless = (server.defect.name, server.defect.stateless) if server.defect else (None, False)
    with running(name, variants, stateless, api_key=KEY) as started, tempfile.TemporaryDirectory() as folder:
        customer = _customer(started.url, server.variant)
        count = _counted(started.world.behaviour)
        path = Path(folder, "report.json")
        command = ["-m", "schemathesis.cli", "run", str(CONTRACT), "--url", started.url, "--seed", str(SEED)]
        command += ["--header", f"Authorization: Bearer {KEY}", "--continue-on-failure", "--no-color"]
        command += ["--report", "json", "--report-json-path", str(path), "--generation-database", "none"]
        environment = {
            "SCHEMATHESIS_HOOKS": HOOKS,
            "PYTHONPATH": str(SUITE),
            given.URL: started.url,
            given.KEY: KEY,
            given.CUSTOMER: customer,
        }
        if server.variant and server.variant.payment_methods:
            environment[given.PAYMENT_METHOD] = server.variant.payment_methods[0]
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, *command],
            cwd=folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        seconds = time.monotonic() - begun
        if not path.exists():
            raise RuntimeError(f"{server}: no report: {(done.stdout + done.stderr)[-500:]}")
        report = json.loads(path.read_text(encoding="utf-8"))
        titles = [failure["title"] for failure in report["failures"]]
        titles += [f"error: {error.get('title') or error.get('type')}" for error in report["errors"]]
        return Ran(tuple(sorted(set(titles))), count(), round(seconds, 2))


def _customer(url: str, variant: Variant | None) -> str:
    if variant and variant.customers:
        return variant.customers[0]
    headers = {"Authorization": f"Bearer {KEY}"}
    with contextlib.suppress(requests.RequestException, KeyError, ValueError):
        return str(requests.post(f"{url}/v1/customers", headers=headers, timeout=10).json()["id"])
    return "cus_benchmark"


def _counted(behaviour: Any) -> Any:
    """Have the server count its requests; return a function that returns their number so far."""
    seen: list[None] = []
    usual = behaviour.serve

    def serve(call: Call) -> Response:
        seen.append(None)
        response: Response = usual(call)
        return response

    behaviour.serve = serve
    return lambda: len(seen)


def chosen(count: int | None, *, everything: bool) -> tuple[list[Defect], list[Variant]]:
    """Return the defects and variants to run: all, `count` evenly chosen ones, or a representative part."""
    if everything:
        return list(DEFECTS.values()), list(VARIANTS.values())
    defects = list(representative())
    if count is not None:
        defects = defects[:: max(1, len(defects) // count)][:count]
    variants = [variant for variant in VARIANTS.values() if variant.name != "slow"]
    return defects, variants[::EVERY_VARIANT][: len(defects)]


def measure(defects: Sequence[Defect], variants: Sequence[Variant]) -> Measurement:
    """Run both runners against all of them, and return the measurement."""
    servers = [Server(), *(Server(defect=one) for one in defects), *(Server(variant=one) for one in variants)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        reference, *theirs = pool.map(run_schemathesis, servers)
    jobs = [*map(job_for, defects), *(variant_job(one, one.profiles[-1]) for one in variants)]
    ours = list(run_all(jobs, AT_ONCE))
    usual = set(reference.failures)
    measured_defects = [
        {
            "defect": defect.name,
            "profile": defect.profile,
            "schemathesis": _as_json(ran, found=bool(set(ran.failures) - usual)),
            "suite": {"found": not complaint(defect, result), **_numbers(result.results)},
        }
        for defect, ran, result in zip(defects, theirs, ours, strict=False)
    ]
    measured_variants = [
        {
            "variant": variant.name,
            "profile": variant.profiles[-1],
            "schemathesis": _as_json(ran, alarm=bool(set(ran.failures) - usual)),
            "suite": {"alarm": bool(false_alarms(variant, result)), **_numbers(result.results)},
        }
        for variant, ran, result in zip(variants, theirs[len(defects) :], ours[len(defects) :], strict=True)
    ]
    return {
        "version": importlib.metadata.version("schemathesis"),
        "seed": SEED,
        "reference": _as_json(reference),
        "defects": measured_defects,
        "variants": measured_variants,
    }


def _as_json(ran: Ran, **verdict: bool) -> dict[str, Any]:
    return {**verdict, "failures": list(ran.failures), "requests": ran.requests, "seconds": ran.seconds}


def _numbers(results: Mapping[str, Any]) -> dict[str, Any]:
    return {"requests": results["requests"], "seconds": round(results["seconds"], 2)}


def table(measurement: Measurement) -> str:
    """Return the measurement of both runners as Markdown."""
    defects, variants = measurement["defects"], measurement["variants"]
    lines = ["| | this suite | `schemathesis run` |", "|---|---|---|"]
    for profile in PROFILES:
        rows = [row for row in defects if row["profile"] == profile]
        if rows:
            lines.append(_line(f"defects found, {profile}", rows, lambda row: row["found"]))
    lines.append(_line("defects found", defects, lambda row: row["found"]))
    lines.append(_line("conforming servers with a false alarm", variants, lambda row: row["alarm"]))
    for name, unit in (("requests", "requests"), ("seconds", "seconds")):
        numbers = [statistics.median(row[who][name] for row in (*defects, *variants)) for who in RUNNERS]
        lines.append(f"| {unit} for one server, half of them at most | {numbers[0]:.4g} | {numbers[1]:.4g} |")
    usual = measurement["reference"]["failures"]
    alarms = sorted(
        {title for row in variants if row["schemathesis"]["alarm"] for title in row["schemathesis"]["failures"]}
    )
    said = (
        f"Schemathesis {measurement['version']} has our contract document, a key, ids that exist, a path that can be "
    )
    said += (
        "expanded, arrays written as this API reads them, and a fixed seed. A defect counts as found by it where it "
    )
    said += "reports any failure that it does not report for the conforming reference"
    said += f" (there: {', '.join(usual)})" if usual else " (there it reports none)"
    said += "; by this suite, only where it names the clause that is broken, and no other."
    others = f" What Schemathesis says of servers that conform: {', '.join(alarms)}." if alarms else ""
    others += " Its requests are those that create a payment method for each attach, too."
    command = f"Measured by `python -m benchmarks.schemathesis_runner{_options(len(defects))}`."
    return "\n".join([*lines, "", f"{said}{others} {command}"])


RUNNERS = ("suite", "schemathesis")


def _options(count: int) -> str:
    """Return the options with which `count` defects were measured."""
    if count == len(DEFECTS):
        return " --all"
    return "" if count == len(representative()) else f" --defects {count}"


def _line(name: str, rows: Sequence[Mapping[str, Any]], holds: Any) -> str:
    counts = [sum(map(bool, map(holds, (row[who] for row in rows)))) for who in RUNNERS]
    return f"| {name} | {counts[0]} of {len(rows)} | {counts[1]} of {len(rows)} |"


def main(arguments: Sequence[str]) -> int:
    """Measure, print the table, and write what was measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.schemathesis_runner", description=__doc__)
    parser.add_argument("--defects", type=int, metavar="N", help="only N of them (default: a representative part)")
    parser.add_argument("--all", action="store_true", help="every defect and every variant")
    parser.add_argument("--to", type=Path, default=STORED, metavar="FILE", help="(default: %(default)s)")
    options = parser.parse_args(arguments)
    defects, variants = chosen(options.defects, everything=options.all)
    begun = time.monotonic()
    measured = measure(defects, variants)
    options.to.parent.mkdir(parents=True, exist_ok=True)
    options.to.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    print(table(measured))
    print(f"{len(defects)} defects and {len(variants)} variants in {time.monotonic() - begun:.0f} s: {options.to}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
