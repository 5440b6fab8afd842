"""The request's schemas compared strictly: every keyword counts, since the contract has them as published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.commands.drift.differences import Change, Difference, Pair, absent, new
from conformance.commands.drift.schemas import Shape, Shapes

DEFAULTS: Mapping[str, Any] = {
    "additionalProperties": True,
    "uniqueItems": False,
    "minLength": 0,
    "minItems": 0,
    "minProperties": 0,
    "exclusiveMinimum": False,
    "exclusiveMaximum": False,
    "deprecated": False,
}
"""The keywords that have a meaning where they are absent."""
COMPARED = (
    *("additionalProperties", "format", "pattern", "minLength", "maxLength", "minItems", "maxItems"),
    *("uniqueItems", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minProperties", "maxProperties"),
    *("multipleOf", "deprecated", "default"),
)
"""The keywords that are compared as they stand; members, items, types and values are compared by their own rules."""
LONGEST_VALUE = 60


def compare_schemas(pair: Pair, *name: str) -> Iterator[Difference]:
    """Yield what differs between two schemas of the request; `name` is the parameter that they describe, if any."""
    a, b = pair.ours.shapes(), pair.theirs.shapes()
    types_a, types_b = describe_types(a), describe_types(b)
    if types_a != types_b or len(a.shapes) != len(b.shapes):
        yield pair.changed(f"the type is {types_b}, not {types_a}", "type", *name)
    elif len(a.shapes) == 1:
        if a.nullable != b.nullable:
            yield pair.changed("may be null" if b.nullable else "may no longer be null", "nullable", *name)
        yield from _compare_shapes(pair, a.shapes[0], b.shapes[0], name)


def _compare_shapes(pair: Pair, a: Shape, b: Shape, name: tuple[str, ...]) -> Iterator[Difference]:
    inner = pair.of(a.node, b.node)
    yield from _keywords(inner, name)
    if a.values != b.values:
        yield inner.changed(f"the values are {_listed(b.values)}, not {_listed(a.values)}", "enum", *name)
    for member in sorted(a.properties.keys() & b.properties.keys() & (a.required ^ b.required)):
        words = "required" if member in b.required else "no longer required"
        yield inner.changed(words, "required", member, path=f".{member}")
    yield from _properties(pair, a, b)
    if a.type == "array":
        yield from compare_schemas(inner.at("items", "[]"), *name)


def describe_types(shapes: Shapes) -> str:
    """Return the types that a schema takes, in words."""
    return " or ".join(name or "anything" for name in shapes.types)


def show(value: Any) -> str:
    """Return a value of a keyword in short."""
    if value is None:
        return "none"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _keywords(pair: Pair, name: tuple[str, ...]) -> Iterator[Difference]:
    for keyword in COMPARED:
        before, after = pair.values(keyword, DEFAULTS.get(keyword))
        if before != after:
            words = f"{keyword} is {show(after)}, not {show(before)}"
            change = Change.NEW if before is None else Change.ABSENT if after is None else Change.CHANGED
            yield pair.difference(change, words, keyword, name)


def _listed(values: frozenset[str] | None) -> str:
    return "open" if values is None else show(", ".join(sorted(values)))


def _properties(pair: Pair, a: Shape, b: Shape) -> Iterator[Difference]:
    for name in sorted(a.properties.keys() | b.properties.keys()):
        ours, theirs, path = a.properties.get(name), b.properties.get(name), f"{pair.path}.{name}"
        if ours and theirs:
            yield from compare_schemas(pair.of(ours, theirs, f".{name}"), name)
        elif theirs:
            need = "required" if name in b.required else "optional"
            words = f"{need} parameter, {describe_types(theirs.shapes())}"
            yield new(pair.part, path, words, "properties", theirs, name)
        elif ours:
            yield absent(pair.part, path, "parameter", "properties", ours, name)
