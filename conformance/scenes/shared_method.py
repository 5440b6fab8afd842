"""The unattached payment method that requests to be rejected share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from conformance.evidence.exchange import Exchange
from conformance.fixtures.objects import Fixtures

USES_BETWEEN_READS = 25
"""After how many uses the shared payment method is read, to see whether it is still unattached."""


class HoldsShared(Protocol):
    """A holder of the id of the payment method that requests share."""

    shared: str | None


@dataclass
class OwnSlot:
    """The payment method that the tests of one performer share."""

    shared: str | None = None


class SharedPaymentMethod:
    """The unattached payment method that requests to be rejected share, until one of them uses it up.

    Its id stands in the `slot`, by default that of the run. `on_use_up` is called where it is used up.
    """

    def __init__(self, fixtures: Fixtures, slot: HoldsShared | None = None) -> None:
        self.on_use_up: Callable[[], object] = lambda: None
        self._fixtures = fixtures
        self._slot = slot or fixtures.methods
        self._uses = 0

    @property
    def present(self) -> str | None:
        """The id of the present one; None where the next one is still to be made."""
        return self._slot.shared

    def take(self) -> str:
        """Return its id; it is read at intervals that still pin the request that attached it."""
        if self._uses >= USES_BETWEEN_READS:
            self.check()
        if self._slot.shared is None:
            self._slot.shared, self._uses = self._fixtures.methods.take_reserved(), 0
        self._uses += 1
        return self._slot.shared

    def use_up(self) -> None:
        """Take another one the next time: this one may be attached."""
        self._slot.shared = None
        self.on_use_up()

    def check(self) -> None:
        """Read it, and use it up if an earlier request has attached it."""
        present = self._slot.shared
        read = self._fixtures.endpoints.read_payment_method(present) if present and self._uses else None
        self._uses = 0
        if read is not None and read.is_success and read.object.get("customer") is not None:
            self.use_up()

    def note_read(self, identifier: str, read: Exchange) -> None:
        """Note that a retrieval showed a payment method to be unattached."""
        if identifier == self._slot.shared and read.object.get("customer", "") is None:
            self._uses = 0
