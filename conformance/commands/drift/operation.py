"""The operation of a published OpenAPI document compared with the contract's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from conformance.commands.drift.answers import Pair, compare_answers
from conformance.commands.drift.bodies import compare_schemas, show
from conformance.commands.drift.differences import Change, Difference, Part, each_once
from conformance.commands.drift.schemas import Document, Node, UnusableDocument
from contracts import Contract

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
DEFAULT_STYLES = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}


class NoSuchOperation(UnusableDocument):
    """The published document does not describe the operation."""


def compare_documents(contract: Contract, published: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return what differs between the contract and a published OpenAPI document, in the order of the operation.

    Raises NoSuchOperation and UnusableDocument.
    """
    ours, theirs = Document(contract.document), Document(published)
    method = contract.method.lower()
    item_a = Node(contract.document).at("paths", contract.path)
    item_b = theirs.follow(Node(published).at("paths", contract.path))
    operation_a, operation_b = item_a.at(method), item_b.at(method)
    if not isinstance(operation_b.value, Mapping):
        raise NoSuchOperation(_describe_missing(contract, item_b))
    return each_once(
        (
            *_methods(item_a, item_b),
            *_deprecation(operation_b),
            *_parameters((ours, item_a, operation_a), (theirs, item_b, operation_b)),
            *_request(ours, theirs, operation_a, operation_b),
            *_responses(ours, theirs, operation_a, operation_b),
        )
    )


def _describe_missing(contract: Contract, item: Node) -> str:
    wanted = f"{contract.method} {contract.path}"
    if not isinstance(item.value, Mapping):
        return f"it does not describe {wanted}"
    found = ", ".join(name.upper() for name in METHODS if name in item.value)
    return f"it does not describe {wanted}, but {found or 'no method'} there"


def _methods(ours: Node, theirs: Node) -> Iterator[Difference]:
    for name in METHODS:
        if name in theirs.value and name not in ours.value:
            new = Difference(Part.OPERATION, Change.NEW, name, f"method {name.upper()}", "method")
            yield new.between(None, theirs.at(name))


def _deprecation(operation: Node) -> Iterator[Difference]:
    if operation.value.get("deprecated") is True:
        words = "the operation is deprecated"
        changed = Difference(Part.OPERATION, Change.CHANGED, "deprecated", words, "deprecated")
        yield changed.between(None, operation.at("deprecated"))


# --- Parameters -------------------------------------------------------------------------------------------------------


def _parameters(a: tuple[Document, Node, Node], b: tuple[Document, Node, Node]) -> Iterator[Difference]:
    ours, theirs = _by_place(*a), _by_place(*b)
    for place in sorted(ours.keys() | theirs.keys()):
        where, name = place
        path, words, keyword = f"parameters.{name}", f"parameter in the {where}", f"{where} parameter"
        if place not in ours:
            need = "required" if theirs[place].value.get("required") is True else "optional"
            new = Difference(Part.OPERATION, Change.NEW, path, f"{need} {words}", keyword, (name,))
            yield new.between(None, theirs[place])
        elif place not in theirs:
            absent = Difference(Part.OPERATION, Change.ABSENT, path, words, keyword, (name,))
            yield absent.between(ours[place], None)
        else:
            yield from _parameter((a[0], ours[place]), (b[0], theirs[place]), where, path)


def _parameter(a: tuple[Document, Node], b: tuple[Document, Node], where: str, path: str) -> Iterator[Difference]:
    """Compare a parameter outside the body: its presence and spelling strictly, its schema as far as the contract's."""
    defaults = {"required": False, "style": DEFAULT_STYLES.get(where), "deprecated": False}
    for keyword, default in defaults.items():
        before, after = (node.value.get(keyword, default) for node in (a[1], b[1]))
        if before != after:
            words = f"{keyword} is {show(after)}, not {show(before)}"
            yield Difference(Part.OPERATION, Change.CHANGED, path, words, f"{where} parameter").between(a[1], b[1])
    pair = Pair(a[0], b[0], Part.OPERATION)
    for difference in compare_answers(pair, a[1].at("schema"), b[1].at("schema"), path):
        yield replace(difference, keyword=f"{where} parameter")


