"""Seeded defects: codes, declines, tokens and nested paths."""

from __future__ import annotations

from dataclasses import replace

from ...behaviour import Behaviour
from ...call import Call
from ...errors import Refusal
from ...values import Answer
from ..registry import Chapter
from ..tools import edit_answer, edit_refusals

seed = Chapter("stripe", "stripe")


@seed("response.no-card-data", "medium")
def declined_number_is_shown(b: Behaviour) -> None:
    """The error of a declined card holds the payment method, with the whole number of the card."""

    def edit(call: Call, answer: Answer) -> Answer:
        method = call.store.method(call.arguments[0]) if answer.status == 402 else None
        if method is None or method.card is None:
            return answer
        shown = call.behaviour.payment_method_json(call, method)
        shown["card"]["number"] = method.card.number
        return replace(answer, payload={"error": answer.payload["error"] | {"payment_method": shown}})

    edit_answer(b, edit)


@seed("error.status-class", "easy")
def detached_is_not_foreseen(b: Behaviour) -> None:
    """Attaching a payment method that was detached ends in a 500."""

    def edit(refusal: Refusal) -> Refusal:
        return replace(refusal, status=500, type="api_error", message="An unexpected error occurred.")

    edit_refusals(b, ["used-up"], edit)
