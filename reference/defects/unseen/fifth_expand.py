"""Seeded defects: `expand`, its form and what comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call
from ...errors import ApiError, Refusal, too_long
from ...expansion import inline
from ...objects import PaymentMethod
from ...values import Answer, Json
from ..registry import Chapter
from ..tools import check_after, edit_success, on_attach

seed = Chapter("expand", "contract")


@seed("expand.inlined", "medium", also=("state.same-object",))
def brief_card_when_expanded(b: Behaviour) -> None:
    """Beside an expanded customer the card is shown in brief, without `checks` and `networks`."""

    def edit(call: Call, payload: Json) -> None:
        if isinstance(payload["customer"], dict) and "card" in payload:
            del payload["card"]["checks"], payload["card"]["networks"]

    edit_success(b, edit)


@seed("expand.indexed", "easy")
def indices_from_one(b: Behaviour) -> None:
    """Indices of `expand` are counted from one: the entry `expand[0]` is passed over."""

    def drop(call: Call, attempt: Attempt) -> None:
        first = call.parameters.hash("expand").get("0")
        if isinstance(first, str):
            attempt.expand = attempt.expand[1:]

    check_after(b, "expand-structure", drop)


@seed("expand.not-expanded", "medium", also=("response.customer",))
def expanded_answer_is_kept(b: Behaviour) -> None:
    """Once a payment method was shown with its customer expanded, attaching it again shows it so unasked."""
    kept: dict[str, Any] = {}

    def attached(call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
        answer = usual(call, attempt, method)
        shown = answer.payload["customer"]
        if isinstance(shown, dict):
            kept[method.id] = shown
        elif method.id in kept and kept[method.id]["id"] == shown:
            answer.payload["customer"] = kept[method.id]
        return answer

    usual = b.attached
    b.attached = attached


@seed("expand.every-entry", "hard")
def expansion_stops_at_null(b: Behaviour) -> None:
    """Expansion stops at the first entry that leads to a null; the entries behind it are not honoured."""

    def expand(call: Call, payload: Json, items: Sequence[str]) -> None:
        for item in items:
            if _is_null(payload, item.split(".")):
                return
            inline(call, payload, item.split("."))

    usual = b.expand
    b.expand = on_attach(usual, expand)


def _is_null(node: Any, segments: Sequence[str]) -> bool:
    for name in segments:
        if not isinstance(node, dict):
            return False
        node = node.get(name)
        if node is None:
            return True
    return False


@seed("expand.structure", "easy")
def hash_as_entry_ignored(b: Behaviour) -> None:
    """An entry of `expand` that is a hash (`expand[0][a]=b`) is passed over instead of refused."""

    def structure(call: Call, attempt: Attempt) -> None:
        value: Any = call.parameters.tree.get("expand")
        if isinstance(value, dict) and any(isinstance(item, dict) for item in value.values()):
            attempt.expand = call.parameters.items("expand")
            return
        usual(call, attempt)

    usual = b.checks["expand-structure"]
    b.checks["expand-structure"] = structure


@seed("expand.item-max-length", "hard")
def length_by_segment(b: Behaviour) -> None:
    """The limit of an entry of `expand` is asked of each segment between its dots, not of the whole."""

    def lengths(call: Call, attempt: Attempt) -> None:
        limit = call.behaviour.expand_limit
        for position, item in enumerate(attempt.expand):
            if any(len(segment) > limit for segment in item.split(".")):
                raise too_long(f"expand[{position}]", item, limit)

    b.checks["expand-length"] = lengths


@seed("expand.duplicates", "easy", also=("state.refusal-changes-nothing", "error.status-class"))
def second_expansion_fails(b: Behaviour) -> None:
    """A path named twice is expanded twice, and fails the second time with 500."""

    def expand(call: Call, payload: Json, items: Sequence[str]) -> None:
        if len(set(items)) < len(items):
            text = "An unexpected error occurred."
            raise ApiError(Refusal("seeded", 500, text, "api_error"))
        usual(call, payload, items)

    usual = b.expand
    b.expand = on_attach(usual, expand)
