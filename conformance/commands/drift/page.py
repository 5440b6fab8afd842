"""The differences as a report: text for a terminal, Markdown for a page, and JSON for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jinja2

from conformance.commands.drift.clauses import clauses_about
from conformance.commands.drift.differences import Change, Difference, Part
from conformance.evidence.foreign import one_line
from conformance.evidence.harmless import json_text
from conformance.reports.markdown import code, text
from conformance.reports.templating import templates
from conformance.reports.words import first_of
from contracts import Catalogue, Clause, Contract

MOST_CLAUSES = 4
"""How many clauses of a difference are named in text; JSON names all."""
MOST_NAMES = 12
"""How many members or values of a difference are named in text; JSON names all."""
LISTING = ("member", "members", "value", "values", "another object")
"""The words that names follow."""
TITLES = {
    Part.OPERATION: "The operation",
    Part.REQUEST: "The request's body",
    Part.ANSWER: "The answer to a success",
    Part.ERROR: "The error",
}
LEGEND = "new: only in the published document; absent: only in the contract, since it is gone or was not there yet"


@dataclass(frozen=True)
class Report:
    """A published document's version, what differs from the contract, and the clauses that speak of each difference."""

    version: str
    operation: str
    lines: tuple[tuple[Difference, tuple[Clause, ...]], ...]

    @property
    def differences(self) -> tuple[Difference, ...]:
        """The differences alone."""
        return tuple(difference for difference, _ in self.lines)


def report_of(
    differences: Sequence[Difference], published: Mapping[str, Any], contract: Contract, catalogue: Catalogue
) -> Report:
    """Return the report about the differences of a published document."""
    info = published.get("info")
    version = info.get("version") if isinstance(info, Mapping) else None
    lines = tuple((difference, clauses_about(difference, catalogue, contract)) for difference in differences)
    words = "of no version" if version is None else one_line(str(version))
    return Report(words, f"{contract.method} {contract.path}", lines)


def headline(report: Report) -> str:
    """Return the whole report in one sentence."""
    if not report.lines:
        return f"Nothing has moved: the published {report.operation} ({report.version}) is the contract's."
    counts = Counter(difference.change for difference in report.differences)
    counted = ", ".join(f"{counts[change]} {change}" for change in Change if counts[change])
    judged = sum(bool(clauses) for _, clauses in report.lines)
    return (
        f"The published {report.operation} ({report.version}) differs from the contract: {counted}; "
        f"clauses speak of {judged or 'none'}."
    )


def text_page(report: Report) -> str:
    """Return the report for a terminal, one line a difference."""
    return _page("drift.txt.jinja", report)


def markdown_page(report: Report) -> str:
    """Return the report as Markdown, with a table for each part of the operation."""
    return _page("drift.md.jinja", report)


def _page(template: str, report: Report) -> str:
    lines = {TITLES[part]: [line for line in report.lines if line[0].part is part] for part in Part}
    environment = templates(escaped=False, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    environment.filters.update(words=_words, names=_name, one_line=one_line, code=code, text=text)
    parts = {title: of_part for title, of_part in lines.items() if of_part}
    return environment.get_template(template).render(headline=headline(report), parts=parts, legend=LEGEND)


def json_page(report: Report) -> str:
    """Return the report for programs: each difference with the JSON pointers into both documents."""
    differences = [_entry(difference, clauses) for difference, clauses in report.lines]
    content = {"published": report.version, "operation": report.operation, "differences": differences}
    return json_text(content, indent=1) + "\n"


def _entry(difference: Difference, clauses: tuple[Clause, ...]) -> dict[str, Any]:
    return {
        "part": difference.part,
        "change": difference.change,
        "kind": difference.kind,
        "path": difference.path,
        "keyword": difference.keyword,
        "members": list(difference.members),
        "words": difference.words,
        "published": difference.published,
        "contract": difference.ours,
        "further_places": difference.more,
        "clauses": [clause.slug for clause in clauses],
    }


def _words(difference: Difference) -> str:
    words = difference.words
    if words in LISTING:
        words += f" {first_of(difference.members, MOST_NAMES)}"
    more = f" (and in {difference.more} more place{'s' * (difference.more > 1)})" if difference.more else ""
    return f"{one_line(words)}{more}"


def _name(clauses: tuple[Clause, ...]) -> str:
    return first_of([clause.slug for clause in clauses], MOST_CLAUSES)
