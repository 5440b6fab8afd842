"""The table of implementations in the README, written from the stored standings."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.commands.matrix.command import STORED
from conformance.commands.matrix.standing import Standing, from_json
from conformance.paths import SUITE
from conformance.reports.markdown import row, table, with_table
from contracts import Catalogue
from contracts.catalogue import PROFILES

README = SUITE / "README.md"
BEGIN, END = "<!-- standing -->\n", "<!-- /standing -->\n"


def short_table(standings: Sequence[Standing], catalogue: Catalogue) -> str:
    """Return one line for each implementation, those with most passing clauses first, with a word for each profile."""
    columns = [f"{profile} (of {len(catalogue.within(profile))})" for profile in PROFILES]
    lines = [*table("implementation", "version", *columns)]
    passing = {standing.name: _count(standing, "pass", PROFILES[-1], catalogue) for standing in standings}
    for standing in sorted(standings, key=lambda standing: (-passing[standing.name], standing.name)):
        words = (_word(standing, profile, catalogue) for profile in PROFILES)
        lines.append(row(f"[{standing.title}]({standing.home})", standing.version, *words))
    return "\n".join(lines) + "\n"


def _word(standing: Standing, profile: str, catalogue: Catalogue) -> str:
    if standing.verdicts.get(profile) == "conforms":
        return "✓ conforms"
    passed, failed = (_count(standing, outcome, profile, catalogue) for outcome in ("pass", "fail"))
    sign = "✗" if failed else "–"
    return f"{sign} {passed} pass, {failed} fail"


def _count(standing: Standing, outcome: str, profile: str, catalogue: Catalogue) -> int:
    within = {clause.slug for clause in catalogue.within(profile)}
    return sum(cell.outcome == outcome for slug, cell in standing.cells.items() if slug in within)


def readme_with_table(text: str, catalogue: Catalogue) -> str:
    """Return the README `text` with the present table. Raises NoPlace if it has no place for it."""
    return with_table(text, BEGIN, END, short_table(from_json(STORED), catalogue))
