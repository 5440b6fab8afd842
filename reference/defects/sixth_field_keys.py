"""Mistakes of middleware for API keys and idempotency keys, and of the order in which it runs."""

from __future__ import annotations

import base64
import binascii
import re
import time
from dataclasses import replace
from typing import Any

from ..behaviour import Attach, Behaviour, Check, Finish, Guard, Present
from ..call import Call
from ..changes import apply, wrap, wrap_at_attach, wrap_check
from ..objects.models import PaymentMethod
from ..rules import errors, idempotency
from ..rules.attach import Attempt
from ..rules.errors import ApiError
from ..wire.values import Answer, Response
from .first_try_answers import answer_rejections
from .parts import change_request_header, credentials_sent
from .registry import Topic
from .sixth_field_requests import BATCH

stripe = Topic("stripe")

TEXT = (("Content-Type", "text/plain; charset=utf-8"),)
MOMENT = 0.03
"""How long a request with an idempotency key takes, in seconds."""


# API keys.


@stripe("auth.first", "medium", wrap_at_attach("authenticate"), level="SHOULD", batch=BATCH)
def long_idempotency_key_before_the_key(usual: Guard, call: Call) -> None:
    """An idempotency key that is too long is rejected before the API key is looked at.

    Middleware for idempotency that is registered first, as Fiber's 2.52 often is.
    """
    if len(call.request.header("idempotency-key") or "") > idempotency.LONGEST:
        raise errors.idempotency_error("Idempotency keys have at most 255 characters.")
    usual(call)


def rewrite_basic(call: Call, credentials: str) -> None:
    """Put other credentials in the place of Basic ones."""
    change_request_header(call, "authorization", lambda sent: f"Basic {credentials}")


@stripe("auth.exact-credentials", "hard", wrap_at_attach("authenticate"), level="SHOULD", batch=BATCH)
def basic_decoded_leniently(usual: Guard, call: Call) -> None:
    """Characters that are not of Base64 are passed over in Basic credentials.

    Werkzeug before 3.2 (pull request 3248), PHP's base64_decode, Node's Buffer.from.
    """
    scheme, sent = credentials_sent(call)
    if scheme == "basic":
        rewrite_basic(call, re.sub(r"[^A-Za-z0-9+/=]", "", sent))
    usual(call)


@stripe("auth.exact-credentials", "hard", wrap_at_attach("authenticate"), level="SHOULD", batch=BATCH)
def basic_without_a_colon_accepted(usual: Guard, call: Call) -> None:
    """Basic credentials without a colon are a user name: `user, _, password = text.partition(":")`.

    aiohttp before 3.5 (pull request 3239), many decorators in Python.
    """
    scheme, sent = credentials_sent(call)
    if scheme == "basic" and ":" not in decoded(sent):
        rewrite_basic(call, base64.b64encode(f"{decoded(sent)}:".encode()).decode())
    usual(call)


def decoded(credentials: str) -> str:
    """Return the text of Basic credentials, with a colon if they cannot be decoded."""
    try:
        return base64.b64decode(credentials, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return ":"


@stripe("auth.challenge", "hard", answer_rejections("unauthorized"), batch=BATCH)
def challenge_of_the_scheme_sent(call: Call, response: Response) -> Response:
    """The 401 to wrong Basic credentials asks for Basic ones again.

    Spring Security 6: BasicAuthenticationEntryPoint, next to the one for Bearer.
    """
    is_basic = credentials_sent(call)[0] == "basic"
    return response.with_header("WWW-Authenticate", 'Basic realm="Realm"') if is_basic else response


# Idempotency keys.


@stripe("idempotency.validation-not-stored", "hard", wrap_check("customer-given"), batch=BATCH)
def missing_customer_burns_the_key(usual: Check, call: Call, attempt: Attempt) -> None:
    """The rejection of a missing customer is kept under the idempotency key.

    A validator in front checks what was sent, and the handler, behind the middleware for keys, what was not.
    """
    try:
        usual(call, attempt)
    except ApiError as error:
        raise ApiError(replace(error.rejection, executed=True)) from None


@stripe("idempotency.replay", "hard", wrap_at_attach("present"), batch=BATCH)
def replay_is_not_expanded(usual: Present, call: Call, answer: Answer) -> Answer:
    """A replay shows the customer as an id, though the first answer was expanded: the model is kept, not the answer.

    Serializers that run again on what is stored, as ActiveModel's 0.10 without `include`.
    """
    answer = usual(call, answer)
    customer = answer.payload.get("customer")
    if not call.replayed or not isinstance(customer, dict):
        return answer
    return replace(answer, payload={**answer.payload, "customer": customer["id"]})


def without_nulls(value: Any) -> Any:
    """Return a value without its members that are null."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


@stripe("idempotency.replay", "hard", wrap_at_attach("present"), batch=BATCH)
def replay_without_nulls(usual: Present, call: Call, answer: Answer) -> Answer:
    """A replay lacks the members that are null: the store leaves them out.

    .NET's JsonIgnoreCondition.WhenWritingNull, Firestore and DynamoDB clients that ignore empty values.
    """
    answer = usual(call, answer)
    return replace(answer, payload=without_nulls(answer.payload)) if call.replayed else answer


@stripe("error.envelope", "hard", intermittent=True, batch=BATCH)
def key_in_use_is_answered_in_text(b: Behaviour) -> None:
    """A key whose request is still running is answered with 409 and a line of text.

    Home-made locks in Redis: `res.status(409).send("Request in progress")`.
    """

    @apply(b, wrap("attach"))
    def attach(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        if call.request.header("idempotency-key") is not None:
            time.sleep(MOMENT)
        return usual(call, attempt)

    @apply(b, wrap_at_attach("finish"))
    def finish(usual: Finish, call: Call, response: Response) -> Response:
        response = usual(call, response)
        return Response(409, TEXT, b"Request in progress") if response.status == 409 else response
