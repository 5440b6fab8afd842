"""The whole suite against servers whose answers are odd: no error of the suite, and results that can be read again."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from benchmarks.hostile.oddities import (
    FRAMES,
    HEADERS,
    JSON_VALUES,
    MEMBERS,
    Oddity,
    of_frame,
    of_header,
    of_member,
    running_with,
)
from benchmarks.hostile.table import TABLE
from benchmarks.hostile.trial import attempt
from benchmarks.processes import CONTEXT
from conformance.paths import SUITE
from conformance.reports.rendering import FORMS, concluded_again
from conformance.verdict.record import Record
from conformance.verdict.run import ExitStatus

QUICK_FRAMES = [name for name in FRAMES if name.startswith(("chunks", "status-line", "header-lines"))]
"""The frames after which a client need not wait for more."""


def mixed(*, after_probing: bool) -> list[Oddity]:
    """Every value at every member, and every header, in an order that mixes them."""
    members = [of_member(*pair, after_probing=after_probing) for pair in itertools.product(MEMBERS, JSON_VALUES)]
    headers = [of_header(name, value, after_probing=after_probing) for name in HEADERS for value in HEADERS[name]]
    oddities = [*members, *headers]
    random.Random(1).shuffle(oddities)
    return oddities


def run_against(oddities: Sequence[Oddity], folder: str, profile: str) -> int:
    """Run the suite in a process of its own, and return its status."""
    arguments = ("-p", "no:cacheprovider", "--assert=plain", "--budget=quick", "--timeout=1", f"--profile={profile}")
    output = io.StringIO()
    with running_with(*oddities) as server, contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        target = (f"--base-url={server.url}", f"--results={folder}")
        return int(pytest.main([str(SUITE / "tests"), f"--rootdir={SUITE}", *arguments, *target]))


RUNS = {
    "members and headers": ("mixed", True, "stripe"),
    "members and headers from the first answer on": ("mixed", False, "contract"),
    "frames": ("frames", True, "contract"),
}


def run_named(name: str, folder: str) -> int:
    """Run the suite against the server of that name."""
    kind, after_probing, profile = RUNS[name]
    if kind == "mixed":
        return run_against(mixed(after_probing=after_probing), folder, profile)
    return run_against([of_frame(frame, after_probing=after_probing) for frame in QUICK_FRAMES], folder, profile)


@pytest.mark.parametrize("name", sorted(RUNS))
def test_no_answer_of_a_server_is_an_error_of_the_suite(name: str, tmp_path: Path) -> None:

    with ProcessPoolExecutor(1, mp_context=CONTEXT) as pool:
        status = pool.submit(run_named, name, str(tmp_path)).result(timeout=300)
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert not results["errors"]
    assert not {slug for slug, clause in results["clauses"].items() if clause["outcome"] == "error"}
    assert status in set(ExitStatus) - {ExitStatus.OUR_ERROR}
    assert status == results["exit_status"]
    for file in tmp_path.iterdir():
        file.read_text(encoding="utf-8")
    record = Record.at(tmp_path / "run.jsonl")
    run = concluded_again(record)
    for form in FORMS.values():
        content = form.render(record, run)
        (content if isinstance(content, bytes) else content.encode()).decode()


SAMPLE = (
    "continues-for-ever",
    "gzip-bomb-at-once",
    "json-of-50-mb-at-once",
    "text-in-errors-at-once",
    "ids-are-list",
)
"""Hostile servers that end a run while it probes them: of each kind one."""

SAMPLE_OF_CLAUSES = ("key-in-header-names", pytest.param("100000-duplicates", marks=pytest.mark.long))
"""Hostile servers for which a run of a few clauses tells enough."""

FEW = ("--clause=request.minimal-body", "--clause=body.customer-required", "--clause=request.json-refused")


@pytest.mark.parametrize("name", SAMPLE)
def test_a_hostile_server_ends_a_run_and_nothing_else(name: str) -> None:
    assert attempt(TABLE[name]).wrong == ()


@pytest.mark.parametrize("name", SAMPLE_OF_CLAUSES)
def test_a_hostile_server_is_borne_by_a_few_clauses(name: str) -> None:
    assert attempt(TABLE[name], *FEW).wrong == ()


def test_there_are_many_hostile_servers() -> None:
    assert len(TABLE) >= 200
