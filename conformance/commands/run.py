"""The command `run`: run the suite from another project's directory, without that project's pytest configuration.

Paths such as those of `--expectations` and `--results` are relative to the current directory. The configuration
files, conftest files and plugins of that project are ignored: a gate must mean the same everywhere.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import pytest

from conformance.paths import program_here
from conformance.plugin.options import BASE_URL_HELP, add_options
from conformance.plugin.project import SHOWN
from conformance.plugin.starting import run_pytest
from conformance.verdict.run import ExitStatus


def own_help() -> str:
    """Return the help text of `run`: the suite's options, which nobody would find among all of pytest's."""
    registered = pytest.Parser(_ispytest=True)
    add_options(registered)
    shown = argparse.ArgumentParser(
        prog="attach-conformance run",
        usage="%(prog)s [OPTION]...",
        description="Test an implementation of POST /v1/payment_methods/{payment_method}/attach.",
        epilog=f"example: {program_here()} run --base-url http://127.0.0.1:8420 --profile contract. "
        f"Options may also stand in pyproject.toml, under {SHOWN}. pytest's own options may be given, too "
        "(-k, -x, -q, -n, -p ...): `pytest --help` lists them.",
        add_help=False,
    )
    shown.add_argument("--base-url", metavar="URL", help=BASE_URL_HELP)
    for option in registered.getgroup("conformance").options:
        attributes = option.attrs()
        value = {name: attributes[name] for name in ("metavar", "choices") if attributes.get(name)}
        takes = {"action": "store_true"} if attributes.get("nargs") == 0 else value
        shown.add_argument(*option.names(), default=attributes["default"], help=attributes["help"], **takes)
    return shown.format_help()


def run_suite(given: Sequence[str]) -> int:
    """Run the suite in this process with the options `given`, and return its exit status."""
    if {"-h", "--help"} & set(given):
        print(own_help(), end="")
        return ExitStatus.CONFORMS
    return run_pytest(given)


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command `run`."""
    command = commands.add_parser(
        "run",
        help="run the suite from any directory, without the pytest configuration there",
        add_help=False,
        prefix_chars="\0",
    )
    command.add_argument("given", nargs=argparse.REMAINDER, metavar="OPTION", help="options of the suite and of pytest")
    command.set_defaults(run=run_command)


def run_command(options: argparse.Namespace) -> int:
    """Run the suite with the options that the command line gives."""
    return run_suite(options.given)
