"""The badge: an SVG for a page that links to a report, with profile, verdict, version of the suite and date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import jinja2

from conformance.reports.templating import templates
from conformance.verdict.run import ExitStatus

GREEN, RED, AMBER, GREY = "#1a7f37", "#c62828", "#9a6700", "#57606a"
"""The colours of conforming, of not conforming, of failing as expected, and of what was not decided."""

_WIDE, _NARROW = frozenset("mwMW—"), frozenset("ijlrtfI.,:;|'!-·() ")
_PADDING = 10


@dataclass(frozen=True)
class Part:
    """One field of the badge: what it says, where it begins and how wide it is in pixels, and its colour."""

    words: str
    start: int
    width: int
    colour: str

    @property
    def middle(self) -> float:
        """Where the middle of the text is."""
        return self.start + self.width / 2

    @property
    def length(self) -> int:
        """How long the text itself is drawn."""
        return self.width - 2 * _PADDING


def badge_of(results: Mapping[str, Any]) -> str:
    """The badge for the content of a `results.json`."""
    words, colour = verdict_of(results)
    suite = results["suite"]
    date = results["started"][:10]
    version = f"{suite['name']} {suite.get(suite['name'], '')}".strip()
    parts = []
    start = 0
    for text, fill in (
        (f"{results['profile']} profile", "#24292f"),
        (words, colour),
        (f"{version} · {date}", "#24292f"),
    ):
        parts.append(Part(text, start, _width(text) + 2 * _PADDING, fill))
        start += parts[-1].width
    title = " · ".join(part.words for part in parts)
    return _template().render(parts=parts, width=start, title=title)


def verdict_of(results: Mapping[str, Any]) -> tuple[str, str]:
    """The verdict in a few words, and its colour; only what conforms, and was really asked, is green."""
    gate = results["expectations"]
    if results["diagnosis"]:
        return "cannot be tested", GREY
    if results["dry_run"]:
        return "rehearsed only", GREY
    if results["exit_status"] == ExitStatus.INTERRUPTED:
        return "interrupted", GREY
    if results["exit_status"] == ExitStatus.OUR_ERROR:
        return "internal error of the suite", GREY
    if results["verdict"] == "conforms":
        return ("conforms", GREEN) if not gate or gate["is_met"] else ("not as expected", RED)
    if results["verdict"] != "does-not-conform":
        return "inconclusive", GREY
    if gate and gate["is_met"] and not results["lacking"]:
        expected = len(gate["expected"])
        return f"{expected} expected failure{'s' * (expected != 1)}", AMBER
    return "does not conform", RED


@cache
def _template() -> jinja2.Template:
    return templates(escaped=True).get_template("badge.svg.jinja")


def _width(text: str) -> int:
    """About how wide a text is in 11 pixels of a common sans serif; the badge makes it exactly so."""
    return round(sum(9.5 if char in _WIDE else 3.9 if char in _NARROW else 6.6 for char in text))
