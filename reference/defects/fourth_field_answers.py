"""Mistakes of home-made servers, serializers and stores that show in answers and in what is kept."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..behaviour import Amend, Finish, Once, ShowMethod
from ..call import Call, Endpoint
from ..changes import edit_errors, edit_success, skip_check, wrap, wrap_at_attach
from ..objects.models import PaymentMethod
from ..rules.errors import ApiError, Rejection
from ..wire.values import Answer, Json, Response
from .first_try_answers import answer_rejections
from .fourth_field_requests import BATCH
from .parts import credentials_sent, unexpected_error
from .registry import Topic

contract = Topic("contract")
stateful = Topic("stateful")
stripe = Topic("stripe")

FIXTURE = {"brand": "visa", "country": "US", "exp_month": 8, "exp_year": 2030, "funding": "credit", "last4": "4242"}
"""The card of a fixture."""
ISO_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d:\d\d:\d\d)\S*)?", re.ASCII)
BOOLEANS = {"true": True, "false": False}
STACK = "Error\n    at attach (/srv/app/src/routes/payment_methods.js:57:13)"
OF_A_CUSTOMER = re.compile(r"/v1/customers/[^/]+/payment_methods")


def in_json(value: Any) -> bytes:
    """Return a body."""
    return json.dumps(value).encode()


# Errors.


def fail_on(character: str) -> Callable[[Amend, Call, Rejection], Rejection]:
    """Return a step that crashes on messages with that character."""

    def amend(usual: Amend, call: Call, rejection: Rejection) -> Rejection:
        rejection = usual(call, rejection)
        if character in rejection.message:
            raise unexpected_error()
        return rejection

    return amend


contract.row("braces-crash-the-message", "error.status-class", "medium", also="robustness.quotes", batch=BATCH)(
    "A message is formatted again when it holds the value: a brace in the value is a 500 (Python's str.format).",
    wrap_at_attach("amend")(fail_on("{")),
)
contract.row("dollar-signs-crash-the-message", "robustness.quotes", "medium", batch=BATCH)(
    "The value is put into the message as a replacement: a dollar sign in it is a 500 (Java's replaceAll).",
    wrap_at_attach("amend")(fail_on("$")),
)


def show_stack(error: Json) -> None:
    """Add the stack to an error."""
    error["stack"] = STACK


contract.row("stack-beside-the-message", "error.no-internals", "easy", level="SHOULD", batch=BATCH)(
    "An error has a member `stack`, as error handlers for development add it.", edit_errors(show_stack)
)


@contract("error.envelope", "easy", answer_rejections("structure"), batch=BATCH)
def structure_in_the_validators_words(call: Call, response: Response) -> Response:
    """A hash in place of a string is answered in the validator's own form.

    FastAPI: a list under `detail`, status 422.
    """
    detail = [{"type": "string_type", "loc": ["body", "customer"], "msg": "Input should be a valid string"}]
    return replace(response, status=422, body=in_json({"detail": detail}))


@stripe("error.envelope", "medium", answer_rejections("unauthorized"), batch=BATCH)
def missing_key_in_the_frameworks_words(call: Call, response: Response) -> Response:
    """A 401 for want of a key is the framework's own JSON.

    Django REST framework: a text under `detail`.
    """
    if call.request.header("authorization") is not None:
        return response
    return replace(response, body=in_json({"detail": "Authentication credentials were not provided."}))


@stripe("error.envelope", "medium", answer_rejections("unauthorized"), batch=BATCH)
def refused_basic_is_answered_in_text(call: Call, response: Response) -> Response:
    """A 401 for Basic credentials is a line of text.

    Middleware of Go and Express for Basic authentication.
    """
    if credentials_sent(call)[0] != "basic":
        return response
    return replace(response.with_header("Content-Type", "text/plain"), body=b"Unauthorized\n")


@stripe("header.cache-control", "medium", answer_rejections("no-such-paymentmethod"), level="SHOULD", batch=BATCH)
def missing_methods_may_be_cached(call: Call, response: Response) -> Response:
    """A 404 has no Cache-Control."""
    return response.without("Cache-Control")


# Successes.


@contract("response.metadata", "medium", edit_success, batch=BATCH)
def metadata_flags_become_booleans(call: Call, payload: Json) -> None:
    """`true` and `false` in metadata become booleans."""
    payload["metadata"] = {key: BOOLEANS.get(value, value) for key, value in payload["metadata"].items()}


@stateful("state.same-object", "hard", edit_success, batch=BATCH)
def dates_in_metadata_rewritten(call: Call, payload: Json) -> None:
    """A text in metadata that looks like a date is shown in another form.

    Json.NET, whose readers recognise dates: Newtonsoft.Json issues 862 and 1233.
    """
    payload["metadata"] = {key: in_american_order(value) for key, value in payload["metadata"].items()}


def in_american_order(text: str) -> str:
    """Return a date as .NET writes it, and any other text as it is."""
    match = ISO_TIME.fullmatch(text)
    if match is None:
        return text
    year, month, day, time = match.groups()
    return f"{month}/{day}/{year} {time or '00:00:00'}"


@stateful("state.same-object", "easy", edit_success, batch=BATCH)
def card_comes_from_a_fixture(call: Call, payload: Json) -> None:
    """The answer shows the fixture's card, and not that of the payment method, as mocks do."""
    if "card" in payload:
        payload["card"].update(FIXTURE)


