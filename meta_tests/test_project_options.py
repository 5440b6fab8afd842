"""Options may stand in the project's pyproject.toml: the command line wins, and a wrong one is one clear line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conformance.plugin.options import add_options
from conformance.plugin.project import arguments_of


def options() -> dict[str, dict[str, Any]]:
    parser = pytest.Parser(_ispytest=True)
    add_options(parser)
    own = parser.getgroup("conformance").options
    return {"base-url": {}, **{option.names()[0][2:]: option.attrs() for option in own}}


def arguments(section: dict[str, Any], *given: str, folder: str = ".") -> list[str]:
    return list(arguments_of(section, options(), given, Path(folder)))


def test_each_kind_of_option_becomes_an_argument() -> None:
    section = {"base-url": "http://127.0.0.1:1", "rate": 5, "clause": ["auth.missing", "auth.empty"], "dry-run": True}
    assert arguments(section) == [
        "--base-url=http://127.0.0.1:1",
        "--rate=5",
        "--clause=auth.missing",
        "--clause=auth.empty",
        "--dry-run",
    ]
    assert arguments({"dry-run": False}) == []


def test_the_command_line_wins() -> None:
    section = {"profile": "contract", "clause": ["auth.missing"], "base-url": "http://127.0.0.1:1"}
    assert arguments(section, "--clause", "auth.empty", "--profile=stripe") == ["--base-url=http://127.0.0.1:1"]
    assert arguments(section, "--target", "localstripe") == ["--profile=contract", "--clause=auth.missing"]


def test_files_lie_beside_the_project_file() -> None:
    section = {"expectations": "conformance.toml", "results": "out"}
    assert arguments(section, folder="..") == ["--expectations=../conformance.toml", "--results=../out"]
    assert arguments({"results": "/tmp/out"}, folder="..") == ["--results=/tmp/out"]


@pytest.mark.parametrize(
    ("section", "why"),
    [
        ({"profil": "contract"}, "there is no such option: did you mean profile?"),
        ({"dry-run": "yes"}, "give true or false"),
        ({"profile": ["contract"]}, "neither a text nor a number"),
        ({"rate": True}, "neither a text nor a number"),
        ({"base-url": ""}, "it is empty"),
        ({"expectations": ""}, "it is empty"),
        ({"api-key": "sk_test_1"}, "STRIPE_API_KEY"),
    ],
)
def test_a_wrong_option_is_one_line(section: dict[str, Any], why: str) -> None:
    with pytest.raises(pytest.UsageError) as raised:
        arguments(section)
    (line,) = raised.value.args
    assert line.startswith("pyproject.toml, [tool.attach-conformance]")
    assert why in line
    assert "\n" not in line
    assert "sk_test" not in line


def run_in(folder: Path, text: str, *more: str) -> subprocess.CompletedProcess[str]:
    (folder / "pyproject.toml").write_text(text)
    below = folder / "below"
    below.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "conformance", "run", *more]
    return subprocess.run(command, cwd=below, capture_output=True, text=True, check=False)


def test_a_run_reads_them(tmp_path: Path) -> None:
    text = '[tool.attach-conformance]\nclause = "auth.missing"\nresults = "out"\nseed = 7\n'
    done = run_in(tmp_path, text, "--seed", "8")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "profile: stripe  level: must  budget: standard  seed: 8" in done.stdout
    assert (tmp_path / "out" / "results.json").is_file()


def test_a_run_ends_at_an_unknown_one(tmp_path: Path) -> None:
    done = run_in(tmp_path, '[tool.attach-conformance]\nlevle = "should"\n')
    assert done.returncode == 4
    said = (done.stdout + done.stderr).strip().splitlines()
    assert said == [
        "ERROR: pyproject.toml, [tool.attach-conformance] levle: there is no such option: did you mean level?"
    ]
