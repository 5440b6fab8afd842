"""Reading an OpenAPI document that the suite did not write: JSON or YAML, within bounds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from conformance.commands.traffic.recordings.safe_yaml import UnreadableYaml, check_size
from conformance.evidence.foreign import one_line
from conformance.verdict.misuse import Misuse
from contracts.contract import FASTEST_LOADER

MOST_BYTES = 64_000_000
"""How large a document may be; the largest one that Stripe publishes has 8 MB."""

DEEPEST = 200
"""How many levels a document may have; Stripe's has about 30."""


class UnreadableDocument(Misuse):
    """A file is no OpenAPI 3 document, or more than is read; the message says why in one line."""


def read_document(path: Path) -> Mapping[str, Any]:
    """Return the OpenAPI document of a file. Raises UnreadableDocument and OSError."""
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    try:
        return parse_document(data)
    except UnreadableDocument as error:
        raise UnreadableDocument(one_line(f"{path} cannot be compared: {error}")) from None


def parse_document(data: bytes) -> Mapping[str, Any]:
    """Return the OpenAPI document that stands in `data` as JSON or YAML. Raises UnreadableDocument."""
    if len(data) > MOST_BYTES:
        raise UnreadableDocument(f"it has more than {MOST_BYTES:,} bytes")
    try:
        text = data.decode(json.detect_encoding(data))
    except UnicodeDecodeError as error:
        raise UnreadableDocument(f"it is no text: {error}") from None
    document = _parse_json(text) if text.lstrip()[:1] in ("{", "[") else _parse_yaml(text)
    if not isinstance(document, dict):
        raise UnreadableDocument("it is no OpenAPI document: it holds no object")
    _check_depth(document)
    version = document.get("openapi")
    if not str(version).startswith("3."):
        found = "it has no `openapi` version" if version is None else f"its `openapi` version is not 3.x: {version!r}"
        raise UnreadableDocument(f"it is no OpenAPI 3 document: {_joined(found)}")
    return document


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise UnreadableDocument("its JSON is nested too deeply to be read") from None
    except ValueError as error:
        raise UnreadableDocument(f"it is not JSON: {_joined(error)}") from None


def _parse_yaml(text: str) -> Any:
    try:
        check_size(text)
        return yaml.load(text, Loader=FASTEST_LOADER)
    except (UnreadableYaml, yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise UnreadableDocument(f"it is neither JSON nor YAML: {_joined(error)}") from None


def _check_depth(document: Any) -> None:
    """Raise UnreadableDocument for values within more than DEEPEST others, which Python cannot show or compare."""
    level = [document]
    for _ in range(DEEPEST):
        level = [child for value in level for child in _children(value)]
        if not level:
            return
    raise UnreadableDocument(f"it is nested deeper than {DEEPEST} levels")


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _joined(error: object) -> str:
    """Return the text of an error, which may have several lines, on one."""
    return one_line(" ".join(str(error).split()))
