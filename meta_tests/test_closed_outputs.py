"""Outputs that are closed from the start: a run goes on without them, and its status is that of its verdict."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.paths import SUITE
from reference import running

KEY = "sk_test_closedoutputs0123456789ab"
ONE = ("--profile", "contract", "--clause", "request.minimal-body", "-q")
PYTEST = ("pytest", str(SUITE / "tests"), f"--rootdir={SUITE}", "-p", "no:cacheprovider")
COMMAND = ("conformance", "run", "-p", "no:cacheprovider")


@pytest.mark.parametrize("module", [PYTEST, COMMAND], ids=["pytest", "command"])
@pytest.mark.parametrize("closed", [(2,), (1, 2)])
def test_a_run_needs_no_output(module: tuple[str, ...], closed: tuple[int, ...], tmp_path: Path) -> None:
    def close() -> None:
        for number in closed:
            os.close(number)

    with running(None, api_key=KEY) as server:
        done = subprocess.run(
            [sys.executable, "-m", *module, "--base-url", server.url, f"--results={tmp_path}", *ONE],
            cwd=SUITE,
            env={**os.environ, "STRIPE_API_KEY": KEY, "PYTHONPATH": str(SUITE)},
            capture_output=True,
            preexec_fn=close,
            timeout=120,
            check=False,
        )

    assert done.returncode == 0, done
    assert (tmp_path / "run.jsonl").exists()
