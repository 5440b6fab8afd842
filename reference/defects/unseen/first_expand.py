"""Seeded defects: what `expand` does. Entries forgotten, caches too coarse, answers inlined unasked."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from ... import expansion
from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call
from ...errors import ApiError, Refusal
from ...objects import Customer, PaymentMethod
from ...values import Answer, Json
from ..registry import Chapter
from ..tools import check_after, on_attach

seed = Chapter("expand", "contract")


@seed("expand.inlined", "hard")
def expanded_customer_kept_for_the_connection(b: Behaviour) -> None:
    """The expanded customer is cached by connection: a second customer on it comes back as the first."""
    cached: dict[int, Json] = {}

    def shown(call: Call, customer: Customer) -> Json:
        payload = cached.setdefault(call.request.connection, usual(call, customer))
        return copy.deepcopy(payload)

    usual = b.customer_json
    b.customer_json = on_attach(usual, shown)


@seed("expand.every-entry", "hard")
def inner_entries_forgotten(b: Behaviour) -> None:
    """Of three and more entries only the first and the last are honoured."""

    def expand(call: Call, payload: Json, items: Sequence[str]) -> None:
        usual(call, payload, [*items[:1], *items[1:][-1:]])

    usual = b.expand
    b.expand = on_attach(usual, expand)


@seed("expand.not-expanded", "medium")
def attaching_again_answers_expanded(b: Behaviour) -> None:
    """Attached again to the same customer, the payment method comes with the customer inlined, unasked."""

    def attached(call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
        answer = usual(call, attempt, method)
        if attempt.method.customer is not None and not attempt.expand:
            call.behaviour.expand(call, answer.payload, ["customer"])
        return answer

    usual = b.attached
    b.attached = attached


@seed("expand.item-max-length", "medium")
def length_of_the_first_entry_only(b: Behaviour) -> None:
    """Only the first entry's length is checked: a second one of 5001 characters is accepted."""

    def check(call: Call, attempt: Attempt) -> None:
        expansion.check_lengths(call, attempt.expand[:1])

    b.checks["expand-length"] = check


@seed("expand.duplicates", "medium")
def two_spellings_clash(b: Behaviour) -> None:
    """The same entry as `expand[]` and as `expand[0]`: putting them together fails with a 500."""

    def merge(call: Call, attempt: Attempt) -> None:
        value = call.parameters.hash("expand")
        appended = {item for key, item in value.items() if isinstance(key, int)}
        numbered = {item for key, item in value.items() if isinstance(key, str)}
        if appended & numbered:
            raise ApiError(Refusal("seeded", 500, "An unexpected error occurred.", "api_error"))

    check_after(b, "expand-structure", merge)
