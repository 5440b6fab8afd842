"""API keys, idempotency keys and the headers that go with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ...auth import NO_KEY
from ...behaviour import Behaviour
from ...call import DEFAULT_VERSION, Call, Endpoint
from ...errors import ApiError, Refusal
from ...idempotency import LONGEST, Entry
from ...values import Answer, Headers
from ..registry import Chapter
from ..tools import edit_refusals, on_attach

seed = Chapter("keys", "stripe")


def rewrite(call: Call, name: str, change: Callable[[str], str]) -> None:
    """Change the values of one header of the request before it is looked at."""
    sent = call.request.headers
    changed = tuple((key, change(value) if key == name else value) for key, value in sent)
    call.request = replace(call.request, headers=changed)


@seed("auth.malformed", "easy")
def scheme_not_looked_at(b: Behaviour) -> None:
    """The last word of the Authorization header is the key, whatever scheme stands before it."""
    usual = b.authenticate

    def bearer(value: str) -> str:
        if value.lower().startswith(("basic ", "bearer ")) or not value.split():
            return value
        return f"Bearer {value.split()[-1]}"

    def authenticate(call: Call) -> None:
        rewrite(call, "authorization", bearer)
        usual(call)

    b.authenticate = on_attach(usual, authenticate)


@seed("auth.missing", "hard", also=("auth.first", "auth.challenge"))
def connection_stays_signed_in(b: Behaviour) -> None:
    """A connection that has shown the key once needs none for the requests that follow on it."""
    usual = b.authenticate
    known: set[int] = set()

    def authenticate(call: Call) -> None:
        connection = call.request.connection
        if call.is_attach and connection in known and call.request.header("authorization") is None:
            call.authenticated = True
            return
        usual(call)
        known.add(connection)

    b.authenticate = authenticate


@seed("auth.challenge", "medium")
def challenge_only_without_a_key_too(b: Behaviour) -> None:
    """`WWW-Authenticate` is sent where no key came; a 401 for a wrong key is without it."""

    def edit(refusal: Refusal) -> Refusal:
        return refusal if refusal.message == NO_KEY else replace(refusal, headers=())

    edit_refusals(b, ["unauthorized"], edit)


@seed("idempotency.too-long", "easy", level="SHOULD")
def long_idempotency_keys_cut(b: Behaviour) -> None:
    """An idempotency key of more than 255 characters is cut to 255 instead of being refused."""
    usual = b.route

    def route(call: Call) -> Endpoint:
        rewrite(call, "idempotency-key", lambda key: key[:LONGEST])
        return usual(call)

    b.route = on_attach(usual, route)


@seed("idempotency.validation-not-stored", "medium")
def unknown_parameters_burn_the_key(b: Behaviour) -> None:
    """The refusal of an unknown parameter is kept under the idempotency key, as if it had been executed."""
    usual = b.once

    def once(call: Call, endpoint: Endpoint) -> Answer:
        try:
            return usual(call, endpoint)
        except ApiError as error:
            key = call.request.header("idempotency-key")
            if key is not None and error.refusal.rule == "unknown-parameter":
                name = call.behaviour.idempotency_name(call, key)
                entry = Entry(call.request.path, call.parameters.tree, call.request_id)
                if call.world.ledger.begin(name, entry) is None:
                    call.world.ledger.finish(name, call.behaviour.refuse(call, error.refusal))
            raise

    b.once = on_attach(usual, once)


@seed("idempotency.mismatch", "hard")
def expand_not_compared(b: Behaviour) -> None:
    """The same key with another `expand` counts as the same request and gets the earlier answer."""
    usual = b.idempotency_conflict

    def conflict(call: Call, earlier: Entry) -> str | None:
        tree = {name: value for name, value in call.parameters.tree.items() if name != "expand"}
        first = {name: value for name, value in earlier.tree.items() if name != "expand"}
        same = earlier.path == call.request.path and tree == first
        return None if same else usual(call, earlier)

    b.idempotency_conflict = on_attach(usual, conflict)


@seed("idempotency.replay", "hard")
def declines_not_kept(b: Behaviour) -> None:
    """Only successes are kept under an idempotency key: a declined card is tried again, not replayed."""
    usual = b.once

    def once(call: Call, endpoint: Endpoint) -> Answer:
        answer = usual(call, endpoint)
        key = call.request.header("idempotency-key")
        if key is not None and answer.status == 402:
            call.world.ledger.abandon(call.behaviour.idempotency_name(call, key))
        return answer

    b.once = on_attach(usual, once)


@seed("header.version", "hard")
def errors_show_the_default_version(b: Behaviour) -> None:
    """`Stripe-Version` echoes the version sent on successes; errors carry the account's default."""
    usual = b.headers

    def headers(call: Call, answer: Answer) -> Headers:
        sent = usual(call, answer)
        if answer.status < 400:
            return sent
        return tuple((name, DEFAULT_VERSION if name == "Stripe-Version" else value) for name, value in sent)

    b.headers = on_attach(usual, headers)
