"""What a run must be to certify anything: whole, with the standard budget, and with a word on every clause."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.commands.certificate.objections import Objection
from conformance.commands.certificate.statements import Evidence, required
from conformance.evidence.episode import Outcome
from conformance.plugin.versions import versions
from conformance.scenes.budgets import BUDGETS
from conformance.verdict.record import Record
from conformance.verdict.run import Run
from contracts import load_catalogue, published_contract
from contracts.catalogue import PROFILES

LEVELS = ("must", "should")
STANDARD = "standard"


def against_kind(record: Record) -> Iterator[Objection]:
    """What keeps this suite from checking the record at all: another version, other clauses, or an exploration."""
    yield from against_versions(record)
    if "explore" in record.header["options"]:
        minutes = record.header["options"]["explore"]
        yield Objection("exploration", f"it is of an exploration of {minutes:g} minutes, and no such run certifies")


def against_versions(record: Record) -> Iterator[Objection]:
    """Whether it is of another version of the suite, another contract, or other clauses."""
    mine, theirs = versions(), record.header["suite"]["version"]
    if theirs != mine["attach-conformance"]:
        yield Objection(
            "suite", f"it was made by version {theirs} of the suite, and this is {mine['attach-conformance']}"
        )
    contract, catalogue = published_contract().digest, load_catalogue().digest
    if record.header["contract"] != contract:
        yield Objection("contract", f"its contract has the digest {record.header['contract']}, and this one {contract}")
    if record.header["catalogue"] != catalogue:
        yield Objection("catalogue", f"its clauses have the digest {record.header['catalogue']}, and these {catalogue}")


def remarks(record: Record) -> Iterator[str]:
    """What is no reason to refuse a record, and may explain why its plan cannot be drawn again."""
    if record.header["suite"]["edited"]:
        yield f"note:     the suite's files were not those of its commit {record.header['suite']['commit']}"
    mine, theirs = versions(), record.header["versions"]
    others = [
        f"{name} {theirs[name]} (here {mine[name]})" for name in mine if theirs.get(name, mine[name]) != mine[name]
    ]
    if others:
        yield f"note:     it was made with {', '.join(others)}"


def against_policy(
    record: Record, evidence: Evidence, *, profile: str | None = None, level: str = LEVELS[0]
) -> Iterator[Objection]:
    """Why a run, however it ended, certifies nothing, or less than `profile` and `level` ask for."""
    run = evidence.run
    if profile is not None and PROFILES.index(run.settings.profile) < PROFILES.index(profile):
        yield Objection("profile", f"it is for the profile {run.settings.profile}, and {profile} is asked for")
    if LEVELS.index(run.settings.level) < LEVELS.index(level):
        yield Objection("level", f"it was judged at the level {run.settings.level}, and {level} is asked for")
    if BUDGETS[run.settings.budget].drawn < BUDGETS[STANDARD].drawn:
        yield Objection("budget", f"the budget was {run.settings.budget}, and {STANDARD} is the least")
    yield from _selection(record, run)
    if evidence.expectations:
        yield Objection("expectations", "failures were expected")
    if run.diagnosis or run.interrupted:
        yield Objection("inconclusive", f"the run was not finished: {run.diagnosis or 'it was interrupted'}")
    for error in run.errors:
        yield Objection("inconclusive", f"the suite itself failed: {error.where}: {error.what}")
    for result in required(run):
        if result.outcome in (Outcome.INCONCLUSIVE, Outcome.ERROR):
            yield Objection("inconclusive", f"{result.clause.slug} is {result.outcome}: {result.reason}")


def _selection(record: Record, run: Run) -> Iterator[Objection]:
    selection = record.header["selection"]
    if not selection["whole"]:
        yield Objection("selection", f"only a part was run: {selection['arguments']}")
    silent = [result.clause.slug for result in required(run) if result.reason == "not selected"]
    if silent:
        yield Objection("selection", f"nothing was sent for {', '.join(silent[:3])}{' and others' * (len(silent) > 3)}")
    if record.header["workers"] != 1:
        yield Objection(
            "workers",
            f"{record.header['workers']} workers ran it, each with a plan of its own: run it again without `-n`",
        )
