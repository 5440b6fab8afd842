"""A nonce: a number that a checker gives out, to be the seed of the run that is certified."""

from __future__ import annotations

import argparse
import secrets

BITS = 63


def new_nonce() -> int:
    """A number that nobody could foresee, and that no run has had as its seed."""
    return secrets.randbits(BITS) | 1 << (BITS - 1)


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command `nonce`."""
    command = commands.add_parser("nonce", help="make up a number to give a vendor as the seed of a run")
    command.set_defaults(run=lambda _: print(new_nonce()))
