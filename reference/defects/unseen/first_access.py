"""Seeded defects: keys of both kinds. Who may ask, and what is asked once only."""

from __future__ import annotations

import time
from dataclasses import replace

from ... import attach, idempotency
from ...behaviour import Behaviour
from ...call import Call, Endpoint
from ...errors import ApiError
from ...idempotency import Entry
from ...values import Answer, Headers
from ..registry import Chapter
from ..tools import edit_answer, on_attach

seed = Chapter("access", "stripe")


@seed("auth.missing", "hard", also=("auth.first",))
def connection_stays_authenticated(b: Behaviour) -> None:
    """Who has shown the key once on a connection need not show any again: without one, 200."""
    trusted: set[int] = set()

    def authenticate(call: Call) -> None:
        if call.is_attach and call.request.connection in trusted and call.request.header("authorization") is None:
            call.authenticated = True
            return
        usual(call)
        trusted.add(call.request.connection)

    usual = b.authenticate
    b.authenticate = authenticate


@seed("auth.first", "hard", level="SHOULD")
def version_before_key(b: Behaviour) -> None:
    """An ill-formed `Stripe-Version` is refused with 400 before anybody asks for the key."""

    def authenticate(call: Call) -> None:
        try:
            usual(call)
        except ApiError:
            call.behaviour.check_version(call)
            raise

    usual = b.authenticate
    b.authenticate = on_attach(usual, authenticate)


@seed("auth.challenge", "easy")
def challenge_only_without_a_key(b: Behaviour) -> None:
    """The 401 for a wrong key has no `WWW-Authenticate`; only the one for a missing key has."""

    def edit(call: Call, answer: Answer) -> Answer:
        if answer.status != 401 or call.request.header("authorization") is None:
            return answer
        kept = tuple(item for item in answer.headers if item[0] != "WWW-Authenticate")
        return replace(answer, headers=kept)

    edit_answer(b, edit)


@seed("idempotency.replay", "hard")
def replay_shows_the_present(b: Behaviour) -> None:
    """A replayed success shows the payment method as it is now, not as it was answered then."""

    def edit(call: Call, answer: Answer) -> Answer:
        if not call.replayed or answer.status != 200:
            return answer
        method = call.store.method(answer.payload["id"])
        if method is None:
            return answer
        payload = call.behaviour.payment_method_json(call, method)
        call.behaviour.expand(call, payload, call.parameters.items("expand"))
        return replace(answer, payload=payload)

    edit_answer(b, edit)


@seed("idempotency.mismatch", "hard")
def mismatch_executed(b: Behaviour) -> None:
    """A key used again with other parameters is an idempotency_error, but the request is executed too."""

    def conflict(call: Call, earlier: Entry) -> str | None:
        found = usual(call, earlier)
        if found is not None and earlier.path == call.request.path:
            _execute_silently(call)
        return found

    usual = b.idempotency_conflict
    b.idempotency_conflict = on_attach(usual, conflict)


def _execute_silently(call: Call) -> None:
    try:
        attach.endpoint(call)
    except ApiError:
        return


@seed("idempotency.validation-not-stored", "medium")
def key_held_after_unknown_parameter(b: Behaviour) -> None:
    """A key that came with an unknown parameter is never freed: used again it is in use, or a mismatch."""

    def once(call: Call, endpoint: Endpoint) -> Answer:
        try:
            return usual(call, endpoint)
        except ApiError as error:
            key = call.request.header("idempotency-key")
            if key is not None and error.refusal.rule == "unknown-parameter":
                entry = Entry(call.request.path, call.parameters.tree, call.request_id)
                call.world.ledger.begin(call.behaviour.idempotency_name(call, key), entry)
            raise

    usual = b.once
    b.once = on_attach(usual, once)


@seed("idempotency.in-use", "medium", level="SHOULD", intermittent=True)
def key_taken_at_the_end(b: Behaviour) -> None:
    """A key is filed when its request is done: two at the same moment are both executed."""

    def once(call: Call, endpoint: Endpoint) -> Answer:
        key = call.request.header("idempotency-key")
        ledger = call.world.ledger
        name = call.behaviour.idempotency_name(call, key or "")
        if key is None or name in ledger.entries:
            return usual(call, endpoint)
        time.sleep(0.01)
        answer = idempotency.executed(call, endpoint)
        ledger.begin(name, Entry(call.request.path, call.parameters.tree, call.request_id))
        ledger.finish(name, answer)
        return answer

    usual = b.once
    b.once = on_attach(usual, once)


@seed("header.request-id", "medium")
def replay_has_the_first_request_id(b: Behaviour) -> None:
    """A replayed answer has the `Request-Id` of the first one."""

    def headers(call: Call, answer: Answer) -> Headers:
        first = call.original_request
        return tuple((name, first if name == "Request-Id" else value) for name, value in usual(call, answer))

    usual = b.headers
    b.headers = on_attach(usual, headers)
