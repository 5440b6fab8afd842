"""Telling a server that drops requests from one that closes its connections, which it may."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.evidence.exchange import Exchange

SHORTEST_PAUSE = 0.025
"""For how many seconds a connection must have been idle until its end is known, if the server was closing it."""
LITTLE_LONGER = 0.005
"""By how many seconds two idle times must differ for the timer of a server not to explain both."""
SEVERAL_UNREAD = 2
"""How many requests must be left unread, after different pauses, until chance does not explain them."""


def dropped(exchanges: Sequence[Exchange]) -> list[Exchange]:
    """Return the requests that a server dropped on a kept connection, rather than met while it was closing it.

    A server may close what is idle for some time (RFC 9112 section 9.3), and what it closes at the very moment at which
    a request comes is lost by chance. So a loss counts only after a pause, and only where another connection was idle
    for longer and still served; and a request that a reset shows as unread only where that was seen several times. An
    exchange of which no idle time is known counts.
    """
    served = [exchange.idle for exchange in exchanges if exchange.idle is not None and not exchange.resent]
    longest = max(served, default=0.0)
    lost = [exchange for exchange in exchanges if exchange.resent]
    lost = [exchange for exchange in lost if _tells(exchange.idle, longest)]
    unread = [exchange for exchange in lost if exchange.unread]
    return lost if len(unread) >= SEVERAL_UNREAD else [exchange for exchange in lost if not exchange.unread]


def _tells(idle: float | None, longest: float) -> bool:
    """Whether a request that was lost after so long a pause tells of more than a connection that was being closed."""
    return idle is None or (idle >= SHORTEST_PAUSE and idle + LITTLE_LONGER < longest)
