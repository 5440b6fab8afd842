"""State: what attaching means, seen through the other endpoints."""

from __future__ import annotations

import time
from dataclasses import replace

from hypothesis import given

from conformance import judge
from conformance.evidence.episode import Step
from conformance.fixtures.endpoints import time_of_creation
from conformance.fixtures.forms import PAYMENT_METHOD_FORMS
from conformance.judge.reads import times_listed
from conformance.scenes.card import Card, as_role
from conformance.scenes.cards import LOST, MAY_DETACH, is_lost, shows
from conformance.scenes.marks import CARDS, alone, clause, each, in_turn, looks_at, narrowed, pinned
from conformance.scenes.narrowing import Attempts, single_out
from conformance.scenes.repeating import TOLD_APART
from conformance.scenes.scene import Absent, Scene
from conformance.scenes.sequences import expect_as_modelled, shorten
from conformance.scenes.shelf import (
    DETACHED,
    LONG_AGO,
    attach_again,
    expect_of_shelf,
    fill_shelf,
    find_unlisted,
    list_before,
)
from conformance.scenes.stories import attach_of_another_type, expect_unknown_refused
from conformance.scenes.unchanged import (
    expect_attached_left_alone,
    expect_nothing_changed,
    find_guilty,
    read_as_created,
)
from contracts import published_contract
from strategies import Attempt, refusals, requests, sequences
from strategies.refusals import NO_CUSTOMER, NO_CUSTOMER_ID
from strategies.requests import OF_ANOTHER_TYPE
from strategies.sequences import TOUR, Operation
from strategies.valid import EXPANDED, MINIMAL

CONTRACT = published_contract()

MORE_THAN_A_SECOND = 1.1
"""How many seconds pass before a card counts as old: the server shows whole seconds."""

CONTENDERS = 4
"""How many customers want one payment method at once."""

MANY = 12
"""How many cards are more than a page has by default."""

CROWD = 5
"""How many payment methods customers get at once."""

OF_ANOTHER = (1, 3)
"""Which of them another customer gets."""

EXPANDING = (1, 2, 4)
"""Which of them are expanded, some of each customer's."""


@in_turn(CARDS)
@clause("state.persisted")
def test_attachment_persists(scene: Scene) -> None:
    """A card that was attached is found attached, with or without `expand`: an answer alone is worth nothing."""
    expect_of_shelf(scene, judge.persisted)


@clause("state.persisted", last=True)
def test_attachment_of_another_type_persists(scene: Scene) -> None:
    """A payment method that is no card is found attached, too, where it can be attached."""
    steps = attach_of_another_type(scene, OF_ANOTHER_TYPE)
    if not steps or not steps[-1].exchange.is_success or steps[-1].role != "subject":
        scene.needs.end()  # no source says that a server knows other types than cards
    (*_, attach) = steps
    read = scene.retrieve(attach.bindings["payment_method"], shows_customer=attach.exchange.sent_values("customer")[0])
    scene.expect(judge.persisted, *steps, read)


@looks_at(CARDS)
@clause("state.same-object")
def test_nothing_but_the_customer_changes(scene: Scene) -> None:
    """Attaching sets `customer`; a card that loses its billing details or metadata on the way is lost data."""
    expect_of_shelf(scene, judge.same_object)


@clause("state.same-object", quick=True, last=True)
def test_nothing_of_an_old_card_changes(scene: Scene) -> None:
    """`created` says when a card was saved, not when it was attached."""
    provision = scene.stage.fixtures.provision
    if provision.payment_methods not in PAYMENT_METHOD_FORMS:
        scene.needs.end()
    (customer,) = scene.customers(1)
    card, created = Card(provision.probed_payment_method), provision.probed_created
    if scene.is_confirmation or not card.id:
        card = scene.card()
        created = next((time_of_creation(step.exchange) for step in card.steps), None)
        time.sleep(MORE_THAN_A_SECOND)

    before = scene.retrieve(card, role="control")
    attach = scene.attach(MINIMAL, card, to=customer)
    after = scene.retrieve(card, shows_customer=customer)

    scene.expect(judge.same_object, *card.steps, before, attach, after, created=created)


@looks_at(CARDS)
@clause("state.same-object", quick=True, last=True)
def test_nothing_changes_when_attached_again(scene: Scene) -> None:
    """Attaching again changes nothing at all: a client that repeats itself must not lose what it saved."""
    scene.needs.nothing_known_of("state.same-customer-again", "expand.inlined")
    steps = attach_again(scene, EXPANDED).steps
    *_, again = (step.exchange for step in steps if step.role == "subject")
    if again.is_refusal:
        scene.needs.end()  # which is admissible, and other clauses say that a rejection changes nothing
    scene.expect(judge.same_object, *steps)


