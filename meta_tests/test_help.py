"""Each command says in its help what it is for, with an example that it takes."""

from __future__ import annotations

import argparse
import re
import shlex

import pytest

from conformance.__main__ import parser
from conformance.commands.run import own_help
from conformance.paths import program_here


def commands() -> dict[str, argparse.ArgumentParser]:
    (action,) = (one for one in parser()._actions if isinstance(one, argparse._SubParsersAction))
    return dict(action.choices)


@pytest.mark.parametrize("name", sorted(set(commands()) - {"run"}))
def test_the_help_of_a_command_has_a_purpose_and_an_example(name: str) -> None:
    command = commands()[name]
    assert command.description
    assert command.epilog
    example = command.epilog.partition(f"example: {program_here()} ")[2]
    assert shlex.split(example)[0] == name
    options = parser().parse_args(shlex.split(example))
    assert options.command == name


def test_the_help_of_a_run_has_them_too() -> None:
    text = re.sub(r"\s+", "", own_help())  # argparse breaks lines within words, too
    assert "TestanimplementationofPOST/v1/payment_methods/{payment_method}/attach." in text
    program = re.sub(r"\s+", "", program_here())
    assert f"example:{program}run--base-urlhttp://127.0.0.1:8420--profilecontract" in text
    assert "pyproject.toml,under[tool.attach-conformance]" in text
