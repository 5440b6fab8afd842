"""Documents made of the contract's own, each with a change."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from contracts import published_contract

CONTRACT = published_contract()
FORM = "application/x-www-form-urlencoded"
Document = dict[str, Any]
Mutation = Callable[[Document], object]


def own() -> Document:
    """Return the contract's document, to be changed."""
    document: Document = copy.deepcopy(dict(CONTRACT.document))
    return document


def changed(mutation: Mutation) -> Document:
    document = own()
    mutation(document)
    return document


def operation(document: Document) -> Document:
    found: Document = document["paths"][CONTRACT.path]["post"]
    return found


def body(document: Document) -> Document:
    schema: Document = operation(document)["requestBody"]["content"][FORM]["schema"]
    return schema


def member(document: Document, schema: str, name: str) -> Document:
    found: Document = document["components"]["schemas"][schema]["properties"][name]
    return found


def schema(document: Document, name: str) -> Document:
    found: Document = document["components"]["schemas"][name]
    return found
