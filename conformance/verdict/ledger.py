"""The ledger: the knowledge about every clause, from all trials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.evidence.episode import Finding
from conformance.verdict.entries import Entry

SERVER_ERRORS = "error.status-class"

UNSTEADY = "robustness.same-request-same-answer"

STILL_SERVING = "robustness.still-serving"


class Ledger:
    """Entries by clause."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}

    def entry(self, slug: str) -> Entry:
        """Return the entry of a clause, a new one if there is none."""
        return self.entries.setdefault(slug, Entry())

    def findings_of(self, slug: str) -> list[Finding]:
        """Return the findings of a clause."""
        return self.entries[slug].findings if slug in self.entries else []

    def copy(self) -> Ledger:
        """Return a ledger with the same entries, to look at while another thread adds some."""
        ledger = Ledger()
        ledger.entries = dict(self.entries)
        return ledger

    def merge(self, other: Ledger) -> None:
        """Add the knowledge of another ledger."""
        for slug, entry in other.entries.items():
            self.entry(slug).merge(entry)

    def has_finding(self, slug: str) -> bool:
        """Return whether the clause is known to be broken."""
        return bool(self.findings_of(slug))

    @property
    def has_inconclusive(self) -> bool:
        """Return whether an answer decided nothing about some clause."""
        return any(entry.inconclusive for entry in self.entries.values())

    @property
    def broken(self) -> frozenset[str]:
        """The slugs of the clauses that are known to be broken."""
        return frozenset(slug for slug, entry in self.entries.items() if entry.findings)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-like form, from which `from_json` makes the same ledger."""
        return {slug: entry.to_json() for slug, entry in self.entries.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Ledger:
        """Return the ledger that `to_json` wrote."""
        ledger = cls()
        ledger.entries = {slug: Entry.from_json(entry) for slug, entry in data.items()}
        return ledger
