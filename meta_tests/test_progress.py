"""A run says on a terminal where it is, on one line that is written over; elsewhere it leaves pytest's output alone."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from conformance.paths import SUITE
from conformance.plugin.progress import Standing, is_wanted

LINE = re.compile(r" *\d+% \w+ · [\d,]+ requests")


@pytest.mark.parametrize(
    ("standing", "shown"),
    [
        (Standing("", 0, 0, 0, 12, 0.1), "  0% · 12 requests"),
        (Standing("request", 1, 0, 100, 1200, 2.0), "  1% request · 1,200 requests, 600 a second"),
        (
            Standing("body", 50, 3, 100, 90, 30),
            " 50% body · 90 requests, 3 a second · 3 clauses failed · about 30 s left",
        ),
        (Standing("state", 10, 0, 100, 90, 30), " 10% state · 90 requests, 3 a second · about 4 min 30 s left"),
        (Standing("state", 100, 0, 100, 90, 30), "100% state · 90 requests, 3 a second"),
    ],
)
def test_the_line_tells_chapter_requests_rate_and_rest(standing: Standing, shown: str) -> None:
    assert str(standing) == shown


def config(verbose: int = 0, style: str = "progress", capture: str = "fd") -> Any:
    return SimpleNamespace(option=SimpleNamespace(verbose=verbose, capture=capture), getini=lambda _: style)


@pytest.mark.parametrize(
    ("asked", "terminal", "environment", "wanted"),
    [
        (config(), True, {}, True),
        (config(), False, {}, False),
        (config(), True, {"CI": "true"}, False),
        (config(), True, {"TERM": "dumb"}, False),
        (config(verbose=1), True, {}, False),
        (config(verbose=-1), True, {}, False),
        (config(style="classic"), True, {}, False),
        (config(style="count"), True, {}, False),
        (config(capture="no"), True, {}, False),
    ],
)
def test_it_is_shown_where_someone_looks_and_asked_for_nothing_else(
    asked: Any, terminal: bool, environment: dict[str, str], wanted: bool
) -> None:
    assert is_wanted(asked, SimpleNamespace(isatty=lambda: terminal), environment) is wanted
    assert not is_wanted(asked, None, environment)


def shown_on_a_terminal(*arguments: str) -> str:
    """Run pytest on a terminal, and return its output."""
    ours, theirs = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "STRIPE_API_KEY")}
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "--profile", "contract", "--budget", "quick", *arguments],
        cwd=SUITE,
        env={**kept, "TERM": "xterm", "COLUMNS": "90"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:  # how a terminal says that nobody writes to it any more
        pass
    os.close(ours)
    assert process.wait(60) == 0, shown.decode()
    return shown.decode()


def test_a_terminal_shows_one_line_that_is_written_over_and_gone_at_the_end(tmp_path: Path) -> None:
    shown = shown_on_a_terminal("--results", str(tmp_path), "-k", "test_request or test_body", "--rate", "60")
    states = re.split(r"\r(?!\n)", shown)
    lines = [state for state in states if LINE.match(state)]
    assert len(lines) > 3
    assert {"request", "body"} <= {line.split("% ")[1].split(" ·")[0] for line in lines}
    assert all("\n" not in line for line in lines)
    assert "tests/test_body.py" not in shown
    after = shown[shown.rindex(lines[-1]) + len(lines[-1]) :]
    assert after.startswith("\r" + " " * 89 + "\r")
    assert "\x1b[32m." not in shown


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two workers"])
def test_no_request_is_counted_twice(workers: Sequence[str], tmp_path: Path) -> None:
    shown = shown_on_a_terminal("--results", str(tmp_path), "-k", "test_request or test_body", *workers)
    counts = [int(count) for count in re.findall(r"· (\d+) requests", shown)]
    in_all = json.loads((tmp_path / "results.json").read_text())["requests"]
    assert counts == sorted(counts)
    assert 0 < counts[-1] <= in_all


def test_who_asks_for_another_style_gets_that(tmp_path: Path) -> None:
    shown = shown_on_a_terminal("--results", str(tmp_path), "-k", "test_body", "-o", "console_output_style=classic")
    assert "tests/test_body.py" in shown
    assert not LINE.search(shown)


def test_each_line_of_the_verbose_output_has_its_share_and_none_is_beyond_all(tmp_path: Path) -> None:
    shown = shown_on_a_terminal("--results", str(tmp_path), "-k", "test_body", "-v")
    shares = [int(share) for share in re.findall(r"\[ *(\d+)%\]", shown)]
    assert shown.count("tests/general::") > 3
    assert shares[-1] == max(shares) == 100
