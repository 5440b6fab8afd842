"""The suite within another project: its own expectations and results there, and nothing else of that project."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.__main__ import main
from conformance.paths import SUITE
from conformance.verdict.run import ExitStatus
from meta_tests.other_project import make_hostile_project
from reference import running
from reference.defects import CATALOGUE as DEFECTS

FEW = ("--profile", "contract", "--budget", "quick", "-k", "json or minimal")
KEY = "sk_test_anotherproject0123456789"
JSON = "request.json-refused"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_hostile_project(tmp_path / "project")


def run_in(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    hostile = {"PYTEST_ADDOPTS": "-k nothing --no-such-option", "PYTEST_PLUGINS": "their_plugin", "STRIPE_API_KEY": KEY}
    hostile["PYTHONPATH"] = str(project / "site")
    return subprocess.run(
        [sys.executable, "-m", "conformance", "run", *arguments],
        cwd=project,
        env={**os.environ, **hostile, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_hostile_project_changes_nothing(project: Path) -> None:
    before = files_in(project)
    defect = next(name for name, defect in DEFECTS.items() if defect.clause == JSON)
    with running(defect, api_key=KEY) as server:
        target = ("--base-url", server.url, *FEW)
        proposing = run_in(project, *target, "--write-expectations", "known.toml", "--results", "first")
        assert proposing.returncode == 1, proposing.stdout + proposing.stderr
        gate = run_in(project, *target, "--expectations", "known.toml", "--results", "conformance-results", "-n", "1")
    assert gate.returncode == 0, gate.stdout + gate.stderr
    assert f"rootdir: {SUITE}\n" in gate.stdout
    assert "known.toml: as expected (1 expected failure)" in gate.stdout
    assert "warning" not in gate.stdout.lower()
    results = json.loads((project / "conformance-results" / "results.json").read_text())
    assert results["clauses"][JSON]["outcome"] == "expected"
    written = files_in(project) - before
    assert "conformance-results/report.html" in written
    assert {path.partition("/")[0] for path in written} == {"known.toml", "first", "conformance-results"}


def test_help_is_about_the_suite(project: Path) -> None:
    done = run_in(project, "--help")
    assert done.returncode == 0, done.stderr
    for option in ("--base-url URL", "--profile {contract,stateful,stripe}", "--expectations FILE", "--dry-run "):
        assert f"\n  {option}" in done.stdout
    assert "--maxfail" not in done.stdout


def test_wrong_usage_of_a_command_has_the_status_of_wrong_usage(project: Path) -> None:
    done = run_in(project, "--no-such-option")
    assert done.returncode == 4
    assert "--no-such-option" in done.stderr


def test_a_missing_command_has_the_status_of_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([])
    assert left.value.code == ExitStatus.WRONG_USAGE
    assert "COMMAND" in capsys.readouterr().err
