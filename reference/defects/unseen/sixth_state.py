"""Seeded defects: what attaching leaves behind."""

from __future__ import annotations

from ...behaviour import Behaviour
from ..registry import Chapter

seed = Chapter("state", "stateful")


@seed("state.listed", "medium", also=("state.only-this-one", "state.model", "state.race"))
def wallet_of_one(b: Behaviour) -> None:
    """The list of a customer holds only the payment method that was attached last."""
    usual = b.methods_of
    b.methods_of = lambda call, customer: usual(call, customer)[:1]
