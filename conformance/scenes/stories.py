"""Stories that several tests tell, and the pieces that they share."""

from __future__ import annotations

import contextlib
import random
import string
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from conformance import judge
from conformance.evidence.episode import Step
from conformance.evidence.exchange import Exchange, sent_header
from conformance.evidence.failure import NEVER_ARRIVED
from conformance.fixtures.forms import RUN
from conformance.fixtures.provisioning import OutOfFixtures
from conformance.judge.reads import listed as entries_of
from conformance.scenes.card import Card, step_of
from conformance.scenes.scene import Expectation, Scene
from conformance.scenes.unchanged import read_as_created
from conformance.verdict.trial import LACKING
from strategies.attempt import Attempt
from strategies.comparison import Comparison
from strategies.credentials import WITHOUT_KEY, unknown_keys
from strategies.malformed import ASKED_ELSEWHERE
from strategies.ordinary import ordinary_counterpart
from strategies.refusals import ATTACHED, NO_PAYMENT_METHOD, may_name_customer, near_misses
from strategies.stripe import IDEMPOTENCY_KEY, AnswersOfAllKinds, with_header
from strategies.valid import EXPANDED, MINIMAL
from strategies.values import Joined, Known, Text, joined

ENVELOPE_OF_MALFORMED = "robustness.error-envelope"

KEY_LETTERS = string.ascii_letters + string.digits


def as_far_as_ids_go(scene: Scene, send: Callable[[Attempt], Step], *attempts: Attempt) -> list[Step]:
    """Return the step of each attempt as far as fixtures go; only the first must be had."""
    steps = [send(attempts[0])]
    for attempt in attempts[1:]:
        try:
            steps.append(send(attempt))
        except OutOfFixtures as ran_out:
            scene.stage.case.note(LACKING, str(ran_out))
    return steps


# Comparisons


def compare(
    scene: Scene,
    comparison: Comparison,
    expectation: Expectation = judge.same_answer,
    *,
    at_once: Comparison | None = None,
    **facts: Any,
) -> None:
    """Expect the same answer to each subject as to the control, each on a payment method of its own.

    `at_once` is a request with this difference and others: nothing else is sent where the budget wants it and it holds.
    """
    if at_once is not None and _holds_at_once(scene, at_once, expectation, **facts):
        return
    control = scene.sample(comparison.control, role="control")
    subjects = as_far_as_ids_go(scene, scene.attach, *comparison.subjects)
    scene.expect(expectation, control, *subjects, control_succeeds=comparison.needs_success, **facts)


def _holds_at_once(scene: Scene, at_once: Comparison, expectation: Expectation, **facts: Any) -> bool:
    """Return whether a request with all differences that are to change nothing succeeds as one without does."""
    if not scene.budget.at_once or scene.is_confirmation:
        return False
    control = scene.sample(at_once.control, role="control")
    subjects = scene.shared(at_once, lambda: as_far_as_ids_go(scene, scene.attach, *at_once.subjects))
    if not all(step.exchange.is_success for step in (control, *subjects)):
        return False
    scene.expect(expectation, control, *subjects, control_succeeds=at_once.needs_success, **facts)
    if scene.fails():
        scene.telling.episodes.pop()
        return False
    return True


def compare_at_once(
    scene: Scene, together: Comparison, singles: Sequence[Comparison], *, at_once: Comparison | None = None
) -> None:
    """Expect the same answer to a request with many differences as to the control; then to one with each alone.

    The single ones are sent only where the answer is another one, and only where all of them hold it counts.
    `at_once` is the same as in `compare`.
    """
    if at_once is not None and _holds_at_once(scene, at_once, judge.same_answer):
        return
    control = scene.sample(together.control, role="control")
    subjects = [scene.attach(subject) for subject in together.subjects]
    scene.expect(judge.same_answer, control, *subjects, control_succeeds=together.needs_success)
    if not scene.fails():
        return
    of_all = scene.telling.episodes.pop()
    subjects = as_far_as_ids_go(scene, scene.attach, *(subject for single in singles for subject in single.subjects))
    scene.expect(judge.same_answer, control, *subjects, control_succeeds=together.needs_success)
    if not scene.fails():
        scene.telling.episodes[-1] = of_all


