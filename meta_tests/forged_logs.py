"""Logs of runs, edited as a forger who holds the key could edit them; the rest is made consistent elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from benchmarks.forging import Place, answered, edited, everywhere, find, find_clause, log_of, with_episode
from conformance.evidence.exchange import Exchange
from conformance.fixtures.provisioning import RUN_TAG
from conformance.transport.ways import sent_fields
from conformance.verdict.record import Record
from conformance.verdict.trial import Note, Performed, Trial

BROKEN = "body.unknown-parameter-nested"


def without(log: Any, number: int) -> list[Trial | Note]:
    return [*log[:number], *log[number + 1 :]]


def without_what_explores(record: Record) -> list[Trial | Note]:
    return without(log_of(record), find(log_of(record), lambda trial, _: trial.explores).trial)


def is_follow_up(trial: Trial, step: Any) -> bool:
    return bool(step.role == "follow-up" and step.exchange.is_success and trial.clause == "state.persisted")


def is_subject(clause: str) -> Callable[[Trial, Any], bool]:
    return lambda trial, step: trial.clause == clause and step.role == "subject"


def with_answer_without(record: Record, **lost: Any) -> list[Trial | Note]:
    """One refused attempt whose answer lacks its head or its body, at any place."""
    place = find(log_of(record), is_subject("body.unknown-parameter"))
    trial = log_of(record)[place.trial]
    assert isinstance(trial, Trial)
    wanted = trial.episodes[place.episode].episode.steps[place.step].exchange
    return everywhere(log_of(record), lambda one: replace(one, **lost) if one == wanted else one)


def with_claim_to_be_remote(record: Record) -> list[Trial | Note]:
    place = find(log_of(record), is_subject("body.unknown-parameter"))
    trial = log_of(record)[place.trial]
    assert isinstance(trial, Trial)
    episode = trial.episodes[place.episode].episode
    return with_episode(log_of(record), place, replace(episode, facts={**episode.facts, "remote": True}))


def with_confirmation_of_another(record: Record) -> list[Trial | Note]:
    """A failure that an episode of another clause, which passed, says not to have come again."""
    log = log_of(record)
    number, other = find_clause(log, BROKEN), log[find_clause(log, "body.customer-required")]
    trial = log[number]
    assert isinstance(trial, Trial)
    assert isinstance(other, Trial)
    passed = replace(other.episodes[0].episode, id="")
    episodes = (trial.episodes[0], *(Performed("confirmation", passed) for _ in range(2)))
    return [*log[:number], replace(trial, episodes=episodes), *log[number + 1 :]]


def with_request_edited(record: Record) -> list[Trial | Note]:
    """A refusal whose request was not the wrong one after all."""
    place = find(log_of(record), is_subject("body.unknown-parameter"))

    def harmless(step: Any) -> Any:
        request = replace(step.exchange.request, body=b"customer=")
        return replace(step, exchange=replace(step.exchange, request=request))

    return edited(log_of(record), place, harmless)


def with_attempt_unnamed(record: Record) -> list[Trial | Note]:
    place = find(log_of(record), is_subject("body.unknown-parameter"))
    return edited(log_of(record), place, lambda step: replace(step, attempt_digest=""))


def with_fewer_repetitions(record: Record) -> list[Trial | Note]:
    number = find_clause(log_of(record), "robustness.same-request-same-answer")
    place = Place(number, 0, 0)
    trial = log_of(record)[number]
    assert isinstance(trial, Trial)
    episode = trial.episodes[0].episode
    return with_episode(log_of(record), place, replace(episode, steps=episode.steps[: len(episode.steps) // 2]))


def with_follow_up_dropped(record: Record) -> list[Trial | Note]:
    place = find(log_of(record), is_follow_up)
    trial = log_of(record)[place.trial]
    assert isinstance(trial, Trial)
    episode = trial.episodes[place.episode].episode
    steps = tuple(step for index, step in enumerate(episode.steps) if index != place.step)
    return with_episode(log_of(record), place, replace(episode, steps=steps))


def with_kind_changed(record: Record) -> list[Trial | Note]:
    """A valid request that is said to be of an open kind, so that nobody looks at the shape of its answer."""
    place = find(log_of(record), lambda trial, step: step.kind == "valid" and step.role == "subject")
    return edited(log_of(record), place, lambda step: replace(step, kind="wire"))


def reordered(record: Record) -> list[Trial | Note]:
    log = list(log_of(record))
    first, second = find_clause(log, "body.unknown-parameter"), find_clause(log, "body.customer-structure")
    log[first], log[second] = log[second], log[first]
    return log


def with_step_of_another_place(record: Record) -> list[Trial | Note]:
    """The first of two requests of one kind was the second one already, answer and all."""
    log = log_of(record)
    place = find(log, is_subject("request.minimal-body"))
    trial = log[place.trial]
    assert isinstance(trial, Trial)
    another = trial.episodes[place.episode].episode.exchanges("subject")[1]
    return edited(log, place, lambda step: replace(step, exchange=another, bindings=_bound(trial, another)))


def with_repetition_doubled(record: Record) -> list[Trial | Note]:
    """The first of a request's repetitions was the second one already, answer and all."""
    log = log_of(record)
    place = find(log, lambda trial, _: trial.test == "test_same_refusal")
    trial = log[place.trial]
    assert isinstance(trial, Trial)
    another = trial.episodes[place.episode].episode.steps[1]
    return edited(log, place, lambda _: another)


