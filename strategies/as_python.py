"""Attempts, and whatever else strategies draw, as the Python that makes them: what is found once can be pinned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

SHORTEST_REPETITION = 24
"""From how many characters on a repeated unit is written as a multiplication."""


def as_python(value: object) -> str:
    """An expression that makes an equal value, with the defaults of its dataclasses left out.

    Raises TypeError for what strategies do not draw.
    """
    match value:
        case None | bool() | int() | str() | bytes():
            return _literal(value)
        case tuple() | list():
            inner = ", ".join(map(as_python, value))
            if isinstance(value, list):
                return f"[{inner}]"
            return f"({inner},)" if len(value) == 1 else f"({inner})"
    if is_dataclass(value):
        return f"{type(value).__name__}({', '.join(_arguments(value))})"
    raise TypeError(f"{value!r} is nothing that a strategy draws")


def imports_for(value: object) -> list[str]:
    """The import statements that the expression of `as_python` needs, in order."""
    names: dict[str, set[str]] = {}
    for kind in _classes_in(value):
        names.setdefault(kind.__module__, set()).add(kind.__name__)
    return [f"from {module} import {', '.join(sorted(found))}" for module, found in sorted(names.items())]


def _literal(value: object) -> str:
    if isinstance(value, str) and len(value) >= SHORTEST_REPETITION and len(set(value)) == 1:
        return f"{value[0]!a} * {len(value)}"
    return ascii(value)


def _arguments(value: Any) -> Iterator[str]:
    named = False
    for field in fields(value):
        given = getattr(value, field.name)
        if _is_default(field, given):
            named = True
            continue
        text = as_python(given)
        # What strategies call by position reads best by position: names, values, units and counts.
        yield text if not named and _is_required(field) else f"{field.name}={text}"


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _is_default(field: Field[Any], given: object) -> bool:
    return not _is_required(field) and given == field.default


def _classes_in(value: object) -> Iterator[type]:
    if isinstance(value, tuple | list):
        for item in value:
            yield from _classes_in(item)
    elif is_dataclass(value) and not isinstance(value, type):
        yield type(value)
        for field in fields(value):
            given = getattr(value, field.name)
            if not _is_default(field, given):
                yield from _classes_in(given)
