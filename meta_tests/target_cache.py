"""A target that counts as installed, so that a test starts it without the network."""

from __future__ import annotations

import sys
from pathlib import Path

from conformance.targets import installing
from conformance.targets.description import find


def pretend_installed(name: str, cache: Path) -> None:
    """Make `cache` hold the target of that name, whose virtual environment is the one that runs the tests."""
    target = find(name, cache)
    folder = installing.folder_of(target, cache)
    python = folder / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (folder / installing._DONE).write_text(installing._digest(target))