@looks_at(CARDS)
@clause("state.listed")
def test_attached_is_listed(scene: Scene) -> None:
    """Shops show the saved cards of a customer from this list: each once, and nobody else's."""
    shelf = fill_shelf(scene)
    card = shelf[-1]
    other = next(customer for customer in scene.customers(2) if customer != card.customer)
    about = {"payment_method": card.id, "customer": card.customer, "other_customer": other}
    lists: list[Step] = []
    set_up: list[Step] = []
    if card.was_read_back:
        lists = [*scene.list(card.customer, card, count=1), *scene.list(other, card, count=0)]
        if not lists:
            raise Absent("the target does not list a customer's payment methods")
        lists += scene.api.list_by_other_endpoint(card, other)
        set_up = list_before(scene, card.customer, lists[0])
        earlier = None if set_up else find_unlisted(scene, shelf, lists[0])
        if earlier is not None:
            about["earlier"] = earlier.id
            set_up = earlier.set_up
    scene.expect(judge.listed, *set_up, *card.steps, *lists, about=about)


@in_turn(CARDS)
@clause("state.listed", quick=True, last=True)
def test_attached_is_listed_still(scene: Scene) -> None:
    """The card of last year is listed beside that of today."""
    scene.needs.nothing_known_of("state.same-customer-again", "state.model", "state.only-this-one")
    customer, other = scene.customers(2)
    card = scene.stage.memory.left.setdefault(LONG_AGO, None)
    if card is None or card.customer != customer:
        card = scene.card(attached_to=customer, oldest=True)
    scene.stage.memory.left[LONG_AGO] = card

    lists = scene.list(customer, card, count=1)
    if not lists:
        raise Absent("the target does not list a customer's payment methods")
    if not any(times_listed(step.exchange, card.id) for step in lists) and is_lost(scene.retrieve(card), customer):
        scene.stage.memory.left[LOST] = card
        scene.needs.end()  # a list that lacks it is right
    about = {"payment_method": card.id, "customer": customer, "other_customer": other}
    scene.expect(judge.listed, *card.with_subjects, *lists, about=about, may_go_on=True)


@alone
@clause("state.listed", quick=True, last=True)
def test_newest_of_many_is_listed(scene: Scene) -> None:
    """However many cards a customer has, the list holds the newest, or says that there is more."""
    scene.needs.nothing_known_of("state.same-customer-again", "state.model", "state.only-this-one")
    successes = [step for _, step in scene.stage.memory.repeated.get(MINIMAL, [])]
    if len(successes) < MANY or scene.stage.fixtures.provision.stateless:
        scene.needs.end()
    attach, read = find_still_attached(scene, successes)
    customer, card = attach.bindings["customer"], attach.bindings["payment_method"]

    lists = scene.list(customer, card, count=1)
    if not lists:
        scene.needs.end()

    other = next(one for one in scene.customers(2) if one != customer)
    about = {"payment_method": card, "customer": customer, "other_customer": other}
    scene.expect(judge.listed, replace(attach, role="subject"), read, *lists, about=about, may_go_on=True)


def find_still_attached(scene: Scene, successes: list[Step]) -> tuple[Step, Step]:
    """Return the newest of these attaches that holds still, and a retrieval that shows it: tests detach some cards."""
    reads = (
        (attach, scene.retrieve(attach.bindings["payment_method"], role="control"))
        for attach in reversed(successes[-MANY:])
    )
    found = next((pair for pair in reads if shows(pair[0].bindings["customer"])(pair[1].exchange)), None)
    return found or scene.needs.end()


@clause("state.refusal-changes-nothing")
@narrowed("attempts", find_guilty, tuple(refusals.every_refusal(CONTRACT)))
def test_rejections_change_nothing(scene: Scene, attempts: Attempts) -> None:
    """A client must be able to rely on a rejection, and to try again: a rejection leaves no trace."""
    expect_nothing_changed(scene, attempts)


@clause("state.refusal-changes-nothing", further=True)
@narrowed("attempts", single_out, refusals.on_attached())
def test_rejections_leave_attached_alone(scene: Scene, attempts: Attempts) -> None:
    """A rejection takes no card from its owner: what was attached before it is attached after it."""
    scene.needs.sound("state.persisted")
    expect_attached_left_alone(scene, attempts)


