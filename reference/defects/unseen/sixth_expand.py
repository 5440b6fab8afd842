"""Seeded defects: expanding."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from ...behaviour import Behaviour
from ...call import Call
from ...values import Json
from ..registry import Chapter
from ..tools import crash, edit_success, interrupt, on_attach

seed = Chapter("expansion", "contract")


@seed("expand.inlined", "hard", also=("response.billing-details", "response.schema"))
def expanding_moves_the_details(b: Behaviour) -> None:
    """With `expand`, the billing details are left out of the answer."""

    def edit(call: Call, payload: Json) -> None:
        if isinstance(payload["customer"], dict):
            del payload["billing_details"]

    edit_success(b, edit)


@seed("expand.indexed", "easy", also=("expand.inlined",))
def index_not_read(b: Behaviour) -> None:
    """Entries with an index, `expand[0]`, are accepted and not honoured."""
    usual = b.expand

    def expand(call: Call, payload: Json, items: Sequence[str]) -> None:
        indexed = any(name.startswith("expand[") and name != "expand[]" for name, _ in call.parameters.pairs)
        usual(call, payload, [] if indexed else items)

    b.expand = on_attach(usual, expand)


@seed("expand.not-expanded", "hard", also=("stripe.same-customer",))
def shown_as_cached(b: Behaviour) -> None:
    """The JSON of a payment method is kept by its id and customer, expanded or not, and shown again."""
    kept: dict[tuple[str, str], Json] = {}

    def edit(call: Call, payload: Json) -> Json:
        customer = payload["customer"]
        key = (payload["id"], customer["id"] if isinstance(customer, dict) else customer)
        return copy.deepcopy(kept.setdefault(key, payload))

    edit_success(b, edit)


@seed("expand.every-entry", "medium", also=("expand.inlined",))
def last_entry_only(b: Behaviour) -> None:
    """Only the last entry of `expand` is honoured."""
    usual = b.expand
    b.expand = on_attach(usual, lambda call, payload, items: usual(call, payload, items[-1:]))


@seed("expand.duplicates", "easy", also=("error.status-class", "expand.many"))
def expanded_twice(b: Behaviour) -> None:
    """A path that is named twice is a server error."""

    def twice(call: Call) -> bool:
        values = [part for part in call.request.body.split(b"&") if part.lower().startswith(b"expand")]
        paths = [part.partition(b"=")[2] for part in values]
        return len(paths) != len(set(paths)) and len(paths) < 50

    interrupt(b, twice, crash)
