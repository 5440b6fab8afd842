"""Mistakes of serializers, of what outlives a request, and of several requests at once."""

from __future__ import annotations

import copy
import gzip
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..behaviour import Behaviour, Check, Expand, Finish, Once, Serve, ShowCustomer, WriteHeaders
from ..call import ALPHABET, Call, Endpoint
from ..changes import apply, expands, wrap, wrap_at_attach, wrap_check
from ..objects.models import Customer
from ..rules.attach import Attempt
from ..wire.values import RESET, Answer, Headers, Json, Response
from .fifth_field_answers import accepted
from .registry import Topic
from .tenth_field_stores import BATCH

contract = Topic("contract")
stateful = Topic("stateful")
stripe = Topic("stripe")

GATHERING = 0.01
"""How long look-ups are gathered before they are made at once, in seconds."""
WRITING = 0.005
"""How long the details of an error take to be written, in seconds."""
KEPT = 60.0
"""How long the cache keeps an answer, in seconds."""


# Expansion.


@contract("expand.accepted", "easy", wrap_check("customer-structure"), batch=BATCH)
def expanded_field_is_not_read(usual: Check, call: Call, attempt: Attempt) -> None:
    """With `expand` the serializer nests the customer, which is then read-only: it is missing.

    drf-serializer-extensions (issue 24): expanding on a POST.
    """
    usual(call, attempt)
    if expands(call):
        attempt.customer_id = None


@stripe("expand.nested-path", "hard", wrap_at_attach("expand", left=list), batch=BATCH)
def nested_paths_stay_in_the_serializer(
    usual: Expand, call: Call, payload: Json, items: Sequence[str], left: list[str]
) -> None:
    """The member that was expanded within the customer last is expanded again within each later one.

    djangorestframework-expander (pull request 2): the arguments of the nested serializer belong to its class.
    """
    nested = [item for item in items if item.startswith("customer.")]
    if nested:
        left[:] = nested
    usual(call, payload, [*items, *left] if "customer" in items else items)


@stripe("expand.nested-path", "hard", also="state.only-this-one", batch=BATCH)
def nested_expansion_is_written(b: Behaviour) -> None:
    """A path within a hash is expanded in the stored object: its default payment method is no id any more.

    localstripe before 1.0 (90f0c78): the copy that is expanded shares its hashes with what is stored.
    """
    written: dict[str, Json] = {}

    @apply(b, wrap_at_attach("expand"))
    def expand(usual: Expand, call: Call, payload: Json, items: Sequence[str]) -> None:
        usual(call, payload, items)
        customer = payload.get("customer")
        settings = customer.get("invoice_settings", {}) if isinstance(customer, dict) else {}
        default = settings.get("default_payment_method")
        if isinstance(default, dict):
            written[payload["customer"]["id"]] = copy.deepcopy(default)

    @apply(b, wrap("customer_json"))
    def customer_json(usual: ShowCustomer, call: Call, customer: Customer) -> Json:
        shown = usual(call, customer)
        default = written.get(customer.id)
        if default is not None and default["id"] == customer.default_payment_method:
            shown["invoice_settings"]["default_payment_method"] = copy.deepcopy(default)
        return shown


# What outlives a request.


@stripe("idempotency.replay", "hard", wrap("headers", marked=list), batch=BATCH)
def mark_of_a_replay_stays(usual: WriteHeaders, call: Call, answer: Answer, marked: list[bool]) -> Headers:
    """After a replay all answers are marked `Idempotent-Replayed: true`: nothing takes the header back.

    One response object for all requests: twitter/finatra (pull request 3).
    """
    shown = usual(call, answer)
    if call.replayed:
        marked.append(True)
    elif marked and call.authenticated:
        shown = (*shown, ("Idempotent-Replayed", "true"))
    return shown


@stateful("state.refusal-changes-nothing", "hard", also="idempotency.replay", batch=BATCH)
def answer_without_a_key_is_cached(b: Behaviour) -> None:
    """A 401 is cached under its URL: the next request there gets it, with a key that is good.

    payload-redis-cache (issue 21): errors are cached as answers, and the key of the cache is the URL.
    """
    cached: dict[str, tuple[float, Response]] = {}

    @apply(b, wrap_at_attach("serve"))
    def serve(usual: Serve, call: Call) -> Response:
        until, kept = cached.get(call.request.target, (0.0, None))
        if kept is not None and time.monotonic() < until:
            return kept
        response = usual(call)
        if response.status == 401:
            cached[call.request.target] = (time.monotonic() + KEPT, response)
        return response


