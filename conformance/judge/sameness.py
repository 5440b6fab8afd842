"""Where two tellings of one object differ, in the fields that the contract names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from contracts import Contract

_PREFIX = "#/components/schemas/"

CHECKS = "card.checks"
"""The results of a card's checks, which an attach may change."""

OF_A_PAYMENT_METHOD = frozenset({CHECKS})
OF_A_CUSTOMER = frozenset({"sources", "subscriptions", "tax_ids"})
"""What is no property of the object itself, but a list or a result that belongs to other operations."""


def difference(
    before: Mapping[str, Any], after: Mapping[str, Any], contract: Contract, schema: str, ignoring: Collection[str] = ()
) -> str:
    """The first named field in which the two differ, with both values, in words; empty when they agree.

    `schema` names the contract's schema of both; `ignoring` holds paths with dots. A field that is null and one that is
    absent are the same, since extra members, nulls among them, are legal everywhere.
    """
    schemas: Mapping[str, Any] = contract.document["components"]["schemas"]
    return _difference(before, after, schemas[schema], schemas, ignoring, "")


def _difference(
    before: Any, after: Any, schema: Mapping[str, Any], schemas: Mapping[str, Any], ignoring: Collection[str], path: str
) -> str:
    if path in ignoring:
        return ""
    while "$ref" in schema:
        schema = schemas[str(schema["$ref"]).removeprefix(_PREFIX)]
    properties = schema.get("properties")
    if properties and isinstance(before if after is None else after, dict):
        before, after = ({} if side is None else side for side in (before, after))
    if not properties or not isinstance(before, dict) or not isinstance(after, dict):
        return "" if before == after else f"`{path}` was {_short(before)} and is {_short(after)}"
    for name, inner in properties.items():
        here = f"{path}.{name}".lstrip(".")
        if found := _difference(before.get(name), after.get(name), inner, schemas, ignoring, here):
            return found
    return ""


def _short(value: Any, limit: int = 60) -> str:
    text = "null or absent" if value is None else repr(value)
    return text if len(text) <= limit else text[:limit] + "…"
