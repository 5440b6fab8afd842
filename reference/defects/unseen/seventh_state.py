"""What is kept of a customer that is gone."""

from __future__ import annotations

from ...behaviour import Behaviour
from ...call import Call
from ...objects import Customer
from ..registry import Chapter

seed = Chapter("state", "stateful")


@seed("state.deleted-customer", "hard", also=("stripe.resource-missing-customer", "state.model"))
def deleted_without_methods_found(b: Behaviour) -> None:
    """A deleted customer that never had a payment method can still be attached to."""

    def find(call: Call, identifier: str) -> Customer | None:
        if identifier in call.store.wallets:
            return usual(call, identifier)
        return call.store.customer(identifier)

    usual = b.find_customer
    b.find_customer = find
