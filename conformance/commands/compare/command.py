"""`attach-conformance compare`: two records, or two implementations that are run with the same plan."""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import tempfile
from pathlib import Path

from conformance.commands.compare.comparison import CannotCompare, compare
from conformance.commands.compare.page import html_page, markdown_page
from conformance.evidence.files import write_whole
from conformance.paths import program_here
from conformance.plugin.options import whole_number
from conformance.plugin.starting import RUN_COMMAND
from conformance.scenes.budgets import BUDGETS
from conformance.targets.description import find
from conformance.transport.client import Address
from conformance.verdict.record import RECORD_FILE, BrokenRecord, Record
from conformance.verdict.run import ExitStatus
from conformance.verdict.settings import DEFAULT_SEED
from contracts.catalogue import PROFILES

LONGEST_OUTPUT = 1000
"""How many characters of a failed run's output are shown."""


def read_record(path: Path) -> Record:
    """Return the record in a file, if its run reached its target. Raises CannotCompare."""
    try:
        record = Record.at(path)
    except BrokenRecord as error:
        raise CannotCompare(str(error)) from None
    diagnosis = record.footer["diagnosis"]
    if diagnosis:
        raise CannotCompare(f"{path}: nothing was tested: {diagnosis['what']}", ExitStatus.UNREACHABLE)
    return record


def record_run(target: str | None, folder: Path, options: argparse.Namespace) -> Record:
    """Run the suite against `target` and return the record; None is the embedded reference. Raises CannotCompare."""
    arguments = [f"--results={folder}", f"--seed={options.seed}", f"--profile={options.profile}"]
    arguments += [f"--budget={options.budget}", "-q"]
    if target is not None:
        arguments.append(f"--base-url={target}" if "://" in target else f"--target={target}")
    done = subprocess.run(
        [*RUN_COMMAND, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode in (ExitStatus.WRONG_USAGE, ExitStatus.INTERRUPTED, ExitStatus.OUR_ERROR):
        output = (done.stdout + done.stderr).strip()[-LONGEST_OUTPUT:]
        raise CannotCompare(
            f"the run against {target or 'the reference'} failed: {output}", ExitStatus(done.returncode)
        )
    return read_record(folder / RECORD_FILE)


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command `compare`."""
    command = commands.add_parser(
        "compare",
        help="compare two implementations: two records, or two that are run now",
        description="Say where two implementations answer the same requests differently: by two records, or by two "
        "runs that are made now.",
        epilog=f"example: {program_here()} compare --base-url http://127.0.0.1:8420 --against localstripe",
    )
    command.add_argument("records", nargs="*", type=Path, metavar="RECORD", help="two records, those of A and of B")
    command.add_argument(
        "--base-url", metavar="A", help="run A now: a URL, or a known implementation (default: the embedded reference)"
    )
    command.add_argument("--against", metavar="B", help="run B now: a URL, or a known implementation")
    command.add_argument(
        "--seed", type=whole_number, default=DEFAULT_SEED, metavar="N", help="of both runs (default: %(default)s)"
    )
    command.add_argument("--profile", choices=PROFILES, default=PROFILES[-1], help="of both (default: %(default)s)")
    command.add_argument("--budget", choices=tuple(BUDGETS), default="standard", help="of both (default: %(default)s)")
    command.add_argument("--results", type=Path, metavar="DIR", help="keep both runs there, in A and B")
    command.add_argument("--html", type=Path, metavar="FILE", help="write the comparison as one HTML page, too")
    command.add_argument("--markdown", type=Path, metavar="FILE", help="write it as Markdown, instead of printing it")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    try:
        comparison = compare(*_both_records(options))
    except BrokenRecord as error:
        raise CannotCompare(f"one of the records cannot be compared: {error}") from None
    text = markdown_page(comparison)
    for path, page in ((options.html, html_page), (options.markdown, markdown_page)):
        if path is not None:
            write_whole(path, page(comparison).encode())
    print(text if options.markdown is None else text.partition("\n")[0].lstrip("# "))
    return ExitStatus.CONFORMS if comparison.is_same else ExitStatus.DOES_NOT_CONFORM


def _both_records(options: argparse.Namespace) -> tuple[Record, Record]:
    match options:
        case argparse.Namespace(records=[a, b], base_url=None, against=None):
            return read_record(a), read_record(b)
        case argparse.Namespace(records=[], against=str()):
            return _record_both(options)
    raise CannotCompare("give two records, or --against B (and --base-url A), to say what to compare")


def _record_both(options: argparse.Namespace) -> tuple[Record, Record]:
    for target in filter(None, (options.base_url, options.against)):
        _check_target(target)
    with contextlib.ExitStack() as stack:
        folder = options.results or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        return record_run(options.base_url, folder / "A", options), record_run(options.against, folder / "B", options)


def _check_target(target: str) -> None:
    """Raise TargetError or TargetFileError for what is no target, before another one is run."""
    if "://" in target:
        Address.of(target)
    else:
        find(target, Path.cwd())
