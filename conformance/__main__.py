"""The command line: `attach-conformance COMMAND`, or `python -m conformance COMMAND`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

# `python -m` looks in the current directory first, where a project may have `contracts` or `tests` of its own.
SUITE = Path(__file__).resolve().parent.parent
try:
    HERE = Path.cwd()
except FileNotFoundError:
    print("the current folder is gone: change to one that exists", file=sys.stderr)
    sys.exit(4)  # wrong usage, as below
sys.path[:] = [str(SUITE), *(entry for entry in sys.path if Path(entry).resolve() not in (HERE, SUITE))]

# ruff: noqa: E402  # only from here on are these packages ours
from conformance.paths import IS_CLONE, PROGRAM, how_to_install

try:
    VERSION = version(PROGRAM)
except PackageNotFoundError:
    print(how_to_install(), file=sys.stderr)
    sys.exit(4)  # wrong usage: the enumeration of the statuses needs what is not installed

import pytest

from conformance.commands import doctor, explain, init, new_clause, render, run, sweep
from conformance.commands.certificate import making, verify
from conformance.commands.compare import command as compare
from conformance.commands.docs import command as docs
from conformance.commands.drift import command as drift
from conformance.commands.matrix import command as matrix
from conformance.commands.replay import command as replay
from conformance.commands.targets import command as targets
from conformance.commands.traffic import judging
from conformance.evidence.failure import LiveAccount
from conformance.evidence.harmless import HarmlessStream, harmless
from conformance.evidence.secret import without_any_key
from conformance.plugin.interruptions import handled
from conformance.plugin.output import open_closed_error_output, surviving_output
from conformance.reports import workflow
from conformance.transport.client import TargetError
from conformance.verdict.internal_errors import INTERNAL_ERROR, in_short, traceback_of
from conformance.verdict.misuse import Misuse
from conformance.verdict.run import ExitStatus

OF_A_CLONE = (docs, new_clause) if IS_CLONE else ()
"""The modules whose commands write into the suite's own folders."""

RUNNING = (run, init, doctor, explain, workflow, render)
LATER = (sweep, judging, replay, compare, targets, matrix, drift)
COMMANDS = (*RUNNING, *OF_A_CLONE, *LATER)
"""The modules that register a command, in the order of the help text; those of the certificate come after them."""


class Parser(argparse.ArgumentParser):
    """A parser whose exit status for wrong usage is the suite's: 2 would be an interrupted run."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse the arguments; `--name=--`, of which argparse makes an empty list for any type, is wrong usage.

        So is an empty argument, which a variable leaves that is not set: for none it would be too much. `run` hands on
        its arguments to pytest.
        """
        words = [str(word) for word in args or ()]
        for before, word in pairwise(["", *words]):
            name, equals, value = word.partition("=")
            if name.startswith("--") and value == "--":
                self.error(f"argument {name}: invalid value '--'")
            is_empty = not word or (name.startswith("--") and equals and not value)
            if is_empty and "-" in self.prefix_chars and words[0] != "run":
                where = f"argument {name or before}" if name or before else "the first argument"
                self.error(f"{where}: it is empty: give a value (is a variable set?)")
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Print the error, and exit."""
        self.print_usage(sys.stderr)
        self.exit(ExitStatus.WRONG_USAGE, f"{self.prog}: {message}\n")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser: argparse.ArgumentParser = Parser(
        prog=PROGRAM,
        description="Conformance of the attach operation.",
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {VERSION}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for module in COMMANDS:
        module.add_command(commands)
    making.add_commands(commands)
    verify.add_command(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return its exit status."""
    open_closed_error_output()
    with surviving_output("the command goes on without it") as output, handled() as interruptions:
        try:
            options = parser().parse_args(arguments)
            status = _perform(options)
        except Misuse as error:
            return _ended(error.status, str(error))
        except (LiveAccount, TargetError, pytest.UsageError, argparse.ArgumentTypeError) as error:
            return _ended(ExitStatus.WRONG_USAGE, str(error))
        except KeyboardInterrupt:
            name = interruptions.received or "SIGINT"
            return _ended(ExitStatus.INTERRUPTED, f"interrupted by {name} before the end: run the command again")
        except OSError as error:
            where = error.filename or "a file"
            return _ended(ExitStatus.WRONG_USAGE, f"{where} cannot be read or written: {error.strerror or error}")
        except Exception as error:  # Python would end with 1, which is a verdict of several commands
            text = f"{INTERNAL_ERROR}: {in_short(error)}; please report it, with what follows\n{traceback_of(error)}"
            return _ended(ExitStatus.OUR_ERROR, without_any_key(text))
        output.flush()
        is_cut_off = output.lost is not None and not isinstance(output.lost, BrokenPipeError)
        return ExitStatus.INTERRUPTED if is_cut_off and options.command != "run" else status


def _perform(options: argparse.Namespace) -> int:
    """Run the command; only harmless text gets through its streams. What pytest shows is made harmless where it is."""
    if options.run is run.run_command:
        return int(run.run_command(options))
    with redirect_stdout(HarmlessStream(sys.stdout)), redirect_stderr(HarmlessStream(sys.stderr)):
        return int(options.run(options) or 0)


def _ended(status: ExitStatus, why: str) -> int:
    """Say why a command ended, and return its status."""
    print(harmless(why), file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
