"""Responses of other endpoints: the customer that a payment method shows, and the entries of a list."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from conformance.evidence.episode import Episode
from conformance.evidence.exchange import Exchange, asks_for_further_page, has_more
from conformance.evidence.strict_json import value_at
from conformance.judge.answers import describe_refusal
from conformance.judge.expectations import expect, fail, inconclusive, require_some_answer

LIST = re.compile(r"/v1/payment_methods|/v1/customers/[^/]+/payment_methods")
"""The paths of lists of payment methods."""

CUT_SHORT = "the list has more entries than it shows at once"


def require_readable(*exchanges: Exchange) -> None:
    """Stop at a response of another endpoint that is missing, or neither a success nor a rejection."""
    for exchange in exchanges:
        require_some_answer(exchange)
        if not (exchange.is_success or exchange.is_refusal):
            inconclusive(f"{exchange.request.method} {_path_of(exchange)} is answered {exchange.status}")


def each_read(episode: Episode) -> Iterator[Exchange]:
    """Yield the reads afterwards; stop at the first one that `require_readable` does not accept."""
    for read in episode.exchanges("follow-up"):
        require_readable(read)
        yield read


def stored_customers(episode: Episode) -> list[Any]:
    """Return the customers that the reads afterwards show, as far as they succeed."""
    return [read.object.get("customer") for read in episode.exchanges("follow-up") if read.is_success]


def shown_customer(exchange: Exchange) -> str:
    """Return the customer that a payment method shows, in words: its id, `null`, or `an object`."""
    customer = exchange.object.get("customer")
    if isinstance(customer, str):
        return customer
    return "null" if customer is None else "an object"


def is_list(exchange: Exchange) -> bool:
    """Return whether the request asked for a list of payment methods, by either endpoint."""
    return exchange.request.method == "GET" and LIST.fullmatch(_path_of(exchange)) is not None


def is_list_of(exchange: Exchange, customer: str) -> bool:
    """Return whether the request asked for the list of that customer's payment methods."""
    path, _, query = exchange.request.target.partition("?")
    escaped = quote(customer, safe="")
    return f"customer={escaped}" in query.split("&") or path == f"/v1/customers/{escaped}/payment_methods"


def each_retrieved(episode: Episode) -> Iterator[Exchange]:
    """Yield the retrievals among the reads afterwards; stop at the first one that is not readable."""
    for read in episode.exchanges("follow-up"):
        if not is_list(read):
            require_readable(read)
            yield read


def listed(exchange: Exchange) -> tuple[Any, ...]:
    """Return the entries of a list; none where the response is no list, or the request asked for none.

    A payment method may have a member `data`, too, which means nothing here.
    """
    data = exchange.object.get("data")
    return tuple(data) if is_list(exchange) and isinstance(data, list) else ()


def times_listed(exchange: Exchange, payment_method: str) -> int:
    """Return how often a list holds the payment method."""
    return sum(isinstance(entry, dict) and entry.get("id") == payment_method for entry in listed(exchange))


def number_listed(exchange: Exchange) -> int:
    """Return how many objects a list holds; an object that it shows twice counts once."""
    hashes = [entry for entry in listed(exchange) if isinstance(entry, dict)]
    return len({str(entry.get("id")) for entry in hashes}) + len(listed(exchange)) - len(hashes)


def expect_unattached(episode: Episode) -> None:
    """Expect the reads afterwards to show nothing attached, except for the customer that was attached before."""
    before = episode.facts.get("attached_before")
    for read in episode.exchanges("follow-up"):
        is_attached = bool(listed(read)) or read.object.get("customer") not in (None, before)
        if read.is_success and is_attached:
            subject = episode.subject
            rests_on = ("state.refusal-changes-nothing", "state.persisted", "state.listed")
            fail(f"answered {subject.status}, but attached the payment method", subject, *rests_on)


def lists_of(episode: Episode, customer: str) -> list[tuple[Exchange, ...]]:
    """Return the lists of that customer's payment methods that were read afterwards, each with its pages in order."""
    lists: list[tuple[Exchange, ...]] = []
    for answer in episode.exchanges("follow-up"):
        if not is_list_of(answer, customer):
            continue
        if lists and asks_for_further_page(answer):
            lists[-1] = (*lists[-1], answer)
        else:
            lists.append((answer,))
    return lists


def expect_listed(episode: Episode, method: str, wanted: Mapping[str, int]) -> None:
    """Expect the lists of these customers to hold the payment method as often as `wanted` says, 0 or 1 times."""
    for customer, count in wanted.items():
        for pages in lists_of(episode, customer):
            _expect_times(pages, customer, method, count)


def _expect_times(pages: Sequence[Exchange], customer: str, method: str, count: int) -> None:
    require_readable(*pages)
    times = sum(times_listed(page, method) for page in pages)
    last = pages[-1]
    if count and not times and has_more(last):
        inconclusive(CUT_SHORT)
    holds = f"the list of {customer} holds {method}"
    expect(last.is_success, f"cannot read whether {holds}: answered {describe_refusal(last)}", last)
    observed = f"{holds} {times} times" if times else f"the list of {customer} does not hold {method}"
    expect(times == count, observed, last)


def expect_attached_to(episode: Episode, customer: str, after: str) -> None:
    """Expect the retrievals afterwards to show the customer; messages begin with what came before."""
    for read in each_retrieved(episode):
        expect(read.is_success, f"{after}; afterwards retrieving it is answered {describe_refusal(read)}", read)
        shown = f"{after}; afterwards `customer` is {shown_customer(read)}, not {customer}"
        expect(read.object.get("customer") == customer, shown, read)


def as_shown(value: Any) -> Any:
    """Return a value as it is."""
    return value


def tidied(value: Any) -> Any:
    """Return a text without what servers change when they save it; any other value as it is."""
    return " ".join(value.casefold().split()) if isinstance(value, str) else value


def lost_since(created: Exchange, customer: Mapping[str, Any], form: Callable[[Any], Any] = as_shown) -> Iterator[str]:
    """Yield the roots of the members that the customer was created with and that it is now shown without.

    The response to the creation must show the member. A member that is now absent is not lost: an expanded customer may
    be shown in brief. Values are compared in a `form`.
    """
    if created.is_to_operation or created.object.get("id") != customer.get("id"):
        return
    for pair in created.sent_pairs:
        root, *keys = pair.name.decode().rstrip("]").split("[", 1)
        before, after = (value_at(side, root, *keys) for side in (created.object, customer))
        was_given = before == pair.value.decode() and root in customer
        if was_given and form(after) != form(before):
            yield root


def describe_lost(root: str, customer: Mapping[str, Any]) -> str:
    """Return what a customer lost since its creation in words."""
    return f"lost what it was created with: `{root}` is {customer[root]!r}"


def _path_of(exchange: Exchange) -> str:
    return exchange.request.target.partition("?")[0]
