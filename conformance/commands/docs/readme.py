"""The table of implementations in the README: written from the stored standings, like the page that tells more."""

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
    """The README has no place for the table."""


def short_table(standings: Sequence[Standing], catalogue: Catalogue) -> str:
    """One line for each implementation, those with most clauses that pass first, and how each profile went."""
    sizes = {profile: len(catalogue.within(profile)) for profile in PROFILES}
    lines = ["| implementation | version |" + "".join(f" {profile} (of {sizes[profile]}) |" for profile in PROFILES)]
    lines += ["|---|---|" + "---|" * len(PROFILES)]
    for standing in sorted(
        standings, key=lambda standing: (-_count(standing, "pass", PROFILES[-1], catalogue), standing.name)
    ):
        words = "".join(f" {_word(standing, profile, catalogue)} |" for profile in PROFILES)
        lines.append(f"| [{standing.title}]({standing.home}) | {standing.version} |{words}")
    return "\n".join(lines) + "\n"


def _word(standing: Standing, profile: str, catalogue: Catalogue) -> str:
    if standing.verdicts.get(profile) == "conforms":
        return "✓ conforms"
    passed, failed = (_count(standing, outcome, profile, catalogue) for outcome in ("pass", "fail"))
    return f"{'✗' if failed else '–'} {passed} pass, {failed} fail"


def _count(standing: Standing, outcome: str, profile: str, catalogue: Catalogue) -> int:
    cells = (standing.cells.get(clause.slug) for clause in catalogue.within(profile))
    return sum(cell is not None and cell.outcome == outcome for cell in cells)


def readme_with_table(text: str, catalogue: Catalogue) -> str:
    """The README `text` with the table as it is to be. Raises ReadmeError when it has no place for it."""
    return with_table(text, BEGIN, END, short_table(from_json(STORED), catalogue))


def with_table(text: str, begin: str, end: str, table: str) -> str:
    """The text with this table between the lines `begin` and `end`. Raises ReadmeError when it has no place for it."""
    before, begins, rest = text.partition(begin)
    _, ends, after = rest.partition(end)
    if not (begins and ends):
        raise ReadmeError(f"there are no lines {begin.strip()} and {end.strip()}, between which the table belongs")
    return f"{before}{begin}\n{table}\n{end}{after}"
