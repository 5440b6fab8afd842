"""`python -m conformance replay`: whether a finding of an earlier run still shows."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from conformance.commands.replay.history import History
from conformance.commands.replay.replay import CANNOT_RUN, FIXED, STILL_FAILS, Replayed, Replayer
from conformance.evidence.episode import Finding
from conformance.evidence.secret import Secret
from conformance.fixtures.embedded import CannotStart, embedded_reference
from conformance.fixtures.probing import probe
from conformance.fixtures.provisioning import Unreachable
from conformance.plugin.options import check_ids, key_for, positive
from conformance.reports.words import answer_in_short, curl
from conformance.targets import CannotRun, running
from conformance.targets.description import TargetFileError, find
from conformance.transport.client import Address, Client, TargetError
from conformance.verdict.record import RECORD_FILE, BrokenRecord, Record, run_of
from conformance.verdict.run import ExitStatus, Run
from conformance.verdict.settings import DEFAULT_RATE

MOST_NAMED = 20
"""How many findings are named to someone who asks for one that is not there."""


class CannotReplay(ValueError):
    """The record has no such finding, or cannot be read; the message says what to do."""


def read_run(path: Path) -> tuple[Run, History]:
    """The run that is recorded at `path`, and what it did to its objects. Raises CannotReplay."""
    try:
        record = Record.at(path, hint="say which record with --record")
    except BrokenRecord as error:
        raise CannotReplay(str(error)) from None
    return run_of(record), History.of(record.trials)


def findings_of(run: Run) -> dict[str, Finding]:
    """The findings of a run by their ids."""
    findings = [finding for result in run.results.values() for finding in result.findings]
    return {finding.id: finding for finding in findings}


def chosen(names: Sequence[str], findings: Mapping[str, Finding]) -> list[Finding]:
    """The findings of these ids; a clause stands for all of its findings. Raises CannotReplay."""
    found: dict[str, Finding] = {}
    for name in names:
        mine = {key: finding for key, finding in findings.items() if name in (key, finding.clause)}
        if not mine:
            known = [*sorted(findings)[:MOST_NAMED], *["…"] * (len(findings) > MOST_NAMED)]
            raise CannotReplay(f"the record has no finding {name!r}; it has {', '.join(known) or 'none'}")
        found |= mine
    return list(found.values())


@contextlib.contextmanager
def replayer(run: Run, history: History, url: str, key: Secret, options: argparse.Namespace) -> Iterator[Replayer]:
    """What replays to the target at `url`; what it makes there is removed at the end. Raises Unreachable."""
    settings = run.settings
    address = Address(url)
    rate = options.rate or settings.rate or (None if address.is_loopback else DEFAULT_RATE)
    client = Client(address, key, run.contract, timeout=options.timeout or settings.timeout, rate=rate)
    with contextlib.closing(client):
        given = options.payment_method or settings.payment_methods, options.customer or settings.customers
        again = Replayer(client, probe(client, *given), history, run.contract, run.catalogue)
        try:
            yield again
        finally:
            again.fixtures.clean_up()


def told(replayed: Replayed, base_url: str) -> Iterator[str]:
    """What became of a finding, line by line."""
    why = f": {replayed.told}" if replayed.told else ""
    yield f"{replayed.finding.id}  {replayed.word}{why}"
    if replayed.episode is not None and replayed.word != FIXED:
        step = replayed.episode.steps[replayed.culprit]
        yield f"    sent:       {step.attempt}" + (f"  [{step.invalid}]" if step.invalid else "")
        yield f"                {curl(step.exchange, base_url)}"
        yield f"    came back:  {answer_in_short(step.exchange)}"


def status_of(words: Collection[str]) -> ExitStatus:
    """DOES_NOT_CONFORM where anything still fails, INCONCLUSIVE where something cannot run, else CONFORMS."""
    if STILL_FAILS in words:
        return ExitStatus.DOES_NOT_CONFORM
    return ExitStatus.INCONCLUSIVE if CANNOT_RUN in words else ExitStatus.CONFORMS


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command `replay`."""
    command = commands.add_parser("replay", help="send what showed a finding again, and say whether it still fails")
    command.add_argument(
        "findings", nargs="+", metavar="ID", help="id of a finding, or a clause for all of its findings"
    )
    command.add_argument(
        "--record", type=Path, default=Path("reports", RECORD_FILE), metavar="FILE", help="default: %(default)s"
    )
    command.add_argument("--base-url", metavar="URL", help="the target (default: that of the recorded run)")
    command.add_argument(
        "--target", metavar="NAME-or-FILE", help="a known implementation to start, as in a run (or use --base-url)"
    )
    for option in ("--payment-method", "--customer"):
        command.add_argument(
            option, action="append", default=[], metavar="ID", help="as in a run (default: those of the recorded run)"
        )
    command.add_argument(
        "--rate", type=positive, metavar="PER_SECOND", help="most requests a second (default: as recorded)"
    )
    command.add_argument(
        "--timeout", type=positive, metavar="SECONDS", help="how long an answer may take (default: as recorded)"
    )
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    try:
        url = Address.of(options.base_url).url if options.base_url else None
        target = find(options.target, Path.cwd()) if options.target else None
        run, history = read_run(options.record)
        wanted = chosen(options.findings, findings_of(run))
        for option in ("payment_method", "customer"):
            check_ids(f"--{option.replace('_', '-')}", getattr(options, option))
        to_start = target if target is not None and target.server is not None and url is None else None
        url = url or (target.base_url if target else run.settings.base_url) or None
        takes_any = to_start is not None and not to_start.takes_key_from_environment
        key = key_for({} if takes_any else os.environ, None if to_start else url)
    except (TargetError, TargetFileError, CannotReplay, pytest.UsageError) as error:
        print(error, file=sys.stderr)
        return ExitStatus.WRONG_USAGE
    words = set()
    try:
        with contextlib.ExitStack() as stack:
            if to_start is not None:
                url = stack.enter_context(running(to_start, key))
            url = url or stack.enter_context(embedded_reference(key))
            again = stack.enter_context(replayer(run, history, url, key, options))
            for finding in wanted:
                replayed = again.replay(finding)
                words.add(replayed.word)
                print(*map(key.blotted, told(replayed, url)), sep="\n", flush=True)
    except (Unreachable, CannotStart, CannotRun) as error:
        hint = f" — {error.hint}" if isinstance(error, Unreachable) and error.hint else ""
        print(f"{CANNOT_RUN}: {error}{hint}", file=sys.stderr)
        return ExitStatus.UNREACHABLE
    return status_of(words)
