"""The answers' schemas compared as loosely as the contract means them.

The contract leaves open where servers may rightly differ (see the head of contracts/attach.openapi.yaml). So nothing is
a difference only because the published schema says more: a limit, a required member, a value's list, an object's
members where the contract takes any object of the API. What is compared is what the contract says, and the names of
members and known values.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import replace

from conformance.commands.drift.bodies import describe_types, show
from conformance.commands.drift.differences import Change, Difference, Kind, Pair, absent
from conformance.commands.drift.schemas import ANY, Shape, Shapes

STRICTER_BY_DESIGN = frozenset({("error.error", "message")})
"""Members that the contract requires, and the published document does not, as the contract's head says."""
KNOWN_VALUES = "x-known-values"


def compare_answers(pair: Pair) -> Iterator[Difference]:
    """Yield what differs between two schemas of a response."""
    a, b = pair.ours.shapes(), pair.theirs.shapes()
    if ANY in a.types:
        return
    followed = pair.followed()
    if b.nullable and not a.nullable:
        yield followed.changed("may be null", "nullable")
    if _types_differ(a, b):
        yield followed.changed(f"the type is {describe_types(b)}, not {describe_types(a)}", "type")
    for shape in a.shapes:
        others = b.of_type(shape.type)
        if others and shape.type == "array":
            yield from compare_answers(_items(followed, shape, others[0]))
        elif others and shape.type != "object":
            inner = pair.of(shape.node, others[0].node)
            yield from _limits(inner, shape, others)
            yield from _values(inner, shape, others)
    yield from _compare_objects(pair, a.of_type("object"), b.of_type("object"))


def _types_differ(a: Shapes, b: Shapes) -> bool:
    """Return whether a type is published that the contract does not take, or one of its own no longer is."""
    taken = set(a.types) | ({"integer"} if "number" in a.types else set())
    published = set(b.types) | ({"number"} if "integer" in b.types else set())
    return not set(b.types) <= taken or not set(a.types) <= published


def _items(pair: Pair, ours: Shape, theirs: Shape) -> Pair:
    """Return the entries of two arrays; values that are known of the array are known of its entries."""
    items = pair.of(ours.node, theirs.node).at("items", "[]")
    known, own = pair.ours.value.get(KNOWN_VALUES), items.ours
    if isinstance(known, list) and isinstance(own.value, dict):
        own = replace(own, value={**own.value, KNOWN_VALUES: known}, pointer=f"{own.pointer}#")
    return replace(items, ours=own)


def _limits(pair: Pair, ours: Shape, theirs: Sequence[Shape]) -> Iterator[Difference]:
    for keyword in ("format", "maxLength"):
        before = ours.keywords.get(keyword)
        others = [after for after in (shape.keywords.get(keyword) for shape in theirs) if str(after) != str(before)]
        if before is not None and others:
            change = Change.ABSENT if others[0] is None else Change.CHANGED
            yield pair.difference(change, f"{keyword} is {show(others[0])}, not {show(before)}", keyword)


def _values(pair: Pair, ours: Shape, theirs: Sequence[Shape]) -> Iterator[Difference]:
    """Compare the values of an enum, or those that the contract only knows: an open list is no difference then."""
    known = ours.keywords.get(KNOWN_VALUES)
    is_closed = ours.values is not None
    before = frozenset(map(str, known)) if ours.values is None and isinstance(known, list) else ours.values
    lists = [shape.values for shape in theirs if shape.values is not None]
    if before is None:
        return
    if len(lists) < len(theirs):
        if is_closed:
            yield pair.changed("takes any value, and no longer a few", "enum")
        return
    after = frozenset().union(*lists)
    for change, values in ((Change.NEW, after - before), (Change.ABSENT, before - after)):
        yield from _named(pair, change, "value", "enum", sorted(values), Kind.JUDGED if is_closed else Kind.VALUES)


def _named(
    pair: Pair, change: Change, word: str, keyword: str, names: Sequence[str], kind: Kind
) -> Iterator[Difference]:
    """Yield the difference about these names, if there are any."""
    if names:
        yield pair.difference(change, word if len(names) == 1 else f"{word}s", keyword, tuple(names), kind)


def _compare_objects(pair: Pair, ours: Sequence[Shape], theirs: Sequence[Shape]) -> Iterator[Difference]:
    """Compare each published object with the contract's one of its name, or the only one with the only one."""
    for other in theirs:
        same = [shape for shape in ours if shape.name == other.name]
        if not same and len(ours) == len(theirs) == 1:
            same = list(ours)
        if same:
            yield from _compare_members(pair.of(same[0].node, other.node), same[0], other)
        elif ours and not any(map(_takes_any, ours)):
            unknown = pair.of(pair.ours, other.node)
            yield unknown.difference(Change.NEW, "another object", "type", other.name[:1])


def _takes_any(shape: Shape) -> bool:
    """Return whether an object of the contract takes any object of the API."""
    return not shape.name[0] and shape.properties.keys() <= {"id", "object"}


def _compare_members(pair: Pair, ours: Shape, theirs: Shape) -> Iterator[Difference]:
    before, after = ours.properties, theirs.properties
    if not before:
        yield from _compare_maps(pair)
    if _takes_any(ours) and theirs.is_resource:
        return
    missing = _without(before, after)
    optional = _without(missing, ours.required)
    yield from _named(pair, Change.NEW, "member", "properties", _without(after, before), Kind.MEMBERS)
    yield from _named(pair, Change.ABSENT, "member", "properties", optional, Kind.MEMBERS)
    for name in _without(missing, optional):
        words = "member, which the contract requires"
        yield absent(pair.part, f"{pair.path}.{name}", words, "required", ours.node)
    shared = _without(before, missing)
    for name in _without(shared, theirs.required):
        if name in ours.required and (pair.path, name) not in STRICTER_BY_DESIGN:
            yield pair.changed("no longer required", "required", path=f".{name}")
    for name in shared:
        yield from compare_answers(pair.of(before[name], after[name], f".{name}"))


def _without(names: Iterable[str], others: Container[str]) -> list[str]:
    return [name for name in names if name not in others]


def _compare_maps(pair: Pair) -> Iterator[Difference]:
    """Compare the values of objects whose names are free, such as `metadata`."""
    values = pair.at("additionalProperties", ".*")
    if isinstance(values.ours.value, dict) and isinstance(values.theirs.value, dict):
        yield from compare_answers(values)
