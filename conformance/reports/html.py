"""The HTML report: one page without any reference to the network, or one section of pytest-html's page."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Any

import jinja2
from markupsafe import Markup

from conformance.evidence.episode import Finding, Outcome
from conformance.fixtures.capabilities import CAPABILITY_NAMES
from conformance.reports.details import sent_in_short
from conformance.reports.evidence import evidence_of, grouped
from conformance.reports.plots import SWATCHES, bars, classes_seen, histogram, latency_in_words
from conformance.reports.reproduction import Reached
from conformance.reports.script import script_of
from conformance.reports.templating import templates
from conformance.reports.words import LEFT_SHOWN, LOUD, SIGNS, first_of, headline, profile_sentence
from conformance.verdict.entries import size_of
from conformance.verdict.naming import finding_name
from conformance.verdict.results import ClauseResult
from conformance.verdict.run import Run
from contracts.catalogue import PROFILES

TITLE = "Conformance: attach a PaymentMethod to a Customer"

EVIDENCE_BYTES = 4_000_000
"""The most bytes of HTML for all evidence together."""

GRAVEST_FIRST = (
    Outcome.ERROR,
    Outcome.FAIL,
    Outcome.DEVIATION,
    Outcome.EXPECTED,
    Outcome.INCONCLUSIVE,
    Outcome.NOT_RUN,
    Outcome.NOT_APPLICABLE,
    Outcome.PASS,
)

NOT_ASKED_FOR = "not-asked-for"
"""The kind of the clauses that are beyond the profile or the selection of the run."""

_HEADINGS: Mapping[Outcome, str] = {
    Outcome.ERROR: "The suite itself failed",
    Outcome.FAIL: "Failed",
    Outcome.DEVIATION: "Deviations",
    Outcome.EXPECTED: "Expected failures",
    Outcome.INCONCLUSIVE: "Inconclusive",
    Outcome.NOT_APPLICABLE: "Not applicable",
    Outcome.PASS: "Passed",
}

MOST_OPEN = 3
"""As many clauses that did not pass are shown with their evidence opened; of more, a reader chooses."""

_ABOUT: Mapping[str, str] = {
    "contract": "what the published operation says",
    "stateful": "what attaching means; includes contract",
    "stripe": "Stripe's own codes, headers and keys; includes both",
}


@dataclass(frozen=True)
class Row:
    """One clause: its result, its evidence as HTML, how many failures are not shown, and how many clauses it blocks."""

    result: ClauseResult
    evidence: tuple[Markup, ...]
    left_out: int
    root_cause: str
    keeps_back: int

    @property
    def kind(self) -> str:
        """The outcome by which rows are counted and filtered: what nobody asked for is not among what was not run."""
        return NOT_ASKED_FOR if self.result.is_left_out else str(self.result.outcome)


@dataclass(frozen=True)
class Counted:
    """The rows of one kind: their `count`, the `outcome` that they look like, and the kind's name and words."""

    name: str
    outcome: Outcome
    words: str
    count: int


def html_section(run: Run) -> str:
    """Return the report as a section to stand in pytest-html's page, with the style that turns that page into ours."""
    return _environment().get_template("carried.html.jinja").render(**_context(run))


def html_page(run: Run) -> str:
    """Return the report as a whole page."""
    return _environment().get_template("page.html.jinja").render(**_context(run))


@cache
def _environment() -> jinja2.Environment:
    environment = templates(escaped=True, undefined=jinja2.StrictUndefined)
    environment.globals.update(signs=SIGNS, swatches=SWATCHES, first_of=first_of, left_shown=LEFT_SHOWN)
    environment.filters["coded"] = coded
    return environment


def _context(run: Run) -> dict[str, Any]:
    rows = rows_of(run)
    by_outcome = {outcome: [row for row in rows if row.result.outcome is outcome] for outcome in GRAVEST_FIRST}
    chapters = list(dict.fromkeys(clause.chapter for clause in run.catalogue))
    grid: dict[str, dict[str, list[ClauseResult]]] = {}
    for result in run.results.values():
        grid.setdefault(result.clause.profile, {}).setdefault(result.clause.chapter, []).append(result)
    return {
        "run": run,
        "title": TITLE,
        "headline": headline(run),
        "sentences": {profile: profile_sentence(run, profile) for profile in PROFILES},
        "words": {profile: run.word(profile) for profile in PROFILES},
        "about": _ABOUT,
        "beyond": PROFILES[PROFILES.index(run.settings.profile) + 1 :],
        "absent": [name for name in CAPABILITY_NAMES if name not in (run.capabilities or CAPABILITY_NAMES)],
        "started": _readable_time(run.started),
        "grid": grid,
        "groups": _groups(by_outcome),
        "loud": _loud(run, by_outcome),
        "most_open": MOST_OPEN,
        "kinds": list(_kinds(by_outcome)),
        "sent_by": {row.result.clause.slug: _sent(row.result) for row in rows},
        "chapters": chapters,
        "bars": bars(run.traffic, chapters),
        "classes": classes_seen(run.traffic),
        "columns": histogram(run.traffic),
        "latency": latency_in_words(run.traffic),
        "script": script_of(run.to_json()),
    }


