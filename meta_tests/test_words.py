"""Plain English: the words that nobody says in speech about software stay out of code and pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conformance.paths import SUITE

DROPPED = re.compile(
    r"\b(told|anew|at hand|lets? go|borne out|mend(?:s|ed|ing)?|broken off|held against|came about|stays open|"
    r"says nothing|once more|so many|whoever|whatever|is lacking|in the midst|beforehand|thereby|wherever)\b",
    re.IGNORECASE,
)
"""Each of them has a plainer form: reported, again, available, detach, confirmed, fix, interrupted, and so on."""

IN_FORMATS = re.compile(r"\bANEW(?:_TIMES)?\b|\"anew\"|[a-z]+(?:-[a-z]+)+")
"""What files hold that users keep: a part of a trial, and names of defects."""

FOLDERS = ("contracts", "strategies", "conformance", "tests", "reference", "benchmarks", "docs")
SUFFIXES = {".py", ".md", ".jinja", ".toml"}


def dropped_in(text: str) -> list[str]:
    return [found[0] for line in text.splitlines() for found in DROPPED.finditer(IN_FORMATS.sub("", line))]


def files() -> list[Path]:
    found = [path for folder in FOLDERS for path in sorted((SUITE / folder).rglob("*")) if path.suffix in SUFFIXES]
    return [*found, *SUITE.glob("*.md")]


def test_the_check_sees_a_dropped_word() -> None:
    assert dropped_in("It is told once more.") == ["told", "once more"]
    assert len(files()) > 200


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(SUITE)))
def test_no_dropped_word(path: Path) -> None:
    assert dropped_in(path.read_text(encoding="utf-8")) == []
