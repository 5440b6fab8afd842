"""Idempotency keys: a request that is sent again after a lost answer must not happen twice."""

from __future__ import annotations

import time
from dataclasses import replace

from conformance import judge
from conformance.evidence.episode import Step
from conformance.fixtures.forms import RUN
from conformance.scenes.card import all_answered
from conformance.scenes.keys import (
    again_with_key,
    key_of,
    key_on_another_path,
    new_key,
    replay,
    replay_on_token,
    with_key,
)
from conformance.scenes.marks import clause, in_turn, narrowed
from conformance.scenes.narrowing import Attempts, single_out
from conformance.scenes.repeating import TOLD_APART
from conformance.scenes.scene import Scene
from contracts import published_contract
from strategies import stripe
from strategies.valid import EXPANDED, MINIMAL
from strategies.values import Joined, Text, describe, joined, swapped

INVALID, UNAUTHORIZED, PAYMENT_REQUIRED = 400, 401, 402

A_WHILE = 1.1
"""How many seconds a key is not used before it comes again: in a run, other tests take longer."""


ALSO = (("header.request-id", judge.identified), ("response.accepted-coding", judge.not_in_gzip))


@in_turn("a replay")
@clause("idempotency.replay", also=("header.request-id", "response.accepted-coding"))
def test_replay(scene: Scene) -> None:
    """The same request with the same key gets the first answer, which a client missed, and says that it is one."""
    first, again, *_ = replay(scene, MINIMAL)
    scene.expect(judge.replayed, first, again, of="a success", also=ALSO, proof=was_executed(again))


def was_executed(again: Step) -> bool:
    """Return whether a request that came again was executed, if it is no replay: nothing can explain that away."""
    return again.exchange.is_success or again.exchange.status == INVALID


@in_turn("a replay")
@clause("idempotency.replay", quick=True, last=True)
def test_replay_after_a_while(scene: Scene) -> None:
    """An answer is kept for a day, and longer than what it tells of stays as it is."""
    scene.needs.state()
    scene.needs.nothing_known_of("idempotency.validation-not-stored")  # requests without the key came between
    first, *_ = replay(scene, MINIMAL)
    if scene.is_confirmation:
        time.sleep(A_WHILE)
    changes = detach(scene, first)
    again = scene.attach(again_with_key(MINIMAL, key_of(first)), first, run=first.bindings[RUN])
    scene.expect(judge.replayed, first, *changes, again, of="a success", proof=was_executed(again))


@in_turn("a replay after a change")
@clause("idempotency.replay", further=True)
def test_replay_after_a_change(scene: Scene) -> None:
    """A replay is the stored answer, not the state of today."""
    scene.needs.state()
    first, *changes, again, _ = replay_after_a_change(scene)
    scene.expect(judge.replayed, first, *changes, again, of="a success")


@in_turn("a replay after a change")
@clause("idempotency.parameter-order")
def test_replay_in_another_order(scene: Scene) -> None:
    """A request is the same in whichever order its parameters come again: clients serialise maps in any order."""
    scene.needs.state()
    first, *changes, _, reordered = replay_after_a_change(scene)
    scene.expect(judge.replayed, first, *changes, reordered, of="a success")


def replay_after_a_change(scene: Scene) -> list[Step]:
    """Return an expanded attach, a change of what it attached, and two replays, the last in another order."""

    def send_all() -> list[Step]:
        key = new_key(scene)
        own = scene.api.own_customer() if scene.needs.has("delete") else None
        first = scene.attach(with_key(EXPANDED, key), to=own or "", role="control")
        changes = undo(scene, first, own)
        again = [scene.attach(again_with_key(attempt, key), first) for attempt in (EXPANDED, REORDERED)]
        return [first, *changes, *again]

    return scene.shared("replays after a change", send_all, is_whole=all_answered)


def undo(scene: Scene, attach: Step, own: str | None) -> list[Step]:
    """Delete the attach's own customer, or else detach; nothing where the target does neither."""
    if own is not None:
        deleted = scene.api.delete(own, role="set-up")
        if deleted.exchange.is_success:
            return [deleted]
    return detach(scene, attach)


def detach(scene: Scene, attach: Step) -> list[Step]:
    """Detach what was attached; nothing where the target does not."""
    if not scene.needs.has("detach"):
        return []
    detached = scene.detach(attach.bindings["payment_method"], role="set-up")
    return [] if detached.exchange.is_refusal else [detached]


REORDERED = EXPANDED.but(
    kind="wire", pairs=tuple(reversed(EXPANDED.pairs or ())), label="with its parameters in another order"
)
"""The expanded attach with its parameters in another order."""


