"""Mistakes in reading a request: connections, bytes that are no text, keys by Basic, the customer of a shared token."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from urllib.parse import quote, unquote_to_bytes

from ..behaviour import Behaviour, FindCustomer, KnownKey, Serve, Unquote
from ..call import Call
from ..changes import apply, crash, wrap_at_attach
from ..objects.models import Customer
from ..rules.forms import BROKEN_ESCAPE
from ..wire.values import DROPPED, Response
from .parts import change_request, credentials_sent, id_in_path
from .registry import Topic

contract = Topic("contract")
stateful = Topic("stateful")
stripe = Topic("stripe")

BATCH = "thirteenth field"

POOL = 8
"""How many connections to the database there are."""
WAIT = 5.0
"""Seconds of waiting for a lock that nobody gives back."""
QUERY = 0.005
"""Seconds that a connection to the database is in use."""


# How requests come in.


contract.row("post-in-lower-case-attaches", "request.other-methods", "hard", batch=BATCH)(
    # RFC 9110 (9.1): the name of a method is case-sensitive.
    "The method is read in capitals: `post` attaches.",
    change_request(lambda request: replace(request, method="POST") if request.method == "post" else request),
)


@contract("robustness.still-serving", "hard", batch=BATCH)
def request_behind_another_is_lost(b: Behaviour) -> None:
    """What came in one read with a request is thrown away: of two that are sent at once, the second gets no answer.

    RFC 9112 (9.3.2): a server must answer requests that are pipelined, in their order.
    """
    b.limits = replace(b.limits, alone=True)


@contract("robustness.still-serving", "hard", batch=BATCH)
def lock_of_a_request_that_broke_off_stays(b: Behaviour) -> None:
    """The lock of a payment method is taken before the body is read: after a client has gone it is never given back."""
    locked: set[str] = set()
    b.limits = replace(b.limits, interrupted=locked)

    @apply(b, wrap_at_attach("serve"))
    def serve(usual: Serve, call: Call) -> Response:
        if call.request.target not in locked:
            return usual(call)
        time.sleep(WAIT)
        return DROPPED


@stateful("state.race", "hard", intermittent=True, batch=BATCH)
def ninth_at_once_crashes(b: Behaviour) -> None:
    """A pool has eight connections to the database, and does not wait for one: the ninth attach at once is a 500."""
    free = threading.Semaphore(POOL)

    @apply(b, wrap_at_attach("serve"))
    def serve(usual: Serve, call: Call) -> Response:
        if not free.acquire(blocking=False):
            return crash(call)
        try:
            time.sleep(QUERY)
            return usual(call)
        finally:
            free.release()


# Names and values.


@contract("request.value-exact", "hard", wrap_at_attach("unquote"), batch=BATCH)
def unreadable_bytes_left_out(usual: Unquote, call: Call, raw: bytes) -> str:
    """Bytes that are not UTF-8 are left out, by `decode("utf-8", "ignore")`: an id with `%FF` behind it is the id."""
    if BROKEN_ESCAPE.search(raw):
        return usual(call, raw)
    readable = unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8", "ignore")
    return usual(call, quote(readable).encode())


@stripe("auth.unknown-key", "hard", wrap_at_attach("known_key"), batch=BATCH)
def basic_keys_need_only_look_right(usual: KnownKey, call: Call, key: str) -> bool:
    """A Bearer token is compared with the account's key; a Basic user name need only begin with `sk_test_`."""
    is_basic = credentials_sent(call)[0] == "basic"
    return (is_basic and key.startswith("sk_test_")) or usual(call, key)


@stripe("state.deleted-customer", "hard", wrap_at_attach("find_customer"), batch=BATCH)
def shared_tokens_go_to_deleted_customers(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
    """The branch that makes a payment method of a shared token finds deleted customers, too."""
    is_of_token = id_in_path(call).startswith("pm_card_")
    return usual(call, identifier) or (call.store.customer(identifier) if is_of_token else None)
