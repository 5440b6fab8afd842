"""Files that no suite has written, without an end or of another form: refused in one line, with wrong usage."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.__main__ import main
from conformance.commands.certificate.files import UnsafeBundle
from conformance.commands.certificate.files import read_files as read_bundle_files
from conformance.evidence.files import read_bounded
from conformance.paths import SUITE
from conformance.plugin.project import project_options
from conformance.reports import workflow
from conformance.verdict.expectations.reading import ExpectationsError, read_expectations
from conformance.verdict.previous import PREVIOUS_FILE, keep_record
from conformance.verdict.record import RECORD_FILE, Record
from conformance.verdict.run import ExitStatus
from contracts import load_catalogue

ENDLESS = "/dev/zero"
KEY = "sk_test_endless0123456789abcdef"
CONTRACT = SUITE / "contracts" / "attach.openapi.yaml"

READING = {
    "render": ("render", ENDLESS),
    "replay": ("replay", "request.json-refused", "--record", ENDLESS),
    "explain": ("explain", "4fcf6f5", "--record", ENDLESS),
    "compare": ("compare", ENDLESS, ENDLESS),
    "judge": ("judge", ENDLESS),
    "certify": ("certify", ENDLESS, "--product", "a", "--version", "1", "--key", ENDLESS),
    "drift": ("drift", ENDLESS),
    "targets": ("targets", ENDLESS),
}


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the bound of what is recorded so narrow that a test reaches it at once."""
    monkeypatch.setattr(read_bounded, "__defaults__", (1000,))


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("command", READING)
def test_a_file_without_end_is_refused(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    status = main([*READING[command]])

    said = "".join(capsys.readouterr())
    assert status == ExitStatus.WRONG_USAGE, said
    assert len(said.splitlines()) <= 2, said


def test_an_endless_list_of_expectations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExpectationsError, match="more than"):
        read_expectations(Path(ENDLESS), "zero", load_catalogue())


def test_an_endless_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsafeBundle, match="no end"):
        read_bundle_files(Path(ENDLESS))


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "7", '{"clauses": 7}', '{"errors": 7}', DEEP, "\udcff"])
def test_results_of_others_are_refused(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / workflow.RESULTS_FILE).write_bytes(content.encode("utf-8", "surrogateescape"))

    status = main(["annotate", str(tmp_path), "--summary", str(tmp_path / "summary.md")])

    (line,) = capsys.readouterr().out.splitlines()
    assert status == ExitStatus.WRONG_USAGE
    assert line.startswith("::error title=No results::")
    assert workflow.RESULTS_FILE in line


PROJECTS = {
    "no table of tools": "tool = 7",
    "no table of options": "[tool]\nattach-conformance = 7",
    "a NUL": '[tool.attach-conformance]\nresults = "a\\u0000b"',
    "lists in lists": f"a = {DEEP}",
    "no UTF-8": 'a = "\udcff"',
}


@pytest.mark.parametrize("project", PROJECTS)
def test_projects_that_are_none_are_refused(project: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(PROJECTS[project].encode("utf-8", "surrogateescape"))

    with pytest.raises(pytest.UsageError, match=r"pyproject\.toml"):
        project_options(tmp_path, ("base-url",))


def test_a_record_of_others_is_no_record_of_a_whole_run(tmp_path: Path) -> None:
    for name in (RECORD_FILE, PREVIOUS_FILE):
        (tmp_path / name).write_text(DEEP)

    keep_record(tmp_path)

    assert (tmp_path / PREVIOUS_FILE).read_text() == DEEP


def test_a_page_that_is_not_utf8_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    page.write_bytes(b"\xff")

    status = main(["drift", str(CONTRACT), "--markdown", str(page)])

    assert status == ExitStatus.WRONG_USAGE
    assert str(page) in capsys.readouterr().err
    assert page.read_bytes() == b"\xff"


def test_an_error_of_the_suite_is_no_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python ends with 1 where nothing catches an error, and `replay` with 1 where something still fails."""

    def bug(*_: object, **__: object) -> None:
        raise LookupError(f"a bug, and the key {KEY}")

    monkeypatch.setattr(Record, "at", bug)

    status = main(["replay", "request.json-refused"])

    said = capsys.readouterr().err
    assert status == ExitStatus.OUR_ERROR
    assert "internal error of the suite" in said
    assert "a bug, and the key" in said
    assert KEY not in said
