"""A comparison in words: as Markdown for a terminal or a pull request, and as one HTML page."""

from __future__ import annotations

from functools import partial

import jinja2

from conformance.commands.compare.comparison import Comparison, Group
from conformance.commands.compare.differences import ABSENT, STATUS
from conformance.evidence.counted import counted
from conformance.evidence.episode import Step
from conformance.reports.html import coded
from conformance.reports.markdown import code
from conformance.reports.templating import templates
from conformance.reports.words import SIGNS, answer_in_short, first_of, request_in_short
from conformance.verdict.run import Run

MOST_CLAUSES = 3
"""How many clauses of one difference are named."""
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
        a, b = names_of(comparison)
        return f"{a} and {b} are alike in all {comparison.pairs} answers that were compared."
    a, b = names_of(comparison)
    clauses, ways = counted(len(comparison.outcomes), "clause"), counted(len(comparison.groups), "way")
    return f"{a} and {b} differ in the outcome of {clauses}, and their answers in {ways}."


def names_of(comparison: Comparison) -> tuple[str, str]:
    """Return the names of the two targets, with the order of the runs if they are the same."""
    a, b = _name_of(comparison.a), _name_of(comparison.b)
    return (a, b) if a != b else (f"{a} (first run)", f"{b} (second run)")


def _name_of(run: Run) -> str:
    if run.settings.base_url is None:
        return "embedded reference"
    return run.settings.implementation or run.settings.base_url.partition("://")[2]


def describe_difference(group: Group, a: str, b: str) -> str:
    """Return a difference in words; `a` and `b` are the names of the targets."""
    difference = group.difference
    if difference.part == STATUS:
        return "status"
    place = f"`{difference.place or 'the whole body'}`"
    where = f"header {place}" if difference.part == "header" else place
    if difference.b == ABSENT:
        return f"{where} only in {a}"
    return f"{where} only in {b}" if difference.a == ABSENT else where


def name_clauses(group: Group) -> str:
    """Return the first clauses of a difference, and how many more there are."""
    return first_of(group.clauses, MOST_CLAUSES)


def _target(run: Run) -> str:
    return run.settings.base_url or "the embedded reference"


def _request(step: Step) -> str:
    return request_in_short(step.exchange, LONGEST_ANSWER)


def _cell(text: str) -> str:
    """Return text that cannot end a cell of a Markdown table."""
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


def _render(template: str, comparison: Comparison, *, escaped: bool) -> str:
    a, b = names_of(comparison)
    environment = templates(escaped=escaped, undefined=jinja2.StrictUndefined)
    answer = partial(answer_in_short, limit=LONGEST_ANSWER)
    filters = {"request": _request, "cell": _cell, "code": code, "coded": coded, "target": _target, "answer": answer}
    environment.filters.update(filters, differs=partial(describe_difference, a=a, b=b), clauses=name_clauses)
    environment.globals.update(signs=SIGNS, names=(a, b))
    return environment.get_template(template).render(comparison=comparison, headline=headline(comparison))
