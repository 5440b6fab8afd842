"""The command `verify`: everything that can be found out about a bundle, in words and as an exit status."""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.commands.certificate.asking import CannotAsk, against_target
from conformance.commands.certificate.checking import Checked, Demands, check, is_positive
from conformance.commands.certificate.files import UnreadableBundle, UnsafeBundle, read_files
from conformance.commands.certificate.keys import UnusableKey, public_key
from conformance.commands.certificate.objections import REASONS, Objection, gravest
from conformance.commands.certificate.planning import CannotPlan
from conformance.commands.certificate.statements import test_result
from conformance.verdict.run import ExitStatus
from contracts.catalogue import PROFILES

SAMPLE = 20
MOST_TOLD = 5
"""How many objections with one code are told one by one."""


def told(checked: Checked) -> Iterator[str]:
    """What came of a check, line by line."""
    by_code: dict[str, list[Objection]] = {}
    for objection in checked.objections:
        by_code.setdefault(objection.code, []).append(objection)
    for code, objections in by_code.items():
        yield from (f"{REASONS[code][0].value}: {objection}" for objection in objections[:MOST_TOLD])
        if len(objections) > MOST_TOLD:
            yield f"{REASONS[code][0].value}: {code}: and {len(objections) - MOST_TOLD} more"
    if checked.evidence is not None and checked.product is not None and checked.validity is not None:
        yield from _what_it_says(checked)
    yield from checked.notes
    kind = gravest(checked.objections)
    if kind is not None:
        yield f"refused: {kind.value}"
    elif checked.conforms:
        yield "genuine: the product conforms"
    else:
        yield "genuine: the certificate truthfully says that the product does not conform"


def _what_it_says(checked: Checked) -> Iterator[str]:
    evidence, product, validity = checked.evidence, checked.product, checked.validity
    assert evidence is not None
    assert product is not None
    assert validity is not None
    settings, result = evidence.run.settings, test_result(evidence)
    yield ""
    yield f"product:  {product.name} {product.version}{f' ({product.image_digest})' if product.image_digest else ''}"
    yield f"target:   {evidence.run.target}"
    yield f"profile:  {settings.profile}, level {settings.level}, budget {settings.budget}, seed {settings.seed}"
    yield f"run:      {evidence.run.started} to {evidence.ended}"
    yield f"valid:    {validity.begins:%Y-%m-%d} to {validity.ends:%Y-%m-%d}"
    yield f"result:   {result['result']}{'' if is_positive(evidence) else ': ' + ', '.join(result['failedTests'][:10])}"


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command `verify`."""
    command = commands.add_parser("verify", help="check a certificate, without asking its signer or its product")
    command.add_argument("bundle", type=Path, metavar="BUNDLE", help="a zip file, or a folder")
    command.add_argument("--key", required=True, type=Path, metavar="PEM", help="the public key of its signer")
    command.add_argument(
        "--at", type=_date, metavar="DATE", help="check the validity at this date, or this time in UTC (default: now)"
    )
    command.add_argument("--profile", choices=PROFILES, help="the least profile that it must be for")
    command.add_argument(
        "--level", choices=("must", "should"), default="must", help="the least level (default: %(default)s)"
    )
    command.add_argument("--nonce", type=int, metavar="N", help="the nonce that must have been the seed")
    command.add_argument(
        "--certifier", type=Path, metavar="PEM", help="the public key of who must have countersigned it"
    )
    command.add_argument("--against", metavar="URL", help="send a sample of the episodes to this target, and compare")
    command.add_argument(
        "--sample", type=_count, default=SAMPLE, metavar="N", help="how many of them (default: %(default)s)"
    )
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    try:
        key = public_key(options.key)
        certifier = public_key(options.certifier) if options.certifier else None
        at = options.at or datetime.datetime.now(datetime.UTC)
        demands = Demands(key, at, options.profile, options.level, options.nonce, certifier)
        try:
            checked = check(read_files(options.bundle), demands)
        except UnsafeBundle as error:
            checked = Checked([Objection(error.code, str(error))])
        if options.against and not checked.objections:
            checked = _asked(checked, options.against, options.sample)
    except (UnusableKey, UnreadableBundle, CannotPlan, pytest.UsageError) as error:
        print(error)
        return ExitStatus.WRONG_USAGE
    except CannotAsk as error:
        print(error)
        return ExitStatus.UNREACHABLE
    print(*told(checked), sep="\n")
    return checked.exit_status


def _asked(checked: Checked, url: str, count: int) -> Checked:
    assert checked.evidence is not None
    assert checked.record is not None
    names, objections = against_target(checked.evidence.run, checked.record.trials, url, count)
    note = f"asked:    {len(names)} tests again at {url}: {', '.join(name or 'what explores' for name in names)}"
    return replace(checked, objections=objections, notes=(*checked.notes, note))


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def _date(text: str) -> datetime.datetime:
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date such as 2027-01-31") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


__all__: Sequence[str] = ("add_command", "told")
