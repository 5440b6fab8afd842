"""An expectations file proposed from what a run has found."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path

from conformance.evidence.counted import counted
from conformance.evidence.secret import Secret
from conformance.verdict.expectations import Expectations, proposal, weigh
from conformance.verdict.results import ClauseResult
from conformance.verdict.run import Run


def propose(run: Run, results: Mapping[str, ClauseResult], path: Path, date: datetime.date, key: Secret) -> str:
    """Write what was found as a proposed expectations file, and return a line about it.

    `results` are what was observed, regardless of what was expected.
    """
    if run.diagnosis or run.interrupted or run.errors or run.settings.dry_run:
        return f"no expectations are proposed in {path.name}: the run is not whole"
    profile, level = run.settings.profile, run.settings.level
    gate = run.gate or weigh(Expectations(path.name), results, run.catalogue, profile=profile, level=level)
    text, entries = proposal(gate, run.catalogue, profile=profile, level=level, date=date)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(key.blotted(text))
    except OSError as error:
        return f"no expectations are proposed: {path} cannot be written ({error.strerror})"
    return f"{path}: {counted(len(entries), 'entry', 'entries')} proposed; say in each `reason` why it is so"
