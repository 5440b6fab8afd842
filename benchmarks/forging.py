"""Forging bundles, as someone could who holds the key: a record is edited, and everything else is made consistent."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from securesystemslib.signer import CryptoSigner

from conformance.commands.certificate.bundle import make_bundle
from conformance.commands.certificate.files import Files
from conformance.commands.certificate.making import sign_claim
from conformance.commands.certificate.statements import (
    CLAUSE_RESULTS,
    TEST_RESULT,
    Claim,
    Evidence,
    Product,
    Validity,
    clause_results,
    target_of,
    test_result,
)
from conformance.evidence.episode import Episode, Step
from conformance.evidence.exchange import Exchange
from conformance.verdict.concluding import run_of
from conformance.verdict.folding import LogEntry
from conformance.verdict.numbering import number_episodes
from conformance.verdict.record import Record
from conformance.verdict.recording import footer_of, record_lines
from conformance.verdict.trial import Note, Performed, Trial

PRODUCT = Product("mock", "1.2.3")
SIGNER = CryptoSigner.generate_ecdsa()
Log = Sequence[Trial | Note]
"""What was performed and noted, in order, by the one worker there was."""
Predicates = dict[str, dict[str, Any]]


def valid_for(record: Record, days: int = 30) -> Validity:
    """Return a validity that begins right after the run."""
    begins = datetime.datetime.fromisoformat(record.footer["ended"]) + datetime.timedelta(seconds=1)
    return Validity(begins, begins + datetime.timedelta(days=days))


def honest(record: Record, signer: CryptoSigner = SIGNER) -> Files:
    """Return the bundle that `certify` makes."""
    return sign_claim(claim_of(record), signer)


MOST_CLAIMS = 16
"""How many claims are kept: those of the records that forgeries are made of, and some of what is made of them."""


def claim_of(record: Record) -> Claim:
    """Return the honest claim from a record, whose episodes are judged once for all the forgeries made of it."""
    return _claim_of(_Content(record.content, record))


@dataclass(frozen=True)
class _Content:
    """A record that is known by its content."""

    content: bytes
    record: Record = field(compare=False)


@lru_cache(MOST_CLAIMS)
def _claim_of(content: _Content) -> Claim:
    return Claim(PRODUCT, valid_for(content.record), Evidence.of(content.record))


def rewritten(
    record: Record,
    log: Log | None = None,
    header: Mapping[str, Any] | None = None,
    footer: Mapping[str, Any] | None = None,
    *,
    concluded: bool = True,
) -> Record:
    """Return a record with something replaced; with `concluded` its footer says what it now leads to."""
    entries = record.entries if log is None else [LogEntry(0, logged, turn) for turn, logged in enumerate(log)]
    numbered = list(number_episodes(entries))
    draft = replace(record, entries=numbered, header=header or record.header, footer=footer or record.footer)
    if concluded:
        draft = replace(draft, footer={**draft.footer, **_conclusions_of(draft)})
    return replace(draft, content=b"".join(record_lines(draft.header, draft.entries, draft.footer)))


def _conclusions_of(record: Record) -> Mapping[str, Any]:
    """Return the members of a footer to which a record leads; none where no judge can make anything of it."""
    try:
        concluded = footer_of(run_of(record), {})
    except (LookupError, TypeError, ValueError, AttributeError):
        return {}
    return concluded


def log_of(record: Record) -> list[Trial | Note]:
    """Return the entries of a record between header and footer."""
    return [entry.logged for entry in record.entries]


def statements_of(record: Record) -> Predicates:
    """Return the predicates that an honest signer states of a record, by their types."""
    claim = claim_of(record)
    return {
        TEST_RESULT: test_result(claim.evidence),
        CLAUSE_RESULTS: json.loads(json.dumps(clause_results(claim))),
    }


def restated(record: Record, change: Callable[[Predicates], object]) -> Files:
    """Return a bundle that is honest but for what is stated: `change` edits the predicates."""
    predicates = statements_of(record)
    change(predicates)
    return make_bundle(record.content, target_of(claim_of(record)), predicates, SIGNER)


# editing a log


@dataclass(frozen=True)
class Place:
    """The place of a step in a log: the trial, the episode in it, and the step in that."""

    trial: int
    episode: int
    step: int


def find(log: Log, wanted: Callable[[Trial, Step], bool]) -> Place:
    """Return the first step that is wanted. Raises LookupError when there is none."""
    for number, trial in enumerate(log):
        for place, performed in enumerate(trial.episodes if isinstance(trial, Trial) else ()):
            for index, step in enumerate(performed.episode.steps):
                if isinstance(trial, Trial) and wanted(trial, step):
                    return Place(number, place, index)
    raise LookupError("there is no such step")


def find_clause(log: Log, clause: str) -> int:
    """Return the number of the first trial for a clause. Raises LookupError when there is none."""
    return find(log, lambda trial, _: trial.clause == clause).trial


def edited(log: Log, place: Place, change: Callable[[Step], Step]) -> list[Trial | Note]:
    """Return the log with one step changed."""
    trial = log[place.trial]
    assert isinstance(trial, Trial)
    performed = trial.episodes[place.episode]
    steps = list(performed.episode.steps)
    steps[place.step] = change(steps[place.step])
    return with_episode(log, place, replace(performed.episode, steps=tuple(steps)))


def with_episode(log: Log, place: Place, episode: Episode) -> list[Trial | Note]:
    """Return the log with one episode replaced."""
    trial = log[place.trial]
    assert isinstance(trial, Trial)
    episodes = list(trial.episodes)
    episodes[place.episode] = Performed(episodes[place.episode].part, episode)
    return [*log[: place.trial], replace(trial, episodes=tuple(episodes)), *log[place.trial + 1 :]]


def everywhere(log: Log, change: Callable[[Exchange], Exchange]) -> list[Trial | Note]:
    """Return the log with every exchange changed, the same in each episode that rests on it."""

    def of_episode(performed: Performed) -> Performed:
        steps = tuple(replace(step, exchange=change(step.exchange)) for step in performed.episode.steps)
        return replace(performed, episode=replace(performed.episode, steps=steps))

    return [
        replace(one, episodes=tuple(map(of_episode, one.episodes))) if isinstance(one, Trial) else one for one in log
    ]


def answered(exchange: Exchange, status: int, body: Any, **headers: str) -> Exchange:
    """Return the exchange with another answer, its length and headers included."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    altered = {name.replace("_", "-").lower(): value for name, value in headers.items()} | {
        "content-length": str(len(content))
    }
    kept = [(name, altered.pop(name.lower(), value)) for name, value in exchange.headers or ()]
    return replace(exchange, status=status, body=content, headers=(*kept, *altered.items()))
