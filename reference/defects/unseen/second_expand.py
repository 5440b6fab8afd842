"""Expansion: entries that are lost, that stay, that are not looked at."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence

from ... import expansion
from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call
from ...errors import too_long
from ...objects import PaymentMethod
from ...values import Answer, Json
from ..registry import Chapter
from ..tools import edit_success, on_attach

seed = Chapter("expand", "contract")


@seed("expand.not-expanded", "hard", also=("response.customer",))
def expansion_left_on_the_connection(b: Behaviour) -> None:
    """The list of expansions is not reset: the next request on the connection is expanded alike."""
    usual = b.attached
    left: dict[int, list[str]] = {}

    def attached(call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
        connection = call.request.connection
        if attempt.expand:
            left[connection] = attempt.expand
        else:
            attempt.expand = left.pop(connection, [])
        return usual(call, attempt, method)

    b.attached = attached


@seed("expand.every-entry", "medium")
def expansion_stops_at_a_dead_end(b: Behaviour) -> None:
    """An entry that leads to null ends the loop instead of being passed over; later ones are not honoured."""
    usual = b.expand

    def expand(call: Call, payload: Json, items: Sequence[str]) -> None:
        for item in dict.fromkeys(items):
            before = copy.deepcopy(payload)
            usual(call, payload, [item])
            if payload == before:
                break

    b.expand = on_attach(usual, expand)


@seed("expand.structure", "easy", also=("stripe.wrong-structure",))
def hashes_in_expand_ignored(b: Behaviour) -> None:
    """Items of `expand` that are no strings are filtered out: `expand[0][a]=b` does not matter."""
    usual = b.checks["expand-structure"]

    def check(call: Call, attempt: Attempt) -> None:
        value = call.parameters.tree.get("expand")
        if not isinstance(value, dict):
            return usual(call, attempt)
        strings = {key: item for key, item in value.items() if isinstance(item, str)}
        expansion.check_structure({"expand": strings})
        attempt.expand = call.parameters.items("expand")
        return None

    b.checks["expand-structure"] = check


@seed("expand.item-max-length", "medium")
def expand_limit_for_each_segment(b: Behaviour) -> None:
    """The limit of an `expand` item is applied to what stands between the dots, never to the whole."""

    def check(call: Call, attempt: Attempt) -> None:
        limit = call.behaviour.expand_limit
        for position, item in enumerate(attempt.expand):
            if any(len(segment) > limit for segment in item.split(".")):
                raise too_long(f"expand[{position}]", item, limit)

    b.checks["expand-length"] = check


@seed("expand.inlined", "easy")
def expanded_customer_dated_in_words(b: Behaviour) -> None:
    """The expanded customer comes from another serializer: its `created` is an ISO 8601 string."""

    def edit(call: Call, payload: Json) -> None:
        customer = payload["customer"]
        if isinstance(customer, dict) and "created" in customer:
            customer["created"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(customer["created"]))

    edit_success(b, edit)
