"""Honest certificates: each run of a known server is certified, and its certificate says what the run found.

`python -m benchmarks.honest_certificates [NAME…] [--sample N] [--variants N] [--to FILE]` runs the suite against the
reference with seeded defects and with conforming variants, certifies each run, and verifies the certificate. A defect
must be genuine and not conforming (status 23), a variant genuine and conforming (status 0). A run that is inconclusive
is not certified, and a product that lacks an endpoint to which a clause applies is not shown to conform. With `--to`,
each result is kept in a file as it comes, and what stands there is not run again; with `--store` that is the file from
which docs/certification.md takes them.
"""

from __future__ import annotations

import argparse
import datetime
import json
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from securesystemslib.signer import CryptoSigner

from benchmarks.detection import DEFECTS, MEASURED, VARIANTS, argued, job_for, variant_job
from benchmarks.suite import Job, Result, run_all
from conformance.commands.certificate.checking import Demands, check
from conformance.commands.certificate.making import CannotCertify, certify
from conformance.commands.certificate.rerunning import CannotPlan, Plan, PlanOptions, plan_again
from conformance.commands.certificate.statements import Product
from conformance.verdict.record import RECORD_FILE, BrokenRecord, Record
from conformance.verdict.run import ExitStatus

STORED = MEASURED / "honest-certificates.jsonl"
"""The results that docs/certification.md shows."""
SEED = 1
"""The seed of every run, so that most of them share one plan."""
REFUSED: Mapping[str, str] = {
    "clock-years-ahead": "days off the times of the run",
    "clock-years-behind": "days off the times of the run",
    "given-cards-and-bank-debits": "state.race",  # the plan is drawn with given cards alone
    "ten-methods-at-most": "not planned",  # which customer is full, and when, is not known to the plan
    "slow": "the budget was quick",
}
"""Conforming variants that cannot be certified, each with what `certify` says of it."""


@dataclass(frozen=True)
class Case:
    """A server whose certificate must be genuine, the run of the suite against it, and what the certificate must say.

    `may_conform` is true for a defect that shows only now and then, or is known to be missed: its certificate must say
    what the run found. `refused` is what `certify` must say where no certificate can be made.
    """

    job: Job
    conforms: bool
    may_conform: bool = False
    refused: str = ""

    @property
    def name(self) -> str:
        """Return the name of the defect or variant."""
        return self.job.name

    def wanted(self, run_status: int, outcomes: Mapping[str, str]) -> ExitStatus:
        """Return the status that `verify` must end with, after a run that ended with `run_status` and these outcomes.

        A clause that does not apply to a product, since it lacks an endpoint, is not shown to hold; nor is one for
        which there were too few ids.
        """
        is_whole = "not-applicable" not in outcomes.values()
        is_shown = (self.conforms and is_whole) or self.may_conform
        is_conforming = is_shown and run_status == ExitStatus.CONFORMS
        return ExitStatus.CONFORMS if is_conforming else ExitStatus.NOT_CONFORMING


def case_of_defect(name: str) -> Case:
    """Return the case of a seeded defect, at the smallest profile that finds it; a SHOULD is judged at its level."""
    defect = DEFECTS[name]
    job = job_for(defect)
    arguments = (*job.arguments, f"--profile={defect.profile}")
    level = "should" if defect.level == "SHOULD" else "must"
    job = replace(job, arguments=(*arguments, f"--level={level}"))
    return Case(job, conforms=False, may_conform=defect.intermittent or name in argued())


def case_of_deviation(name: str) -> Case:
    """Return the case of a seeded defect that breaks a SHOULD, judged at the level at which that is no failure."""
    defect = DEFECTS[name]
    job = job_for(defect)
    arguments = (*job.arguments, f"--profile={defect.profile}", "--level=must")
    return Case(replace(job, arguments=arguments), conforms=True)


def case_of_variant(name: str) -> Case:
    """Return the case of a conforming variant, at the largest profile to which it conforms."""
    variant = VARIANTS[name]
    return Case(variant_job(variant, variant.profiles[-1]), conforms=True, refused=REFUSED.get(name, ""))


class Plans:
    """The plans that were drawn, each once for all certificates that rest on it."""

    def __init__(self) -> None:
        self._drawn: dict[PlanOptions, Plan] = {}

    def __call__(self, options: PlanOptions) -> Plan:
        """Return the plan for these options. Raises CannotPlan."""
        if options not in self._drawn:
            self._drawn[options] = plan_again(options)
        return self._drawn[options]


@dataclass(frozen=True)
class Row:
    """The result for one case: the statuses of the run and of `verify`, and the complaint, empty if all is well."""

    name: str
    run_status: int
    status: int
    complaint: str = ""


