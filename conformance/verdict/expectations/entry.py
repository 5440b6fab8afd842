"""Expectations as values: an entry of the file, all entries, and the names by which findings are matched."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import Any

from conformance.evidence.episode import Outcome
from conformance.verdict.naming import Name

OUTCOMES = (Outcome.FAIL, Outcome.DEVIATION, Outcome.NOT_RUN)
"""The outcomes that an entry may expect. A time-out, or an error of the suite, is no property of a server."""

ANYTHING = "*"


@dataclass(frozen=True)
class Expectation:
    """An entry: a clause that is known to fail, and the reason.

    `finding` is the name of the one finding that is expected, in which `*` matches anything; empty for any finding.
    `line` is the line of its file on which the entry begins, counted from 1. A `flaky` entry may fail or pass.
    """

    clause: str
    outcome: Outcome
    reason: str
    line: int = 0
    finding: str = ""
    link: str = ""
    expires: datetime.date | None = None
    flaky: bool = False

    def fits(self, name: Name) -> bool:
        """Return whether the finding of that name is the one that is expected, or one of those."""
        if not self.finding:
            return True
        pattern = re.compile(".*".join(map(re.escape, self.finding.split(ANYTHING))), re.DOTALL)
        return any(map(pattern.fullmatch, (name.mistake, name.request)))

    def in_short(self) -> str:
        """Return the reason, with the link and the date on which it expires."""
        details = {
            self.link: bool(self.link),
            f"until {self.expires}": self.expires is not None,
            "known to be flaky": self.flaky,
        }
        shown = ", ".join(text for text, is_shown in details.items() if is_shown)
        return f"{self.reason} ({shown})" if shown else self.reason

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-like form, from which `from_json` makes the same value."""
        expires = self.expires.isoformat() if self.expires else None
        return {**asdict(self), "outcome": str(self.outcome), "expires": expires}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Expectation:
        """Return the expectation that `to_json` wrote. Raises KeyError or TypeError when a member is missing."""
        expires = datetime.date.fromisoformat(data["expires"]) if data["expires"] else None
        return cls(**{**data, "outcome": Outcome(data["outcome"]), "expires": expires})


@dataclass(frozen=True)
class Expectations:
    """All entries of one file. `file` is its name as the user gave it, `digest` the SHA-256 of its content."""

    file: str
    entries: tuple[Expectation, ...] = ()
    digest: str = field(default="")

    def of(self, slug: str) -> tuple[Expectation, ...]:
        """Return the entries for one clause."""
        return tuple(entry for entry in self.entries if entry.clause == slug)

    def expecting(self, slug: str, outcome: Outcome) -> tuple[Expectation, ...]:
        """Return the entries that expect this outcome of a clause."""
        return tuple(entry for entry in self.of(slug) if entry.outcome is outcome)

    def place(self, entry: Expectation) -> str:
        """Return the place of an entry, as `file:line`."""
        return f"{self.file}:{entry.line}"

    def covering(self, slug: str, outcome: Outcome, names: tuple[Name, ...]) -> tuple[Expectation, ...]:
        """Return the entries that expect of a clause this outcome with just these findings; none if one is new."""
        matched = [[entry for entry in self.expecting(slug, outcome) if entry.fits(name)] for name in names]
        return tuple(dict.fromkeys(chain.from_iterable(matched))) if all(matched) else ()

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-like form, from which `from_json` makes the same value."""
        return {"file": self.file, "digest": self.digest, "entries": [entry.to_json() for entry in self.entries]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Expectations:
        """Return the expectations that `to_json` wrote. Raises KeyError when a member is missing."""
        return cls(data["file"], tuple(map(Expectation.from_json, data["entries"])), data["digest"])
