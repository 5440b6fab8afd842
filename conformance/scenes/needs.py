"""The prerequisites of stories."""

from __future__ import annotations

from typing import NoReturn

from conformance.fixtures.forms import ATTACHED_TOKEN
from conformance.fixtures.provisioning import OutOfFixtures
from conformance.scenes.case import Blocked, Inapplicable
from conformance.scenes.stage import Stage


class Needs:
    """The prerequisites of a story; where one is missing, the story ends."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def state(self) -> None:
        """End the story as not applicable where the target keeps no state."""
        if self.stage.fixtures.provision.stateless:
            self.unmet("the target keeps no state")

    def sound(self, *clauses: str) -> None:
        """End the story as not run where one of these clauses is broken, so that it would only repeat that."""
        cause = next(filter(self.stage.known.has_finding, clauses), "")
        if cause:
            raise Blocked(cause)

    def nothing_known_of(self, *clauses: str) -> None:
        """End the story without a note where one of these clauses is broken: other tests of its clause remain."""
        if not self.is_sound(*clauses):
            self.end()

    def is_sound(self, *clauses: str) -> bool:
        """Return whether none of these clauses is known to be broken."""
        return not any(map(self.stage.known.has_finding, clauses))

    def has(self, endpoint: str) -> bool:
        """Return whether the target has an endpoint: `create-customer`, `detach`, `delete` or `read-customer`."""
        return endpoint not in self.stage.fixtures.provision.absent

    def no_new_customer(self, why: str) -> NoReturn:
        """End the story for want of a customer that is new: as not applicable where the target creates none."""
        if not self.has("create-customer"):
            self.unmet("the target creates no customers")
        raise OutOfFixtures(f"{why}; without --customer the run creates its own")

    def two_paths(self) -> None:
        """End the story as not applicable where every payment method is the same shared token, and so the same path."""
        if self.stage.fixtures.provision.payment_methods == ATTACHED_TOKEN:
            self.unmet("the target has no payment methods but shared tokens")

    def created_customers(self) -> None:
        """End the story without a note where customers are given or made up, rather than created."""
        if not self.stage.fixtures.provision.creates_customers:
            self.end()

    def end(self) -> NoReturn:
        """End the story without a note: other tests of its clause remain."""
        raise Blocked

    def unmet(self, why: str) -> NoReturn:
        """End the story as not applicable."""
        raise Inapplicable(why)
