"""Errors of the suite itself: one place decides status and words, and each can be debugged from the run's own files."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest

from conformance.fixtures.objects import Fixtures
from conformance.judge.expectations import ALL_EXPECTATIONS
from conformance.paths import SUITE
from conformance.plugin.controller import Controller
from conformance.plugin.items import ItemRunner
from conformance.reports import workflow
from conformance.reports.badge import verdict_of
from conformance.reports.rendering import FORMS, concluded_again
from conformance.scenes.stage import Stage
from conformance.verdict.record import Record
from conformance.verdict.run import ExitStatus
from reference import running

KEY = "sk_test_internalerrors0123456789"
BUG = "a bug of the suite"
ONE = ("--profile", "contract", "--clause", "request.minimal-body", "--clause", "request.json-refused")


def bug(*arguments: object, **options: object) -> NoReturn:
    raise LookupError(f"{BUG}, and the key {KEY}")


def run_in(folder: Path, *arguments: str, defect: str | None = None) -> int:
    base: Sequence[str] = (str(SUITE / "tests"), f"--rootdir={SUITE}", "-p", "no:cacheprovider", "--assert=plain")
    with running(defect, api_key=KEY) as server:
        return int(pytest.main([*base, "--base-url", server.url, "--results", str(folder), *arguments]))


def results_in(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return content


@pytest.fixture
def keyed(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("STRIPE_API_KEY", KEY)
    return monkeypatch


@pytest.fixture
def in_the_verb(keyed: pytest.MonkeyPatch) -> None:
    keyed.setattr(Stage, "send_shared", bug)


@pytest.fixture
def in_the_judge(keyed: pytest.MonkeyPatch) -> None:
    keyed.setitem(ALL_EXPECTATIONS, "rejected", bug)


@pytest.mark.parametrize("place", ["in_the_verb", "in_the_judge"])
def test_an_error_in_a_test_is_no_verdict_and_can_be_debugged(
    place: str, request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request.getfixturevalue(place)
    status = run_in(tmp_path, *ONE)
    shown = capsys.readouterr().out
    results = results_in(tmp_path)
    clause = results["clauses"]["request.json-refused"]
    assert (status, results["exit_status"], results["verdict"]) == (3, 3, "internal-error")
    assert results["verdicts"]["contract"] == "internal-error"
    assert clause["outcome"] == "error"
    assert results["clauses"]["request.minimal-body"]["outcome"] == "pass"
    assert "Traceback" in clause["traceback"]
    assert BUG in clause["traceback"]
    assert "request.json-refused" in {error["clause"] for error in results["errors"]}
    assert "internal error of the suite in " in shown
    assert "test_internal_errors.py" in shown
    assert "inconclusive" not in shown
    assert workflow.headline(results).startswith("contract ⚠️ internal error")
    assert verdict_of(results)[0] == "internal error of the suite"
    junit = (tmp_path / "junit.xml").read_text(encoding="utf-8")
    assert BUG in junit
    assert "Traceback" in junit
    assert BUG in (tmp_path / "report.html").read_text(encoding="utf-8")
    for file in tmp_path.iterdir():
        assert KEY not in file.read_text(encoding="utf-8")
    assert KEY not in shown


@pytest.mark.usefixtures("in_the_judge")
def test_the_record_of_an_error_renders_the_same(keyed: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run_in(tmp_path, *ONE)
    record = Record.at(tmp_path / "run.jsonl")
    run = concluded_again(record)
    assert run.exit_status is ExitStatus.OUR_ERROR
    assert run.to_json()["errors"] == results_in(tmp_path)["errors"]
    for form in FORMS.values():
        assert form.render(record, run)


@pytest.mark.usefixtures("in_the_judge")
def test_what_is_broken_is_shown_with_an_error_elsewhere(tmp_path: Path) -> None:
    defect = _breaking("response.status")
    status = run_in(tmp_path, *ONE, "--clause", "response.status", defect=defect)
    results = results_in(tmp_path)
    assert status == results["exit_status"] == 3
    assert results["clauses"]["response.status"]["outcome"] == "fail"
    assert results["verdicts"]["contract"] == "does-not-conform"


def _breaking(clause: str) -> str:
    from reference.defects import CATALOGUE

    return next(name for name, defect in CATALOGUE.items() if defect.clause == clause)


def broken_item(*arguments: object) -> NoReturn:
    bug()


BREAKAGES: dict[str, Callable[[pytest.MonkeyPatch], object]] = {
    "clean-up": lambda patch: patch.setattr(Fixtures, "clean_up", bug),
    "pytest": lambda patch: patch.setattr(Controller, "_report_beside", bug),
    "conclusion": lambda patch: patch.setattr(Controller, "_concluded", bug),
}


@pytest.mark.parametrize("where", sorted(BREAKAGES))
def test_an_error_outside_of_tests_is_no_verdict(
    where: str, keyed: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    BREAKAGES[where](keyed)
    status = run_in(tmp_path, *ONE)
    shown = capsys.readouterr().out
    results = results_in(tmp_path)
    assert (status, results["exit_status"], results["verdict"]) == (3, 3, "internal-error")
    assert where in [error["where"] for error in results["errors"]]
    assert any("Traceback" in error["traceback"] for error in results["errors"])
    assert "internal error of the suite" in shown
    assert BUG in shown
    assert any("Internal error of the suite" in line for line in workflow.annotations_of(results))
    assert KEY not in shown + json.dumps(results)


@pytest.mark.parametrize(("defect", "status"), [(None, 0), ("response.status", 1)])
@pytest.mark.parametrize("what", ["print_summary", "html_section", "results_text"])
def test_a_renderer_that_fails_changes_no_status(
    what: str,
    defect: str | None,
    status: int,
    keyed: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    keyed.setattr(f"conformance.plugin.controller.{what}", bug)
    clauses = ("--profile", "contract", "--clause", "request.minimal-body", "--clause", "response.status")
    assert run_in(tmp_path, *clauses, defect=defect and _breaking(defect)) == status
    assert BUG in capsys.readouterr().out
    assert Record.at(tmp_path / "run.jsonl").footer["exit_status"] == status


def full_disk(self: Path, *arguments: object, **options: object) -> NoReturn:
    raise OSError(errno.ENOSPC, "No space left on device", str(self))


def test_a_full_disk_changes_no_status(
    keyed: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keyed.setattr("conformance.plugin.careful.write_whole", full_disk)
    keyed.setattr(Path, "write_text", full_disk)
    assert run_in(tmp_path, *ONE) == 0
    shown = capsys.readouterr().out
    assert "run.jsonl could not be written: No space left on device" in shown
    assert "results.json could not be written" in shown
    assert "contract: nothing failed" in shown


@pytest.mark.parametrize("when", ["setup", "teardown"])
def test_an_error_around_a_test_is_one_of_the_suite(when: str, keyed: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keyed.setattr(ItemRunner, f"pytest_runtest_{when}", staticmethod(broken_item), raising=False)
    assert run_in(tmp_path, *ONE) == 3
    assert results_in(tmp_path)["verdict"] == "internal-error"


def test_the_status_in_the_results_is_that_of_the_process(keyed: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert run_in(tmp_path, "-k", "nothing_of_that_name") == 5
    assert results_in(tmp_path)["exit_status"] == 5
    record = Record.at(tmp_path / "run.jsonl")
    assert concluded_again(record).exit_status is ExitStatus.NOTHING_SELECTED


def test_workers_that_cannot_start_are_an_error_of_the_suite(tmp_path: Path, keyed: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_on_workers.py").write_text(
        "import os\n\nif 'PYTEST_XDIST_WORKER' in os.environ:\n    raise ImportError('a bug of the suite')\n"
    )
    keyed.syspath_prepend(str(tmp_path))
    keyed.delenv("PYTEST_XDIST_WORKER", raising=False)  # this test may itself run on a worker
    results = tmp_path / "results"
    assert run_in(results, *ONE, "-p", "broken_on_workers", "-n", "1", "--max-worker-restart", "0") == 3
    assert any(error["where"].startswith("worker") for error in results_in(results)["errors"])
