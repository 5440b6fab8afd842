"""The operation of a published OpenAPI document compared with the contract's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from conformance.commands.drift.answers import compare_answers
from conformance.commands.drift.bodies import compare_schemas, show
from conformance.commands.drift.differences import Change, Difference, Pair, Part, absent, each_once, new
from conformance.commands.drift.schemas import Node, UnusableDocument
from contracts import Contract

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
DEFAULT_STYLES = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}


class NoSuchOperation(UnusableDocument):
    """The published document does not describe the operation."""


def compare_documents(contract: Contract, published: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return what differs between the contract and a published OpenAPI document, in the order of the operation.

    Raises NoSuchOperation and UnusableDocument.
    """
    path = _path_in(published, contract.path)
    ours = Node.root(contract.document).at("paths", contract.path)
    item = Pair(Part.OPERATION, "", ours, Node.root(published).at("paths", path).followed())
    operation = item.at(contract.method.lower())
    if not isinstance(operation.theirs.value, Mapping):
        raise NoSuchOperation(_describe_missing(contract, item.theirs))
    return each_once(
        (
            *_methods(item),
            *_deprecation(operation.theirs),
            *_parameters(item, operation, dict(zip(_placeholders(path), _placeholders(contract.path), strict=True))),
            *_request(operation),
            *_responses(operation),
        )
    )


def _path_in(published: Mapping[str, Any], wanted: str) -> str:
    """Return the path of the operation as a document writes it: placeholders have any name, servers may have a path."""
    paths, servers = published.get("paths"), published.get("servers")
    if not isinstance(paths, Mapping) or wanted in paths:
        return wanted
    urls = [server.get("url") for server in servers if isinstance(server, Mapping)] if isinstance(servers, list) else []
    bases = ["", *(_path_of(url) for url in urls if isinstance(url, str))]
    alike = (path for path in paths for base in bases if _bare(f"{base}{path}") == _bare(wanted))
    return next(alike, wanted)


def _path_of(url: str) -> str:
    with suppress(ValueError):
        return urlsplit(url).path.rstrip("/")
    return ""


def _bare(path: str) -> str:
    """Return a path without the names of its placeholders."""
    return PLACEHOLDER.sub("{}", path)


def _placeholders(path: str) -> Sequence[str]:
    return PLACEHOLDER.findall(path)


def _describe_missing(contract: Contract, item: Node) -> str:
    wanted = f"{contract.method} {contract.path}"
    if not isinstance(item.value, Mapping):
        return f"it does not describe {wanted}"
    found = ", ".join(name.upper() for name in METHODS if name in item.value)
    return f"it does not describe {wanted}, but {found or 'no method'} there"


def _methods(item: Pair) -> Iterator[Difference]:
    for name in METHODS:
        if name in item.theirs.value and name not in item.ours.value:
            yield new(Part.OPERATION, name, f"method {name.upper()}", "method", item.theirs.at(name))


def _deprecation(operation: Node) -> Iterator[Difference]:
    if operation.value.get("deprecated") is True:
        words, place = "the operation is deprecated", operation.at("deprecated").pointer
        yield Difference(Part.OPERATION, Change.CHANGED, "deprecated", words, "deprecated", published=place)


# --- Parameters -------------------------------------------------------------------------------------------------------


def _parameters(item: Pair, operation: Pair, renamed: Mapping[str, str]) -> Iterator[Difference]:
    """Compare the parameters; `renamed` has our name for each placeholder of the published path."""
    ours, theirs = _by_place(item.ours, operation.ours, {}), _by_place(item.theirs, operation.theirs, renamed)
    for place in sorted(ours.keys() | theirs.keys()):
        where, name = place
        path, words, keyword = f"parameters.{name}", f"parameter in the {where}", f"{where} parameter"
        if place not in ours:
            need = "required" if theirs[place].value.get("required") is True else "optional"
            yield new(Part.OPERATION, path, f"{need} {words}", keyword, theirs[place], name)
        elif place not in theirs:
            yield absent(Part.OPERATION, path, words, keyword, ours[place], name)
        else:
            pair = Pair(Part.OPERATION, path, ours[place], theirs[place])
            differences = (*_spelling(pair, where), *compare_answers(pair.at("schema")))
            yield from (replace(difference, keyword=keyword) for difference in differences)


