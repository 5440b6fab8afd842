"""The places of the suite's own files, and how its commands are typed where it is installed."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

SUITE = Path(__file__).resolve().parent.parent
TESTS = SUITE / "tests"
PLUGIN = Path("conformance", "plugin", "hooks.py")
"""Where the plugin for pytest is in every copy of the suite."""

IS_CLONE = (SUITE / "attach_conformance").is_dir()
"""Whether this is a clone; in a wheel this folder lies in that package."""

PROGRAM = "attach-conformance"
"""The name of the program, for texts whose readers are elsewhere; `program_here` is how a shell here calls it."""

IN_A_CLONE = f"in a clone, `.venv/bin/{PROGRAM}`"
"""How a reader finds the program who has only installed a clone of the suite as README.md says."""


def leads_to_tests(path: Path) -> bool:
    """Return whether a path that pytest is to collect is one of the suite's tests, or a folder above them."""
    return path == TESTS or TESTS in path.parents or path in TESTS.parents


def other_copy(path: Path) -> Path | None:
    """Return the folder of another copy of the suite that this path leads into; None where there is none."""
    folders = (folder for folder in (path, *path.parents) if folder != SUITE)
    return next((folder for folder in folders if (folder / PLUGIN).is_file()), None)


def program_here(directory: Path | None = None) -> str:
    """Return how a shell in this directory calls the program that runs now."""
    beside = Path(sys.executable).with_name(PROGRAM)
    if not beside.exists():
        return f"{shlex.quote(sys.executable)} -m conformance"
    if shutil.which(PROGRAM) == str(beside):
        return PROGRAM
    return shlex.quote(str(path_from_here(beside, directory)))


def how_to_install() -> str:
    """Return what to do where the suite is not installed in the Python that runs now, as one line."""
    beside = SUITE / ".venv" / "bin" / PROGRAM
    use = shlex.quote(str(path_from_here(beside)))
    folder = shlex.quote(str(SUITE))
    install = f"python3 -m venv .venv && .venv/bin/pip install --editable {folder}, then .venv/bin/{PROGRAM}"
    todo = f"use {use}" if beside.exists() else f"install it with Python 3.11 or newer: {install}"
    return f"{PROGRAM} is not installed in this Python ({sys.executable}): {todo}"


def path_from_here(path: Path, directory: Path | None = None) -> Path:
    """Return a path as it is written in this directory: without the directory if it lies below."""
    here = directory or Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def cache_of_user(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for what the suite keeps from run to run, in the user's cache."""
    home = environment.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(home, "attach-conformance")
