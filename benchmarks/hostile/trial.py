"""One run of the suite against a hostile server, and what is wrong with what it leaves behind."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from benchmarks.hostile.peer import Hostile, serving
from benchmarks.key_traces import contents, shown
from benchmarks.processes import CONTEXT
from conformance.__main__ import main
from conformance.paths import SUITE, TESTS
from conformance.verdict.run import ExitStatus
from conformance.verdict.settings import KEY_VARIABLE

MOST_MEMORY = 400 * 1024 * 1024
"""The most bytes that a run may take."""

KEY = "sk_test_R7wQz4mKx9VbT2nJc8HsLd3F"
"""The key of each run; it must stand nowhere."""

UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""The categories of characters that move, hide or end what stands around them, if they are shown as they are."""

RECORD = "run.jsonl"
"""A file for programs alone, in which such characters may stand within strings."""

OUTPUT, MEASURED = "output.txt", "measured.json"
"""The files of what the process has printed, and of what it has measured of itself."""


@dataclass(frozen=True)
class Trial:
    """A finished run: its exit status, seconds, most bytes of memory, and what is wrong with it."""

    name: str
    status: int
    seconds: float
    memory: int
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finished:
    """A finished process: the statuses of the run and of the rendering, None where it did not get so far."""

    status: int | None
    rendered: int | None
    seconds: float
    memory: int
    output: bytes


def attempt(hostile: Hostile, *options: str) -> Trial:
    """Run the suite against the server, render every report from its record, and look at all that is left behind.

    With `options` that select some clauses, any status that is no internal error will do.
    """
    with tempfile.TemporaryDirectory() as name, serving(hostile) as url:
        folder = Path(name)
        for kind in ("results", "rendered"):
            (folder / kind).mkdir()
        usual = (
            f"--base-url={url}",
            f"--profile={hostile.profile}",
            "--budget=quick",
            f"--timeout={hostile.timeout:g}",
        )
        run = _process([*usual, *options], folder, 2 * hostile.seconds)
        wrong = [*_wrong_run(hostile, run, any_status=bool(options)), *_wrong_files(folder / "results")]
        if run.rendered is not None:
            wrong += _wrong_files(folder / "rendered")
        wrong += _wrong_texts("the terminal", run.output)
        wrong += [f"the key stands in {file}" for file, data in contents(folder) if shown(data, KEY)]
        status = -1 if run.status is None else run.status
        return Trial(hostile.name, status, run.seconds, run.memory, tuple(dict.fromkeys(wrong)))


def _process(options: Sequence[str], folder: Path, seconds: float) -> Finished:
    """Run the suite in a process of its own until it ends, or for a number of seconds, and render its record."""
    start = time.monotonic()
    process = CONTEXT.Process(target=_run, args=(options, str(folder)))
    process.start()
    process.join(seconds)
    if process.exitcode is None:
        for child in psutil.Process(process.pid).children():
            child.kill()
        process.kill()
        process.join()
    file = folder / MEASURED
    found = json.loads(file.read_text()) if file.exists() else {}
    return Finished(
        status=found.get("status"),
        rendered=found.get("rendered"),
        seconds=found.get("seconds", time.monotonic() - start),
        memory=found.get("memory", 0) * 1024,
        output=(folder / OUTPUT).read_bytes(),
    )


def _run(options: Sequence[str], folder: str) -> None:
    """Turn this process into one that runs the suite and then renders the record, each in a process of its own."""
    file = os.open(Path(folder, OUTPUT), os.O_WRONLY | os.O_CREAT)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.chdir(SUITE)
    os.environ |= {KEY_VARIABLE: KEY, "COLUMNS": "200"}
    results = Path(folder, "results")
    own = [str(TESTS), f"--rootdir={SUITE}", "-p", "no:cacheprovider", "--assert=plain"]
    places = [f"--results={results}", f"--write-expectations={results / 'proposed.toml'}"]
    start = time.monotonic()
    status, memory = _forked(lambda: int(pytest.main([*own, *options, *places])))
    found = {"status": status, "seconds": time.monotonic() - start, "memory": memory}
    Path(folder, MEASURED).write_text(json.dumps(found))
    rendered, memory = _forked(lambda: main(["render", str(results / RECORD), "--to", str(Path(folder, "rendered"))]))
    found |= {"rendered": rendered, "memory": max(memory, found["memory"])}
    Path(folder, MEASURED).write_text(json.dumps(found))


def _forked(act: Callable[[], int]) -> tuple[int, int]:
    """Act in a child of this process; return its status, and the most kilobytes of memory that it took."""
    child = os.fork()
    if child == 0:
        status = int(ExitStatus.OUR_ERROR)
        try:
            status = act()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    _, ended, usage = os.wait4(child, 0)
    return os.waitstatus_to_exitcode(ended), usage.ru_maxrss


def _wrong_run(hostile: Hostile, run: Finished, *, any_status: bool) -> Iterator[str]:
    if run.status is None:
        yield f"no end within {2 * hostile.seconds:g} s"
        return
    if run.seconds > hostile.seconds:
        yield f"it took {run.seconds:.0f} s instead of {hostile.seconds:g} s"
    if run.memory > MOST_MEMORY:
        yield f"it took {run.memory // 1024**2} MB of memory"
    if run.status == ExitStatus.OUR_ERROR:
        yield "an internal error of the suite"
    elif run.status not in hostile.status and not any_status:
        yield f"it ended with status {run.status}"
    if run.rendered != 0:
        yield f"rendering ended with status {run.rendered}: {run.output.decode(errors='replace')[-200:]}"


def _wrong_files(folder: Path) -> Iterator[str]:
    files = sorted(folder.iterdir()) if folder.exists() else []
    if not files:
        yield f"nothing is left in {folder.name}"
    for file in files:
        data = file.read_bytes()
        if file.name == RECORD:
            for line in data.splitlines():
                json.loads(line)
            continue
        yield from _wrong_texts(f"{folder.name}/{file.name}", data)
        if file.name == "results.json":
            content = json.loads(data)
            if content.get("errors"):
                yield f"an error of the suite: {content['errors'][0]['what']}"


def _wrong_texts(where: str, data: bytes) -> Iterator[str]:
    """Yield an unsafe character with the place where it stands, if there is one."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        yield f"{where} is not UTF-8"
        return
    for place, char in enumerate(text):
        if char != "\n" and not char.isprintable() and unicodedata.category(char) in UNSAFE:
            yield f"U+{ord(char):04X} stands in {where}: {text[max(0, place - 40) : place + 10]!r}"
            return
