"""The answers: their status, their bytes and their fields."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call
from ...errors import ApiError
from ...values import Json, Response
from ..registry import Chapter
from ..tools import edit_response, edit_success, on_attach

seed = Chapter("answers", "contract")

UNKNOWN = "unknown-parameters"


@seed("response.media-type", "easy")
def errors_are_problems(b: Behaviour) -> None:
    """Errors are called `application/problem+json`, as the framework's habit is."""
    edit_response(
        b, lambda call, response: response.with_header("Content-Type", "application/problem+json"), success=False
    )


@seed("response.json", "medium", also=("error.envelope", "robustness.error-envelope"))
def unknown_ids_put_into_a_template(b: Behaviour) -> None:
    """The error for an unknown id is a text with a gap: quotes and backslashes in the id break the JSON."""
    usual = b.dump

    def dump(call: Call, payload: Any) -> bytes:
        error = payload.get("error", {})
        if error.get("code") != "resource_missing":
            return usual(call, payload)
        text = json.dumps({"error": error | {"message": "GAP"}}, ensure_ascii=False)
        return text.replace("GAP", error["message"]).encode("utf-8")

    b.dump = on_attach(usual, dump)


@seed(
    "response.json",
    "medium",
    also=("error.envelope", "state.refusal-changes-nothing", "state.model", "stripe.parameter-unknown"),
)
def no_return_after_the_error(b: Behaviour) -> None:
    """After the error for an unknown parameter the handler runs on: it attaches, and writes a second body."""
    usual = b.checks[UNKNOWN]
    second: dict[str, bytes] = {}

    def check(call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError:
            step = call.behaviour
            with suppress(ApiError):
                for name, other in step.checks.items():
                    if name != UNKNOWN:
                        other(call, attempt)
                answer = step.attached(call, attempt, step.attach(call, attempt))
                second[call.request_id] = step.dump(call, answer.payload)
            raise

    def edit(call: Call, response: Response) -> Response:
        return replace(response, body=response.body + second.pop(call.request_id, b""))

    b.checks[UNKNOWN] = check
    edit_response(b, edit, success=False)


@seed("response.livemode", "medium", also=("response.schema",))
def livemode_is_a_zero(b: Behaviour) -> None:
    """`livemode` comes from a database without truth values: it is 0."""
    edit_success(b, lambda call, payload: payload.update(livemode=0))


@seed("response.billing-details", "easy", also=("response.schema", "state.same-object"))
def empty_billing_details_left_out(b: Behaviour) -> None:
    """What is empty is left out of the JSON: without any detail there are no `billing_details`."""

    def leave_out(call: Call, payload: Json) -> None:
        details = payload["billing_details"]
        if not any([*details["address"].values(), *(details[key] for key in details if key != "address")]):
            del payload["billing_details"]

    edit_success(b, leave_out)


@seed("response.id", "easy", also=("state.same-object", "stripe.test-tokens"))
def id_is_a_link(b: Behaviour) -> None:
    """`id` is the path of the payment method, so that clients can follow it."""
    edit_success(b, lambda call, payload: payload.update(id=f"/v1/payment_methods/{payload['id']}"))
