"""Run `pytest` as a user does, but without the time of the imports: the fork server has them (`preloaded.py`)."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from conformance.paths import SUITE
from conformance.verdict.settings import KEY_VARIABLE

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["benchmarks.preloaded"])


class PytestProcess:
    """A run of pytest in its own process, with its own environment, output and arguments."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.arguments = arguments
        self._process = CONTEXT.Process(target=_become, args=(arguments, dict(environment), self._folder.name))
        self._process.start()

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def wait(self, timeout: float) -> subprocess.CompletedProcess[str]:
        """Return the finished run. Kills it and raises TimeoutError after `timeout` seconds."""
        self._process.join(timeout)
        status = self._process.exitcode
        if status is None:
            self._process.kill()
            self._process.join()
        out, err = (Path(self._folder.name, name).read_text() for name in ("out", "err"))
        self._folder.cleanup()
        if status is None:
            raise TimeoutError(f"pytest {' '.join(self.arguments)} took more than {timeout} s: {out}{err}")
        return subprocess.CompletedProcess(self.arguments, status, out, err)


def pytest_run(
    *arguments: str,
    act: Callable[[PytestProcess], object] | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float = 300,
) -> subprocess.CompletedProcess[str]:
    """Run pytest in the folder of the suite, and `act` while it runs, for at most `timeout` seconds more.

    Its environment is this one without the key, and with what is given. Raises TimeoutError.
    """
    kept = {name: value for name, value in os.environ.items() if name != KEY_VARIABLE}
    process = PytestProcess(arguments, {**kept, "COLUMNS": "200", **(environment or {})})
    try:
        if act is not None:
            act(process)
    finally:
        done = process.wait(timeout)
    return done


def _become(arguments: Sequence[str], environment: Mapping[str, str], folder: str) -> None:
    """Turn this process into that run."""
    import pytest

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(SUITE)
    for number, name in ((1, "out"), (2, "err")):
        file = os.open(Path(folder, name), os.O_WRONLY | os.O_CREAT)
        os.dup2(file, number)
        os.close(file)
    sys.argv = ["pytest", *arguments]
    sys.exit(int(pytest.main()))
