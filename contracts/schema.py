"""JSON Schema for the contract's responses: converted OpenAPI 3.0 schemas, and their violations as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema_rs

_LOCAL_PREFIX = "#/components/schemas/"

LEVELS_OF_SCHEMAS = 64
"""The levels down to which a value is compared with a schema: deeper than any of the contract's schemas, which have no
cycles, and shallower than the 255 levels at which the validator gives up."""


@dataclass(frozen=True)
class SchemaViolation:
    """One place where a value does not fit its schema: the path to it, and the validator's message."""

    path: tuple[str | int, ...]
    message: str

    def __str__(self) -> str:
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path)
        return f"{where.lstrip('.') or 'the body'}: {self.message}"


class ResponseSchema:
    """One of the contract's component schemas, compiled once."""

    def __init__(self, components: Mapping[str, Any], name: str) -> None:
        definitions = {key: _plain(schema) for key, schema in components.items()}
        self._validator = jsonschema_rs.Draft202012Validator(
            {"$ref": f"#/$defs/{name}", "$defs": definitions}, validate_formats=False
        )

    def violations(self, value: Any) -> tuple[SchemaViolation, ...]:
        """Return every place where `value`, a decoded JSON value, breaks the schema; empty when it fits."""
        found = []
        for error in self._validator.iter_errors(_readable(value, LEVELS_OF_SCHEMAS)):
            path = tuple(error.instance_path)
            found.append(SchemaViolation(path, _shortened(error.message)))
        return tuple(sorted(set(found), key=lambda violation: (len(violation.path), str(violation))))


def _readable(value: Any, levels: int) -> Any:
    """Return a copy that the validator can read: without deeper levels, with U+FFFD for each lone surrogate."""
    if isinstance(value, str):
        return _without_surrogates(value)
    if isinstance(value, dict):
        if not levels:
            return {}
        return {_without_surrogates(name): _readable(item, levels - 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_readable(item, levels - 1) for item in value] if levels else []
    return value


def _without_surrogates(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _shortened(message: str, limit: int = 200) -> str:
    return message if len(message) <= limit else f"{message[: limit // 2]} … {message[-limit // 2 :]}"


def _plain(schema: Any) -> Any:
    """Convert an OpenAPI 3.0 schema to JSON Schema 2020-12: `nullable` becomes a type, references point at `$defs`."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _plain(value) for key, value in schema.items() if key != "nullable"}
    reference = plain.get("$ref")
    if isinstance(reference, str) and reference.startswith(_LOCAL_PREFIX):
        plain["$ref"] = "#/$defs/" + reference.removeprefix(_LOCAL_PREFIX)
    if schema.get("nullable") is True:
        return {"anyOf": [{"type": "null"}, plain]}
    return plain
