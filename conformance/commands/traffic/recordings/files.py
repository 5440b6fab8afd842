"""Files of recorded traffic: what form a file has, and the exchanges in it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.commands.traffic.recordings.cassettes import INTERACTION, NOCK, PLAIN, is_body
from conformance.commands.traffic.recordings.har import ENTRY
from conformance.commands.traffic.recordings.members import Member, UnreadableMember
from conformance.commands.traffic.recordings.recorded import Form, Recorded
from conformance.commands.traffic.recordings.safe_yaml import UnreadableYaml, read_yaml
from conformance.evidence.files import read_bounded
from conformance.paths import program_here

FORMS = "a HAR file, a cassette of VCR or vcrpy, or JSON exchanges"
_LISTS = {"http_interactions": INTERACTION, "interactions": INTERACTION}
"""The members of a cassette that hold its exchanges."""


class UnreadableRecording(ValueError):
    """A file cannot be read as recorded traffic; the message names it and says why."""


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
    exchanges: list[Recorded] = []
    unreadable: list[str] = []
    ignored = 0
    for path in paths:
        for where, value, form in _entries(_document(path), str(path)):
            try:
                one = _read(value, form, where)
            except UnreadableMember as error:
                unreadable.append(f"{where}: {error}")
                continue
            if one is None:
                ignored += 1
            else:
                exchanges.append(one)
    if unreadable and not exchanges:
        more = f" (and {len(unreadable) - 1} more)" if len(unreadable) > 1 else ""
        raise UnreadableRecording(f"nothing to judge: {unreadable[0]}{more}")
    return Recording(tuple(exchanges), ignored, tuple(unreadable))


def _read(value: Any, form: Form | None, where: str) -> Recorded | None:
    if not isinstance(value, Mapping):
        raise UnreadableMember("entry", "is not an object")
    return (form or _form_of(value)).read(Member(value), where)


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
    if isinstance(document, Mapping) and "response" in document and not document.keys() & {"log", *_LISTS}:
        yield name, document, None
        return
    values, word, form = _listed(document, name)
    for number, value in enumerate(values, start=1):
        yield f"{name}, {word} {number}", value, form


def _listed(document: Any, name: str) -> tuple[list[Any], str, Form | None]:
    """Return the entries of a document, the word for one in its form, and that form."""
    if isinstance(document, list) and document:
        if _is_own_record(document):
            raise UnreadableRecording(f"{name} is the record of a run: use `{program_here()} render {name}`")
        return document, "exchange", None
    if isinstance(document, Mapping):
        if "log" in document:
            return _list_at(_object(document, "log"), "entries", f"{name}: `log.entries`"), "entry", ENTRY
        for member, form in _LISTS.items():
            if member in document:
                return _list_at(document, member, f"{name}: `{member}`"), "interaction", form
    raise UnreadableRecording(f"{name} has none of the forms that are read: give {FORMS}")


def _list_at(holder: Mapping[str, Any], member: str, shown: str) -> list[Any]:
    values = holder.get(member)
    if not isinstance(values, list):
        raise UnreadableRecording(f"{shown} is not a list of exchanges")
    return values


def _object(holder: Mapping[str, Any], member: str) -> Mapping[str, Any]:
    value = holder.get(member)
    return value if isinstance(value, Mapping) else {}


def _is_own_record(values: list[Any]) -> bool:
    first = values[0]
    return isinstance(first, Mapping) and "request" not in first and "suite" in first


def _form_of(value: Mapping[str, Any]) -> Form:
    """Return the form of an exchange that stands alone or in a list, by the members that only this form has."""
    if "scope" in value and "path" in value:
        return NOCK
    request, response = _object(value, "request"), _object(value, "response")
    if "postData" in request or "content" in response or "startedDateTime" in value:
        return ENTRY
    is_cassette = isinstance(response.get("status"), Mapping) or is_body(request.get("body")) or "code" in response
    return INTERACTION if is_cassette or is_body(response.get("body")) else PLAIN
