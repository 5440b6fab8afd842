"""Errors of the suite outside of tests: gathered as they happen, so that the run still ends with what it has learnt."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from conformance.evidence.files import discard, move, partial, write_whole
from conformance.evidence.foreign import one_line
from conformance.evidence.secret import Secret
from conformance.verdict.internal_errors import InternalError
from conformance.verdict.run import NOTHING_SELECTED, WRONG_USAGE

PATHS = ("logfile", "_report_path")
"""The attributes in which pytest's JUnit plugin and pytest-html keep the paths of their files."""


@dataclass
class Errors:
    """The errors of a run outside of its tests, without the key, and the files that could not be written."""

    key: Secret
    errors: list[InternalError] = field(default_factory=list)
    unwritten: list[str] = field(default_factory=list)

    def add(self, where: str, error: BaseException) -> None:
        """Keep an error that was raised at that place of the run."""
        self.take_over([InternalError.of(where, error).to_json()])

    def take_over(self, errors: Iterable[Mapping[str, str]]) -> None:
        """Keep errors that another process reported in a JSON-like form."""
        for one in errors:
            self.errors.append(InternalError(**{name: self.key.blotted(text) for name, text in one.items()}))

    def add_report(self, report: pytest.TestReport) -> None:
        """Keep what failed around a test: its set-up, its clean-up, or the worker that ran it."""
        if report.failed and report.when != "call":
            self.add_text(f"{report.nodeid} ({report.when})", str(report.longrepr or ""))

    def add_text(self, where: str, text: str) -> None:
        """Keep an error of which only a text is known, such as that of a worker."""
        lines = self.key.blotted(text).strip().splitlines() or ["no more is known"]
        self.errors.append(InternalError(where, one_line(lines[-1]), "\n".join(lines)))

    def footer(self, exitstatus: int) -> dict[str, Any]:
        """Return the part of a record's footer about how pytest ended and about these errors; empty in most runs."""
        stops = {pytest.ExitCode.USAGE_ERROR: WRONG_USAGE, pytest.ExitCode.NO_TESTS_COLLECTED: NOTHING_SELECTED}
        footer: dict[str, Any] = {}
        if exitstatus in stops:
            footer["stopped"] = stops[pytest.ExitCode(exitstatus)]
        if self.errors:
            footer["errors"] = [error.to_json() for error in self.errors]
        return footer

    def write(self, path: Path, content: bytes | Iterable[bytes]) -> None:
        """Write a file; where that is impossible, say so and go on."""
        try:
            write_whole(path, content)
        except OSError as error:
            self.add_unwritten(path, error)

    def add_unwritten(self, path: Path, error: OSError) -> None:
        """Say that a file could not be written."""
        todo = "make room or choose another folder with --results, and run again"
        self.unwritten.append(f"{path} could not be written: {error.strerror or error}; {todo}")

    def rendered(self, what: str, render: Callable[[], str | None]) -> str:
        """Return what a renderer makes; keep the error that it failed with. The run's status does not depend on it."""
        try:
            return render() or ""
        except Exception as error:  # the other forms are still made
            self.add_unrendered(what, error)
            return ""

    def add_unrendered(self, what: str, error: Exception) -> None:
        """Say that a report could not be made, with the error of its renderer."""
        failure = InternalError.of(what, error)
        self.unwritten.append(self.key.blotted(f"{what} could not be made: {failure.what}\n{failure.traceback}"))


class Reporters:
    """Keeps an error of another plugin's report, such as a full disk, from taking the run's exit status."""

    def __init__(self, errors: Errors) -> None:
        self.errors = errors
        self.hook: Any = None

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, Any, Any]:
        """Let the other plugins write their files, and keep the status that the run has."""
        self.hook = session.config.hook
        for implementation in session.config.hook.pytest_sessionfinish.get_hookimpls():
            for name in PATHS:
                if isinstance(getattr(implementation.plugin, name, None), str | Path):
                    write = self._writing_whole(implementation.function, implementation.plugin, name)
                    implementation.function = write  # type: ignore[misc]  # pluggy says it is final, and calls it
        try:
            return (yield)
        except OSError as error:
            self.errors.add_unwritten(Path(error.filename or "a report"), error)
        except Exception as error:  # a bug of a reporter is no verdict
            self.errors.add_unrendered("a report", error)
        return None

    def _writing_whole(self, write: Callable[..., object], plugin: Any, name: str) -> Callable[..., None]:
        """Return the function that has a plugin write its file, whose path is in the attribute `name`, whole."""

        def write_beside(*arguments: object) -> None:
            place = getattr(plugin, name)
            path = Path(place)
            part = partial(path)
            setattr(plugin, name, type(place)(part))
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                write(*arguments)
                move(part, path)
            except OSError as error:
                discard(part, path)
                self.errors.add_unwritten(path, error)
                self._silence(plugin)
            finally:
                setattr(plugin, name, place)

        return write_beside

    def _silence(self, plugin: object) -> None:
        """Have a plugin say nothing about a file that it could not write: it would say that the file is there."""
        for implementation in self.hook.pytest_terminal_summary.get_hookimpls():
            if implementation.plugin is plugin:
                implementation.function = lambda *_: None
