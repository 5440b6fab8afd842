"""The cards that tests of the state share, attached once for all, attached again, or detached."""

from __future__ import annotations

from conformance.evidence.episode import Step
from conformance.evidence.exchange import has_more
from conformance.judge.reads import listed as entries_of
from conformance.judge.reads import times_listed
from conformance.scenes.card import Card, all_answered, step_of
from conformance.scenes.scene import Expectation, Scene
from conformance.scenes.unchanged import read_as_created
from strategies.attempt import Attempt
from strategies.valid import EXPANDED, MINIMAL

NO_DETACHING = "the target has no endpoint to detach"


def attach_again_after_detaching(scene: Scene, first: Attempt, again: Attempt) -> list[Step]:
    """Return an attach and a detachment, the same of another card, and attempts to attach the first one again."""

    def send_all() -> list[Step]:
        attached, detached = attach_and_detach(scene, first)
        if not detached.exchange.is_success:
            return [attached, detached]
        later = attach_and_detach(scene, first)
        other = scene.stage.fixtures.customers.named("other_customer")
        retried = [scene.attach(again, attached, to=other), scene.attach(again, attached)]
        return [attached, detached, *later, *retried, *scene.api.read_back(retried[-1])]

    return scene.shared(("after a detachment", first, again), send_all, is_whole=all_answered)


def attach_and_detach(scene: Scene, attempt: Attempt) -> tuple[Step, Step]:
    """Attach a new payment method, and detach it."""
    attached = scene.attach(attempt, role="set-up")
    return attached, scene.detach(attached.bindings["payment_method"], role="set-up")


WITHOUT_DETAILS = 0
"""Which payment method of the shelf has no details of its own, that an attach might fill in."""

READ_BEFORE = 3
"""How many payment methods of the shelf are read before they are attached, the one without details among them."""

EMPTY_LIST = "the list before its first card"
"""The name by which tests share the list of a customer who has no card."""

LONG_AGO = "a card that was attached long ago"
"""The name by which tests share a card that other ones have followed."""

DETACHED = "a card that was detached"
"""The name by which tests share a card that its customer had."""


def fill_shelf(scene: Scene) -> list[Card]:
    """Return payment methods that were attached to two customers by turns, each read again; done once for all tests.

    They are left for other tests, the newest first.
    """
    return scene.shared("shelf", lambda: _fill_shelf(scene))


def _fill_shelf(scene: Scene) -> list[Card]:
    stage = scene.stage
    read_as_created(scene)
    first, second = scene.customers(2)
    if stage.fixtures.provision.creates_customers:
        listed = stage.fixtures.endpoints.list_payment_methods(first)
        if listed is not None:
            stage.memory.left[EMPTY_LIST, first] = step_of("set-up", listed)
    size = scene.budget.shelf if not stage.fixtures.provision.has_given_methods else 2
    shelf: list[Card] = []
    for index in range(size):
        customer = (first, second)[(index // 2 + 1) % 2] if size > 2 else first
        card = scene.card(plain=index == WITHOUT_DETAILS)
        if index < READ_BEFORE:
            card = card.then(scene.retrieve(card, role="control"))
        attach = scene.attach(EXPANDED if index % 2 else MINIMAL, card, to=customer)
        card = card.then(attach, customer=customer)
        if attach.exchange.is_success:
            card = card.then(scene.retrieve(card, shows_customer=customer))
        shelf.append(card)
    stage.memory.cards[:] = reversed(shelf)
    return shelf


def list_before(scene: Scene, customer: str, listing: Step) -> list[Step]:
    """Return the list of a customer of the shelf from before its first card, where it is still shown: from a cache."""
    before: Step | None = scene.stage.memory.left.get((EMPTY_LIST, customer))
    if before is None or entries_of(before.exchange) != entries_of(listing.exchange):
        return []
    return [before]


def find_unlisted(scene: Scene, shelf: list[Card], listing: Step) -> Card | None:
    """Return the card that the customer of the shelf's last one got before it, if it is missing from the list.

    A retrieval shows that it is still attached. None where the list has more entries than it shows at once.
    """
    if has_more(listing.exchange):
        return None
    last, kind_of = shelf[-1], scene.stage.fixtures.endpoints.type_of
    for card in reversed(shelf[:-1]):
        is_alike = card.customer == last.customer and kind_of(card.id) == kind_of(last.id)
        if is_alike and card.was_read_back:
            if times_listed(listing.exchange, card.id):
                return None
            read = scene.retrieve(card)
            is_attached = read.exchange.is_success and read.exchange.object.get("customer") == card.customer
            return card.then(read) if is_attached else None
    return None


def expect_of_shelf(scene: Scene, expectation: Expectation) -> None:
    """Expect something of each attach of the shelf; a failure shows one of them alone where it can."""
    shelf = fill_shelf(scene)
    for card in shelf:
        scene.expect(expectation, *card.steps, about={"payment_method": card.id, "customer": card.customer})
    scene.expect(expectation, *(step for card in shelf for step in card.steps), about={})


def attach_again(scene: Scene, again: Attempt) -> Card:
    """Return a customer's oldest card after another attach to that customer, with a read and a list; done once."""

    def send_again() -> Card:
        (customer,) = scene.customers(1)
        card = scene.card(attached_to=customer, oldest=True)
        subject = scene.attach(again, card, to=customer)
        after = scene.retrieve(card, shows_customer=customer)
        scene.stage.memory.left[LONG_AGO] = card
        return card.then(subject, after, *scene.list(customer, card, count=1))

    return scene.shared(("to the customer that has it", again), send_again, is_whole=lambda c: all_answered(c.steps))
