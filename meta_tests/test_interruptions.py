"""Interruptions never lie: none gives status 1, a traceback or half a file, be it a signal, the disk or the output."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import Any, NoReturn

import pytest
import requests

from attach_conformance.__main__ import main as start_program
from benchmarks.processes import PytestProcess, pytest_run
from conformance.__main__ import main
from conformance.evidence import files
from conformance.evidence.secret import Secret
from conformance.paths import SUITE
from conformance.plugin import dealing
from conformance.plugin.careful import Errors
from conformance.plugin.dealing import Workers
from conformance.plugin.interruptions import Interruptions, Phase, handled, make_showable
from conformance.verdict.record import Record
from conformance.verdict.run import ExitStatus
from meta_tests.hindering import NO_FOLDER, NO_REMOVAL, SMALL_DISK
from reference import running

KEY = "sk_test_interruptions0123456789ab"
QUICK = ("--profile", "contract", "--budget", "quick", "--rate", "60")
ONE = ("--profile", "contract", "--clause", "request.minimal-body")
HINDERING = ("-p", "meta_tests.hindering", "-p", "no:cacheprovider")
WRITTEN = ("results.json", "run.jsonl", "junit.xml", "report.html")


def check_whole(folder: Path, *names: str) -> dict[str, Any]:
    """Check that exactly these files are there, each whole, and return the results."""
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    if "run.jsonl" in names:
        Record.at(folder / "run.jsonl")
    results: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return results


def customers_of(url: str) -> set[str]:
    with requests.get(f"{url}/v1/customers", auth=(KEY, ""), params={"limit": "100"}, timeout=10) as answer:
        return {customer["id"] for customer in answer.json()["data"]}


def signals(url: str, number: signal.Signals) -> Callable[[PytestProcess], None]:
    """Return a function that sends the signal as soon as the run has made a customer for its tests."""

    def act(process: PytestProcess) -> None:
        deadline = time.monotonic() + 30
        quiet = 0
        while quiet < 3 and time.monotonic() < deadline:
            quiet = quiet + 1 if customers_of(url) else 0  # those of the probe go at once
            time.sleep(0.1)
        process.send_signal(number)

    return act


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_a_run_with_what_it_has_learnt(number: signal.Signals, tmp_path: Path) -> None:
    with running(api_key=KEY) as server:
        options = ("--results", str(tmp_path), "--base-url", server.url, *QUICK)
        act = signals(server.url, number)
        done = pytest_run(*options, act=act, environment={"STRIPE_API_KEY": KEY}, timeout=60)
        left = customers_of(server.url)
    shown = done.stdout + done.stderr
    assert done.returncode == 2, shown
    assert f"! Interrupted: by {number.name} !" in shown
    assert "--full-trace" not in shown
    assert "the run was interrupted: the results cover only what ran before" in shown
    assert "Traceback" not in shown
    results = check_whole(tmp_path, *WRITTEN)
    assert (results["exit_status"], results["verdict"]) == (2, "inconclusive")
    assert any(clause["outcome"] == "pass" for clause in results["clauses"].values())
    assert left == set(results["left_over"]) == set()


def test_a_second_signal_names_what_is_left(tmp_path: Path) -> None:
    with running(api_key=KEY) as server:
        options = (*QUICK, *HINDERING, "--results", str(tmp_path), "--base-url", server.url)
        act = signals(server.url, signal.SIGINT)
        environment = {"STRIPE_API_KEY": KEY, "HINDERED": NO_REMOVAL}
        done = pytest_run(*options, act=act, environment=environment, timeout=60)
        left = customers_of(server.url)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    results = check_whole(tmp_path, *WRITTEN)
    assert left
    assert left <= set(results["left_over"])
    assert f"left on the target: {', '.join(results['left_over'])}" in done.stdout


class Distributed:
    """The plugin of pytest-xdist, with a worker that ends when it is interrupted, and one that has not begun."""

    def __init__(self) -> None:
        self.output = {"made": {"customer": 2}, "left": ["cus_Left0"], "requests": 7}
        self.begun = SimpleNamespace(workerinfo={"pid": 4242}, workeroutput={}, gateway=SimpleNamespace(id="gw0"))
        self._active_nodes = {HashedById(self.begun), HashedById(SimpleNamespace())}
        self.queue: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()
        self.reports: list[str] = []

    def worker_testreport(self, rep: str) -> None:
        self.reports.append(rep)


class HashedById:
    """A worker, which a set can hold."""

    def __init__(self, members: SimpleNamespace) -> None:
        self.workeroutput: dict[str, Any] = {}
        self.__dict__.update(vars(members))


def test_workers_are_interrupted_and_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    distributed, heard = Distributed(), []
    (begun,) = [node for node in distributed._active_nodes if hasattr(node, "workerinfo")]

    def kill(number: int, sent: signal.Signals) -> None:
        assert (number, sent) == (4242, signal.SIGINT)
        begun.workeroutput["conformance"] = distributed.output
        distributed.queue.put(("testreport", {"rep": "the last test"}))
        distributed.queue.put(("workerfinished", {"node": begun}))

    monkeypatch.setattr("conformance.plugin.dealing.os.kill", kill)
    manager = SimpleNamespace(get_plugin=lambda name: distributed if name == "dsession" else None)
    config: Any = SimpleNamespace(option=SimpleNamespace(tx=None), pluginmanager=manager)
    errors = Errors(Secret(KEY))
    workers = Workers(config, errors, lambda **output: heard.append(output))
    workers.stop()
    workers.pytest_testnodedown(begun, dealing.INTERRUPTED)
    assert heard == [distributed.output], "once, although pytest-xdist tells twice"
    assert distributed.reports == ["the last test"]
    assert not errors.errors


def test_signals_are_one_by_one_what_their_phase_says(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("conformance.plugin.interruptions.time.monotonic", lambda: now[0])

    def is_raised(number: signal.Signals, later: float) -> bool:
        now[0] += later
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt:
            return True
        return False

    before = signal.getsignal(signal.SIGTERM)
    with handled() as handler:
        assert is_raised(signal.SIGTERM, 1)
        assert not is_raised(signal.SIGINT, 0.1), "one Ctrl-C, passed on twice"
        with handler.cleaning():
            assert is_raised(signal.SIGINT, 1)
        assert handler.phase is Phase.WRITING
        assert not is_raised(signal.SIGHUP, 1)
        assert handler.received == "SIGTERM"
    assert signal.getsignal(signal.SIGTERM) is before


def interrupted() -> None:
    raise KeyboardInterrupt


def test_pytest_shows_an_interruption_between_two_lines() -> None:
    without_lines = bytes([0b11111111]) * 20  # of its location table: eight instructions that have no line
    between = FunctionType(interrupted.__code__.replace(co_linetable=without_lines), {})

    def twice() -> None:
        try:
            between()
        except KeyboardInterrupt:
            between()

    with pytest.raises(KeyboardInterrupt) as excinfo:
        twice()
    make_showable(excinfo)  # without it, getrepr raises TypeError in most versions of Python
    assert "twice()" in str(excinfo.getrepr())


def test_what_the_process_ignores_stays_ignored() -> None:
    usual = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with handled():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, usual)


def test_other_threads_leave_the_signals_alone() -> None:
    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=Interruptions().install)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGINT) is before


# Standard output


@contextlib.contextmanager
def closed_pipe() -> Iterator[int]:
    """The end of a pipe whose reader has gone."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