def compare_rejections(scene: Scene, comparison: Comparison, expectation: Expectation = judge.same_answer) -> None:
    """Compare attempts that a server with state rejects, so that no payment method is used up."""
    control = scene.send(comparison.control, role="control", rejected=True)
    subjects = [scene.send(subject, rejected=True) for subject in comparison.subjects]
    scene.expect(expectation, control, *subjects, control_succeeds=comparison.needs_success)


def compare_with_sample(
    scene: Scene,
    comparison: Comparison,
    at_once: Comparison | None = None,
    *,
    send: Callable[[Attempt], Step] | None = None,
    expectation: Expectation = judge.same_answer,
) -> None:
    """Compare rejected attempts with the answer to the control that other tests have asked for, too.

    `at_once` is the same as in `compare`; `send` sends the subjects, in another way than for this test alone;
    `expectation` compares.
    """
    if at_once is not None and _holds_at_once(scene, at_once, judge.same_answer):
        return
    control = scene.sample(comparison.control, role="control")
    send = send or partial(scene.send, rejected=True)
    scene.expect(expectation, control, *map(send, comparison.subjects))


# Values and attempts that are wrong


def expect_taken_as_sent(scene: Scene, attempt: Attempt) -> None:
    """Expect a value that only resembles a known id to be rejected, or echoed exactly."""
    step = scene.send(attempt, rejected=True)
    reads = scene.api.read_back(step) if step.exchange.is_success else []
    sent = step.exchange.sent_values("customer") or ("",)
    scene.expect(judge.taken_as_sent, step, *reads, value=sent[-1])


def expect_refused_when_attached(scene: Scene, attempt: Attempt) -> None:
    """Expect an attempt to be rejected on a payment method, too, that is attached already."""
    attached = scene.sample(MINIMAL, role="set-up")
    scene.expect(judge.rejected, attached, scene.attach(attempt, attached))


def expect_not_obeyed(scene: Scene, attempts: tuple[Attempt, ...]) -> None:
    """Expect none of the attempts to succeed, and nothing to be attached by them."""
    scene.stage.shared.check()
    steps = [scene.sample(attempt, to_be_read=True) for attempt in attempts]
    scene.expect(judge.not_obeyed, *steps, *scene.api.read_back(steps[-1]))


def expect_locked_out(scene: Scene, attempts: tuple[Attempt, ...]) -> None:
    """Expect 401 for each of the attempts, none of which holds a valid key, and nothing to be attached by them.

    The connection has shown the key before: a server is not to remember it.
    """
    with_key = scene.sample(NO_PAYMENT_METHOD, role="control")
    scene.stage.shared.check()
    steps = [scene.sample(attempt, to_be_read=True) for attempt in attempts]
    scene.expect(judge.locked_out, with_key, *steps, *scene.api.read_back(steps[-1]))


def expect_unknown_refused(scene: Scene, attempt: Attempt) -> None:
    """Expect an id that names nothing, or only resembles a known one, to be rejected."""
    (customer,) = scene.customers(1)  # a name for some other object must have one to stand for
    if may_name_customer(attempt, customer):
        scene.needs.end()
    if attempt in (NO_PAYMENT_METHOD, *ASKED_ELSEWHERE) or not attempt.needs - {"payment_method"}:
        scene.expect(judge.rejected, scene.sample(attempt))
        return
    ids = {"customer": customer, "payment_method": scene.stage.shared.take()}
    if ATTACHED in attempt.needs:
        left = (card.id for card in scene.stage.memory.cards if card.customer == customer)
        ids[ATTACHED] = next(left, "") or scene.card(attached_to=customer).id
    scene.expect(judge.rejected, scene.send(attempt, rejected=True, **{**ids, **near_misses(ids)}), about=ids)


# Robustness


def survive(
    scene: Scene,
    attempt: Attempt,
    also: Sequence[tuple[str, Expectation]] = (),
    at_once: Comparison | None = None,
) -> None:
    """Expect an odd attempt to be answered in time and below 500, and the server to go on serving.

    Its ordinary counterpart, where it has one, comes first: a server that fails for that does not fail for what is odd.
    `at_once` is the same as in `compare`.
    """
    if at_once is not None and _holds_at_once(scene, at_once, judge.survived):
        return
    ordinary = ordinary_counterpart(attempt, scene.stage.contract)
    control = [] if ordinary is None else [scene.sample(ordinary, role="control")]
    with contextlib.suppress(OutOfFixtures):
        scene.serving.make_spares(1)
    step = _send_on_any(scene, attempt)
    survived = scene.stage.memory.survived
    is_of_the_chapter = scene.stage.case.clause.startswith("robustness.")
    if is_of_the_chapter and step.exchange.failure not in NEVER_ARRIVED and attempt not in survived:
        survived.append(attempt)
    scene.expect(judge.survived, *control, step, also=[(ENVELOPE_OF_MALFORMED, judge.enveloped), *also])


