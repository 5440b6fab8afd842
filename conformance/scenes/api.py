"""The target's other endpoints, as stories use them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import TypeVar

from conformance.evidence.episode import Step
from conformance.evidence.exchange import Exchange, has_more
from conformance.fixtures.endpoints import created_id, shows_list
from conformance.fixtures.forms import RUN
from conformance.fixtures.provisioning import Absent, OutOfFixtures
from conformance.judge.reads import listed, times_listed
from conformance.scenes.card import Card, step_of
from conformance.scenes.stage import Stage
from strategies.stripe import IDEMPOTENCY_KEY
from strategies.values import Text, render

Seen = TypeVar("Seen")

PATIENCE = 2.0
"""How many seconds a read is repeated off loopback, before the state that it shows counts."""
PAUSE = 0.25
"""How many seconds lie between two of these reads."""
MOST_PAGES = 100
"""How many pages of a list are read in search of an entry: more than a run's customers have payment methods."""


class Api:
    """Sends requests to the other endpoints, and returns them as steps; each costs one request."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def create_customer(self, *, plain: bool = False) -> tuple[str, list[Step]]:
        """Create a customer; a `plain` one has no details that a card has, too.

        Given customers take the place of new ones, without a step. Raises OutOfFixtures where there is none.
        """
        customer, created = self.stage.fixtures.customers.create(plain=plain)
        return customer, [] if created is None else [step_of("set-up", created)]

    def own_customer(self) -> str | None:
        """Create a customer that nothing is attached to; None where none can be created."""
        if not self.stage.fixtures.provision.creates_customers:
            return None
        try:
            return self.stage.fixtures.customers.create(plain=True)[0]
        except OutOfFixtures:
            return None

    def create_customer_with_key(self, key: Text) -> Step:
        """Create a customer with an idempotency key, as the target takes it; it is removed when the run ends."""
        fixtures = self.stage.fixtures
        way = fixtures.provision.customer_way
        request = way.manner.request("POST", "/v1/customers", fixtures.customers.details())
        headers = (*request.headers, (IDEMPOTENCY_KEY, render(key, {RUN: self.stage.run})))
        exchange = self.stage.client.send(replace(request, headers=headers))
        if identifier := created_id(exchange):
            fixtures.inventory.made.append(("customer", identifier))
        return Step("set-up", exchange, "POST /v1/customers with the key")

    def create_from(self, *cards: Mapping[str, str]) -> str | None:
        """Create a payment method from the first of these test cards that the target takes; None without one."""
        return self.stage.fixtures.methods.create_from_card(*cards)

    def creation_of(self, *customers: str) -> list[Step]:
        """Return how these customers were created, as far as the run created them; no request."""
        created = (self.stage.fixtures.customers.creations.get(customer) for customer in customers)
        return [step_of("set-up", exchange) for exchange in created if exchange is not None]

    def delete(self, customer: str, *, role: str = "control") -> Step:
        """Delete a customer. Raises Absent where the target deletes none, OutOfFixtures for one that was given."""
        return step_of(role, self.stage.fixtures.customers.delete(customer))

    def retrieve(
        self, identifier: str, *, role: str = "follow-up", until: Callable[[Exchange], bool] | None = None
    ) -> Step:
        """Retrieve a payment method; off loopback `until` that holds. Raises Absent where the target retrieves none."""

        def read() -> Exchange:
            exchange = self.stage.fixtures.endpoints.read_payment_method(identifier)
            if exchange is None:
                raise Absent("the target does not retrieve payment methods")
            return exchange

        return step_of(role, patiently(self.stage, read, until))

    def retrieve_customer(self, customer: str, *, role: str = "follow-up") -> Step:
        """Retrieve a customer. Raises Absent where the target retrieves none."""
        return step_of(role, self.stage.fixtures.endpoints.read_customer(customer))

    def set_default(self, customer: str, payment_method: str) -> list[Step]:
        """Make a payment method the default of a customer; nothing for a customer that was given."""
        changed = self.stage.fixtures.customers.set_default(customer, payment_method)
        return [] if changed is None else [step_of("set-up", changed)]

    def list_whole(self, customer: str, *, until: Callable[[Exchange], bool] | None = None) -> list[Step]:
        """List a customer's cards; off loopback `until` that holds. Nothing where the answer is no list."""
        endpoints = self.stage.fixtures.endpoints
        lists = ask_for_list(self.stage, lambda: endpoints.list_payment_methods(customer, endpoints.type_of("")), until)
        return [
            step for step in lists if step.exchange.is_success and isinstance(step.exchange.object.get("data"), list)
        ]

    def list_by_other_endpoint(self, card: Card, other: str) -> list[Step]:
        """List the card's customer and another one by the endpoint that is not in use; one request for each.

        Off loopback it asks until the card is on the first list. An answer of a target that has no such list is kept
        as set-up, so that it shows why there is no list to judge.
        """
        endpoints = self.stage.fixtures.endpoints
        kind = endpoints.type_of(card.id)

        def is_enough(answer: Exchange) -> bool:
            return not shows_list(answer) or holds_or_goes_on(answer, card.id)

        own = ask_for_list(
            self.stage, lambda: endpoints.list_by_other_endpoint(card.customer, kind), is_enough, [card.id]
        )
        if not own or own[0].exchange.status is None:
            return []
        of_other = endpoints.list_by_other_endpoint(other, kind)
        steps = own if of_other is None else [*own, step_of("follow-up", of_other)]
        return [step if shows_list(step.exchange) else replace(step, role="set-up") for step in steps]

    def read_back(self, step: Step, *, until: Callable[[Exchange], bool] | None = None) -> list[Step]:
        """Retrieve the payment method that a step was about, off loopback `until` that holds.

        Nothing where the target retrieves none.
        """
        identifier = step.exchange.object.get("id") or step.bindings.get("payment_method")
        if not isinstance(identifier, str):
            return []
        endpoints = self.stage.fixtures.endpoints
        read = patiently(
            self.stage,
            lambda: endpoints.read_payment_method(identifier),
            lambda found: found is None or until is None or until(found),
        )
        if read is None:
            return []
        self.stage.shared.note_read(str(identifier), read)
        return [Step("follow-up", read, f"GET {identifier}")]


