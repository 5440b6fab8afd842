"""A comparison in words: as Markdown for a terminal or a pull request, and as one HTML page."""

from __future__ import annotations

from functools import partial

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
    """Return the comparison as Markdown."""
    return _render("comparison.md.jinja", comparison, escaped=False)


def html_page(comparison: Comparison) -> str:
    """Return the comparison as one self-contained HTML page."""
    return _render("comparison.html.jinja", comparison, escaped=True)


def headline(comparison: Comparison) -> str:
    """Return the whole comparison in one sentence."""
    if comparison.is_same:
        return f"A and B are alike in all {comparison.pairs} answers that were compared."
    clauses, ways = _count(len(comparison.outcomes), "clause"), _count(len(comparison.groups), "way")
    return f"A and B differ in the outcome of {clauses}, and their answers in {ways}."


def describe_difference(group: Group) -> str:
    """Return a difference in words."""
    difference = group.difference
    if difference.part == STATUS:
        return "status"
    place = f"`{difference.place or 'the whole body'}`"
    where = f"header {place}" if difference.part == "header" else place
    if difference.b == ABSENT:
        return f"{where} only in A"
    return f"{where} only in B" if difference.a == ABSENT else where


def name_clauses(group: Group) -> str:
    """Return the first clauses of a difference, and how many more there are."""
    more = len(group.clauses) - MOST_CLAUSES
    named = ", ".join(group.clauses[:MOST_CLAUSES])
    return f"{named} and {more} more" if more > 0 else named


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _target(run: Run) -> str:
    return run.settings.base_url or "the embedded reference"


def _curl(step: Step, run: Run) -> str:
    text = curl(step.exchange, run.settings.base_url or "http://127.0.0.1:PORT")
    return text if len(text) <= LONGEST_CURL else f"{text[:LONGEST_CURL]}…"


def _cell(text: str) -> str:
    """Return text that cannot end a cell of a Markdown table."""
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


def _code(text: str) -> str:
    """Return text as code within a cell of a Markdown table, with any backticks replaced."""
    inner = " ".join(text.replace("|", "\\|").replace("`", "'").split())
    return f"`{inner}`"


def _render(template: str, comparison: Comparison, *, escaped: bool) -> str:
    environment = templates(escaped=escaped, undefined=jinja2.StrictUndefined)
    answer = partial(answer_in_short, limit=LONGEST_ANSWER)
    filters = {"cell": _cell, "code": _code, "coded": coded, "target": _target, "answer": answer}
    environment.filters.update(filters, differs=describe_difference, clauses=name_clauses)
    environment.globals.update(signs=SIGNS, curl=_curl)
    return environment.get_template(template).render(comparison=comparison, headline=headline(comparison))
