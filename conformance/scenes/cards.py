"""Payment methods in a known state, made once and used by many tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from conformance.evidence.episode import Step
from conformance.evidence.exchange import Exchange
from conformance.scenes.api import Api
from conformance.scenes.card import Card, step_of
from conformance.scenes.stage import Stage
from strategies.attempt import Attempt
from strategies.valid import MINIMAL

NOT_FOUND = 404

LOST = "a card that is no longer its customer's"
"""The name by which tests share a card that an attach of another one has taken from its customer."""
MAY_DETACH = (
    "state.same-customer-again",
    "state.second-customer",
    "state.unknown-customer",
    "state.deleted-customer",
    "state.refusal-changes-nothing",
    "state.model",
    "state.race",
    "state.detach",
)
"""Clauses whose breach may be what has taken a card from its customer."""


class Cards:
    """Makes payment methods, and takes attached ones from those that other tests have left."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.api = Api(stage)

    def new(self, *, plain: bool = False) -> Card:
        """Create a payment method; one that is not `plain` has details of its own."""
        identifier, created = self.stage.fixtures.methods.create(plain=plain)
        return Card(identifier, steps=() if created is None else (step_of("set-up", created),))

    def attached(self, customer: str, *, oldest: bool = False, latest: bool = False, by: Attempt | None = None) -> Card:
        """Return a card of that customer's, which the last of its steps, a control, shows to be so."""
        left = [card for card in self.stage.memory.cards if card.customer == customer and not latest]
        left.sort(key=lambda card: not _is_attached_by(card, by))
        for card in reversed(left) if oldest else left:
            self.stage.memory.cards.remove(card)
            read = self.api.retrieve(card.id, role="control")
            if shows(customer)(read.exchange):
                return replace(card, steps=(*card.set_up, read))
            if shows(None)(read.exchange):
                self.stage.memory.left.setdefault(LOST, card)
        card = self.new()
        card = card.then(self._attach(by or MINIMAL, card, customer), customer=customer)
        if oldest:
            follower = self.new()
            card = card.then(*follower.steps, self._attach(MINIMAL, follower, customer))
        return card.then(self.api.retrieve(card.id, role="control", until=shows(customer)))

    def _attach(self, attempt: Attempt, card: Card, customer: str) -> Step:
        ids = {"payment_method": card.id, "customer": customer}
        return self.stage.count_success(attempt, self.stage.send(attempt, ids, role="set-up"))


def _is_attached_by(card: Card, attempt: Attempt | None) -> bool:
    return attempt is not None and any(step.attempt_digest == attempt.digest for step in card.steps)


def shows(customer: str | None) -> Callable[[Exchange], bool]:
    """Return a test of whether a retrieval shows this customer."""
    return lambda exchange: exchange.is_success and exchange.object.get("customer") == customer


def is_lost(read: Step, customer: str) -> bool:
    """Return whether a retrieval shows that a payment method is not, or no longer, this customer's."""
    is_gone = read.exchange.status == NOT_FOUND
    return is_gone or (read.exchange.is_success and not shows(customer)(read.exchange))
