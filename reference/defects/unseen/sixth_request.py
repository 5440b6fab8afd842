"""Seeded defects: reading the request."""

from __future__ import annotations

from collections.abc import Sequence

from ...behaviour import Behaviour
from ...call import Call
from ...forms import Form, Pair
from ..registry import Chapter
from ..tools import on_attach

seed = Chapter("request", "contract")


@seed("request.parameter-order", "easy", also=("expand.accepted", "request.minimal-body", "body.unknown-parameter"))
def reading_ends_at_the_array(b: Behaviour) -> None:
    """Parameters that stand behind an entry of `expand` are not read, save further entries."""
    usual = b.build

    def build(call: Call, pairs: Sequence[Pair]) -> Form:
        seen, kept = False, []
        for name, value in pairs:
            seen = seen or name.startswith("expand[")
            if not seen or name.startswith("expand["):
                kept.append((name, value))
        return usual(call, kept)

    b.build = on_attach(usual, build)
