"""Clauses about features that a failing exchange uses only in passing, such as `expand` in a test about something else.

Where such a clause is broken the failure says nothing of its own, so that one defect shows as one failing clause. A
feature that the failure does not depend on is never named: a server that takes any key does so whatever its body says.
"""

from __future__ import annotations

from collections.abc import Iterator

from conformance.evidence.exchange import Exchange, asks_to_expand
from conformance.judge.general import says_json
from conformance.judge.reads import is_list
from conformance.judge.success import broken_success_clauses
from contracts import Contract
from strategies.oracle import violations
from strategies.wire import PLAIN

ABOUT_THE_SERVER = frozenset({"survived", "served_again", "outlived", "enveloped", "steady", "reported"})
"""Expectations that whatever arrives is answered; their episodes hold what to compare with themselves."""
OF_A_REJECTION = frozenset({"refused", "refused_as_told", "locked_out", "key_first", "not_obeyed", "deleted_refused"})
"""Expectations that a success breaks by itself, whatever its body says."""
OF_BODIES = frozenset({"same_object", "replayed", "cloned", "cloned_and_listed", "nested"})
"""Expectations that compare the body of a success with another, member by member."""
OF_HEADERS = frozenset({"identified", "versioned", "uncached"})

WITHOUT_WHICH_IT_IS_NOT_READ = frozenset({"expand.every-entry", "request.parameter-order"})
"""The clauses by whose failure a server may not even read what it should reject."""


def used_in_passing(
    exchange: Exchange, expectation: str, contract: Contract, *, test_key: bool = True, created_as: str = ""
) -> tuple[str, ...]:
    """Return the slugs of the clauses about what the exchange that breaks an expectation uses.

    These are the clauses about `expand` if the request asks for it, the one about the order of parameters if `customer`
    does not come first, and the one about lists if it asks for a list. Where bodies are compared they are those that
    this very body breaks, where headers are judged those by which the request should have been rejected.
    """
    if expectation in ABOUT_THE_SERVER:
        return ()
    used = tuple(dict.fromkeys(_of_request(exchange)))
    if exchange.is_success and expectation in OF_A_REJECTION:
        return tuple(slug for slug in used if slug in WITHOUT_WHICH_IT_IS_NOT_READ)
    if not exchange.is_to_operation:
        return used
    if not exchange.json.found and says_json(exchange):
        used += ("response.json",)
    if exchange.is_success and expectation in OF_BODIES:
        broken = broken_success_clauses(exchange, contract, test_key=test_key, created_as=created_as, whole=True)
        used += tuple(slug for slug, _ in broken)
    if exchange.is_success and expectation in OF_HEADERS:
        used += tuple(violation.clause for violation in violations(exchange.sent_pairs, contract))
    return used


def is_spelled_unusually(exchange: Exchange) -> bool:
    """Return whether the body of the request escapes what needs no escape, or escapes in lower case."""
    plain = (PLAIN.encode(pair.name) + b"=" + PLAIN.encode(pair.value) for pair in exchange.sent_pairs)
    return exchange.request.body not in (None, b"&".join(plain))


def _of_request(exchange: Exchange) -> Iterator[str]:
    if is_list(exchange):
        yield "state.listed"
    if not exchange.is_to_operation:
        return
    if asks_to_expand(exchange):
        yield from _of_expand(exchange)
    elif any(b"[" in pair.name for pair in exchange.sent_pairs):
        yield "expand.accepted"  # the plainest sign that a server understands brackets at all
    if exchange.sent_pairs and exchange.sent_pairs[0].name != b"customer":
        yield "request.parameter-order"


def _of_expand(exchange: Exchange) -> Iterator[str]:
    names = [pair.name for pair in exchange.sent_pairs if pair.name.startswith(b"expand")]
    yield "expand.accepted"
    yield "expand.inlined"
    if any(name not in (b"expand", b"expand[]") for name in names):
        yield "expand.indexed"
    if len(names) > 1:
        yield "expand.every-entry"
