"""Options that hold what no option can: wrong usage, in one line, and nothing is sent."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.runs import CATALOGUE, run_with
from conformance.__main__ import main, parser
from conformance.commands.sweep import CannotSweep, left_behind
from conformance.evidence.episode import Outcome
from conformance.evidence.secret import made_up_key
from conformance.paths import PLUGIN, SUITE
from conformance.transport.client import Address, Client, TargetError
from conformance.verdict.profiles import verdict_of
from conformance.verdict.run import ExitStatus
from contracts import published_contract

KEY = "sk_test_wrongusage0123456789abcd"
ODD_URLS = (
    "http://\u2460.1:1",
    "http://\u4e2d.example",
    "http://127.0.0.1/\u4e2d",
    "http://a b",
    "http://a\tb",
    "http://\udcff",
)
NO_VALUE = {
    "sweep": ("sweep", "--base-url", "http://127.0.0.1:1", "--dry-run", "--older-than=--"),
    "certify": ("certify", "a", "--product", "a", "--version", "1", "--key", "a", "--valid-days=--"),
    "compare": ("compare", "--against", "http://127.0.0.1:1", "--seed=--"),
}


EMPTY = {
    "verify": ("verify", "a.zip", "--key", "a", "--against", ""),
    "verify of a product": ("verify", "a.zip", "--key", "a", "--product="),
    "a bundle": ("verify", "", "--key", "a"),
    "compare": ("compare", "--against", "http://127.0.0.1:1", "--base-url", ""),
    "doctor": ("doctor", "--base-url="),
    "render": ("render", "a", "--to", ""),
}


@pytest.mark.parametrize("url", ODD_URLS)
def test_a_url_that_cannot_stand_in_a_request_is_refused(url: str) -> None:
    with pytest.raises(TargetError, match="plain ASCII"):
        Address.of(url)


@pytest.mark.parametrize("url", [" http://127.0.0.1:1", "http://127.0.0.1:1\n"])
def test_white_space_around_a_url_is_left_out(url: str) -> None:
    assert Address.of(url).url == "http://127.0.0.1:1"


@pytest.mark.parametrize("command", NO_VALUE)
def test_two_dashes_are_no_value(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*NO_VALUE[command]])

    assert ended.value.code == ExitStatus.WRONG_USAGE
    assert "invalid value '--'" in capsys.readouterr().err


@pytest.mark.parametrize("command", EMPTY)
def test_an_empty_argument_does_not_pass_for_none(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*EMPTY[command]])

    assert ended.value.code == ExitStatus.WRONG_USAGE
    assert capsys.readouterr().err.splitlines()[-1].endswith("it is empty: give a value (is a variable set?)")


def test_a_list_that_cannot_be_had_is_said_so() -> None:
    client = Client(Address.of("http://127.0.0.1:1"), made_up_key(), published_contract())

    with pytest.raises(CannotSweep, match="GET /v1/customers was not answered: the connection was refused"):
        next(left_behind(client))


def run_in_a_process(*arguments: str, optimized: str = "") -> subprocess.CompletedProcess[str]:
    """Run the suite in a process of its own: one that ends before it begins leaves pytest half set up."""
    command = [
        sys.executable,
        *filter(None, [optimized]),
        "-m",
        "conformance",
        "run",
        "--base-url",
        "http://127.0.0.1:1",
    ]
    environment = {**os.environ, "STRIPE_API_KEY": KEY}
    return subprocess.run(
        [*command, *arguments], cwd=SUITE, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("option", ["--html=/proc/none/report.html", "--results=/proc/none"])
def test_a_report_that_cannot_be_written_stops_the_run_before_it_begins(option: str, tmp_path: Path) -> None:
    done = run_in_a_process(f"--results={tmp_path}", option)

    assert done.returncode == ExitStatus.WRONG_USAGE
    assert "nothing can be written there" in done.stderr
    assert "INTERNALERROR" not in done.stdout + done.stderr


@pytest.mark.parametrize("option", ["--base-url=", "--target=", "--results="])
def test_an_empty_option_of_a_run_does_not_pass_for_none(option: str, tmp_path: Path) -> None:
    done = run_in_a_process(f"--results={tmp_path}", option)

    assert done.returncode == ExitStatus.WRONG_USAGE, done.stdout
    assert f"{option[:-1]} is empty" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_empty_option_of_pytest_is_handed_on() -> None:
    assert parser().parse_args(["run", "-m", "", "-k="]).given == ["-m", "", "-k="]


def test_a_folder_that_is_gone_is_wrong_usage(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    done = subprocess.run(
        ["sh", "-c", 'rmdir "$PWD" && exec "$0" -m conformance nonce', sys.executable],
        cwd=gone,
        env={**os.environ, "PYTHONPATH": str(SUITE)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == ExitStatus.WRONG_USAGE, done
    assert "the current folder is gone" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("optimized", ["-O", "-OO"])
def test_without_assertions_or_docstrings_the_run_does_not_begin(optimized: str, tmp_path: Path) -> None:
    done = run_in_a_process(f"--results={tmp_path}", optimized=optimized)

    assert done.returncode == ExitStatus.WRONG_USAGE, done
    assert "PYTHONOPTIMIZE" in done.stderr


def test_a_verdict_counts_a_clause_that_does_not_apply_as_not_judged() -> None:
    run = run_with()
    lacking = "expand.every-entry"
    results = {**run.results, lacking: replace(run.results[lacking], outcome=Outcome.NOT_APPLICABLE)}

    verdict = verdict_of("contract", results, CATALOGUE, level="must", stateless=False)

    total = len(CATALOGUE.within("contract"))
    assert (verdict.verdict, verdict.reason) == ("conforms", f"{total - 1} of {total} clauses judged")


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "with workers"])
def test_the_tests_of_another_copy_need_its_own_plugin(workers: Sequence[str], tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_theirs.py").write_text("def test_theirs(scene): pass\n")
    plugin = tmp_path / PLUGIN
    plugin.parent.mkdir(parents=True)
    plugin.write_text("")
    command = [sys.executable, "-m", "pytest", str(tmp_path / "tests"), *workers, "--base-url", "http://127.0.0.1:1"]
    ended = subprocess.run(command, cwd=SUITE, capture_output=True, text=True, timeout=60, check=False)
    errors = [line for line in (ended.stdout + ended.stderr).splitlines() if line.startswith("ERROR: ")]
    assert (ended.returncode, len(errors)) == (ExitStatus.WRONG_USAGE, 1)
    assert f"--editable {tmp_path}`" in errors[0]
