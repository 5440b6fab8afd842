"""Repetitions of one request: its responses are of one class, and the server drops none of it on kept connections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from conformance.evidence.episode import Episode
from conformance.evidence.exchange import Exchange, may_be_lost_on_the_way
from conformance.judge.answers import NO_ANSWER, answer_class, describe_answer
from conformance.judge.expectations import RATE_LIMITED, expect, expectation, fail, inconclusive
from contracts import Contract

FEW_LOST = 10
"""A server that closes a kept connection more often than once in this many requests does so as a habit, which is legal
(RFC 9112 section 9.3)."""

SHORTEST_PAUSE = 0.025
"""The seconds for which a connection must have been idle for its end to be known, if the server was closing it."""
TIMER_ERROR = 0.05
"""The seconds by which two idle times must differ for the timer of a server, on a busy machine, not to explain both."""
SEVERAL_UNREAD = 2
"""The number of requests that must be left unread, after different pauses, for chance not to explain them."""


@expectation
def steady(episode: Episode, contract: Contract) -> None:
    """Expect the same class of response each time that a kind of request is sent.

    A network may lose one response.
    """
    exchanges = _without_network_loss(episode)
    lost = dropped(exchanges)
    is_habit = len(lost) >= len(exchanges) / FEW_LOST
    if lost and not is_habit:
        observed = f"{len(lost)} of {len(exchanges)} were not answered on a kept connection"
        fail(observed, lost[0])
    judged = [(index, exchange) for index, exchange in enumerate(exchanges, start=1) if exchange.status != 429]
    ((usual, _),) = Counter(answer_class(exchange) for _, exchange in judged).most_common(1)
    if usual[0] == NO_ANSWER:
        inconclusive(str(usual[1]))
    others = " ".join(str(part) for part in usual[1:] if part is not None)
    for index, exchange in judged:
        observed = f"answer {index} of {len(exchanges)} to the same kind of request was {describe_answer(exchange)}"
        expect(answer_class(exchange) == usual, f"{observed}, the others {others}", exchange)


def _without_network_loss(episode: Episode) -> tuple[Exchange, ...]:
    """Return the subjects without the one whose response a network may have lost; stop when no response is left."""
    exchanges = episode.exchanges("subject")
    if not any(exchange.answered for exchange in exchanges):
        inconclusive(exchanges[0].why_unanswered or RATE_LIMITED)
    lost = [exchange for exchange in exchanges if may_be_lost_on_the_way(exchange)]
    if len(lost) != 1 or not episode.facts.get("remote"):
        return exchanges
    kept = tuple(exchange for exchange in exchanges if exchange not in lost)
    if not any(exchange.answered for exchange in kept):
        inconclusive(lost[0].why_unanswered or "the network may have cut the only answer short")
    return kept


def dropped(exchanges: Sequence[Exchange]) -> list[Exchange]:
    """Return the requests that a server dropped on a kept connection that it was not closing.

    A server may close an idle connection (RFC 9112 section 9.3), and a request that arrives at that moment is lost by
    chance. So a loss counts only after a pause, and only where another connection was idle for longer and still served;
    and a request that a reset shows as unread counts only where that was seen several times. An exchange without a
    known idle time counts.
    """
    served = [exchange.idle for exchange in exchanges if exchange.idle is not None and not exchange.resent]
    longest = max(served, default=0.0)
    lost = [exchange for exchange in exchanges if exchange.resent and _is_no_chance(exchange.idle, longest)]
    unread = [exchange for exchange in lost if exchange.unread]
    return lost if len(unread) >= SEVERAL_UNREAD else [exchange for exchange in lost if not exchange.unread]


def _is_no_chance(idle: float | None, longest: float) -> bool:
    """Return whether a connection that was idle for this long was lost for another reason than that it was closed."""
    return idle is None or (idle >= SHORTEST_PAUSE and idle + TIMER_ERROR < longest)
