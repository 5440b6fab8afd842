"""The standing table as one HTML page, and as the generated page of the docs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from conformance.commands.matrix.history import Release, changes
from conformance.commands.matrix.standing import Cell, Standing
from conformance.reports.templating import templates
from conformance.reports.words import SIGNS
from conformance.targets.description import TargetDescription
from conformance.verdict.entries import refer_to
from contracts import Catalogue
from contracts.catalogue import PROFILES


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


def _rendered(
    template: str,
    standings: Sequence[Standing],
    targets: Mapping[str, TargetDescription],
    catalogue: Catalogue,
    *,
    escape: bool,
    history: Sequence[Release] = (),
) -> str:
    tested = [standing for standing in standings if not standing.trouble]
    asked = {slug for standing in tested for slug in standing.cells}
    shown = [clause for clause in catalogue if clause.slug in asked]
    tables = {profile: [clause for clause in shown if clause.profile == profile] for profile in PROFILES}
    page = templates(escaped=escape).get_template(template)
    return page.render(
        standings=standings,
        tested=tested,
        troubled=[standing for standing in standings if standing.trouble],
        tables={profile: clauses for profile, clauses in tables.items() if clauses},
        defects={target.name: {defect.clause: defect for defect in target.defects} for target in targets.values()},
        signs=SIGNS,
        profiles=PROFILES,
        changes=changes(history),
    )
