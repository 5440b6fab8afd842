"""Seeded defects: expanding."""

from __future__ import annotations

import copy

from ...behaviour import Behaviour
from ...call import Call
from ...values import Json
from ..registry import Chapter
from ..tools import edit_success

seed = Chapter("expansion", "contract")


@seed("expand.inlined", "hard", also=("response.billing-details", "response.schema"))
def expanding_moves_the_details(b: Behaviour) -> None:
    """With `expand`, the billing details are left out of the answer."""

    def edit(call: Call, payload: Json) -> None:
        if isinstance(payload["customer"], dict):
            del payload["billing_details"]

    edit_success(b, edit)


@seed("expand.not-expanded", "hard", also=("stripe.same-customer",))
def shown_as_cached(b: Behaviour) -> None:
    """The JSON of a payment method is kept by its id and customer, expanded or not, and shown again."""
    kept: dict[tuple[str, str], Json] = {}

    def edit(call: Call, payload: Json) -> Json:
        customer = payload["customer"]
        key = (payload["id"], customer["id"] if isinstance(customer, dict) else customer)
        return copy.deepcopy(kept.setdefault(key, payload))

    edit_success(b, edit)
