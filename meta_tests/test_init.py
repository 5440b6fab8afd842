"""`init` writes files with which a project tests its server, and leaves alone what is there."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from conformance.__main__ import main
from conformance.commands.init import EXPECTATIONS, SCRIPT, WORKFLOW
from conformance.paths import SUITE
from conformance.verdict.expectations import read_expectations
from conformance.verdict.run import ExitStatus
from contracts import load_catalogue
from reference import running

CALL = ("--start", "python3 server.py 8420", "--base-url", "http://127.0.0.1:8420/v1")


def test_it_writes_expectations_a_script_and_a_workflow(tmp_path: Path) -> None:
    assert main(["init", str(tmp_path), *CALL]) == ExitStatus.CONFORMS
    script = (tmp_path / SCRIPT).read_text()
    assert subprocess.run(["sh", "-n", str(tmp_path / SCRIPT)]).returncode == 0
    assert (tmp_path / SCRIPT).stat().st_mode & 0o111
    assert "python3 server.py 8420 > server.log" in script
    assert "url=http://127.0.0.1:8420\n" in script
    assert ' run --base-url "$url" --profile contract' in script
    assert not [line for line in script.splitlines() if line.count('"') % 2 or '"http' in line]
    assert "# install here what your server needs" in (tmp_path / WORKFLOW).read_text()
    workflow = yaml.safe_load((tmp_path / WORKFLOW).read_text())
    steps = workflow["jobs"]["attach"]["steps"]
    assert steps[-1]["with"]["base-url"] == "http://127.0.0.1:8420"
    assert "python3 server.py 8420 > server.log" in steps[1]["run"]
    assert not read_expectations(tmp_path / EXPECTATIONS, "conformance.toml", load_catalogue()).entries


def test_what_is_there_stays_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (SCRIPT, WORKFLOW, EXPECTATIONS):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("mine")
    assert main(["init", str(tmp_path), *CALL, "--observe"]) == ExitStatus.CONFORMS
    assert all((tmp_path / path).read_text() == "mine" for path in (SCRIPT, WORKFLOW, EXPECTATIONS))
    assert capsys.readouterr().out.count("there already") == 3


def run_script(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", str(folder / SCRIPT), *options], capture_output=True, text=True, timeout=120)


def test_the_script_is_green_with_what_was_observed_and_red_without(tmp_path: Path) -> None:
    with running("json-obeyed") as server:
        start = f"PYTHONPATH={SUITE} {sys.executable} -m reference --port {server.port} --defect json-obeyed"
        call = ["--start", start, "--base-url", server.url, "--observe"]
        done = subprocess.run(["attach-conformance", "init", str(tmp_path), *call], capture_output=True, text=True)
        assert done.returncode == ExitStatus.CONFORMS, done.stdout + done.stderr
        taken = run_script(tmp_path)
        assert taken.returncode == ExitStatus.UNREACHABLE
        assert "stop it, so that the server of this folder is tested" in taken.stderr
    entries = read_expectations(tmp_path / EXPECTATIONS, "conformance.toml", load_catalogue()).entries
    assert [entry.clause for entry in entries] == ["request.json-refused"]
    narrow = ("--clause", "request.json-refused")
    green = run_script(tmp_path, *narrow)
    assert green.returncode == ExitStatus.CONFORMS, green.stdout + green.stderr
    (tmp_path / EXPECTATIONS).write_text("")
    assert run_script(tmp_path, *narrow).returncode == ExitStatus.DOES_NOT_CONFORM


def test_the_script_says_that_the_server_has_ended(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert main(["init", str(tmp_path), "--start", "false", "--base-url", url]) == ExitStatus.CONFORMS
    done = run_script(tmp_path)
    assert done.returncode == ExitStatus.UNREACHABLE
    assert done.stderr == "the server has ended: see server.log\n"


def test_a_url_that_is_none_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path), "--start", "x", "--base-url", "nowhere"]) == ExitStatus.WRONG_USAGE
    assert "must start with http" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
