"""Reports rendered from a record are those that the run itself wrote, however that run ended."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import signal
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks.processes import PytestProcess, pytest_run
from conformance.__main__ import main
from conformance.reports.badge import badge_of
from conformance.reports.rendering import FORMS
from conformance.reports.workflow import summary_of
from conformance.verdict.record import Record
from conformance.verdict.recording import record_lines
from conformance.verdict.run import ExitStatus
from conformance.verdict.settings import REPORT_FILE
from reference import Server, running
from reference.call import Call
from reference.wire.values import Response

KEY = "sk_test_metatests0123456789abcdef"
DEFECT = "unknown-ignored"
BROKEN = "body.unknown-parameter"
CHAPTERS = "test_body or test_auth"
"""One for each of two workers."""


class Done:
    """A run that has ended: its folder, its exit status and what it showed."""

    def __init__(self, folder: Path, status: int, shown: str) -> None:
        self.folder = folder
        self.status = status
        self.shown = shown

    @property
    def record(self) -> Path:
        return self.folder / "run.jsonl"

    @property
    def results(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.folder / "results.json").read_text())
        return content


def suite_run(folder: Path, *arguments: str, act: Callable[[PytestProcess], object] | None = None) -> Done:
    """Run the suite, and `act` while it runs."""
    chosen = ("--results", str(folder), "-p", "no:cacheprovider", *arguments)
    done = pytest_run(*chosen, act=act, timeout=120, environment={"STRIPE_API_KEY": KEY})
    return Done(folder, done.returncode, done.stdout + done.stderr)


@contextlib.contextmanager
def reached(server: Server, number: int) -> Iterator[threading.Event]:
    """Yield an event that is set at the attaching request of that number, which gets no response."""
    there, over = threading.Event(), threading.Event()
    serve, left = server.world.behaviour.serve, itertools.count(number, -1)

    def stalling(call: Call) -> Response:
        if call.request.path.endswith("/attach") and next(left) <= 1:
            there.set()
            over.wait(60)
        return serve(call)

    server.world.behaviour.serve = stalling
    yield there
    over.set()


def conforming(folder: Path) -> Done:
    return suite_run(folder, "--budget", "quick")


def by_two_workers(folder: Path) -> Done:
    with running(DEFECT, api_key=KEY) as server:
        return suite_run(folder, "--base-url", server.url, "-n", "2", "--budget", "quick", "-k", CHAPTERS)


def expected(folder: Path) -> Done:
    known = folder.parent / "known.toml"
    entries = [(BROKEN, "fail", "we take them, see the tracker"), ("request.json-refused", "fail", "no longer so")]
    known.write_text(
        "".join(
            f'[[expected]]\nclause = "{clause}"\noutcome = "{outcome}"\nreason = "{reason}"\n'
            for clause, outcome, reason in entries
        )
    )
    with running(DEFECT, api_key=KEY) as server:
        target = ("--base-url", server.url, "--expectations", str(known), "--profile", "contract")
        return suite_run(folder, *target, "-k", "test_body or test_request")


def narrowed(folder: Path) -> Done:
    known = folder.parent / "known.toml"
    known.write_text(f'[[expected]]\nclause = "{BROKEN}"\noutcome = "fail"\nreason = "it was so"\n')
    alone = ("--clause", "request.minimal-body", "--profile", "contract")
    return suite_run(folder, "--expectations", str(known), *alone)


def interrupted(folder: Path) -> Done:
    with running(DEFECT, api_key=KEY) as server, reached(server, 60) as there:

        def interrupt(process: PytestProcess) -> None:
            assert there.wait(60)
            process.send_signal(signal.SIGINT)

        return suite_run(folder, "--base-url", server.url, "--profile", "contract", act=interrupt)


def with_a_dying_target(folder: Path) -> Done:
    with running(api_key=KEY) as server, reached(server, 60) as there:

        def kill(_: PytestProcess) -> None:
            assert there.wait(60)
            server.stop()

        return suite_run(folder, "--base-url", server.url, "--profile", "contract", act=kill)


def unreachable(folder: Path) -> Done:
    return suite_run(folder, "--base-url", "http://127.0.0.1:9")


RUNS = (
    conforming,
    by_two_workers,
    expected,
    narrowed,
    interrupted,
    with_a_dying_target,
    unreachable,
)
STATUSES = (0, 1, 1, 0, 2, 1, 10)


Runner = Callable[[Path], Done]


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Runner], Done]:
    """Return a function that performs a run, each only once."""
    return cache(lambda run: run(tmp_path_factory.mktemp(run.__name__) / "reports"))


@pytest.fixture(scope="module", params=RUNS, ids=lambda run: run.__name__)
def done(request: pytest.FixtureRequest, once: Callable[[Runner], Done]) -> Done:
    return once(request.param)


@pytest.fixture(scope="module")
def rendered(done: Done, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rendered")
    assert main(["render", str(done.record), "--to", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def failed(once: Callable[[Runner], Done]) -> Done:
    return once(by_two_workers)


def report_in(page: Path) -> str:
    """All that a rendered page holds, with its style and its script."""
    text = page.read_text()
    return text[text.index("<body>") + len("<body>") : text.index("</body>")].strip()


def cases_of(path: Path) -> dict[tuple[str, str], str]:
    """The outcomes of all cases of a JUnit file, by class and name."""
    found = {}
    for case in ElementTree.parse(path).iter("testcase"):
        inner = [child for child in case if child.tag in ("failure", "error", "skipped")]
        outcome = f"{inner[0].tag} {inner[0].get('type') or ''}".strip() if inner else "passed"
        if case.get("name"):  # pytest writes a case without a name for an interrupted test
            found[str(case.get("classname")), str(case.get("name"))] = outcome
    return found


def numbers_of(path: Path) -> dict[str, str | None]:
    (suite,) = ElementTree.parse(path).iter("testsuite")
    return {name: suite.get(name) for name in ("name", "tests", "failures", "errors", "skipped")}


def test_the_run_ended_as_it_should(done: Done, request: pytest.FixtureRequest) -> None:
    (place,) = [place for place, run in enumerate(RUNS) if run.__name__ in request.node.name]
    assert done.status == STATUSES[place], done.shown
    assert done.results["exit_status"] == done.status


def test_html_json_markdown_badge_and_junit_are_those_of_the_run(done: Done, rendered: Path) -> None:
    assert (rendered / "results.json").read_text() == (done.folder / "results.json").read_text()
    assert report_in(rendered / REPORT_FILE) in (done.folder / REPORT_FILE).read_text()
    assert (rendered / "summary.md").read_text() == summary_of(done.results)
    assert (rendered / "badge.svg").read_text() == badge_of(done.results)
    assert cases_of(rendered / "junit.xml") == cases_of(done.folder / "junit.xml")
    assert numbers_of(rendered / "junit.xml") == numbers_of(done.folder / "junit.xml")


def test_an_interrupted_run_keeps_the_trial_that_was_broken_off(once: Callable[[Runner], Done]) -> None:
    done = once(interrupted)
    record = Record.read(done.record)
    broken_off = [trial for trial in record.trials if trial.missing]
    assert [trial.missing for trial in broken_off] == ["the run was interrupted"]
    assert broken_off[0] is record.entries[-1].logged
    assert done.results["verdict"] == "inconclusive"
    assert record.footer["interrupted"]
    assert "conforms (" not in done.shown


def test_two_workers_leave_a_record_in_the_order_of_the_tests(failed: Done) -> None:
    record = Record.read(failed.record)
    tests = [test["id"] for test in record.footer["tests"]]
    assert tests == sorted(tests)
    places = [
        next(place for place, test in enumerate(tests) if re.search(rf"::{entry.logged.test}(\[|$)", test))
        for entry in record.entries
        if entry.logged.test
    ]
    assert places == sorted(places)
    assert {entry.worker for entry in record.entries} == {0, 1}


# the command


def test_only_what_is_asked_for_is_written(failed: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["render", str(failed.record), "--badge", "--html", "page.html", "--to", "out"]) == 0
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")) == ["out/badge.svg", "page.html"]


def test_without_a_folder_the_reports_lie_beside_the_record(failed: Done, tmp_path: Path) -> None:
    record = tmp_path / "kept.jsonl"
    record.write_bytes(failed.record.read_bytes())
    assert main(["render", str(record)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"kept.jsonl", *(form.file for form in FORMS.values())}


def truncated(content: bytes) -> bytes:
    return b"".join(content.splitlines(keepends=True)[:-1])


def cut_in_a_line(content: bytes) -> bytes:
    return content[:-40]


def edited(content: bytes) -> bytes:
    return content.replace(b'"status":400', b'"status":402', 1)


def with_another_verdict(content: bytes) -> bytes:
    record = Record.of(content)
    footer = {**record.footer, "outcomes": {**record.outcomes, BROKEN: "pass"}}
    return b"".join(record_lines(record.header, record.entries, footer))


def of_another_catalogue(content: bytes) -> bytes:
    record = Record.of(content)
    return b"".join(record_lines({**record.header, "catalogue": "0" * 64}, record.entries, record.footer))


def of_another_format(content: bytes) -> bytes:
    record = Record.of(content)
    return b"".join(record_lines({**record.header, "format": 1}, record.entries, record.footer))


def foreign(_: bytes) -> bytes:
    return b'{"log": {"entries": []}}\n'


def empty(_: bytes) -> bytes:
    return b""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (truncated, "the last line is no footer"),
        (cut_in_a_line, "it is cut off"),
        (edited, "the line before was edited"),
        (with_another_verdict, f"{BROKEN} is pass by its footer, and fail when its episodes are judged"),
        (of_another_catalogue, "another catalogue"),
        (of_another_format, "line 1"),
        (foreign, "it is no record of a run: give the run.jsonl"),
        (empty, "it is no record of a run"),
    ],
)
def test_a_record_that_is_not_whole_is_refused_in_one_line(
    change: Callable[[bytes], bytes], said: str, failed: Done, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "run.jsonl"
    record.write_bytes(change(failed.record.read_bytes()))
    assert main(["render", str(record)]) == ExitStatus.WRONG_USAGE
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"{record}: ")
    assert said in shown.err
    assert shown.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["run.jsonl"]


def test_no_report_takes_the_place_of_the_record(
    failed: Done, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "run.jsonl"
    record.write_bytes(failed.record.read_bytes())
    assert main(["render", str(record), "--html", str(record)]) == ExitStatus.WRONG_USAGE
    assert "that is the record itself" in capsys.readouterr().err
    assert record.read_bytes() == failed.record.read_bytes()


def test_what_cannot_be_read_or_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(tmp_path / "missing.jsonl")]) == ExitStatus.WRONG_USAGE
    assert "cannot be read: No such file" in capsys.readouterr().err
