"""The test that is running, as the conductor knows it: what it has found, and how far it may go on."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from conformance.evidence.episode import Finding
from conformance.verdict.ledger import Ledger
from conformance.verdict.trial import Note, Trial


class ClauseBroken(AssertionError):
    """The clause under test is broken."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(f"{finding.clause}: {finding.observed}")
        self.finding = finding


class Killed(Exception):
    """The running test cannot go on: the target was ended, or is gone. The message is the reason that is noted."""


@dataclass(frozen=True)
class Pursuit:
    """What exploring changes: nothing new is performed once it `is_over`, and only what breaks something is kept.

    With `beside` a test fails, and so is made smaller, for whatever clause it breaks first, not for its own alone.
    """

    is_over: Callable[[], bool]
    beside: bool = False


@dataclass
class Case:
    """The test that is running: the clause that it is for, what it has found, and the verdicts that it remembers.

    `log` holds what it performed and noted, in order; `raised` is the finding that it failed for last.
    `sent_at_failure` is how many requests had been sent when an episode first broke the clause, None before.
    `is_left` tells that the target was ended or gone, so that nothing more is performed.
    """

    clause: str
    test: str = ""
    log: list[Trial | Note] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    remembered: dict[Hashable, Finding | None] = field(default_factory=dict)
    performed_after_failure: int = 0
    has_failed: bool = False
    explores: bool = False
    raised: Finding | None = None
    is_left: bool = False
    sent_at_failure: int | None = None

    def note(self, kind: str, reason: str, clause: str | None = None, traceback: str = "") -> None:
        """Note what is known without an episode, of `clause` or else of the test's own."""
        note = Note(self.clause if clause is None else clause, kind, reason, self.test, traceback)
        self.log.append(note)
        self.ledger.merge(note.ledger())
