"""The story that plays a sequence of operations and compares it with the model."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from conformance import judge
from conformance.evidence.episode import Episode, Step
from conformance.fixtures.provisioning import Absent, OutOfFixtures
from conformance.scenes.api import PATIENCE, PAUSE
from conformance.scenes.card import Card
from conformance.scenes.narrowing import Try
from conformance.scenes.scene import Scene
from strategies.sequences import LONGEST, Operation, retrieve
from strategies.valid import EXPANDED, MINIMAL

MOST_SHORTER_ONES = 16
"""How many shorter sequences are played at most to make a long one that disagrees as short as it can be."""

READS = frozenset({"retrieve", "list"})
CHANGES = frozenset({"attach", "detach", "delete"})

LATEST = {"method": 2, "delete": 1}
"""How many of the latest effective operations may have led to a disagreement: on each method, and of deletions."""

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
    """A sequence as far as it was played.

    `methods` and `customers` are the ids by their numbers; `operations` says what each of the `steps` did, to which
    method and customer, and `places` which operation of the sequence it belongs to.
    """

    methods: dict[int, str] = field(default_factory=dict)
    customers: dict[int, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    operations: list[tuple[str, str, str]] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    place: int = 0

    def add(self, step: Step, words: str, operation: str, method: str = "", customer: str = "") -> None:
        """Add a step under its number."""
        self.steps.append(replace(step, attempt=f"{len(self.steps) + 1}: {words}"))
        self.operations.append((operation, method, customer))
        self.places.append(self.place)

    def drop_after(self, count: int) -> None:
        """Drop all but the first steps."""
        del self.steps[count:], self.operations[count:], self.places[count:]

    def ids(self) -> dict[str, str]:
        """Return the ids by the names that the operations use."""
        methods = {f"method {number}": identifier for number, identifier in self.methods.items()}
        return methods | {f"customer {number}": identifier for number, identifier in self.customers.items()}


def expect_as_modelled(scene: Scene, operations: Operations) -> None:
    """Expect every answer of the sequence, and a retrieval of each payment method at its end, as the model says.

    The sequence ends with the first answer that disagrees.
    """
    scene.needs.sound(*CAUSES)
    play = _Play()
    for place, operation in enumerate(_with_reads(operations)):
        play.place = place
        _play_next(scene, operation, play)
        if play.steps and scene.fails():
            return


def _with_reads(operations: Operations) -> Operations:
    used = dict.fromkeys(operation.method for operation in operations if operation.method)
    return (*operations, *map(retrieve, used))


def _play_next(scene: Scene, operation: Operation, play: _Play) -> None:
    """Play one more operation; off loopback a read that disagrees is repeated for a while."""
    played, deadline = len(play.steps), time.monotonic() + PATIENCE
    may_be_late = operation.name in READS and not scene.stage.client.address.is_loopback
    while True:
        _perform(scene, operation, play)
        if not play.steps:  # a given customer is not deleted, so a sequence that begins so has nothing to judge yet
            return
        scene.telling.episodes.clear()
        scene.expect(
            judge.as_modelled,
            *play.steps,
            about=play.ids(),
            operations=list(play.operations),
            places=list(play.places),
        )
        if not may_be_late or time.monotonic() >= deadline or not scene.fails():
            return
        time.sleep(PAUSE)
        play.drop_after(played)


def _perform(scene: Scene, operation: Operation, play: _Play) -> None:
    method = _numbered_method(scene, operation, play) if operation.method else ""
    customer = _numbered_customer(scene, operation.customer, play) if operation.customer else ""
    try:
        step = _step_for(scene, operation, play, method, customer)
    except (Absent, OutOfFixtures):
        if operation.name not in ("detach", "delete"):
            raise
        return
    if step is not None:
        play.add(step, str(operation), operation.name, method, customer)


def _step_for(scene: Scene, operation: Operation, play: _Play, method: str, customer: str) -> Step | None:
    match operation.name:
        case "attach":
            attempt = EXPANDED if operation.expanded else MINIMAL
            return scene.attach(attempt, Card(method, customer), to=customer)
        case "detach":
            return scene.detach(method, role="follow-up")
        case "retrieve":
            return scene.retrieve(method)
        case "list":
            latest = method or next(reversed(play.methods.values()), "")
            return next(iter(scene.list(customer, latest)), None)
        case "delete":
            return scene.api.delete(customer, role="follow-up")
        case _:
            return None


def _numbered_method(scene: Scene, operation: Operation, play: _Play) -> str:
    number = operation.method
    if number not in play.methods or operation.name == "create":
        card = scene.card(plain=True)
        play.methods[number] = card.id
        for step in card.steps:
            play.add(step, f"create method {number}", "create")
    return play.methods[number]


def _numbered_customer(scene: Scene, number: int, play: _Play) -> str:
    if number not in play.customers:
        created: list[Step] = []
        if scene.stage.fixtures.provision.has_given_customers:
            play.customers[number] = scene.customers(number)[number - 1]
        else:
            play.customers[number], created = scene.api.create_customer()
        for step in created:
            play.add(step, f"create customer {number}", "create")
    return play.customers[number]


# Shorter sequences


def shorten(operations: Operations, episode: Episode, tries: Try) -> tuple[Operations, Episode]:
    """Leave operations out of a long sequence that disagrees, as long as it still does.

    Hypothesis shortens the drawn ones.
    """
    played = operations_until_failure(operations, episode)
    if len(operations) <= LONGEST:
        return played, episode

    def try_one(candidate: Operations, best: tuple[Operations, Episode]) -> tuple[Operations, Episode] | None:
        """Return the candidate as far as it disagrees, if it can be played and the best one yet be confirmed."""
        shown = tries.tell(candidate, _most_requests(candidate) + len(best[1].steps))
        return None if shown is None else (operations_until_failure(candidate, shown), shown)

    best = played, episode
    for candidate in suspect_sequences(operations, episode):
        shorter = try_one(candidate, best) if len(candidate) < len(played) else None
        if shorter is not None:
            best = shorter
            break
    place = 0
    for _ in range(MOST_SHORTER_ONES):
        if place >= len(best[0]) - 1:
            break
        shorter = try_one(best[0][:place] + best[0][place + 1 :], best)
        if shorter is None:
            place += 1
        else:
            best = shorter
    return best


def operations_until_failure(operations: Operations, episode: Episode) -> Operations:
    """Return the operations as far as the one whose step is the last of the episode."""
    return _with_reads(operations)[: episode.facts["places"][-1] + 1]


def suspect_sequences(operations: Operations, episode: Episode) -> Iterator[Operations]:
    """Yield shorter sequences that may disagree alike: the last operation, and before it what may have led there.

    First the latest two effective operations on each method and the latest deletion; then everything but reads.
    """
    *before, last = operations_until_failure(operations, episode)
    seen = Counter[tuple[str, int]]()
    kept: list[int] = []
    for place in sorted(_effective_places(before, episode), reverse=True):
        key = ("delete", 0) if before[place].name == "delete" else ("method", before[place].method)
        seen[key] += 1
        if seen[key] <= LATEST[key[0]]:
            kept.append(place)
    yield (*(before[place] for place in sorted(kept)), last)
    yield (*(operation for operation in before if operation.name not in READS), last)


def _effective_places(operations: Sequence[Operation], episode: Episode) -> set[int]:
    """Return the places of the operations that changed something."""
    steps = zip(episode.facts["places"], episode.facts["operations"], episode.steps, strict=True)
    changed = {place for place, (name, _, _), step in steps if name in CHANGES and step.exchange.is_success}
    return changed & set(range(len(operations)))


def _most_requests(operations: Operations) -> int:
    """Return how many requests a sequence takes, with the creation of its objects and a last look at each method."""
    methods = {operation.method for operation in operations} - {0}
    customers = {operation.customer for operation in operations} - {0}
    return len(operations) + 2 * len(methods) + len(customers)
