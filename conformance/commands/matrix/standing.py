"""One implementation's standing: the outcome of each clause, from the results of its runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from contracts import Catalogue
from contracts.catalogue import PROFILES

GRAVEST_FIRST = ("fail", "deviation", "error", "pass", "inconclusive", "not-applicable", "not-run")
"""Which of several runs of one clause speaks: the one that saw something wrong, then the one that saw anything."""
RED = ("fail", "deviation")


class StandingFileError(ValueError):
    """A file of stored standings is missing or cannot be one; the message says so in one line."""


@dataclass(frozen=True)
class Cell:
    """What one implementation's runs say of one clause. `curl` sends the request that shows a failure."""

    outcome: str
    reason: str = ""
    curl: str = ""

    @property
    def is_red(self) -> bool:
        """Whether the clause is broken."""
        return self.outcome in RED


@dataclass(frozen=True)
class Standing:
    """One implementation in the table: which version, when (an ISO 8601 date), the verdicts, and a cell a clause.

    `trouble` says why it could not be tested; then there are no cells.
    """

    name: str
    title: str
    home: str
    version: str
    date: str
    profile: str
    fixtures: str
    requests: int
    verdicts: Mapping[str, str]
    cells: Mapping[str, Cell]
    trouble: str = ""

    def count(self, outcome: str) -> int:
        """How many clauses have that outcome."""
        return sum(cell.outcome == outcome for cell in self.cells.values())

    @property
    def red(self) -> dict[str, Cell]:
        """The broken clauses."""
        return {slug: cell for slug, cell in self.cells.items() if cell.is_red}


def merged_cells(runs: Sequence[Mapping[str, Cell]]) -> dict[str, Cell]:
    """The cells of several runs as one: the gravest of each clause."""
    slugs = dict.fromkeys(slug for run in runs for slug in run)
    return {
        slug: min((run[slug] for run in runs if slug in run), key=lambda cell: GRAVEST_FIRST.index(cell.outcome))
        for slug in slugs
    }


def verdicts_of(told: Mapping[str, str], cells: Mapping[str, Cell], catalogue: Catalogue) -> dict[str, str]:
    """The verdicts that a whole run told, corrected by what only other runs saw: a broken MUST is a broken profile."""
    verdicts = {}
    for profile in PROFILES:
        broken = any(
            cells[clause.slug].outcome == "fail" for clause in catalogue.within(profile) if clause.slug in cells
        )
        verdicts[profile] = "does-not-conform" if broken else told.get(profile, "inconclusive")
    return verdicts


def to_json(standings: Iterable[Standing]) -> str:
    """The standings as the text of a file."""
    content = []
    for standing in standings:
        cells = {
            slug: {name: text for name, text in asdict(cell).items() if text} for slug, cell in standing.cells.items()
        }
        content.append({**asdict(standing), "cells": cells})
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def from_json(path: Path) -> list[Standing]:
    """The standings in a file. Raises StandingFileError."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return [_standing(entry) for entry in content]
    except OSError as error:
        raise StandingFileError(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StandingFileError(f"{path} holds no standings: {error}") from None


def _standing(entry: Mapping[str, Any]) -> Standing:
    cells = {slug: Cell(**cell) for slug, cell in entry["cells"].items()}
    return Standing(**{**entry, "cells": cells})


def updated(old: Iterable[Standing], new: Iterable[Standing]) -> list[Standing]:
    """The old standings with the new ones in their places, and those that are new at the end."""
    standings = {standing.name: standing for standing in old}
    standings.update({standing.name: standing for standing in new})
    return list(standings.values())
