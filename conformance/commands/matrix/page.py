"""The standing table as one HTML page, and as the generated page of the docs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from conformance.commands.matrix.history import Release, changes
from conformance.commands.matrix.standing import Cell, Standing
from conformance.evidence.episode import Outcome
from conformance.reports.templating import templates
from conformance.reports.words import SIGNS
from conformance.targets.description import Defect, TargetDescription
from conformance.verdict.entries import refer_to
from contracts import Catalogue, Clause
from contracts.catalogue import PROFILES

NOT_ASKED = ""
"""The sign of a clause that a run did not select."""


@dataclass(frozen=True)
class Row:
    """One clause in the table, with a cell for each implementation: its sign, its outcome, and why."""

    clause: Clause
    cells: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Shown:
    """A broken clause of one implementation to be shown, with the defect that was seen by hand, if any was."""

    slug: str
    outcome: str
    reason: str
    curl: str
    defect: Defect | None


def html_page(standings: Sequence[Standing], targets: Mapping[str, TargetDescription], catalogue: Catalogue) -> str:
    """Return the table as one self-contained HTML page."""
    return _rendered("matrix.html.jinja", standings, targets, catalogue, escape=True)


def markdown_page(
    standings: Sequence[Standing],
    targets: Mapping[str, TargetDescription],
    catalogue: Catalogue,
    history: Sequence[Release] = (),
) -> str:
    """Return the table as Markdown, with the history of implementations of which one is known."""
    return _rendered("implementations.md.jinja", standings, targets, catalogue, escape=False, history=history)


def lasting(standing: Standing) -> Standing:
    """Return the standing without its requests and most reasons, which hold ids and so differ from run to run."""
    cells = {
        slug: Cell(cell.outcome, refer_to(cell.cause) if cell.cause else "") for slug, cell in standing.cells.items()
    }
    return replace(standing, cells=cells)


def shown(standing: Standing, target: TargetDescription | None) -> list[Shown]:
    """Return the broken clauses of one implementation, in their order."""
    by_clause = {defect.clause: defect for defect in (target.defects if target else ())}
    return [
        Shown(slug, cell.outcome, cell.reason, cell.curl, by_clause.get(slug)) for slug, cell in standing.red.items()
    ]


def rows_of(standings: Sequence[Standing], clauses: Sequence[Clause]) -> list[Row]:
    """Return the rows of the clauses that any run selected."""
    rows = (Row(clause, tuple(_shown_cell(one, clause.slug) for one in standings)) for clause in clauses)
    return [row for row in rows if any(sign != NOT_ASKED for sign, _, _ in row.cells)]


def _shown_cell(standing: Standing, slug: str) -> tuple[str, str, str]:
    cell = standing.cells.get(slug)
    if cell is None:
        return NOT_ASKED, "not asked", ""
    return SIGNS[Outcome(cell.outcome)], cell.outcome, cell.reason


def _rendered(
    template: str,
    standings: Sequence[Standing],
    targets: Mapping[str, TargetDescription],
    catalogue: Catalogue,
    *,
    escape: bool,
    history: Sequence[Release] = (),
) -> str:
    environment = templates(escaped=escape)
    tested = [standing for standing in standings if not standing.trouble]
    profiles = {profile: [clause for clause in catalogue if clause.profile == profile] for profile in PROFILES}
    tables = {profile: rows_of(tested, clauses) for profile, clauses in profiles.items()}
    return environment.get_template(template).render(
        standings=standings,
        tested=tested,
        troubled=[standing for standing in standings if standing.trouble],
        tables={profile: rows for profile, rows in tables.items() if rows},
        broken={standing.name: shown(standing, targets.get(standing.name)) for standing in tested},
        legend={SIGNS[outcome]: outcome for outcome in SIGNS},
        profiles=PROFILES,
        changes=changes(history),
    )
