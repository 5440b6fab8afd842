"""Expectations of simultaneous attaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from conformance.evidence.counted import counted
from conformance.evidence.episode import Episode
from conformance.evidence.exchange import Exchange, asks_to_expand, customer_id, has_more
from conformance.judge.answers import describe_refusal
from conformance.judge.expectations import (
    RATE_LIMITED,
    expect,
    expectation,
    fail,
    inconclusive,
    require_answer,
    skip_unless,
)
from conformance.judge.reads import (
    CUT_SHORT,
    each_read,
    each_retrieved,
    lists_of,
    require_readable,
    shown_customer,
    times_listed,
)
from conformance.judge.request import sent_payment_method
from contracts import Contract

CONFLICT = 409

SHAPE_OF_A_SUCCESS = ("response.status", "response.json", "response.object", "response.customer")
"""The clauses about whether a success shows a payment method with its customer at all."""


@expectation
def one_winner(episode: Episode, contract: Contract) -> None:
    """Expect exactly one of simultaneous attaches to different customers to succeed.

    A retrieval shows the customer of the one that succeeded.
    """
    subjects = episode.exchanges("subject")
    winners = [exchange for exchange in subjects if exchange.is_success]
    if len(winners) > 1:
        customers = " and ".join(_customer_of(exchange) for exchange in winners[:2])
        fail(f"{len(winners)} of {len(subjects)} succeeded at once, {customers} among them", winners[1])
    require_answer(*filter(_is_lost_or_broken, subjects))
    if not winners and any(exchange.status == 429 for exchange in subjects):
        inconclusive(RATE_LIMITED)
    observed = f"none of {len(subjects)} succeeded: {describe_refusal(subjects[0])}"
    expect(winners, observed, subjects[0])
    (winner,) = winners
    _expect_own_ids(winner, subjects)
    customer = _customer_of(winner)
    for read in each_read(episode):
        shown = f"{customer} succeeded, and the retrieval shows {shown_customer(read)}"
        expect(read.object.get("customer") == customer, shown, read)


def _is_lost_or_broken(exchange: Exchange) -> bool:
    status = exchange.status
    return status is None or status >= 500 or 300 <= status < 400


@expectation
def all_kept(episode: Episode, contract: Contract) -> None:
    """Expect simultaneous attaches to be answered each for itself, and to be kept.

    Each customer's list holds its own payment methods once. A request for a payment method that another request is
    attaching at the same time may be rejected.
    """
    subjects = episode.exchanges("subject")
    owners: dict[str, str] = {}
    for exchange in subjects:
        is_legal_loser = exchange.is_refusal and _is_attached_by_another(exchange, subjects)
        if exchange.status == CONFLICT or is_legal_loser:
            continue
        require_answer(exchange)
        observed = f"one of several at once is rejected with {describe_refusal(exchange)}"
        expect(exchange.is_success, observed, exchange, "robustness.same-request-same-answer")
        _expect_own_ids(exchange, subjects)
        _expect_own_form(exchange, subjects)
        owners[sent_payment_method(exchange)] = _customer_of(exchange)
    skip_unless(owners, f"every request was answered {CONFLICT}")
    customer = episode.fixtures["customer"]
    for pages in lists_of(episode, customer):
        _expect_each_listed(pages, owners, episode)
    for read in each_retrieved(episode):
        identifier, shown = str(read.object.get("id")), read.object.get("customer")
        is_kept = shown == owners.get(identifier, shown)
        expect(is_kept, f"all succeeded, and {identifier} is retrieved with {shown_customer(read)}", read)


def _expect_each_listed(pages: Sequence[Exchange], owners: Mapping[str, str], episode: Episode) -> None:
    """Expect the customer's list to hold its own payment methods once each, and no other."""
    require_readable(*pages)
    customer = episode.fixtures["customer"]
    asked_for = [sent_payment_method(exchange) for exchange in episode.exchanges("subject")]
    for method, owner in owners.items():
        times = sum(times_listed(page, method) for page in pages)
        wanted = int(owner == customer)
        is_open = not times and asked_for.count(method) > 1  # another clause judges what a second attach does
        if times == wanted or is_open:
            continue
        if not times and has_more(pages[-1]):
            inconclusive(CUT_SHORT)
        observed = f"holds {method} {counted(times, 'time')}" if times else f"does not hold {method}"
        fail(f"all succeeded, and the list of {customer} {observed}", pages[-1])


def _is_attached_by_another(exchange: Exchange, others: Sequence[Exchange]) -> bool:
    """Return whether another of the requests has attached the payment method of this request."""
    method = sent_payment_method(exchange)
    return any(other.is_success and sent_payment_method(other) == method for other in others)


def _expect_own_ids(exchange: Exchange, others: Sequence[Exchange]) -> None:
    """Expect a success without an id that only another of the simultaneous requests has sent.

    The clauses about the body of a success judge an id that none of them has sent.
    """
    shown, method, sent = exchange.object.get("id"), sent_payment_method(exchange), _customer_of(exchange)
    is_of_another = shown != method and shown in [sent_payment_method(other) for other in others]
    expect(not is_of_another, f"the answer to {method} is about {shown}", exchange, "response.id")
    customers = [customer for other in others for customer in other.sent_values("customer")]
    is_of_another = customer_id(exchange) != sent and customer_id(exchange) in customers
    observed = f"the answer to {method} with {sent} shows {customer_id(exchange)}"
    expect(not is_of_another, observed, exchange, "response.customer")


def _expect_own_form(exchange: Exchange, others: Sequence[Exchange]) -> None:
    """Expect the customer to be expanded as this request asks, where another of the simultaneous ones asks otherwise.

    The clauses about `expand` judge what a request gets that is alone. What is expanded is there in any case.
    """
    customer = exchange.object.get("customer")
    is_lost = customer is None and asks_to_expand(exchange)
    observed = "one of several at once, with `expand`, has no `customer`"
    expect(not is_lost, observed, exchange, *SHAPE_OF_A_SUCCESS, "expand.inlined")
    if len(set(map(asks_to_expand, others))) < 2 or not isinstance(customer, dict | str):
        return
    is_object, is_wanted = isinstance(customer, dict), asks_to_expand(exchange)
    shown = "an object" if is_object else "an id"
    asked = "with `expand`" if is_wanted else "without `expand`"
    observed = f"one of two at once, {asked}, shows `customer` as {shown}, as the other asks"
    expect(is_object is is_wanted, observed, exchange, "expand.inlined", "expand.not-expanded")


def _customer_of(exchange: Exchange) -> str:
    """Return the one customer that the request sent."""
    return exchange.sent_values("customer")[0]
