"""Expansion: the paths that may be expanded, and objects in the place of ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import errors
from .forms import INDEX, Tree

if TYPE_CHECKING:
    from ..call import Call
    from ..wire.values import Json

OF_PAYMENT_METHOD = frozenset({"customer", "card"})
OF_CUSTOMER = frozenset({"default_source", "invoice_settings", "test_clock"})


def check_structure(tree: Tree) -> None:
    """Check that `expand` is an array of strings: `expand[]` or `expand[0]`, nothing else."""
    if "expand" not in tree:
        return
    value = tree["expand"]
    if value == "":
        raise errors.empty_parameter("expand")
    if not isinstance(value, dict):
        raise errors.invalid_array("expand")
    for key, item in value.items():
        if isinstance(key, str) and not INDEX.fullmatch(key):
            raise errors.invalid_array("expand")
        if not isinstance(item, str):
            raise errors.invalid_string(f"expand[{key}]", item)


def check_lengths(call: Call, items: Sequence[str]) -> None:
    """Check that no item is longer than the limit."""
    step = call.behaviour
    for position, item in enumerate(items):
        if step.measure(call, item) > step.expand_limit:
            raise errors.too_long(f"expand[{position}]", item, step.expand_limit)


def check_paths(call: Call, items: Sequence[str], roots: frozenset[str], *, listed: bool = False) -> None:
    """Check the number of levels and the first segment of each path. Later segments are not checked."""
    for item in items:
        segments = item.split(".")
        if len(segments) > call.behaviour.expand_levels:
            raise errors.too_deep(item, call.behaviour.expand_levels)
        if listed:
            if segments[0] != "data":
                raise errors.not_expandable(segments[0])
            segments = segments[1:] or [""]
        if segments[0] not in roots:
            raise errors.not_expandable(segments[0])


def check(call: Call, roots: frozenset[str], *, listed: bool = False) -> list[str]:
    """Check `expand` in every way, for the endpoints other than attach; return its items."""
    check_structure(call.parameters.tree)
    items = call.parameters.items("expand")
    check_lengths(call, items)
    check_paths(call, items, roots, listed=listed)
    return items


def expand(call: Call, payload: Json, items: Sequence[str]) -> None:
    """Inline the objects at the ends of paths. A null stays null, and so does any other value."""
    for item in dict.fromkeys(items):
        inline(call, payload, item.split("."))


def inline(call: Call, node: Any, segments: Sequence[str]) -> None:
    """Follow one path, through the items of lists."""
    if isinstance(node, list):
        for item in node:
            inline(call, item, segments)
        return
    if not segments or not isinstance(node, dict):
        return
    name, rest = segments[0], segments[1:]
    if isinstance(node.get(name), str):
        node[name] = look_up(call, name, node[name])
    inline(call, node.get(name), rest)


def look_up(call: Call, name: str, identifier: str) -> Any:
    """Return the object that a field names; the id itself if the field is not a reference."""
    if name == "customer":
        customer = call.store.customer(identifier)
        return identifier if customer is None else call.behaviour.customer_json(call, customer)
    if name == "default_payment_method":
        method = call.store.method(identifier)
        return identifier if method is None else call.behaviour.payment_method_json(call, method)
    return identifier
