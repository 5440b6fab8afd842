"""The comparison with Schemathesis's own runner is fair, counts rightly, and tells what it has measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.detection import DEFECTS, VARIANTS
from benchmarks.schemathesis_runner import chosen, measure, table


def row(name: str, found: dict[str, bool], *, profile: str = "contract", kind: str = "defect") -> dict[str, Any]:
    verdict = "found" if kind == "defect" else "alarm"
    theirs = {
        verdict: found["schemathesis"],
        "failures": ["Crash"] * found["schemathesis"],
        "requests": 10,
        "seconds": 1.0,
    }
    return {
        kind: name,
        "profile": profile,
        "schemathesis": theirs,
        "suite": {verdict: found["suite"], "requests": 30, "seconds": 3.0},
    }


MEASURED: dict[str, Any] = {
    "version": "4.32.5",
    "seed": 1,
    "reference": {"failures": [], "requests": 10, "seconds": 1.0},
    "defects": [
        row("a", {"suite": True, "schemathesis": False}),
        row("b", {"suite": True, "schemathesis": True}),
        row("c", {"suite": False, "schemathesis": False}, profile="stripe"),
    ],
    "variants": [
        row("d", {"suite": False, "schemathesis": True}, kind="variant"),
        row("e", {"suite": False, "schemathesis": False}, kind="variant"),
    ],
}


def test_the_table_holds_both_side_by_side() -> None:
    lines = table(MEASURED).splitlines()
    assert "| defects found, contract | 2 of 2 | 1 of 2 |" in lines
    assert "| defects found, stripe | 0 of 1 | 0 of 1 |" in lines
    assert "| defects found | 2 of 3 | 1 of 3 |" in lines
    assert "| conforming servers with a false alarm | 0 of 2 | 1 of 2 |" in lines
    assert "| requests for one server, half of them at most | 30 | 10 |" in lines
    assert not [line for line in lines if line.startswith("| defects found, stateful")]


def test_the_table_tells_what_is_said_of_servers_that_conform() -> None:
    assert "What Schemathesis says of servers that conform: Crash." in table(MEASURED)
    assert "(there it reports none)" in table(MEASURED)
    usual = {**MEASURED, "reference": {"failures": ["Odd"], "requests": 1, "seconds": 1.0}}
    assert "(there: Odd)" in table(usual)


@pytest.mark.parametrize(
    ("is_what", "count", "everything"),
    [(len(DEFECTS).__eq__, None, True), ((6).__eq__, 6, False), ((80).__le__, None, False)],
)
def test_so_many_are_chosen_as_were_asked_for(
    is_what: Callable[[int], bool], count: int | None, everything: bool
) -> None:
    defects, variants = chosen(count, everything=everything)
    assert is_what(len(defects))
    assert len({defect.name for defect in defects}) == len(defects)
    assert (len(variants) == len(VARIANTS)) is everything
    assert variants


@pytest.mark.long
def test_a_fair_run_says_nothing_of_the_reference_and_something_of_a_server_that_crashes() -> None:
    """The ids exist, so that a conforming server accepts; and both runners are asked about the same defect."""
    measured = measure([DEFECTS["always-refused"]], [])
    assert measured["reference"]["failures"] == []
    assert measured["reference"]["requests"] > 100
    (row_of_defect,) = measured["defects"]
    assert row_of_defect["schemathesis"]["found"]
    assert row_of_defect["suite"]["found"]