def _send_on_any(scene: Scene, attempt: Attempt) -> Step:
    """Send on the shared payment method; where that is the last one given, on one that is attached.

    Other tests look at the answers to some, too.
    """
    if attempt in ASKED_ELSEWHERE:
        return scene.sample(attempt)
    attached = scene.stage.memory.successes.get(MINIMAL)
    if attached is None or not scene.stage.fixtures.methods.is_down_to_the_last():
        return scene.send(attempt)
    ids = scene.stage.bind(attempt, lambda: attached.bindings["payment_method"])
    return scene.stage.send(attempt, ids)


# Successes


def expect_well_formed(scene: Scene, *attempts: Attempt) -> None:
    """Expect successes as the running test's clause says; all such tests share one sample.

    Of several attempts the first is sent, too, on a payment method that has nothing of its own.
    """

    def send_all() -> list[Step]:
        steps = as_far_as_ids_go(scene, scene.sample, *attempts)
        return [*steps, *attach_plain_card(scene, attempts[0])] if len(attempts) > 1 else steps

    scene.expect(judge.well_formed, *scene.shared(attempts, send_all))


def attach_plain_card(scene: Scene, attempt: Attempt) -> list[Step]:
    """Return an attempt on a payment method that has nothing of its own, sent once for all tests.

    Nothing where payment methods are given, and may have details.
    """
    if scene.stage.fixtures.provision.has_given_methods:
        return []
    send = partial(scene.stage.send_fresh, plain=True)
    return scene.shared(("on a plain card", attempt), lambda: as_far_as_ids_go(scene, send, attempt))


def send_in_turn(scene: Scene, first: Attempt, second: Attempt) -> list[Step]:
    """Return the steps of both attempts on one payment method, sent once for all tests that look at them."""

    def send_both() -> list[Step]:
        is_given = scene.stage.fixtures.provision.has_given_methods
        step = scene.sample(first, role="set-up") if is_given else scene.attach(first, role="set-up")
        return [step, scene.attach(second, step)]

    return scene.shared((first, second), send_both, is_whole=all_answered)


def expect_every_entry(scene: Scene, attempts: tuple[Attempt, ...], alone: Attempt) -> None:
    """Expect `customer` to be expanded in each of the attempts, where a second path is legal `alone`."""
    ask = scene.stage.send_fresh if scene.is_confirmation else scene.stage.sample_success
    control = ask(alone)
    steps = [replace(control, role="control")]
    if isinstance(control.exchange.object.get("customer"), str):
        steps += [scene.attach(attempt) for attempt in attempts]
    scene.expect(judge.every_entry, *steps)


def expect_inlined(scene: Scene, attempt: Attempt, plain: Attempt) -> None:
    """Expect a whole customer, as it was created, in a body as whole as the plain one's."""
    subject = scene.sample(attempt)
    created = scene.api.creation_of(*subject.exchange.sent_values("customer"))
    scene.expect(judge.inlined, *created, subject, scene.sample(plain, role="control"), about=subject.bindings)


# Idempotency keys

STRANGERS = (WITHOUT_KEY, unknown_keys()[0])
"""Requests of clients that have no API key of the account."""


def new_key(scene: Scene, length: int = 40) -> Joined:
    """Return a key of `length` characters that no other run has, and that this test draws again in any run."""
    test = f"{scene.stage.case.clause} {scene.stage.case.test}"
    keys = scene.stage.memory.keys
    keys[test] += 1
    draw = random.Random(f"{test} {keys[test]}")
    count = length - len(scene.stage.run) - 1
    return joined(Known(RUN), "-" + "".join(draw.choice(KEY_LETTERS) for _ in range(count)))


def with_key(attempt: Attempt, key: Text) -> Attempt:
    """Return the attempt with an idempotency key."""
    return with_header(attempt, IDEMPOTENCY_KEY, key)


