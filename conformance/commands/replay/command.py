"""`attach-conformance replay`: send the requests of a finding again, and say whether it still fails."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

from conformance.commands.replay.looking_up import look_up
from conformance.commands.replay.playing import History
from conformance.commands.replay.replay import CANNOT_RUN, FIXED, STILL_FAILS, Replayed, Replayer
from conformance.evidence.secret import Secret
from conformance.fixtures.embedded import CannotStart, embedded_reference
from conformance.fixtures.objects import Fixtures
from conformance.fixtures.probing import probe
from conformance.fixtures.provisioning import Unreachable
from conformance.paths import program_here
from conformance.plugin.options import check_ids, key_for, pace, patience
from conformance.reports.details import steps_in_order, what_was_sent
from conformance.reports.reproduction import USUAL_RECORD
from conformance.reports.words import LEFT_SHOWN, answer_in_short, culprit_of, first_of
from conformance.targets import CannotRun, running
from conformance.targets.description import TargetDescription, find
from conformance.transport.client import Address, Client
from conformance.verdict.run import ExitStatus, Run
from conformance.verdict.settings import usual_rate


@contextlib.contextmanager
def replayer(run: Run, history: History, url: str, key: Secret, options: argparse.Namespace) -> Iterator[Replayer]:
    """Replay to the target at `url`, and remove at the end what was made there. Raises Unreachable."""
    settings = run.settings
    address = Address(url)
    rate = options.rate or settings.rate or usual_rate(is_loopback=address.is_loopback)
    client = Client(address, key, run.contract, timeout=options.timeout or settings.timeout, rate=rate)
    with contextlib.closing(client):
        given = options.payment_method or settings.payment_methods, options.customer or settings.customers
        replayer = Replayer(client, probe(client, *given), history, run.contract, run.catalogue)
        try:
            yield replayer
        finally:
            left = _removed(replayer.fixtures)
            if left:
                print(f"left on the target: {first_of(left, LEFT_SHOWN)}", file=sys.stderr)


def _removed(fixtures: Fixtures) -> list[str]:
    """Remove what was made, unless the user does not wait for that, and return the ids of what is left."""
    try:
        return fixtures.clean_up()
    except KeyboardInterrupt:
        return fixtures.abandon()


def describe(replayed: Replayed) -> Iterator[str]:
    """Yield the result for a finding, line by line."""
    yield f"{replayed.finding.id}  {': '.join(filter(None, (replayed.word, replayed.reason)))}"
    if replayed.episode is not None and replayed.word != FIXED:
        now = replace(replayed.finding, episode=replayed.episode, culprit=replayed.culprit)
        yield from (f"    {line}" for line in what_was_sent(now))
        yield f"    response:   {answer_in_short(culprit_of(now).exchange)}"
        yield from (f"    {line}" for line in steps_in_order(now))


def exit_status(words: Collection[str]) -> ExitStatus:
    """Return DOES_NOT_CONFORM if any finding still fails, INCONCLUSIVE if any cannot run, else CONFORMS."""
    if STILL_FAILS in words:
        return ExitStatus.DOES_NOT_CONFORM
    return ExitStatus.INCONCLUSIVE if CANNOT_RUN in words else ExitStatus.CONFORMS


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command `replay`."""
    command = commands.add_parser(
        "replay",
        help="send the requests of a finding again, and say if it still fails",
        description="Send the requests of a finding again, with new objects, and say if it still fails or is fixed.",
        epilog=f"example: {program_here()} replay request.json-refused",
    )
    command.add_argument(
        "findings", nargs="+", metavar="ID", help="id of a finding, or a clause for all of its findings"
    )
    command.add_argument(
        "--record",
        type=Path,
        default=USUAL_RECORD,
        metavar="FILE",
        help="default: %(default)s, and then the run before it",
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
        "--rate", type=pace, metavar="PER_SECOND", help="most requests a second (default: as recorded)"
    )
    command.add_argument(
        "--timeout", type=patience, metavar="SECONDS", help="how long an answer may take (default: as recorded)"
    )
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    recorded, findings = look_up(options.findings, options.record)
    run, history = recorded.run, recorded.history
    check_ids("--payment-method", options.payment_method)
    check_ids("--customer", options.customer)
    to_start, url = _target(options, run)
    takes_any_key = to_start is not None and not to_start.takes_key_from_environment
    key = key_for({} if takes_any_key else os.environ, url)
    if recorded.is_earlier:
        print(f"from {recorded}", file=sys.stderr)
    words = set()
    try:
        with contextlib.ExitStack() as stack:
            if url is None:
                url = stack.enter_context(running(to_start, key) if to_start else embedded_reference(key))
            replay = stack.enter_context(replayer(run, history, url, key, options)).replay
            for finding in findings:
                replayed = replay(finding)
                words.add(replayed.word)
                print(*map(key.blotted, describe(replayed)), sep="\n", flush=True)
    except (CannotStart, CannotRun) as error:
        return _report_unreachable(str(error))
    except Unreachable as error:
        return _report_unreachable(f"{error} — {error.hint}" if error.hint else str(error))
    return exit_status(words)


def _report_unreachable(reason: str) -> ExitStatus:
    print(f"{CANNOT_RUN}: {reason}", file=sys.stderr)
    return ExitStatus.UNREACHABLE


def _target(options: argparse.Namespace, run: Run) -> tuple[TargetDescription | None, str | None]:
    """Return the target to start, or the URL of one that runs; neither for the embedded reference."""
    name = options.target or ("" if options.base_url else run.settings.target)
    target = find(name, Path.cwd()) if name else None
    if options.base_url:
        return None, Address.of(options.base_url).url
    if target is None:
        return None, run.settings.base_url
    return (target, None) if target.server else (None, target.base_url)
