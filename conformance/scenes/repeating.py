"""Repetitions: one request, sent so often that a server which answers it differently now and then is seen."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from itertools import cycle, islice

from conformance import judge
from conformance.evidence.episode import Step
from conformance.fixtures.provisioning import OutOfFixtures
from conformance.judge.race import CONFLICT
from conformance.judge.steadiness import dropped
from conformance.scenes.scene import Scene
from strategies.attempt import Attempt

FEWEST_REPETITIONS = 10
"""How often a request must be repeated at least for its steadiness to be judged."""
FEW_AT_ONCE = 2
"""How many successes are wanted at the same time, and how many rejections at least."""
TOLD_APART = (("header.request-id", judge.told_apart),)
"""What else answers to one request show, some of them at the same time."""
PAUSES = (0.15, *(0.03 + 0.005 * step for step in range(10)))
"""How many seconds a connection is left idle before it is used again, one after the other. They differ, so that a
server that closes idle connections does not meet each request; the longest shows what shorter ones are not."""


def expect_steady(scene: Scene, attempt: Attempt, *, fresh: bool) -> None:
    """Expect the same class of answer as often as the budget says, on a kept connection and on new ones.

    `fresh` gives the attempt a payment method of its own each time; successes that the run has seen already count, and
    some more are wanted at once.
    """
    if scene.is_confirmation:
        scene.expect(judge.steady, scene.attach(attempt) if fresh else scene.send(attempt))
        return
    send = scene.stage.send_fresh if fresh else scene.stage.send_shared
    before = scene.stage.memory.repeated.get(attempt, []) if fresh else []
    before = [(is_new, step) for is_new, step in before if not step.exchange.resent]
    on_new = [step for is_new, step in before if is_new]
    enough = (scene.budget.kept if fresh else scene.budget.refused) + scene.budget.new
    kept = max(scene.budget.new, enough - max(len(on_new), scene.budget.new))
    steps = [step for is_new, step in before if not is_new]
    with contextlib.suppress(OutOfFixtures):
        while len(steps) < kept:
            steps.append(send(attempt))
        if any(step.exchange.resent for step in steps) or (scene.stage.client.resends and not fresh):
            steps = _send_after_pauses(scene, lambda: send(attempt))
        steps += on_new
        while len(steps) < enough:
            left = enough - len(steps)
            is_shared = not fresh and steps[-1].exchange.is_refusal and left >= FEW_AT_ONCE
            steps += _at_once(scene, attempt, left, fresh=False) if is_shared else [send(attempt, new_connection=True)]
        if fresh:
            steps += _at_once(scene, attempt, FEW_AT_ONCE, fresh=True)
    if len(steps) < min(FEWEST_REPETITIONS, enough):
        raise OutOfFixtures("too few payment methods are left to repeat a request (give more)")
    scene.expect(judge.steady, *steps, also=TOLD_APART)


def _at_once(scene: Scene, attempt: Attempt, count: int, *, fresh: bool) -> list[Step]:
    """Send `count` times at once, on payment methods of their own if `fresh`; a client that gets 409 sends again."""
    stage = scene.stage
    payment_method = stage.fixtures.methods.new if fresh else stage.shared.take
    ids = [stage.bind(attempt, payment_method) for _ in range(count)]
    steps = scene.at_once(attempt, ids)
    steps = [stage.send(attempt, one.bindings) if one.exchange.status == CONFLICT else one for one in steps]
    if not fresh and not all(step.exchange.is_refusal for step in steps):
        stage.shared.use_up()
    return steps


def _send_after_pauses(scene: Scene, send: Callable[[], Step]) -> list[Step]:
    """Send so late that a connection which the server closes without saying so is known to be closed.

    Only a request that is lost all the same was dropped. Where chance explains it, since a single one was left unread,
    as many are sent again.
    """
    often = scene.budget.kept + scene.budget.new
    pauses = [PAUSES[0], *islice(cycle(PAUSES[1:]), often - 2), PAUSES[0]]
    steps: list[Step] = []
    for _ in range(2):
        for pause in pauses:
            time.sleep(pause)
            steps.append(send())
        exchanges = [step.exchange for step in steps]
        if dropped(exchanges) or not any(exchange.unread for exchange in exchanges):
            break
    return steps
