"""The command line: `python -m conformance COMMAND`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NoReturn

# `python -m` looks in the current directory first, where a project may have `contracts` or `tests` of its own.
SUITE = Path(__file__).resolve().parent.parent
sys.path[:] = [str(SUITE), *(entry for entry in sys.path if Path(entry).resolve() not in (Path.cwd(), SUITE))]

# ruff: noqa: E402  # only from here on are these packages ours
from conformance.commands import new_clause, render, run, sweep
from conformance.commands.certificate import making, verify
from conformance.commands.compare import command as compare
from conformance.commands.docs import command as docs
from conformance.commands.matrix import command as matrix
from conformance.commands.replay import command as replay
from conformance.commands.targets import command as targets
from conformance.commands.traffic import judging
from conformance.evidence.failure import LiveAccount
from conformance.evidence.harmless import HarmlessStream
from conformance.reports import workflow
from conformance.verdict.run import ExitStatus

COMMANDS = (run, workflow, render, docs, new_clause, sweep, judging, replay, compare, targets, matrix)
"""The modules that register a command, in the order of the help text; those of the certificate come after them."""


class Parser(argparse.ArgumentParser):
    """A parser whose exit status for wrong usage is the suite's: 2 would be an interrupted run."""

    def error(self, message: str) -> NoReturn:
        """Print the error, and exit."""
        self.print_usage(sys.stderr)
        self.exit(ExitStatus.WRONG_USAGE, f"{self.prog}: {message}\n")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    called = Path(sys.argv[0]).stem
    parser: argparse.ArgumentParser = Parser(
        prog=called if called == "attach-conformance" else "python -m conformance",
        description="Conformance of the attach operation.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.add_command(commands)
    making.add_commands(commands)
    verify.add_command(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return its exit status."""
    options = parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int | None] = options.run
    if command is run.run_command:  # pytest writes to the terminal itself
        return run.run_command(options)
    with redirect_stdout(HarmlessStream(sys.stdout)), redirect_stderr(HarmlessStream(sys.stderr)):
        try:
            return int(command(options) or 0)
        except LiveAccount as error:
            print(error, file=sys.stderr)
            return ExitStatus.WRONG_USAGE


if __name__ == "__main__":
    sys.exit(main())
