"""Stories about what leaves no trace: rejections, and attaches on other objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from conformance import judge
from conformance.evidence.episode import Episode, Step
from conformance.scenes.narrowing import Attempts, Try, halve
from conformance.scenes.scene import Scene
from conformance.scenes.stage import DELETED
from strategies.attempt import Attempt
from strategies.invalid import missing_customer
from strategies.refusals import NO_CUSTOMER
from strategies.valid import MINIMAL

READ_AFTER = 12
"""After how many rejections the payment method is read."""

LIKELY = (missing_customer()[0], NO_CUSTOMER)
"""The rejections that are suspected first where a later success is rejected."""

AS_CREATED = "a customer as it was created"
"""The name by which tests share a read of a customer that has had no card."""

OF_STATE = 2
"""How many customers the state tests share."""


def expect_nothing_changed(scene: Scene, attempts: Attempts, accepted: Sequence[Step] = ()) -> None:
    """Expect a payment method to be as it was after these rejections, and to be attachable.

    It is read in between, but not in a confirmation, and the story ends with the first read that shows a change.
    Attempts that are accepted break other clauses; they become set-up, and the story begins again without them.
    """
    if any(DELETED in attempt.needs for attempt in attempts) and not _has_deleted_customer(scene):
        attempts = tuple(attempt for attempt in attempts if DELETED not in attempt.needs)
    (customer,) = scene.customers(1)
    card = scene.card()
    before = after = first = scene.retrieve(card, role="control")
    about = {"payment_method": card.id, "customer": customer}
    made, method = [*accepted, *card.steps], card
    subjects: list[Step] = []
    refused: list[Attempt] = []
    every = max(len(attempts), 1) if scene.is_confirmation else READ_AFTER
    for start in range(0, len(attempts), every):
        for attempt in attempts[start : start + every]:
            subjects.append(scene.attach(attempt, method, to=customer))
            if subjects[-1].exchange.is_success:
                method = scene.card()
            else:
                refused.append(attempt)
        if len(refused) < len(subjects):
            continue
        after = scene.retrieve(card, shows_customer=None)
        scene.expect(judge.nothing_changed, *made, before, *subjects[start:], after, about=about)
        if scene.fails():
            return
        before = replace(after, role="control")
    if len(refused) < len(subjects):
        scene.telling.episodes.clear()
        expect_nothing_changed(scene, tuple(refused), [*accepted, *_accepted_among(subjects)])
        return
    steps = [*made, first, *subjects, after]
    if after.exchange.is_success and after.exchange.object.get("customer") is None:
        steps.append(scene.attach(MINIMAL, card, to=customer, role="follow-up"))
    scene.expect(judge.nothing_changed, *steps, about=about)


def _accepted_among(steps: Sequence[Step]) -> list[Step]:
    """Return the steps that succeeded, as set-up: a record is to show why they are left out."""
    return [replace(step, role="set-up") for step in steps if step.exchange.is_success]


def _has_deleted_customer(scene: Scene) -> bool:
    """Return whether there is a customer that was deleted; if need be, delete one."""
    fixtures = scene.stage.fixtures
    can_delete = not fixtures.provision.has_given_customers and scene.needs.has("delete")
    if not can_delete or not scene.needs.is_sound("state.deleted-customer"):
        return False
    if not fixtures.customers.deleted:
        scene.api.delete(scene.api.create_customer()[0])
    return bool(fixtures.customers.deleted)


def find_guilty(attempts: Attempts, episode: Episode, tries: Try) -> tuple[Attempts, Episode]:
    """Return the one rejection that changed something, if one can be singled out.

    Where a read shows the change, it is one of those before that read; where a later success is rejected, the simplest
    rejection and the one that gets furthest are suspected.
    """
    is_shown_by_a_read = not episode.steps[-1].exchange.is_to_operation
    if is_shown_by_a_read:
        sent = {step.attempt_digest for step in episode.steps if step.role == "subject"}
        suspects = tuple(attempt for attempt in attempts if attempt.digest in sent)
        return halve(suspects, episode, tries)
    suspects = tuple(attempt for attempt in attempts if attempt in LIKELY)
    shown = tries.tell(suspects) if suspects else None
    return (attempts, episode) if shown is None else halve(suspects, shown, tries)


def expect_attached_left_alone(scene: Scene, attempts: Attempts, accepted: Sequence[Step] = ()) -> None:
    """Expect a card that was attached after a rejection to be attached, and unchanged after these rejections.

    Attempts that are accepted break other clauses; they become set-up, and the story begins again without them.
    """
    (customer,) = scene.customers(1)
    card = scene.card()
    before = scene.attach(NO_CUSTOMER, replace(card, customer=customer), to=customer, role="set-up")
    rejections = [] if before.exchange.is_success else [before]
    if before.exchange.is_success:
        card = scene.card()

    attached = scene.attach(MINIMAL, card, to=customer, role="set-up")
    control = scene.retrieve(card, role="control", shows_customer=customer)
    owned = replace(card, customer=customer)
    subjects = [scene.attach(attempt, owned, to=customer) for attempt in attempts]
    refused = tuple(attempt for attempt, step in zip(attempts, subjects, strict=True) if not step.exchange.is_success)
    if len(refused) < len(attempts):
        expect_attached_left_alone(scene, refused, [*accepted, *_accepted_among(subjects)])
        return
    after = scene.retrieve(card, shows_customer=customer)

    about = {"payment_method": card.id, "customer": customer}
    set_up = [*accepted, *card.steps, *rejections, attached]
    scene.expect(judge.nothing_changed, *set_up, control, *subjects, after, about=about)


def read_as_created(scene: Scene) -> list[Step]:
    """Return a read of one of the customers of the state tests from before its first payment method, sent once.

    It shows how the target tidies what it saves. Nothing where customers are given, or cannot be read.
    """
    stage = scene.stage
    is_new = len(stage.memory.customers) < OF_STATE
    *_, customer = scene.customers(OF_STATE)
    if is_new and stage.fixtures.provision.creates_customers and scene.needs.has("read-customer"):
        stage.memory.left[AS_CREATED, customer] = scene.api.retrieve_customer(customer, role="set-up")
    kept: Step | None = stage.memory.left.get((AS_CREATED, customer))
    return [] if kept is None else [kept]
