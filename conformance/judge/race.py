"""What is expected of simultaneous attaches."""

from __future__ import annotations

from conformance.episode import Episode, Outcome
from conformance.exchange import Exchange
from conformance.judge.expectations import PASS, Verdict, describe_refusal, fails, not_run, spoiled
from conformance.judge.reads import is_list_of, shown_customer, times_listed, unreadable
from conformance.judge.success import sent_payment_method
from contracts import Contract

CONFLICT = 409


def one_winner(episode: Episode, contract: Contract) -> Verdict:
    """Of simultaneous attaches to different customers exactly one succeeds, and a retrieval shows that one."""
    subjects = episode.exchanges("subject")
    winners = [exchange for exchange in subjects if exchange.is_success]
    if len(winners) > 1:
        told = " and ".join(exchange.sent_values("customer")[0] for exchange in winners[:2])
        return fails(f"{len(winners)} of {len(subjects)} succeeded at once, {told} among them", winners[1])
    for exchange in subjects:
        if exchange.status is None or exchange.status >= 500 or 300 <= exchange.status < 400:
            return spoiled(exchange) or PASS
    if not winners:
        if any(exchange.status == 429 for exchange in subjects):
            return Verdict(Outcome.INCONCLUSIVE, "throttled (429) to the end")
        return fails(f"none of {len(subjects)} succeeded: {describe_refusal(subjects[0])}", subjects[0])
    (winner,) = winners
    if verdict := _of_another_request(winner):
        return verdict
    (sent,) = winner.sent_values("customer")
    for read in episode.exchanges("follow-up"):
        if verdict := unreadable(read):
            return verdict
        if read.object.get("customer") != sent:
            return fails(f"{sent} succeeded, and the retrieval shows {shown_customer(read)}", read)
    return PASS


def all_kept(episode: Episode, contract: Contract) -> Verdict:
    """Of simultaneous attaches of different methods to one customer each is answered for itself, and each is kept."""
    customer = episode.fixtures["customer"]
    attached = []
    for exchange in episode.exchanges("subject"):
        if exchange.status == CONFLICT:
            continue
        if verdict := spoiled(exchange):
            return verdict
        if exchange.is_refusal:
            return fails(f"one of several at once is refused with {describe_refusal(exchange)}", exchange)
        if verdict := _of_another_request(exchange):
            return verdict
        attached.append(sent_payment_method(exchange))
    if not attached:
        return not_run("every one was answered 409")
    for read in episode.exchanges("follow-up"):
        if verdict := unreadable(read):
            return verdict
        if is_list_of(read, customer):
            missing = [method for method in attached if times_listed(read, method) != 1]
            if missing:
                times = times_listed(read, missing[0])
                return fails(f"all succeeded, and the customer's list holds {missing[0]} {times} times", read)
        elif read.object.get("id") in attached and read.object.get("customer") != customer:
            return fails(f"all succeeded, and {read.object['id']} is retrieved with {shown_customer(read)}", read)
    return PASS


def _of_another_request(exchange: Exchange) -> Verdict | None:
    body, method = exchange.object, sent_payment_method(exchange)
    (sent,) = exchange.sent_values("customer")
    if body.get("id") != method:
        return fails(f"the answer to {method} is about {body.get('id')!r}", exchange)
    if body.get("customer") != sent:
        return fails(f"the answer to {method} with {sent} shows {shown_customer(exchange)}", exchange)
    return None
