"""Mistakes of home-made idempotency keys: how long, where and under which names answers are kept."""

from __future__ import annotations

import re
import time
from collections.abc import Hashable
from dataclasses import replace

from ..behaviour import Detach, KeyName, Once
from ..call import Call, Endpoint
from ..changes import wrap, wrap_at_attach
from ..objects.models import PaymentMethod
from ..rules import errors
from ..wire.values import Answer
from .eighth_field_handlers import BATCH
from .registry import Topic

stripe = Topic("stripe")

KEPT = 0.6
"""Ten minutes in seconds, read as milliseconds."""
SAFE_KEY = re.compile(r"[A-Za-z0-9_-]+")


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
def keys_are_of_few_characters(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
    """A key with other characters than letters, digits, `_` and `-` is rejected with 400.

    Validators against injection into Redis: `/^[a-zA-Z0-9_-]{1,255}$/`.
    """
    key = call.request.header("idempotency-key")
    if key is not None and not SAFE_KEY.fullmatch(key):
        raise errors.idempotency_error("Invalid idempotency key.")
    return usual(call, endpoint)


@stripe("idempotency.replay", "medium", wrap_at_attach("once"), batch=BATCH)
def replayed_decline_is_brief(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
    """The replay of a decline has its message, type and code only: the error is raised anew from three columns.

    Tables of keys with `error_message` and `error_code`, and Celery's results, which keep an exception's arguments.
    """
    answer = usual(call, endpoint)
    if not call.replayed or answer.status < 400:
        return answer
    kept = {name: value for name, value in answer.payload["error"].items() if name in ("message", "type", "code")}
    return replace(answer, payload={"error": kept})


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