@in_turn("a replay on a token")
@clause("idempotency.replay")
def test_replay_of_shared_token(scene: Scene) -> None:
    """A replay is not executed: a shared token, of which each attach makes a new one, is listed once."""
    scene.needs.state()
    steps = replay_on_token(scene, stripe.WITH_SHARED_TOKEN, "a success")
    scene.expect(judge.replayed, *steps, of="a success", proof=was_executed(steps[1]))


@in_turn("a replay of a decline")
@clause("idempotency.replay")
def test_replay_of_decline(scene: Scene) -> None:
    """A decline is replayed like a success: the card is not asked a second time."""
    scene.needs.state()
    scene.expect(judge.replayed, *replay_on_token(scene, stripe.WITH_DECLINING_TOKEN, "a decline"), of="a decline")


@clause("idempotency.replay")
def test_keys_count_whole(scene: Scene) -> None:
    """Keys are compared whole and as they are: two clients' keys that are alike are still two.

    The longest keys that differ behind a semicolon and a comma, in case or by a hyphen are different ones, and the
    first stays stored after a request with other parameters, and after it has been used; so is the key of attaching
    again. The header's name knows no case, and the key is the account's in either scheme of authentication. Where a
    server takes none of these signs, which no source says it must, the keys are of letters, digits and hyphens.
    """
    beginning = new_key(scene, stripe.LONGEST_KEY - 3)
    key, *others = almost_equal_keys(beginning, ";,")
    first = scene.attach(with_key(MINIMAL, key), role="control")
    refused = [replace(first, role="set-up")] if first.exchange.is_refusal else []
    if refused:
        key, *others = almost_equal_keys(beginning, "--")
        first = scene.attach(with_key(MINIMAL, key), role="control")

    steps = [scene.attach(with_key(stripe.AGAIN, other), first) for other in others]
    if scene.needs.is_sound("idempotency.replay"):
        same = again_with_key(MINIMAL, key)
        of_again = others[-1] if steps[-1].exchange.is_success else key
        knows_no_case = scene.needs.is_sound("request.header-names")
        name = stripe.IDEMPOTENCY_KEY.lower() if knows_no_case else stripe.IDEMPOTENCY_KEY
        steps.append(scene.attach(stripe.with_header(stripe.AGAIN, name, of_again), first, role="follow-up"))
        by_basic = scene.attach(same.but(credentials="basic", label="by Basic"), first, role="follow-up")
        if by_basic.exchange.status == UNAUTHORIZED:  # auth.schemes says so
            by_basic = scene.attach(same, first, role="follow-up")
        steps.append(by_basic)
        steps.append(scene.attach(with_key(stripe.OTHERWISE_EXPANDED, key), first, role="set-up"))
        steps.append(scene.attach(same, first, role="follow-up"))

    scene.expect(judge.not_replayed, *refused, first, *steps)


def almost_equal_keys(beginning: Joined, signs: str) -> list[Text]:
    """Return a key, and others that differ from it behind the signs, in case and by a hyphen."""
    run, rest = beginning.parts
    key = joined(beginning, f"{signs}a")
    return [key, joined(beginning, f"{signs}b"), swapped(key), joined(run, str(rest).removeprefix("-"), f"{signs}a")]


@clause("idempotency.mismatch")
def test_other_parameters(scene: Scene) -> None:
    """A key that comes again with other parameters is a client's mistake, and is rejected as one."""
    key = new_key(scene)

    first = scene.attach(with_key(MINIMAL, key), role="set-up")
    others = [
        scene.attach(with_key(other, key), first) for other in (stripe.FOR_OTHER_CUSTOMER, stripe.OTHERWISE_EXPANDED)
    ]
    read = scene.api.read_back(others[-1])

    scene.expect(judge.rejected_as_required, first, *others, *read, attached_before=first.bindings["customer"])


@clause("idempotency.mismatch", further=True)
def test_mismatch_is_not_executed(scene: Scene) -> None:
    """A rejected mismatch has no effect: a shared token must not be attached to a second customer."""
    scene.needs.state()
    token = stripe.WITH_SHARED_TOKEN.path_id
    own = scene.api.own_customer()
    if own is None:
        scene.needs.no_new_customer("no customer of its own can be made")
    key = new_key(scene)

    steps = [scene.attach(with_key(stripe.SHARED_TOKEN_EXPANDED, key), token, role="set-up")]
    if steps[0].exchange.is_success:
        steps.append(scene.attach(again_with_key(stripe.WITH_SHARED_TOKEN, key), token))
    else:
        key = new_key(scene)
        steps = [scene.attach(with_key(stripe.WITH_SHARED_TOKEN, key), token, role="set-up")]
    steps.append(scene.attach(with_key(stripe.SHARED_TOKEN_FOR_OTHER, key), token, other_customer=own))

    scene.expect(judge.rejected_as_required, *steps, *scene.api.list_whole(own))


