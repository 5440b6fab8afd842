"""Clauses about features that a failing exchange uses incidentally, such as `expand` in a test of something else.

Where such a clause is broken the failure is not reported too, so that one defect shows as one failing clause. A feature
on which the failure does not depend is never named: a server that accepts any key does so for every body.
"""

from __future__ import annotations

from collections.abc import Iterator

from conformance.evidence.episode import Episode, Step
from conformance.evidence.exchange import Exchange, asks_to_expand, sent_header
from conformance.judge.answers import says_json
from conformance.judge.auth import identified, key_first, locked_out, uncached, versioned
from conformance.judge.expand import nested
from conformance.judge.expectations import Expectation, expectation_name
from conformance.judge.idempotency import replayed
from conformance.judge.outage import outlived
from conformance.judge.reads import is_list
from conformance.judge.request import not_obeyed, rejected, reported
from conformance.judge.response import broken_success_clauses
from conformance.judge.robustness import enveloped, served_again, survived
from conformance.judge.state import deleted_customer_rejected, same_object
from conformance.judge.steadiness import steady
from conformance.judge.stripe import cloned, cloned_and_listed, rejected_as_required
from contracts import Contract
from strategies.oracle import violations
from strategies.wire import PLAIN


def _names_of(*expectations: Expectation) -> frozenset[str]:
    return frozenset(map(expectation_name, expectations))


ABOUT_THE_SERVER = _names_of(survived, served_again, outlived, enveloped, steady, reported)
"""Expectations about the server as a whole; their episodes hold what to compare with themselves."""
OF_A_REJECTION = _names_of(rejected, rejected_as_required, locked_out, key_first, not_obeyed, deleted_customer_rejected)
"""Expectations that a success breaks by itself, for every body."""
OF_BODIES = _names_of(same_object, replayed, cloned, cloned_and_listed, nested)
"""Expectations that compare the body of a success with another, member by member."""
OF_HEADERS = _names_of(identified, versioned, uncached)
"""Expectations about the headers of every response."""

WITHOUT_WHICH_IT_IS_NOT_READ = frozenset({"expand.every-entry", "request.parameter-order"})
"""The clauses by whose failure a server may not even read what it should reject."""

ACCEPTANCE = ("request.minimal-body", "robustness.same-request-same-answer")
"""The clauses by which a plain valid request is accepted each time."""


def clauses_used_by(step: Step, episode: Episode, contract: Contract) -> tuple[str, ...]:
    """Return the clauses, but for the episode's own, about what the step that breaks it uses incidentally."""
    exchange = step.exchange
    used = used_incidentally(exchange, episode, contract)
    is_plain = step.kind == "valid" and not asks_to_expand(exchange)
    if is_plain and exchange.is_to_operation and exchange.is_refusal:
        used += ACCEPTANCE
    return tuple(slug for slug in used if slug != episode.clause)


def used_incidentally(exchange: Exchange, episode: Episode, contract: Contract) -> tuple[str, ...]:
    """Return the slugs of the clauses about what the exchange that breaks the episode's expectation uses.

    These are the clauses about `expand` if the request asks for it, the one about the order of parameters if `customer`
    does not come first, and the one about lists if it asks for a list. Where bodies are compared they are those that
    this very body breaks, where headers are judged those by which the request should have been rejected.
    """
    expectation = episode.expectation
    if expectation in ABOUT_THE_SERVER:
        return ()
    used = clauses_about_request(exchange)
    if exchange.is_success and expectation in OF_A_REJECTION:
        return tuple(slug for slug in used if slug in WITHOUT_WHICH_IT_IS_NOT_READ)
    if not exchange.is_to_operation:
        return used
    if says_json(exchange) and not exchange.json.found:
        used += ("response.json",)
    if not exchange.is_success:
        return used
    if expectation in OF_BODIES:
        broken = broken_success_clauses(exchange, contract, episode, whole=True)
        used += tuple(slug for slug, _ in broken)
    if expectation in OF_HEADERS:
        used += tuple(violation.clause for violation in violations(exchange.sent_pairs, contract))
    return used


def is_spelled_unusually(exchange: Exchange) -> bool:
    """Return whether the body of the request escapes what needs no escape, or escapes in lower case."""
    plain = (PLAIN.encode(pair.name) + b"=" + PLAIN.encode(pair.value) for pair in exchange.sent_pairs)
    return exchange.request.body not in (None, b"&".join(plain))


def clauses_about_request(exchange: Exchange) -> tuple[str, ...]:
    """Return the clauses about features that the request uses, such as `expand.accepted`."""
    return tuple(dict.fromkeys(_used_by_request(exchange)))


def _used_by_request(exchange: Exchange) -> Iterator[str]:
    if is_list(exchange):
        yield "state.listed"
    if not exchange.is_to_operation:
        return
    if asks_to_expand(exchange):
        yield from _used_of_expand(exchange)
    elif any(b"[" in pair.name for pair in exchange.sent_pairs):
        yield "expand.accepted"  # the plainest sign that a server understands brackets at all
    if exchange.sent_pairs and exchange.sent_pairs[0].name != b"customer":
        yield "request.parameter-order"
    if sent_header(exchange, "Cookie") is not None:
        yield "request.other-headers"


def _used_of_expand(exchange: Exchange) -> Iterator[str]:
    sent = [pair for pair in exchange.sent_pairs if pair.name.startswith(b"expand")]
    yield "expand.accepted"
    yield "expand.inlined"
    if any(pair.name not in (b"expand", b"expand[]") for pair in sent):
        yield "expand.indexed"
    if len(sent) > 1:
        yield "expand.every-entry"
    if len({pair.value for pair in sent}) < len(sent):
        yield "expand.duplicates"
