"""Successes, and the JSON in which everything is said."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call
from ...errors import ApiError, Refusal
from ...objects import PaymentMethod
from ...values import Answer, Json, Response
from ..registry import Chapter
from ..tools import counter, edit_answer, edit_response, edit_success

seed = Chapter("answers", "contract")

SHOWN = 490


@seed(
    "response.status",
    "medium",
    also=(
        "response.json",
        "response.media-type",
        "state.same-customer-again",
        "state.model",
        "stripe.same-customer",
    ),
)
def nothing_changed_is_204(b: Behaviour) -> None:
    """Attaching to the same customer again is answered with 204 and no body."""
    usual = b.attached

    def attached(call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
        answer = usual(call, attempt, method)
        return replace(answer, status=204) if attempt.method.customer == attempt.owner.id else answer

    def emptied(call: Call, response: Response) -> Response:
        return replace(response.without("Content-Type"), body=b"") if response.status == 204 else response

    b.attached = attached
    edit_response(b, emptied, success=True)


@seed("robustness.same-request-same-answer", "hard", intermittent=True, also=("response.status",))
def every_sixteenth_is_accepted(b: Behaviour) -> None:
    """When the pool is busy the work is handed over and done at once: every 16th success is a 202."""
    turn = counter(16)

    def edit(call: Call, answer: Answer) -> Answer:
        return replace(answer, status=202) if answer.status == 200 and turn() else answer

    edit_answer(b, edit)


@seed("response.media-type", "medium")
def other_methods_answered_as_html(b: Behaviour) -> None:
    """The JSON that says that GET, PUT and the like are not recognised is called text/html."""

    def edit(call: Call, response: Response) -> Response:
        return response if call.request.method == "POST" else response.with_header("Content-Type", "text/html")

    edit_response(b, edit, success=False)


@seed("response.json", "hard", also=("error.envelope", "body.length-in-characters"))
def long_quotations_cut_in_bytes(b: Behaviour) -> None:
    """A long id is quoted by its first and last 490 bytes, though that may be in the midst of a character."""
    usual, dump = b.amend, b.dump

    def amend(call: Call, refusal: Refusal) -> Refusal:
        refusal = usual(call, refusal)
        sent = call.parameters.text("customer") if call.is_attach and call.form else None
        if refusal.rule != "no-such-customer" or sent is None:
            return refusal
        raw = sent.encode()
        if len(raw) > 2 * SHOWN:
            raw = raw[:SHOWN] + b"...(truncated)..." + raw[-SHOWN:]
        return replace(refusal, message=f"No such customer: '{raw.decode('utf-8', 'surrogateescape')}'")

    def as_it_is(call: Call, payload: Any) -> bytes:
        if not call.is_attach:
            return dump(call, payload)
        return json.dumps(payload, indent=2, ensure_ascii=False).encode("utf-8", "surrogateescape")

    b.amend, b.dump = amend, as_it_is


@seed("response.schema", "hard", also=("state.same-object",))
def digits_in_an_address_become_numbers(b: Behaviour) -> None:
    """Billing details go through a loader that knows numbers when it sees them: `94107` is one."""

    def edit(call: Call, payload: Json) -> None:
        address = payload["billing_details"]["address"]
        for name, value in address.items():
            if value and value.isascii() and value.isdigit():
                address[name] = int(value)

    edit_success(b, edit)


@seed(
    "response.id",
    "medium",
    also=("state.same-object", "state.race", "state.model", "stripe.test-tokens", "idempotency.replay"),
)
def same_card_answered_with_the_earlier(b: Behaviour) -> None:
    """Where the customer has the same card already, the answer shows the payment method that was there first."""
    usual = b.attached

    def attached(call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
        earlier = [other for other in call.store.methods_of(attempt.owner.id) if other.card == method.card]
        return usual(call, attempt, earlier[-1] if earlier else method)

    b.attached = attached


@seed("response.customer", "hard", also=("state.refusal-changes-nothing",))
def first_attempt_is_shown(b: Behaviour) -> None:
    """What was sent for a payment method is kept from the first attempt: after a refusal, that one is shown."""
    usual, attached = b.checks["customer"], b.attached
    first: dict[str, str] = {}

    def check(call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError:
            first.setdefault(attempt.payment_method_id, attempt.customer_id or "")
            raise

    def show(call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
        answer = attached(call, attempt, method)
        kept = first.pop(attempt.payment_method_id, None)
        if kept is not None and isinstance(answer.payload["customer"], str):
            answer.payload["customer"] = kept
        return answer

    b.checks["customer"], b.attached = check, show
