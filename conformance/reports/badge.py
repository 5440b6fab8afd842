"""The badge: an SVG for a page that links to a report, with profile, verdict, version of the suite and date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import jinja2

from conformance.evidence.counted import counted
from conformance.reports.templating import templates
from conformance.verdict.run import ENDINGS, Ending

GREEN, RED, AMBER, GREY, DARK = "#1a7f37", "#c62828", "#9a6700", "#57606a", "#24292f"
"""The colours of conforming, of not conforming, of failing as expected, of an open verdict, and of the other fields."""

COLOURS: Mapping[Ending, str] = {
    Ending.CONFORMS: GREEN,
    Ending.DOES_NOT_CONFORM: RED,
    Ending.NOT_AS_EXPECTED: RED,
    Ending.AS_EXPECTED: AMBER,
    Ending.EXPECTED_IN_PART: AMBER,
}

_WIDE, _NARROW = frozenset("mwMW—"), frozenset("ijlrtfI.,:;|'!-·() ")
_PADDING = 10


@dataclass(frozen=True)
class Part:
    """A field of the badge: its words, its start and width in pixels, and its colour."""

    words: str
    start: int
    width: int
    colour: str

    @property
    def middle(self) -> float:
        """The middle of the text, in pixels."""
        return self.start + self.width / 2

    @property
    def length(self) -> int:
        """The width of the text itself, in pixels."""
        return self.width - 2 * _PADDING


def badge_of(results: Mapping[str, Any]) -> str:
    """Return the badge for the content of a `results.json`."""
    words, colour = verdict_of(results)
    suite = results["suite"]
    version = f"{suite['name']} {suite.get(suite['name'], '')}".strip()
    fields = {f"{results['profile']} profile": DARK, words: colour, f"{version} · {results['started'][:10]}": DARK}
    parts: list[Part] = []
    start = 0
    for text, fill in fields.items():
        parts.append(Part(text, start, _width(text) + 2 * _PADDING, fill))
        start += parts[-1].width
    return _template().render(parts=parts, width=start, title=" · ".join(fields))


def verdict_of(results: Mapping[str, Any]) -> tuple[str, str]:
    """Return the verdict in a few words, and its colour; only a target that was really asked and conforms is green."""
    ending = Ending(results["ending"])
    if results["dry_run"] and ending is not Ending.UNREACHABLE:
        return "rehearsed only", GREY
    words, colour = ENDINGS[ending][1], COLOURS.get(ending, GREY)
    if colour == AMBER:
        words = counted(len(results["expectations"]["expected"]), "expected failure")
    return words, colour


@cache
def _template() -> jinja2.Template:
    return templates(escaped=True).get_template("badge.svg.jinja")


def _width(text: str) -> int:
    """Return the width of a text in 11 pixels of a common sans serif, about; the badge draws it with just that."""
    wide, narrow = sum(char in _WIDE for char in text), sum(char in _NARROW for char in text)
    return round(9.5 * wide + 3.9 * narrow + 6.6 * (len(text) - wide - narrow))
