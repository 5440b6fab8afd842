"""The running test: what it has found, and how far it may go on."""

from __future__ import annotations

from dataclasses import dataclass, field

from conformance.evidence.episode import Finding
from conformance.verdict.entries import Kind
from conformance.verdict.ledger import Ledger
from conformance.verdict.trial import Note, Trial

STILL_SERVING = "robustness.still-serving"
"""The clause that reports a request which ends the target, or that is never answered."""


class ClauseBroken(AssertionError):
    """The clause under test is broken."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(f"{finding.clause}: {finding.observed}")
        self.finding = finding


class Killed(Exception):
    """The running test cannot go on: the target was ended, or is gone.

    `reason` says why, or `cause` is the clause that reports it.
    """

    def __init__(self, reason: str, cause: str = "") -> None:
        super().__init__(reason or cause)
        self.reason = reason
        self.cause = cause


class Inapplicable(Exception):
    """The running test does not apply to the target; the message says why."""


class Blocked(Exception):
    """The running test would only repeat what is known: `cause`, a clause, is broken. Nothing is noted without it."""

    def __init__(self, cause: str = "") -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass
class Case:
    """The running test: its clause, what it has found, and the verdicts that it remembers.

    `remembered` has the hash of each story: an exploration tells hundreds of thousands.
    `log` holds what it performed and noted, in order; `stories` counts what it performed. `sent_at_failure` is how many
    requests had been sent when an episode first broke the clause, None before. `is_left` says that the target is gone,
    so that nothing more is performed.
    """

    clause: str
    test: str = ""
    log: list[Trial | Note] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    remembered: dict[int, Finding | None] = field(default_factory=dict)
    performed_after_failure: int = 0
    has_failed: bool = False
    stories: int = 0
    explores: bool = False
    is_left: bool = False
    sent_at_failure: int | None = None

    def note(self, kind: Kind, reason: str, clause: str | None = None, traceback: str = "") -> None:
        """Note what is known without an episode, of `clause` or else of the test's own."""
        note = Note(self.clause if clause is None else clause, kind, reason, self.test, traceback)
        self.log.append(note)
        self.ledger.merge(note.ledger())
