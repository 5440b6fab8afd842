"""Expectations of the chapter `idempotency`: keys, replays, and what a key must not bring back."""

from __future__ import annotations

from conformance.evidence.episode import Episode, Step
from conformance.evidence.exchange import Exchange, sent_header
from conformance.judge.answers import describe_refusal
from conformance.judge.expectations import (
    each_answered,
    expect,
    expectation,
    hold_if_rejected,
    not_applicable,
    require_answer,
    require_preparation,
    skip,
    skip_unless,
)
from conformance.judge.reads import number_listed
from conformance.judge.request import sent_payment_method
from conformance.judge.response import SHARED_TOKEN_PREFIX
from contracts import Contract


def is_marked(exchange: Exchange) -> bool:
    """Return whether a response says that it is a replay."""
    return (exchange.header("Idempotent-Replayed") or "").strip().lower() == "true"


@expectation
def replayed(episode: Episode, contract: Contract) -> None:
    """Expect the control's status and JSON value again, marked as a replay.

    The request must not be executed again.
    """
    (first,) = episode.exchanges("control")
    require_preparation(episode)
    require_answer(first)
    _expect_no_replay_yet(first)
    _require_usual_answer(first, is_decline=episode.facts.get("of") == "a decline")
    for again in each_answered(episode):
        _expect_same_status(again, first)
        has_bodies = first.body is not None and again.body is not None
        is_other_value = has_bodies and again.json.value != first.json.value
        observed = "another JSON value than the first time"
        expect(not is_other_value, observed, again, "response.id", "response.customer")
        is_unmarked = again.headers is not None and not is_marked(again)
        expect(not is_unmarked, f"a {again.status} to a used key without `Idempotent-Replayed: true`", again)
        for read in episode.exchanges("follow-up"):
            observed = f"executed again: the customer has {number_listed(read)} payment methods"
            expect(number_listed(read) <= 1, observed, again, "state.listed")


def _expect_no_replay_yet(first: Exchange) -> None:
    """Expect a request with a new key to be answered, and not by a replay, unless it was sent twice."""
    was_sent_twice = first.resent or first.retries > 0
    expect(was_sent_twice or not is_marked(first), "the first answer to a new key is a replay", first)


def _require_usual_answer(first: Exchange, *, is_decline: bool) -> None:
    """Stop unless the first request is answered with 200, or a decline with 402."""
    if first.status == (402 if is_decline else 200):
        return
    card = sent_payment_method(first)
    if card.startswith(SHARED_TOKEN_PREFIX):
        not_applicable(f"the shared test card {card} is answered {first.status} here")
    if is_decline:
        not_applicable(f"a test card that is to be declined is answered {first.status} here")
    skip(f"the first request was answered {first.status}")


def _expect_same_status(again: Exchange, first: Exchange) -> None:
    observed = f"answered {again.status} with the same key, {first.status} the first time"
    expect(again.status == first.status, observed, again)


@expectation
def not_replayed(episode: Episode, contract: Contract) -> None:
    """Expect no replay for another key, however alike the keys are, but one for a key that comes again.

    The first key has the longest legal length, so that a rejection of the first request is one of its key. After a
    mismatch (a set-up) the first request must not be rejected; idempotency.mismatch judges its second execution.
    """
    (first,) = episode.exchanges("control")
    require_answer(first)
    _expect_no_replay_yet(first)
    observed = f"a key of {len(_key_of(first))} characters is rejected with {describe_refusal(first)}"
    expect(first.is_success, observed, first)
    for other in each_answered(episode):
        observed = f"a key is taken for another that differs only {_difference(other, first)}: replayed"
        expect(not is_marked(other), observed, other)
    for place, step in enumerate(episode.steps):
        if step.role == "follow-up":
            _expect_replay(step.exchange, first, earlier=episode.steps[:place])


def _expect_replay(again: Exchange, first: Exchange, *, earlier: tuple[Step, ...]) -> None:
    """Expect a replay of the first response with the key; after a mismatch a success is enough."""
    require_answer(again)
    same_key = (step.exchange for step in earlier if _key_of(step.exchange) == _key_of(again))
    replayed_one = next(same_key, first)
    is_after_mismatch = any(step.role == "set-up" and _key_of(step.exchange) == _key_of(again) for step in earlier)
    is_legal = is_marked(again) or (is_after_mismatch and again.is_success)
    which = "the first key" if replayed_one is first else "the key of attaching again"
    expect(is_legal, f"{which}, sent again after others, brings no replay", again)
    _expect_same_status(again, replayed_one)


def _key_of(exchange: Exchange) -> str:
    return sent_header(exchange, "Idempotency-Key") or ""


def _difference(exchange: Exchange, first: Exchange) -> str:
    """Return the difference between two keys that are almost equal, in words."""
    key, other = _key_of(exchange), _key_of(first)
    if key.lower() == other.lower():
        return "in upper and lower case"
    return "by a hyphen" if len(key) != len(other) else "in the last character"


@expectation
def not_answered_for_another(episode: Episode, contract: Contract) -> None:
    """Expect a key that was used on one path not to bring its response on a second path."""
    (first,) = episode.exchanges("set-up")
    require_preparation(episode)
    second = episode.subject
    hold_if_rejected(second)
    expect(not is_marked(second), "the first path's answer was replayed on another path", second)
    identifier = second.object.get("id")
    is_the_first = identifier is not None and identifier == first.object.get("id")
    is_own = f"/{identifier}/" in second.request.target
    observed = f"the first path's answer, of {identifier}, came on another path"
    expect(is_own or not is_the_first, observed, second)
    for read in episode.exchanges("follow-up"):
        is_unattached = read.is_success and read.object.get("customer") is None
        expect(not is_unattached, "another path is answered with success, but not executed", second)


@expectation
def usable_again(episode: Episode, contract: Contract) -> None:
    """Expect a key to serve a good request after rejections by validation.

    Where it does not, a follow-up without a key shows whether the payment method can be attached at all.
    """
    for refused in each_answered(episode, "control"):
        skip_unless(refused.is_refusal, f"a request that validation must reject was accepted with {refused.status}")
    exchange = episode.subject
    require_answer(exchange)
    for without_key in each_answered(episode, "follow-up"):
        skip_unless(without_key.is_success, "after the rejection a good request without a key is rejected, too")
    observed = f"the good request with the key was rejected with {describe_refusal(exchange)}"
    expect(exchange.is_success, observed, exchange)


@expectation
def executed_once(episode: Episode, contract: Contract) -> None:
    """Expect simultaneous requests with one key to be executed once.

    The others are rejected with 409 or get the same response.
    """
    require_preparation(episode)
    exchanges = episode.exchanges("subject")
    require_answer(*exchanges)
    successes = [exchange for exchange in exchanges if exchange.is_success]
    skip_unless(successes, f"all were rejected, one with {describe_refusal(exchanges[0])}")
    for exchange in exchanges:
        is_legal = exchange.is_success or exchange.status == 409
        expect(is_legal, f"a key in use is rejected with {describe_refusal(exchange)}", exchange)
    counts = [number_listed(read) for read in episode.exchanges("follow-up")]
    counts.append(len({str(exchange.object.get("id")) for exchange in successes}))
    counts.append(sum(exchange.headers is not None and not is_marked(exchange) for exchange in successes))
    observed = f"simultaneous requests with one key were executed {max(counts)} times"
    expect(max(counts) <= 1, observed, successes[-1])
