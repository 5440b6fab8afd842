"""Seeded defects: `expand`, its form and what comes of it."""

from __future__ import annotations

from collections.abc import Sequence

from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call
from ...errors import ApiError, Refusal
from ...values import Json
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
