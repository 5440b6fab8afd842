"""One run of the suite against a hostile server, and what is wrong with what it leaves behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.hostile.peer import Hostile, serving
from benchmarks.key_traces import contents, shown
from conformance.paths import SUITE, TESTS
from conformance.verdict.run import ExitStatus
from conformance.verdict.settings import KEY_VARIABLE

MOST_MEMORY = 400 * 1024 * 1024
"""The most bytes that a run may take."""

KEY = "sk_test_R7wQz4mKx9VbT2nJc8HsLd3F"
"""The key of each run; it must stand nowhere."""

TIMEOUT = "0.3"
"""The seconds for an exchange: hostile servers are on this machine."""

UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""The categories of characters that move, hide or end what stands around them, if they are shown as they are."""

RECORD = "run.jsonl"
"""A file for programs alone, in which such characters may stand within strings."""

ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")


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
    """A finished process; its status is None where it was killed."""

    status: int | None
    seconds: float
    memory: int
    output: bytes


def attempt(hostile: Hostile) -> Trial:
    """Run the suite against the server, render every report from its record, and look at all that is left behind."""
    with tempfile.TemporaryDirectory() as folder, serving(hostile) as url:
        results, rendered = Path(folder, "results"), Path(folder, "rendered")
        options = [f"--base-url={url}", f"--profile={hostile.profile}", "--budget=quick", f"--timeout={TIMEOUT}"]
        places = [f"--results={results}", f"--write-expectations={Path(folder, 'proposed.toml')}"]
        command = ["-m", "pytest", str(TESTS), f"--rootdir={SUITE}", "-p", "no:cacheprovider", *options, *places]
        run = _process(command, 2 * hostile.seconds)
        again = _process(["-m", "conformance", "render", str(results / RECORD), "--to", str(rendered)], 60)
        wrong = [*_wrong_run(hostile, run), *_wrong_rendering(again), *_wrong_files(results), *_wrong_files(rendered)]
        wrong += _wrong_texts("the terminal", run.output + again.output)
        if Path(folder, "proposed.toml").exists():
            wrong += _wrong_texts("proposed.toml", Path(folder, "proposed.toml").read_bytes())
        wrong += [f"the key stands in {name}" for name, data in contents(Path(folder)) if shown(data, KEY)]
        if shown(run.output + again.output, KEY):
            wrong.append("the key stands on the terminal")
        if os.environ.get("HOSTILE_OUTPUT"):
            Path(os.environ["HOSTILE_OUTPUT"], f"{hostile.name}.txt").write_bytes(run.output)
        status = -1 if run.status is None else run.status
        return Trial(hostile.name, status, run.seconds, max(run.memory, again.memory), tuple(dict.fromkeys(wrong)))


def _process(arguments: list[str], seconds: float) -> Finished:
    """Run Python until it ends, or for so many seconds."""
    environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    environment |= {KEY_VARIABLE: KEY, "COLUMNS": "200"}
    start = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=SUITE, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        status: int | None = None
        while True:
            done, ended, usage = os.wait4(process.pid, os.WNOHANG)
            if done:
                process.returncode = status = os.waitstatus_to_exitcode(ended)
                break
            if time.monotonic() - start > seconds:
                process.kill()
                _, _, usage = os.wait4(process.pid, 0)
                process.returncode = -9
                break
            time.sleep(0.02)
        output.seek(0)
        return Finished(status, time.monotonic() - start, usage.ru_maxrss * 1024, output.read())


def _wrong_run(hostile: Hostile, run: Finished) -> Iterator[str]:
    if run.status is None:
        yield f"no end within {2 * hostile.seconds:g} s"
        return
    if run.seconds > hostile.seconds:
        yield f"it took {run.seconds:.0f} s instead of {hostile.seconds:g} s"
    if run.memory > MOST_MEMORY:
        yield f"it took {run.memory // 1024**2} MB of memory"
    if run.status == ExitStatus.OUR_ERROR:
        yield "an internal error of the suite"
    elif run.status not in hostile.status:
        yield f"it ended with status {run.status}"


def _wrong_rendering(again: Finished) -> Iterator[str]:
    if again.status != 0:
        yield f"rendering ended with status {again.status}: {again.output.decode(errors='replace')[-200:]}"
    if again.memory > MOST_MEMORY:
        yield f"rendering took {again.memory // 1024**2} MB of memory"


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
