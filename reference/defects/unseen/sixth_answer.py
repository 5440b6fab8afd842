"""Seeded defects: what a success and a refusal look like."""

from __future__ import annotations

from dataclasses import replace

from ...behaviour import Behaviour
from ...call import Call
from ...values import Answer
from ..registry import Chapter
from ..tools import edit_answer, edit_card, edit_errors, edit_refusals

seed = Chapter("answer", "contract")


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