def started(*arguments: str, out: int) -> subprocess.CompletedProcess[str]:
    """Run Python with this standard output; what it shows on standard error is kept."""
    kept = {name: value for name, value in os.environ.items() if name != "STRIPE_API_KEY"}
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(
        command, cwd=SUITE, env=kept, stdout=out, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )


def test_a_run_goes_on_without_a_reader(tmp_path: Path) -> None:
    with closed_pipe() as out:
        done = started("pytest", *ONE, "--results", str(tmp_path), out=out)
    assert done.returncode == 0, done.stderr
    what = "the run goes on without it; its results will be in"
    assert done.stderr == f"standard output cannot be written (Broken pipe): {what} {tmp_path}\n"
    assert check_whole(tmp_path, *WRITTEN)["exit_status"] == 0


@pytest.mark.parametrize(("file", "status"), [("", 0), ("/dev/full", 2)])
def test_a_command_ends_well_without_a_reader(file: str, status: int) -> None:
    with closed_pipe() as pipe:
        out = os.open(file, os.O_WRONLY) if file else pipe
        done = started("conformance", "targets", out=out)
    assert done.returncode == status, done.stderr
    assert done.stderr.startswith("standard output cannot be written (")
    assert done.stderr.count("\n") == 1


def test_an_interrupted_command_says_so_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("conformance.commands.targets.command.listing", lambda *_: signal.raise_signal(signal.SIGTERM))
    assert main(["targets"]) == 2
    assert capsys.readouterr().err == "interrupted by SIGTERM before the end: run the command again\n"


