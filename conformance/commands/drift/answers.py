"""The answers' schemas compared as loosely as the contract means them.

The contract leaves open where servers may rightly differ (see the head of contracts/attach.openapi.yaml). So nothing is
a difference only because the published schema says more: a limit, a required member, a value's list, an object's
members where the contract takes any object of the API. What is compared is what the contract says, and the names of
members and known values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from conformance.commands.drift.bodies import describe_types, show
from conformance.commands.drift.differences import Change, Difference, Kind, Part
from conformance.commands.drift.schemas import ANY, Document, Node, Shape, Shapes

STRICTER_BY_DESIGN = frozenset({("error.error", "message")})
"""Members that the contract requires, and the published document does not, as the contract's head says."""
KNOWN_VALUES = "x-known-values"
MOST_LEVELS = 60
"""How deep answers are compared; the contract's schemas have no cycles, and some ten levels."""


@dataclass(frozen=True)
class Pair:
    """The two documents, and the part of the operation whose schemas are compared."""

    ours: Document
    theirs: Document
    part: Part

    def difference(
        self,
        change: Change,
        path: str,
        words: str,
        keyword: str,
        at: tuple[Node | None, Node | None],
        members: tuple[str, ...] = (),
        kind: Kind = Kind.JUDGED,
    ) -> Difference:
        """Return a difference at two places: `at` holds those of the contract and of the published document."""
        return Difference(self.part, change, path, words, keyword, members, kind).between(*at)


def compare_answers(pair: Pair, ours: Node, theirs: Node, path: str, level: int = 0) -> Iterator[Difference]:
    """Yield what differs between two schemas of a response."""
    a, b = pair.ours.shapes(ours), pair.theirs.shapes(theirs)
    if level > MOST_LEVELS or _is_open(a):
        return
    at = (pair.ours.follow(ours), pair.theirs.follow(theirs))
    if b.nullable and not a.nullable:
        yield pair.difference(Change.CHANGED, path, "may be null", "nullable", at)
    if _types_differ(a, b):
        yield pair.difference(
            Change.CHANGED, path, f"the type is {describe_types(b)}, not {describe_types(a)}", "type", at
        )
    known = at[0].value.get(KNOWN_VALUES)
    for shape in a.shapes:
        others = b.of_type(shape.type)
        if shape.type == "object":
            continue
        if others and shape.type == "array":
            items = shape.node.at("items")
            if isinstance(known, list) and isinstance(items.value, dict):
                items = Node({**items.value, KNOWN_VALUES: known}, f"{items.pointer}#")
            yield from compare_answers(pair, items, others[0].node.at("items"), f"{path}[]", level + 1)
        elif others:
            yield from _scalars(pair, shape, others, path)
    for other in b.of_type("object"):
        described = _same_object(a.of_type("object"), other, is_alone=len(b.of_type("object")) == 1)
        if described is not None:
            yield from _objects(pair, described, other, path, level)
        elif a.of_type("object") and not any(_takes_any(shape) for shape in a.of_type("object")):
            yield pair.difference(Change.NEW, path, "another object", "type", (ours, other.node), _name(other)[:1])


def _is_open(shapes: Shapes) -> bool:
    return any(shape.type == ANY for shape in shapes.shapes)


def _types_differ(a: Shapes, b: Shapes) -> bool:
    """Return whether a type is published that the contract does not take, or one of its own no longer is."""
    taken = set(a.types) | ({"integer"} if "number" in a.types else set())
    published = set(b.types) | ({"number"} if "integer" in b.types else set())
    return not set(b.types) <= taken or not set(a.types) <= published


def _scalars(pair: Pair, ours: Shape, theirs: tuple[Shape, ...], path: str) -> Iterator[Difference]:
    at = (ours.node, theirs[0].node)
    for keyword in ("format", "maxLength"):
        before = ours.keywords.get(keyword)
        after = {str(shape.keywords.get(keyword)): shape.keywords.get(keyword) for shape in theirs}
        if before is None or list(after) == [str(before)]:
            continue
        value = next(value for text, value in after.items() if text != str(before))
        change = Change.ABSENT if value is None else Change.CHANGED
        yield pair.difference(change, path, f"{keyword} is {show(value)}, not {show(before)}", keyword, at)
    yield from _values(pair, ours, theirs, path)


