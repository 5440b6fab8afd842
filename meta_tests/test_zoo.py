"""The zoo: each member has a file that can be read, a page that shows it, and versions that are fixed."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from benchmarks import zoo
from conformance.targets.description import ZOO, Defect, members

MEMBERS = members()
LEAST = 10
"""The fewest members."""


def test_there_are_enough_members() -> None:
    assert len(MEMBERS) >= LEAST
    folders = {path.name for path in ZOO.iterdir() if path.is_dir()}
    assert folders == set(MEMBERS)


@pytest.mark.parametrize("name", MEMBERS)
def test_no_lock_file_holds_an_address(name: str) -> None:
    for lock in ZOO.glob(f"{name}/*"):
        if lock.name in zoo.LOCKS and lock.suffix == ".json":
            assert '"resolved"' not in lock.read_text(encoding="utf-8"), lock


@pytest.mark.parametrize("name", MEMBERS)
def test_every_version_is_fixed(name: str) -> None:
    requirements = ZOO / name / "requirements.txt"
    if requirements.exists():
        lines = [line for line in requirements.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
        assert all(re.fullmatch(r"[\w.\[\]-]+==[\w.]+", line) for line in lines), lines


def test_the_page_shows_what_is_stored() -> None:
    rows = zoo.stored_rows()
    assert [row["member"] for row in rows] == list(MEMBERS)
    assert not [row["difference"] for row in rows if row["difference"]]
    assert zoo.PAGE.read_text(encoding="utf-8") == zoo.page(MEMBERS, rows)


def test_a_finding_that_is_not_recorded_is_a_difference() -> None:
    member = replace(next(iter(MEMBERS.values())), defects=(Defect("auth.first", "x", "true", "", "2026-01-01"),))
    assert not zoo.Visit({"auth.first": "x"}, 1).difference(member)
    assert "expand.inlined" in zoo.Visit({"auth.first": "x", "expand.inlined": "y"}, 1).difference(member)
    assert "auth.first" in zoo.Visit({}, 1).difference(member)
    rarely = Defect("auth.first", f"{zoo.NOW_AND_THEN}x", "true", "", "2026-01-01")
    assert not zoo.Visit({}, 1).difference(replace(member, defects=(rarely,)))
