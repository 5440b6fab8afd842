"""Contradictions in the evidence: an edited answer, or an episode from another run, seldom fits in."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import product
from urllib.parse import unquote, unquote_to_bytes

from conformance.commands.certificate.objections import Objection
from conformance.commands.certificate.statements import Evidence
from conformance.commands.certificate.wording import describe, name_clause
from conformance.evidence.episode import Episode, Step
from conformance.evidence.exchange import Exchange, is_creation, sent_header
from conformance.evidence.foreign import seconds_of_date
from conformance.evidence.strict_json import exact_form
from conformance.fixtures.endpoints import time_of_creation
from conformance.fixtures.forms import PAYMENT_METHOD_FORMS, RUN
from conformance.fixtures.ids import SHARED_TOKEN
from conformance.fixtures.provisioning import RUN_TAG, Provision
from conformance.judge import as_modelled, expectation_name
from conformance.judge.state import CREATED
from conformance.transport.client import Address
from conformance.transport.ways import sent_fields
from conformance.verdict.shapes import exchanges_in, performed_in, steps_in
from conformance.verdict.trial import AGAIN, CONFIRMATION, FIRST, OF_A_CLAUSE, RENEWED, Trial

CLOCK_TOLERANCE = 2.0
"""By how many seconds two times of one clock may be apart the wrong way."""
DATE_TOLERANCE = 10.0
"""By how many seconds a Date may be off what the others make likely, in addition to the time of its exchange."""
DATES_THAT_AGREE = 0.9
"""Which part of all Dates must agree before the others are suspicious: some servers make the header up."""
LONGEST_OFFSET = 86_400.0
"""By how many seconds the target's clock may be wrong."""
NO_BODY = frozenset({204, 205, 304})
REQUEST_ID = "header.request-id"
SEQUENCE = expectation_name(as_modelled)


def contradictions(evidence: Evidence) -> Iterator[Objection]:
    """Yield where recorded episodes contradict each other, their own answers, or the run that they belong to."""
    record = evidence.record
    provision = Provision.from_json(record.header["target"]["provision"])
    episodes = [performed.episode for _, performed in performed_in(record.trials)]
    steps = [step for _, step in steps_in(record.trials)]
    exchanges = exchanges_in(record.trials)
    yield from _find_gaps(exchanges)
    yield from _find_different_versions(exchanges)
    yield from _find_wrong_lengths(exchanges)
    yield from _find_wrong_times(evidence, exchanges)
    yield from _find_early_follow_ups(episodes)
    yield from _find_wrong_dates(exchanges)
    yield from _find_other_runs(steps)
    yield from _find_other_targets(episodes, provision, str(record.header["target"]["base_url"]))
    yield from _find_other_confirmations(record.trials)
    if record.footer["requests"] < len(exchanges):
        text = f"{len(exchanges)} requests are recorded, and {record.footer['requests']} were sent"
        yield Objection("episodes", text)
    if REQUEST_ID in evidence.passed:
        yield from _find_repeated_request_ids(exchanges)
    if evidence.conforms and not provision.stateless:
        yield from _find_repeated_creations(exchanges)
        yield from _find_unused_creations(episodes)
        yield from _find_other_ids(steps, exchanges)


def _find_gaps(exchanges: Sequence[Exchange]) -> Iterator[Objection]:
    """Yield the answers that are not whole: a run records head and body of each, and neither can be judged without."""
    for exchange in exchanges:
        if exchange.status is not None and (exchange.headers is None or exchange.body is None):
            lacking = "head" if exchange.headers is None else "body"
            yield Objection("record", f"{describe(exchange)} was answered, and the {lacking} of the answer is missing")
        if exchange.status is not None and exchange.why_unanswered:
            yield Objection("record", f"{describe(exchange)} was answered, and is said not to have been")
        if exchange.status is None and not exchange.failure:
            yield Objection("record", f"{describe(exchange)} has neither an answer nor the reason why it has none")


def _find_different_versions(exchanges: Sequence[Exchange]) -> Iterator[Objection]:
    """Yield the exchanges that are not the same in every episode that they belong to."""
    seen: dict[object, Exchange] = {}
    for exchange in exchanges:
        request = exchange.request
        key = exchange.received, request.method, request.target, request.body
        if seen.setdefault(key, exchange) is not exchange:
            yield Objection("episodes", f"{describe(exchange)} is in two episodes with different answers")


