"""The verb that plays a sequence of operations and holds it against the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from conformance.episode import Episode, Step
from conformance.exchange import Exchange
from conformance.provisioning import OutOfFixtures
from conformance.staging import Attached, Stage, step_of
from strategies.sequences import LONGEST, Operation, retrieve
from strategies.valid import EXPANDED, MINIMAL

MOST_SHORTER_ONES = 16
"""How many shorter sequences are played at most to make a long one that disagrees as short as it can be."""

MOST_SET_UP = 4
"""How many requests a sequence takes besides its operations: to create what they are about, and to look at the end."""

CAUSES = (
    "state.listed",
    "state.only-this-one",
    "state.same-customer-again",
    "state.deleted-customer",
    "state.detach",
)
"""The clauses about single operations: where one is broken, a sequence would only repeat it."""

Operations = tuple[Operation, ...]


@dataclass
class _Play:
    """A sequence as far as it was played: who has which number, the steps, and what each of them did to whom."""

    methods: dict[int, str] = field(default_factory=dict)
    customers: dict[int, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    told: list[tuple[str, str, str]] = field(default_factory=list)

    def take(self, step: Step, words: str, operation: str, method: str = "", customer: str = "") -> None:
        """Keep a step under its number."""
        self.steps.append(replace(step, attempt=f"{len(self.steps) + 1}: {words}"))
        self.told.append((operation, method, customer))

    def ids(self) -> dict[str, str]:
        """The ids by the names that the operations use."""
        methods = {f"method {number}": identifier for number, identifier in self.methods.items()}
        return methods | {f"customer {number}": identifier for number, identifier in self.customers.items()}


def related(operations: Operations, *, transitively: bool = False) -> Operations:
    """The operations on the method or customer of the last one; `transitively` with all that those had to do with."""
    methods, customers = {operations[-1].method} - {0}, {operations[-1].customer} - {0}

    def concerned(operation: Operation) -> bool:
        return operation.method in methods or operation.customer in customers

    known = -1
    while transitively and known < len(methods) + len(customers):
        known = len(methods) + len(customers)
        for operation in filter(concerned, operations):
            methods |= {operation.method} - {0}
            customers |= {operation.customer} - {0}
    return tuple(filter(concerned, operations))


class SequenceVerbs(Stage):
    """What a test asks about sequences."""

    def agrees_with_the_model(self, operations: Sequence[Operation]) -> None:
        """Every answer of the sequence, and a retrieval of each payment method at its end, is as the model says.

        A drawn sequence that disagrees is shortened by Hypothesis, a longer one here.
        """
        if self._is_blocked(*CAUSES):
            return
        shortest = tuple(operations)

        def perform() -> Episode:
            nonlocal shortest
            shortest, episode = self._played(tuple(operations))
            if len(operations) > LONGEST and self._is_broken_by(episode):
                shortest, episode = self._shortened(shortest, episode)
            return episode

        self._hold(tuple(operations), perform, again=lambda: self._played(shortest)[1])

    def _shortened(self, operations: Operations, episode: Episode) -> tuple[Operations, Episode]:
        """A sequence that still disagrees without most of the operations that do not matter, and its episode."""
        for wide in (False, True):
            candidate = related(operations, transitively=wide)
            shorter = self._shorter(candidate, operations, episode) if len(candidate) < len(operations) else None
            if shorter is not None:
                operations, episode = shorter
                break
        place = len(operations)
        for _ in range(MOST_SHORTER_ONES):
            place = min(place, len(operations)) - 1
            if place < 0:
                break
            shorter = self._shorter(operations[:place] + operations[place + 1 :], operations, episode)
            if shorter is not None:
                operations, episode = shorter
        return operations, episode

    def _shorter(
        self, candidate: Operations, operations: Operations, episode: Episode
    ) -> tuple[Operations, Episode] | None:
        """The candidate as far as it disagrees, too, and its episode.

        None if it does not disagree, or if it cannot be played and one of the two be confirmed within bounds.
        """
        if not self._can_afford(len(candidate) + MOST_SET_UP + len(episode.steps)):
            return None
        shorter, played = self._played(candidate)
        return (shorter, played) if self._is_broken_by(played) else None

    def _played(self, operations: Operations) -> tuple[Operations, Episode]:
        """The operations as far as the first disagreement, and what came of them."""
        play = _Play()
        used = dict.fromkeys(operation.method for operation in operations if operation.method)
        for count, operation in enumerate((*operations, *map(retrieve, used)), start=1):
            self._perform(operation, play)
            episode = self._staged("as_modelled", play.steps, play.ids(), operations=list(play.told))
            if self._is_broken_by(episode):
                return operations[:count], episode
        return operations, episode

    def _perform(self, operation: Operation, play: _Play) -> None:
        method = self._numbered_method(operation, play) if operation.method else ""
        customer = self._numbered_customer(operation.customer, play) if operation.customer else ""
        match operation.name:
            case "attach":
                step = self._attach_too(EXPANDED if operation.expanded else MINIMAL, method, customer)
            case "detach":
                step = step_of("follow-up", self.fixtures.detach(method))
            case "retrieve":
                step = self._read(method)
            case "list":
                lists = self._lists(Attached(method, customer, ()), customer)
                if not lists:
                    return
                (step,) = lists
            case "delete":
                try:
                    step = step_of("follow-up", self.fixtures.delete(customer))
                except OutOfFixtures:
                    return
            case "create":
                return
        play.take(step, str(operation), operation.name, method, customer)

    def _numbered_method(self, operation: Operation, play: _Play) -> str:
        number = operation.method
        if number not in play.methods or operation.name == "create":
            play.methods[number], created = self.fixtures.create_payment_method()
            self._keep_creation(created, f"create method {number}", play)
        return play.methods[number]

    def _numbered_customer(self, number: int, play: _Play) -> str:
        if number not in play.customers:
            created: Exchange | None = None
            if self.fixtures.provision.customers == "given":
                play.customers[number] = self._customers(number)[number - 1]
            else:
                play.customers[number], created = self.fixtures.new_customer()
            self._keep_creation(created, f"create customer {number}", play)
        return play.customers[number]

    def _keep_creation(self, created: Exchange | None, words: str, play: _Play) -> None:
        if created is not None:
            play.take(step_of("set-up", created), words, "create")
