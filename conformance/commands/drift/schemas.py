"""Schemas of an OpenAPI document with references followed and unions flattened, within bounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice, product
from typing import Any

from conformance.verdict.misuse import Misuse

DEEPEST = 40
"""How many references, unions and `allOf`s may stand within each other before a schema says anything."""
MOST_SHAPES = 500
"""How many alternatives one schema may have; Stripe's have at most about ten."""
UNIONS = ("anyOf", "oneOf")
ANY = ""
"""The type of a schema that takes values of any type."""


class UnusableDocument(Misuse):
    """A document cannot be compared: a reference leads nowhere, or a schema holds itself. The message is one line."""


@dataclass(frozen=True)
class Node:
    """A part of a document: its value, and the JSON pointer to it."""

    value: Any
    pointer: str = ""

    def at(self, *names: str) -> Node:
        """Return the part under these names; its value is None where there is none."""
        node = self
        for name in names:
            value = node.value.get(name) if isinstance(node.value, Mapping) else None
            node = Node(value, f"{node.pointer}/{escaped(name)}")
        return node

    def children(self, name: str) -> Mapping[str, Node]:
        """Return the parts of the object under `name`, by their names; none where it is no object."""
        parent = self.at(name)
        if not isinstance(parent.value, Mapping):
            return {}
        return {str(key): Node(value, f"{parent.pointer}/{escaped(str(key))}") for key, value in parent.value.items()}


@dataclass(frozen=True)
class Shape:
    """A schema without references and unions: its type, its keywords and their place, and the object's members."""

    type: str
    node: Node
    properties: Mapping[str, Node] = field(default_factory=dict)

    @property
    def keywords(self) -> Mapping[str, Any]:
        """The keywords of the schema."""
        keywords: Mapping[str, Any] = self.node.value
        return keywords

    @property
    def required(self) -> frozenset[str]:
        """The members that the object must have."""
        return frozenset(name for name in _listed(self.keywords.get("required")) if isinstance(name, str))

    @property
    def values(self) -> frozenset[str] | None:
        """The values that are allowed, or None where any is."""
        enum = [self.keywords["const"]] if "const" in self.keywords else self.keywords.get("enum")
        return None if not isinstance(enum, list) else frozenset(str(value) for value in enum if value is not None)

    @property
    def is_resource(self) -> bool:
        """Return whether this is an object of the API, which has an id and says its name in `object`."""
        return {"id", "object"} <= self.properties.keys()


@dataclass(frozen=True)
class Shapes:
    """The alternatives of a schema, and whether null is one."""

    nullable: bool
    shapes: tuple[Shape, ...]

    def of_type(self, name: str) -> tuple[Shape, ...]:
        """Return the alternatives of one type."""
        return tuple(shape for shape in self.shapes if shape.type == name)

    @property
    def types(self) -> tuple[str, ...]:
        """The types of the alternatives, each once."""
        return tuple(dict.fromkeys(shape.type for shape in self.shapes))


@dataclass(frozen=True)
class Document:
    """An OpenAPI document whose parts are reached by following references."""

    root: Mapping[str, Any]
    _known: dict[str, Shapes] = field(default_factory=dict, compare=False, repr=False)
    """Schemas that were flattened before, by their pointers: what bounds the work for a hostile document."""

    def follow(self, node: Node) -> Node:
        """Return what a part refers to, or the part itself. Raises UnusableDocument."""
        for _ in range(DEEPEST):
            reference = node.value.get("$ref") if isinstance(node.value, Mapping) else None
            if not isinstance(reference, str):
                return node
            node = self._referred(node, reference)
        raise UnusableDocument(f"its reference at {node.pointer} leads in a circle, or over more than {DEEPEST} others")

    def _referred(self, node: Node, reference: str) -> Node:
        if not reference.startswith("#/"):
            raise UnusableDocument(f"it refers to {reference!r} at {node.pointer}, which is not in the document")
        found = Node(self.root).at(*map(unescaped, reference.removeprefix("#/").split("/")))
        if found.value is None:
            raise UnusableDocument(f"it refers to {reference!r} at {node.pointer}, and nothing is there")
        return found

    def shapes(self, node: Node, level: int = 0) -> Shapes:
        """Return the alternatives of the schema at a node. Raises UnusableDocument."""
        if level > DEEPEST:
            raise UnusableDocument(
                f"its schema at {node.pointer} holds itself, or unions within more than {DEEPEST} others"
            )
        outer_nullable = _is_nullable(node.value)
        node = self.follow(node)
        if node.pointer not in self._known:
            self._known[node.pointer] = self._flattened(node, level)
        found = self._known[node.pointer]
        return Shapes(found.nullable or outer_nullable, found.shapes)

    def _flattened(self, node: Node, level: int) -> Shapes:
        if node.value is None or node.value is True:
            return Shapes(False, (Shape(ANY, Node({}, node.pointer)),))
        if not isinstance(node.value, Mapping):
            raise UnusableDocument(f"it has no schema at {node.pointer}, but {type(node.value).__name__}")
        for keyword in UNIONS:
            parts = _parts(node, keyword)
            if parts:
                return _united(_is_nullable(node.value), [self.shapes(part, level + 1) for part in parts], node)
        parts = _parts(node, "allOf")
        if parts:
            return _merged(node, [self.shapes(part, level + 1) for part in parts])
        return _plain(node)


