"""A step of the build: a clone brings its pytest plugin along, and a wheel the descriptions of the zoo.

In a clone `pytest --base-url URL` is the suite, and `pytest --results DIR` needs options that are known before any
conftest file is read: an entry point. A wheel stands in environments of other projects, whose pytest must not change.
There `explain` names the programs of the zoo that break a clause; it needs their descriptions, and not their code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.builders.wheel import WheelBuilderConfig

PLUGIN = {"attach_conformance": "conformance.plugin.hooks"}


class PartsOfAKind(BuildHookInterface[WheelBuilderConfig]):
    """Add the entry point of the pytest plugin to an editable installation, and the zoo's descriptions to a wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Change the metadata before they are written; `version` is the kind of the wheel."""
        if version == "editable":
            self.metadata.core.entry_points["pytest11"] = PLUGIN
            return
        for path in sorted(Path(self.root, "zoo").glob("*/*.toml")):
            if path.stem == path.parent.name:
                build_data["force_include"][str(path)] = f"attach_conformance/suite/zoo/{path.stem}/{path.name}"
