"""What a recorded run had done to its objects before an episode: what a fresh fixture must make up for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.evidence.episode import Episode
from conformance.evidence.exchange import Exchange, customer_id
from conformance.verdict.trial import Trial


@dataclass(frozen=True)
class History:
    """The exchanges by which payment methods were attached, by the customers that got them."""

    attached: Mapping[str, tuple[Exchange, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, trials: Iterable[Trial]) -> History:
        """The history that a record tells."""
        exchanges = dict.fromkeys(
            step.exchange for trial in trials for performed in trial.episodes for step in performed.episode.steps
        )
        attached: dict[str, list[Exchange]] = {}
        for exchange in exchanges:
            identifier = customer_id(exchange)
            if exchange.is_to_operation and exchange.is_success and isinstance(identifier, str):
                attached.setdefault(identifier, []).append(exchange)
        return cls({customer: tuple(exchanges) for customer, exchanges in attached.items()})

    def elsewhere(self, customer: str, episode: Episode, moment: float) -> int:
        """How many payment methods the customer had been given outside of the episode up to a moment.

        `moment` is in seconds since 1970.
        """
        own = {step.exchange for step in episode.steps}
        given = self.attached.get(customer, ())
        return sum(exchange.received <= moment and exchange not in own for exchange in given)


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
