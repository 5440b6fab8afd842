"""The commands that reproduce a finding: `replay` for any, and curl where one request shows it all by itself."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from conformance.evidence.episode import Finding, Step
from conformance.evidence.exchange import sent_header
from conformance.fixtures.forms import ANY_ID
from conformance.fixtures.ids import is_of_the_account, kind_of
from conformance.paths import PROGRAM, program_here
from conformance.reports.shell import OF_THE_SCRIPT, Variables
from conformance.reports.words import culprit_of, curl
from conformance.transport.client import Address
from conformance.verdict.record import RECORD_FILE
from conformance.verdict.run import Run
from strategies.refusals import near_misses

USUAL_RECORD = Path("reports", RECORD_FILE)
"""The record that `replay` reads unless it is given another."""


@dataclass(frozen=True)
class Reached:
    """The way to a target: its URL, how the key is shown, and if it knows every id. `base_url` is empty if unknown."""

    base_url: str
    scheme: str = "bearer"
    knows_any_id: bool = False

    @property
    def is_on_this_machine(self) -> bool:
        """True for a target that may need no key of an account."""
        return bool(self.base_url) and Address(self.base_url).is_loopback

    @classmethod
    def by(cls, run: Run) -> Reached:
        """Return the way in a run. The embedded reference has no URL: it ends with the run."""
        knows_any_id = run.customers == ANY_ID and run.payment_methods == ANY_ID
        return cls(run.settings.base_url or "", run.scheme, knows_any_id)


@dataclass(frozen=True)
class Curl:
    """A curl command, with variables of the shell, of these `names`, in place of the objects that it needs."""

    command: str
    names: tuple[str, ...] = ()


def curl_of(finding: Finding, reached: Reached) -> Curl | None:
    """Return the curl command of the one request that shows a finding; None if it needs other requests.

    A server error is wrong by itself, and so is what breaks a clause about every answer, although others stand before.
    Objects that the run made are gone when it is over, so that a command with their ids gets another answer: it has
    variables in their place, and there is none where the request holds a change of an id that only a script can make.
    """
    step = culprit_of(finding)
    is_wrong_alone = finding.clause != finding.episode.clause or (step.exchange.status or 500) >= 500
    needs_others = len(finding.episode.steps) > 1 and not is_wrong_alone
    if not reached.base_url or needs_others or _has_key_of_its_own(step):
        return None
    command = curl(finding.exchange, reached.base_url, scheme=reached.scheme)
    needs_objects = _uses_objects(step) and not reached.knows_any_id
    return _with_variables(command, step.bindings) if needs_objects else Curl(command)


def curl_alone(finding: Finding, reached: Reached) -> str:
    """Return the curl command of a finding that one request shows all by itself; empty for any other."""
    found = curl_of(finding, reached) if len(finding.episode.steps) == 1 else None
    return "" if found is None or found.names else found.command


def _with_variables(command: str, bindings: Mapping[str, str]) -> Curl | None:
    variables, changed = Variables(), near_misses(bindings)
    for name, identifier in bindings.items():
        if is_of_the_account(identifier) and name not in changed:
            variables.add(identifier, kind_of(name))
    completed = variables.in_shell(command)
    used = tuple(name for name in variables.names if f"${{{name}}}" in completed)
    is_complete = not any(identifier in completed for identifier in bindings.values())
    return Curl(completed, used) if used and is_complete and OF_THE_SCRIPT not in completed else None


def _has_key_of_its_own(step: Step) -> bool:
    """Return whether the request has an idempotency key, for which the target may know the answer already."""
    return sent_header(step.exchange, "Idempotency-Key") is not None


def _uses_objects(step: Step) -> bool:
    request = step.exchange.request
    sent = request.target + (request.body or b"").decode("latin-1")
    return any(is_of_the_account(identifier) and identifier in sent for identifier in step.bindings.values())


def replay(identifiers: Iterable[str], record: Path = USUAL_RECORD, program: str = PROGRAM) -> str:
    """Return the command that sends findings again. The record knows the target and how to reach it."""
    return " ".join([program, "replay", *identifiers]) + _record_option(record)


def explain_finding(identifier: str, record: Path = USUAL_RECORD) -> str:
    """Return the command that shows a finding in full, as a shell here takes it."""
    return f"{program_here()} explain {identifier}{_record_option(record)}"


def _record_option(record: Path) -> str:
    return "" if record == USUAL_RECORD else f" --record {shlex.quote(str(record))}"


def replay_in_folder(identifier: str) -> str:
    """Return the command that sends a finding again, for a file that stands beside the record.

    It has the program's bare name: the readers of a file may have installed the suite elsewhere.
    """
    return replay([identifier], Path(RECORD_FILE))