def _spelling(pair: Pair, where: str) -> Iterator[Difference]:
    """Compare a parameter's presence and spelling: strictly, and its schema only as far as the contract says."""
    defaults = {"required": False, "style": DEFAULT_STYLES.get(where), "deprecated": False}
    for keyword, default in defaults.items():
        before, after = pair.values(keyword, default)
        if before != after:
            yield pair.changed(f"{keyword} is {show(after)}, not {show(before)}", keyword)


def _by_place(item: Node, operation: Node, renamed: Mapping[str, str]) -> Mapping[tuple[str, str], Node]:
    """Return the parameters of an operation and of its path, by where they stand and by their names, or ours."""
    found = {}
    for parameter in (*item.entries("parameters"), *operation.entries("parameters")):
        node = parameter.followed()
        if not isinstance(node.value, Mapping):
            raise UnusableDocument(f"it has no parameter at {node.pointer}")
        where, name = str(node.value.get("in")), str(node.value.get("name"))
        found[where, renamed.get(name, name) if where == "path" else name] = node
    return found


# --- The request's body -----------------------------------------------------------------------------------------------


def _request(operation: Pair) -> Iterator[Difference]:
    body = replace(operation.at("requestBody", "requestBody").followed(), part=Part.REQUEST)
    if not isinstance(body.theirs.value, Mapping):
        yield absent(body.part, body.path, "the request has no body", "request media type", body.ours)
        return
    before, after = body.values("required", False)
    if before != after:
        words = f"the body is {'' if after is True else 'no longer '}required"
        yield body.changed(words, "required", path=".required")
    yield from _media_types(body, "request media type")
    for media_type in _in_both(body, "content"):
        yield from compare_schemas(media_type.at("schema"))
        yield from _encodings(media_type)


def _media_types(pair: Pair, keyword: str) -> Iterator[Difference]:
    ours, theirs = pair.ours.children("content"), pair.theirs.children("content")
    for name in sorted(theirs.keys() - ours.keys()):
        yield new(pair.part, pair.path, f"media type {name}", keyword, theirs[name])
    for name in sorted(ours.keys() - theirs.keys()):
        yield absent(pair.part, pair.path, f"media type {name}", keyword, ours[name])


def _in_both(pair: Pair, name: str) -> Iterator[Pair]:
    """Yield the members that the objects of this name have in both."""
    theirs = pair.theirs.children(name)
    for member, node in pair.ours.children(name).items():
        if member in theirs:
            yield pair.of(node, theirs[member])


def _encodings(media_type: Pair) -> Iterator[Difference]:
    ours, theirs = media_type.ours.children("encoding"), media_type.theirs.children("encoding")
    none = replace(media_type.ours, value={}, pointer="")
    for name in sorted(ours.keys() | theirs.keys()):
        encoding = media_type.of(ours.get(name, none), theirs.get(name, none), f".{name}")
        before, after = _encoding(encoding.ours), _encoding(encoding.theirs)
        if before != after:
            yield encoding.changed(f"the encoding is {after}, not {before}", "deepObject encoding", name)


def _encoding(node: Node) -> str:
    """Return the style of an encoding in words, with its defaults."""
    style = node.at("style").value or "form"
    explode = node.at("explode").value
    is_exploded = style == "form" if explode is None else explode is True
    return f"{show(style)}, {'exploded' if is_exploded else 'not exploded'}"


# --- The responses ----------------------------------------------------------------------------------------------------


def _responses(operation: Pair) -> Iterator[Difference]:
    before, after = operation.ours.children("responses"), operation.theirs.children("responses")
    for status in sorted(before.keys() | after.keys()):
        part = Part.ANSWER if status.startswith("2") else Part.ERROR
        if status not in before:
            yield new(part, status, f"response {status}", "responses", after[status])
        elif status not in after:
            yield absent(part, status, f"response {status}", "responses", before[status])
        else:
            yield from _response(Pair(part, status, before[status], after[status]).followed())


def _response(pair: Pair) -> Iterator[Difference]:
    yield from _media_types(pair, "response media type")
    root = "payment_method" if pair.part is Part.ANSWER else "error"
    for media_type in _in_both(pair, "content"):
        yield from compare_answers(replace(media_type.at("schema"), path=root))
