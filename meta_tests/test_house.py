"""The house: layers, sizes, the bijection of clauses and tests, and pages that are not stale."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.commands.docs.command import DOCS, PAGES
from conformance.commands.docs.readme import README, readme_with_table
from conformance.paths import SUITE
from contracts import load_catalogue
from meta_tests.conftest import LONGEST_FIRST, SLOW

LONGEST_FILE = 500
ROOT_PACKAGES = (
    "attach_conformance",
    "contracts",
    "strategies",
    "conformance",
    "reference",
    "tests",
    "benchmarks",
    "meta_tests",
)
UNTRACKED = {".venv", ".tox", "build"}


def python_files(folder: str = "") -> list[Path]:
    files = sorted((SUITE / folder).rglob("*.py"))
    return [path for path in files if not UNTRACKED & set(path.relative_to(SUITE).parts)]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter in `folder`, with the contracts that stand in its pyproject.toml."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    return subprocess.run([*command, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False)


def test_rooms_import_only_what_lies_below() -> None:
    done = lint_imports(SUITE)
    assert done.returncode == 0, done.stdout


def test_an_import_of_a_higher_room_is_seen(tmp_path: Path) -> None:
    for name in ROOT_PACKAGES:
        shutil.copytree(SUITE / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(SUITE / "pyproject.toml", tmp_path)
    imports = {"conformance/evidence/exchange": "conformance.commands.sweep", "benchmarks/suite": "meta_tests.nasty"}
    for name, imported in imports.items():
        module = tmp_path / f"{name}.py"
        module.write_text(module.read_text() + f"\n\ndef late():\n    import {imported}\n")
    shown = lint_imports(tmp_path).stdout
    assert "evidence.exchange -> conformance.commands.sweep" in shown
    assert "benchmarks.suite -> meta_tests.nasty" in shown


def test_no_file_is_long() -> None:
    lengths = {path.relative_to(SUITE): len(path.read_text().splitlines()) for path in python_files()}
    assert {path.parts[0] for path in lengths} >= set(ROOT_PACKAGES)
    assert not {path: length for path, length in lengths.items() if length > LONGEST_FILE}


def test_the_slow_files_and_the_longest_are_there() -> None:
    assert {path.stem for path in python_files("meta_tests")} >= SLOW | set(LONGEST_FIRST)


def marked_clauses() -> tuple[set[str], set[str]]:
    """The clauses that tests are for, and those that belong to a test on the side."""
    own: set[str] = set()
    beside: set[str] = set()
    script = (
        "import pytest\n"
        "class Collect:\n"
        "    def pytest_collection_finish(self, session):\n"
        "        for item in session.items:\n"
        "            mark = item.get_closest_marker('clause')\n"
        "            assert mark, item.nodeid\n"
        "            print('CLAUSE', mark.args[0] or '-', *mark.args[1])\n"
        "pytest.main(['--collect-only', '-qq', 'tests'], plugins=[Collect()])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=SUITE, capture_output=True, text=True, check=True)
    lines = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("CLAUSE")]
    assert lines, done.stdout + done.stderr
    for first, *rest in lines:
        own |= {first} - {"-"}
        beside |= set(rest)
    return own, beside


def test_every_clause_has_a_test_or_a_reason_and_every_test_a_clause() -> None:
    catalogue = load_catalogue()
    own, beside = marked_clauses()
    general = {clause.slug for clause in catalogue if clause.general}
    reasons = {clause.slug for clause in catalogue if clause.not_tested}
    known = {clause.slug for clause in catalogue}
    assert own | beside <= known
    assert (own | beside | general) & reasons == set(), "tested, and said not to be"
    assert own | beside | general | reasons == known


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_not_stale(name: str) -> None:
    assert (DOCS / name).read_text() == PAGES[name](load_catalogue()), "run `python -m conformance docs`"


def test_the_table_in_the_readme_is_not_stale() -> None:
    text = README.read_text()
    assert text == readme_with_table(text, load_catalogue()), "run `python -m conformance docs`"


def tracked_files() -> list[Path]:
    done = subprocess.run(["git", "ls-files"], cwd=SUITE, capture_output=True, text=True, check=True)
    files = [SUITE / name for name in done.stdout.splitlines() if (SUITE / name).is_file()]
    assert SUITE / "pyproject.toml" in files
    return files


def test_no_file_speaks_of_machines_or_registries() -> None:
    hosts = re.compile(
        "|".join(["py" + r"pi\.org", "python" + r"hosted\.org", "registry" + r"\.npmjs", "proxy" + r"\.golang"])
    )
    paths = re.compile(r"/(?:" + "wo" + "rk|ro" + "ot|fa" + r"rm)/")
    for path in tracked_files():
        text = path.read_text(errors="replace")
        assert not hosts.search(text), path
        assert not paths.search(text), path
