"""Playing: the requests of a recorded episode are sent to a target again, on objects that are made for that."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import groupby
from threading import Barrier
from typing import Any
from urllib.parse import unquote

from conformance.evidence.episode import Episode, Step
from conformance.evidence.exchange import Exchange, customer_id, is_creation
from conformance.fixtures.forms import (
    DECLINED,
    DECLINING_FORMS,
    NO_DECLINING_CARD,
    NO_DELETING,
    PAYMENT_METHOD_FORMS,
    RUN,
    new_run,
)
from conformance.fixtures.objects import Fixtures
from conformance.fixtures.provisioning import OutOfFixtures
from conformance.fixtures.renaming import Known, Renaming, known_ids
from conformance.judge.steadiness import SHORTEST_PAUSE
from conformance.scenes.api import PATIENCE
from conformance.transport.client import Client
from conformance.verdict.shapes import AT_ONCE, exchanges_in
from conformance.verdict.trial import Trial
from strategies.attempt import Request
from strategies.valid import MINIMAL

LONGEST_WAIT = 10.0
"""How many seconds a request waits for those that are sent at the same time."""
LONGEST_PAUSE = 0.2
"""How many seconds a connection is left idle at most."""
MOST_GIVEN = 100
"""How many more payment methods a customer is given at most: no list shows more on one page."""
DELETED = "deleted_customer"


@dataclass(frozen=True)
class History:
    """The exchanges by which payment methods were attached in a recorded run, by their customers."""

    attached: Mapping[str, Sequence[Exchange]] = field(default_factory=dict)

    @classmethod
    def of(cls, trials: Iterable[Trial]) -> History:
        """Return the history in a record."""
        attached: dict[str, list[Exchange]] = {}
        for exchange in exchanges_in(trials):
            customer = customer_id(exchange)
            if exchange.is_to_operation and exchange.is_success and isinstance(customer, str):
                attached.setdefault(customer, []).append(exchange)
        return cls(attached)

    def attached_elsewhere(self, customer: str, episode: Episode, before: float) -> int:
        """Return how many payment methods a customer got outside the episode before a time, in seconds since 1970."""
        own = {step.exchange for step in episode.steps}
        return sum(one.received <= before and one not in own for one in self.attached.get(customer, ()))


@dataclass(frozen=True)
class Setting:
    """A way to make the objects that no step of the episode makes.

    With `flipped`, payment methods get details of their own if the recorded ones seem to have had none, and none if
    they had. With `used`, customers have been read before, and get as many more payment methods as the recorded ones
    had at that time. With `kept`, all requests go over one connection, and wait where it was left idle for the sake of
    what a server does to idle ones.
    """

    flipped: bool = False
    used: bool = False
    kept: bool = False


AS_RECORDED = Setting()
ON_ONE_CONNECTION = Setting(kept=True)


class Play:
    """One play of one episode. `provided` lists the kinds of the objects that were made for it."""

    def __init__(self, client: Client, fixtures: Fixtures, history: History, setting: Setting = AS_RECORDED) -> None:
        self.client = client
        self.fixtures = fixtures
        self.history = history
        self.setting = setting
        self.provided: list[str] = []
        self._given: Counter[str] = Counter()
        self.fixtures.inventory.run = new_run()

    def play(self, episode: Episode) -> Episode:
        """Send the requests of an episode again, and return it as it goes now. Raises OutOfFixtures."""
        described = "\n".join(step.attempt for step in episode.steps)
        renaming = Renaming(known_ids(episode), lambda old, known: self._provide(old, known, episode), described)
        answers: dict[int, Exchange] = {}
        before = "follow-up"
        for places in _sent_together(episode):
            steps = [episode.steps[place] for place in places]
            self._wait_between(before, steps[0].role)
            before = steps[0].role
            requests = [renaming.request(step.exchange.request) for step in steps]
            if self.setting.used:
                self._catch_up(renaming, episode, steps[0].exchange)
            answers.update(zip(places, self._send(steps, requests), strict=True))
            for place in places:
                self._learn(renaming, episode.steps[place].exchange, answers[place])
        played = [
            replace(
                step,
                attempt=renaming.words(step.attempt),
                bindings=renaming.words(step.bindings),
                exchange=answers[place],
            )
            for place, step in enumerate(episode.steps)
        ]
        facts = {**renaming.words(episode.facts), **self._facts(episode)}
        return replace(episode, steps=tuple(played), fixtures=renaming.words(episode.fixtures), facts=facts, id="")

    def _wait_between(self, before: str, role: str) -> None:
        """Give a target elsewhere the time to show a new state: a replay reads it only once."""
        if before != "follow-up" and role == "follow-up" and not self.client.address.is_loopback:
            time.sleep(PATIENCE)

    def _send(self, steps: Sequence[Step], requests: Sequence[Request]) -> list[Exchange]:
        """Return the answers; several requests are sent at the same time, each on a connection of its own."""
        if len(requests) == 1:
            return [self._send_one(requests[0], steps[0].exchange)]
        ready = Barrier(len(requests))

        def send(request: Request) -> Exchange:
            ready.wait(LONGEST_WAIT)
            return self.client.send(request, new_connection=True)

        with ThreadPoolExecutor(len(requests)) as pool:
            return list(pool.map(send, requests))

    def _send_one(self, request: Request, recorded: Exchange) -> Exchange:
        if not self.setting.kept:
            return self.client.send(request, new_connection=recorded.new_connection)
        if (recorded.idle or 0.0) >= SHORTEST_PAUSE:
            time.sleep(min(recorded.idle or 0.0, LONGEST_PAUSE))
        return self.client.send(request)

    def _learn(self, renaming: Renaming, recorded: Exchange, now: Exchange) -> None:
        """Note which objects the answer names, which it creates, and which it deletes."""
        old, new = recorded.object.get("id"), now.object.get("id")
        if isinstance(old, str) and isinstance(new, str):
            kind = "customer" if old.startswith("cus") else "payment_method"
            renaming.learn(old, new, kind, is_created=is_creation(recorded))
        if is_creation(now) and isinstance(new, str):
            self.fixtures.inventory.made.append((now.request.target.removeprefix("/v1/").removesuffix("s"), new))
        gone = "customer", unquote(now.request.target.removeprefix("/v1/customers/"))
        if now.request.method == "DELETE" and now.is_success and gone in self.fixtures.inventory.made:
            self.fixtures.inventory.made.remove(gone)

    def _provide(self, old: str, known: Known, episode: Episode) -> str:
        """Make an object of an id's kind, in the state that its name says, and return its id."""
        self.provided.append(known.kind)
        if known.kind == RUN:
            return self.fixtures.inventory.run
        if known.kind == "customer":
            return self._customer(is_deleted=known.name == DELETED)
        if episode.clause == DECLINED:
            return self._declining_card()
        if self.fixtures.provision.has_given_methods:
            return self._given_payment_method()
        if _had_details(old, episode) is not self.setting.flipped:
            return self.fixtures.methods.new()
        return self.fixtures.methods.new(plain=True)

    def _customer(self, *, is_deleted: bool) -> str:
        identifier, _ = self.fixtures.customers.create()
        if is_deleted:
            if not self.fixtures.customers.delete(identifier).is_success:
                raise OutOfFixtures(NO_DELETING)
        elif self.setting.used:
            self.fixtures.endpoints.list_payment_methods(identifier)
        return identifier

    def _catch_up(self, renaming: Renaming, episode: Episode, recorded: Exchange) -> None:
        """Give customers as many payment methods as they had got outside the episode before this exchange."""
        begun = recorded.received - recorded.seconds
        for old, new in list(renaming.new.items()):
            if renaming.known[old].kind == "customer":
                wanted = min(self.history.attached_elsewhere(old, episode, begun), MOST_GIVEN)
                for _ in range(self._given[old], wanted):
                    ids = {"customer": new, "payment_method": self.fixtures.methods.new()}
                    self.client.send(MINIMAL.bind(ids))
                self._given[old] = max(wanted, self._given[old])

    def _given_payment_method(self) -> str:
        """Return the next payment method that the user gave and that no customer has."""
        while True:
            identifier = self.fixtures.methods.take_reserved()
            read = self.fixtures.endpoints.read_payment_method(identifier)
            if read is None or not isinstance(read.object.get("customer"), str):
                return identifier

    def _declining_card(self) -> str:
        forms = DECLINING_FORMS.get(self.fixtures.provision.payment_methods, ())
        identifier = self.fixtures.methods.create_from_card(*forms)
        if identifier is None:
            raise OutOfFixtures(NO_DECLINING_CARD)
        return identifier

    def _facts(self, episode: Episode) -> dict[str, object]:
        provision = self.fixtures.provision
        facts: dict[str, object] = {"stateless": provision.stateless, "test_key": self.client.key.is_test_key}
        if "created_as" in episode.facts and provision.payment_methods not in PAYMENT_METHOD_FORMS:
            facts["created_as"] = ""
        return facts


def _sent_together(episode: Episode) -> Iterator[list[int]]:
    """Yield the places of the steps in the order of their answers; of those sent at the same time together."""
    steps = episode.steps
    in_order = sorted(range(len(steps)), key=lambda place: steps[place].exchange.received)
    for is_subject, places in groupby(in_order, lambda place: steps[place].role == "subject"):
        if is_subject and episode.expectation in AT_ONCE:
            yield list(places)
        else:
            yield from ([place] for place in places)


def _had_details(identifier: str, episode: Episode) -> bool:
    """Return whether a payment method had details of its own; True where no answer of the episode shows it."""
    for exchange in (step.exchange for step in episode.steps):
        shown = exchange.object
        if shown.get("id") == identifier and exchange.is_success:
            return bool(shown.get("metadata")) or _has_a_value(shown.get("billing_details"))
    return True


def _has_a_value(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_a_value, value.values()))
    return value is not None
