"""The page about detection shows what was measured, of everything that there is."""

from __future__ import annotations

import json

import pytest

from benchmarks import detection_page
from benchmarks.detection import DEFECTS, MEASURED, VARIANTS


@pytest.mark.parametrize("budget", ["standard", "quick"])
def test_every_defect_was_measured(budget: str) -> None:
    rows = json.loads((MEASURED / f"detection-{budget}.json").read_text(encoding="utf-8"))
    assert [row["defect"] for row in rows] == list(DEFECTS)


def test_every_variant_was_measured() -> None:
    measured = json.loads((MEASURED / "silence.json").read_text(encoding="utf-8"))
    assert measured["variants"] == list(VARIANTS)
    assert measured["runs"] == measured["seeds"] * len(VARIANTS)


def test_the_page_says_what_was_measured() -> None:
    assert detection_page.PAGE.read_text(encoding="utf-8") == detection_page.page()
