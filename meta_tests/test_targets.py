"""Targets: what a file may say, one line for what it may not, and servers that start, stay on loopback and stop."""

from __future__ import annotations

import importlib
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from benchmarks.processes import pytest_run
from conformance.__main__ import main
from conformance.commands.docs.command import DOCS
from conformance.commands.targets.checking import check_defects
from conformance.evidence.secret import made_up_key
from conformance.paths import SUITE, program_here
from conformance.targets import CannotRun, TargetDescription, TargetFileError, find, running, shipped
from conformance.targets.description import PLACEHOLDERS
from conformance.targets.installing import CannotInstall, cache_folder, install, is_installed
from conformance.verdict.concluding import run_of
from conformance.verdict.record import Record
from contracts import load_catalogue
from meta_tests.test_running import results_in

KEY = made_up_key()
server_running = importlib.import_module("conformance.targets.running")

LEAST = """
name = "mine"
title = "Mine"
about = "A server."
home = "https://example.com"
version = "1"
"""

SERVE = """
import http.server, sys
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.BaseHTTPRequestHandler).serve_forever()
"""


def described(folder: Path, more: str, least: str = LEAST, name: str = "mine") -> TargetDescription:
    path = folder / f"{name}.toml"
    path.write_text(least + textwrap.dedent(more))
    return find(str(path), folder)


def server(*start: str, more: str = "") -> str:
    words = ", ".join(repr(word) for word in start)
    return f"[server]\nstart = [{words}]\n{more}"


def is_listening(base_url: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", urlsplit(base_url).port or 0)) == 0


# Files


def test_every_shipped_target_is_described_as_it_should_be() -> None:
    targets = shipped()
    assert {"reference", "localstripe", "localstack-localstripe", "stripe-mock", "prism", "mockoon", "sandbox"} <= set(
        targets
    )
    for target in targets.values():
        assert target.server or target.base_url
        if target.server and target.server.install:
            pinned = [word for command in target.server.install for word in command if "{version}" in word]
            assert pinned, f"{target.name}: what is installed has no pinned version"
        slugs = [defect.clause for defect in target.defects]
        assert len(slugs) == len(set(slugs)), target.name
        assert set(slugs) <= {clause.slug for clause in load_catalogue()}
    assert [target.name for target in targets.values() if target.takes_key_from_environment] == ["sandbox"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = ", "mine.toml is not TOML"),
        (LEAST.replace('title = "Mine"', ""), '"title" is a required property'),
        (LEAST + "colour = 1", "'colour' was unexpected"),
        (LEAST, "give a [server] to start, or the base_url"),
        (LEAST.replace('"mine"', '"other"') + 'base_url = "http://127.0.0.1:1"', "is called other.toml"),
        (LEAST + "[server]\nstart = 1", "server.start: 1 is not of type"),
        (LEAST + "[server]\nstart = []", "server.start: [] has less than 1 item"),
        (LEAST + "[server]\nstart = ['x', '{ports}']", "'{ports}': 'ports' is no placeholder"),
        (LEAST + 'base_url = "ftp://x"', 'base_url: "ftp://x" does not match'),
        (LEAST + 'base_url = "http://x"\nrate = 0', "rate: 0 is less than or equal to"),
        (LEAST + 'base_url = "http://x"\napart = ["robustness.nothing"]', "there is no clause 'robustness.nothing'"),
        (
            LEAST + 'base_url = "http://x"\nexpectations = "no.expectations.toml"',
            "there is no file no.expectations.toml",
        ),
        (
            LEAST + 'base_url = "http://x"\n[provisioning]\ncapabilities = ["fly"]',
            'provisioning.capabilities[0]: "fly" is not one of',
        ),
        (
            LEAST + 'base_url = "http://x"\n[[defect]]\nclause = "response.id"\nobserved = "x"\n'
            'curl = "curl x"\nshows = "("\nchecked = "2026-01-01"',
            "the defect of response.id: `shows` is no regular expression",
        ),
    ],
)
def test_what_a_file_may_not_say_is_said_in_one_line(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(TargetFileError) as caught:
        find("mine.toml", tmp_path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_examples_of_the_docs_are_targets(tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", (DOCS / "adding-a-target.md").read_text(), re.DOTALL)
    least, server_block, defect = blocks
    for text in (least, least + defect, re.sub("base_url.*\n", "", least) + server_block):
        (tmp_path / "mine.toml").write_text(text)
        assert find("mine.toml", tmp_path).title == "My server"
    page = (DOCS / "adding-a-target.md").read_text()
    assert all(f"`{{{name}}}`" in page for name in PLACEHOLDERS)


def test_a_target_that_is_not_there_is_said_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(TargetFileError, match=r"there is no target 'stripe': name one of .*stripe-mock"):
        find("stripe", tmp_path)
    with pytest.raises(TargetFileError, match="No such file"):
        find("absent.toml", tmp_path)


# Servers


def test_the_reference_is_started_on_loopback_and_stopped() -> None:
    with running(find("reference", SUITE), KEY) as base_url:
        assert is_listening(base_url)
    assert not is_listening(base_url)


def test_what_a_server_started_itself_is_stopped_with_it(tmp_path: Path) -> None:
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SERVE!r}, *sys.argv[1:]])"
    (tmp_path / "nested.py").write_text(script)
    target = described(tmp_path, server("{python}", "{targets}/nested.py", "{port}"))
    with running(target, KEY) as base_url:
        assert is_listening(base_url)
    assert not is_listening(base_url)


