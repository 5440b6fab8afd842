"""`python -m conformance`: what is done without running the suite."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from conformance import documents, passive, sweep
from conformance.certificate import making, nonce, verify


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m conformance", description="Conformance of the attach operation.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    documents.add_command(commands)
    sweep.add_command(commands)
    passive.add_command(commands)
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
