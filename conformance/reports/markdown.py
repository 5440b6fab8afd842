"""Markdown: texts that show what they hold and end nothing, and tables, by themselves and in the place of a page."""

from __future__ import annotations

import re

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~])")


class NoPlace(ValueError):
    """A page without the lines between which a table belongs."""


def text(value: str) -> str:
    """Return Markdown that shows `value` unchanged, in one line."""
    return _MARKUP.sub(r"\\\1", " ".join(value.split()))


def code(value: str) -> str:
    """Return `value` as Markdown code, even if it holds back-ticks."""
    shown = " ".join(value.split()).replace("|", "\\|")
    ticks = "`" * (1 + _longest_ticks(shown))
    space = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{ticks}{space}{shown}{space}{ticks}"


def _longest_ticks(value: str) -> int:
    return max((len(run) for run in re.findall("`+", value)), default=0)


def table(*columns: str) -> tuple[str, str]:
    """Return the two lines that begin a Markdown table."""
    return row(*columns), "|" + "---|" * len(columns)


def row(*cells: str) -> str:
    """Return one line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def with_table(page: str, begin: str, end: str, content: str) -> str:
    """Return the page with this content between the lines `begin` and `end`. Raises NoPlace if they are missing."""
    before, begins, rest = page.partition(begin)
    _, ends, after = rest.partition(end)
    if not (begins and ends):
        raise NoPlace(f"there are no lines {begin.strip()} and {end.strip()}, between which the table belongs")
    return f"{before}{begin}\n{content}\n{end}{after}"
