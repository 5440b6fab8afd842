"""Forgeries: bundles of products that do not conform, signed with the right key; none may be said to conform.

`python -m benchmarks.forgeries [NAME…] [--records DIR] [--to FILE]` runs the suite against the reference with seeded
defects, tells each lie about each of them, and verifies the bundle. It ends with status 1 if one is accepted, or if a
trick is overlooked. With `--records`, the records of the runs are kept in a folder, and with `--to` the results in a
file; what is there is not made again. `--store` keeps the results where docs/certification.md takes them from.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.detection import MEASURED
from benchmarks.forging import PRODUCT, SIGNER, claim_of, honest, statements_of, valid_for
from benchmarks.honest_certificates import Plans
from benchmarks.lies import ALL_LIES, BY_SUBJECT, JUDGED, TRICKS
from benchmarks.lies.registry import Lie
from benchmarks.suite import Job, run_all
from conformance.commands.certificate.bundle import make_bundle
from conformance.commands.certificate.checking import Checked, Demands, check
from conformance.commands.certificate.files import Files, UnsafeBundle, read_zip
from conformance.commands.certificate.objections import Objection
from conformance.commands.certificate.rerunning import CannotPlan, Plan, PlanOptions
from conformance.verdict.record import RECORD_FILE, BrokenRecord, Record

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

REFUSED, GENUINE, ACCEPTED, OVERLOOKED = "refused", "genuine: does not conform", "ACCEPTED", "OVERLOOKED"
ADMITTED = "not verified: as for the first product"
SIGNED_FOR = timedelta(hours=1)
STORED = MEASURED / "forgeries.jsonl"
"""The results that docs/certification.md shows."""


@dataclass(frozen=True)
class Row:
    """A forgery and what `verify` says of it, with the codes of the objections."""

    lie: str
    base: str
    said: str
    code: str = ""

    @property
    def is_wrong(self) -> bool:
        """Return whether the lie is believed, or a bundle that `certify` does not make was passed."""
        return self.said in (ACCEPTED, OVERLOOKED)


def make_records(folder: Path, names: Sequence[str]) -> dict[str, Record]:
    """Return the record of each base, of a run whose folder is kept; runs that are there are not made again."""
    jobs = []
    for name in names:
        if not (folder / name / RECORD_FILE).exists():
            job = BASES[name]
            jobs.append(replace(job, arguments=(*job.arguments, SEED, f"--results={folder / name}")))
    list(run_all(jobs, 1))
    return {name: Record.read(folder / name / RECORD_FILE) for name in names}


@dataclass(frozen=True)
class Forged:
    """A forged bundle, as files or as a zip file, and whether its record is judged to conform, which flatters."""

    bundle: Files | bytes
    is_flattering: bool


def forge(altered: Lie, record: Record) -> Forged:
    """Return the bundle that holds a lie, everything else made consistent.

    Where its record cannot be judged, the statements are those of the one before. Raises LookupError where there is
    nothing to lie about.
    """
    made = altered(record)
    if not isinstance(made, Record):
        return Forged(made, is_flattering=True)
    try:
        return Forged(honest(made), claim_of(made).evidence.conforms)
    except (BrokenRecord, LookupError, TypeError, ValueError):
        target = {"product": PRODUCT.to_json()}
        return Forged(make_bundle(made.content, target, statements_of(record), SIGNER), is_flattering=True)


def verify(bundle: Files | bytes, record: Record, plan: Callable[[PlanOptions], Plan]) -> Checked:
    """Check a bundle as `verify` does, with the right key, an hour after it was signed."""
    at = min(valid_for(record).begins + SIGNED_FOR, datetime.now(UTC) + timedelta(days=1))
    try:
        files = read_zip(io.BytesIO(bundle)) if isinstance(bundle, bytes) else bundle
    except UnsafeBundle as error:
        return Checked([Objection(error.code, str(error))])
    return check(files, Demands(SIGNER.public_key, at), plan)


def rows(
    records: Mapping[str, Record],
    lies: Mapping[str, Lie],
    plan: Callable[[PlanOptions], Plan],
    *,
    known: Collection[tuple[str, str]] = (),
    is_thorough: bool = False,
) -> Iterator[Row]:
    """Yield what `verify` says of each lie about each record that it fits, but for those that are `known`.

    `verify` judges a record as the forger did. So one that does not flatter its product cannot be said to conform, and
    unless `is_thorough` it is verified for the first product alone. So are lies beside the record.
    """
    judged = frozenset[str]().union(*(BY_SUBJECT[subject].by_name for subject in JUDGED))
    verified = {name for name, _ in known}
    for name, altered in lies.items():
        is_first = name not in verified
        for base, record in records.items():
            if (name, base) in known:
                continue
            try:
                forged = forge(altered, record)
            except LookupError:
                continue
            is_due = is_first or is_thorough or (forged.is_flattering and name in judged)
            is_first = False
            yield _row(name, base, forged, record, plan) if is_due else Row(name, base, ADMITTED)


def _row(name: str, base: str, forged: Forged, record: Record, plan: Callable[[PlanOptions], Plan]) -> Row:
    try:
        checked = verify(forged.bundle, record, plan)
    except CannotPlan:
        return Row(name, base, REFUSED, "cannot be planned")
    if checked.conforms:
        return Row(name, base, ACCEPTED)
    if checked.is_genuine:
        is_trick = any(name in BY_SUBJECT[subject].by_name for subject in TRICKS)
        return Row(name, base, OVERLOOKED if is_trick else GENUINE)
    return Row(name, base, REFUSED, " ".join(sorted({objection.code for objection in checked.objections})))


def main(arguments: Sequence[str]) -> int:
    """Tell every lie about every base, print a line for each, and return how many were believed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forgeries", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these lies")
    parser.add_argument("--base", action="append", choices=tuple(BASES), help="only this product; repeatable")
    parser.add_argument("--subject", action="append", choices=tuple(BY_SUBJECT), help="only lies about it; repeatable")
    parser.add_argument("--records", type=Path, metavar="DIR", help="keep the records of the runs there")
    parser.add_argument("--thorough", action="store_true", help="verify what cannot be accepted, too")
    parser.add_argument("--to", type=Path, metavar="FILE", help="keep each result there; do not make what is there")
    parser.add_argument(
        "--store", action="store_const", dest="to", const=STORED, help=f"the same as --to {STORED.name}"
    )
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.names) - set(ALL_LIES)):
        parser.error(f"there is no such lie: {', '.join(unknown)}")
    subjects = options.subject or list(BY_SUBJECT)
    lies = {name: lie for subject in subjects for name, lie in BY_SUBJECT[subject].by_name.items()}
    if options.names:
        lies = {name: ALL_LIES[name] for name in options.names}
    found = read_rows(options.to)
    known = {(row.lie, row.base) for row in found}
    with tempfile.TemporaryDirectory() as folder:
        records = make_records(options.records or Path(folder), options.base or list(BASES))
        for row in rows(records, lies, Plans(), known=known, is_thorough=options.thorough):
            found.append(row)
            print(f"{row.lie:60} {row.base:20} {row.said} {row.code}", flush=True)
            if options.to:
                with options.to.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(row)) + "\n")
    wrong = [row for row in found if row.is_wrong]
    altered = {row.lie for row in found}
    unused = sorted(set(lies) - altered)
    print()
    print(*(f"{count:5} {said}" for said, count in Counter(row.said for row in found).items()), sep="\n")
    print(f"{len(altered)} forgeries of {len(records)} products in {len(found)} bundles, {len(wrong)} believed")
    print(*(f"nothing to forge: {name}" for name in unused), sep="\n")
    return len(wrong) + (0 if options.base else len(unused))


def read_rows(path: Path | None) -> list[Row]:
    """Return the results that are kept in a file; none where there is no such file."""
    if path is None or not path.exists():
        return []
    return [Row(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
