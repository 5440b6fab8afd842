"""Files of recorded traffic: what form a file has, and the exchanges in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.commands.traffic.recordings.cassettes import is_body, read_interaction
from conformance.commands.traffic.recordings.har import read_entry
from conformance.commands.traffic.recordings.members import UnreadableMember
from conformance.commands.traffic.recordings.plain import read_exchange, read_nock
from conformance.commands.traffic.recordings.recorded import Recorded, Recording, UnreadableRecording
from conformance.commands.traffic.recordings.safe_yaml import UnreadableYaml, read_yaml

FORMS = "a HAR file, a cassette of VCR or vcrpy, or JSON exchanges"
MOST_BYTES = 512_000_000
"""How large a file may be."""

Reader = Callable[[Mapping[str, Any], str], Recorded | None]
Read = Recorded | None | UnreadableMember


@dataclass(frozen=True)
class _Item:
    """One exchange of a file that is not read yet: its place, its value, and the reader of its form."""

    where: str
    value: Any
    read: Reader


def read_recordings(paths: Iterable[Path]) -> Recording:
    """Read files of recorded traffic.

    An exchange that cannot be read is left out and named. Raises UnreadableRecording for a file that cannot be read or
    has none of the forms, and where nothing is left because of exchanges that could not be read.
    """
    exchanges: list[Recorded] = []
    unreadable: list[str] = []
    ignored = 0
    for path in paths:
        for item in _items(_document(path), str(path)):
            match _read(item):
                case None:
                    ignored += 1
                case UnreadableMember() as error:
                    unreadable.append(f"{item.where}: {error}")
                case Recorded() as one:
                    exchanges.append(one)
    if unreadable and not exchanges:
        more = f" (and {len(unreadable) - 1} more)" if len(unreadable) > 1 else ""
        raise UnreadableRecording(f"nothing to judge: {unreadable[0]}{more}")
    return Recording(tuple(exchanges), ignored, tuple(unreadable))


def recorded_in(document: Any, name: str) -> list[Recorded | None]:
    """Return the exchanges of a decoded file called `name`, None for each that is not with the operation.

    Raises UnreadableRecording.
    """
    found: list[Recorded | None] = []
    for item in _items(document, name):
        one = _read(item)
        if isinstance(one, UnreadableMember):
            raise UnreadableRecording(f"{item.where}: {one}")
        found.append(one)
    return found


def _read(item: _Item) -> Read:
    if not isinstance(item.value, Mapping):
        return UnreadableMember("entry", "is not an object")
    try:
        return item.read(item.value, item.where)
    except UnreadableMember as error:
        return error


# from a file to a document


def _document(path: Path) -> Any:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UnreadableRecording(f"{path} has more than {MOST_BYTES} bytes")
        content = path.read_bytes()
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
    if (lines := _json_lines(text)) is not None:
        return lines
    if text.lstrip()[:1] in ("{", "["):
        raise UnreadableRecording(f"{path} is not JSON: {why}")
    try:
        return read_yaml(text)
    except UnreadableYaml as error:
        raise UnreadableRecording(f"{path} is neither JSON nor YAML ({error}): give {FORMS}") from None


def _json_lines(text: str) -> list[Any] | None:
    """Return the values of JSON lines; a line that is none becomes a value that no reader takes."""
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) < 2 or not isinstance(_json_line(lines[0]), Mapping):
        return None
    return [_json_line(line) for line in lines]


def _json_line(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


# from a document to its exchanges


def _items(document: Any, name: str) -> Iterator[_Item]:
    values, word, read = _listed(document, name)
    for number, value in enumerate(values, start=1):
        yield _Item(f"{name}, {word} {number}" if word else name, value, read)


def _listed(document: Any, name: str) -> tuple[list[Any], str, Reader]:
    """Return the exchanges of a document, the word for one in its form (empty for a lone one), and their reader."""
    if isinstance(document, list) and document:
        if _is_own_record(document):
            raise UnreadableRecording(f"{name} is the record of a run: use `python -m conformance render {name}`")
        return document, "exchange", _read_any
    if isinstance(document, Mapping):
        if "log" in document:
            return _list_at(_object(document["log"]), "entries", name, "log.entries"), "entry", read_entry
        for member in ("http_interactions", "interactions"):
            if member in document:
                return _list_at(document, member, name), "interaction", read_interaction
        if "response" in document:
            return [document], "", _read_any
    raise UnreadableRecording(f"{name} has none of the forms that are read: give {FORMS}")


def _list_at(holder: Mapping[str, Any], member: str, name: str, shown: str = "") -> list[Any]:
    values = holder.get(member)
    if not isinstance(values, list):
        raise UnreadableRecording(f"{name}: `{shown or member}` is not a list of exchanges")
    return values


def _is_own_record(values: list[Any]) -> bool:
    first = values[0]
    return isinstance(first, Mapping) and "request" not in first and "suite" in first


def _read_any(value: Mapping[str, Any], where: str) -> Recorded | None:
    return _reader_for(value)(value, where)


def _reader_for(value: Mapping[str, Any]) -> Reader:
    """Return the reader of an exchange that stands alone or in a list, by the members that only its form has."""
    if "scope" in value and "path" in value:
        return read_nock
    request, response = _object(value.get("request")), _object(value.get("response"))
    if "postData" in request or "content" in response or "startedDateTime" in value:
        return read_entry
    is_cassette = isinstance(response.get("status"), Mapping) or is_body(request.get("body"))
    return read_interaction if is_cassette or is_body(response.get("body")) else read_exchange


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