def again_with_key(attempt: Attempt, key: Text) -> Attempt:
    """Return the attempt with a key that was used before, so that a success is not judged as an ordinary one."""
    return with_key(attempt.but(kind="wire"), key)


def key_of(step: Step) -> Joined:
    """Return the key that a step was sent with, in the form that `new_key` gives: it begins with the run's name."""
    sent = sent_header(step.exchange, IDEMPOTENCY_KEY) or ""
    return joined(Known(RUN), sent.removeprefix(step.bindings[RUN]))


def replay(scene: Scene, attempt: Attempt) -> list[Step]:
    """Return an attempt with a key, the same again on another connection, and the same from each of STRANGERS.

    The client of the second one reads no gzip, which the first one's may.
    """

    def send_all() -> list[Step]:
        key = new_key(scene)
        first = scene.attach(with_key(attempt, key), role="control")
        plainly_coded = with_header(again_with_key(attempt, key), "Accept-Encoding", "gzip;q=0")
        again = scene.attach(plainly_coded, first, new_connection=True)
        return [first, again, *(scene.attach(with_key(stranger, key), first) for stranger in STRANGERS)]

    return scene.shared(("again with its key", attempt), send_all, is_whole=all_answered)


def replay_on_token(scene: Scene, attempt: Attempt, of: str) -> list[Step]:
    """Return an attempt on a shared token with a key, the same again, and reads of what came of it.

    `of` is what the first answer is: `a success`, which alone gets a customer of its own, or `a decline`.
    """

    def send_all() -> list[Step]:
        own = scene.api.own_customer() if of == "a success" else None
        keyed = with_key(attempt, new_key(scene))
        first = scene.attach(keyed, attempt.path_id, to=own or "", role="control")
        again = scene.attach(keyed.but(kind="wire"), first, new_connection=True)
        if own is None:
            return [first, again]
        lists = scene.api.list_whole(own, until=lambda answer: bool(entries_of(answer)))
        return [first, again, *lists, *scene.api.read_back(first, until=is_attached)]

    return scene.shared((f"again with its key, after {of}", attempt), send_all, is_whole=all_answered)


def key_on_another_path(scene: Scene, attempt: Attempt) -> list[Step]:
    """Return an attempt with a key, the same with that key on another payment method, and a read of what came of it."""

    def send_both() -> list[Step]:
        key = new_key(scene)
        first = scene.attach(with_key(attempt, key), role="set-up")
        second = scene.attach(again_with_key(attempt, key))
        reads = scene.api.read_back(second, until=is_attached) if second.exchange.is_success else []
        return [first, second, *reads]

    return scene.shared(("the key of another path", attempt), send_both, is_whole=all_answered)


def is_attached(read: Exchange) -> bool:
    """Return whether a retrieval shows a customer."""
    return read.object.get("customer") is not None


def get_answers_of_all_kinds(scene: Scene, kinds: AnswersOfAllKinds) -> list[Step]:
    """Return a success, a replay, a mismatch, rejections and a decline; the tests of headers share them."""

    def send_all() -> list[Step]:
        key = new_key(scene)
        first = scene.attach(with_key(kinds.first, key))
        steps = [first, scene.attach(again_with_key(kinds.first, key), first)]
        steps.append(scene.attach(with_key(kinds.mismatch, key), first))
        with contextlib.suppress(OutOfFixtures):
            steps.append(scene.attach(kinds.taken, first))
        steps += [scene.send(attempt) for attempt in kinds.refused]
        return [*steps, scene.attach(kinds.declined, kinds.declined.path_id)]

    return scene.shared(kinds, send_all, is_whole=all_answered)


# Detached payment methods

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


# State

WITHOUT_DETAILS = 0
"""Which payment method of the shelf has no details of its own, that an attach might fill in."""

READ_BEFORE = 3
"""How many payment methods of the shelf are read before they are attached, the one without details among them."""


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


EMPTY_LIST = "the list before its first card"
"""The name by which tests share the list of a customer who has no card."""

LONG_AGO = "a card that was attached long ago"
"""The name by which tests share a card that other ones have followed."""

DETACHED = "a card that was detached"
"""The name by which tests share a card that its customer had."""


def all_answered(steps: Any) -> bool:
    """Return whether each of the steps was answered."""
    return all(step.exchange.answered for step in steps)
