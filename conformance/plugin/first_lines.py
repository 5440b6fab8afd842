"""The first lines of a run: what is tested and how."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.fixtures.capabilities import CAPABILITY_NAMES
from conformance.plugin.looking import Look
from conformance.plugin.versions import versions
from conformance.verdict.settings import Settings


def header_lines(settings: Settings, look: Look) -> Iterator[str]:
    """Yield the lines for the top of the terminal's output."""
    if settings.dry_run and settings.base_url:
        yield f"dry run: nothing is sent to {settings.base_url}; the embedded reference stands in"
    else:
        kind = "embedded reference" if settings.base_url is None else "target"
        yield f"{kind}: {look.base_url or '(not started)'}"
    plan = f"profile: {settings.profile}  level: {settings.level}  budget: {settings.budget}  seed: {settings.seed}"
    exploring = "" if settings.explore is None else f"  exploring for {settings.explore:g} minutes"
    yield plan + exploring
    yield "versions: " + "  ".join(f"{name} {version}" for name, version in versions().items())
    yield f"fixtures: {look.provision}" if look.provision else f"cannot be tested: {look.diagnosis}"
    if look.capabilities is not None:
        absent = [name for name in CAPABILITY_NAMES if name not in look.capabilities]
        yield f"capabilities: {', '.join(look.capabilities) or 'none'}; absent: {', '.join(absent) or 'none'}"
