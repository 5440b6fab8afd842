"""Editing a record: what the lies about records are made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from benchmarks.forging import Log, log_of, rewritten
from conformance.evidence.episode import Episode, Outcome, Step
from conformance.evidence.exchange import Exchange
from conformance.verdict.record import Record
from conformance.verdict.trial import FIRST, Note, Performed, Trial


def with_log(record: Record, log: Log) -> Record:
    """Return the record with another log. Raises LookupError where nothing differs."""
    if list(log) == log_of(record):
        raise LookupError("nothing differs")
    return rewritten(record, log)


def shows_failure(logged: Trial | Note) -> bool:
    """Return whether an episode of a trial shows a failure, or shows nothing for want of an answer."""
    if not isinstance(logged, Trial):
        return False
    return any(one.judgement.findings or one.judgement.outcome is not Outcome.PASS for one in logged.episodes)


def is_honest(logged: Trial | Note) -> bool:
    """Return whether a trial shows that its clause holds."""
    return isinstance(logged, Trial) and bool(logged.episodes) and not shows_failure(logged)


Change = Callable[[Trial], Iterable[Trial | Note]]


def instead(record: Record, change: Change) -> Record:
    """Return the record in which every trial that shows a failure is replaced by what `change` makes of it."""
    log: list[Trial | Note] = []
    for one in log_of(record):
        log += change(one) if isinstance(one, Trial) and shows_failure(one) else [one]
    return with_log(record, log)


def quiet(trial: Trial) -> Trial:
    """Return a trial with its first episode alone, as if nothing had given a reason to confirm it."""
    return replace(trial, episodes=tuple(trial.performed_as(FIRST)[:1]))


def with_steps(trial: Trial, change: Callable[[Episode, Step], Step | None]) -> Trial:
    """Return a trial with the steps of its episodes changed, or left out."""

    def changed(performed: Performed) -> Performed:
        episode = performed.episode
        steps = (change(episode, step) for step in episode.steps)
        kept = tuple(step for step in steps if step is not None)
        return Performed(performed.part, replace(episode, steps=kept))

    return replace(trial, episodes=tuple(map(changed, trial.episodes)))


def culprits_of(trial: Trial) -> frozenset[Exchange]:
    """Return the exchanges that show a failure in any episode of a trial; if none does, those without an answer."""
    shown = {finding.exchange for one in trial.episodes for finding in one.judgement.findings}
    steps = [step for one in trial.episodes for step in one.episode.steps]
    return frozenset(shown or {step.exchange for step in steps if not step.exchange.answered})


def at_culprits(record: Record, change: Callable[[Exchange], Exchange], *, silent: bool = True) -> Record:
    """Return the record with each exchange that shows a failure changed, in each place.

    When `silent`, what was performed because of the failure is dropped.
    """
    trials = [one for one in log_of(record) if isinstance(one, Trial)]
    guilty = frozenset[Exchange]().union(*(culprits_of(trial) for trial in trials))

    def changed(_: Episode, step: Step) -> Step:
        return replace(step, exchange=change(step.exchange)) if step.exchange in guilty else step

    log: list[Trial | Note] = []
    for one in log_of(record):
        if not isinstance(one, Trial) or not any(
            step.exchange in guilty for p in one.episodes for step in p.episode.steps
        ):
            log.append(one)
            continue
        log.append(with_steps(quiet(one) if silent and shows_failure(one) else one, changed))
    return with_log(record, log)


def at_steps(record: Record, change: Callable[[Step], Step | None]) -> Record:
    """Return the record with the steps changed that show a failure, and what was performed because of it dropped."""

    def changed(trial: Trial) -> Iterator[Trial]:
        guilty = culprits_of(trial)
        yield with_steps(quiet(trial), lambda _, step: change(step) if step.exchange in guilty else step)

    return instead(record, changed)


def with_facts(record: Record, **facts: Any) -> Record:
    """Return the record with facts added to each episode of a trial that shows a failure; None takes one away."""

    def altered(performed: Performed) -> Performed:
        every = {**performed.episode.facts, **facts}
        kept = {name: value for name, value in every.items() if value is not None}
        return Performed(performed.part, replace(performed.episode, facts=kept))

    return instead(record, lambda trial: [replace(trial, episodes=tuple(map(altered, quiet(trial).episodes)))])


def everywhere_with_facts(record: Record, **facts: Any) -> list[Trial | Note]:
    """Return the log with facts changed in every episode; None takes one away."""

    def altered(performed: Performed) -> Performed:
        every = {**performed.episode.facts, **facts}
        kept = {name: value for name, value in every.items() if value is not None}
        return Performed(performed.part, replace(performed.episode, facts=kept))

    return [
        replace(one, episodes=tuple(map(altered, one.episodes))) if isinstance(one, Trial) else one
        for one in log_of(record)
    ]


def a_refusal(record: Record) -> Exchange:
    """Return an exchange in which the product rejected something as it must. Raises LookupError."""
    for one in log_of(record):
        if is_honest(one) and isinstance(one, Trial):
            for step in one.decisive.steps:
                if step.role == "subject" and step.exchange.status == 400 and step.exchange.error:
                    return step.exchange
    raise LookupError("nothing was rejected")


Parts = list[dict[str, Any]]
"""The lines of a record as JSON objects."""


def parts_of(record: Record) -> Parts:
    """Return the lines of a record as JSON objects."""
    return [json.loads(line) for line in record.content.splitlines()]


def chained(parts: Iterable[dict[str, Any] | bytes]) -> bytes:
    """Return a record of these lines, each chained to the one before, and counted in the last.

    A line that is given as bytes stands as it is, but for `@previous@`, which is the digest of the line before.
    """
    lines: list[bytes] = []
    for part in parts:
        previous = hashlib.sha256(lines[-1]).hexdigest()[:16] if lines else ""
        if isinstance(part, bytes):
            lines.append(part.replace(b"@previous@", previous.encode()))
            continue
        members = {**part, "previous": previous}
        if isinstance(part.get("footer"), dict):
            members["footer"] = {**part["footer"], "lines": len(lines), "sha256": _digest_of(lines)}
        lines.append(in_bytes(members))
    return b"".join(line + b"\n" for line in lines)


def in_bytes(value: Any) -> bytes:
    """Return a value as the suite writes it into a record."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # half a surrogate pair, which only an escape can stand for
        return json.dumps(value, separators=(",", ":")).encode()


def _digest_of(lines: Sequence[bytes]) -> str:
    return hashlib.sha256(b"".join(line + b"\n" for line in lines)).hexdigest()
