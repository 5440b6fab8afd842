"""The formats that are read, each with the way to spoil a file of it and the function of the command that reads it."""

from __future__ import annotations

import contextlib
import datetime
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hypothesis import strategies as st
from securesystemslib.signer import SSlibKey

from benchmarks.forging import SIGNER
from benchmarks.fuzzing.mutations import (
    Draw,
    spoilt_bytes,
    spoilt_document,
    spoilt_json,
    spoilt_lines,
    spoilt_record,
)
from benchmarks.fuzzing.samples import FOUND, Samples
from conformance.__main__ import main
from conformance.commands.certificate.bundle import RECORD, make_bundle
from conformance.commands.certificate.checking import Checked, Demands, check
from conformance.commands.certificate.files import UnreadableBundle, UnsafeBundle, read_files, write_zip
from conformance.commands.certificate.rerunning import CannotPlan, Plan
from conformance.commands.certificate.verify import describe
from conformance.evidence.harmless import UNSAFE
from conformance.scenes.budgets import BUDGETS
from conformance.targets.description import TargetFileError, load
from conformance.verdict.expectations.reading import ExpectationsError, read_expectations
from conformance.verdict.run import ExitStatus
from contracts import load_catalogue

TIMEOUT, RATE = "1", "1000"
"""The limits of a replay, whose recorded ones may be spoilt."""

AT = datetime.datetime(2026, 11, 29, tzinfo=datetime.UTC)

LONGEST_REFUSAL = 2000
"""The number of characters that a refusal may have."""


class Unfit(AssertionError):
    """A command took a spoilt file in another way than by its own error in one line, or by doing its work."""


@dataclass(frozen=True)
class Reader:
    """The samples, a folder to write spoilt files to, and the URL of a server that replays may be sent to."""

    samples: Samples
    folder: Path
    url: str

    @cached_property
    def key(self) -> SSlibKey:
        """Return the public key of the forger."""
        return SIGNER.public_key

    def written(self, name: str, data: bytes) -> str:
        """Write a file, and return its path."""
        path = self.folder / name
        path.write_bytes(data)
        return str(path)


def _perform(*arguments: str) -> ExitStatus:
    """Perform a command, and look at what it prints. Raises Unfit."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = ExitStatus(main(list(arguments)))
    printed = out.getvalue() + err.getvalue()
    found = UNSAFE.search(printed)
    if found is not None:
        raise Unfit(f"U+{ord(found[0]):04X} is printed")
    if status in (ExitStatus.OUR_ERROR, ExitStatus.INTERRUPTED):
        raise Unfit(f"it ended with status {int(status)}")
    if status is ExitStatus.WRONG_USAGE:
        _check_refusal(printed)
    return status


def _check_refusal(printed: str) -> None:
    lines = printed.strip().split("\n")
    if len(lines) != 1 or not lines[0].strip():
        raise Unfit(f"the refusal has {len(lines)} lines")
    if len(printed) > LONGEST_REFUSAL:
        raise Unfit(f"the refusal has {len(printed)} characters")


def _render(draw: Draw, reader: Reader) -> None:
    path = reader.written("run.jsonl", spoilt_record(draw, reader.samples.record))
    _perform("render", path, "--to", str(reader.folder / "rendered"))


def _replay(draw: Draw, reader: Reader) -> None:
    path = reader.written("run.jsonl", spoilt_record(draw, reader.samples.record))
    target = ("--base-url", reader.url, "--timeout", TIMEOUT, "--rate", RATE)
    _perform("replay", FOUND, "--record", path, *target)


def _compare(draw: Draw, reader: Reader) -> None:
    spoilt = reader.written("spoilt.jsonl", spoilt_record(draw, reader.samples.record))
    other = reader.written("other.jsonl", reader.samples.other)
    _perform("compare", *draw_order(draw, spoilt, other), "--html", str(reader.folder / "compared.html"))


def draw_order(draw: Draw, one: str, other: str) -> tuple[str, str]:
    """Return the two in either order."""
    return (one, other) if draw(st.booleans()) else (other, one)


def _judge(draw: Draw, reader: Reader) -> None:
    name = draw(st.sampled_from(("cassette", *reader.samples.recordings)))
    if name == "cassette":
        spoil = draw(st.sampled_from((spoilt_bytes, spoilt_lines)))
        data = spoil(draw, reader.samples.cassette)
    else:
        data = spoilt_document(draw, json.dumps(reader.samples.recordings[name]).encode())
    _perform("judge", reader.written("traffic", data))


def _verify(draw: Draw, reader: Reader) -> None:
    """Spoil a bundle as somebody can who holds the key, or its files, or the zip file."""
    samples = reader.samples
    record: bytes = samples.whole.content
    target, predicates = samples.target, samples.predicates
    part = draw(st.sampled_from(("record", "record", "target", "predicate", "file", "zip")))
    if part == "record":
        record = spoilt_record(draw, record)
    elif part == "target":
        target = _read(spoilt_json(draw, target))
    elif part == "predicate":
        name = draw(st.sampled_from(sorted(predicates)))
        predicates = {**predicates, name: _read(spoilt_json(draw, predicates[name]))}
    files = make_bundle(record, target, predicates, SIGNER)
    if part == "file":
        name = draw(st.sampled_from(sorted(files)))
        files[name] = spoilt_record(draw, files[name]) if name == RECORD else spoilt_bytes(draw, files[name])
    path = reader.folder / "bundle.zip"
    path.unlink(missing_ok=True)
    try:
        write_zip(files, path)
    except (ValueError, zipfile.BadZipFile):
        return
    if part == "zip":
        path.write_bytes(spoilt_bytes(draw, path.read_bytes()))
    _verified(path, reader)


def _verified(path: Path, reader: Reader) -> None:
    """Check a bundle as the command does, with an empty plan in the place of one that takes a run."""
    plan = Plan((), {}, BUDGETS["standard"].repetitions)
    try:
        checked: Checked = check(read_files(path), Demands(reader.key, AT), lambda _: plan)
    except (UnsafeBundle, UnreadableBundle, CannotPlan) as error:
        _check_refusal(str(error))
        return
    list(describe(checked))
    ExitStatus(checked.exit_status)


def _read(text: str) -> Mapping[str, object]:
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _expectations(draw: Draw, reader: Reader) -> None:
    data = draw(st.sampled_from(reader.samples.expectations))
    spoil = draw(st.sampled_from((spoilt_bytes, spoilt_lines, spoilt_lines)))
    path = reader.written("expected.toml", spoil(draw, data))
    try:
        read_expectations(Path(path), "expected.toml", load_catalogue())
    except ExpectationsError as error:
        if len(str(error).split("\n")) != len(error.problems):
            raise Unfit("a problem has more than one line") from None


def _targets(draw: Draw, reader: Reader) -> None:
    name = draw(st.sampled_from(sorted(reader.samples.targets)))
    spoil = draw(st.sampled_from((spoilt_bytes, spoilt_lines, spoilt_lines)))
    path = reader.written(name, spoil(draw, reader.samples.targets[name]))
    try:
        load(Path(path))
    except TargetFileError as error:
        _check_refusal(str(error))


Fuzz = Callable[[Draw, Reader], None]

FORMATS: Mapping[str, Fuzz] = {
    "render": _render,
    "replay": _replay,
    "compare": _compare,
    "judge": _judge,
    "verify": _verify,
    "expectations": _expectations,
    "targets": _targets,
}
"""What reads a file that somebody else may have written, by the command or the kind of file."""
