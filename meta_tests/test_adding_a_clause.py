"""The page about adding a clause: its example is applied to a copy of the suite and run, and its command works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.paths import SUITE

PAGE = SUITE / "docs" / "adding-a-clause.md"
PACKAGES = ("attach_conformance", "contracts", "strategies", "conformance", "reference", "tests", "benchmarks")

FIND = """
from dataclasses import replace
from benchmarks.detection import DEFECTS, VARIANTS, complaint, false_alarms, job_for, variant_job
from benchmarks.suite import Job, run
chosen = ("--profile=contract", "--clause=header.no-cookie", "--clause=request.minimal-body")
def find(name):
    job = job_for(DEFECTS[name])
    found = run(replace(job, arguments=(*job.arguments, *chosen)))
    print("COMPLAINT", complaint(DEFECTS[name], found))
    return found
found = find("cookie-set")
chosen += ("--clause=error.no-secrets",)
find("key-put-into-a-cookie")
for name in ("cookie-of-the-balancer", "headers-of-a-content-network"):
    job = variant_job(VARIANTS[name], "contract")
    print("ALARMS", false_alarms(VARIANTS[name], run(replace(job, arguments=(*job.arguments, *chosen)))))
silent = run(Job("reference", arguments=chosen))
print("FOUND", *found.outcomes("fail", "deviation"))
print("REFERENCE", silent.results["clauses"]["header.no-cookie"]["outcome"])
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in PACKAGES:
        shutil.copytree(SUITE / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(SUITE / "pyproject.toml", tmp_path)
    return tmp_path


def run_in(folder: Path, *command: str, given: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        command, cwd=folder, env=environment, input=given, capture_output=True, text=True, check=False, timeout=120
    )


def test_the_example_of_the_page_works_as_it_stands(copy: Path) -> None:
    (example,) = re.findall(r"```diff\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    applied = run_in(copy, "git", "apply", "-", given=example)
    assert applied.returncode == 0, applied.stderr
    done = run_in(copy, sys.executable, "-c", FIND)
    assert done.stdout.count("COMPLAINT \n") == 2, done.stdout + done.stderr
    assert done.stdout.count("ALARMS {}\n") == 2, done.stdout
    assert "FOUND header.no-cookie\n" in done.stdout
    assert "REFERENCE pass\n" in done.stdout


def test_new_clause_writes_what_runs(copy: Path) -> None:
    done = run_in(copy, sys.executable, "-m", "conformance", "new-clause", "header.no-cookie", "--level", "SHOULD")
    assert done.returncode == 0, done.stderr
    script = "from contracts import load_catalogue; print(load_catalogue()['header.no-cookie'].level)"
    assert run_in(copy, sys.executable, "-c", script).stdout.strip() == "SHOULD"
    chosen = ("-q", "--profile=contract", "--clause=header.no-cookie")
    done = run_in(copy, sys.executable, "-m", "pytest", f"--results={copy}/results", *chosen)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "contract: nothing failed" in done.stdout
    clauses = (copy / "contracts" / "requirements.toml").read_text(encoding="utf-8")
    assert clauses.index("header.no-cookie") < clauses.index('profile = "stateful"'), "it stands with its profile"


@pytest.mark.parametrize("slug", ["request.minimal-body", "NoChapter", "header.", "Header.x"])
def test_new_clause_refuses_what_is_no_new_slug(slug: str, copy: Path) -> None:
    before = (copy / "contracts" / "requirements.toml").read_bytes()
    done = run_in(copy, sys.executable, "-m", "conformance", "new-clause", slug)
    assert done.returncode == 4
    assert len(done.stderr.strip().splitlines()) == 1
    assert (copy / "contracts" / "requirements.toml").read_bytes() == before
