"""Expectations of the chapter `robustness`: malformed and oversized requests, and the service after them."""

from __future__ import annotations

from conformance.evidence.episode import Episode
from conformance.evidence.exchange import Exchange
from conformance.evidence.failure import NEVER_ARRIVED
from conformance.judge.answers import describe_answer, says_json
from conformance.judge.expectations import RATE_LIMITED, expect, expectation, fail, inconclusive, skip_unless
from contracts import Contract
from strategies.malformed import INJECTED_HEADER

UNAVAILABLE = 503
"""The status of a server that serves nobody at present."""


@expectation
def survived(episode: Episode, contract: Contract) -> None:
    """Expect every subject to be answered in time and below 500.

    The clause is skipped unless the control, an ordinary request, is served.
    """
    for ordinary in episode.exchanges("control"):
        is_served = ordinary.status is not None and ordinary.status < 500
        skip_unless(is_served, f"an ordinary request of this kind is answered {ordinary.status or 'not at all'}")
    for exchange in episode.exchanges("subject"):
        if exchange.failure in NEVER_ARRIVED:
            inconclusive(exchange.why_unanswered)
        if exchange.status is None:
            fail(exchange.failure, exchange)
        if not exchange.answered:
            inconclusive(RATE_LIMITED)
        observed = f"answered {exchange.status}"
        expect(exchange.status < 500, observed, exchange, *_reported_of_others(exchange))
        is_injected = exchange.header(INJECTED_HEADER) is not None
        expect(not is_injected, "a line end in the request became one in the answer's headers", exchange)
        skip_unless(not 300 <= exchange.status < 400, observed)


@expectation
def served_again(episode: Episode, contract: Contract) -> None:
    """Expect a valid request to be answered with success after other requests."""
    for exchange in episode.exchanges("subject"):
        if exchange.status == 429:
            inconclusive(RATE_LIMITED)
        expect(exchange.is_success, f"afterwards a valid request gets {describe_answer(exchange)}", exchange)


def _reported_of_others(exchange: Exchange) -> tuple[str, ...]:
    """Return the clause that reports a server which turns requests of any kind away, as behind a circuit breaker."""
    return ("error.status-class",) if exchange.status == UNAVAILABLE else ()


@expectation
def enveloped(episode: Episode, contract: Contract) -> None:
    """Expect the error envelope in a rejection, even of a request that no application saw."""
    for exchange in episode.exchanges("subject"):
        is_without = exchange.is_refusal and exchange.body is not None and not exchange.has_error_inside
        expect(not is_without or _is_garbled(exchange), f"a {exchange.status} without the error envelope", exchange)


def _is_garbled(exchange: Exchange) -> bool:
    """Return whether response.json reports the body: it is framed wrongly, or called JSON and none."""
    is_broken_json = bool(exchange.body) and says_json(exchange) and not exchange.json.found
    return bool(exchange.framing) or is_broken_json
