"""Looking up the findings that a user names, in the record of the last run or of the one before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from conformance.commands.replay.playing import History
from conformance.evidence.episode import Finding, Outcome
from conformance.evidence.foreign import did_you_mean
from conformance.reports.words import culprit_of
from conformance.verdict.concluding import judged_again
from conformance.verdict.misuse import Misuse
from conformance.verdict.previous import PREVIOUS_FILE
from conformance.verdict.record import RECORD_FILE, BrokenRecord, Record
from conformance.verdict.run import Run
from conformance.verdict.trial import Trial

MOST_NAMED = 20
"""How many findings a message names at most."""
NEAR = 0.7
"""How alike a name must be to be suggested, as difflib measures it: a letter or two differ."""


class CannotReplay(Misuse):
    """The record has no such finding, or cannot be read; the message says what to do."""


@dataclass(frozen=True)
class Recorded:
    """A recorded run that was read, with its `trials` and the history that they make.

    `selection` says how it was narrowed, empty for a whole run. It `is_earlier` if the record of a later run stands
    beside it.
    """

    path: Path
    run: Run
    history: History
    trials: Sequence[Trial] = ()
    selection: str = ""
    is_earlier: bool = False

    @property
    def findings(self) -> Mapping[str, Finding]:
        """The findings of the run by their ids."""
        return {finding.id: finding for result in self.run.results.values() for finding in result.findings}

    def passed_beside(self, finding: Finding) -> Sequence[str]:
        """Return the requests, in words, with which nothing was wrong for the clause of a finding, each once."""
        failed = {culprit_of(one).attempt for one in self.findings.values()}
        good = (trial.decisive for trial in self.trials if trial.clause == finding.clause and _has_passed(trial))
        attempts = (step.attempt for episode in good for step in episode.steps if step.role == "subject")
        return [words for words in dict.fromkeys(attempts) if words not in failed]

    def __str__(self) -> str:
        when = self.run.started[:16].replace("T", " ")
        narrowed = f", only of {self.selection}" if self.selection else ""
        return f"{self.path} (the run of {when} UTC{narrowed})"


def _has_passed(trial: Trial) -> bool:
    return bool(trial.episodes) and trial.judgement.outcome is Outcome.PASS


def read_run(path: Path) -> Recorded:
    """Return the run that is recorded at `path`. Raises CannotReplay."""
    try:
        record = Record.at(path, hint="say which record with --record")
    except BrokenRecord as error:
        raise CannotReplay(str(error)) from None
    try:
        run, history = judged_again(record), History.of(record.trials)
    except BrokenRecord as error:
        raise CannotReplay(f"{path}: {error}") from None
    return Recorded(path, run, history, record.trials, record.header["selection"]["arguments"])


def read_run_before(path: Path) -> Recorded | None:
    """Return the run that was recorded before the one at `path`, which the later run kept; None without a good one."""
    earlier = path.with_name(PREVIOUS_FILE)
    if path.name != RECORD_FILE or not earlier.exists():
        return None
    try:
        return replace(read_run(earlier), is_earlier=True)
    except CannotReplay:
        return None


def look_up(names: Sequence[str], path: Path) -> tuple[Recorded, list[Finding]]:
    """Return the findings of these ids or clauses, and the run that has them all: that at `path`, or the one before it.

    Raises CannotReplay.
    """
    last = read_run(path)
    try:
        return last, choose(names, last)
    except CannotReplay:
        before = read_run_before(path)
        if before is None or not all(_found(name, before) for name in names):
            raise
    return before, choose(names, before)


def choose(names: Sequence[str], recorded: Recorded) -> list[Finding]:
    """Return the findings of these ids; a clause stands for all of its findings. Raises CannotReplay."""
    chosen: dict[str, Finding] = {}
    for name in names:
        found = _found(name, recorded)
        if not found:
            raise CannotReplay(f"{_why_none(name, recorded)} (another record: --record FILE)")
        chosen |= {finding.id: finding for finding in found}
    return list(chosen.values())


def meant(name: str, known: Iterable[str]) -> str:
    """Return the question which of two names of findings or clauses was meant; empty if none is near."""
    return did_you_mean(name, known, "", most=2, alike=NEAR)


def _found(name: str, recorded: Recorded) -> list[Finding]:
    return [finding for key, finding in recorded.findings.items() if name in (key, finding.clause)]


def _why_none(name: str, recorded: Recorded) -> str:
    """Return why a record has no finding of that name."""
    findings, catalogue = recorded.findings, recorded.run.catalogue
    if name in catalogue:
        result = recorded.run.results.get(name)
        outcome = result.outcome if result is not None and not result.is_left_out else "not judged"
        return f"{recorded} has no finding of {name}, which is {outcome} there"
    suggestion = meant(name, [*findings, *catalogue.by_slug])
    if suggestion:
        return f"{recorded} has no finding {name!r}: {suggestion}"
    known = ", ".join([*sorted(findings)[:MOST_NAMED], *["…"] * (len(findings) > MOST_NAMED)])
    return f"{recorded} has no finding {name!r}; it has {known or 'none'}"
