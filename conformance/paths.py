"""The places of the suite's own files, and how its commands are typed where it is installed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

SUITE = Path(__file__).resolve().parent.parent
TESTS = SUITE / "tests"

IS_CLONE = (SUITE / "attach_conformance").is_dir()
"""Whether this is a clone; in a wheel this folder lies in that package."""

PROGRAM = "python -m conformance" if IS_CLONE else "attach-conformance"
"""How a command is typed: its name comes next."""

RUN = "pytest" if IS_CLONE else "attach-conformance run"
"""How a run is typed: its options come next."""


def cache_of_user(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for what the suite keeps from run to run, in the user's cache."""
    home = environment.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(home, "attach-conformance")
