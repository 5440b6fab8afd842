"""The standing of one implementation: the outcome of each clause, from the results of its runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from conformance.verdict.misuse import Misuse
from contracts import Catalogue
from contracts.catalogue import PROFILES

GRAVEST_FIRST = ("fail", "deviation", "error", "pass", "inconclusive", "not-applicable", "not-run")
"""The order in which one of several outcomes of a clause is chosen: first a failure, then any judgement."""
RED = ("fail", "deviation")


class StandingFileError(Misuse):
    """A file of stored standings is missing or cannot be one; the message says so in one line."""


@dataclass(frozen=True)
class Cell:
    """The outcome of one clause for one implementation. `curl` sends the request that shows a failure.

    `cause` is the broken clause that keeps this one from being judged; it is not stored, as the reason names it.
    """

    outcome: str
    reason: str = ""
    curl: str = ""
    cause: str = ""

    @property
    def is_red(self) -> bool:
        """True if the clause is broken."""
        return self.outcome in RED


@dataclass(frozen=True)
class Standing:
    """One implementation in the table: its version, an ISO 8601 date, the verdicts, and a cell for each clause.

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
        """Return the number of clauses with that outcome."""
        return sum(cell.outcome == outcome for cell in self.cells.values())

    @property
    def red(self) -> dict[str, Cell]:
        """The broken clauses."""
        return {slug: cell for slug, cell in self.cells.items() if cell.is_red}


def merged_cells(runs: Sequence[Mapping[str, Cell]]) -> dict[str, Cell]:
    """Return the cells of several runs as one: the gravest of each clause."""
    slugs = dict.fromkeys(slug for run in runs for slug in run)
    return {
        slug: min((run[slug] for run in runs if slug in run), key=lambda cell: GRAVEST_FIRST.index(cell.outcome))
        for slug in slugs
    }


def verdicts_of(verdicts: Mapping[str, str], cells: Mapping[str, Cell], catalogue: Catalogue) -> dict[str, str]:
    """Return the verdicts of a whole run, corrected by the failures of other runs: a broken MUST breaks a profile."""
    failed = {slug for slug, cell in cells.items() if cell.outcome == "fail"}
    broken = {
        profile: "does-not-conform"
        for profile in PROFILES
        if any(clause.slug in failed for clause in catalogue.within(profile))
    }
    return {profile: verdicts.get(profile, "inconclusive") for profile in PROFILES} | broken


def to_json(standings: Iterable[Standing]) -> str:
    """Return the standings as the text of a file."""
    content = [asdict(standing) for standing in standings]
    for standing in content:
        for cell in standing["cells"].values():
            for name in [name for name, text in cell.items() if not text]:
                del cell[name]
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def from_json(path: Path) -> list[Standing]:
    """Return the standings in a file. Raises StandingFileError."""
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
    """Return the old standings with the new ones in their places, and the additional ones at the end."""
    return list({standing.name: standing for standing in (*old, *new)}.values())
