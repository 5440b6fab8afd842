"""The conforming variants: other servers that a suite has to leave in peace."""

from __future__ import annotations

from . import (
    access,
    connections,
    first_unseen,
    overlooked,
    provisioning,
    routing,
    rules,
    second_list,
    second_unseen,
    shape,
    third_unseen,
    wire,
)
from .registry import Variant, catalogue

__all__ = ["CATALOGUE", "Variant", "get"]

MODULES = (
    wire,
    shape,
    rules,
    access,
    first_unseen,
    second_unseen,
    third_unseen,
    overlooked,
    routing,
    second_list,
    provisioning,
    connections,
)

CATALOGUE = catalogue(module.variant for module in MODULES)
"""Every variant by its name."""


def get(name: str) -> Variant:
    """The variant of that name; `KeyError` where there is none."""
    return CATALOGUE[name]
