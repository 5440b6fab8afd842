"""Clauses about features that a failing exchange uses only in passing, such as `expand` in a test about something else.

Where such a clause is broken the failure says nothing of its own, so that one defect shows as one failing clause.
"""

from __future__ import annotations

from collections.abc import Iterator

from conformance.exchange import Exchange
from conformance.judge.general import says_json
from conformance.judge.success import broken_success_clauses
from contracts import Contract
from strategies.oracle import violations
from strategies.wire import PLAIN

LISTS_END_WITH = "/payment_methods"


def used_in_passing(exchange: Exchange, contract: Contract, *, test_key: bool, created_as: str = "") -> tuple[str, ...]:
    """Return the slugs of the clauses about what this exchange uses, in no telling order.

    These are the clauses about `expand` if the request asks for it, the one about the order of parameters if `customer`
    does not come first, and the one about lists if it asks for a list. Of an answer they are those about its body that
    this very body breaks, and of a success the ones by which the request should have been rejected.
    """
    return tuple(dict.fromkeys(_used(exchange, contract, test_key, created_as)))


def is_spelled_unusually(exchange: Exchange) -> bool:
    """Return whether the body of the request escapes what needs no escape, or escapes in lower case."""
    plain = (PLAIN.encode(pair.name) + b"=" + PLAIN.encode(pair.value) for pair in exchange.sent_pairs)
    return exchange.request.body not in (None, b"&".join(plain))


def is_list(exchange: Exchange) -> bool:
    """Return whether the request asked for a list of payment methods, by either endpoint."""
    path = exchange.request.target.partition("?")[0]
    return exchange.request.method == "GET" and path.endswith(LISTS_END_WITH)


def _used(exchange: Exchange, contract: Contract, test_key: bool, created_as: str) -> Iterator[str]:
    if is_list(exchange):
        yield "state.listed"
    if not exchange.is_to_operation:
        return
    if exchange.asked_to_expand:
        yield from _about_expand(exchange)
    elif any(b"[" in pair.name for pair in exchange.sent_pairs):
        yield "expand.accepted"  # the plainest sign that a server understands brackets at all
    if exchange.sent_pairs and exchange.sent_pairs[0].name != b"customer":
        yield "request.parameter-order"
    if not exchange.json.found and says_json(exchange):
        yield "response.json"
    if exchange.is_success and exchange.request.method == "POST":
        yield from (violation.clause for violation in violations(exchange.sent_pairs, contract))
        broken = broken_success_clauses(exchange, contract, test_key=test_key, created_as=created_as, whole=True)
        yield from (slug for slug, _ in broken)


def _about_expand(exchange: Exchange) -> Iterator[str]:
    names = [pair.name for pair in exchange.sent_pairs if pair.name.startswith(b"expand")]
    yield "expand.accepted"
    yield "expand.inlined"
    if any(name not in (b"expand", b"expand[]") for name in names):
        yield "expand.indexed"
    if len(names) > 1:
        yield "expand.every-entry"