@clause("state.refusal-changes-nothing", further=True)
def test_unreadable_answer(scene: Scene) -> None:
    """Middleware that looks at the answer only may reject what was done already: the card is charged nevertheless."""
    step = scene.attach(requests.UNREADABLE_ANSWERS)
    scene.expect(judge.refused_undone, step, *(scene.api.read_back(step) if step.exchange.is_refusal else ()))


@in_turn(CARDS)
@clause("state.only-this-one")
def test_others_are_untouched(scene: Scene) -> None:
    """One attach is about one payment method: no other, no default, no metadata and no other customer changes."""
    scene.needs.sound("state.persisted")
    as_created = read_as_created(scene)
    customer, other = scene.customers(2)
    earlier, others = scene.card(attached_to=customer), scene.card(attached_to=other, latest=True)
    defaults = [*scene.api.set_default(customer, earlier.id), *scene.api.set_default(other, others.id)]
    unattached, card = scene.card(), scene.card(plain=True)
    cards = {
        earlier.id: "an earlier payment method of the customer",
        others.id: "another customer's payment method",
        unattached.id: "another, unattached payment method",
    }
    customers = {customer: "the customer", other: "another customer"} if scene.needs.has("read-customer") else {}

    before = [scene.retrieve(one, role="control") for one in cards]
    before += [scene.api.retrieve_customer(one, role="control") for one in customers]
    attach = scene.attach(MINIMAL, card, to=customer)
    after = [scene.retrieve(one) for one in cards] + [scene.api.retrieve_customer(one) for one in customers]

    names = [*cards.values(), *customers.values()]
    called = {step.exchange.request.target: name for step, name in zip(before, names, strict=True)}
    created = scene.api.creation_of(*customers)
    set_up = [*created, *as_created, *earlier.steps[:-1], *others.steps[:-1], *defaults, *unattached.steps, *card.steps]
    about = {"payment_method": card.id, "customer": customer, "other_customer": other}
    scene.expect(judge.only_this_one, *set_up, *before, attach, *after, about=about, called=called)


@clause("state.only-this-one", also=("request.minimal-body",), further=True)
def test_customer_stays_as_created(scene: Scene) -> None:
    """A customer's own fields are set by its own endpoint, and by no attach: not even where they are empty.

    A customer without them gets a payment method like any other, also on a connection of its own.
    """
    if not scene.stage.fixtures.provision.creates_customers:
        scene.needs.no_new_customer("customers that were given are not new")
    customer, created = scene.api.create_customer(plain=True)
    card = scene.card()

    before = scene.api.retrieve_customer(customer, role="control")
    attach = scene.attach(MINIMAL, card, to=customer, new_connection=True)
    after = scene.api.retrieve_customer(customer)

    called = {before.exchange.request.target: "the customer"}
    also = [("request.minimal-body", judge.accepted)]
    scene.expect(
        judge.only_this_one, *created, *card.steps, before, attach, after, called=called, also=also, is_new=True
    )


@looks_at(CARDS)
@clause("state.only-this-one", quick=True, last=True)
def test_first_card_is_kept(scene: Scene) -> None:
    """A card takes no other's place: what a customer saved first is there when the last one has been saved."""
    scene.needs.nothing_known_of(*MAY_DETACH)
    card = scene.stage.memory.left.get(LOST)
    if card is None:
        scene.needs.end()
    read = scene.retrieve(card, shows_customer=card.customer)
    scene.expect(judge.persisted, *card.with_subjects, read)


@in_turn(CARDS)
@clause("state.same-customer-again")
def test_same_customer_again(scene: Scene) -> None:
    """Clients repeat what they are unsure of: attached twice to the same customer is attached, and listed, once."""
    card = attach_again(scene, EXPANDED)
    scene.expect(judge.attached_again, *card.steps, about={"payment_method": card.id, "customer": card.customer})


@in_turn(CARDS)
@clause("state.second-customer")
@each("attempt", (MINIMAL, EXPANDED), quick=2)
def test_second_customer_cannot_take_it(scene: Scene, attempt: Attempt) -> None:
    """A payment method belongs to one customer: attaching it to another is rejected, and the owner keeps it."""
    owner, other = scene.customers(2)
    card = scene.card(attached_to=owner, by=attempt)

    takeovers = [scene.attach(attempt, card, to=other) for _ in range(2)]
    afterwards = scene.retrieve(card, shows_customer=owner)
    lists = scene.list(other, card, count=0)
    if lists and attempt == MINIMAL and scene.needs.is_sound("state.same-customer-again", "state.only-this-one"):
        lists += scene.list(owner, card, count=1)

    about = {"payment_method": card.id, "customer": owner, "other_customer": other}
    scene.expect(judge.stays_with_first, *card.steps, *takeovers, afterwards, *lists, about=about)


