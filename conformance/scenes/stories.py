"""Stories that tests of several chapters tell, and the pieces that they share."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from conformance import judge
from conformance.evidence.episode import Step
from conformance.evidence.failure import NEVER_ARRIVED
from conformance.fixtures.endpoints import created_id
from conformance.fixtures.provisioning import OutOfFixtures
from conformance.judge.expand import ENOUGH
from conformance.scenes.card import all_answered, step_of
from conformance.scenes.comparing import as_far_as_ids_go, holds_at_once
from conformance.scenes.keys import again_with_key, new_key, with_key
from conformance.scenes.scene import Expectation, Scene
from strategies.attempt import Attempt
from strategies.comparison import Comparison
from strategies.malformed import ASKED_ELSEWHERE
from strategies.ordinary import ordinary_counterpart
from strategies.refusals import ATTACHED, NO_PAYMENT_METHOD, may_name_customer, near_misses
from strategies.stripe import AnswersOfAllKinds
from strategies.valid import EXPANDED, MINIMAL

MORE = ENOUGH - 1
"""How many further responses show the members that a target without state always shows."""

ENVELOPE_OF_MALFORMED = "robustness.error-envelope"


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
    if at_once is not None and holds_at_once(scene, at_once, judge.survived):
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


def expect_well_formed(scene: Scene, *attempts: Attempt) -> None:
    """Expect successes as the running test's clause says; all such tests share one sample.

    Of several attempts the first is sent, too, on a payment method that has nothing of its own.
    """

    def send_all() -> list[Step]:
        steps = as_far_as_ids_go(scene, scene.sample, *attempts)
        return [*steps, *attach_plain_card(scene, attempts[0])] if len(attempts) > 1 else steps

    scene.expect(judge.well_formed, *scene.shared(attempts, send_all))


def attach_of_another_type(scene: Scene, attempt: Attempt) -> list[Step]:
    """Return the creation of a payment method that is no card, and the attempt on it; sent once for all tests.

    Nothing where none is asked for, and no attempt where it is not created.
    """

    def send_all() -> list[Step]:
        created = scene.stage.fixtures.methods.create_of_another_type()
        if created is None:
            return []
        account = created_id(created)
        attach = [scene.attach(attempt, account)] if account else []
        return [step_of("set-up", created), *attach]

    return scene.shared(("of another type", attempt), send_all)


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
    """Expect a whole customer, as it was created, in a body as whole as the plain one's.

    A target without state is asked `MORE` times each, since what it shows may differ each time.
    """
    subject = scene.sample(attempt)
    created = scene.api.creation_of(*subject.exchange.sent_values("customer"))
    steps = [*created, subject, scene.sample(plain, role="control")]
    if scene.stage.fixtures.provision.stateless and attempt is EXPANDED:
        steps += [scene.attach(attempt) for _ in range(MORE)]
        steps += [scene.attach(plain, role="control") for _ in range(MORE)]
    scene.expect(judge.inlined, *steps, about=subject.bindings)


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
