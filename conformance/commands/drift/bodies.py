"""The request's schemas compared strictly: every keyword counts, since the contract has them as published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.commands.drift.differences import Change, Difference, Part
from conformance.commands.drift.schemas import Document, Node, Shape, Shapes

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
MOST_LEVELS = 30
"""How deep the schemas of a request are compared: the contract's have three levels."""


def compare_schemas(
    ours: tuple[Document, Node], theirs: tuple[Document, Node], path: str, name: str = "", level: int = 0
) -> Iterator[Difference]:
    """Yield what differs between two schemas of the request; `name` is the parameter that they describe."""
    if level > MOST_LEVELS:
        return
    a, b = ours[0].shapes(ours[1]), theirs[0].shapes(theirs[1])
    members = (name,) if name else ()
    types_a, types_b = describe_types(a), describe_types(b)
    if types_a != types_b or len(a.shapes) != 1 or len(b.shapes) != 1:
        if types_a != types_b or len(a.shapes) != len(b.shapes):
            words = f"the type is {types_b}, not {types_a}"
            yield Difference(Part.REQUEST, Change.CHANGED, path, words, "type", members).between(ours[1], theirs[1])
        return
    (shape_a,), (shape_b,) = a.shapes, b.shapes
    if a.nullable != b.nullable:
        words = "may be null" if b.nullable else "may no longer be null"
        yield Difference(Part.REQUEST, Change.CHANGED, path, words, "nullable", members).between(ours[1], theirs[1])
    yield from _keywords(shape_a, shape_b, path, members)
    yield from _values(shape_a, shape_b, path, members)
    yield from _required(shape_a, shape_b, path)
    yield from _properties((ours[0], shape_a), (theirs[0], shape_b), path, level)
    if shape_a.type == "array":
        items_a, items_b = shape_a.node.at("items"), shape_b.node.at("items")
        yield from compare_schemas((ours[0], items_a), (theirs[0], items_b), f"{path}[]", name, level + 1)


def describe_types(shapes: Shapes) -> str:
    """Return the types that a schema takes, in words."""
    return " or ".join(name or "anything" for name in shapes.types)


def show(value: Any) -> str:
    """Return a value of a keyword in short."""
    if value is None:
        return "none"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _keywords(a: Shape, b: Shape, path: str, members: tuple[str, ...]) -> Iterator[Difference]:
    for keyword in COMPARED:
        before, after = (shape.keywords.get(keyword, DEFAULTS.get(keyword)) for shape in (a, b))
        if before == after:
            continue
        words = f"{keyword} is {show(after)}, not {show(before)}"
        change = Change.NEW if before is None else Change.ABSENT if after is None else Change.CHANGED
        yield Difference(Part.REQUEST, change, path, words, keyword, members).between(a.node, b.node)


def _values(a: Shape, b: Shape, path: str, members: tuple[str, ...]) -> Iterator[Difference]:
    if a.values == b.values:
        return
    before, after = (sorted(values) if values is not None else None for values in (a.values, b.values))
    words = f"the values are {_listed(after)}, not {_listed(before)}"
    yield Difference(Part.REQUEST, Change.CHANGED, path, words, "enum", members).between(a.node, b.node)


def _listed(values: list[str] | None) -> str:
    return "open" if values is None else show(", ".join(values))


def _required(a: Shape, b: Shape, path: str) -> Iterator[Difference]:
    shared = a.properties.keys() & b.properties.keys()
    for name in sorted(shared & (a.required ^ b.required)):
        words = "required" if name in b.required else "no longer required"
        difference = Difference(Part.REQUEST, Change.CHANGED, f"{path}.{name}", words, "required", (name,))
        yield difference.between(a.node, b.node)


def _properties(a: tuple[Document, Shape], b: tuple[Document, Shape], path: str, level: int) -> Iterator[Difference]:
    ours, theirs = a[1].properties, b[1].properties
    for name in sorted(ours.keys() | theirs.keys()):
        place = f"{path}.{name}"
        if name not in ours:
            shapes = b[0].shapes(theirs[name])
            need = "required" if name in b[1].required else "optional"
            words = f"{need} parameter, {describe_types(shapes)}"
            new = Difference(Part.REQUEST, Change.NEW, place, words, "properties", (name,))
            yield new.between(None, theirs[name])
        elif name not in theirs:
            absent = Difference(Part.REQUEST, Change.ABSENT, place, "parameter", "properties", (name,))
            yield absent.between(ours[name], None)
        else:
            yield from compare_schemas((a[0], ours[name]), (b[0], theirs[name]), place, name, level + 1)