def test_a_command_whose_file_cannot_be_written_says_so_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device", "a file")

    monkeypatch.setattr("conformance.commands.targets.command.listing", full)
    assert main(["targets"]) == 4
    assert capsys.readouterr().err == "a file cannot be read or written: No space left on device\n"


# Files


def test_no_file_is_cut_off_on_a_full_disk(tmp_path: Path) -> None:
    """A limit of the size of files stands in for the disk; the results and the page are above it."""
    (tmp_path / "report.html").write_text("of an earlier run")
    done = pytest_run(*ONE, *HINDERING, "--results", str(tmp_path), environment={"HINDERED": SMALL_DISK})
    shown = done.stdout + done.stderr
    assert done.returncode == 0, shown
    assert "Traceback" not in shown
    for name in ("report.html", "results.json"):
        assert f"{tmp_path / name} could not be written: File too large; make room" in shown
    assert "Generated html report" not in shown
    assert {path.name for path in tmp_path.iterdir()} == {"run.jsonl", "junit.xml"}
    Record.at(tmp_path / "run.jsonl")


def test_results_whose_folder_has_gone_are_written_all_the_same(tmp_path: Path) -> None:
    results = tmp_path / "results"
    done = pytest_run(*ONE, *HINDERING, "--results", str(results), environment={"HINDERED": NO_FOLDER})
    assert done.returncode == 0, done.stdout + done.stderr
    check_whole(results, *WRITTEN)


def test_a_folder_in_which_nothing_can_be_written_is_said_before_anything_is_sent() -> None:
    done = pytest_run(*ONE, "--results", "/proc/nothing")
    assert done.returncode == 4
    assert done.stderr.strip().startswith("ERROR: --results /proc/nothing: nothing can be written there (")
    assert "name another folder" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_file_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    files.write_whole(path, b"first")

    class Half(io.FileIO):
        def writelines(self, lines: Iterable[Any], /) -> None:
            self.write(next(iter(lines))[:2])
            raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "open", lambda self, mode: Half(self, mode))
    with pytest.raises(OSError, match="No space left"):
        files.write_whole(path, b"second")
    assert not list(tmp_path.iterdir()), "neither half of this file, nor the one of an earlier run"


def test_a_link_or_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    file, link, pipe = (tmp_path / name for name in ("file", "link", "pipe"))
    link.symlink_to(file)
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    files.write_whole(link, b"through a link")
    files.write_whole(pipe, b"through a pipe")
    assert os.read(reader, 100) == b"through a pipe"
    os.close(reader)
    assert file.read_bytes() == b"through a link"
    assert link.is_symlink()
    assert pipe.is_fifo()


def test_an_interruption_while_the_program_is_loaded_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("conformance.__main__.main", interrupt)
    assert start_program() == ExitStatus.INTERRUPTED
    assert capsys.readouterr().err == "interrupted before the end: run the command again\n"