def _bound(trial: Trial, exchange: Exchange) -> Mapping[str, str]:
    """The ids that were bound for a request of a trial."""
    steps = (step for performed in trial.episodes for step in performed.episode.steps)
    return next(step.bindings for step in steps if step.exchange is exchange)


def with_trial_of(record: Record, other: Record, clause: str) -> list[Trial | Note]:
    log = list(log_of(record))
    log[find_clause(log, clause)] = log_of(other)[find_clause(log_of(other), clause)]
    return log


def with_body_edited(record: Record) -> list[Trial | Note]:
    """An answer whose body was changed, and nothing else."""
    place = find(log_of(record), is_subject("body.unknown-parameter"))
    return edited(
        log_of(record),
        place,
        lambda step: replace(step, exchange=replace(step.exchange, body=(step.exchange.body or b"") + b" ")),
    )


def with_one_telling_edited(record: Record) -> list[Trial | Note]:
    """An answer that an earlier episode rests on, too, edited without a change of its length or of what it says.

    The later episode has a newer exchange, so that it stays in its place.
    """
    place = _answer_given_again(record)

    def retold(step: Any) -> Any:
        body = (step.exchange.body or b"").replace(b'": ', b'" :', 1)
        return replace(step, exchange=replace(step.exchange, body=body))

    return edited(log_of(record), place, retold)


def _answer_given_again(record: Record) -> Place:
    seen: set[Exchange] = set()
    for number, one in enumerate(log_of(record)):
        own = one.episodes[0].episode.steps if isinstance(one, Trial) and one.episodes else ()
        newest = max((step.exchange for step in own), key=lambda exchange: exchange.received, default=None)
        for index, step in enumerate(own):
            if newest not in seen and step.exchange in seen and b'": ' in (step.exchange.body or b""):
                return Place(number, 0, index)
        seen |= {step.exchange for step in own}
    raise LookupError("no answer is given again")


def with_creation_of_another_run(record: Record) -> list[Trial | Note]:
    """A customer that was created by another run, by what the request and its answer say."""
    place = find(log_of(record), lambda _, step: RUN_TAG.encode() in (step.exchange.request.body or b""))
    trial = log_of(record)[place.trial]
    assert isinstance(trial, Trial)
    original = trial.episodes[place.episode].episode.steps[place.step].exchange
    run = sent_fields(original.request)[f"metadata[{RUN_TAG}]"].encode()
    other = replace(
        original,
        request=replace(original.request, body=(original.request.body or b"").replace(run, run[::-1])),
        body=(original.body or b"").replace(run, run[::-1]),
    )
    return everywhere(log_of(record), lambda one: other if one == original else one)


def whitewashed(record: Record) -> list[Trial | Note]:
    """The failure turned into a refusal everywhere, and what was performed because of it dropped."""
    place = find(log_of(record), is_subject("body.unknown-parameter"))
    refusing = log_of(record)[place.trial]
    assert isinstance(refusing, Trial)
    refusal = refusing.episodes[0].episode.subject.body

    def refused(step: Any) -> Any:
        if step.role != "subject" or not step.exchange.is_success:
            return step
        return replace(step, exchange=answered(step.exchange, 400, refusal, content_type="application/json"))

    def refused_in(performed: Performed) -> Performed:
        steps = tuple(map(refused, performed.episode.steps))
        return replace(performed, episode=replace(performed.episode, steps=steps))

    return [
        replace(one, episodes=tuple(refused_in(each) for each in one.episodes if each.part == "first"))
        if isinstance(one, Trial) and one.clause == BROKEN
        else one
        for one in log_of(record)
    ]


def with_date_moved(record: Record) -> list[Trial | Note]:
    place = find(log_of(record), is_subject("body.unknown-parameter"))
    return edited(
        log_of(record),
        place,
        lambda step: replace(step, exchange=_with_header(step.exchange, "Date", "Mon, 05 Jan 2026 09:00:00 GMT")),
    )


def with_request_id_of_another(record: Record) -> list[Trial | Note]:
    first = find(log_of(record), is_subject("body.unknown-parameter"))
    trial = log_of(record)[first.trial]
    assert isinstance(trial, Trial)
    identifier = trial.episodes[0].episode.subject.header("Request-Id") or ""
    place = find(log_of(record), is_subject("body.customer-structure"))
    return edited(
        log_of(record),
        place,
        lambda step: replace(step, exchange=_with_header(step.exchange, "Request-Id", identifier)),
    )


def _with_header(exchange: Exchange, name: str, value: str) -> Exchange:
    headers = tuple((key, value if key.lower() == name.lower() else old) for key, old in exchange.headers or ())
    return replace(exchange, headers=headers)


def with_creation_of_another(record: Record) -> list[Trial | Note]:
    """A payment method that was created under an id that nobody used, in every episode that shows it."""
    place = find(log_of(record), lambda trial, step: trial.clause == "state.persisted" and step.role == "set-up")
    trial = log_of(record)[place.trial]
    assert isinstance(trial, Trial)
    original = trial.episodes[place.episode].episode.steps[place.step].exchange
    other = answered(original, 200, {**original.object, "id": "pm_another"})
    return everywhere(log_of(record), lambda one: other if one == original else one)


def later(record: Record) -> list[Trial | Note]:
    return everywhere(log_of(record), lambda one: replace(one, received=one.received + 3600))
