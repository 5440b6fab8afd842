"""Stripe's own codes, keys and headers, nearly right."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace

from ... import errors
from ...attach import Attempt
from ...auth import NO_KEY, WELL_FORMED, basic_user
from ...behaviour import Behaviour
from ...call import Call, Endpoint
from ...errors import ApiError
from ...idempotency import Entry
from ...values import Answer, Headers
from ..registry import Chapter
from ..tools import edit_answer, edit_refusals, on_attach, skip_check

seed = Chapter("stripe", "stripe")


@seed("stripe.parameter-missing", "easy")
def missing_customer_is_unprocessable(b: Behaviour) -> None:
    """A missing customer is answered with 422, as frameworks do for what fails validation."""
    edit_refusals(b, ["missing-customer"], lambda refusal: replace(refusal, status=422))


@seed("stripe.card-declined", "hard")
def declines_known_by_the_shared_id(b: Behaviour) -> None:
    """Only `pm_card_…` ids are declined: a payment method made from a declining `tok_…` attaches."""
    skip_check(b, "not-declined", lambda call, attempt: not attempt.payment_method_id.startswith("pm_card_"))


@seed("auth.unknown-key", "hard")
def keys_compared_to_the_shorter_end(b: Behaviour) -> None:
    """Keys are compared character by character up to the end of the shorter one: a part of one will do."""
    usual = b.known_key

    def known(call: Call, key: str) -> bool:
        right = call.world.api_key
        if right is None or not WELL_FORMED.fullmatch(key):
            return usual(call, key)
        return all(one == other for one, other in zip(key, right, strict=False))

    b.known_key = on_attach(usual, known)


@seed("auth.schemes", "easy")
def basic_needs_a_password(b: Behaviour) -> None:
    """Basic credentials without a password are refused, though the key is all there is."""
    usual = b.authenticate

    def authenticate(call: Call) -> None:
        scheme, _, credentials = (call.request.header("authorization") or "").partition(" ")
        if scheme.lower() == "basic" and basic_user(credentials) and b64decode(credentials).endswith(b":"):
            raise errors.unauthorized(NO_KEY)
        usual(call)

    b.authenticate = on_attach(usual, authenticate)


@seed("idempotency.replay", "easy")
def replays_are_marked_with_a_one(b: Behaviour) -> None:
    """A replay is marked `Idempotent-Replayed: 1` instead of `true`."""
    usual = b.headers

    def headers(call: Call, answer: Answer) -> Headers:
        sent = usual(call, answer)
        return tuple((name, "1" if name == "Idempotent-Replayed" else value) for name, value in sent)

    b.headers = on_attach(usual, headers)


@seed("idempotency.validation-not-stored", "medium")
def keys_of_refused_requests_stay_in_use(b: Behaviour) -> None:
    """A key is not freed when validation refuses its request: used again, it counts as taken."""
    usual = b.once

    def once(call: Call, endpoint: Endpoint) -> Answer:
        try:
            return usual(call, endpoint)
        except ApiError:
            key = call.request.header("idempotency-key")
            if key is not None:
                name = call.behaviour.idempotency_name(call, key)
                call.world.ledger.begin(name, Entry(call.request.path, call.parameters.tree, call.request_id))
            raise

    b.once = on_attach(usual, once)


@seed("header.request-id", "medium")
def one_request_id_for_a_connection(b: Behaviour) -> None:
    """`Request-Id` is made once for a connection: all answers on it carry the same."""
    usual = b.headers
    ids: dict[int, str] = {}

    def headers(call: Call, answer: Answer) -> Headers:
        own = ids.setdefault(call.request.connection, call.request_id)
        return tuple((name, own if name == "Request-Id" else value) for name, value in usual(call, answer))

    b.headers = on_attach(usual, headers)


@seed("response.status", "hard", also=("stripe.test-tokens",))
def shared_tokens_are_created(b: Behaviour) -> None:
    """Attaching `pm_card_visa` makes a new payment method, and so is answered with 201."""

    def edit(call: Call, answer: Answer) -> Answer:
        created = answer.status == 200 and call.request.path.split("/")[3].startswith("pm_card_")
        return replace(answer, status=201) if created else answer

    edit_answer(b, edit)


@seed("response.no-card-data", "hard")
def decline_names_the_card(b: Behaviour) -> None:
    """The message of a decline tells the number of the card that was declined."""
    usual = b.checks["not-declined"]

    def check(call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError as error:
            card = attempt.method.card
            number = "" if card is None else card.number
            message = f"Your card {number} was declined."
            raise ApiError(replace(error.refusal, message=message)) from None

    b.checks["not-declined"] = check
