"""Form encoding: key–value pairs to bytes in every equivalent spelling, and back again.

The decoder is the suite's oracle for what two bodies mean. It follows the URL Standard's parser for
application/x-www-form-urlencoded (section 5.1), and reads brackets in names as nesting.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal
from urllib.parse import unquote_to_bytes

Escape = Literal["minimal", "first", "all", "raw-utf-8"]

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.*~")
_BRACKETS = frozenset(b"[]")


@dataclass(frozen=True)
class Spelling:
    """One of the equivalent spellings of a name or a value on the wire.

    `escape` says which bytes are percent-encoded: what must be (`minimal`), the first one too (`first`), `all` of
    them, or what must be but no byte above 127 (`raw-utf-8`). `lower_hex` writes `%5b`,
    `escaped_brackets` `%5B` rather than `[`, `plus_for_blank` `+` rather than `%20`.
    """

    escape: Escape = "minimal"
    lower_hex: bool = False
    escaped_brackets: bool = False
    plus_for_blank: bool = True

    def encode(self, data: bytes) -> bytes:
        """Return the data percent-encoded in this spelling."""
        if self.escape == "first" and data:
            return self._escaped(data[0]) + b"".join(map(self._table.__getitem__, data[1:]))
        return b"".join(map(self._table.__getitem__, data))

    @cached_property
    def _table(self) -> tuple[bytes, ...]:
        return tuple(self._byte(byte) for byte in range(256))

    def _byte(self, byte: int) -> bytes:
        if self.escape == "all":
            return self._escaped(byte)
        if byte in _UNRESERVED:
            return bytes([byte])
        if byte == 0x20 and self.plus_for_blank:
            return b"+"
        if byte in _BRACKETS and not self.escaped_brackets:
            return bytes([byte])
        if byte > 0x7F and self.escape == "raw-utf-8":
            return bytes([byte])
        return self._escaped(byte)

    def _escaped(self, byte: int) -> bytes:
        return (f"%{byte:02x}" if self.lower_hex else f"%{byte:02X}").encode()


PLAIN = Spelling()


@dataclass(frozen=True)
class DecodedPair:
    """One parameter as a server that follows the URL Standard sees it, in bytes."""

    name: bytes
    value: bytes


@lru_cache(maxsize=64)  # the judge decodes the body of a request several times
def decode(body: bytes) -> tuple[DecodedPair, ...]:
    """Return the parameters of a form body. Empty sequences between ampersands are no parameters."""
    pairs = []
    for sequence in body.split(b"&"):
        if sequence:
            name, _, value = sequence.partition(b"=")
            pairs.append(DecodedPair(_unescaped(name), _unescaped(value)))
    return tuple(pairs)


def _unescaped(data: bytes) -> bytes:
    spaced = data.replace(b"+", b" ")
    return unquote_to_bytes(spaced) if b"%" in spaced else spaced


@dataclass(frozen=True)
class Name:
    """A parameter's name in parts: `expand[0][a]` has the root `expand` and the keys `0` and `a`."""

    root: str
    keys: tuple[str, ...]


_BRACKETED = re.compile(r"\[([^\[\]]*)\]")


def parse_name(name: str) -> Name:
    """Split a name at its brackets; a name whose brackets are not balanced is its own root."""
    root, bracket, rest = name.partition("[")
    keys = _BRACKETED.findall(bracket + rest)
    if not root or "".join(f"[{key}]" for key in keys) != bracket + rest:
        return Name(name, ())
    return Name(root, tuple(keys))


def flatten(value: Any) -> Iterable[tuple[str, str]]:
    """Yield the pairs of a JSON-like body in the contract's encoding: `expand[0]=…`, nested objects in brackets."""
    if not isinstance(value, dict):
        return
    for name, content in value.items():
        yield from _flattened(str(name), content)


def _flattened(name: str, content: Any) -> Iterable[tuple[str, str]]:
    if isinstance(content, dict):
        for key, item in content.items():
            yield from _flattened(f"{name}[{key}]", item)
    elif isinstance(content, list | tuple):
        for index, item in enumerate(content):
            yield from _flattened(f"{name}[{index}]", item)
    elif content is None:
        yield name, ""
    elif isinstance(content, bool):
        yield name, "true" if content else "false"
    else:
        yield name, str(content)


def unflatten(pairs: Sequence[DecodedPair]) -> dict[str, Any]:
    """Return the JSON-like value that the pairs spell, for an independent validator.

    `name[]` and `name[0]` make lists, `name[key]` makes objects; of two plain pairs with one name the second counts.
    """
    result: dict[str, Any] = {}
    for pair in pairs:
        name = parse_name(pair.name.decode("utf-8", "replace"))
        _place(result, (name.root, *name.keys), pair.value.decode("utf-8", "replace"))
    return {key: _with_lists(value) for key, value in result.items()}


def _place(container: dict[str, Any], keys: tuple[str, ...], value: str) -> None:
    key, *rest = keys
    if key == "" and container is not None:
        key = str(len(container))
    if not rest:
        container[key] = value
        return
    inner = container.get(key)
    if not isinstance(inner, dict):
        inner = container[key] = {}
    _place(inner, tuple(rest), value)


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdecimal() for key in value):
        return [_with_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _with_lists(item) for key, item in value.items()}
