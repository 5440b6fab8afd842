"""A payment method in the state that a story brought it into, and steps in the roles of a story."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from conformance.evidence.episode import Step
from conformance.evidence.exchange import Exchange


@dataclass(frozen=True)
class Card:
    """A payment method of the target, and the steps that brought it into its state.

    `customer` is the one that has it, or had it; empty for none.
    """

    id: str
    customer: str = ""
    steps: tuple[Step, ...] = ()

    @property
    def set_up(self) -> list[Step]:
        """The steps in the role `set-up`."""
        return as_role("set-up", *self.steps)

    @property
    def with_subjects(self) -> list[Step]:
        """The steps, each attach in the role `subject`."""
        return [replace(step, role="subject") if step.exchange.is_to_operation else step for step in self.steps]

    @property
    def was_read_back(self) -> bool:
        """True where it was attached with success, and read afterwards."""
        return bool(self.steps) and self.steps[-1].role == "follow-up"

    def then(self, *steps: Step, customer: str = "") -> Card:
        """Return the card after more steps."""
        return replace(self, steps=(*self.steps, *steps), customer=customer or self.customer)


def step_of(role: str, exchange: Exchange) -> Step:
    """Return a request to another endpoint as a step."""
    return Step(role, exchange, f"{exchange.request.method} {exchange.request.target}")


def as_role(role: str, *steps: Step) -> list[Step]:
    """Return the steps in another role."""
    return [replace(step, role=role) for step in steps]


def all_answered(steps: Iterable[Step]) -> bool:
    """Return whether each of the steps was answered."""
    return all(step.exchange.answered for step in steps)