@stripe("response.media-type", "medium", wrap_at_attach("finish"), batch=BATCH)
def replay_is_sent_as_a_page(usual: Finish, call: Call, response: Response) -> Response:
    """A replay is sent as the text that was kept, and is called text/html.

    Express: res.send with a string.
    """
    response = usual(call, response)
    return response.with_header("Content-Type", "text/html; charset=utf-8") if call.replayed else response


@stripe("idempotency.replay", "easy", wrap_at_attach("once", used=set), batch=BATCH)
def used_key_is_a_conflict(usual: Once, call: Call, endpoint: Endpoint, *, used: set[str]) -> Answer:
    """A key that was used before is answered with 409: only its uniqueness is kept, no answer."""
    key = call.request.header("idempotency-key")
    if key in used:
        message = "This Idempotency-Key was used before."
        raise ApiError(Rejection("idempotency", 409, message, "idempotency_error"))
    answer = usual(call, endpoint)
    if key is not None:
        used.add(key)
    return answer


stripe.row("one-declining-card-known", "stripe.card-declined", "hard", batch=BATCH)(
    "Only the card of a generic decline is declined; those that decline for other reasons are attached.",
    skip_check("not-declined", lambda call, attempt: not is_generic(attempt.method)),
)


def is_generic(method: PaymentMethod) -> bool:
    """Return whether the card declines without a reason."""
    decline = None if method.card is None else method.card.decline
    return decline is not None and decline.decline_code == "generic_decline"


# What is kept.


@stateful("state.detach", "medium", wrap("payment_method_json"), batch=BATCH)
def detached_customer_is_an_empty_text(usual: ShowMethod, call: Call, method: PaymentMethod) -> Json:
    """A detached payment method shows an empty text as its customer.

    Go: a field that is a string and not a pointer.
    """
    shown = usual(call, method)
    return shown | {"customer": ""} if method.detached else shown


@stateful("state.listed", "medium", wrap("methods_of"), also="state.second-customer state.detach", batch=BATCH)
def nested_list_is_not_filtered(
    usual: Callable[[Call, str], list[PaymentMethod]], call: Call, customer: str
) -> list[PaymentMethod]:
    """The list below a customer's URL shows the payment methods of all customers."""
    if OF_A_CUSTOMER.fullmatch(call.request.path) is None:
        return usual(call, customer)
    return [method for method in reversed(call.store.methods.values()) if method.customer is not None]
