"""Decoding `application/x-www-form-urlencoded`, strictly, with brackets for hashes and arrays."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from . import errors

if TYPE_CHECKING:
    from ..call import Call

FORM = "application/x-www-form-urlencoded"
BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
NAME = re.compile(r"([^\[\]]*)((?:\[[^\[\]]*\])*)", re.DOTALL)
INDEX = re.compile(r"\d{1,9}", re.ASCII)
MAX_DEPTH = 32

Pair = tuple[str, str]
RawPair = tuple[bytes, bytes]
Tree = dict[str | int, Any]
"""A hash: text keys as sent, and numbers counted up for the items of `name[]`."""


@dataclass(frozen=True, slots=True)
class Form:
    """A decoded body: its pairs in the order sent, and the tree that the brackets in their names make of them."""

    pairs: tuple[Pair, ...]
    tree: Tree

    def text(self, name: str) -> str | None:
        """Return the string of that name, if there is one."""
        value = self.tree.get(name)
        return value if isinstance(value, str) else None

    def hash(self, name: str) -> Tree:
        """Return the hash of that name, empty if there is none."""
        value = self.tree.get(name)
        return value if isinstance(value, dict) else {}

    def items(self, name: str) -> list[str]:
        """Return the strings in the array of that name, in the order of their indices."""
        value: dict[Any, Any] = self.hash(name)
        numbered = sorted((key for key in value if isinstance(key, str) and INDEX.fullmatch(key)), key=int)
        appended = [key for key in value if isinstance(key, int)]
        return [value[key] for key in [*numbered, *appended] if isinstance(value[key], str)]


def decode(call: Call) -> Form:
    """Return the parameters of a request: the body of a POST, the query of everything else."""
    step = call.behaviour
    raw = call.request.query.encode("latin-1")
    if call.request.method == "POST":
        step.media_type(call)
        raw = call.request.body
    pairs = [(step.unquote(call, name), step.unquote(call, value)) for name, value in step.split(call, raw)]
    return step.build(call, pairs)


def media_type(call: Call) -> None:
    """Reject a body whose headers say that it is not a form."""
    coding = call.request.header("content-encoding") or "identity"
    if call.request.body and (call.request.media_type not in ("", FORM) or coding.lower() != "identity"):
        raise errors.wrong_media_type()


def split(call: Call, body: bytes) -> list[RawPair]:
    """Return the pairs of a body, still encoded. Only `&` separates; the first `=` ends the name."""
    pieces = (piece.partition(b"=") for piece in body.split(b"&") if piece)
    return [(name, value) for name, _, value in pieces]


def unquote(call: Call, raw: bytes) -> str:
    """Return the text of one encoded name or value."""
    if b"+" in raw:
        raw = raw.replace(b"+", b" ")
    return unescape(raw)


def unescape(raw: bytes) -> str:
    """Return the text of percent escapes; all of them must be well formed, and the whole of it UTF-8."""
    if b"%" in raw:
        if BROKEN_ESCAPE.search(raw):
            raise errors.malformed_form()
        raw = unquote_to_bytes(raw)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise errors.invalid_utf8() from None


def read_name(call: Call, name: str) -> tuple[str, ...]:
    """Return `a[b][]` as `("a", "b", "")`, and any other name as it is."""
    match = NAME.fullmatch(name)
    if match is None or not match[1]:
        return (name,)
    if not match[2]:
        return (match[1],)
    keys = tuple(match[2][1:-1].split("]["))
    if len(keys) > MAX_DEPTH:
        raise errors.malformed_form()
    return (match[1], *keys)


def build(call: Call, pairs: Sequence[Pair]) -> Form:
    """Put the pairs together; the last of two with the same name counts."""
    tree: Tree = {}
    for name, value in pairs:
        root, *keys = call.behaviour.read_name(call, name)
        place(tree, [root, *keys], value)
    return Form(tuple(pairs), tree)


def place(tree: Tree, path: list[str], value: str) -> None:
    """Put one value in the place that its name says; a name cannot be a string and a hash at once."""
    node = tree
    for position, key in enumerate(path):
        slot: str | int = key if key or position == 0 else len(node)
        if position == len(path) - 1:
            if isinstance(node.get(slot), dict):
                raise errors.malformed_form()
            node[slot] = value
            return
        inner = node.setdefault(slot, {})
        if not isinstance(inner, dict):
            raise errors.malformed_form()
        node = inner


def flat(tree: Tree, prefix: str = "") -> list[tuple[str, Any]]:
    """Return the leaves of a hash, with the names that lead to them."""
    leaves: list[tuple[str, Any]] = []
    for key, value in tree.items():
        name = f"{prefix}[{key}]" if prefix else str(key)
        leaves += flat(value, name) if isinstance(value, dict) and value else [(name, value)]
    return leaves
