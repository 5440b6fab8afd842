"""The house: layers, sizes, the bijection of clauses and tests, and pages that are not stale."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.documents import DOCS, PAGES
from conformance.options import SUITE
from conformance.readme import README, readme_with_table
from contracts import load_catalogue

MAY_IMPORT = {
    "contracts": {"contracts"},
    "strategies": {"contracts", "strategies"},
    "conformance": {"contracts", "strategies", "conformance"},
    "tests": {"contracts", "strategies", "conformance", "tests"},
    "reference": {"reference"},
}
LAYERS = {*MAY_IMPORT, "meta_tests", "benchmarks"}
LONGEST_FILE = 500
UNTRACKED = {".venv", ".tox", "build"}


def python_files(folder: str = "") -> list[Path]:
    return [path for path in sorted((SUITE / folder).rglob("*.py")) if not UNTRACKED & set(path.parts)]


def imported_layers(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        found |= {name.partition(".")[0] for name in names}
    return found & LAYERS


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_layers_import_only_what_lies_below(layer: str) -> None:
    for path in python_files(layer):
        assert imported_layers(path.read_text()) <= MAY_IMPORT[layer], path


def test_the_guard_of_the_layers_sees_an_import() -> None:
    assert imported_layers("def f():\n    from conformance.client import Client") == {"conformance"}


def test_no_file_is_long() -> None:
    long = {str(path): count for path in python_files() if (count := len(path.read_text().splitlines())) > LONGEST_FILE}
    assert not long


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
    return [SUITE / name for name in done.stdout.splitlines() if (SUITE / name).is_file()]


def test_no_file_speaks_of_machines_or_registries() -> None:
    hosts = re.compile(
        "|".join(["py" + r"pi\.org", "python" + r"hosted\.org", "registry" + r"\.npmjs", "proxy" + r"\.golang"])
    )
    paths = re.compile(r"/(?:" + "wo" + "rk|ro" + "ot|fa" + r"rm)/")
    for path in tracked_files():
        text = path.read_text(errors="replace")
        assert not hosts.search(text), path
        assert not paths.search(text), path
