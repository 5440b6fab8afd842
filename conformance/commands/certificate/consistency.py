"""Whether the evidence agrees with itself: an answer that was edited, or an episode from elsewhere, seldom fits in."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

from conformance.commands.certificate.objections import Objection
from conformance.evidence.episode import Episode, Step
from conformance.evidence.exchange import Exchange, is_creation
from conformance.fixtures.forms import PAYMENT_METHOD_FORMS
from conformance.fixtures.provisioning import RUN_TAG, Provision
from conformance.transport.ways import sent_fields
from conformance.verdict.record import Record
from conformance.verdict.trial import Trial

CLOCK_TOLERANCE = 2.0
"""By how many seconds two times of one clock may be apart the wrong way."""
DATE_TOLERANCE = 10.0
"""By how many seconds an answer's Date may be off what the others make likely, and the time that it took."""
DATES_THAT_AGREE = 0.9
"""Which part of all Dates must agree before the others are held to be odd: some servers make the header up."""
LONGEST_OFFSET = 86_400.0
"""By how many seconds the target's clock may be wrong."""
NO_BODY = frozenset({204, 205, 304})
REQUEST_ID = "header.request-id"
SEQUENCE = "as_modelled"


@dataclass(frozen=True)
class Circumstances:
    """What the record says of the whole run: from when to when (seconds since 1970), at what, and with what result.

    `passed` are the clauses that pass; `is_positive` tells that nothing that decides failed. `requests` is how many
    were sent in all.
    """

    started: float
    ended: float
    provision: Provision
    passed: frozenset[str]
    is_positive: bool
    requests: int

    @classmethod
    def of(cls, record: Record, passed: frozenset[str], *, is_positive: bool) -> Circumstances:
        """The circumstances that a record tells."""
        return cls(
            started=datetime.fromisoformat(record.header["started"]).timestamp(),
            ended=datetime.fromisoformat(record.footer["ended"]).timestamp(),
            provision=Provision.from_json(record.header["target"]["provision"]),
            passed=passed,
            is_positive=is_positive,
            requests=record.footer["requests"],
        )


def contradictions(trials: Sequence[Trial], run: Circumstances) -> Iterator[Objection]:
    """Everything in which the trials contradict each other, their answers' own words, or the run that they are of."""
    episodes = [performed.episode for trial in trials for performed in trial.episodes]
    exchanges = list(dict.fromkeys(step.exchange for episode in episodes for step in episode.steps))
    yield from _told_twice(exchanges)
    yield from _lengths(exchanges)
    yield from _times(trials, exchanges, run)
    yield from _dates(exchanges)
    yield from _runs(episodes)
    yield from _targets(episodes, run.provision)
    if run.requests < len(exchanges):
        yield Objection("episodes", f"{len(exchanges)} requests are recorded, and {run.requests} were sent")
    if REQUEST_ID in run.passed:
        yield from _request_ids(exchanges)
    if run.is_positive and not run.provision.stateless:
        yield from _objects(episodes, exchanges)


def called(exchange: Exchange) -> str:
    """An exchange in a few words."""
    return f"{exchange.request.method} {exchange.request.target[:80]} ({exchange.status or exchange.failure})"


# one exchange


def _told_twice(exchanges: Sequence[Exchange]) -> Iterator[Objection]:
    """An exchange that several episodes rest on is the same in each."""
    seen: dict[tuple[object, ...], Exchange] = {}
    for exchange in exchanges:
        moment = exchange.received, exchange.request.method, exchange.request.target, exchange.request.body
        if seen.setdefault(moment, exchange) is not exchange:
            yield Objection("episodes", f"{called(exchange)} stands in two episodes with different answers")


def _lengths(exchanges: Sequence[Exchange]) -> Iterator[Objection]:
    for exchange in exchanges:
        announced = exchange.header("Content-Length")
        is_plain = not (exchange.header("Content-Encoding") or exchange.header("Transfer-Encoding"))
        is_whole = exchange.body is not None and not exchange.framing and not exchange.leaked_key
        has_body = exchange.request.method != "HEAD" and exchange.status not in NO_BODY
        if announced is None or not (is_plain and is_whole and has_body):
            continue
        if announced.strip() != str(len(exchange.body or b"")):
            said = f"Content-Length says {announced}, and the body has {len(exchange.body or b'')} bytes"
            yield Objection("lengths", f"{called(exchange)}: {said}")


# times


def _times(trials: Sequence[Trial], exchanges: Sequence[Exchange], run: Circumstances) -> Iterator[Objection]:
    if run.ended < run.started:
        yield Objection("times", "the run ends before it starts")
    for exchange in exchanges:
        begun = exchange.received - exchange.seconds
        if exchange.seconds < 0:
            yield Objection("times", f"{called(exchange)} was answered before it was sent")
        elif begun < run.started - CLOCK_TOLERANCE or exchange.received > run.ended + CLOCK_TOLERANCE:
            yield Objection("times", f"{called(exchange)} was not exchanged during the run")
    latest, seen = 0.0, set[Exchange]()
    for trial in trials:
        for performed in trial.episodes:
            yield from _follow_ups(performed.episode)
            own = {step.exchange for step in performed.episode.steps}
            newest = max((exchange.received for exchange in own), default=latest)
            if own and not own & seen and newest < latest - CLOCK_TOLERANCE:
                yield Objection(
                    "episodes", f"{performed.episode.id} is out of order: it was recorded before what stands before it"
                )
            latest = max(latest, newest)
            seen |= own


