"""The first lines of a run: what is tested and how."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.fixtures.capabilities import CAPABILITY_NAMES
from conformance.fixtures.provisioning import Provision
from conformance.plugin.versions import versions
from conformance.verdict.run import Diagnosis
from conformance.verdict.settings import Settings


def header_lines(
    settings: Settings,
    base_url: str,
    provision: Provision | None,
    diagnosis: Diagnosis | None,
    capabilities: Sequence[str] | None,
) -> list[str]:
    """Return the lines, for the top of the terminal's output."""
    kind = "embedded reference" if settings.base_url is None else "target"
    lines = [f"{kind}: {base_url or '(not started)'}"]
    if settings.dry_run and settings.base_url:
        lines = [f"dry run: nothing is sent to {settings.base_url}; the embedded reference stands in"]
    plan = f"profile: {settings.profile}  level: {settings.level}  budget: {settings.budget}  seed: {settings.seed}"
    if settings.explore is not None:
        plan += f"  exploring for {settings.explore:g} minutes"
    numbers = "  ".join(f"{name} {version}" for name, version in versions().items())
    lines += [plan, f"versions: {numbers}"]
    lines.append(f"fixtures: {provision}" if provision else f"cannot be tested: {diagnosis}")
    if capabilities is not None:
        absent = [name for name in CAPABILITY_NAMES if name not in capabilities]
        lines.append(f"capabilities: {', '.join(capabilities) or 'none'}; absent: {', '.join(absent) or 'none'}")
    return lines