def _find_wrong_lengths(exchanges: Sequence[Exchange]) -> Iterator[Objection]:
    for exchange in filter(_has_countable_body, exchanges):
        announced, length = exchange.header("Content-Length"), len(exchange.body or b"")
        if announced is not None and announced.strip().lstrip("0") != str(length).lstrip("0"):
            text = f"Content-Length says {announced}, and the body has {length} bytes"
            yield Objection("lengths", f"{describe(exchange)}: {text}")


def _has_countable_body(exchange: Exchange) -> bool:
    """Return whether the recorded body is all that the server sent as the body, byte for byte."""
    is_without_body = exchange.body is None or exchange.request.method == "HEAD" or exchange.status in NO_BODY
    encoding = exchange.header("Content-Encoding") or exchange.header("Transfer-Encoding")
    return not any((is_without_body, encoding, exchange.framing, exchange.leaked_key))


# times


def _find_wrong_times(evidence: Evidence, exchanges: Sequence[Exchange]) -> Iterator[Objection]:
    started = datetime.fromisoformat(evidence.run.started).timestamp()
    ended = datetime.fromisoformat(evidence.ended).timestamp()
    if ended < started:
        yield Objection("times", "the run ends before it starts")
    for exchange in exchanges:
        is_early = exchange.received - exchange.seconds < started - CLOCK_TOLERANCE
        if exchange.seconds < 0:
            yield Objection("times", f"{describe(exchange)} was answered before it was sent")
        elif is_early or exchange.received > ended + CLOCK_TOLERANCE:
            yield Objection("times", f"{describe(exchange)} was not exchanged during the run")


def _find_early_follow_ups(episodes: Sequence[Episode]) -> Iterator[Objection]:
    for episode in episodes:
        answered = 0.0
        for step in episode.steps:
            if step.role == "subject":
                answered = max(answered, step.exchange.received)
            elif step.role == "follow-up" and step.exchange.received < answered - CLOCK_TOLERANCE:
                yield Objection("times", f"{describe(step.exchange)} came before the request that it follows")


def _find_wrong_dates(exchanges: Sequence[Exchange]) -> Iterator[Objection]:
    dates = {exchange: seconds_of_date(exchange.header("Date") or "") for exchange in exchanges}
    offsets = {exchange: date - exchange.received for exchange, date in dates.items() if date is not None}
    usual = statistics.median(offsets.values()) if offsets else 0.0
    odd = [one for one, offset in offsets.items() if abs(offset - usual) > DATE_TOLERANCE + one.seconds]
    if len(odd) > (1 - DATES_THAT_AGREE) * len(offsets):
        return
    for exchange in odd:
        yield Objection("times", f"{describe(exchange)}: its Date is {exchange.header('Date')}, unlike the others'")
    if abs(usual) > LONGEST_OFFSET:
        yield Objection("times", f"the answers are dated {abs(usual) / 86_400:.1f} days off the times of the run")


# origin


def _find_other_runs(steps: Sequence[Step]) -> Iterator[Objection]:
    runs = {run: step.exchange for step in steps for run in _runs_of(step)}
    runs.pop(None, None)
    for exchange in list(runs.values())[1:]:
        yield Objection("episodes", f"{describe(exchange)} belongs to another run")


def _runs_of(step: Step) -> Iterator[str | None]:
    """Yield the ids of runs that a step names, None where it names none."""
    yield step.bindings.get(RUN)
    if is_creation(step.exchange):
        yield sent_fields(step.exchange.request).get(f"metadata[{RUN_TAG}]")


def _find_other_targets(episodes: Sequence[Episode], provision: Provision, base_url: str) -> Iterator[Objection]:
    wanted = {
        "stateless": provision.stateless,
        "created_as": "card" if provision.payment_methods in PAYMENT_METHOD_FORMS else None,
        "remote": True if base_url.startswith("http") and not Address(base_url).is_loopback else None,
    }
    if len({exact_form(episode.facts.get("test_key")) for episode in episodes}) > 1:
        yield Objection("another-target", "some episodes were recorded with a test key, and some not")
    for episode, (name, value) in product(episodes, wanted.items()):
        found = episode.facts.get(name)
        if found != value:
            text = f"`{name}` is {found!r} in an episode of {name_clause(episode.clause)}"
            yield Objection("another-target", f"{text}, and {value!r} in the header")
    for episode in episodes:
        created = {time_of_creation(step.exchange) for step in episode.steps if is_creation(step.exchange)}
        if CREATED in episode.facts and episode.facts[CREATED] not in {provision.probed_created, *created}:
            text = f"`created` is {episode.facts[CREATED]!r} in an episode of {name_clause(episode.clause)}"
            yield Objection("another-target", f"{text}, and no payment method was created then")


