"""Schemas of an OpenAPI document with references followed and unions flattened, within bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, product
from typing import Any
from urllib.parse import unquote

from conformance.verdict.misuse import Misuse

DEEPEST = 40
"""How many references, unions and `allOf`s may stand within each other before a schema says anything."""
MOST_SHAPES = 500
"""How many alternatives one schema may have; Stripe's have at most about ten."""
LONGEST_INDEX = 9
"""How many digits the index of an array's member may have, which Python has to read."""
ANY = ""
"""The type of a schema that takes values of any type."""


class UnusableDocument(Misuse):
    """A document cannot be compared: a reference leads nowhere, or a schema holds itself. The message is one line."""


@dataclass(frozen=True)
class Document:
    """An OpenAPI document, and its schemas that were flattened before, by their pointers.

    Keeping them bounds the work for a hostile document.
    """

    root: Mapping[str, Any]
    flattened: dict[str, Shapes] = field(default_factory=dict)


@dataclass(frozen=True)
class Node:
    """A part of a document: its value, and the JSON pointer to it."""

    value: Any
    pointer: str
    document: Document = field(repr=False)

    @classmethod
    def root(cls, content: Mapping[str, Any]) -> Node:
        """Return a document as a whole."""
        return cls(content, "", Document(content))

    def at(self, *names: str) -> Node:
        """Return the part under these names; its value is None where there is none."""
        node = self
        for name in names:
            node = node.part(name, _member(node.value, name))
        return node

    def part(self, name: str, value: Any) -> Node:
        """Return this value as the part under that name."""
        return replace(self, value=value, pointer=f"{self.pointer}/{escaped(name)}")

    def children(self, name: str) -> Mapping[str, Node]:
        """Return the parts of the object under `name`, by their names; none where it is no object."""
        parent = self.at(name)
        members = parent.value if isinstance(parent.value, Mapping) else {}
        return {str(key): parent.part(str(key), value) for key, value in members.items()}

    def entries(self, name: str) -> list[Node]:
        """Return the parts of the array under `name`; none where it is no array."""
        parent = self.at(name)
        return [parent.part(str(index), value) for index, value in enumerate(_listed(parent.value))]

    def followed(self) -> Node:
        """Return what this part refers to, or the part itself. Raises UnusableDocument."""
        node = self
        for _ in range(DEEPEST):
            reference = node.value.get("$ref") if isinstance(node.value, Mapping) else None
            if not isinstance(reference, str):
                return node
            node = node._referred(reference)
        raise UnusableDocument(f"its reference at {node.pointer} leads in a circle, or over more than {DEEPEST} others")

    def _referred(self, reference: str) -> Node:
        if not reference.startswith("#/"):
            raise UnusableDocument(f"it refers to {reference!r} at {self.pointer}, which is not in the document")
        root = replace(self, value=self.document.root, pointer="")
        found = root.at(*map(unescaped, unquote(reference).removeprefix("#/").split("/")))
        if found.value is None:
            raise UnusableDocument(f"it refers to {reference!r} at {self.pointer}, and nothing is there")
        return found

    def shapes(self, level: int = 0) -> Shapes:
        """Return the alternatives of the schema here. Raises UnusableDocument."""
        if level > DEEPEST:
            raise UnusableDocument(
                f"its schema at {self.pointer} holds itself, or unions within more than {DEEPEST} others"
            )
        node, known = self.followed(), self.document.flattened
        if node.pointer not in known:
            known[node.pointer] = _flattened(node, level)
        found = known[node.pointer]
        return Shapes(found.nullable or _is_nullable(self.value), found.shapes)


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

    @property
    def name(self) -> tuple[str, bool]:
        """The name under which the API knows an object, and whether it is one that was deleted."""
        named = self.properties.get("object")
        values = _listed(named.at("enum").value) if named else []
        return ", ".join(map(str, values)), "deleted" in self.properties


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


