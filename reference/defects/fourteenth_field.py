"""Mistakes in what saving and filters do to the details of a payment method."""

from __future__ import annotations

import re
from dataclasses import replace

from ..call import Call
from ..changes import edit_success, wrap
from ..objects.models import PaymentMethod
from ..wire.values import Json
from .fifth_field_state import save
from .registry import Topic

stateful = Topic("stateful")

BATCH = "fourteenth field"
MANY_DIGITS = re.compile(r"\d{7,}")


def without_accents(method: PaymentMethod) -> PaymentMethod:
    """Leave out what is not ASCII in the name of who pays."""
    details = dict(method.billing_details)
    if isinstance(details.get("name"), str):
        details["name"] = details["name"].encode("ascii", "ignore").decode()
    return replace(method, billing_details=details)


stateful.row("accents-dropped-from-the-name", "state.same-object", "medium", batch=BATCH)(
    'Attaching saves, and drops what is not ASCII from the name: `name.encode("ascii", "ignore")`.',
    wrap("attach")(save(without_accents)),
)


@stateful("state.same-object", "medium", edit_success, batch=BATCH)
def long_numbers_masked_in_the_answer(call: Call, payload: Json) -> None:
    """A filter of logs masks seven digits and more, and changes the billing details of the answer, too."""
    details = payload["billing_details"]
    payload["billing_details"] = {
        name: MANY_DIGITS.sub("[FILTERED]", text) if isinstance(text, str) else text for name, text in details.items()
    }
