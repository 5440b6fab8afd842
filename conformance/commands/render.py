"""`attach-conformance render`: reports from the record of a run, without running anything."""

from __future__ import annotations

import argparse
from pathlib import Path

from conformance.evidence.files import write_whole
from conformance.paths import program_here
from conformance.reports.rendering import FORMS, concluded_again
from conformance.verdict.misuse import Misuse
from conformance.verdict.record import RECORD_FILE, BrokenRecord, Record
from conformance.verdict.run import ExitStatus

USUAL_NAME = ""
"""What stands for the usual file name where an option has no value."""


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command `render`."""
    command = commands.add_parser(
        "render",
        help="make reports from the record of a run",
        description="Make reports from the record of a run: those that are named, or else all.",
        epilog=f"example: {program_here()} render reports/run.jsonl --to rendered",
    )
    command.add_argument(
        "record", type=Path, metavar="RECORD", help=f"the record of a run, such as reports/{RECORD_FILE}"
    )
    for form in FORMS.values():
        command.add_argument(
            f"--{form.name}", nargs="?", const=USUAL_NAME, metavar="FILE", help=f"{form.what} (usually {form.file})"
        )
    command.add_argument(
        "--to",
        type=Path,
        metavar="FOLDER",
        help="where files with their usual names go (default: the folder of the record)",
    )
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    asked = {name: getattr(options, name) for name in FORMS if getattr(options, name) is not None}
    asked = asked or dict.fromkeys(FORMS, USUAL_NAME)
    record = Record.at(options.record)
    try:
        run = concluded_again(record)
    except BrokenRecord as error:
        raise BrokenRecord(f"{options.record}: {error}") from None
    folder = options.to or options.record.parent
    for name, given in asked.items():
        form = FORMS[name]
        path = Path(given) if given else folder / form.file
        if path.exists() and path.samefile(options.record):
            raise Misuse(f"--{name} {given}: that is the record itself")
        content = form.render(record, run)
        try:
            write_whole(path, content if isinstance(content, bytes) else content.encode())
        except OSError as error:
            raise Misuse(f"{path} cannot be written: {error.strerror}") from None
        print(f"{path}: {form.what}")
    return ExitStatus.CONFORMS
