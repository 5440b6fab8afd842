"""Check that the suite reports nothing on any conforming variant, with any seed.

`python -m benchmarks.silence [VARIANT…] [--seeds N] [--store]` runs every variant with the seeds 1 to N. With `--wide`
those that do not conform to the profile `stripe` are run with it: nothing of their own profiles may be reported then.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from benchmarks.detection import MEASURED, VARIANTS, false_alarms, variant_job
from benchmarks.suite import Job, Result, run_all
from reference.variants import Variant
from reference.variants.registry import STRIPE

SEEDS = 20

STORED = MEASURED / "silence.json"


def jobs_for(variants: Sequence[Variant], seeds: int, explore: float | None = None) -> Iterator[tuple[Variant, Job]]:
    """Return each variant with each seed, at the widest profile that it conforms to, which includes the others.

    With `explore` each run explores for that many minutes.
    """
    more = () if explore is None else (f"--explore={explore:g}",)
    for seed in range(1, seeds + 1):
        for variant in variants:
            job = variant_job(variant, variant.profiles[-1])
            yield variant, replace(job, arguments=(*job.arguments, *more, f"--seed={seed}"))


def wide_jobs(variants: Sequence[Variant], seeds: int) -> Iterator[tuple[Variant, Job]]:
    """Return each variant of a narrower profile with each seed, at the profile `stripe`, which is the default."""
    for seed in range(1, seeds + 1):
        for variant in variants:
            if variant.profiles[-1] != STRIPE[-1]:
                job = variant_job(variant, STRIPE[-1])
                yield variant, replace(job, arguments=(*job.arguments, f"--seed={seed}"))


def noise(variant: Variant, result: Result) -> str:
    """Return the false alarm on a conforming variant, or an empty text; only clauses of its profiles count.

    A run that cannot say that it conforms is one, too, unless payment methods were given, which may be too few.
    """
    if not result.results:
        return f"{variant.name}: no results, exit status {result.status}: {result.output[-300:]}"
    if diagnosis := result.results.get("diagnosis"):
        return f"{variant.name}: {diagnosis}"
    profiles = {slug: clause["profile"] for slug, clause in result.results["clauses"].items()}
    found = false_alarms(variant, result)
    alarms = {slug: reason for slug, reason in found.items() if profiles[slug] in variant.profiles}
    if alarms:
        return f"{variant.name} ({variant.description}): {alarms}"
    widest = variant.profiles[-1]
    is_open = result.results["verdicts"][widest] != "conforms" and not variant.payment_methods
    return f"{variant.name}: {widest} {result.results['words'][widest]}" if is_open else ""


def _beside(stored: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is stored of all variants with what was measured of some of them."""
    measured = {*stored["variants"], *new["variants"]}
    names = [name for name in VARIANTS if name in measured]
    alarms = stored["alarms"] + new["alarms"]
    return {**stored, "variants": names, "runs": len(names) * stored["seeds"], "alarms": alarms}


def main(arguments: Sequence[str]) -> int:
    """Run the variants that the arguments name, print each false alarm, and return their number."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.silence", description=__doc__)
    parser.add_argument("variants", nargs="*", metavar="VARIANT", help="only these (default: all)")
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="N", help="seeds 1 to N (default: %(default)s)")
    parser.add_argument("--explore", type=float, metavar="MINUTES", help="explore each for that long")
    parser.add_argument("--wide", action="store_true", help="those of narrower profiles, at the profile stripe")
    parser.add_argument("--store", action="store_true", help="keep what was measured for docs/detection.md")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.variants) - set(VARIANTS)):
        parser.error(f"no such variant: {', '.join(unknown)}; there are {', '.join(VARIANTS)}")
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    if options.store and options.variants and options.seeds != stored["seeds"]:
        parser.error(f"the other variants were measured with --seeds {stored['seeds']}: say the same")
    chosen = [variant for variant in VARIANTS.values() if not options.variants or variant.name in options.variants]
    wide, usual = wide_jobs(chosen, options.seeds), jobs_for(chosen, options.seeds, options.explore)
    planned = list(wide if options.wide else usual)
    alarms = 0
    for (variant, job), result in zip(planned, run_all(job for _, job in planned), strict=True):
        if said := noise(variant, result):
            alarms += 1
            print(job.arguments[-1], said, flush=True)
    if options.store and not options.wide:
        names = [one.name for one in chosen]
        numbers = {"variants": names, "seeds": options.seeds, "runs": len(planned), "alarms": alarms}
        kept = _beside(stored, numbers) if options.variants else numbers
        STORED.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    print(f"{len(chosen)} variants, {options.seeds} seeds, {len(planned)} runs: {alarms} with a false alarm")
    return alarms


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
