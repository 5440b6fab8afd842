"""Files that somebody else has written end in a command's work or in its own error, which is one line."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.fuzzing.__main__ import fuzz
from benchmarks.fuzzing.formats import FORMATS, Reader
from benchmarks.fuzzing.mutations import chained
from benchmarks.fuzzing.samples import Samples, made_in
from conformance.targets.description import FOLDER, TargetFileError, load
from conformance.verdict.expectations.reading import ExpectationsError, parse_expectations
from conformance.verdict.record import BrokenRecord, Record
from contracts import load_catalogue
from reference import running

SAMPLE = 8
"""How many files of each format are spoilt here."""

TODAY = datetime.date(2026, 11, 29)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return made_in(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running() as server:
        yield server.url


@pytest.mark.parametrize("name", FORMATS)
def test_a_spoilt_file_ends_in_an_error_of_the_commands_own(
    name: str, samples: Samples, url: str, tmp_path: Path
) -> None:
    fuzzed = fuzz(name, Reader(samples, tmp_path, url), 0, examples=SAMPLE)
    assert fuzzed.files >= SAMPLE
    assert not fuzzed.findings


def test_a_fault_of_a_command_is_found(
    samples: Samples, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> None:
        raise KeyError(path.name)

    monkeypatch.setattr("benchmarks.fuzzing.formats.load", fail)
    fuzzed = fuzz("targets", Reader(samples, tmp_path, url), 0, examples=SAMPLE, keep=tmp_path / "kept")
    (kind,) = fuzzed.findings
    assert kind.startswith("KeyError at meta_tests/test_fuzzing.py")
    assert list((tmp_path / "kept" / "targets-1").iterdir())


# what was found, kept


def nested(levels: int) -> object:
    """Return a list in a list in a list …"""
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


def test_a_record_nested_too_deeply_is_refused(samples: Samples) -> None:
    lines = [json.loads(line) for line in samples.record.splitlines()]
    lines[1]["turn"] = nested(400)
    with pytest.raises(BrokenRecord, match="line 2: it is nested too deep"):
        Record.of(chained(lines))


@pytest.mark.parametrize("value", ["07:32:00", "[" * 3000 + "]" * 3000, "9" * 6000, "1979-05-27"])
def test_a_target_with_a_value_that_no_target_has_is_refused(value: str, tmp_path: Path) -> None:
    path = tmp_path / "prism.toml"
    path.write_text(f"odd = {value}\n" + (FOLDER / "prism.toml").read_text())
    with pytest.raises(TargetFileError) as refused:
        load(path)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("value", ["[" * 3000 + "]" * 3000, "9" * 6000])
def test_expectations_that_cannot_be_read_are_refused(value: str) -> None:
    text = f'[[expected]]\nclause = "request.accept"\noutcome = "fail"\nreason = {value}\n'
    with pytest.raises(ExpectationsError, match=r"^a\.toml:1: is not TOML"):
        parse_expectations(text.encode(), "a.toml", load_catalogue(), TODAY)
