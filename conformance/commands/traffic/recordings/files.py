"""Files of recorded traffic: what form a file has, and the exchanges in it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from conformance.commands.traffic.recordings.cassettes import INTERACTION, NOCK, PLAIN, is_body
from conformance.commands.traffic.recordings.har import ENTRY
from conformance.commands.traffic.recordings.members import Member, UnreadableMember
from conformance.commands.traffic.recordings.recorded import Form, Recorded, blot
from conformance.commands.traffic.recordings.safe_yaml import UnreadableYaml, read_yaml
from conformance.evidence.files import read_bounded
from conformance.paths import program_here
from conformance.verdict.misuse import Misuse

FORMS = "a HAR file, a cassette of VCR or vcrpy, or JSON exchanges"


class UnreadableRecording(Misuse):
    """A file cannot be read as recorded traffic; the message names it and says why, without a key."""

    def __init__(self, message: str) -> None:
        super().__init__(blot(message))


@dataclass(frozen=True)
class Recording:
    """The contents of files: exchanges with the operation in order, how many others were `ignored`, and `unreadable`.

    Each text in `unreadable` names an exchange that could not be read, and the member at fault.
    """

    exchanges: tuple[Recorded, ...]
    ignored: int = 0
    unreadable: tuple[str, ...] = ()


def read_recordings(paths: Iterable[Path]) -> Recording:
    """Read files of recorded traffic.

    An exchange that cannot be read is left out and named. Raises UnreadableRecording for a file that cannot be read or
    has none of the forms, and where nothing is left because of exchanges that could not be read.
    """
    read: list[Recorded | None] = []
    unreadable: list[str] = []
    for where, value, form in chain.from_iterable(_entries(_document(path), str(path)) for path in paths):
        try:
            read.append(_read(value, form, where))
        except UnreadableMember as error:
            unreadable.append(f"{where}: {error}")
    exchanges = tuple(one for one in read if one is not None)
    if unreadable and not exchanges:
        more = f" (and {len(unreadable) - 1} more)" if len(unreadable) > 1 else ""
        raise UnreadableRecording(f"nothing to judge: {unreadable[0]}{more}")
    return Recording(exchanges, read.count(None), tuple(unreadable))


def _read(value: Any, form: Form | None, where: str) -> Recorded | None:
    """Return the exchange of an entry, None where it is not with the operation. Raises UnreadableMember."""
    entry = Member(Member.of(value, "entry").value)
    return (form or _form_of(value)).read(entry, where)


# from a file to a document


def _document(path: Path) -> Any:
    try:
        content = read_bounded(path)
    except OSError as error:
        raise UnreadableRecording(f"{path} cannot be read: {error.strerror or error}") from None
    try:
        text = content.decode(json.detect_encoding(content)).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise UnreadableRecording(f"{path} is not text: {error.reason} at byte {error.start}") from None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        why = str(error)
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) > 1 and isinstance(_json_line(lines[0]), Mapping):
        return [_json_line(line) for line in lines]
    if text.lstrip()[:1] in ("{", "["):
        raise UnreadableRecording(f"{path} is not JSON: {why}")
    try:
        return read_yaml(text)
    except UnreadableYaml as error:
        raise UnreadableRecording(f"{path} is neither JSON nor YAML ({error}): give {FORMS}") from None


def _json_line(line: str) -> Any:
    """Return the value of a line; None, which no form takes, where it is no JSON."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


# from a document to its entries


def _entries(document: Any, name: str) -> Iterator[tuple[str, Any, Form | None]]:
    """Yield the place, the value and the form of each entry; no form where each entry may have another one."""
    form: Form | None = None
    match document:
        case {"log": log}:
            values, member, word, form = _member(log, "entries"), "log.entries", "entry", ENTRY
        case {"http_interactions": values}:
            member, word, form = "http_interactions", "interaction", INTERACTION
        case {"interactions": values}:
            member, word, form = "interactions", "interaction", INTERACTION
        case {"response": _}:
            yield name, document, None
            return
        case [{"suite": _, **others}, *_] if "request" not in others:
            raise UnreadableRecording(f"{name} is the record of a run: use `{program_here()} render {name}`")
        case [_, *_]:
            values, member, word = document, "", "exchange"
        case _:
            raise UnreadableRecording(f"{name} has none of the forms that are read: give {FORMS}")
    if not isinstance(values, list):
        raise UnreadableRecording(f"{name}: `{member}` is not a list of exchanges")
    for number, value in enumerate(values, start=1):
        yield f"{name}, {word} {number}", value, form


def _member(value: Any, name: str) -> Any:
    """Return a member of a value; None where there is none, and where the value is no object."""
    return value.get(name) if isinstance(value, Mapping) else None


def _form_of(value: Mapping[str, Any]) -> Form:
    """Return the form of an exchange that stands alone or in a list, by the members that only this form has."""
    if "scope" in value and "path" in value:
        return NOCK
    match value:
        case {"startedDateTime": _} | {"request": {"postData": _}} | {"response": {"content": _}}:
            return ENTRY
        case {"response": {"code": _} | {"status": {}}}:
            return INTERACTION
    bodies = (_member(value.get(name), "body") for name in ("request", "response"))
    return INTERACTION if any(map(is_body, bodies)) else PLAIN
