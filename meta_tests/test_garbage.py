"""A run spares Python's garbage collector, leaves it as it was, and touches it in no other project's run."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from conformance.plugin.garbage import RARE

SUITE = Path(__file__).resolve().parent.parent


class Look:
    """A plugin that notes how garbage is collected once all tests are collected."""

    def __init__(self) -> None:
        self.seen = (0, 0, 0), False

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self) -> None:
        """Look."""
        self.seen = gc.get_threshold(), gc.get_freeze_count() > 0


def looked(folder: Path) -> Look:
    look = Look()
    pytest.main(["--collect-only", "-qq", str(folder), f"--rootdir={folder.parent}"], plugins=[look])
    return look


def test_garbage_is_collected_rarely_in_a_run_and_as_before_behind_it() -> None:
    before = gc.get_threshold(), gc.get_freeze_count()
    assert looked(SUITE / "tests").seen == (RARE, True)
    assert (gc.get_threshold(), gc.get_freeze_count()) == before


def test_another_project_keeps_its_garbage_collector(tmp_path: Path) -> None:
    before = gc.get_threshold()
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_theirs.py").write_text("def test_theirs() -> None: pass\n")
    assert looked(tmp_path / "tests").seen == (before, False)
