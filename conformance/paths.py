"""The places of the suite's own files."""

from __future__ import annotations

from pathlib import Path

SUITE = Path(__file__).resolve().parent.parent
TESTS = SUITE / "tests"
