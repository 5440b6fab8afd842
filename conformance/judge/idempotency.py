"""What the clauses about idempotency keys expect of their episodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from conformance.evidence.episode import Episode, Outcome
from conformance.evidence.exchange import Exchange
from conformance.judge.expectations import PASS, Verdict, describe_refusal, fails, not_run, spoiled
from conformance.judge.preparation import number_listed, unprepared
from contracts import Contract


def replayed(episode: Episode, contract: Contract) -> Verdict:
    """The subject gets the control's status and JSON value, is marked as a replay, and was not executed."""
    (first,) = episode.exchanges("control")
    if verdict := unprepared(episode) or spoiled(first):
        return verdict
    wanted = 402 if episode.facts.get("of") == "a decline" else 200
    if first.status != wanted:
        if "/pm_card_" in first.request.target or wanted == 402:
            return Verdict(Outcome.NOT_APPLICABLE, f"the test card is answered {first.status} here")
        return not_run(f"the first request was answered {first.status}")
    for again in episode.exchanges("subject"):
        if verdict := spoiled(again):
            return verdict
        if again.status != first.status:
            return fails(f"answered {again.status} with the same key, {first.status} the first time", again)
        if first.body is not None and again.body is not None and again.json.value != first.json.value:
            return fails("another JSON value than the first time", again, "response.id", "response.customer")
        if again.headers is not None and not is_marked(again):
            return fails(f"a {again.status} to a used key without `Idempotent-Replayed: true`", again)
        for read in episode.exchanges("follow-up"):
            if (count := number_listed(read)) > 1:
                return fails(f"executed again: the customer has {count} payment methods", again, "state.listed")
    return PASS


def is_marked(exchange: Exchange) -> bool:
    """Whether an answer says that it is a replay."""
    return (exchange.header("Idempotent-Replayed") or "").strip().lower() == "true"


def not_replayed(episode: Episode, contract: Contract) -> Verdict:
    """A request with another key is no replay, however alike the keys are; one with the first key still is.

    The first key has the longest legal length, so that a refusal of the first request is one of its key. After a
    mismatch (a set-up) the first request must not be refused; that it is executed again is for idempotency.mismatch.
    """
    (first,) = episode.exchanges("control")
    if verdict := spoiled(first):
        return verdict
    if not first.is_success:
        return fails(f"a key of {len(_key_of(first))} characters is refused with {describe_refusal(first)}", first)
    for other in episode.exchanges("subject"):
        if verdict := spoiled(other):
            return verdict
        if is_marked(other):
            how = _difference(_key_of(other), _key_of(first))
            return fails(f"a key is taken for another that differs only {how}: replayed", other)
    is_after_mismatch = False
    for step in episode.steps:
        is_after_mismatch = is_after_mismatch or step.role == "set-up"
        if step.role != "follow-up":
            continue
        again = step.exchange
        if verdict := spoiled(again):
            return verdict
        if not is_marked(again) and not (is_after_mismatch and again.is_success):
            return fails("the first key, sent again after others, brings no replay", again)
        if again.status != first.status:
            return fails(f"answered {again.status} with the same key, {first.status} the first time", again)
    return PASS


def _key_of(exchange: Exchange) -> str:
    return dict(exchange.request.headers).get("Idempotency-Key", "")


def _difference(key: str, other: str) -> str:
    """How a key differs from one that is like it, in words."""
    if key.lower() == other.lower():
        return "in upper and lower case"
    return "by a hyphen" if len(key) != len(other) else "in the last character"


def not_answered_for_another(episode: Episode, contract: Contract) -> Verdict:
    """The key's first path's answer is not given on the second path."""
    (first,) = episode.exchanges("set-up")
    if verdict := unprepared(episode):
        return verdict
    second = episode.subject
    if verdict := spoiled(second):
        return verdict
    if second.is_refusal:
        return PASS
    if is_marked(second):
        return fails("the first path's answer was replayed on another path", second)
    identifier = second.object.get("id")
    is_the_first = identifier is not None and identifier == first.object.get("id")
    if is_the_first and f"/{identifier}/" not in second.request.target:
        return fails(f"the first path's answer, of {identifier}, came on another path", second)
    for read in episode.exchanges("follow-up"):
        if read.is_success and read.object.get("customer") is None:
            return fails("another path is answered with success, but not executed", second)
    return PASS


def usable_again(episode: Episode, contract: Contract) -> Verdict:
    """After a refusal by validation the same key serves a good request, which is executed."""
    (first,) = episode.exchanges("control")
    if verdict := spoiled(first):
        return verdict
    if not first.is_refusal:
        return not_run(f"what validation has to refuse was accepted with {first.status}")
    exchange = episode.subject
    if verdict := spoiled(exchange):
        return verdict
    if exchange.is_refusal:
        return fails(f"the good request with the key was refused with {describe_refusal(exchange)}", exchange)
    return PASS


def executed_once(episode: Episode, contract: Contract) -> Verdict:
    """Of simultaneous requests with one key one is executed; the others are told so (409) or get its answer."""
    if verdict := unprepared(episode):
        return verdict
    exchanges = episode.exchanges("subject")
    if verdict := spoiled(*exchanges):
        return verdict
    successes = [exchange for exchange in exchanges if exchange.is_success]
    if not successes:
        return not_run(f"all were refused, one with {describe_refusal(exchanges[0])}")
    for exchange in exchanges:
        if exchange.is_refusal and exchange.status != 409:
            return fails(f"a key in use is refused with {describe_refusal(exchange)}", exchange)
    count = max([number_listed(read) for read in episode.exchanges("follow-up")], default=0)
    count = max(count, len({str(exchange.object.get("id")) for exchange in successes}))
    count = max(count, sum(exchange.headers is not None and not is_marked(exchange) for exchange in successes))
    if count > 1:
        return fails(f"simultaneous requests with one key were executed {count} times", successes[-1])
    return PASS


IDEMPOTENCY_EXPECTATIONS: Mapping[str, Callable[[Episode, Contract], Verdict]] = {
    function.__name__: function
    for function in (replayed, not_replayed, not_answered_for_another, usable_again, executed_once)
}
"""The expectations by the name that an episode carries."""
