"""The differences as a report: text for a terminal, Markdown for a page, and JSON for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.commands.drift.clauses import clauses_about
from conformance.commands.drift.differences import Change, Difference, Part
from conformance.evidence.foreign import one_line
from conformance.evidence.harmless import harmless, json_text
from conformance.reports.markdown import code, row, text
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
    lines = [headline(report)]
    for part, differences in _by_part(report):
        lines += ["", TITLES[part]]
        for difference, clauses in differences:
            named = f"  [{_name(clauses)}]" if clauses else ""
            lines.append(f"  {difference.change:<8} {difference.path}: {_words(difference)}{named}")
    if report.lines:
        lines += ["", LEGEND]
    return "\n".join(map(harmless, lines)) + "\n"


def markdown_page(report: Report) -> str:
    """Return the report as Markdown, with a table for each part of the operation."""
    lines = [headline(report)]
    for part, differences in _by_part(report):
        lines += ["", f"**{TITLES[part]}**", "", "| | where | what | clauses that speak of it |", "|---|---|---|---|"]
        for difference, clauses in differences:
            named = ", ".join(f"`{clause.slug}`" for clause in clauses)
            path = code(one_line(difference.path))
            lines.append(row(str(difference.change), path, text(_words(difference)), named or "–"))
    if report.lines:
        lines += ["", f"{LEGEND[0].upper()}{LEGEND[1:]}."]
    return "\n".join(map(harmless, lines)) + "\n"


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


def _by_part(report: Report) -> Iterator[tuple[Part, list[tuple[Difference, tuple[Clause, ...]]]]]:
    for part in Part:
        lines = [line for line in report.lines if line[0].part is part]
        if lines:
            yield part, lines


def _words(difference: Difference) -> str:
    words = difference.words
    if words in LISTING:
        words += f" {first_of(difference.members, MOST_NAMES)}"
    more = f" (and in {difference.more} more place{'s' * (difference.more > 1)})" if difference.more else ""
    return f"{one_line(words)}{more}"


def _name(clauses: tuple[Clause, ...]) -> str:
    return first_of([clause.slug for clause in clauses], MOST_CLAUSES)
