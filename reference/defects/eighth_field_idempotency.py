"""Mistakes of home-made idempotency keys: how long, where and under which names answers are kept."""

from __future__ import annotations

import time
from collections.abc import Hashable
from dataclasses import replace

from ..behaviour import Detach, KeyName, Once
from ..call import Call, Endpoint
from ..changes import wrap, wrap_at_attach
from ..objects.models import PaymentMethod
from ..wire.values import Answer
from .eighth_field_handlers import BATCH
from .registry import Topic

stripe = Topic("stripe")

MOST_KEYS = 10
"""How many keys there is room for."""
KEPT = 0.6
"""Ten minutes in seconds, read as milliseconds."""


@stripe("idempotency.replay", "hard", wrap_at_attach("once", born=dict), batch=BATCH)
def lifetime_in_milliseconds(usual: Once, call: Call, endpoint: Endpoint, born: dict[Hashable, float]) -> Answer:
    """An answer is kept for 600 milliseconds instead of seconds; sent again after that, it is executed again.

    cache-manager 5 for Node, which NestJS uses, counts milliseconds where version 4 counted seconds.
    """
    key = call.request.header("idempotency-key")
    if key is not None:
        name = call.behaviour.idempotency_name(call, key)
        if time.monotonic() - born.setdefault(name, time.monotonic()) > KEPT:
            call.world.ledger.abandon(name)
            born[name] = time.monotonic()
    return usual(call, endpoint)


@stripe("idempotency.replay", "hard", wrap_at_attach("idempotency_name"), intermittent=True, batch=BATCH)
def each_worker_keeps_its_own_keys(usual: KeyName, call: Call, key: str) -> Hashable:
    """Keys are in the memory of each of two workers: on a connection to the other one a request is executed again.

    A dict or Map of the module, under Gunicorn, Puma or Node's cluster.
    """
    return call.request.connection % 2, usual(call, key)


@stripe("idempotency.replay", "medium", wrap_at_attach("once"), batch=BATCH)
def replayed_decline_is_brief(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
    """The replay of a decline has its message, type and code only: the error is made again from three columns.

    Tables of keys with `error_message` and `error_code`, and Celery's results, which keep an exception's arguments.
    """
    answer = usual(call, endpoint)
    if not call.replayed or answer.status < 400:
        return answer
    kept = {name: value for name, value in answer.payload["error"].items() if name in ("message", "type", "code")}
    return replace(answer, payload={"error": kept})


@stripe("idempotency.replay", "hard", wrap_at_attach("once", kept=list))
def room_for_ten_answers(usual: Once, call: Call, endpoint: Endpoint, kept: list[Hashable]) -> Answer:
    """There is room for the answers to ten keys: an eleventh one pushes the oldest out."""
    key = call.request.header("idempotency-key")
    if key is not None:
        name = call.behaviour.idempotency_name(call, key)
        if name not in kept:
            kept.append(name)
        if len(kept) > MOST_KEYS:
            call.world.ledger.abandon(kept.pop(0))
    return usual(call, endpoint)


@stripe("idempotency.replay", "hard", wrap("detach"), batch=BATCH)
def detaching_evicts_the_answers(usual: Detach, call: Call, method: PaymentMethod) -> PaymentMethod:
    """Stored answers are tagged with their payment method: a detach evicts them, and a replay is executed again.

    `Cache::tags([$method->id])` of Laravel, tags of Symfony's cache and FusionCache, django-cacheops.
    """
    ledger = call.world.ledger
    for name, entry in tuple(ledger.entries.items()):
        if f"/{method.id}/" in entry.path:
            ledger.abandon(name)
    return usual(call, method)
