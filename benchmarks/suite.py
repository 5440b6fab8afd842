"""Run the suite many times, on all cores.

A fork server that has imported everything once starts a process for each run, so that runs share no state.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.processes import CONTEXT
from conformance.paths import SUITE, TESTS

RED = ("fail", "error", "inconclusive")


@dataclass(frozen=True)
class Job:
    """One run of the suite against the reference with a defect or variants, or against `base_url`.

    `arguments` are passed to pytest. With `clauses`, only their tests run, and only the files that name them are
    collected, which is half of a short run. The HTML report, a third of one, is written only with `html`.
    """

    name: str
    defect: str | None = None
    variants: tuple[str, ...] = ()
    stateless: bool = False
    base_url: str | None = None
    path_prefix: str = ""
    arguments: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()
    html: bool = False


@dataclass(frozen=True)
class Result:
    """The result of a job: exit status, content of results.json, and the terminal's output."""

    job: Job
    status: int
    results: dict[str, Any]
    output: str

    def outcomes(self, *wanted: str) -> dict[str, str]:
        """Return the reasons of the clauses with one of the wanted outcomes, by slug."""
        clauses = self.results["clauses"]
        return {slug: clause["reason"] for slug, clause in clauses.items() if clause["outcome"] in wanted}

    @property
    def red(self) -> dict[str, str]:
        """The reasons of the clauses that failed, are in error or inconclusive."""
        return self.outcomes(*RED)


def paths_for(clauses: Sequence[str]) -> list[str]:
    """Return the files of the suite that name one of these clauses, or the folder of all if none does."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(TESTS.glob("test_*.py"))}
    named = [str(path) for path, text in texts.items() if any(f'"{slug}"' in text for slug in clauses)]
    return named or [str(TESTS)]


def run_all(jobs: Iterable[Job], processes: int | None = None) -> Iterator[Result]:
    """Run the jobs, each in its own process, and yield their results in order."""
    with ProcessPoolExecutor(processes or os.cpu_count() or 1, mp_context=CONTEXT, max_tasks_per_child=1) as pool:
        yield from pool.map(run, jobs)


def run(job: Job) -> Result:
    """Run one job in this process."""
    import pytest

    from reference import running

    output = io.StringIO()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        base_url = job.base_url
        if base_url is None:
            server = stack.enter_context(running(job.defect, job.variants, job.stateless))
            base_url = server.url + job.path_prefix
        stack.enter_context(contextlib.redirect_stdout(output))
        stack.enter_context(contextlib.redirect_stderr(output))
        arguments = [*paths_for(job.clauses), f"--rootdir={SUITE}", "-p", "no:cacheprovider", "--assert=plain"]
        options = [f"--base-url={base_url}", f"--results={folder}", *(f"--clause={slug}" for slug in job.clauses)]
        if not job.html:
            options += ["-p", "no:html"]
        status = pytest.main([*arguments, *options, *job.arguments])
        path = folder / "results.json"
        results = json.loads(path.read_text()) if path.exists() else {}
    return Result(job, int(status), results, output.getvalue())
