"""The table of implementations in the README, written from the stored standings."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.commands.matrix.command import STORED
from conformance.commands.matrix.standing import Standing, from_json
from conformance.paths import SUITE
from contracts import Catalogue
from contracts.catalogue import PROFILES

README = SUITE / "README.md"
BEGIN, END = "<!-- standing -->\n", "<!-- /standing -->\n"


class ReadmeError(ValueError):
    """A page without the lines between which its table belongs."""


def short_table(standings: Sequence[Standing], catalogue: Catalogue) -> str:
    """Return one line for each implementation, those with most passing clauses first, with a word for each profile."""
    columns = [f"{profile} (of {len(catalogue.within(profile))})" for profile in PROFILES]
    lines = [f"| implementation | version | {' | '.join(columns)} |", "|---|---|" + "---|" * len(columns)]
    passing = {standing.name: _count(standing, "pass", PROFILES[-1], catalogue) for standing in standings}
    for standing in sorted(standings, key=lambda standing: (-passing[standing.name], standing.name)):
        words = " | ".join(_word(standing, profile, catalogue) for profile in PROFILES)
        lines.append(f"| [{standing.title}]({standing.home}) | {standing.version} | {words} |")
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
    """Return the README `text` with the present table. Raises ReadmeError if it has no place for it."""
    return with_table(text, BEGIN, END, short_table(from_json(STORED), catalogue))


def with_table(text: str, begin: str, end: str, table: str) -> str:
    """Return the text with this table between the lines `begin` and `end`. Raises ReadmeError if they are missing."""
    before, begins, rest = text.partition(begin)
    _, ends, after = rest.partition(end)
    if not (begins and ends):
        raise ReadmeError(f"there are no lines {begin.strip()} and {end.strip()}, between which the table belongs")
    return f"{before}{begin}\n{table}\n{end}{after}"