def test_loopback_is_known_in_each_of_its_spellings() -> None:
    own = ("127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1")
    assert all(map(server_running.is_loopback, own))
    others = ("0.0.0.0", "::", "10.0.0.1", "::ffff:10.0.0.1", "::ffff:0.0.0.0", "fe80::1")
    assert not any(map(server_running.is_loopback, others))


def test_a_server_that_listens_on_more_than_loopback_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses: list[set[str]] = []
    really = server_running._listening

    def also_elsewhere(supervisor: int) -> set[str]:
        addresses.append(really(supervisor))
        return {*addresses[0], "0.0.0.0"}

    monkeypatch.setattr(server_running, "_listening", also_elsewhere)
    said = r"reference listens on 0\.0\.0\.0, not on loopback alone: it was stopped"
    with pytest.raises(CannotRun, match=said), running(find("reference", SUITE), KEY):
        pass
    assert addresses == [{"127.0.0.1"}]


def test_a_server_that_ends_or_does_not_answer_is_said_with_its_last_words(tmp_path: Path) -> None:
    target = described(tmp_path, server("{python}", "-c", "print('no such luck'); raise SystemExit(3)"))
    with pytest.raises(CannotRun, match="mine ended at once: no such luck"), running(target, KEY):
        pass
    target = described(tmp_path, server("{python}", "-c", "import time; time.sleep(60)", more="seconds = 0.5"))
    with (
        pytest.raises(CannotRun, match=r"does not answer at port \d+ after 0.5 s: it printed nothing"),
        running(target, KEY),
    ):
        pass


def test_a_server_gets_no_key_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_ofsomebodyreal0123456789")
    kept = tmp_path / "kept"
    script = f"import os, pathlib; pathlib.Path({str(kept)!r}).write_text(os.environ.get('STRIPE_API_KEY', 'none'))"
    target = described(tmp_path, server("{python}", "-c", script))
    with pytest.raises(CannotRun), running(target, KEY):
        pass
    assert kept.read_text() == "none"


