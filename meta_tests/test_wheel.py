"""The wheel: one package that holds all of the suite, and touches no pytest but its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.forging import SIGNER, honest
from conformance.commands.certificate.files import write_zip
from conformance.paths import SUITE
from conformance.targets.description import members
from conformance.verdict.record import Record
from meta_tests.bare_environment import (
    BareEnvironment,
    build,
    make_environment,
    needed_distributions,
    requirements_of,
)
from meta_tests.conftest import Recorded
from meta_tests.other_project import make_hostile_project
from reference import running
from reference.defects import CATALOGUE as DEFECTS

FOLDERS = ("contracts", "strategies", "conformance", "reference", "tests", "targets")
KEY = "sk_test_wheel0123456789abcdef"
JSON = "request.json-refused"
DATE = (2017, 7, 14, 2, 40, 0)
"""What the members of a wheel have here as their date; in seconds, `SOURCE_DATE_EPOCH`."""

WHO = ("-c", "user.name=they", "-c", "user.email=they@example.com")

THEIR_TEST = f"""\
import importlib.util, sys
import contracts

def test_theirs():
    assert not {{*{FOLDERS[1:]!r}, "attach_conformance"}} & {{*sys.modules}}
    assert importlib.util.find_spec("attach_conformance") is not None
    assert [name for name in {FOLDERS[:4]!r} if importlib.util.find_spec(name)] == ["contracts"]
    assert contracts.OWNER == "them"
"""


def run(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    everything = {**os.environ, "COLUMNS": "200", **environment}
    return subprocess.run(command, cwd=folder, env=everything, capture_output=True, text=True, timeout=300, check=False)


@dataclass(frozen=True)
class Place:
    """An environment with the wheel, what its pytest's help was before that, and a hostile project."""

    environment: BareEnvironment
    help_before: str
    project: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `attach-conformance` in the project."""
        hostile = {"PYTEST_ADDOPTS": "--no-such-option", "PYTEST_PLUGINS": "their_plugin", "STRIPE_API_KEY": KEY}
        hostile["PYTHONPATH"] = str(self.project / "site")
        return run([self.environment.program("attach-conformance"), *arguments], self.project, **hostile)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Place:
    folder = tmp_path_factory.mktemp("place")
    for command in (["init", "--quiet"], [*WHO, "commit", "--quiet", "--allow-empty", "--message", "theirs"]):
        assert run(["git", *command], folder).returncode == 0
    environment = make_environment(folder / "environment")
    environment.link(needed_distributions(requirements_of(wheel)))
    help_before = pytest_help(environment, folder)
    environment.install(wheel)
    return Place(environment, help_before, make_hostile_project(folder / "project"))


def pytest_help(environment: BareEnvironment, folder: Path) -> str:
    done = run([environment.program("python"), "-m", "pytest", "--help"], folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def entry_points(wheel: Path) -> str:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/entry_points.txt"))
        return archive.read(name).decode()


def test_the_wheel_holds_one_package_and_in_it_what_the_clone_has(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    tops = {name.partition("/")[0] for name in packed}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"attach_conformance"}
    assert "attach_conformance/py.typed" in packed
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *FOLDERS]
    of_the_zoo = [f"zoo/{name}/{name}.toml" for name in members()]
    names = (*run(listing, SUITE).stdout.splitlines(), *of_the_zoo, "pyproject.toml")
    wanted = {name: (SUITE / name).read_bytes() for name in names}
    inside = "attach_conformance/suite/"
    assert {name.removeprefix(inside): packed[name] for name in packed if name.startswith(inside)} == wanted


def test_only_a_clone_brings_a_plugin_of_pytest(wheel: Path, tmp_path: Path) -> None:
    assert "[console_scripts]" in entry_points(wheel)
    assert "pytest11" not in entry_points(wheel)
    assert "[pytest11]\nattach_conformance = conformance.plugin.hooks\n" in entry_points(build("editable", tmp_path))


def test_a_build_from_the_source_distribution_gives_the_same_file(wheel: Path, tmp_path: Path) -> None:
    sdist = build("sdist", tmp_path)
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "unpacked")
    (source,) = (tmp_path / "unpacked").iterdir()
    for path in source.rglob("*"):
        os.utime(path, (10**9, 10**9))
    assert build("wheel", tmp_path, source).read_bytes() == wheel.read_bytes()
    with zipfile.ZipFile(wheel) as archive:
        assert {member.date_time for member in archive.infolist()} == {DATE}


def test_the_pytest_of_another_project_stays_as_it_was(place: Place, tmp_path: Path) -> None:
    assert pytest_help(place.environment, tmp_path) == place.help_before
    for package in ("tests", "contracts"):
        (tmp_path / package).mkdir()
    (tmp_path / "contracts" / "__init__.py").write_text("OWNER = 'them'\n")
    (tmp_path / "tests" / "test_theirs.py").write_text(THEIR_TEST)
    done = run([place.environment.program("python"), "-m", "pytest", "-v", "-p", "no:cacheprovider"], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "conformance" not in done.stdout.replace(str(place.environment.folder), "")


def test_a_run_and_what_follows_it_work_in_a_hostile_project(place: Place) -> None:
    defect = next(name for name, defect in DEFECTS.items() if defect.clause == JSON)
    before = {path.name for path in place.project.iterdir()}
    with running(defect, api_key=KEY) as server:
        few = ("--profile", "contract", "--budget", "quick", "-k", "json or minimal")
        done = place.run("run", "--base-url", server.url, *few, "--results", "out")
        replayed = place.run("replay", JSON, "--record", "out/run.jsonl")
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"attach-conformance explain [0-9a-f]{7} ", done.stdout)
    assert {path.name for path in place.project.iterdir()} - before == {"out"}
    results = json.loads((place.project / "out" / "results.json").read_text())
    assert [slug for slug, clause in results["clauses"].items() if clause["outcome"] == "fail"] == [JSON]
    first = json.loads((place.project / "out" / "run.jsonl").read_text().partition("\n")[0])
    assert first["header"]["suite"]["commit"] is None, "the commit of the repository around it is not the suite's"

    assert "still fails" in replayed.stdout, replayed.stdout + replayed.stderr
    done = place.run("render", "out/run.jsonl", "--markdown", "out/summary.md")
    assert done.returncode == 0, done.stderr
    assert JSON in (place.project / "out" / "summary.md").read_text()
    program = place.environment.folder / "bin" / "attach-conformance"
    explained = place.run("explain", JSON).stdout
    assert f"`{program} run --base-url URL --clause {JSON}`" in explained
    assert "Fastify" in explained, "the zoo's descriptions are in the wheel"


def test_it_verifies_what_a_clone_has_recorded(place: Place, recorded: Recorded, tmp_path: Path) -> None:
    write_zip(honest(Record.read(recorded(["contract"])["contract"])), tmp_path / "certificate.zip")
    (tmp_path / "key.pem").write_text(SIGNER.public_key.keyval["public"])
    done = place.run("verify", str(tmp_path / "certificate.zip"), "--key", str(tmp_path / "key.pem"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "genuine: the product conforms" in done.stdout


def test_the_program_says_its_version_and_has_no_command_that_writes_into_the_suite(place: Place) -> None:
    version = tomllib.loads((SUITE / "pyproject.toml").read_text())["project"]["version"]
    assert place.run("--version").stdout == f"attach-conformance {version}\n"
    wrong = place.run("docs")
    assert wrong.returncode == 4
    choices = wrong.stderr.replace("'", "")
    assert "invalid choice: docs" in choices
    assert "render, sweep, judge" in choices, "new-clause stands between the two in a clone"
