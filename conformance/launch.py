"""Starting the embedded reference: a process of its own, on a free port of this machine."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator

from conformance.options import SUITE
from conformance.secret import Secret

START_SECONDS = 20.0


class CannotStart(RuntimeError):
    """The embedded reference did not come up; the message holds what it printed."""


@contextlib.contextmanager
def embedded_reference(key: Secret, *arguments: str) -> Iterator[str]:
    """Run `python -m reference` with `arguments`, and give its base URL. Raises CannotStart."""
    environment = {**os.environ, "REFERENCE_API_KEY": key.reveal(), "PYTHONPATH": str(SUITE)}
    process = subprocess.Popen(
        [sys.executable, "-m", "reference", "--exit-with-parent", *arguments],
        cwd=SUITE,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield _announced_url(process)
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _announced_url(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    deadline = time.monotonic() + START_SECONDS
    printed = ""
    while time.monotonic() < deadline and select.select([process.stdout], [], [], deadline - time.monotonic())[0]:
        line = process.stdout.readline()
        if not line:
            break
        printed += line
        if "listening on " in line:
            return line.rpartition("listening on ")[2].strip()
    raise CannotStart(f"the embedded reference did not start: {printed.strip()[-500:] or 'it printed nothing'}")