def _by_place(document: Document, item: Node, operation: Node) -> Mapping[tuple[str, str], Node]:
    """Return the parameters of an operation and of its path, by where they stand and by their names."""
    found = {}
    for owner in (item, operation):
        parameters = owner.at("parameters")
        values = parameters.value if isinstance(parameters.value, list) else []
        for index, value in enumerate(values):
            node = document.follow(Node(value, f"{parameters.pointer}/{index}"))
            if not isinstance(node.value, Mapping):
                raise UnusableDocument(f"it has no parameter at {node.pointer}")
            found[str(node.value.get("in")), str(node.value.get("name"))] = node
    return found


# --- The request's body -----------------------------------------------------------------------------------------------


def _request(ours: Document, theirs: Document, a: Node, b: Node) -> Iterator[Difference]:
    body_a, body_b = ours.follow(a.at("requestBody")), theirs.follow(b.at("requestBody"))
    if not isinstance(body_b.value, Mapping):
        words = "the request has no body"
        absent = Difference(Part.REQUEST, Change.ABSENT, "requestBody", words, "request media type")
        yield absent.between(body_a, None)
        return
    before, after = (node.value.get("required", False) for node in (body_a, body_b))
    if before != after:
        words = f"the body is {'' if after is True else 'no longer '}required"
        changed = Difference(Part.REQUEST, Change.CHANGED, "requestBody.required", words, "required")
        yield changed.between(body_a, body_b)
    types_a, types_b = body_a.children("content"), body_b.children("content")
    path = "requestBody"
    yield from _media_types(Part.REQUEST, types_a, types_b, path)
    for name in types_a.keys() & types_b.keys():
        media_a, media_b = types_a[name], types_b[name]
        yield from compare_schemas((ours, media_a.at("schema")), (theirs, media_b.at("schema")), path)
        yield from _encodings(media_a, media_b, path)


def _media_types(part: Part, ours: Mapping[str, Node], theirs: Mapping[str, Node], path: str) -> Iterator[Difference]:
    keyword = "request media type" if part is Part.REQUEST else "response media type"
    for name in sorted(theirs.keys() - ours.keys()):
        yield Difference(part, Change.NEW, path, f"media type {name}", keyword).between(None, theirs[name])
    for name in sorted(ours.keys() - theirs.keys()):
        yield Difference(part, Change.ABSENT, path, f"media type {name}", keyword).between(ours[name], None)


def _encodings(ours: Node, theirs: Node, path: str) -> Iterator[Difference]:
    encodings_a, encodings_b = ours.children("encoding"), theirs.children("encoding")
    properties = encodings_a.keys() | encodings_b.keys()
    for name in sorted(properties):
        a, b = (encodings.get(name, Node({})) for encodings in (encodings_a, encodings_b))
        before, after = _encoding(a), _encoding(b)
        if before != after:
            words = f"the encoding is {after}, not {before}"
            place = f"{path}.{name}"
            changed = Difference(Part.REQUEST, Change.CHANGED, place, words, "deepObject encoding", (name,))
            yield changed.between(a, b)


def _encoding(node: Node) -> str:
    """Return the style of an encoding in words, with its defaults."""
    style = node.at("style").value or "form"
    explode = node.at("explode").value
    is_exploded = style == "form" if explode is None else explode is True
    return f"{show(style)}, {'exploded' if is_exploded else 'not exploded'}"


# --- The responses ----------------------------------------------------------------------------------------------------


def _responses(ours: Document, theirs: Document, a: Node, b: Node) -> Iterator[Difference]:
    before, after = a.children("responses"), b.children("responses")
    for status in sorted(before.keys() | after.keys()):
        part = Part.ANSWER if status.startswith("2") else Part.ERROR
        if status not in before:
            yield Difference(part, Change.NEW, status, f"response {status}", "responses").between(None, after[status])
        elif status not in after:
            absent = Difference(part, Change.ABSENT, status, f"response {status}", "responses")
            yield absent.between(before[status], None)
        else:
            yield from _response(Pair(ours, theirs, part), before[status], after[status], status)


def _response(pair: Pair, ours: Node, theirs: Node, status: str) -> Iterator[Difference]:
    ours, theirs = pair.ours.follow(ours), pair.theirs.follow(theirs)
    types_a, types_b = ours.children("content"), theirs.children("content")
    yield from _media_types(pair.part, types_a, types_b, status)
    root = "payment_method" if pair.part is Part.ANSWER else "error"
    for name in types_a.keys() & types_b.keys():
        yield from compare_answers(pair, types_a[name].at("schema"), types_b[name].at("schema"), root)