@looks_at(CARDS)
@clause("state.unknown-payment-method")
@each("attempt", refusals.unknown_payment_methods(), quick=9)
def test_unknown_payment_method(scene: Scene, attempt: Attempt) -> None:
    """Only a payment method that exists can be attached, and an id that is nearly right is wrong."""
    expect_unknown_refused(scene, attempt)


@looks_at(CARDS)
@clause("state.unknown-customer")
@pinned("attempt", refusals.unknown_customers(), quick=10)
@given(attempt=refusals.any_part_of_customer())
def test_unknown_customer(scene: Scene, attempt: Attempt) -> None:
    """A card attached to nobody is lost, and one attached to a customer with a similar id is worse."""
    expect_unknown_refused(scene, attempt)


@clause("state.unknown-customer")
def test_unknown_customer_after_a_look_up(scene: Scene) -> None:
    """A customer that was looked for and not found still does not exist: a look-up creates nothing."""
    looked_up = scene.api.retrieve_customer(NO_CUSTOMER_ID, role="set-up")
    attach = scene.send(NO_CUSTOMER, customer=NO_CUSTOMER_ID)
    scene.expect(judge.rejected, looked_up, attach)


@clause("state.deleted-customer")
def test_deleted_customer(scene: Scene) -> None:
    """A deleted customer takes no payment method: neither a new one, nor one that it had, nor its first one."""
    if scene.stage.fixtures.provision.has_given_customers:
        scene.needs.no_new_customer("customers that were given are not deleted")
    customer, created = scene.api.create_customer()
    earlier = scene.card()
    attached = scene.attach(MINIMAL, earlier, to=customer, role="set-up")
    deleted = scene.api.delete(customer)
    steps = [*created, *earlier.steps, attached]
    if deleted.exchange.is_refusal and scene.needs.has("detach"):  # as long as the customer has a payment method
        steps += [*as_role("set-up", deleted), scene.detach(earlier, role="set-up")]
        deleted = scene.api.delete(customer)
    steps.append(deleted)
    if deleted.exchange.is_success:
        steps.append(scene.api.retrieve_customer(customer, role="control"))
        steps += as_wire(scene.send(MINIMAL, rejected=True, customer=customer))
        steps.append(scene.attach(MINIMAL, replace(earlier, customer=customer), to=customer))
        empty, created = scene.api.create_customer()
        deleted = scene.api.delete(empty, role="set-up")
        steps += [*created, deleted]
        if deleted.exchange.is_success:
            steps += as_wire(scene.send(EXPANDED, rejected=True, customer=empty))
    scene.expect(judge.deleted_customer_rejected, *steps, about={"customer": customer})


def as_wire(step: Step) -> list[Step]:
    """Return a step whose success is itself the fault, so that its body is not judged."""
    return [replace(step, kind="wire")]


@in_turn(CARDS)
@clause("state.detach")
def test_detach(scene: Scene) -> None:
    """A detached card has no customer, and no list shows it."""
    (customer,) = scene.customers(1)
    card, later = scene.card(attached_to=customer), scene.card(attached_to=customer)
    listed = as_role("set-up", *scene.list(customer, card, count=1))  # so that a list may be kept

    detach = scene.detach(card)
    after: list[Step] = []
    if detach.exchange.is_success:
        after = [scene.retrieve(card, shows_customer=None), *scene.list(customer, card, count=0)]
        scene.stage.memory.left[DETACHED] = card.then(detach)

    about = {"payment_method": card.id, "customer": customer}
    scene.expect(judge.detached, *later.set_up, *card.steps, *listed, detach, *after, about=about)


@in_turn(CARDS)
@clause("state.detach", quick=True, last=True)
def test_detach_of_what_was_attached_twice(scene: Scene) -> None:
    """One detachment is enough, however often a card was attached."""
    scene.needs.nothing_known_of("state.same-customer-again")
    (customer,) = scene.customers(1)
    card = scene.stage.memory.left.pop(LONG_AGO, None) or scene.card(attached_to=customer)

    again = as_role("set-up", scene.attach(MINIMAL, card, to=customer))
    detach = scene.detach(card)
    after = [scene.retrieve(card, shows_customer=None)] if detach.exchange.is_success else []

    about = {"payment_method": card.id, "customer": customer}
    scene.expect(judge.detached, *card.steps, *again, detach, *after, about=about)


