"""The conforming variants: other servers in which a suite must find nothing."""

from __future__ import annotations

from . import access, concurrency, framing, provisioning, requests, rules, shape, wire
from .registry import Variant, catalogue

__all__ = ["CATALOGUE", "Variant", "get"]

MODULES = (wire, framing, shape, rules, requests, access, concurrency, provisioning)

CATALOGUE = catalogue(module.variant for module in MODULES)
"""Every variant by its name."""


def get(name: str) -> Variant:
    """Return the variant of that name; raise `KeyError` where there is none."""
    return CATALOGUE[name]