def ask_for_list(
    stage: Stage,
    ask: Callable[[], Exchange | None],
    until: Callable[[Exchange], bool] | None,
    wanted: Collection[str] = (),
) -> list[Step]:
    """Ask for a list, off loopback `until` that holds; nothing where the target has no such list.

    Its further pages are asked for, too, until all of the payment methods `wanted` have been shown.
    """
    answer = patiently(stage, ask, lambda found: found is None or until is None or until(found))
    return [] if answer is None else [step_of("follow-up", page) for page in _pages_until(stage, answer, wanted)]


def _pages_until(stage: Stage, first: Exchange, wanted: Collection[str]) -> list[Exchange]:
    """Return the pages of a list, until all payment methods `wanted` are on them or a page shows nothing new.

    A target need not know the cursor: where it rejects that, the list has more entries than it shows.
    """
    pages = [first]
    while len(pages) < MOST_PAGES:
        seen = {str(entry.get("id")) for page in pages for entry in listed(page) if isinstance(entry, dict)}
        if seen.issuperset(wanted):
            break
        page = stage.fixtures.endpoints.next_page(pages[-1])
        is_new = page is not None and not any(times_listed(page, identifier) for identifier in seen)
        if page is None or page.is_refusal or not is_new:
            break
        pages.append(page)
    return pages


def holds_or_goes_on(answer: Exchange, payment_method: str) -> bool:
    """Return whether a list holds the payment method, or says that there is more than it shows at once."""
    return times_listed(answer, payment_method) > 0 or has_more(answer)


def patiently(stage: Stage, ask: Callable[[], Seen], until: Callable[[Seen], bool] | None) -> Seen:
    """Ask, and off loopback ask again until it holds, for a while: a far target may take a moment."""
    answer = ask()
    deadline = time.monotonic() + PATIENCE
    while until is not None and not stage.client.address.is_loopback:
        if until(answer) or time.monotonic() >= deadline:
            break
        time.sleep(PAUSE)
        answer = ask()
    return answer