def check_case(case: Case, result: Result, folder: Path, plans: Plans) -> Row:
    """Certify what a run recorded, verify the certificate, and return what came of it."""
    signer = CryptoSigner.generate_ecdsa()
    try:
        record = Record.read(folder / RECORD_FILE)
        files, _ = certify(record, Product("mock", "1"), signer, plan=plans)
        checked = check(files, Demands(signer.public_key, datetime.datetime.now(datetime.UTC)), plans)
    except CannotCertify as error:
        is_right = result.status == ExitStatus.INCONCLUSIVE or (case.refused and case.refused in str(error))
        complaint = "" if is_right else "; ".join(f"not certified: {error}".splitlines()[:3])
        return Row(case.name, result.status, ExitStatus.WRONG_USAGE, complaint)
    except (OSError, BrokenRecord, CannotPlan) as error:
        complaint = f"not certified: {error}"
        return Row(case.name, result.status, ExitStatus.WRONG_USAGE, complaint)
    wanted = case.wanted(result.status, record.outcomes)
    if case.refused:
        complaint = f"certified, and it was to be refused for: {case.refused}"
    elif not checked.is_genuine:
        complaint = f"not genuine: {checked.objections[0]}"
    elif checked.exit_status is not wanted:
        complaint = f"verify ended with {checked.exit_status}, not {wanted}"
    else:
        complaint = ""
    return Row(case.name, result.status, checked.exit_status, complaint)


def check_cases(cases: Sequence[Case], processes: int = 1) -> Iterator[Row]:
    """Run, certify and verify each case, and yield its row as soon as it is there."""
    plans = Plans()
    with tempfile.TemporaryDirectory() as folder:
        folders = [Path(folder, str(number)) for number in range(len(cases))]
        jobs = [_job_in(case, at) for case, at in zip(cases, folders, strict=True)]
        for case, at, result in zip(cases, folders, run_all(jobs, processes), strict=True):
            yield check_case(case, result, at, plans)


def _job_in(case: Case, folder: Path) -> Job:
    return replace(case.job, arguments=(*case.job.arguments, f"--seed={SEED}", f"--results={folder}"))


def choose(names: Sequence[str], sample: int | None, variants: int | None, seed: int) -> list[Case]:
    """Return the cases of these names, or else a random sample of the defects and of the variants."""
    if names:
        return [case_of_defect(name) if name in DEFECTS else case_of_variant(name) for name in names]
    of_defects = _drawn(list(DEFECTS), sample, seed)
    of_variants = _drawn(list(VARIANTS), variants, seed)
    return [*map(case_of_variant, of_variants), *map(case_of_defect, of_defects)]


def _drawn(names: list[str], count: int | None, seed: int) -> list[str]:
    """Return `count` of the names in an order drawn at random, which is the same for any count; all for None."""
    random.Random(seed).shuffle(names)
    return names[:count]


def main(arguments: Sequence[str]) -> int:
    """Check the cases that the arguments ask for, print a line for each, and return how many are wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.honest_certificates", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these defects and variants")
    parser.add_argument("--sample", type=int, metavar="N", help="only this many defects, drawn at random")
    parser.add_argument("--variants", type=int, metavar="N", help="only this many variants, drawn at random")
    parser.add_argument("--draw", type=int, default=1, metavar="SEED", help="the seed of the random sample")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="how many runs at a time")
    parser.add_argument("--to", type=Path, metavar="FILE", help="keep each result there; do not run what is there")
    parser.add_argument("--store", action="store_const", dest="to", const=STORED, help="keep them for the page")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.names) - set(DEFECTS) - set(VARIANTS)):
        parser.error(f"there is no such defect or variant: {', '.join(unknown)}")
    kept = {row.name: row for row in read_rows(options.to)}
    cases = choose(options.names, options.sample, options.variants, options.draw)
    rows = [kept[case.name] for case in cases if case.name in kept]
    for row in check_cases([case for case in cases if case.name not in kept], options.processes):
        rows.append(row)
        print(f"{row.name:45} run {row.run_status:2}  verify {row.status:2}  {row.complaint or 'ok'}", flush=True)
        if options.to:
            with options.to.open("a", encoding="utf-8") as file:
                file.write(json.dumps(vars(row)) + "\n")
    wrong = [row for row in rows if row.complaint]
    print(f"{len(rows) - len(wrong)} of {len(rows)} certificates are genuine, and say what is the case")
    return len(wrong)


def read_rows(path: Path | None) -> list[Row]:
    """Return the results that are kept in a file; none where there is no such file."""
    if path is None or not path.exists():
        return []
    return [Row(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