def _flattened(node: Node, level: int) -> Shapes:
    """Return the alternatives of a schema that is no reference."""
    if node.value is None or node.value is True:
        return Shapes(False, (Shape(ANY, replace(node, value={})),))
    if not isinstance(node.value, Mapping):
        raise UnusableDocument(f"it has no schema at {node.pointer}, but {type(node.value).__name__}")
    for keyword, joined in (("anyOf", _united), ("oneOf", _united), ("allOf", _merged)):
        parts = node.entries(keyword)
        if parts:
            return joined(node, [part.shapes(level + 1) for part in parts])
    return _plain(node)


def escaped(name: str) -> str:
    """Return a name as a JSON pointer has it."""
    return name.replace("~", "~0").replace("/", "~1")


def unescaped(name: str) -> str:
    """Return the name that stands escaped in a JSON pointer."""
    return name.replace("~1", "/").replace("~0", "~")


def _member(value: Any, name: str) -> Any:
    """Return what a JSON pointer finds in a value under a name, which in an array is a number; None for nothing."""
    if isinstance(value, Mapping):
        return value.get(name)
    is_index = name.isascii() and name.isdecimal() and len(name) <= LONGEST_INDEX
    members = _listed(value)
    if not is_index or int(name) >= len(members):
        return None
    return members[int(name)]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_nullable(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("nullable") is True


def _united(node: Node, parts: Sequence[Shapes]) -> Shapes:
    """Return the union of several schemas, each alternative once."""
    shapes = {(shape.type, shape.node.pointer): shape for part in parts for shape in part.shapes}
    _check_count(len(shapes), node)
    nullable = _is_nullable(node.value) or any(part.nullable for part in parts)
    return Shapes(nullable, tuple(shapes.values()))


def _merged(node: Node, parts: Sequence[Shapes]) -> Shapes:
    """Return a schema that holds what each of several says: `allOf`, and the keywords beside it."""
    beside = {key: value for key, value in node.value.items() if key != "allOf"}
    if not beside.keys() <= {"description", "nullable", "title"}:
        parts = [*parts, _plain(replace(node, value=beside))]
    combinations = list(islice(product(*(part.shapes for part in parts)), MOST_SHAPES + 1))
    _check_count(len(combinations), node)
    nullable = _is_nullable(node.value) or all(part.nullable for part in parts)
    if len(combinations) == 1:
        return Shapes(nullable, (_merge(node, combinations[0]),))
    numbered = enumerate(combinations)
    return Shapes(nullable, tuple(_merge(node.part(str(number), None), shapes) for number, shapes in numbered))


def _merge(node: Node, shapes: tuple[Shape, ...]) -> Shape:
    merged: dict[str, Any] = {}
    properties: dict[str, Node] = {}
    for shape in shapes:
        merged |= shape.keywords
        properties |= shape.properties
    merged["required"] = [name for shape in shapes for name in shape.required]
    types = [shape.type for shape in shapes if shape.type != ANY]
    return Shape(types[0] if types else ANY, replace(node, value=merged), properties)


def _plain(node: Node) -> Shapes:
    """Return the alternatives of a schema without unions: one for each of its types."""
    types = node.value.get("type")
    named = [types] if isinstance(types, str) else [name for name in _listed(types) if isinstance(name, str)]
    nullable = _is_nullable(node.value) or "null" in named
    kinds = [name for name in named if name != "null"] if named else [_implied_type(node.value)]
    properties = node.children("properties")
    return Shapes(nullable, tuple(Shape(name, node, properties) for name in dict.fromkeys(kinds)))


def _implied_type(schema: Mapping[str, Any]) -> str:
    """Return the type of a schema that names none."""
    implied = {"properties": "object", "items": "array"}
    return next((name for keyword, name in implied.items() if keyword in schema), ANY)


def _check_count(count: int, node: Node) -> None:
    if count > MOST_SHAPES:
        raise UnusableDocument(f"its schema at {node.pointer} has more than {MOST_SHAPES} alternatives")
