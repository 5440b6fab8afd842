"""Seeded defects: API keys, idempotency keys and versions."""

from __future__ import annotations

from dataclasses import replace

from ... import attach, forms
from ...auth import WELL_FORMED
from ...behaviour import Behaviour
from ...call import Call, Endpoint
from ...errors import ApiError
from ...idempotency import Entry
from ...values import Answer, Headers
from ..registry import Chapter
from ..tools import edit_answer, on_attach

seed = Chapter("keys", "stripe")


@seed("auth.unknown-key", "medium")
def keys_compared_to_the_shorter(b: Behaviour) -> None:
    """Keys are compared up to the end of the shorter one: cut short, or with more behind it, a key still passes."""

    def known(call: Call, key: str) -> bool:
        account = call.world.api_key
        if account is None or WELL_FORMED.fullmatch(key) is None:
            return usual(call, key)
        return all(left == right for left, right in zip(key, account, strict=False))

    usual = b.known_key
    b.known_key = on_attach(usual, known)


@seed("auth.missing", "hard", also=("state.refusal-changes-nothing",))
def executed_without_a_key(b: Behaviour) -> None:
    """Without a key the answer is 401, but the payment method is attached before that."""

    def authenticate(call: Call) -> None:
        if call.request.method == "POST" and call.request.header("authorization") is None:
            _attach_quietly(call)
        usual(call)

    usual = b.authenticate
    b.authenticate = on_attach(usual, authenticate)


def _attach_quietly(call: Call) -> None:
    try:
        call.behaviour.route(call)
        call.form = forms.decode(call)
        attach.endpoint(call)
    except ApiError:
        return


@seed("auth.challenge", "easy")
def basic_challenge(b: Behaviour) -> None:
    """The challenge of a 401 asks for the scheme Basic."""

    def edit(call: Call, answer: Answer) -> Answer:
        if answer.status != 401:
            return answer
        kept = tuple(item for item in answer.headers if item[0] != "WWW-Authenticate")
        return replace(answer, headers=(*kept, ("WWW-Authenticate", 'Basic realm="Stripe"')))

    edit_answer(b, edit)


@seed("idempotency.replay", "medium")
def declines_are_not_kept(b: Behaviour) -> None:
    """Only successes are kept under an idempotency key: a decline is executed again, not replayed."""

    def once(call: Call, endpoint: Endpoint) -> Answer:
        answer = usual(call, endpoint)
        key = call.request.header("idempotency-key")
        if key is not None and answer.status >= 400:
            call.world.ledger.abandon(call.behaviour.idempotency_name(call, key))
        return answer

    usual = b.once
    b.once = on_attach(usual, once)


@seed("idempotency.mismatch", "medium")
def only_customer_is_compared(b: Behaviour) -> None:
    """Of the parameters only `customer` is compared: with another `expand`, the first answer is replayed."""

    def conflict(call: Call, earlier: Entry) -> str | None:
        same = earlier.path == call.request.path
        if same and earlier.tree.get("customer") == call.parameters.tree.get("customer"):
            return None
        return usual(call, earlier)

    usual = b.idempotency_conflict
    b.idempotency_conflict = on_attach(usual, conflict)


@seed("idempotency.other-path", "medium", also=("idempotency.other-path-type", "response.id"))
def endpoint_without_the_id(b: Behaviour) -> None:
    """A key is held against the endpoint, not the path: another payment method gets the first one's answer."""

    def conflict(call: Call, earlier: Entry) -> str | None:
        if earlier.path.endswith("/attach") and earlier.tree == call.parameters.tree:
            return None
        return usual(call, earlier)

    usual = b.idempotency_conflict
    b.idempotency_conflict = on_attach(usual, conflict)


@seed("header.version", "easy")
def release_name_is_lost(b: Behaviour) -> None:
    """The answer's `Stripe-Version` is the date alone, without the release name that was sent behind it."""

    def headers(call: Call, answer: Answer) -> Headers:
        shown = usual(call, answer)
        return tuple((key, text.partition(".")[0] if key == "Stripe-Version" else text) for key, text in shown)

    usual = b.headers
    b.headers = on_attach(usual, headers)
