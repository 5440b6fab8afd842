"""A step of the build: only a clone brings its pytest plugin along.

In a clone `pytest --base-url URL` is the suite, and `pytest --results DIR` needs options that are known before any
conftest file is read: an entry point. A wheel stands in environments of other projects, whose pytest must not change.
"""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.builders.wheel import WheelBuilderConfig

PLUGIN = {"attach_conformance": "conformance.plugin.hooks"}


class PluginOfAClone(BuildHookInterface[WheelBuilderConfig]):
    """Add the entry point of the pytest plugin to an editable installation."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Change the metadata before they are written; `version` is the kind of the wheel."""
        if version == "editable":
            self.metadata.core.entry_points["pytest11"] = PLUGIN
