"""YAML of foreign origin, read without making objects and within bounds.

Every scalar is a string, null or bytes, with any tag: cassettes of Ruby and Python name classes of their languages.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import yaml

MOST_BYTES = 64_000_000
"""How large a YAML file may be: some ten thousand exchanges."""
DEEPEST = 100
"""How many levels may be nested; cassettes have about ten."""
MOST_NODES = 5_000_000
"""How many nodes there may be once every alias stands for a copy of its anchor."""

_NULL = "tag:yaml.org,2002:null"
_BINARY = ("tag:yaml.org,2002:binary", "!binary")
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class UnreadableYaml(ValueError):
    """A text is no YAML, or more than is read."""


class _PlainLoader(_Base):  # type: ignore[misc]  # which of the two loaders it extends depends on how PyYAML was built
    """A loader that makes no objects but dicts, lists, strings, bytes and None."""

    yaml_implicit_resolvers = {  # noqa: RUF012 # PyYAML looks for these three on the class
        first: [(tag, pattern) for tag, pattern in resolvers if tag == _NULL]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    yaml_constructors: dict[Any, Any] = {}  # noqa: RUF012
    yaml_multi_constructors: dict[Any, Any] = {}  # noqa: RUF012


def _construct(loader: Any, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    if node.tag == _NULL:
        return None
    if node.tag in _BINARY:
        return _decode(node.value)
    return node.value


def _decode(text: str) -> bytes | tuple[()]:
    """Return the bytes; for what is no base64 a value that no reader takes, so that only its exchange is refused."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return ()


_PlainLoader.add_constructor(None, _construct)


def read_yaml(text: str) -> Any:
    """Read one YAML document. Raises UnreadableYaml."""
    if len(text) > MOST_BYTES:
        raise UnreadableYaml(f"it has more than {MOST_BYTES} characters")
    try:
        check_size(text)
        return yaml.load(text, Loader=_PlainLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise UnreadableYaml(" ".join(str(error).split())) from None


def check_size(text: str) -> None:
    """Raise UnreadableYaml for what is nested too deep, holds itself, or grows too large by its aliases."""
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = []
    total = 0
    for event in yaml.parse(text, Loader=_PlainLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, total))
            total += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor is not None:
                sizes[anchor] = total - before
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise UnreadableYaml(f"the alias {event.anchor!r} stands for what holds it, or for nothing")
            total += sizes[event.anchor]
        elif isinstance(event, yaml.ScalarEvent):
            total += 1
            if event.anchor is not None:
                sizes[event.anchor] = 1
        if total > MOST_NODES or len(open_nodes) > DEEPEST:
            raise UnreadableYaml(f"it has more than {MOST_NODES} nodes, or more than {DEEPEST} levels")