def _follow_ups(episode: Episode) -> Iterator[Objection]:
    answered = 0.0
    for step in episode.steps:
        if step.role == "subject":
            answered = max(answered, step.exchange.received)
        elif step.role == "follow-up" and step.exchange.received < answered - CLOCK_TOLERANCE:
            yield Objection("times", f"{called(step.exchange)} came before what it follows")


def _dates(exchanges: Sequence[Exchange]) -> Iterator[Objection]:
    offsets = {exchange: date - exchange.received for exchange in exchanges if (date := _date_of(exchange)) is not None}
    if not offsets:
        return
    usual = statistics.median(offsets.values())
    odd = [one for one, offset in offsets.items() if abs(offset - usual) > DATE_TOLERANCE + one.seconds]
    if len(odd) > (1 - DATES_THAT_AGREE) * len(offsets):
        return
    for exchange in odd:
        yield Objection("times", f"{called(exchange)}: its Date is {exchange.header('Date')}, unlike the others'")
    if abs(usual) > LONGEST_OFFSET:
        yield Objection("times", f"the answers are dated {abs(usual) / 86_400:.1f} days off the times of the run")


def _date_of(exchange: Exchange) -> float | None:
    try:
        return parsedate_to_datetime(exchange.header("Date") or "").timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


# where from


def _runs(episodes: Sequence[Episode]) -> Iterator[Objection]:
    runs = {run: step for episode in episodes for step in episode.steps for run in _run_of(step)}
    for run in list(runs)[1:]:
        yield Objection("episodes", f"{called(runs[run].exchange)} belongs to another run")


def _run_of(step: Step) -> Iterator[str]:
    if "run" in step.bindings:
        yield step.bindings["run"]
    if is_creation(step.exchange):
        run = sent_fields(step.exchange.request).get(f"metadata[{RUN_TAG}]")
        if run is not None:
            yield run


def _targets(episodes: Sequence[Episode], provision: Provision) -> Iterator[Objection]:
    expected = {
        "stateless": provision.stateless,
        "created_as": "card" if provision.payment_methods in PAYMENT_METHOD_FORMS else None,
    }
    keys = {episode.facts.get("test_key") for episode in episodes}
    if len(keys) > 1:
        yield Objection("another-target", "some episodes were recorded with a test key, and some not")
    for episode in episodes:
        for name, value in expected.items():
            if episode.facts.get(name) != value:
                told = f"`{name}` is {episode.facts.get(name)!r} in an episode of {episode.clause or 'no clause'}"
                yield Objection("another-target", f"{told}, and {value!r} by the header")


# what recurs


def _request_ids(exchanges: Sequence[Exchange]) -> Iterator[Objection]:
    """Where the target is said to give every answer an id of its own, it has done so; replays may repeat theirs."""
    seen: dict[str, Exchange] = {}
    for exchange in exchanges:
        identifier = exchange.header("Request-Id")
        is_keyed = any(name.lower() == "idempotency-key" for name, _ in exchange.request.headers)
        if identifier is None or is_keyed or not exchange.is_to_operation:
            continue
        if identifier in seen:
            yield Objection("ids", f"{called(exchange)} has the request id of {called(seen[identifier])}")
        seen[identifier] = exchange


def _objects(episodes: Sequence[Episode], exchanges: Sequence[Exchange]) -> Iterator[Objection]:
    """Objects keep their ids: each is created once, is used where it was made, and is read under its own id."""
    created: set[str] = set()
    for exchange in filter(is_creation, exchanges):
        identifier = str(exchange.object.get("id"))
        if identifier in created:
            yield Objection("ids", f"{identifier} was created twice")
        created.add(identifier)
    for episode in episodes:
        for step in episode.steps if episode.expectation != SEQUENCE else ():
            identifier = str(step.exchange.object.get("id"))
            if is_creation(step.exchange) and not _is_used(identifier, episode):
                yield Objection("ids", f"{identifier} was created for an episode that does not use it")
    for exchange in exchanges:
        wanted, told = _read_id(exchange), exchange.object.get("id")
        if wanted and isinstance(told, str) and told != wanted:
            yield Objection("ids", f"{called(exchange)} is answered with {told}")
    yield from _attached(episodes)


def _is_used(identifier: str, episode: Episode) -> bool:
    needle = identifier.encode()
    requests = [step.exchange.request for step in episode.steps]
    sent = any(needle in request.target.encode() or needle in (request.body or b"") for request in requests)
    return sent or identifier in episode.fixtures.values()


def _read_id(exchange: Exchange) -> str:
    """The id under which an object was read; empty where none was."""
    parts = exchange.request.target.partition("?")[0].split("/")
    is_read = exchange.request.method == "GET" and exchange.is_success and len(parts) == 4
    return unquote(parts[3]) if is_read and parts[2] in ("payment_methods", "customers") else ""


def _attached(episodes: Sequence[Episode]) -> Iterator[Objection]:
    """A payment method of the run's own that was attached is answered under its id."""
    for episode in episodes:
        for step in episode.steps:
            bound, told = step.bindings.get("payment_method"), step.exchange.object.get("id")
            is_plain = step.kind == "valid" and step.exchange.request.method == "POST" and step.exchange.is_success
            if bound and bound in step.exchange.request.target and is_plain and told != bound:
                is_shared = bound.startswith(SHARED_TOKENS)
                if not is_shared:
                    yield Objection("ids", f"{called(step.exchange)} is answered with {told}")


SHARED_TOKENS = ("pm_card_", "pm_usBankAccount")
"""How payment methods are called that make a new one when they are attached."""
