"""A simple model of payment methods and customers, and the expectation that every response agrees with it.

The model leaves open what the contract leaves open: attaching after a detach, the same customer again, and the methods
of deleted customers. There it follows the responses of the target.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from conformance.evidence.episode import Episode
from conformance.evidence.exchange import Exchange, has_more
from conformance.judge.answers import describe_refusal
from conformance.judge.expectations import expect, expectation, require_answer
from conformance.judge.reads import require_readable, shown_customer, times_listed
from contracts import Contract

OPEN = "?"
"""The owner of a payment method whose customer was deleted: the contract does not say whether it still has one."""


@dataclass
class Model:
    """The owners of payment methods. Each operation takes a response, and returns a disagreement in words."""

    owners: dict[str, str | None] = field(default_factory=dict)
    detached: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    kinds: dict[str, str] = field(default_factory=dict)

    def learn(self, answer: Exchange) -> None:
        """Keep the type of the payment method that a response shows: lists are asked for one type."""
        identifier, kind = answer.object.get("id"), answer.object.get("type")
        if isinstance(identifier, str) and isinstance(kind, str):
            self.kinds[identifier] = kind

    def attach(self, method: str, customer: str, answer: Exchange) -> str:
        """Attach a method to a customer."""
        owner = self.owners.setdefault(method, None)
        if customer in self.deleted:
            return "accepted, though the customer was deleted" if answer.is_success else ""
        if owner not in (None, OPEN, customer):
            return f"accepted, though {owner} has it" if answer.is_success else ""
        is_free = owner is None and method not in self.detached
        if is_free and answer.is_refusal:
            return f"rejected with {describe_refusal(answer)}, though it was free"
        if answer.is_success:
            self.owners[method] = customer
        return ""

    def detach(self, method: str, _: str, answer: Exchange) -> str:
        """Detach a method."""
        if answer.is_success:
            self.owners[method] = None
            self.detached.add(method)
        return ""

    def create(self, _: str, __: str, answer: Exchange) -> str:
        """Create a method or a customer, which changes no owner."""
        return ""

    def retrieve(self, method: str, _: str, answer: Exchange) -> str:
        """Retrieve a method."""
        owner = self.owners.setdefault(method, None)
        if owner == OPEN:
            return ""
        if not answer.is_success:
            return f"answered {describe_refusal(answer)}"
        if answer.object.get("customer") != owner:
            return f"`customer` is {shown_customer(answer)}, not {owner or 'null'}"
        return ""

    def listed(self, _: str, customer: str, answer: Exchange) -> str:
        """List a customer's methods."""
        if customer in self.deleted:
            return ""
        if not answer.is_success:
            return f"answered {describe_refusal(answer)}"
        for method, owner in self._judged_in(answer):
            times, wanted = times_listed(answer, method), int(owner == customer)
            is_cut_off = times < wanted and has_more(answer)
            if times != wanted and not is_cut_off:
                return f"{method} is listed {times} times, not {wanted}"
        return ""

    def _judged_in(self, answer: Exchange) -> Iterator[tuple[str, str | None]]:
        """Yield the methods, with their owners, about which a list of one type must say the truth."""
        asked_for = parse_qs(answer.request.target.partition("?")[2]).get("type", [])
        for method, owner in self.owners.items():
            is_of_type = not asked_for or self.kinds.get(method, asked_for[0]) == asked_for[0]
            if is_of_type and owner != OPEN:
                yield method, owner

    def delete(self, _: str, customer: str, answer: Exchange) -> str:
        """Delete a customer."""
        if answer.is_success:
            self.deleted.add(customer)
            self.owners |= {method: OPEN for method, owner in self.owners.items() if owner == customer}
        return ""


_OPERATIONS: Mapping[str, Callable[[Model, str, str, Exchange], str]] = {
    "create": Model.create,
    "attach": Model.attach,
    "detach": Model.detach,
    "retrieve": Model.retrieve,
    "list": Model.listed,
    "delete": Model.delete,
}


@expectation
def as_modelled(episode: Episode, contract: Contract) -> None:
    """Expect every response of a sequence to agree with the model.

    `facts["operations"]` names the operation of each step.
    """
    model = Model()
    for step, (operation, method, customer) in zip(episode.steps, episode.facts["operations"], strict=True):
        answer = step.exchange
        require = require_answer if answer.is_to_operation else require_readable
        require(answer)
        model.learn(answer)
        disagreement = _OPERATIONS[operation](model, method, customer, answer)
        expect(not disagreement, f"step {step.attempt}: {disagreement}", answer)
