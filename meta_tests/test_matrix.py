"""The standing table: what several runs say as one, on one page, with every defect that was checked by hand."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.examples import SUCCESS, episode, exchange
from conformance.__main__ import main
from conformance.commands.docs.command import DOCS
from conformance.commands.matrix.command import STORED, store, write_pages
from conformance.commands.matrix.page import html_page, markdown_page
from conformance.commands.matrix.standing import Cell, Standing, StandingFileError, from_json, merged_cells, verdicts_of
from conformance.commands.matrix.testing import cells_of
from conformance.evidence.episode import Finding, Outcome
from conformance.targets import Defect, find, shipped
from conformance.verdict.results import NOT_SELECTED
from contracts import load_catalogue

CATALOGUE = load_catalogue()
DEFECT = Defect("response.id", "`id` is <made> up", 'curl "$URL"', "x", "2026-01-02")


def results(**outcomes: tuple[str, str]) -> dict[str, Any]:
    """The part of a `results.json` that the table is made of; `_` stands for the dot of a slug."""
    finding = Finding("response.id", "`id` is x", episode("answered", exchange(200, SUCCESS))).to_json()
    clauses = {
        slug.replace("_", ".", 1).replace("_", "-"): {
            "outcome": outcome,
            "reason": reason,
            "selected": reason != NOT_SELECTED,
            "cause": "response.id" if outcome == "not-run" else "",
            "findings": [finding] if outcome == "fail" else [],
        }
        for slug, (outcome, reason) in outcomes.items()
    }
    return {"clauses": clauses}


def standing(name: str, cells: dict[str, Cell], trouble: str = "") -> Standing:
    verdicts = verdicts_of({"contract": "conforms", "stateful": "conforms", "stripe": "conforms"}, cells, CATALOGUE)
    date = "2026-01-02"
    return Standing(
        name, name.title(), "https://example.com", "1.0", date, "stripe", "any", 9, verdicts, cells, trouble
    )


GOOD = standing("good", cells_of(results(response_id=("pass", ""), response_json=("pass", ""))))
BAD = standing(
    "bad", cells_of(results(response_id=("fail", "`id` is x"), response_json=("not-run", "see response.id")))
)
DEAD = standing("dead", {}, trouble="dead is not to be had")


def test_cells_are_what_a_run_says() -> None:
    cells = cells_of(
        results(response_id=("fail", "x"), response_json=("pass", ""), request_accept=("not-run", NOT_SELECTED))
    )
    assert set(cells) == {"response.id", "response.json"}
    assert cells["response.id"].is_red
    assert "\"$URL\"'/v1/payment_methods/pm_Example0/attach'" in cells["response.id"].curl
    assert cells["response.json"] == Cell("pass")


def test_of_several_runs_the_one_that_saw_something_speaks() -> None:
    whole = cells_of(
        results(response_id=("pass", ""), response_json=("fail", "x"), request_accept=("inconclusive", "?"))
    )
    apart = cells_of(
        results(response_id=("fail", "x"), response_json=("inconclusive", "?"), request_accept=("pass", ""))
    )
    merged = merged_cells([whole, apart])
    assert {slug: cell.outcome for slug, cell in merged.items()} == {
        "response.id": "fail",
        "response.json": "fail",
        "request.accept": "pass",
    }
    assert merged_cells([apart, whole]) == merged


def test_a_profile_is_broken_by_what_any_run_saw() -> None:
    verdicts = {"contract": "conforms", "stateful": "inconclusive"}
    assert verdicts_of(verdicts, {"state.persisted": Cell("pass")}, CATALOGUE) == {**verdicts, "stripe": "inconclusive"}
    assert verdicts_of(verdicts, {"state.persisted": Cell("fail")}, CATALOGUE) == {
        "contract": "conforms",
        "stateful": "does-not-conform",
        "stripe": "does-not-conform",
    }


def test_every_outcome_has_its_place_among_several_runs() -> None:
    for outcome in set(Outcome) - {Outcome.EXPECTED}:
        merged = merged_cells([{"a": Cell(outcome)}, {"a": Cell("pass")}])
        assert merged["a"].outcome in (outcome, "pass")


def test_the_pages_show_every_cell_and_what_was_checked() -> None:
    bad = replace(find("reference", Path()), name="bad", defects=(DEFECT,))
    page = markdown_page([GOOD, BAD, DEAD], {"bad": bad}, CATALOGUE)
    assert "| `response.id` | MUST | ✓ | ✗ |" in page
    assert "| `response.json` | MUST | ✓ | · |" in page
    assert "request.accept" not in page
    assert '- `response.id`: `id` is <made> up (2026-01-02)<br>`curl "$URL"`' in page
    assert "Dead 1.0 was not tested: dead is not to be had" in page
    assert "### Good 1.0\n\nNothing." in page
    assert "not checked by hand" not in page
    links = re.findall(r"\(#(broken-[\w.-]+)\)", page)
    assert len(links) == 2
    assert links == re.findall(r'<a id="([^"]+)"></a>', page)
    html = html_page([GOOD, BAD, DEAD], {"bad": bad}, CATALOGUE)
    assert "`id` is &lt;made&gt; up" in html
    assert html.count('<span class="cf-cell cf-fail" title="fail: `id` is x">') == 1
    assert "http" not in re.sub(r"https://example\.com", "", html)


def test_what_nobody_checked_is_said_to_be_so() -> None:
    assert "- `response.id`: **not checked by hand**" in markdown_page([BAD], {}, CATALOGUE)
    html = html_page([BAD], {}, CATALOGUE)
    assert "(not checked by hand)" in html
    assert "curl -i -H" in html


def test_standings_are_kept_without_what_differs_from_run_to_run(tmp_path: Path) -> None:
    path = tmp_path / "standings.json"
    store([BAD, DEAD], path)
    store([GOOD], path)
    good, bad = sorted(from_json(path), key=lambda kept: kept.name, reverse=True)
    assert good == GOOD
    assert bad.cells == {"response.id": Cell("fail"), "response.json": Cell("not-run", "see response.id")}
    store([replace(GOOD, version="2.0")], path)
    assert [kept.version for kept in from_json(path)] == ["1.0", "2.0"]


@pytest.mark.parametrize(
    ("text", "said"), [("{", "holds no standings"), ("[{}]", "holds no standings"), (None, "No such")]
)
def test_stored_standings_that_cannot_be_are_said(text: str | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "standings.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(StandingFileError, match=said):
        from_json(path)


def test_every_red_cell_of_the_docs_was_checked_by_hand_and_nothing_else_is_recorded() -> None:
    targets = shipped()
    kept = {standing.name: standing for standing in from_json(STORED)}
    assert len(kept) > 5
    for name, standing in kept.items():
        assert standing.version == targets[name].version
        recorded = {defect.clause for defect in targets[name].defects}
        always = {one.clause for one in targets[name].defects if not one.observed.startswith("now and then: ")}
        assert always <= set(standing.red) <= recorded, name
    assert "not checked by hand" not in (DOCS / "implementations.md").read_text()


def test_pages_are_written_into_the_folder(tmp_path: Path) -> None:
    write_pages([GOOD, BAD], {}, tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"matrix.html", "matrix.md"}


def test_the_command_tests_targets_and_writes_the_table(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    asked = ["--profile", "contract", "--budget", "quick", "--results", str(tmp_path)]
    assert main(["matrix", "reference", *asked]) == 0
    shown = capfd.readouterr().out
    assert "embedded reference 0.1.0: contract conforms" in shown
    assert "0 fail, 0 deviation" in shown
    page = (tmp_path / "matrix.md").read_text()
    assert "| `request.minimal-body` | MUST | ✓ |" in page
    assert (tmp_path / "reference" / "whole" / "report.html").exists()
    assert main(["matrix", "nobody"]) == 4
    assert "there is no target 'nobody'" in capfd.readouterr().err