@stripe("response.json", "hard", also="idempotency.replay", batch=BATCH)
def replay_forgets_its_coding(b: Behaviour) -> None:
    """A replay of an answer in gzip is in gzip, and does not say so: the header was not stored.

    apicache before 0.5 (issue 27).
    """
    packed: set[str] = set()

    @apply(b, wrap_at_attach("finish"))
    def finish(usual: Finish, call: Call, response: Response) -> Response:
        response = usual(call, response)
        if call.replayed:
            is_packed = call.original_request in packed
            return replace(response, body=gzip.compress(response.body)) if is_packed else response
        if not accepted(call.request.header("accept-encoding") or "").get("gzip", 0.0) > 0:
            return response
        packed.add(call.request_id)
        coded = replace(response, body=gzip.compress(response.body))
        return coded.with_header("Content-Encoding", "gzip").with_header("Vary", "Accept-Encoding")


# Several requests at once.


@stripe("header.request-id", "hard", wrap("serve"), intermittent=True, batch=BATCH)
def request_id_is_of_its_millisecond(usual: Serve, call: Call) -> Response:
    """`Request-Id` is made by a generator that the clock seeds: in the same millisecond it is the same.

    apostrophe 0.5 (issue 190).
    """
    generator = random.Random(time.time_ns() // 1_000_000)
    call.request_id = call.original_request = "req_" + "".join(generator.choices(ALPHABET, k=14))
    return usual(call)


@dataclass
class Batch:
    """Look-ups that are made at once, and their results."""

    keys: list[str] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)
    is_loaded: threading.Event = field(default_factory=threading.Event)


class Loader:
    """A loader that gathers keys, and gives each the row at its place, in the order of the database."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._batch = Batch()

    def load(self, call: Call, key: str) -> Json | None:
        """Return the customer for a key."""
        with self._lock:
            batch = self._batch
            place = len(batch.keys)
            batch.keys.append(key)
        if place == 0:
            time.sleep(GATHERING)
            with self._lock:
                self._batch = Batch()
            found = [customer for customer in call.store.all_customers() if customer.id in batch.keys]
            batch.rows = [call.behaviour.customer_json(call, customer) for customer in found]
            batch.is_loaded.set()
        batch.is_loaded.wait(5.0)
        return batch.rows[place] if place < len(batch.rows) else None


@stateful("state.race", "hard", wrap_at_attach("once", loader=Loader), intermittent=True, batch=BATCH)
def loader_has_another_order(usual: Once, call: Call, endpoint: Endpoint, loader: Loader) -> Answer:
    """Customers that simultaneous requests expand are loaded at once, and come in the order of the database.

    DataLoader (issue 66), overblog/dataloader-php (issue 23): the batch function must keep the order of the keys.
    """
    answer = usual(call, endpoint)
    customer = answer.payload.get("customer")
    if call.replayed or not isinstance(customer, dict):
        return answer
    row = loader.load(call, customer["id"])
    is_own = row is not None and row["id"] == customer["id"]
    return answer if is_own else replace(answer, payload={**answer.payload, "customer": row})


@contract("robustness.still-serving", "hard", intermittent=True, batch=BATCH)
def two_rejections_at_once_end_the_process(b: Behaviour) -> None:
    """Two rejections at the same moment are never answered: both write to one map, and the process ends.

    fleetdm/fleet (issue 49536), checkr/openmock (issue 83): "concurrent map writes" in Go.
    """
    writing: set[str] = set()
    broken: set[str] = set()
    lock = threading.Lock()

    @apply(b, wrap_at_attach("serve"))
    def serve(usual: Serve, call: Call) -> Response:
        response = usual(call)
        if response.status < 400:
            return response
        with lock:
            writing.add(call.request_id)
            if len(writing) > 1:
                broken.update(writing)
        time.sleep(WRITING)
        with lock:
            writing.discard(call.request_id)
        return RESET if call.request_id in broken else response
