"""The versions of what decides what is drawn and sent."""

from __future__ import annotations

import contextlib
import importlib.metadata
import platform


def versions() -> dict[str, str]:
    """Return the versions that decide what is drawn and sent."""
    names = ("attach-conformance", "schemathesis", "hypothesis", "pytest")
    found = {}
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return {**found, "python": platform.python_version()}
