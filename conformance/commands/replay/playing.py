"""Playing: the requests of a recorded episode are sent to a target again, on objects that are made for that."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby
from threading import Barrier
from urllib.parse import unquote

from conformance.commands.replay.history import History, has_details
from conformance.evidence.episode import Episode, Step
from conformance.evidence.exchange import Exchange, is_creation
from conformance.fixtures.forms import (
    DECLINED,
    DECLINING_FORMS,
    NO_DECLINING_CARD,
    NO_DELETING,
    PAYMENT_METHOD_FORMS,
    RUN,
)
from conformance.fixtures.objects import Fixtures
from conformance.fixtures.provisioning import OutOfFixtures
from conformance.fixtures.renaming import Known, Renaming, known_ids
from conformance.scenes.api import PATIENCE
from conformance.transport.client import Client
from strategies.attempt import Request
from strategies.valid import MINIMAL

SIMULTANEOUS = frozenset({"one_winner", "all_kept", "executed_once"})
"""The expectations about requests that were sent at once."""
LONGEST_WAIT = 10.0
MOST_GIVEN = 100
"""How many payment methods a customer is given at most besides: no list tells more on one page."""


@dataclass(frozen=True)
class Setting:
    """How objects are made whose making is no part of an episode.

    With `flipped`, those payment methods have details of their own that seem to have had none, and the other way
    round. With `used`, customers have been looked at before, and are given as many payment methods besides as they had
    when that was recorded.
    """

    flipped: bool = False
    used: bool = False


AS_RECORDED = Setting()


class Play:
    """One play of one episode. `provided` lists the objects that were made for it, by what they were called."""

    def __init__(self, client: Client, fixtures: Fixtures, history: History, setting: Setting = AS_RECORDED) -> None:
        self.client = client
        self.fixtures = fixtures
        self.history = history
        self.setting = setting
        self.provided: list[tuple[str, str]] = []
        self._given: Counter[str] = Counter()
        self.fixtures.inventory.run = uuid.uuid4().hex[:12]

    def play(self, episode: Episode) -> Episode:
        """The episode as it goes now. Raises OutOfFixtures."""
        described = "\n".join(step.attempt for step in episode.steps)
        renaming = Renaming(known_ids(episode), lambda old, known: self._provided(old, known, episode), described)
        played: dict[int, Step] = {}
        before: Step | None = None
        for together in _together(episode):
            steps = [step for _, step in together]
            self._be_patient(before, steps[0])
            requests = [renaming.request(step.exchange.request) for step in steps]
            if self.setting.used:
                self._catch_up(renaming, episode, steps[0])
            for (place, step), exchange in zip(together, self._sent(steps, requests), strict=True):
                self._learn(renaming, step.exchange, exchange)
                before = played[place] = replace(step, exchange=exchange)
        renamed = [
            replace(step, attempt=renaming.words(step.attempt), bindings=renaming.words(step.bindings))
            for _, step in sorted(played.items())
        ]
        facts = {**renaming.words(episode.facts), **self._facts(episode)}
        return replace(episode, steps=tuple(renamed), fixtures=renaming.words(episode.fixtures), facts=facts, id="")

    def _be_patient(self, before: Step | None, step: Step) -> None:
        """Off loopback a state may take its time to show, and a replay reads it once."""
        follows = before is not None and before.role != "follow-up" and step.role == "follow-up"
        if follows and not self.client.address.is_loopback:
            time.sleep(PATIENCE)

    def _sent(self, steps: Sequence[Step], requests: Sequence[Request]) -> list[Exchange]:
        """What comes back; several requests are sent at the same time, each on a connection of its own."""
        if len(requests) == 1:
            return [self.client.send(requests[0], new_connection=steps[0].exchange.new_connection)]
        ready = Barrier(len(requests))

        def send(request: Request) -> Exchange:
            ready.wait(LONGEST_WAIT)
            return self.client.send(request, new_connection=True)

        with ThreadPoolExecutor(len(requests)) as pool:
            return list(pool.map(send, requests))

    def _learn(self, renaming: Renaming, recorded: Exchange, now: Exchange) -> None:
        old, new = recorded.object.get("id"), now.object.get("id")
        if isinstance(old, str) and isinstance(new, str):
            kind = "customer" if old.startswith("cus") else "payment_method"
            renaming.learn(old, new, kind, is_created=is_creation(recorded))
        if is_creation(now) and isinstance(new, str):
            self.fixtures.inventory.made.append((now.request.target.removeprefix("/v1/").removesuffix("s"), new))
        gone = "customer", unquote(now.request.target.removeprefix("/v1/customers/"))
        if now.request.method == "DELETE" and now.is_success and gone in self.fixtures.inventory.made:
            self.fixtures.inventory.made.remove(gone)

    def _provided(self, old: str, known: Known, episode: Episode) -> str:
        """An object of the kind that an id was of; in the state that its name tells."""
        self.provided.append((known.kind, old))
        if known.kind == RUN:
            return self.fixtures.run
        if known.kind == "customer":
            return self._customer(known)
        if episode.clause == DECLINED:
            return self._declining_card()
        if self.fixtures.provision.payment_methods == "given":
            return self._given_payment_method()
        is_detailed = has_details(old, episode) is not False
        if is_detailed is not self.setting.flipped:
            return self.fixtures.methods.new()
        return self.fixtures.methods.new(plain=True)

    def _customer(self, known: Known) -> str:
        identifier, _ = self.fixtures.customers.create()
        if known.name == "deleted_customer" and not self.fixtures.customers.delete(identifier).is_success:
            raise OutOfFixtures(NO_DELETING)
        if self.setting.used and known.name != "deleted_customer":
            self.fixtures.endpoints.list_payment_methods(identifier)
        return identifier

    def _catch_up(self, renaming: Renaming, episode: Episode, step: Step) -> None:
        """Give customers as many payment methods as they had been given outside of the episode before this step."""
        moment = step.exchange.received - step.exchange.seconds
        for old in [old for old, known in renaming.known.items() if known.kind == "customer" and old in renaming.new]:
            wanted = min(self.history.elsewhere(old, episode, moment), MOST_GIVEN)
            while self._given[old] < wanted:
                self._given[old] += 1
                ids = {"customer": renaming.new[old], "payment_method": self.fixtures.methods.new()}
                self.client.send(MINIMAL.bind(ids))

    def _given_payment_method(self) -> str:
        """The next one that the user gave and that nobody has attached since."""
        while True:
            identifier = self.fixtures.methods.take_reserved()
            read = self.fixtures.endpoints.read_payment_method(identifier)
            if read is None or not isinstance(read.object.get("customer"), str):
                return identifier

    def _declining_card(self) -> str:
        way = self.fixtures.provision.payment_methods
        if way not in DECLINING_FORMS:
            raise OutOfFixtures(NO_DECLINING_CARD)
        identifier = self.fixtures.methods.create_from_card(DECLINING_FORMS[way])
        if identifier is None:
            raise OutOfFixtures(NO_DECLINING_CARD)
        return identifier

    def _facts(self, episode: Episode) -> dict[str, object]:
        provision = self.fixtures.provision
        facts: dict[str, object] = {"stateless": provision.stateless, "test_key": self.client.key.is_test_key}
        if "created_as" in episode.facts and provision.payment_methods not in PAYMENT_METHOD_FORMS:
            facts["created_as"] = ""
        return facts


def _together(episode: Episode) -> Iterator[Sequence[tuple[int, Step]]]:
    """The steps with their places, in the order in which they were answered; those together that were sent at once."""
    in_order = sorted(enumerate(episode.steps), key=lambda numbered: numbered[1].exchange.received)
    for is_subject, steps in groupby(in_order, lambda numbered: numbered[1].role == "subject"):
        if is_subject and episode.expectation in SIMULTANEOUS:
            yield list(steps)
        else:
            yield from ([step] for step in steps)


__all__ = ["AS_RECORDED", "SIMULTANEOUS", "Play", "Setting"]
