"""Mistakes of home-made idempotency keys: when a key is looked at, what is kept for it, and when."""

from __future__ import annotations

import time
from collections.abc import Hashable
from dataclasses import replace

from ..behaviour import Check, Conflict, Once
from ..call import Call, Endpoint
from ..changes import wrap_at_attach, wrap_check
from ..objects.cards import by_shared_id
from ..rules import errors, idempotency
from ..rules.attach import Attempt
from ..rules.errors import ApiError
from ..rules.idempotency import Entry
from ..wire.values import Answer
from .registry import Topic
from .seventh_field_handlers import BATCH

stripe = Topic("stripe")

WRITING = 0.05
"""How long the store takes to keep an answer, in seconds."""


@stripe("idempotency.replay", "hard", wrap_at_attach("once"), batch=BATCH)
def objects_are_loaded_before_the_key(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
    """Both objects are looked up before the key: once the customer is deleted, a replay is 400.

    Rails' `before_action :load_customer` before the `around_action` for keys, route-model binding of Laravel.
    """
    if call.request.header("idempotency-key") is not None:
        method, customer = call.arguments[0], call.parameters.text("customer")
        if by_shared_id(method) is None and call.store.method(method) is None:
            raise errors.no_such("PaymentMethod", method, "payment_method", 404)
        if customer and call.store.live_customer(customer) is None:
            raise errors.no_such("customer", customer, "customer", 400)
    return usual(call, endpoint)


@stripe("idempotency.replay", "hard", wrap_at_attach("once"), batch=BATCH)
def early_return_keeps_no_key(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
    """Attaching to the same customer again returns before the key is kept: sent again, it is executed again.

    Handlers that call `saveResponse(key, body)` at their end, after an early return.
    """
    key = call.request.header("idempotency-key")
    method, customer = call.store.method(call.arguments[0]), call.parameters.text("customer")
    is_known = key is not None and call.behaviour.idempotency_name(call, key) in call.world.ledger.entries
    if not is_known and method is not None and customer is not None and method.customer == customer:
        return idempotency.execute(call, endpoint)
    return usual(call, endpoint)


@stripe("idempotency.replay", "medium", wrap_at_attach("idempotency_conflict"), batch=BATCH)
def token_is_resolved_before_the_key(usual: Conflict, call: Call, earlier: Entry) -> str | None:
    """A shared test token becomes its new payment method before the key is looked at: a replay is a mismatch.

    Express's `router.param("id", …)`, which writes the new id to where the fingerprint of the request is taken.
    """
    if by_shared_id(call.arguments[0]) is not None:
        return "Keys for idempotent requests can only be used for the same endpoint."
    return usual(call, earlier)


@stripe("idempotency.replay", "medium", wrap_at_attach("once", done=dict), batch=BATCH)
def answer_is_kept_after_it_is_sent(usual: Once, call: Call, endpoint: Endpoint, done: dict[Hashable, float]) -> Answer:
    """The answer is kept a moment after it was sent: until then the key is in use, and a replay is 409.

    `res.on("finish", …)` of Express, FastAPI's BackgroundTasks, `after_commit` with a job.
    """
    key = call.request.header("idempotency-key")
    if key is None:
        return usual(call, endpoint)
    if time.monotonic() - done.get(key, 0.0) < WRITING:
        raise errors.key_in_use(key)
    answer = usual(call, endpoint)
    done.setdefault(key, time.monotonic())
    return answer


def keep_rejection(usual: Check, call: Call, attempt: Attempt) -> None:
    """Make a check, and have its rejection kept under the idempotency key."""
    try:
        usual(call, attempt)
    except ApiError as error:
        raise ApiError(replace(error.rejection, executed=True)) from None


stripe.row("bad-path-burns-the-key", "idempotency.validation-not-stored", "hard", batch=BATCH)(
    # Serializers that know the paths: drf-flex-fields, Fractal's includes, ActiveModel's `include`.
    "The rejection of a path that cannot be expanded is kept: the serializer finds it, after execution began.",
    wrap_check("expand-paths")(keep_rejection),
)
stripe.row("scalar-expand-burns-the-key", "idempotency.validation-not-stored", "medium")(
    "The rejection of an `expand` that is no array is kept under the idempotency key.",
    wrap_check("expand-structure")(keep_rejection),
)
