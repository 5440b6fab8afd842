"""Keys, codes, cards and headers: what is Stripe's own."""

from __future__ import annotations

import base64
import hashlib
import time
from dataclasses import replace

from ...attach import Attempt
from ...auth import VERSION, WELL_FORMED, basic_user
from ...behaviour import Behaviour
from ...call import Call, Endpoint
from ...cards import by_shared_id
from ...errors import ApiError
from ...idempotency import Entry
from ...objects import PaymentMethod
from ...store import new_card
from ...values import Answer, Response
from ..keys import sent
from ..registry import Chapter
from ..tools import edit_refusals, on_attach

seed = Chapter("keys", "stripe")

COMPARED = 16
NAME_COLUMN = 32


@seed("stripe.card-declined", "hard", also=("state.refusal-changes-nothing", "state.listed"))
def declined_but_listed(b: Behaviour) -> None:
    """The list is written before the bank is asked: a declined card is unattached, but on the customer's list."""
    usual = b.checks["not-declined"]

    def check(call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError:
            call.store.put_method(attempt.method)
            wallet = call.store.wallets.setdefault(attempt.owner.id, [])
            if attempt.method.id not in wallet:
                wallet.append(attempt.method.id)
            raise

    b.checks["not-declined"] = check


@seed("stripe.test-tokens", "medium", intermittent=True)
def ids_made_from_the_second(b: Behaviour) -> None:
    """The id of what a shared token makes is made from the time in seconds: two in the same second are one."""
    usual = b.find_payment_method

    def find(call: Call, identifier: str) -> PaymentMethod | None:
        shared = by_shared_id(identifier)
        if shared is None:
            return usual(call, identifier)
        moment = f"{identifier} {int(time.time())}"
        return new_card(shared, "pm_" + hashlib.sha256(moment.encode()).hexdigest()[:24])

    b.find_payment_method = find


@seed("stripe.detached-reattach", "hard")
def last_detached_is_remembered(b: Behaviour) -> None:
    """There is room for one: when another payment method is detached, the one before it may be attached again."""
    usual = b.detach
    last: list[str] = []

    def detach(call: Call, method: PaymentMethod) -> PaymentMethod:
        for identifier in last:
            call.store.put_method(replace(call.store.methods[identifier], detached=False))
        last[:] = [method.id]
        return usual(call, method)

    b.detach = detach


@seed("auth.unknown-key", "hard")
def keys_compared_by_their_beginning(b: Behaviour) -> None:
    """Only the first sixteen characters of a key are kept, and compared: what follows may be anything."""
    usual = b.known_key

    def known(call: Call, key: str) -> bool:
        ours = call.world.api_key
        if ours is not None and call.is_attach and WELL_FORMED.fullmatch(key):
            return key[:COMPARED] == ours[:COMPARED]
        return usual(call, key)

    b.known_key = known


@seed("auth.malformed", "hard")
def key_taken_from_the_password(b: Behaviour) -> None:
    """In Basic credentials whose user is no key, the password is taken for it."""
    usual = b.authenticate

    def authenticate(call: Call) -> None:
        scheme, credentials = sent(call)
        user = basic_user(credentials) if scheme == "basic" else None
        if user and not WELL_FORMED.fullmatch(user):
            password = base64.b64decode(credentials).decode().partition(":")[2]
            others = tuple(item for item in call.request.headers if item[0] != "authorization")
            call.request = replace(call.request, headers=(*others, ("authorization", f"Bearer {password}")))
        usual(call)

    b.authenticate = on_attach(usual, authenticate)


@seed("idempotency.replay", "hard", also=("idempotency.mismatch", "idempotency.other-path"))
def latest_key_is_remembered(b: Behaviour) -> None:
    """There is room for one finished request: a key is forgotten when another one is used."""
    usual = b.once

    def once(call: Call, endpoint: Endpoint) -> Answer:
        key, ledger = call.request.header("idempotency-key"), call.world.ledger
        if key is not None:
            name = call.behaviour.idempotency_name(call, key)
            with ledger.lock:
                done = [other for other, entry in ledger.entries.items() if entry.answer is not None and other != name]
                for other in done:
                    del ledger.entries[other]
        return usual(call, endpoint)

    b.once = on_attach(usual, once)


@seed("idempotency.mismatch", "hard", also=("idempotency.replay",))
def mismatch_frees_the_key(b: Behaviour) -> None:
    """A key that comes with other parameters is refused and thrown away: the first request is executed again."""
    usual = b.idempotency_conflict

    def conflict(call: Call, earlier: Entry) -> str | None:
        found = usual(call, earlier)
        key = call.request.header("idempotency-key")
        if found is not None and key is not None and earlier.answer is not None:
            call.world.ledger.abandon(call.behaviour.idempotency_name(call, key))
        return found

    b.idempotency_conflict = on_attach(usual, conflict)


@seed("stripe.parameter-unknown", "medium")
def names_cut_in_param(b: Behaviour) -> None:
    """`param` holds the first 32 characters of the unknown parameter's name."""
    edit_refusals(b, ["unknown-parameter"], lambda refusal: replace(refusal, param=(refusal.param or "")[:NAME_COLUMN]))


@seed("header.request-id", "hard")
def request_id_is_a_digest(b: Behaviour) -> None:
    """The id of a request is a digest of its path and body: the same request has the same id again."""
    usual = b.serve

    def serve(call: Call) -> Response:
        request = call.request
        digest = hashlib.sha256(f"{request.method} {request.target}\n".encode() + request.body).hexdigest()
        call.request_id = call.original_request = f"req_{digest[:14]}"
        return usual(call)

    b.serve = on_attach(usual, serve)


@seed("header.version", "medium")
def version_read_from_its_beginning(b: Behaviour) -> None:
    """The pattern for versions is not anchored at its end: `2020-08-27junk` passes, and is echoed."""
    usual = b.check_version

    def check(call: Call) -> None:
        sent = call.request.header("stripe-version")
        if sent is None or VERSION.match(sent) is None:
            usual(call)
        else:
            call.version = sent

    b.check_version = on_attach(usual, check)