@looks_at(CARDS)
@clause("state.detach", last=True)
def test_detached_stays_off_the_list(scene: Scene) -> None:
    """A card that was detached is not offered again when another one is saved."""
    scene.needs.nothing_known_of("state.model")
    card = scene.stage.memory.left.get(DETACHED) or detach_and_attach_another(scene)
    about = {"payment_method": card.id, "customer": card.customer}
    lists: list[Step] = []
    if card.steps[-1].exchange.is_success:
        lists = scene.list(card.customer, card, count=0)
        if not lists:
            raise Absent("the target does not list a customer's payment methods")
    scene.expect(judge.detached, *card.steps, *lists, about=about)


def detach_and_attach_another(scene: Scene) -> Card:
    """Return a card that was detached before its customer got another one."""
    (customer,) = scene.customers(1)
    card = scene.card(attached_to=customer)
    card = card.then(scene.detach(card))
    return card.then(*scene.card(attached_to=customer).set_up) if card.steps[-1].exchange.is_success else card


@clause("state.race", also=("header.request-id",))
def test_one_wins(scene: Scene) -> None:
    """When several customers want one payment method at once one gets it, and the others are rejected."""
    for number in range(scene.budget.races):
        customers = rivals(scene)
        card = scene.card()

        wishes = [{"payment_method": card.id, "customer": customer} for customer in customers]
        subjects = scene.at_once((MINIMAL, EXPANDED)[number % 2], wishes)
        winners = [step for step in subjects if step.exchange.is_success]
        winner = winners[0].exchange.sent_values("customer")[0] if len(winners) == 1 else None
        after = scene.retrieve(card, shows_customer=winner)

        about = {"payment_method": card.id, "customer": winner or customers[0]}
        scene.expect(judge.one_winner, *card.steps, *subjects, after, about=about, also=TOLD_APART, proof=True)
        if scene.fails(any_clause=True):
            return


def rivals(scene: Scene) -> tuple[str, ...]:
    """Return the customers that contend; the first one is none of them where there are enough."""
    given = scene.stage.fixtures.provision.given_customers
    if given:
        return scene.customers(max(2, min(CONTENDERS, len(given))))
    return scene.customers(1 + CONTENDERS)[1:]


@clause("state.race", also=("header.request-id",))
def test_none_gets_lost(scene: Scene) -> None:
    """Payment methods that one customer gets at the same time are all kept, and no answer is mixed up."""
    scene.needs.sound("state.only-this-one")
    (another,) = scene.customers(1)
    is_given = scene.stage.fixtures.provision.has_given_customers
    customer = another if is_given else scene.api.create_customer()[0]
    cards = [scene.card() for _ in range(CROWD)]
    owners = {card.id: another if number in OF_ANOTHER else customer for number, card in enumerate(cards)}

    attempts = [EXPANDED if number in EXPANDING and can_expand(scene) else MINIMAL for number in range(CROWD)]
    subjects = scene.at_once(attempts, [{"payment_method": card, "customer": owner} for card, owner in owners.items()])
    is_of_one_type = len({scene.stage.fixtures.endpoints.type_of(card) for card in owners}) == 1
    own = [card for card, owner in owners.items() if owner == customer]
    after = scene.list(customer, cards[-1], count=1, others=own) if is_of_one_type else []
    after = after or [scene.retrieve(card, shows_customer=owner) for card, owner in owners.items()]

    made = [step for card in cards for step in card.steps]
    scene.expect(judge.all_kept, *made, *subjects, *after, about={"customer": customer}, also=TOLD_APART, proof=True)


def can_expand(scene: Scene) -> bool:
    """Return whether what a request alone expands is known to be right."""
    return scene.needs.is_sound("expand.accepted", "expand.inlined", "expand.not-expanded")


@clause("state.race", also=("header.request-id",), quick=True, last=True)
def test_twice_at_once_is_once(scene: Scene) -> None:
    """A client that clicks twice has one card, not two, and each request is answered as it asks."""
    scene.needs.sound("state.same-customer-again")
    (customer,) = scene.customers(1)
    card = scene.card()
    attempts = (MINIMAL, EXPANDED if can_expand(scene) else MINIMAL)

    subjects = scene.at_once(attempts, [{"payment_method": card.id, "customer": customer}] * 2)
    lists = scene.list(customer, card, count=1)

    about = {"customer": customer}
    scene.expect(judge.all_kept, *card.steps, *subjects, *lists, about=about, also=TOLD_APART, proof=True)


@clause("state.model")
@pinned("operations", (TOUR,))
@narrowed("operations", shorten)
@given(operations=sequences.sequences())
def test_model(scene: Scene, operations: tuple[Operation, ...]) -> None:
    """Defects that need a history hide from single requests: any sequence ends as a simple model says."""
    expect_as_modelled(scene, operations)
