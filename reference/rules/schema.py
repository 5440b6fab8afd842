"""Parameters of the endpoints other than attach: their names and their structure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import errors
from .forms import flat

if TYPE_CHECKING:
    from ..call import Call
    from .forms import Tree

TEXT = "text"
FREE = "free"
"""A hash of any keys to strings, as metadata is."""
EXPAND = "expand"
ADDRESS: dict[str, Any] = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), TEXT)

Shape = Mapping[str, Any]


def check(call: Call, shape: Shape) -> None:
    """Reject unknown parameters first, then wrong structures and long strings."""
    tree = call.parameters.tree
    unknown = list(_unknown(tree, shape, ""))
    if unknown:
        raise errors.unknown_parameters(unknown)
    _structure(call, tree, shape, "")


def _unknown(tree: Tree, shape: Shape, prefix: str) -> list[str]:
    names: list[str] = []
    for key, value in tree.items():
        name = f"{prefix}[{key}]" if prefix else str(key)
        inner = shape.get(str(key))
        if inner is None:
            names.append(name)
        elif isinstance(inner, Mapping) and isinstance(value, dict):
            names += _unknown(value, inner, name)
    return names


def _structure(call: Call, tree: Tree, shape: Shape, prefix: str) -> None:
    for key, value in tree.items():
        name = f"{prefix}[{key}]" if prefix else str(key)
        inner = shape[str(key)]
        if inner == EXPAND:
            continue
        if inner == TEXT:
            _text(call, name, value)
        elif inner == FREE:
            _free(call, name, value)
        elif isinstance(value, dict):
            _structure(call, value, inner, name)
        elif value:
            raise errors.invalid_hash(name)


def _text(call: Call, name: str, value: Any) -> None:
    if not isinstance(value, str):
        raise errors.invalid_string(name, value)
    if len(value) > call.behaviour.limit:
        raise errors.too_long(name, value, call.behaviour.limit)


def _free(call: Call, name: str, value: Any) -> None:
    if isinstance(value, str):
        if value:
            raise errors.invalid_hash(name)
        return
    for key, item in value.items():
        if not isinstance(item, str) or not isinstance(key, str):
            leaf = flat(item)[0][0] if isinstance(item, dict) and item else key
            raise errors.invalid_string(f"{name}[{leaf}]", item)
        if len(item) > 500 or len(key) > 40:
            raise errors.too_long(f"{name}[{key}]", item, 500)


def merge(old: Mapping[str, str], new: Any) -> dict[str, str]:
    """Return metadata after an update: an empty value removes its key, an empty string all of them."""
    if new is None:
        return dict(old)
    if not isinstance(new, dict):
        return {}
    both = dict(old) | {str(key): str(value) for key, value in new.items()}
    return {key: value for key, value in both.items() if value}
