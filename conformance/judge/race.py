"""What is expected of simultaneous attaches."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.evidence.episode import Episode, Outcome
from conformance.evidence.exchange import Exchange, customer_id
from conformance.judge.expectations import PASS, Verdict, describe_refusal, fails, not_run, spoiled
from conformance.judge.reads import CUT_SHORT, is_list_of, shown_customer, times_listed, unreadable
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
    if verdict := _of_another_request(winner, subjects):
        return verdict
    (sent,) = winner.sent_values("customer")
    for read in episode.exchanges("follow-up"):
        if verdict := unreadable(read):
            return verdict
        if read.object.get("customer") != sent:
            return fails(f"{sent} succeeded, and the retrieval shows {shown_customer(read)}", read)
    return PASS


def all_kept(episode: Episode, contract: Contract) -> Verdict:
    """Of simultaneous attaches each is answered for itself, and each payment method is kept once by its own customer.

    Who asks for one that another request is attaching at the same time may be refused.
    """
    customer = episode.fixtures["customer"]
    owners: dict[str, str] = {}
    for exchange in episode.exchanges("subject"):
        if exchange.status == CONFLICT:
            continue
        if verdict := spoiled(exchange):
            return verdict
        if exchange.is_refusal:
            if _is_attached_by_another(exchange, episode):
                continue
            told = f"one of several at once is refused with {describe_refusal(exchange)}"
            return fails(told, exchange, "robustness.same-request-same-answer")
        if verdict := _of_another_request(exchange, episode.exchanges("subject")):
            return verdict
        owners[sent_payment_method(exchange)] = exchange.sent_values("customer")[0]
    if not owners:
        return not_run("every one was answered 409")
    for read in episode.exchanges("follow-up"):
        if verdict := unreadable(read):
            return verdict
        if is_list_of(read, customer):
            wanted = {method: int(owner == customer) for method, owner in owners.items()}
            wrong = [
                method
                for method in owners
                if times_listed(read, method) != wanted[method]
                and (times_listed(read, method) or not _is_asked_twice(method, episode))
            ]
            if wrong:
                times = times_listed(read, wrong[0])
                if not times and read.object.get("has_more"):
                    return CUT_SHORT
                told = f"holds {wrong[0]} {times} times, not {wanted[wrong[0]]} times"
                return fails(f"all succeeded, and the list of {customer} {told}", read)
        elif (owner := owners.get(str(read.object.get("id")))) and read.object.get("customer") != owner:
            return fails(f"all succeeded, and {read.object['id']} is retrieved with {shown_customer(read)}", read)
    return PASS


def _is_attached_by_another(exchange: Exchange, episode: Episode) -> bool:
    """Whether another of the requests has attached the payment method that this one was refused for."""
    method = sent_payment_method(exchange)
    successes = (other for other in episode.exchanges("subject") if other.is_success)
    return any(sent_payment_method(other) == method for other in successes)


def _is_asked_twice(method: str, episode: Episode) -> bool:
    """Whether two requests attach this payment method: what a second one does to the first is for another clause."""
    return sum(sent_payment_method(exchange) == method for exchange in episode.exchanges("subject")) > 1


def _of_another_request(exchange: Exchange, others: Sequence[Exchange]) -> Verdict | None:
    """Return the verdict when a success carries an id that only another of the simultaneous requests has sent.

    An id that none of them has sent is for the clauses about the body of a success.
    """
    shown, method = exchange.object.get("id"), sent_payment_method(exchange)
    (sent,) = exchange.sent_values("customer")
    if shown != method and shown in [sent_payment_method(other) for other in others]:
        return fails(f"the answer to {method} is about {shown}", exchange, "response.id")
    customers = [customer for other in others for customer in other.sent_values("customer")]
    if customer_id(exchange) != sent and customer_id(exchange) in customers:
        told = f"the answer to {method} with {sent} shows {customer_id(exchange)}"
        return fails(told, exchange, "response.customer")
    return None
