"""The commands that reproduce a finding: `replay` for any, and curl where one request shows it all by itself."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from conformance.evidence.episode import Finding, Step
from conformance.evidence.exchange import sent_header
from conformance.fixtures.forms import ANY_ID
from conformance.fixtures.ids import is_of_the_account
from conformance.paths import PROGRAM
from conformance.reports.words import curl
from conformance.verdict.record import RECORD_FILE
from conformance.verdict.run import Run

USUAL_RECORD = Path("reports", RECORD_FILE)
"""The record that `replay` reads unless it is given another."""
SCRIPT = "attach-conformance"
BESIDE_THE_RECORD = PROGRAM
"""How files name the program: their readers may have installed the suite elsewhere."""


@dataclass(frozen=True)
class Reached:
    """The way to a target: its URL, how the key is shown, and if it knows every id. `base_url` is empty if unknown."""

    base_url: str
    scheme: str = "bearer"
    knows_any_id: bool = False

    @classmethod
    def by(cls, run: Run) -> Reached:
        """Return the way in a run. The embedded reference has no URL: it ends with the run."""
        knows_any_id = run.customers == ANY_ID and run.payment_methods == ANY_ID
        return cls(run.settings.base_url or "", run.scheme, knows_any_id)


def curl_alone(finding: Finding, reached: Reached) -> str:
    """Return the curl command for a finding that one request shows; empty if it needs other requests or objects.

    Objects that the run made are gone when it is over, so that a command with their ids gets another answer.
    """
    steps = finding.episode.steps
    if not reached.base_url or len(steps) > 1:
        return ""
    if _has_key_of_its_own(steps[0]) or (_uses_objects(steps[0]) and not reached.knows_any_id):
        return ""
    return curl(finding.exchange, reached.base_url, scheme=reached.scheme)


def _has_key_of_its_own(step: Step) -> bool:
    """Return whether the request has an idempotency key, for which the target may know the answer already."""
    return sent_header(step.exchange, "Idempotency-Key") is not None


def _uses_objects(step: Step) -> bool:
    request = step.exchange.request
    sent = request.target + (request.body or b"").decode("latin-1")
    return any(is_of_the_account(identifier) and identifier in sent for identifier in step.bindings.values())


def replay(identifiers: Iterable[str], record: Path = USUAL_RECORD, program: str = BESIDE_THE_RECORD) -> str:
    """Return the command that sends findings again. The record knows the target and how to reach it."""
    options = [] if record == USUAL_RECORD else ["--record", shlex.quote(str(record))]
    return " ".join([program, "replay", *identifiers, *options])


def replay_in_folder(identifier: str) -> str:
    """Return the command that sends a finding again, for a file that stands beside the record."""
    return replay([identifier], Path(RECORD_FILE))


def program_here(directory: Path | None = None) -> str:
    """Return how a shell in this directory calls the program that runs now."""
    beside = Path(sys.executable).with_name(SCRIPT)
    if not beside.exists():
        return f"{shlex.quote(sys.executable)} -m conformance"
    if shutil.which(SCRIPT) == str(beside):
        return SCRIPT
    return shlex.quote(str(path_from_here(beside, directory)))


def path_from_here(path: Path, directory: Path | None = None) -> Path:
    """Return a path as it is written in this directory: without the directory if it lies below."""
    here = directory or Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
