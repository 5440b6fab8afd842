"""`python -m conformance`: what is done without running the suite."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

# `python -m` looks in the current directory first, where a project may have `contracts` or `tests` of its own.
SUITE = Path(__file__).resolve().parent.parent
sys.path[:] = [str(SUITE), *(entry for entry in sys.path if Path(entry).resolve() not in (Path.cwd(), SUITE))]

from conformance.commands import (
    new_clause,  # only from here on are these ours
    sweep,  # only from here on are these ours
)
from conformance.commands import render as rendering  # noqa: E402  # only from here on are these ours
from conformance.commands import run as suite_run  # noqa: E402  # only from here on are these ours
from conformance.commands.certificate import making, nonce, verify  # noqa: E402  # only from here on are these ours
from conformance.commands.compare import command as comparing  # noqa: E402  # only from here on are these ours
from conformance.commands.docs import command as documents  # noqa: E402  # only from here on are these ours
from conformance.commands.matrix import command as matrix  # noqa: E402  # only from here on are these ours
from conformance.commands.replay import command as replaying  # noqa: E402  # only from here on are these ours
from conformance.commands.targets import command as targets  # noqa: E402  # only from here on are these ours
from conformance.commands.traffic import judging as passive  # noqa: E402  # only from here on are these ours
from conformance.reports import workflow  # noqa: E402  # only from here on are these ours
from conformance.verdict.run import ExitStatus  # noqa: E402  # only from here on are these ours


class Parser(argparse.ArgumentParser):
    """A parser whose exit status for wrong usage is the suite's: 2 would be an interrupted run."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and exit."""
        self.print_usage(sys.stderr)
        self.exit(ExitStatus.WRONG_USAGE, f"{self.prog}: {message}\n")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    called = Path(sys.argv[0]).stem
    parser: argparse.ArgumentParser = Parser(
        prog=called if called == "attach-conformance" else "python -m conformance",
        description="Conformance of the attach operation.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    suite_run.add_command(commands)
    workflow.add_command(commands)
    rendering.add_command(commands)
    documents.add_command(commands)
    sweep.add_command(commands)
    new_clause.add_command(commands)
    passive.add_command(commands)
    replaying.add_command(commands)
    comparing.add_command(commands)
    targets.add_command(commands)
    matrix.add_command(commands)
    making.add_commands(commands)
    verify.add_command(commands)
    nonce.add_command(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit status."""
    options = parser().parse_args(arguments)
    return int(options.run(options) or 0)


if __name__ == "__main__":
    sys.exit(main())
