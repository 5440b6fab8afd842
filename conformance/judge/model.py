"""A simple model of payment methods and customers, and an episode held against it step by step.

The model leaves open what is open: attaching after a detach, the same customer again, and the methods of deleted
customers. There it takes over what the target answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from conformance.evidence.episode import Episode
from conformance.evidence.exchange import Exchange
from conformance.judge.expectations import PASS, Verdict, describe_refusal, fails, spoiled
from conformance.judge.reads import shown_customer, times_listed, unreadable
from contracts import Contract

OPEN = "?"
"""The owner of a payment method whose customer was deleted: whether it still has one is nowhere said."""


@dataclass
class Model:
    """Who owns which payment method. Each method takes an answer, and says in words how it disagrees."""

    owners: dict[str, str | None] = field(default_factory=dict)
    detached: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    kinds: dict[str, str] = field(default_factory=dict)

    def learn(self, answer: Exchange) -> None:
        """Keep the type of the payment method that an answer shows: lists are asked for one type."""
        identifier, kind = answer.object.get("id"), answer.object.get("type")
        if isinstance(identifier, str) and isinstance(kind, str):
            self.kinds[identifier] = kind

    def attach(self, method: str, customer: str, answer: Exchange) -> str:
        """An attach of a method to a customer."""
        owner = self.owners.setdefault(method, None)
        if customer in self.deleted:
            return "accepted, though the customer was deleted" if answer.is_success else ""
        if owner == customer:
            return ""
        if owner not in (None, OPEN):
            return f"accepted, though {owner} has it" if answer.is_success else ""
        if owner is None and method not in self.detached and answer.is_refusal:
            return f"refused with {describe_refusal(answer)}, though it was free"
        if answer.is_success:
            self.owners[method] = customer
        return ""

    def detach(self, method: str, _: str, answer: Exchange) -> str:
        """A detach of a method."""
        if answer.is_success:
            self.owners[method] = None
            self.detached.add(method)
        return ""

    def create(self, _: str, __: str, answer: Exchange) -> str:
        """A method or a customer is created, which is no matter of the model's."""
        return ""

    def retrieve(self, method: str, _: str, answer: Exchange) -> str:
        """A retrieval of a method."""
        owner = self.owners.setdefault(method, None)
        if owner == OPEN:
            return ""
        if not answer.is_success:
            return f"answered {describe_refusal(answer)}"
        if answer.object.get("customer") != owner:
            return f"`customer` is {shown_customer(answer)}, not {owner or 'null'}"
        return ""

    def listed(self, _: str, customer: str, answer: Exchange) -> str:
        """The list of a customer's methods."""
        if customer in self.deleted:
            return ""
        if not answer.is_success:
            return f"answered {describe_refusal(answer)}"
        asked_for = parse_qs(answer.request.target.partition("?")[2]).get("type", [])
        for method, owner in self.owners.items():
            if asked_for and self.kinds.get(method, asked_for[0]) != asked_for[0]:
                continue
            times, wanted = times_listed(answer, method), int(owner == customer)
            is_cut = times < wanted and answer.object.get("has_more")
            if owner != OPEN and times != wanted and not is_cut:
                return f"{method} is listed {times} times, not {wanted}"
        return ""

    def delete(self, _: str, customer: str, answer: Exchange) -> str:
        """The deletion of a customer."""
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


def as_modelled(episode: Episode, contract: Contract) -> Verdict:
    """Every answer of the sequence agrees with the model; `facts["operations"]` tells what each step did."""
    model = Model()
    for step, (operation, method, customer) in zip(episode.steps, episode.facts["operations"], strict=True):
        answer = step.exchange
        if verdict := spoiled(answer) if answer.is_to_operation else unreadable(answer):
            return verdict
        model.learn(answer)
        if disagreement := _OPERATIONS[operation](model, method, customer, answer):
            return fails(f"step {step.attempt}: {disagreement}", answer)
    return PASS