def _values(pair: Pair, ours: Shape, theirs: tuple[Shape, ...], path: str) -> Iterator[Difference]:
    """Compare the values of an enum, or those that the contract only knows: an open list is no difference then."""
    known = ours.keywords.get(KNOWN_VALUES)
    before = ours.values if ours.values is not None else frozenset(map(str, known)) if isinstance(known, list) else None
    if before is None:
        return
    lists = [shape.values for shape in theirs]
    closed = ours.values is not None
    at = (ours.node, theirs[0].node)
    if any(values is None for values in lists):
        if closed:
            yield pair.difference(Change.CHANGED, path, "takes any value, and no longer a few", "enum", at)
        return
    after = frozenset().union(*(values for values in lists if values is not None))
    kind = Kind.JUDGED if closed else Kind.VALUES
    for change, values in ((Change.NEW, after - before), (Change.ABSENT, before - after)):
        if values:
            words = "value" if len(values) == 1 else "values"
            yield pair.difference(change, path, words, "enum", at, tuple(sorted(values)), kind)


def _same_object(ours: tuple[Shape, ...], other: Shape, *, is_alone: bool) -> Shape | None:
    """Return the contract's object of the same name, or its only one where only one is published."""
    same = [shape for shape in ours if _name(shape) == _name(other)]
    if same:
        return same[0]
    return ours[0] if is_alone and len(ours) == 1 else None


def _name(shape: Shape) -> tuple[str, bool]:
    """Return the name under which the API knows an object, and whether it is one that was deleted."""
    values = shape.properties.get("object", Node(None)).at("enum").value
    name = ", ".join(map(str, values)) if isinstance(values, list) else ""
    return name, "deleted" in shape.properties


def _takes_any(shape: Shape) -> bool:
    """Return whether an object of the contract takes any object of the API."""
    return not _name(shape)[0] and shape.properties.keys() <= {"id", "object"}


def _objects(pair: Pair, ours: Shape, theirs: Shape, path: str, level: int) -> Iterator[Difference]:
    before, after = ours.properties, theirs.properties
    at = (ours.node, theirs.node)
    if not before:
        yield from _maps(pair, ours, theirs, path, level)
    if _takes_any(ours) and theirs.is_resource:
        return
    yield from _names(pair, Change.NEW, [name for name in after if name not in before], path, at)
    gone = [name for name in before if name not in after]
    yield from _names(pair, Change.ABSENT, [name for name in gone if name not in ours.required], path, at)
    yield from _missing(pair, [name for name in gone if name in ours.required], path, at)
    shared = [name for name in before if name in after]
    optional = [name for name in shared if name in ours.required - theirs.required]
    for name in optional:
        if (path, name) not in STRICTER_BY_DESIGN:
            yield pair.difference(Change.CHANGED, f"{path}.{name}", "no longer required", "required", at)
    for name in shared:
        yield from compare_answers(pair, before[name], after[name], f"{path}.{name}", level + 1)


def _names(pair: Pair, change: Change, names: list[str], path: str, at: tuple[Node, Node]) -> Iterator[Difference]:
    if names:
        words = "member" if len(names) == 1 else "members"
        yield pair.difference(change, path, words, "properties", at, tuple(names), Kind.MEMBERS)


def _missing(pair: Pair, names: list[str], path: str, at: tuple[Node, Node]) -> Iterator[Difference]:
    for name in names:
        yield pair.difference(
            Change.ABSENT, f"{path}.{name}", "member, which the contract requires", "required", (at[0], None)
        )


def _maps(pair: Pair, ours: Shape, theirs: Shape, path: str, level: int) -> Iterator[Difference]:
    """Compare the values of objects whose names are free, such as `metadata`."""
    value, other = (shape.node.at("additionalProperties") for shape in (ours, theirs))
    if isinstance(value.value, dict) and isinstance(other.value, dict):
        yield from compare_answers(pair, value, other, f"{path}.*", level + 1)
