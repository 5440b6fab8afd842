"""The generated page of the docs that lists the targets."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.targets.description import TargetDescription

LINES = (
    "# Targets",
    "",
    "The known implementations. `attach-conformance targets` lists them with what is installed here,",
    "`attach-conformance targets --install NAME` installs one into a folder of your choice (`--cache DIR`, or",
    "`CONFORMANCE_TARGETS`, or else your cache), and `pytest --target NAME` starts it on loopback, tests it and stops",
    "it.",
    "[Where each stands](implementations.md), [how to add one](adding-a-target.md).",
    "",
    "| name | version | what it is | needs | key | rate |",
    "|---|---|---|---|---|---|",
)


def targets_page(targets: Iterable[TargetDescription]) -> str:
    """Return the page with one row for each target."""
    return "\n".join([*LINES, *map(_row, targets)]) + "\n"


def _row(target: TargetDescription) -> str:
    needs = f"it is at {target.base_url}"
    if target.server:
        needs = ", ".join(target.server.needs) or "–"
    key = "from STRIPE_API_KEY" if target.takes_key_from_environment else "made up"
    rate = f"{target.rate:g} a second" if target.rate else "–"
    name = f"[{target.name}]({target.home})" if target.home.startswith("https") else target.name
    cells = (name, target.version, target.about, needs, key, rate)
    return "| " + " | ".join(cells) + " |"
