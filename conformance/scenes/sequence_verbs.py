"""The verb that plays a sequence of operations and holds it against the model."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from conformance.evidence.episode import Episode, Step
from conformance.evidence.exchange import Exchange
from conformance.fixtures.provisioning import Absent, OutOfFixtures
from conformance.scenes.staging import PATIENCE, PAUSE, Attached, Stage, step_of
from strategies.sequences import LONGEST, Operation, retrieve
from strategies.valid import EXPANDED, MINIMAL

MOST_SHORTER_ONES = 16
"""How many shorter sequences are played at most to make a long one that disagrees as short as it can be."""

READS = frozenset({"retrieve", "list"})
CHANGES = frozenset({"attach", "detach", "delete"})
LATEST = {"method": 2, "delete": 1}
"""How many of the latest operations that had an effect are held to have led to a disagreement: on each method, and of
deletions."""
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


@dataclass(frozen=True)
class Played:
    """The `operations` of a sequence as far as it agrees, with the first that does not, and what came of them.

    `effective` are the places of those that changed something.
    """

    operations: Operations
    episode: Episode
    effective: frozenset[int]


def telling(played: Played) -> Iterator[Operations]:
    """Shorter sequences that may disagree like this one: its last operation, and before it what may have led there.

    First the latest two effective operations on each method and the latest deletion; then all that ask for a change.
    """
    before, last = played.operations[:-1], played.operations[-1:]
    seen = Counter[tuple[str, int]]()
    kept: list[int] = []
    for place in sorted(played.effective - {len(before)}, reverse=True):
        key = ("delete", 0) if before[place].name == "delete" else ("method", before[place].method)
        seen[key] += 1
        if seen[key] <= LATEST[key[0]]:
            kept.append(place)
    yield (*(before[place] for place in sorted(kept)), *last)
    yield (*(operation for operation in before if operation.name not in READS), *last)


def _most_requests(operations: Operations) -> int:
    """How many requests a sequence takes, with the creation of what it is about and a last look at each method."""
    methods = {operation.method for operation in operations} - {0}
    customers = {operation.customer for operation in operations} - {0}
    return len(operations) + 2 * len(methods) + len(customers)


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
            played = self._played(tuple(operations))
            is_ours_to_shorten = self.pursuit is None or not self.pursuit.beside
            if len(operations) > LONGEST and is_ours_to_shorten and self._is_broken_by(played.episode):
                played = self._shortened(played)
            shortest = played.operations
            return played.episode

        self._hold(tuple(operations), perform, again=lambda: self._played(shortest).episode)

    def _shortened(self, played: Played) -> Played:
        """A sequence that still disagrees without most of the operations that do not matter."""
        shorter = (self._shorter(one, played) for one in telling(played) if len(one) < len(played.operations))
        best = next(filter(None, shorter), played)
        place = 0
        for _ in range(MOST_SHORTER_ONES):
            if place >= len(best.operations) - 1:
                break
            shortened = self._shorter(best.operations[:place] + best.operations[place + 1 :], best)
            if shortened is None:
                place += 1
            else:
                best = shortened
        return best

    def _shorter(self, candidate: Operations, best: Played) -> Played | None:
        """The candidate as far as it disagrees, too.

        None if it does not, or if it cannot be played, and the `best` yet be confirmed, within bounds.
        """
        if not self._can_afford(_most_requests(candidate) + len(best.episode.steps)):
            return None
        played = self._played(candidate)
        return played if self._is_broken_by(played.episode) else None

    def _played(self, operations: Operations) -> Played:
        """The operations as far as the first disagreement, and what came of them."""
        play = _Play()
        effective: set[int] = set()
        used = dict.fromkeys(operation.method for operation in operations if operation.method)
        for place, operation in enumerate((*operations, *map(retrieve, used))):
            before = len(play.steps)
            episode = self._next(operation, play)
            if not play.steps:  # a given customer is not deleted, so a sequence that begins so has nothing to judge yet
                continue
            is_played = len(play.steps) > before
            if is_played and operation.name in CHANGES and play.steps[-1].exchange.is_success:
                effective.add(place)
            if self._is_broken_by(episode):
                return Played((*operations, *map(retrieve, used))[: place + 1], episode, frozenset(effective))
        return Played(operations, episode, frozenset(effective))

    def _next(self, operation: Operation, play: _Play) -> Episode:
        """The sequence with one more operation; off loopback a read that disagrees is repeated for a while."""
        played, deadline = len(play.steps), time.monotonic() + PATIENCE
        while True:
            self._perform(operation, play)
            episode = self._staged("as_modelled", play.steps, play.ids(), operations=list(play.told))
            may_be_late = operation.name in READS and not self.client.address.is_loopback
            if not (may_be_late and time.monotonic() < deadline and self._is_broken_by(episode)):
                return episode
            time.sleep(PAUSE)
            del play.steps[played:], play.told[played:]

    def _perform(self, operation: Operation, play: _Play) -> None:
        method = self._numbered_method(operation, play) if operation.method else ""
        customer = self._numbered_customer(operation.customer, play) if operation.customer else ""
        match operation.name:
            case "attach":
                step = self._attach_too(EXPANDED if operation.expanded else MINIMAL, method, customer)
            case "detach":
                try:
                    step = step_of("follow-up", self.fixtures.endpoints.detach(method))
                except Absent:
                    return
            case "retrieve":
                step = self._read(method)
            case "list":
                latest = method or next(reversed(play.methods.values()), "")
                lists = self._lists(Attached(method, customer, ()), customer, of_the_type_of=latest)
                if not lists:
                    return
                (step,) = lists
            case "delete":
                try:
                    step = step_of("follow-up", self.fixtures.customers.delete(customer))
                except (Absent, OutOfFixtures):
                    return
            case "create":
                return
        play.take(step, str(operation), operation.name, method, customer)

    def _numbered_method(self, operation: Operation, play: _Play) -> str:
        number = operation.method
        if number not in play.methods or operation.name == "create":
            play.methods[number], created = self.fixtures.methods.create(plain=True)
            self._keep_creation(created, f"create method {number}", play)
        return play.methods[number]

    def _numbered_customer(self, number: int, play: _Play) -> str:
        if number not in play.customers:
            created: Exchange | None = None
            if self.fixtures.provision.customers == "given":
                play.customers[number] = self._customers(number)[number - 1]
            else:
                play.customers[number], created = self.fixtures.customers.create()
            self._keep_creation(created, f"create customer {number}", play)
        return play.customers[number]

    def _keep_creation(self, created: Exchange | None, words: str, play: _Play) -> None:
        if created is not None:
            play.take(step_of("set-up", created), words, "create")
