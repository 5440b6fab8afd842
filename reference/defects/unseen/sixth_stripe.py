"""Seeded defects: codes, keys, tokens and headers."""

from __future__ import annotations

from dataclasses import replace

from ...behaviour import Behaviour
from ...call import Call
from ...idempotency import Entry
from ..registry import Chapter
from ..tools import on_attach

seed = Chapter("stripe", "stripe")


@seed("idempotency.mismatch", "medium")
def customer_not_compared(b: Behaviour) -> None:
    """Only the names of the parameters are compared with those of the first request."""
    usual = b.idempotency_conflict

    def conflict(call: Call, earlier: Entry) -> str | None:
        return usual(
            call,
            replace(earlier, tree=call.parameters.tree) if set(earlier.tree) == set(call.parameters.tree) else earlier,
        )

    b.idempotency_conflict = on_attach(usual, conflict)
