"""The command `doctor`: what it says of targets that can be tested, and of those that cannot."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from benchmarks.suite import Job, run
from conformance.__main__ import main
from conformance.commands.doctor import ABOUT
from conformance.fixtures.capabilities import CAPABILITY_NAMES
from conformance.paths import program_here
from conformance.verdict.run import ExitStatus
from reference import running


def asked(capsys: pytest.CaptureFixture[str], url: str, *more: str) -> tuple[int, str]:
    status = main(["doctor", "--base-url", url, *more])
    return status, capsys.readouterr().out


def test_it_shows_what_a_target_can_do_and_each_request_with_its_answer(capsys: pytest.CaptureFixture[str]) -> None:
    with running() as server:
        status, said = asked(capsys, server.url)
    assert status == ExitStatus.CONFORMS
    assert all(f"✓ {name}" in said for name in CAPABILITY_NAMES)
    assert re.search(r"POST /v1/customers \S+ → 200", said)
    assert f"next: {program_here()} run --base-url {server.url}" in said


def test_what_is_missing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with running(variants=("no-detach",)) as server:
        _, said = asked(capsys, server.url)
    assert "– detach" in said
    assert "not applicable" in said


def test_the_verdict_stands_before_the_traffic(capsys: pytest.CaptureFixture[str]) -> None:
    with running() as server:
        _, said = asked(capsys, server.url)
    assert said.startswith(f"{server.url} can be tested\n")
    assert said.index("next: ") < said.index("what was sent, and what came back:") < said.index("POST /v1/customers")


def test_it_reads_what_the_project_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["doctor"]) == ExitStatus.WRONG_USAGE
    assert "give --base-url URL, here or in pyproject.toml" in capsys.readouterr().err
    with running() as server:
        said = f'[tool.attach-conformance]\nbase-url = "{server.url}"\nprofile = "contract"\ntimeout = 5\n'
        (tmp_path / "pyproject.toml").write_text(said)
        assert main(["doctor"]) == ExitStatus.CONFORMS
        assert f"{server.url} can be tested" in capsys.readouterr().out
    assert asked(capsys, "http://127.0.0.1:9")[0] == ExitStatus.UNREACHABLE


def test_it_leaves_no_customer_behind(capsys: pytest.CaptureFixture[str]) -> None:
    with running() as server:
        asked(capsys, server.url)
        main(["sweep", "--base-url", server.url, "--older-than", "0", "--dry-run"])
    assert "cus_" not in capsys.readouterr().out


def test_nobody_listening(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    status, said = asked(capsys, f"http://127.0.0.1:{port}")
    assert status == ExitStatus.UNREACHABLE
    assert "refused" in said
    assert "hint: start it" in said


def test_a_bad_url_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--base-url", "ftp://127.0.0.1"]) == ExitStatus.WRONG_USAGE
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)


@pytest.mark.slow
@pytest.mark.parametrize(("profile", "budget"), [("contract", "quick"), ("contract", "standard")])
def test_the_costs_that_it_names_are_those_of_a_run(profile: str, budget: str) -> None:
    found = run(Job("reference", arguments=("--profile", profile, "--budget", budget)))
    assert found.results["requests"] == pytest.approx(ABOUT[profile, budget], rel=0.05)
