"""The command `explain`, and the page that says the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conformance.__main__ import main
from conformance.commands.docs.command import DOCS
from conformance.commands.explain import NO_TEST, as_markdown, explain, page
from conformance.verdict.run import ExitStatus
from contracts import load_catalogue
from meta_tests.conftest import Recorded

CATALOGUE = load_catalogue()
WITHOUT_TEST_OF_ITS_OWN = {
    clause.slug for clause in CATALOGUE if clause.general or clause.chapter == "robustness" or clause.not_tested
}


@pytest.mark.parametrize("slug", [clause.slug for clause in CATALOGUE])
def test_every_clause_says_what_it_demands_and_on_what_ground(slug: str) -> None:
    clause = CATALOGUE[slug]
    text = "\n".join(as_markdown(explain(slug)))
    assert clause.statement in text
    assert clause.source in text
    assert all(phrase in text for phrase in clause.admissible)
    assert (NO_TEST in text) == bool(clause.not_tested)


@pytest.mark.parametrize("slug", [one.slug for one in CATALOGUE if one.slug not in WITHOUT_TEST_OF_ITS_OWN])
def test_a_clause_with_a_test_says_why(slug: str) -> None:
    assert explain(slug).reasons


@pytest.mark.parametrize("slug", [one.slug for one in CATALOGUE if one.slug not in WITHOUT_TEST_OF_ITS_OWN])
def test_a_clause_with_a_test_shows_requests_that_pass(slug: str) -> None:
    text = "\n".join(as_markdown(explain(slug)))
    assert explain(slug).passing
    assert all(line in text for line in explain(slug).passing)


def test_what_passes_is_what_the_clause_demands() -> None:
    assert explain("request.minimal-body").passing == (
        'POST customer=‹customer› → 200 {"id": "‹payment method›", "object": "payment_method", '
        '"customer": "‹customer›", …}',
    )
    (refused,) = explain("body.unknown-parameter").passing
    assert (
        refused
        == "POST customer=‹customer› & foo=1 → 400, type invalid_request_error, code parameter_unknown, param foo"
    )


def test_no_id_of_the_run_is_written_down() -> None:
    lines = [line for clause in CATALOGUE for line in explain(clause.slug).passing]
    assert not [line for line in lines if re.search(r"(pm|cus)_[A-Za-z0-9]{14}", line)]


def test_it_names_the_software_that_breaks_the_clause_and_no_other() -> None:
    broken_by = explain("request.exact-path").broken_by
    assert "Koa" in {target.title for target, _ in broken_by}
    assert {defect.clause for _, defect in broken_by} == {"request.exact-path"}


def test_several_clauses_are_explained_in_the_order_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "response.id", "request.accept"]) == ExitStatus.CONFORMS
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "response.id"
    assert lines.index("request.accept") > lines.index("Why:")


@pytest.mark.slow
def test_it_lists_what_the_recorded_run_found_of_the_clause_and_no_other(
    recorded: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    record = recorded(["bad"])["bad"]
    assert main(["explain", "body.unknown-parameter-nested", "--record", str(record)]) == ExitStatus.CONFORMS
    _, _, findings = capsys.readouterr().out.partition(f"Findings in {record}:")
    assert re.search(r"explain [0-9a-f]{7}`: accepted with 200", findings)
    assert main(["explain", "body.unknown-parameter", "--record", str(record)]) == ExitStatus.CONFORMS
    assert "Findings" not in capsys.readouterr().out


def test_a_record_that_is_named_must_be_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "request.accept", "--record", str(tmp_path / "none.jsonl")]) == ExitStatus.WRONG_USAGE
    out, error = capsys.readouterr()
    assert not out
    assert error.count("\n") == 1


def test_an_unknown_clause_is_one_line_with_the_nearest_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "request.exactpath"]) == ExitStatus.WRONG_USAGE
    out, error = capsys.readouterr()
    assert not out
    assert "request.exact-path" in error
    assert error.count("\n") == 1


def test_the_page_has_a_section_for_each_clause() -> None:
    written = (DOCS / "explained.md").read_text(encoding="utf-8")
    assert written.endswith(page(CATALOGUE))
    assert [line[3:] for line in written.splitlines() if line.startswith("## ")] == [one.slug for one in CATALOGUE]