@in_turn("a replay of a decline")
@clause("idempotency.mismatch", further=True)
def test_other_parameters_after_a_decline(scene: Scene) -> None:
    """A stored decline answers one request: it would be false for another customer."""
    scene.needs.state()
    token = stripe.WITH_DECLINING_TOKEN.path_id
    key = new_key(scene)

    declined = scene.attach(with_key(stripe.WITH_DECLINING_TOKEN, key), token, role="control")
    if declined.exchange.status != PAYMENT_REQUIRED:
        scene.needs.unmet(f"{describe(token)} is not declined")
    other = scene.attach(with_key(stripe.DECLINING_TOKEN_FOR_OTHER, key), token)

    scene.expect(judge.rejected_as_required, declined, other)


@in_turn("a key on another path")
@clause("idempotency.other-path")
def test_other_path(scene: Scene) -> None:
    """A key never brings another payment method's answer: a client would take it for its own."""
    scene.expect(judge.not_answered_for_another, *key_on_another_path(scene, MINIMAL))


@clause("idempotency.other-path", further=True)
def test_other_endpoint(scene: Scene) -> None:
    """A key belongs to the endpoint that it was first used for: a customer is no answer to an attach."""
    scene.needs.created_customers()
    key = new_key(scene)

    created = scene.api.create_customer_with_key(key)
    steps = [created]
    if created.exchange.is_success:
        customer = str(created.exchange.object.get("id"))
        steps.append(scene.attach(again_with_key(MINIMAL, key), to=customer))

    scene.expect(judge.not_answered_for_another, *steps)


@in_turn("a key on another path")
@clause("idempotency.other-path-type")
def test_other_path_type(scene: Scene) -> None:
    """A key that comes again on another path is rejected with an error of a type of its own."""
    scene.expect(judge.rejected_as_required, *key_on_another_path(scene, MINIMAL))


@clause("idempotency.validation-not-stored")
@narrowed("attempts", single_out, tuple(stripe.refused_by_validation(published_contract())))
def test_key_after_validation(scene: Scene, attempts: Attempts) -> None:
    """A request that validation rejects was not executed, so a client may correct it, and again, and keep its key."""
    expect_usable_again(scene, attempts)


def expect_usable_again(scene: Scene, attempts: Attempts) -> None:
    """Expect a key to serve a good request after all these rejections.

    Attempts that are accepted, or whose value was looked up, break other clauses, and are left out.
    """
    key = new_key(scene)
    steps = [scene.send(with_key(attempt, key), role="control") for attempt in attempts]
    refused = tuple(attempt for attempt, step in zip(attempts, steps, strict=True) if is_of_validation(step))
    if 0 < len(refused) < len(attempts):
        expect_usable_again(scene, refused)
        return
    if refused:
        steps.append(scene.send(with_key(MINIMAL, key), rejected=True))
        if steps[-1].exchange.is_refusal:
            steps.append(scene.send(MINIMAL, role="follow-up", rejected=True))
    scene.expect(judge.usable_again, *steps)


def is_of_validation(step: Step) -> bool:
    """Return whether a request was rejected, and not for an object that does not exist."""
    return step.exchange.is_refusal and step.exchange.error.get("code") != "resource_missing"


@clause("idempotency.in-use", also=("header.request-id",))
def test_simultaneous_requests(scene: Scene) -> None:
    """A client that asks again too soon gets 409 or the answer, and one execution.

    A shared token, of which each attach makes a new payment method, shows a second execution on the list.
    """
    stateful = not scene.stage.fixtures.provision.stateless
    own = scene.api.own_customer() if stateful else None
    if own is not None:
        twice = again_with_key(stripe.WITH_SHARED_TOKEN, new_key(scene))
        steps = scene.at_once(twice, [{"customer": own, "payment_method": str(twice.path_id)}] * 2)
        if any(step.exchange.is_success for step in steps):
            scene.expect(judge.executed_once, *steps, *scene.api.list_whole(own), also=TOLD_APART)
            return
    card = scene.stage.fixtures.methods.new()
    customer = own or scene.stage.fixtures.customers.named()
    twice = again_with_key(stripe.AGAIN, new_key(scene))
    steps = scene.at_once(twice, [{"customer": customer, "payment_method": card}] * 2)
    scene.expect(judge.executed_once, *steps, also=TOLD_APART)


@clause("idempotency.too-long", also=("state.refusal-changes-nothing",))
def test_key_beyond_its_length(scene: Scene) -> None:
    """Keys have up to 255 characters; a longer one is rejected, and not cut, and the request is not executed."""
    step = scene.send(with_key(MINIMAL, new_key(scene, stripe.LONGEST_KEY + 1)))
    reads = scene.api.read_back(step) if step.exchange.is_refusal else []
    undone = ("state.refusal-changes-nothing", judge.refused_undone)
    scene.expect(judge.rejected_as_required, step, *reads, also=[undone])