def _loud(run: Run, by_outcome: Mapping[Outcome, Sequence[Row]]) -> list[ClauseResult]:
    """Return the results that did not pass and are not expected, the gravest first."""
    unexpected = {result.clause.slug for result in run.gate.unexpected} if run.gate else set()
    results = [row.result for rows in by_outcome.values() for row in rows]
    return [result for result in results if result.outcome in LOUD or result.clause.slug in unexpected]


def _kinds(by_outcome: Mapping[Outcome, Sequence[Row]]) -> Iterator[Counted]:
    """Yield the kinds of rows that there are, the gravest first."""
    for outcome, rows in by_outcome.items():
        counts = Counter(row.kind for row in rows)
        not_asked_for = counts.pop(NOT_ASKED_FOR, 0)
        yield from (Counted(name, outcome, name, count) for name, count in counts.items())
        if not_asked_for:
            yield Counted(NOT_ASKED_FOR, outcome, NOT_ASKED_FOR.replace("-", " "), not_asked_for)


def _sent(result: ClauseResult) -> str:
    """Return the request that shows a clause to be broken, as the terminal has it; empty if none does."""
    return sent_in_short(result.findings[0]) if result.findings else ""


def _groups(by_outcome: Mapping[Outcome, Sequence[Row]]) -> dict[str, list[Row]]:
    """Return the rows under their headings, the gravest first; those not run by their cause."""
    groups: dict[str, list[Row]] = {}
    for outcome, rows in by_outcome.items():
        for row in rows:
            heading = _why_not_run(row.result) if outcome is Outcome.NOT_RUN else _HEADINGS[outcome]
            groups.setdefault(heading, []).append(row)
    return groups


def _why_not_run(result: ClauseResult) -> str:
    if result.cause:
        return f"Not run: blocked by {result.cause}"
    if result.lacks_fixtures:
        return "Not run: fixtures ran out"
    if result.clause.not_tested:
        return "Not run: no test"
    return "Not run" if result.selected else "Not run: not selected"


def rows_of(run: Run) -> list[Row]:
    """Return a row for each clause, in the order of the catalogue."""
    shown = chosen_evidence(run.results.values(), Reached.by(run))
    blocked = Counter(result.cause for result in run.results.values())
    rows = []
    for slug, result in run.results.items():
        fragments, count = shown.get(slug, ((), 0))
        left_out = max(result.broken, len(result.findings)) - count if result.findings else 0
        rows.append(Row(result, fragments, left_out, result.cause, blocked[slug]))
    return rows


def chosen_evidence(
    results: Iterable[ClauseResult], reached: Reached, budget: int = EVIDENCE_BYTES
) -> dict[str, tuple[tuple[Markup, ...], int]]:
    """Return the evidence to show, by clause, and how many findings it stands for.

    The smallest finding of each clause comes first, one that is expected after those that are not, then the second of
    each, and so on, as long as all of it stays within `budget` bytes; the first of each clause is always shown.
    """
    queued: list[tuple[int, ClauseResult, Finding, int]] = []
    for result in results:
        kinds = grouped(_unexpected_first(result))
        queued += ((place, result, finding, count) for place, (finding, count) in enumerate(kinds))
    template = _environment().get_template("evidence.html.jinja")
    chosen: dict[str, tuple[tuple[Markup, ...], int]] = {}
    spent = 0
    for place, result, finding, count in sorted(queued, key=itemgetter(0)):
        expected = result.listed.get(finding_name(finding), "")
        evidence = evidence_of(finding, count, reached, expected)
        fragment = Markup(template.render(evidence=evidence, number=place + 1))
        spent += len(fragment.encode())
        if place and spent > budget:
            return chosen
        fragments, stands_for = chosen.get(result.clause.slug, ((), 0))
        chosen[result.clause.slug] = ((*fragments, fragment), stands_for + count)
    return chosen


def _unexpected_first(result: ClauseResult) -> list[Finding]:
    return sorted(result.findings, key=lambda finding: (finding_name(finding) in result.listed, size_of(finding)))


def _readable_time(started: str) -> str:
    try:
        moment = datetime.datetime.fromisoformat(started)
    except ValueError:
        return started
    return f"{moment:%d %B %Y, %H:%M} {moment.tzname() or ''}".strip()


def coded(text: str) -> Markup:
    """Return `text` as HTML, with the parts between backticks as code."""
    parts = text.split("`")
    whole = len(parts) - 1 if len(parts) % 2 == 0 else len(parts)
    codes = [
        Markup("<code>{}</code>").format(part) if index % 2 else Markup.escape(part)
        for index, part in enumerate(parts[:whole])
    ]
    return Markup("").join([*codes, *(Markup.escape("`" + part) for part in parts[whole:])])
