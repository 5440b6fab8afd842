"""The order of tests: what tells most comes first, and nothing before what it rests on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.ordering import NEVER, Telling, improved, is_root_causes_first, most_telling_first
from conformance.plugin import looks
from contracts import load_catalogue

MINIMAL, UNKNOWN, PERSISTED = "request.minimal-body", "body.unknown-parameter", "state.persisted"


@pytest.fixture
def telling() -> Telling:
    return Telling(
        costs={"dear": 30, "cheap": 2, "root": 3, "state": 1},
        answers={"dear": frozenset({0, 1}), "cheap": frozenset({2}), "root": frozenset({3}), "state": frozenset({4})},
        clauses={"dear": UNKNOWN, "cheap": UNKNOWN, "root": MINIMAL, "state": PERSISTED},
        finders={"a": frozenset({"dear"}), "b": frozenset({"cheap"}), "c": frozenset({"cheap"}), "d": frozenset()},
        profiles={"a": "contract", "b": "contract", "c": "stateful", "d": "contract"},
    )


def test_what_finds_the_most_for_its_requests_comes_first_behind_what_it_rests_on(telling: Telling) -> None:
    order = most_telling_first(telling.costs, telling.clauses, telling.finders.values())
    assert sorted(order) == ["cheap", "dear", "root", "state"]
    assert order.index("cheap") < order.index("dear")
    assert is_root_causes_first(order, telling.clauses, {test: telling.comes_after(test) for test in order})


def test_a_defect_shows_where_the_first_test_of_its_profile_that_finds_it_ends(telling: Telling) -> None:
    assert telling.first_findings(["state", "dear", "cheap", "root"]) == [30, 32, 33, NEVER]


def test_moving_tests_about_makes_nobody_wait_longer_and_keeps_root_causes_first(telling: Telling) -> None:
    worst = ["root", "dear", "state", "cheap"]
    order = improved(telling, worst, moves=200)
    assert telling.waiting(order) < telling.waiting(worst)
    assert order.index("cheap") < order.index("dear")
    assert is_root_causes_first(order, telling.clauses, {test: telling.comes_after(test) for test in order})
    assert improved(telling, worst, moves=200) == order


def test_the_order_that_runs_follow_has_nothing_before_what_it_comes_after() -> None:
    clauses = {told["test"]: told["clause"] for told in json.loads(looks.ORDER.read_text(encoding="utf-8"))}
    before = {test: load_catalogue().comes_after(clause) for test, clause in clauses.items()}
    assert is_root_causes_first(list(clauses), clauses, before)


def test_what_comes_before_its_root_cause_is_not_in_order(telling: Telling) -> None:
    rests = {"state": frozenset({MINIMAL}), "root": frozenset[str]()}
    assert not is_root_causes_first(["state", "root"], telling.clauses, rests)
    assert is_root_causes_first(["root", "state"], telling.clauses, rests)


def test_what_two_tests_use_is_paid_for_by_the_first_of_them(telling: Telling) -> None:
    shared = replace(telling, costs={**telling.costs, "cheap": 0}, answers={**telling.answers, "cheap": frozenset({1})})
    assert shared.prices(["dear", "cheap"]) == {"dear": 30, "cheap": 0}
    assert shared.prices(["cheap", "dear"]) == {"cheap": 15, "dear": 15}


def test_what_says_nothing_more_comes_behind_what_may_break_its_clause(monkeypatch: pytest.MonkeyPatch) -> None:
    def item(name: str, *, further: bool) -> Any:
        mark = SimpleNamespace(args=(UNKNOWN,), kwargs={"look": "first", "further": further})
        return SimpleNamespace(path=Path("test_x.py"), name=name, get_closest_marker=lambda _: mark)

    further, early, late = item("further", further=True), item("early", further=False), item("late", further=False)
    monkeypatch.setattr(looks, "_places", lambda: {"test_x::further": 0, "test_x::early": 1, "test_x::late": 2})
    assert looks.in_telling_order([further, late, early], [UNKNOWN]) == [early, late, further]
