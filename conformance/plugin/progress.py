"""The progress of a run: on one line of a terminal; in a log, one line for each chapter that is done."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Self

import pytest

SECONDS_BETWEEN = 0.5
"""Seconds between two updates of the line while nothing else happens."""
LEAST_BETWEEN = 0.05
"""How many seconds the line stays at least."""
TELLING_SHARE = 0.05
"""Which share of the tests must be done before the rest can be estimated."""


@dataclass(frozen=True)
class Standing:
    """The progress of a run: the chapter, tests done and to come, clauses that fail, requests, and seconds."""

    chapter: str
    done: int
    failed: int
    total: int
    requests: int
    seconds: float

    def __str__(self) -> str:
        share = self.done / self.total if self.total else 0.0
        parts = [f"{share:4.0%} {self.chapter}".rstrip(), f"{self.requests:,} requests"]
        if self.seconds >= 1:
            parts[-1] += f", {self.requests / self.seconds:.0f} a second"
        if self.failed:
            parts.append(f"{self.failed} clause{'s' * (self.failed > 1)} failed")
        if TELLING_SHARE <= share < 1:
            parts.append(f"about {_in_words(self.seconds * (1 - share) / share)} left")
        return " · ".join(parts)


def _in_words(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{max(rest, 1)} s"


def is_wanted(config: pytest.Config, reporter: Any, environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether the output is a terminal, and pytest was not asked for another kind of output."""
    is_usual = config.option.verbose == 0 and config.getini("console_output_style") == "progress"
    is_shown = reporter is not None and reporter.isatty() and environment.get("TERM") != "dumb"
    return is_usual and is_shown and config.option.capture != "no" and not environment.get("CI")


def is_log(config: pytest.Config, reporter: Any) -> bool:
    """Return whether pytest would write dots, to a log: where nobody asked for more, or for another style."""
    is_usual = config.option.verbose <= 0 and config.getini("console_output_style") == "progress"
    return is_usual and reporter is not None and config.option.capture != "no"


def chapter_of(nodeid: str) -> str:
    """Return the chapter of a test, from the id of its node."""
    return PurePosixPath(nodeid.partition("::")[0]).stem.removeprefix("test_")


class InPlaceOfDots:
    """Keeps pytest's own dots and paths away while the tests run.

    `requests` counts those sent so far, `failing` gives the clauses that fail so far.
    """

    def __init__(
        self,
        reporter: Any,
        session: pytest.Session,
        requests: Callable[[], int],
        failing: Callable[[], Sequence[str]],
    ) -> None:
        self.reporter = reporter
        self.session = session
        self.requests = requests
        self.failing = failing

    def __enter__(self) -> Self:
        self._shows_paths = self.reporter.showfspath
        self.reporter.showfspath = False
        return self

    def __exit__(self, *_: object) -> None:
        self.reporter.showfspath = self._shows_paths

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_report_teststatus(self) -> Generator[None, tuple[str, str, Any], tuple[str, str, Any]]:
        """Have pytest count a test without writing a letter for it."""
        category, _, _ = yield
        return category, "", ""


class Chapters(InPlaceOfDots):
    """Writes a line for each chapter when its last test is done; a quiet one writes nothing."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._left = Counter(chapter_of(item.nodeid) for item in self.session.items)
        self._total = self._left.total()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Iterable[str]) -> None:
        """Learn from a worker which tests there are: with workers, this process collects none."""
        if not self._total:
            self._left = Counter(map(chapter_of, ids))
            self._total = self._left.total()

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count, and write the line of a chapter that is done."""
        chapter = chapter_of(report.nodeid)
        if report.when != "teardown" or chapter not in self._left:
            return
        self._left[chapter] -= 1
        if self._left[chapter] or self.reporter.config.option.verbose < 0:
            return
        share = 1 - self._left.total() / self._total
        fails = [slug for slug in self.failing() if slug.startswith(f"{chapter}.")]
        shown = f"; failed: {', '.join(fails)}" if fails else ""
        self.reporter.write_line(f"{share:4.0%} {chapter}: done, {self.requests():,} requests so far{shown}")


class Progress(InPlaceOfDots):
    """Writes one line over and over while the tests run."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.chapter = ""
        self.done = self.failed = 0
        self._started = time.monotonic()
        self._written = 0.0
        self._over = threading.Event()
        self._writing = threading.Lock()
        self._thread = threading.Thread(target=self._keep_writing, daemon=True)

    def __enter__(self) -> Self:
        super().__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.reporter.rewrite("", erase=True)
        self.reporter.rewrite("")
        super().__exit__()

    @pytest.hookimpl
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Tell the chapter of the test that begins."""
        self.chapter = chapter_of(nodeid)
        self.write()

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count."""
        self.done += report.when == "teardown"
        if report.failed:
            self.failed = len(self.failing())
        self.write()

    def write(self) -> None:
        """Write the line over the one before."""
        now = time.monotonic()
        if now - self._written < LEAST_BETWEEN:
            return
        self._written = now
        standing = Standing(
            chapter=self.chapter,
            done=min(self.done, self.session.testscollected),
            failed=self.failed,
            total=self.session.testscollected,
            requests=self.requests(),
            seconds=now - self._started,
        )
        with self._writing:
            if not self._over.is_set():
                self.reporter.rewrite(str(standing)[: max(shutil.get_terminal_size().columns - 1, 0)], erase=True)
                self.reporter.flush()

    def _keep_writing(self) -> None:
        while not self._over.wait(SECONDS_BETWEEN):
            self.write()
