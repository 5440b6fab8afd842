"""Idempotency keys: how they are drawn, and stories in which one is used again."""

from __future__ import annotations

import random
import string

from conformance.evidence.episode import Step
from conformance.evidence.exchange import Exchange, sent_header
from conformance.fixtures.forms import RUN
from conformance.judge.reads import listed as entries_of
from conformance.scenes.card import all_answered
from conformance.scenes.scene import Scene
from strategies.attempt import Attempt
from strategies.credentials import WITHOUT_KEY, unknown_keys
from strategies.stripe import IDEMPOTENCY_KEY, with_header
from strategies.values import Joined, Known, Text, joined

KEY_LETTERS = string.ascii_letters + string.digits

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
    scene.needs.two_paths()

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
