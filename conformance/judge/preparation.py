"""What many episodes have in common: requests that had to succeed first, and lists that are read afterwards."""

from __future__ import annotations

from typing import Any

from conformance.evidence.episode import Episode
from conformance.evidence.exchange import Exchange
from conformance.judge.expectations import Verdict, describe_refusal, not_run, spoiled


def unprepared(episode: Episode) -> Verdict | None:
    """The verdict when a request that had to succeed first did not."""
    for exchange in episode.exchanges("set-up"):
        if verdict := spoiled(exchange):
            return verdict
        if not exchange.is_success:
            return not_run(f"what has to come before was refused with {describe_refusal(exchange)}")
    return None


def listed(exchange: Exchange) -> tuple[Any, ...]:
    """The entries of a list; none where the answer is no list."""
    data = exchange.object.get("data")
    return tuple(data) if isinstance(data, list) else ()


def number_listed(exchange: Exchange) -> int:
    """Return how many objects a list holds; one that it shows twice is one."""
    entries = listed(exchange)
    ids = {str(entry.get("id")) for entry in entries if isinstance(entry, dict)}
    return len(ids) + sum(not isinstance(entry, dict) for entry in entries)
