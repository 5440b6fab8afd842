"""Seeded defects: what a success and a refusal look like."""

from __future__ import annotations

from dataclasses import replace

from ...behaviour import Behaviour
from ...call import Call
from ...values import Answer, Json, Response
from ..registry import Chapter
from ..tools import edit_answer, edit_card, edit_errors, edit_refusals, edit_response, edit_success, expands

seed = Chapter("answer", "contract")


@seed("response.status", "medium")
def created_when_expanded(b: Behaviour) -> None:
    """A success with `expand` has the status 201."""

    def edit(call: Call, answer: Answer) -> Answer:
        return replace(answer, status=201) if answer.status == 200 and expands(call) else answer

    edit_answer(b, edit)


@seed("response.media-type", "easy")
def errors_called_text(b: Behaviour) -> None:
    """Refusals are called text/plain."""
    edit_response(b, lambda call, response: response.with_header("Content-Type", "text/plain"), success=False)


@seed("response.json", "hard", also=("robustness.non-bmp", "robustness.still-serving", "error.envelope"))
def length_counts_characters(b: Behaviour) -> None:
    """The Content-Length of a refusal counts characters, not bytes."""

    def edit(call: Call, response: Response) -> Response:
        return replace(response, declared_length=len(response.body.decode("utf-8")), close=True)

    edit_response(b, edit, success=False)


@seed("response.schema", "hard")
def networks_as_text(b: Behaviour) -> None:
    """The networks of the card are one string instead of an array."""
    edit_card(b, lambda card: card["networks"].update(available=",".join(card["networks"]["available"])))


@seed("response.customer", "easy", also=("expand.not-expanded", "request.value-exact"))
def shown_before_written(b: Behaviour) -> None:
    """The answer shows the payment method as it was before: without a customer."""

    def edit(call: Call, payload: Json) -> None:
        if isinstance(payload["customer"], str):
            payload["customer"] = None

    edit_success(b, edit)


@seed("response.metadata", "medium", also=("response.schema",))
def empty_hash_is_array(b: Behaviour) -> None:
    """Empty metadata is an empty array."""
    edit_success(b, lambda call, payload: payload.update(metadata=payload["metadata"] or []))


@seed("response.no-card-data", "easy")
def number_shown(b: Behaviour) -> None:
    """The card has a masked `number` and the `cvc` check under `cvc`."""
    edit_card(b, lambda card: card.update(number="*" * 12 + card["last4"], cvc=card["checks"]["cvc_check"]))


@seed("error.envelope", "medium")
def missing_things_bare(b: Behaviour) -> None:
    """A 404 has the error's members at the top, without `error` around them."""
    edit_errors(b, lambda error: error, 404)


@seed("error.status-class", "easy", also=("state.unknown-customer", "stripe.resource-missing-customer"))
def success_with_error(b: Behaviour) -> None:
    """An unknown customer is answered with 200 and an error inside."""
    edit_refusals(b, ["no-such-customer"], lambda refusal: replace(refusal, status=200))


@seed("error.no-secrets", "medium")
def headers_for_support(b: Behaviour) -> None:
    """A refusal with 400 shows the `Authorization` header of the request."""

    def edit(call: Call, answer: Answer) -> Answer:
        if answer.status != 400:
            return answer
        shown = {"authorization": call.request.header("authorization")}
        return replace(answer, payload={"error": {**answer.payload["error"], "request": shown}})

    edit_answer(b, edit)
