"""Running a command of `python -m conformance` in the process of a meta test."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.__main__ import main

Command = Callable[..., tuple[int, str]]
"""Runs a command with these arguments: its exit status, and all that it showed."""


def command_line(name: str, key: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a function that runs the command of this name with the key in the environment."""
    monkeypatch.setenv("STRIPE_API_KEY", key)

    def run(*arguments: object) -> tuple[int, str]:
        status = main([name, *map(str, arguments)])
        out, err = capsys.readouterr()
        return status, out + err

    return run