def escaped(name: str) -> str:
    """Return a name as a JSON pointer has it."""
    return name.replace("~", "~0").replace("/", "~1")


def unescaped(name: str) -> str:
    """Return the name that stands escaped in a JSON pointer."""
    return name.replace("~1", "/").replace("~0", "~")


def _parts(node: Node, keyword: str) -> list[Node]:
    values = _listed(node.value.get(keyword))
    return [Node(value, f"{node.pointer}/{keyword}/{index}") for index, value in enumerate(values)]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_nullable(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("nullable") is True


def _united(nullable: bool, parts: Iterable[Shapes], node: Node) -> Shapes:
    """Return the union of several schemas, each alternative once."""
    parts = tuple(parts)
    shapes = {(shape.type, shape.node.pointer): shape for part in parts for shape in part.shapes}
    _check_count(len(shapes), node)
    return Shapes(nullable or any(part.nullable for part in parts), tuple(shapes.values()))


def _merged(node: Node, parts: Iterable[Shapes]) -> Shapes:
    """Return a schema that holds what each of several says: `allOf`, and the keywords beside it."""
    beside = {key: value for key, value in node.value.items() if key != "allOf"}
    own = _plain(Node(beside, node.pointer))
    parts = (*parts, own) if set(beside) - {"description", "nullable", "title"} else tuple(parts)
    combinations = list(islice(product(*(part.shapes for part in parts)), MOST_SHAPES + 1))
    _check_count(len(combinations), node)
    nullable = all(part.nullable for part in parts) or _is_nullable(node.value)
    if len(combinations) == 1:
        return Shapes(nullable, (_merge(node.pointer, combinations[0]),))
    numbered = enumerate(combinations)
    return Shapes(nullable, tuple(_merge(f"{node.pointer}/{number}", shapes) for number, shapes in numbered))


def _merge(pointer: str, shapes: tuple[Shape, ...]) -> Shape:
    merged: dict[str, Any] = {}
    for shape in shapes:
        merged = {**merged, **shape.keywords}
    merged["required"] = [name for shape in shapes for name in shape.required]
    properties = {name: node for shape in shapes for name, node in shape.properties.items()}
    types = [shape.type for shape in shapes if shape.type != ANY]
    return Shape(types[0] if types else ANY, Node(merged, pointer), properties)


def _plain(node: Node) -> Shapes:
    """Return the alternatives of a schema without unions: one for each of its types."""
    types = node.value.get("type")
    named = [types] if isinstance(types, str) else [name for name in _listed(types) if isinstance(name, str)]
    nullable = _is_nullable(node.value) or "null" in named
    kinds = [name for name in named if name != "null"] or list(_implied_type(node.value))
    properties = node.children("properties")
    return Shapes(nullable, tuple(Shape(name, node, properties) for name in dict.fromkeys(kinds)))


def _implied_type(schema: Mapping[str, Any]) -> Iterator[str]:
    """Return the type of a schema that names none."""
    if "properties" in schema:
        yield "object"
    elif "items" in schema:
        yield "array"
    else:
        yield ANY


def _check_count(count: int, node: Node) -> None:
    if count > MOST_SHAPES:
        raise UnusableDocument(f"its schema at {node.pointer} has more than {MOST_SHAPES} alternatives")