def test_a_server_does_not_outlive_the_run_that_was_killed() -> None:
    command = [sys.executable, "-m", "conformance", "targets", "--keep", "reference"]
    process = subprocess.Popen(command, cwd=SUITE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    base_url = process.stdout.readline().rpartition(" ")[2].strip()
    children = psutil.Process(process.pid).children(recursive=True)
    assert is_listening(base_url)
    process.send_signal(signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 10
    while is_listening(base_url) and time.monotonic() < deadline:
        time.sleep(0.05)
    psutil.wait_procs(children, timeout=10)
    assert not is_listening(base_url)


# Installing


def test_a_target_is_installed_once_into_the_folder_of_choice(tmp_path: Path) -> None:
    script = "import pathlib, sys; pathlib.Path(sys.argv[1], 'file').write_text('there')"
    more = f"install = [['{{python}}', '-c', {script!r}, '{{folder}}']]"
    target = described(tmp_path, server("{folder}/file", more=more))
    messages: list[str] = []
    told_so = f"is not installed: run `{program_here()} targets --install mine`"
    with pytest.raises(CannotRun, match=told_so), running(target, KEY, cache=tmp_path):
        pass
    install(target, tmp_path, messages.append)
    install(target, tmp_path, messages.append)
    assert is_installed(target, tmp_path)
    assert (tmp_path / "mine-1" / "file").read_text() == "there"
    assert len(messages) == 1


def test_what_cannot_be_installed_is_said_in_one_line(tmp_path: Path) -> None:
    more = "install = [['{python}', '-c', 'raise SystemExit(\"nothing to be had\")']]"
    with pytest.raises(CannotInstall, match="failed: nothing to be had"):
        install(described(tmp_path, server("x", more=more)), tmp_path, lambda _: None)
    more += "\nneeds = ['no-such-program']"
    with pytest.raises(CannotInstall, match="needs no-such-program"):
        install(described(tmp_path, server("x", more=more)), tmp_path, lambda _: None)


def test_the_cache_is_where_the_user_says() -> None:
    assert cache_folder({"CONFORMANCE_TARGETS": "/somewhere"}) == Path("/somewhere")
    assert cache_folder({"XDG_CACHE_HOME": "/cache"}) == Path("/cache/attach-conformance/targets")


# The command


def test_the_command_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["targets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(shipped())
    (sandbox,) = (line for line in lines if line.startswith("sandbox"))
    assert "elsewhere" in sandbox


def test_the_command_starts_and_stops(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["targets", "--start", "reference", "sandbox"]) == 0
    shown = capsys.readouterr().out
    assert "sandbox: not started here: it is at https://api.stripe.com" in shown
    assert "reference 0.1.0: http://127.0.0.1:" in shown
    assert shown.endswith("reference: stopped\n")
    assert main(["targets", "--start", "nobody"]) == 4
    assert "there is no target 'nobody'" in capsys.readouterr().err


# Testing one


@pytest.fixture
def localstripe(tmp_path: Path) -> Path:
    """localstripe as this environment has it, so that nothing is installed in a test."""
    launcher = SUITE / "targets" / "launchers" / "serve_localstripe.py"
    path = tmp_path / "localstripe-here.toml"
    least = LEAST.replace('"mine"', '"localstripe-here"')
    path.write_text(least + server("{python}", str(launcher), "{port}"))
    return path


def test_pytest_starts_tests_and_stops_localstripe(localstripe: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    asked = ("--clause", "request.minimal-body", "--clause", "request.json-refused")
    done = pytest_run("--target", str(localstripe), "--results", str(results), *asked)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "implementation: Mine 1" in done.stdout
    content = results_in(results)
    assert content["target"]["implementation"] == "Mine 1"
    assert "Mine 1 does not conform" in (results / "report.html").read_text()
    assert run_of(Record.at(results / "run.jsonl")).settings.implementation == "Mine 1"
    clauses = content["clauses"]
    assert clauses["request.minimal-body"]["outcome"] == "pass"
    assert clauses["request.json-refused"]["outcome"] == "fail"
    assert clauses["request.accept"]["reason"] == "not selected"
    assert not is_listening(content["target"]["base_url"])


def test_localstripe_has_the_defects_that_are_recorded_and_the_reference_none_of_them(localstripe: Path) -> None:
    recorded = find("localstripe", SUITE)
    with running(find(str(localstripe), SUITE), KEY) as base_url:
        checks = list(check_defects(recorded, recorded.defects, base_url, KEY))
        assert len(checks) == len(recorded.defects) > 15
        assert [check.defect.clause for check in checks if not check.shows] == []
    with running(find("reference", SUITE), KEY) as base_url:
        checks = list(check_defects(recorded, recorded.defects, base_url, KEY))
        assert [check.defect.clause for check in checks if check.shows] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--target", "nobody"), "--target: there is no target 'nobody'"),
        (("--clause", "request.minimal-bod"), "did you mean request.minimal-body?"),
        (("--without-clause", "zzz"), "docs/clauses.md lists them"),
        (("--target", "sandbox"), "needs a test key: give it in STRIPE_API_KEY"),
    ],
)
def test_what_cannot_be_asked_of_pytest_is_said_in_one_line(
    arguments: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    done = pytest_run(*arguments, "--results", str(tmp_path))
    assert done.returncode == 4
    assert said in done.stderr


def test_a_clause_that_ends_the_server_is_left_out_unless_it_is_asked_for(tmp_path: Path) -> None:
    reference = (SUITE / "targets" / "reference.toml").read_text().replace('"reference"', '"mine"', 1)
    start = reference.replace('version = "0.1.0"', 'version = "0.1.0"\napart = ["request.accept"]')
    start = start.replace("{targets}/..", str(SUITE))
    (tmp_path / "mine.toml").write_text(start)
    asked = ("--target", str(tmp_path / "mine.toml"), "--results", str(tmp_path / "results"), "--profile", "contract")
    done = pytest_run(*asked, "-k", "test_accept or test_minimal")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "left out, since it ends the server (--clause runs it): request.accept" in done.stdout
    assert results_in(tmp_path / "results")["clauses"]["request.accept"]["reason"] == "not selected"
    assert pytest_run(*asked, "--clause", "request.accept").returncode == 0
    assert results_in(tmp_path / "results")["clauses"]["request.accept"]["outcome"] == "pass"


def test_a_server_that_cannot_be_started_is_one_diagnosis(tmp_path: Path) -> None:
    described(tmp_path, server("{python}", "-c", "raise SystemExit('no such luck')"))
    done = pytest_run("--target", str(tmp_path / "mine.toml"), "--results", str(tmp_path / "results"))
    assert done.returncode == 10
    assert "cannot be tested: mine ended at once: no such luck" in done.stdout
