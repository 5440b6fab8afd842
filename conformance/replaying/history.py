"""What a recorded run had done to its objects before an episode: what a fresh fixture must make up for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.episode import Episode
from conformance.trial import Trial


@dataclass(frozen=True)
class History:
    """When payment methods were attached, in seconds since 1970, by the customers that got them."""

    attached: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, trials: Iterable[Trial]) -> History:
        """The history that a record tells."""
        exchanges = dict.fromkeys(
            step.exchange for trial in trials for performed in trial.episodes for step in performed.episode.steps
        )
        attached: dict[str, list[float]] = {}
        for exchange in exchanges:
            customer = exchange.object.get("customer")
            identifier = customer.get("id") if isinstance(customer, dict) else customer
            if exchange.is_to_operation and exchange.is_success and isinstance(identifier, str):
                attached.setdefault(identifier, []).append(exchange.received)
        return cls({customer: tuple(sorted(times)) for customer, times in attached.items()})

    def attached_before(self, customer: str, episode: Episode) -> int:
        """How many payment methods the customer had been given when the episode began."""
        begun = min((step.exchange.received - step.exchange.seconds for step in episode.steps), default=0.0)
        return sum(moment <= begun for moment in self.attached.get(customer, ()))


def has_details(identifier: str, episode: Episode) -> bool | None:
    """Whether a payment method had details of its own, as far as an answer of the episode tells."""
    for step in episode.steps:
        told = step.exchange.object
        if told.get("id") == identifier and step.exchange.is_success:
            return bool(told.get("metadata")) or _says_something(told.get("billing_details"))
    return None


def _says_something(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_says_something, value.values()))
    return value is not None
