"""The page about the least that a mock needs shows exchanges as the reference has them, and numbers as measured."""

from __future__ import annotations

from benchmarks.minimal_mock import PAGE, page


def test_the_page_shows_what_the_reference_answers() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m benchmarks.minimal_mock`"
