"""Forgeries: bundles of products that do not conform, signed with the right key; none may be said to conform.

`python -m benchmarks.forgeries [NAME…] [--records DIR]` runs the suite against the reference with seeded defects, tells
each lie about each of them, and verifies the bundle. It ends with status 1 if one is accepted. With `--records`, the
records of the runs are kept in a folder, and those that are there are not made again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.forging import PRODUCT, SIGNER, claim_of, honest, statements_of, valid_for
from benchmarks.honest_certificates import Plans
from benchmarks.lies import Lie
from benchmarks.lies_of_runs import ALL_OF_RECORDS as LIES
from benchmarks.lies_of_statements import STATEMENT_LIES
from benchmarks.suite import Job, run_all
from conformance.commands.certificate.bundle import make_bundle
from conformance.commands.certificate.checking import Checked, Demands, check
from conformance.commands.certificate.files import Files
from conformance.commands.certificate.rerunning import CannotPlan, Plan, PlanOptions
from conformance.verdict.record import RECORD_FILE, BrokenRecord, Record

ALL_LIES: Mapping[str, Lie] = {**LIES, **STATEMENT_LIES}

BASES = {
    "nested": Job("nested", "unknown-nested-ignored", arguments=("--profile=contract",)),
    "type of an error": Job("type of an error", "error-type-of-missing-customer"),
    "crash": Job("crash", "nul-crashes"),
    "drop": Job("drop", "control-characters-drop"),
    "now and then": Job("now and then", "every-sixteenth-is-accepted"),
    "lost now and then": Job("lost now and then", "every-fiftieth-drops"),
    "change": Job("change", "unknown-parameter-refused-too-late", variants=("other-methods-are-405",)),
    "key": Job("key", "key-in-header"),
    "encoding": Job("encoding", "customer-shown-as-encoded"),
    "expand": Job("expand", "expand-index-ignored"),
    "response": Job("response", "livemode-true"),
}
"""Runs of products that do not conform, in different chapters; one deviates from a SHOULD in addition."""
SEED = "--seed=1"

REFUSED, GENUINE, ACCEPTED = "refused", "genuine: does not conform", "ACCEPTED"
ADMITTED = "not verified: as for the first product"
SIGNED_FOR = timedelta(hours=1)


@dataclass(frozen=True)
class Row:
    """A forgery and what `verify` says of it, with the codes of the objections."""

    lie: str
    base: str
    said: str
    code: str = ""


def make_records(folder: Path, names: Sequence[str]) -> dict[str, Record]:
    """Return the record of each base, of a run whose folder is kept; runs that are there are not made again."""
    jobs = []
    for name in names:
        if not (folder / name / RECORD_FILE).exists():
            job = BASES[name]
            jobs.append(replace(job, arguments=(*job.arguments, SEED, f"--results={folder / name}")))
    list(run_all(jobs, 1))
    return {name: Record.read(folder / name / RECORD_FILE) for name in names}


def verify(files: Files, record: Record, plan: Callable[[PlanOptions], Plan]) -> Checked:
    """Check a bundle with the right key, an hour after it was signed."""
    at = min(valid_for(record).begins + SIGNED_FOR, datetime.now(UTC) + timedelta(days=1))
    return check(files, Demands(SIGNER.public_key, at), plan)


def forge(told: Lie, record: Record) -> tuple[Files, bool]:
    """Return the bundle in which a lie is told, everything else made consistent, and whether its record flatters.

    A record flatters when it is judged to conform. Where it cannot be judged at all, the statements are those of the
    record before. Raises LookupError where there is nothing to lie about.
    """
    made = told(record)
    if not isinstance(made, Record):
        return made, True
    try:
        return honest(made), claim_of(made).evidence.conforms
    except (BrokenRecord, LookupError, TypeError, ValueError):
        target = {"product": PRODUCT.to_json()}
        return make_bundle(made.content, target, statements_of(record), SIGNER), True


def rows(
    records: Mapping[str, Record],
    lies: Mapping[str, Lie],
    plan: Callable[[PlanOptions], Plan],
    *,
    is_thorough: bool = False,
) -> Iterator[Row]:
    """Yield what `verify` says of each lie about each record that it can be told about.

    `verify` judges a record as the forger did. So one that does not flatter its product cannot be said to conform, and
    unless `is_thorough` it is verified for the first product alone. So are statements that are made up.
    """
    for name, told in lies.items():
        is_first = True
        for base, record in records.items():
            try:
                files, is_flattering = forge(told, record)
            except LookupError:
                continue
            is_due = is_flattering and name not in STATEMENT_LIES
            if is_first or is_due or is_thorough:
                yield _row(name, base, files, record, plan)
            else:
                yield Row(name, base, ADMITTED)
            is_first = False


def _row(name: str, base: str, files: Files, record: Record, plan: Callable[[PlanOptions], Plan]) -> Row:
    try:
        checked = verify(files, record, plan)
    except CannotPlan:
        return Row(name, base, REFUSED, "cannot be planned")
    if checked.conforms:
        return Row(name, base, ACCEPTED)
    if checked.is_genuine:
        return Row(name, base, GENUINE)
    return Row(name, base, REFUSED, " ".join(sorted({objection.code for objection in checked.objections})))


def main(arguments: Sequence[str]) -> int:
    """Tell every lie about every base, print a table, and return how many forgeries were accepted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forgeries", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these lies")
    parser.add_argument("--base", action="append", choices=tuple(BASES), help="only this product; repeatable")
    parser.add_argument("--records", type=Path, metavar="DIR", help="keep the records of the runs there")
    parser.add_argument("--thorough", action="store_true", help="verify what cannot be accepted, too")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.names) - set(ALL_LIES)):
        parser.error(f"there is no such lie: {', '.join(unknown)}")
    lies = {name: ALL_LIES[name] for name in options.names or ALL_LIES}
    with tempfile.TemporaryDirectory() as folder:
        records = make_records(options.records or Path(folder), options.base or list(BASES))
        found = []
        for row in rows(records, lies, Plans(), is_thorough=options.thorough):
            found.append(row)
            print(f"{row.lie:60} {row.base:20} {row.said} {row.code}", flush=True)
    accepted = [row for row in found if row.said == ACCEPTED]
    told = {row.lie for row in found}
    untold = sorted(set(lies) - told)
    print()
    print(*(f"{count:5} {said}" for said, count in Counter(row.said for row in found).items()), sep="\n")
    print(f"{len(told)} forgeries of {len(records)} products in {len(found)} bundles, {len(accepted)} accepted")
    print(*(f"nothing to forge: {name}" for name in untold), sep="\n")
    return len(accepted) + (0 if options.base else len(untold))


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
