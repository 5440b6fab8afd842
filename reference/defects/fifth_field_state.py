"""Mistakes of mappers, caches and databases that show in what is kept."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..behaviour import Attach, Behaviour, Check, FindMethod, Serve, ShowMethod
from ..call import Call
from ..changes import apply, edit_success, wrap, wrap_at_attach, wrap_check
from ..objects.models import PaymentMethod
from ..rules.attach import Attempt
from ..rules.errors import ApiError
from ..wire.values import Json, Response
from .fifth_field_requests import BATCH
from .parts import unexpected_error
from .registry import Topic
from .unknown_parameters import OF_EVERY_OBJECT

stateful = Topic("stateful")
stripe = Topic("stripe")

ONE_METHOD = re.compile(r"/v1/payment_methods/([^/]+)")
BEHIND = 0.1
"""How far the replica is behind, in seconds."""
LONGEST_VALUE = 255
"""The width of the column for values of metadata, in characters."""
SECRET = re.compile("password|secret|token|authorization", re.IGNORECASE)
"""Names whose values a log must not show."""


def method_retrieved(call: Call) -> str | None:
    """Return the id of the payment method that the request retrieves."""
    match = ONE_METHOD.fullmatch(call.request.path) if call.request.method == "GET" else None
    return match[1] if match else None


# Caches and replicas.


@stripe("stripe.card-declined", "hard", batch=BATCH)
def cache_survives_the_rollback(b: Behaviour) -> None:
    """A declined attach is rolled back in the database, but stays in the cache that retrieving reads.

    usercache of ardanlabs/service (issue 653); Hibernate on Infinispan (HHH-12457).
    """
    cached: dict[str, str] = {}

    @apply(b, wrap_check("not-declined"))
    def not_declined(usual: Check, call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError:
            cached[attempt.method.id] = attempt.owner.id
            raise

    @apply(b, wrap("payment_method_json"))
    def payment_method_json(usual: ShowMethod, call: Call, method: PaymentMethod) -> Json:
        shown = usual(call, method)
        if method_retrieved(call) == method.id and method.customer is None:
            shown["customer"] = cached.get(method.id)
        return shown


@stateful("state.same-object", "hard", batch=BATCH)
def cached_copy_is_saved_whole(b: Behaviour) -> None:
    """Attaching saves the copy that was cached when the payment method was created: later updates are undone.

    Django: save() of a cached instance, without update_fields.
    """
    cached: dict[str, PaymentMethod] = {}

    @apply(b, wrap("serve"))
    def serve(usual: Serve, call: Call) -> Response:
        response = usual(call)
        if call.request.method == "POST" and call.request.path == "/v1/payment_methods" and response.status == 200:
            identifier = json.loads(response.body)["id"]
            method = call.store.method(identifier)
            if method is not None:
                cached[identifier] = method
        return response

    @apply(b, wrap_at_attach("find_payment_method"))
    def find_payment_method(usual: FindMethod, call: Call, identifier: str) -> PaymentMethod | None:
        method = usual(call, identifier)
        copy = cached.get(identifier)
        if method is None or copy is None:
            return method
        return replace(copy, customer=method.customer, detached=method.detached, cvc_check=method.cvc_check)


@stateful("state.second-customer", "hard", intermittent=True, batch=BATCH)
def each_worker_remembers_owners(b: Behaviour) -> None:
    """Each of two workers remembers the owner that it saw first, and does not see what the other attaches.

    Flask-Caching's SimpleCache under gunicorn with two workers.
    """
    owners: dict[tuple[int, str], str | None] = {}

    @apply(b, wrap_at_attach("find_payment_method"))
    def find_payment_method(usual: FindMethod, call: Call, identifier: str) -> PaymentMethod | None:
        method = usual(call, identifier)
        if method is None:
            return None
        owner = owners.setdefault((call.request.connection % 2, method.id), method.customer)
        return replace(method, customer=owner)

    @apply(b, wrap("attach"))
    def attach(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        owners[call.request.connection % 2, attempt.method.id] = attempt.owner.id
        return usual(call, attempt)


@stateful("state.persisted", "medium", batch=BATCH)
def retrieval_asks_a_replica(b: Behaviour) -> None:
    """For a tenth of a second after an attach, retrieving shows no customer: it reads from a replica.

    Laravel 12 with `read` and `write` connections and without `sticky`.
    """
    attached_at: dict[str, float] = {}

    @apply(b, wrap("attach"))
    def attach(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        if attempt.method.customer is None:
            attached_at[attempt.method.id] = time.monotonic()
        return usual(call, attempt)

    @apply(b, wrap("payment_method_json"))
    def payment_method_json(usual: ShowMethod, call: Call, method: PaymentMethod) -> Json:
        shown = usual(call, method)
        is_behind = time.monotonic() - attached_at.get(method.id, float("-inf")) < BEHIND
        if method_retrieved(call) == method.id and is_behind:
            shown["customer"] = None
        return shown


# What the database refuses, or changes.


@stateful(
    "error.status-class",
    "medium",
    wrap("attach"),
    also="state.listed state.model robustness.no-media-type robustness.chunked-body robustness.still-serving",
    batch=BATCH,
)
def same_card_breaks_a_constraint(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """A second payment method with the same card is a 500: customer and fingerprint are unique.

    Prisma: P2002, which nobody catches.
    """
    card = attempt.method.card
    for other in call.store.methods_of(attempt.owner.id):
        if other.id != attempt.method.id and card is not None and other.card == card:
            raise unexpected_error()
    return usual(call, attempt)


def save(change: Callable[[PaymentMethod], PaymentMethod]) -> Callable[[Attach, Call, Attempt], PaymentMethod]:
    """Return a step that changes a payment method when it is saved."""

    def attach(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        method = usual(call, attempt)
        return call.store.put_method(change(method))

    return attach


def in_texts(value: Any, change: Callable[[str], str]) -> Any:
    """Return a value with all its texts changed."""
    if isinstance(value, Mapping):
        return {key: in_texts(item, change) for key, item in value.items()}
    return change(value) if isinstance(value, str) else value


def cut_metadata(method: PaymentMethod) -> PaymentMethod:
    """Cut the values of metadata to the width of their column."""
    return replace(method, metadata=in_texts(method.metadata, lambda text: text[:LONGEST_VALUE]))


def lose_emoji(method: PaymentMethod) -> PaymentMethod:
    """Put question marks in place of the characters that need four octets."""
    details = in_texts(method.billing_details, lambda text: re.sub("[\U00010000-\U0010ffff]", "?", text))
    return replace(method, billing_details=details)


def lower_email(method: PaymentMethod) -> PaymentMethod:
    """Write the address of the billing details in lower case."""
    details = dict(method.billing_details)
    if isinstance(details.get("email"), str):
        details["email"] = details["email"].lower()
    return replace(method, billing_details=details)


stateful.row("long-metadata-cut-to-a-column", "state.same-object", "hard", batch=BATCH)(
    "Attaching saves, and cuts values of metadata to 255 characters: VARCHAR(255) of MySQL without strict mode.",
    wrap("attach")(save(cut_metadata)),
)
stateful.row("emoji-become-question-marks", "state.same-object", "hard", batch=BATCH)(
    "Attaching saves, and makes emoji in billing details question marks: utf8mb3 of MariaDB without strict mode.",
    wrap("attach")(save(lose_emoji)),
)
stateful.row("email-saved-in-lower-case", "state.same-object", "medium", batch=BATCH)(
    "Attaching saves, and a callback of the model makes the billing email lower-case: Rails (before_save), Mongoose.",
    wrap("attach")(save(lower_email)),
)


# Metadata in answers.


@stateful("state.same-object", "hard", edit_success, batch=BATCH)
def metadata_named_like_methods_lost(call: Call, payload: Json) -> None:
    """Metadata whose keys every JavaScript object has, as `constructor`, are not in the answer.

    langfuse 3: issue 17685, `in` asked of a plain object.
    """
    payload["metadata"] = {key: value for key, value in payload["metadata"].items() if key not in OF_EVERY_OBJECT}


@stateful("state.same-object", "hard", edit_success, batch=BATCH)
def redacted_for_the_log_and_the_client(call: Call, payload: Json) -> None:
    """Metadata whose keys read like secrets, as `token`, are `[Redacted]` in the answer.

    fast-redact 3 with `serialize: false`, which changes the object itself.
    """
    for key in payload["metadata"]:
        if SECRET.search(key):
            payload["metadata"][key] = "[Redacted]"
