"""The command `verify`: everything that can be found out about a bundle, in words and as an exit status."""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from conformance.commands.certificate.checking import Checked, Demands, KeyFiles, check
from conformance.commands.certificate.files import UnsafeBundle, read_files
from conformance.commands.certificate.keys import public_key
from conformance.commands.certificate.objections import Objection, gravest, in_short
from conformance.commands.certificate.rerunning import sample_target
from conformance.commands.certificate.statements import Claim, test_result
from conformance.evidence.counted import counted
from conformance.evidence.episode import Outcome
from conformance.evidence.foreign import one_line
from conformance.paths import program_here
from conformance.reports.words import first_of
from conformance.verdict.results import ClauseResult
from contracts.catalogue import PROFILES

SAMPLE = 20
MOST_NAMED = 10
"""How many clauses that did not pass are named, of those that fail and of those that were not judged."""


def describe(checked: Checked) -> Iterator[str]:
    """Yield the result of a check, line by line."""
    yield from (f"{kind.value}: {text}" for kind, text in in_short(checked.objections))
    if checked.claim is not None:
        yield from _describe_claim(checked.claim)
    yield from checked.notes
    refusal = gravest(checked.objections)
    if refusal is not None:
        yield f"refused: {refusal.value}"
    elif checked.conforms:
        yield "genuine: the product conforms"
    elif checked.shortfall:
        yield f"genuine: nothing fails, but the certificate shows no conformance, since {checked.shortfall}"
    else:
        yield "genuine: the certificate truthfully says that the product does not conform"


def _describe_claim(claim: Claim) -> Iterator[str]:
    evidence, product, validity = claim.evidence, claim.product, claim.validity
    settings, result = evidence.run.settings, test_result(evidence)
    image = f" ({product.image_digest})" if product.image_digest else ""
    yield ""
    yield f"product:  {product.name} {product.version}{image}"
    yield f"target:   {evidence.run.target}"
    yield f"profile:  {settings.profile}, level {settings.level}, budget {settings.budget}, seed {settings.seed}"
    yield f"run:      {evidence.run.started} to {evidence.ended}"
    yield f"valid:    {validity.begins:%Y-%m-%d} to {validity.ends:%Y-%m-%d}"
    yield f"result:   {result['result']}"
    if not evidence.conforms:
        yield from describe_failures(evidence.run.results, result["failedTests"])


def describe_failures(results: Mapping[str, ClauseResult], slugs: Sequence[str]) -> Iterator[str]:
    """Yield which of these clauses fail, do not apply, or were not judged: a certificate counts all as failed."""
    failing = [slug for slug in slugs if results[slug].outcome in (Outcome.FAIL, Outcome.ERROR, Outcome.DEVIATION)]
    without = [slug for slug in slugs if results[slug].outcome is Outcome.NOT_APPLICABLE]
    others = [slug for slug in slugs if slug not in (*failing, *without)]
    for head, named in (("failing: ", failing), ("not applicable:", without), ("not judged:", others)):
        if named:
            yield f"{head} {counted(len(named), 'clause')}: {first_of(named, MOST_NAMED)}"


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command `verify`."""
    command = commands.add_parser(
        "verify",
        help="check a certificate, without its signer and without its product",
        description="Check a certificate: its signature, its evidence and the plan of its run; with --against the "
        "product is asked, too.",
        epilog=f"example: {program_here()} verify certificate.zip --key key.pub.pem",
    )
    command.add_argument("bundle", type=Path, metavar="BUNDLE", help="a zip file, or a folder")
    command.add_argument("--key", required=True, type=Path, metavar="PEM", help="the public key of its signer")
    command.add_argument(
        "--at", type=_date, metavar="DATE", help="check the validity at this date, or this time in UTC (default: now)"
    )
    command.add_argument("--product", default="", metavar="NAME", help="the product that it must be of (default: any)")
    command.add_argument("--version", default="", metavar="VERSION", help="its version that it must be of")
    command.add_argument(
        "--profile", choices=PROFILES, default=PROFILES[0], help="the least profile that it must be for"
    )
    command.add_argument(
        "--level", choices=("must", "should"), default="must", help="the least level (default: %(default)s)"
    )
    command.add_argument("--nonce", type=int, metavar="N", help="the nonce that must have been the seed")
    command.add_argument(
        "--certifier", type=Path, metavar="PEM", help="the public key of the certifier that must have countersigned it"
    )
    command.add_argument("--against", metavar="URL", help="send a sample of the episodes to this target, and compare")
    command.add_argument(
        "--sample", type=_count, default=SAMPLE, metavar="N", help="how many of them (default: %(default)s)"
    )
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    demands = Demands(
        public_key(options.key),
        options.at or datetime.datetime.now(datetime.UTC),
        options.profile,
        options.level,
        options.nonce,
        public_key(options.certifier) if options.certifier else None,
        KeyFiles(str(options.key), str(options.certifier or "")),
        product=options.product,
        version=options.version,
    )
    try:
        checked = check(read_files(options.bundle), demands)
    except UnsafeBundle as error:
        checked = Checked([Objection(error.code, str(error))])
    if options.against and checked.claim is not None and checked.is_genuine:
        checked = _sample(checked, checked.claim, options)
    print(*map(one_line, describe(checked)), sep="\n")
    return checked.exit_status


def _sample(checked: Checked, claim: Claim, options: argparse.Namespace) -> Checked:
    names, objections = sample_target(claim.evidence, options.against, options.sample)
    tests = ", ".join(name or "tests that explore" for name in names)
    if not names:
        return replace(checked, objections=objections)
    count = len({trial.test for trial in claim.evidence.record.trials if trial.episodes})
    left = count - len(names)
    rest = f"; not asked again: {counted(left, 'other test')} (--sample asks for more)" if left else ""
    note = f"sampled:  {len(names)} of {counted(count, 'test')} again at {options.against}: {tests}{rest}"
    return replace(checked, objections=objections, notes=(*checked.notes, note))


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"invalid number {text!r}: use a whole number from 1 on")
    return int(text)


def _date(text: str) -> datetime.datetime:
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"invalid date {text!r}: write it as 2027-01-31") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
