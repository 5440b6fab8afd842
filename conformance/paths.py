"""The places of the suite's own files, and how its commands are typed where it is installed."""

from __future__ import annotations

from pathlib import Path

SUITE = Path(__file__).resolve().parent.parent
TESTS = SUITE / "tests"

IS_CLONE = (SUITE / "attach_conformance").is_dir()
"""Whether this is a clone; in a wheel this folder lies in that package."""

PROGRAM = "python -m conformance" if IS_CLONE else "attach-conformance"
"""How a command is typed: its name comes next."""

RUN = "pytest" if IS_CLONE else "attach-conformance run"
"""How a run is typed: its options come next."""