def _find_other_confirmations(trials: Sequence[Trial]) -> Iterator[Objection]:
    """Yield the episodes that stand for a repetition of another one, and are about something else."""
    for trial in trials:
        if trial.kind != OF_A_CLAUSE or not trial.performed_as(FIRST, AGAIN):
            continue
        decisive, clause = trial.decisive, name_clause(trial.clause)
        for performed in trial.performed_as(AGAIN, CONFIRMATION, RENEWED):
            again = performed.episode
            if (again.clause, again.expectation) != (decisive.clause, decisive.expectation):
                text = f"{again.id or performed.part} of {clause} repeats another clause's episode"
                yield Objection("episodes", text)
        if decisive.clause != trial.clause:
            yield Objection("episodes", f"{decisive.id} of {clause} is about {decisive.clause}")


# ids that recur


def _find_repeated_request_ids(exchanges: Sequence[Exchange]) -> Iterator[Objection]:
    """Yield the answers with a request id that another has, though each should have its own; replays may repeat one."""
    to_operation = [one for one in exchanges if one.is_to_operation and sent_header(one, "Idempotency-Key") is None]
    for _, exchange, before in _repeated((one.header("Request-Id"), one) for one in to_operation):
        yield Objection("ids", f"{describe(exchange)} has the request id of {describe(before)}")


def _find_repeated_creations(exchanges: Sequence[Exchange]) -> Iterator[Objection]:
    created = filter(is_creation, exchanges)
    for identifier, _, _ in _repeated((str(one.object.get("id")), one) for one in created):
        yield Objection("ids", f"{identifier} was created twice")


def _repeated(found: Iterable[tuple[str | None, Exchange]]) -> Iterator[tuple[str, Exchange, Exchange]]:
    """Yield each id that an exchange shares with one before it, with both; None is no id."""
    seen: dict[str, Exchange] = {}
    for identifier, exchange in found:
        if identifier in seen:
            yield identifier, exchange, seen[identifier]
        if identifier is not None:
            seen[identifier] = exchange


def _find_unused_creations(episodes: Sequence[Episode]) -> Iterator[Objection]:
    for episode in episodes:
        if episode.expectation == SEQUENCE:
            continue
        exchanges = [step.exchange for step in episode.steps]
        requests = [exchange.request for exchange in exchanges]
        sent = b"\n".join(unquote_to_bytes(one.target) + b"\n" + unquote_to_bytes(one.body or b"") for one in requests)
        for exchange in filter(is_creation, exchanges):
            identifier = str(exchange.object.get("id"))
            if identifier.encode() not in sent and identifier not in episode.fixtures.values():
                yield Objection("ids", f"{identifier} was created for an episode that does not use it")


def _find_other_ids(steps: Sequence[Step], exchanges: Sequence[Exchange]) -> Iterator[Objection]:
    """Yield the answers about another object than the one that was read or attached."""
    for exchange in exchanges:
        wanted, found = _id_read(exchange), exchange.object.get("id")
        if wanted and isinstance(found, str) and found != wanted:
            yield Objection("ids", f"{describe(exchange)} is answered with {found}")
    for step in steps:
        wanted, found = _id_attached(step), step.exchange.object.get("id")
        if wanted and found != wanted and not SHARED_TOKEN.fullmatch(wanted):
            yield Objection("ids", f"{describe(step.exchange)} is answered with {found}")


def _id_read(exchange: Exchange) -> str:
    """Return the id under which an object was read; empty where none was."""
    if exchange.request.method != "GET" or not exchange.is_success:
        return ""
    match exchange.request.target.partition("?")[0].split("/"):
        case [_, _, "payment_methods" | "customers", identifier]:
            return unquote(identifier)
    return ""


def _id_attached(step: Step) -> str:
    """Return the id of the payment method that a valid request named and the server accepted; empty elsewhere."""
    exchange, bound = step.exchange, step.bindings.get("payment_method", "")
    is_plain = step.kind == "valid" and exchange.request.method == "POST" and exchange.is_success
    return bound if is_plain and bound in exchange.request.target else ""
