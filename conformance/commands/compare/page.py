"""A comparison in words: as Markdown for a terminal or a pull request, and as one HTML page."""

from __future__ import annotations

from functools import partial
from typing import Any

import jinja2

from conformance.commands.compare.comparison import Comparison, Group
from conformance.commands.compare.differences import ABSENT, STATUS
from conformance.evidence.episode import Step
from conformance.reports.html import coded
from conformance.reports.templating import templates
from conformance.reports.words import SIGNS, answer_in_short, curl
from conformance.verdict.run import Run

MOST_CLAUSES = 3
"""How many clauses of one difference are named."""
LONGEST_CURL = 400
LONGEST_ANSWER = 200


def markdown_page(comparison: Comparison) -> str:
    """The comparison as Markdown."""
    return _rendered("comparison.md.jinja", comparison, escape=False)


def html_page(comparison: Comparison) -> str:
    """The comparison as one self-contained HTML page."""
    return _rendered("comparison.html.jinja", comparison, escape=True)


def headline(comparison: Comparison) -> str:
    """The whole comparison in one sentence."""
    if comparison.is_same:
        return f"A and B are alike in all {comparison.pairs} answers that were compared."
    clauses = f"{len(comparison.outcomes)} clause{'s' * (len(comparison.outcomes) != 1)}"
    answers = f"{len(comparison.groups)} way{'s' * (len(comparison.groups) != 1)}"
    return f"A and B differ in the outcome of {clauses}, and their answers in {answers}."


def what_differs(group: Group) -> str:
    """A difference in words."""
    difference = group.difference
    if difference.part == STATUS:
        return "status"
    place = f"`{difference.place or 'the whole body'}`"
    where = f"header {place}" if difference.part == "header" else place
    if ABSENT in (difference.a, difference.b):
        return f"{where} only in {'A' if difference.b == ABSENT else 'B'}"
    return f"{where}"


def some_clauses(group: Group) -> str:
    """The first clauses of a difference, and how many more there are."""
    more = len(group.clauses) - MOST_CLAUSES
    return ", ".join(group.clauses[:MOST_CLAUSES]) + (f" and {more} more" if more > 0 else "")


def _target(run: Run) -> str:
    return run.settings.base_url or "the embedded reference"


def _curl(step: Step, run: Run) -> str:
    text = curl(step.exchange, run.settings.base_url or "http://127.0.0.1:PORT")
    return text if len(text) <= LONGEST_CURL else f"{text[:LONGEST_CURL]}…"


def _cell(text: str) -> str:
    """Text that cannot end a cell of a Markdown table."""
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


def _code(text: str) -> str:
    """Text as code within a cell of a Markdown table, whatever backticks it holds."""
    return f"`{' '.join(text.replace('|', chr(92) + '|').replace('`', chr(39)).split())}`"


def _rendered(template: str, comparison: Comparison, *, escape: bool) -> str:
    environment = templates(escaped=escape, undefined=jinja2.StrictUndefined)
    filters: dict[str, Any] = {"cell": _cell, "code": _code, "coded": coded, "target": _target}
    environment.filters.update(
        filters, differs=what_differs, clauses=some_clauses, answer=partial(answer_in_short, limit=LONGEST_ANSWER)
    )
    environment.globals.update(signs=SIGNS, curl=_curl)
    return environment.get_template(template).render(comparison=comparison, headline=headline(comparison))
