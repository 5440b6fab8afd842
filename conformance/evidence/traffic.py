"""Traffic as numbers: the answers of the operation by chapter and class of status, and their times."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from conformance.evidence.episode import Episode
from conformance.evidence.exchange import Exchange

NO_ANSWER = "no answer"
CLASSES = ("2xx", "3xx", "4xx", "5xx", NO_ANSWER)
"""The classes of answers, in the order in which they are shown. A number that is no HTTP status counts as no answer."""

LATENCY_BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Upper bounds, in seconds, of the latencies that are counted together; a last group holds the longer ones."""

EXPLORED = "generated"
"""The name in place of a chapter for a test that explores rather than being for one clause."""


@dataclass(frozen=True)
class Traffic:
    """The number of each chapter's answers in each class, and how long they took.

    `latencies` counts the answers up to each of `LATENCY_BOUNDS`, and then those beyond; `slowest` is in seconds.
    """

    answers: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    latencies: tuple[int, ...] = (0,) * (len(LATENCY_BOUNDS) + 1)
    slowest: float = 0.0

    def __add__(self, other: Traffic) -> Traffic:
        chapters = dict.fromkeys([*self.answers, *other.answers])
        return Traffic(
            {chapter: _add(self.answers.get(chapter, {}), other.answers.get(chapter, {})) for chapter in chapters},
            tuple(mine + theirs for mine, theirs in zip(self.latencies, other.latencies, strict=True)),
            max(self.slowest, other.slowest),
        )

    @property
    def answered(self) -> int:
        """Return how many requests got an answer."""
        return sum(self.latencies)

    def within(self, share: float) -> float | None:
        """Return the least of `LATENCY_BOUNDS` within which that share (above 0, at most 1) of the answers came.

        None where it is beyond the last bound, or where no answer came.
        """
        reached = 0
        for bound, count in zip(LATENCY_BOUNDS, self.latencies, strict=False):
            reached += count
            if reached and reached >= share * self.answered:
                return bound
        return None


def _add(mine: Mapping[str, int], theirs: Mapping[str, int]) -> dict[str, int]:
    both = Counter(mine)
    both.update(theirs)
    return {name: both[name] for name in CLASSES if both[name]}


def class_of(exchange: Exchange) -> str:
    """Return the class of an answer, by the first digit of its status or as NO_ANSWER."""
    name = f"{(exchange.status or 0) // 100}xx"
    return name if name in CLASSES else NO_ANSWER


def traffic_of(chapter: str, exchanges: Iterable[Exchange]) -> Traffic:
    """Count these exchanges, without those of other endpoints."""
    counts: Counter[str] = Counter()
    latencies = [0] * (len(LATENCY_BOUNDS) + 1)
    slowest = 0.0
    for exchange in exchanges:
        if exchange.is_to_operation:
            counts[class_of(exchange)] += 1
            if exchange.status is not None:
                latencies[bisect_left(LATENCY_BOUNDS, exchange.seconds)] += 1
                slowest = max(slowest, exchange.seconds)
    answers = {chapter: _add(counts, {})} if counts else {}
    return Traffic(answers, tuple(latencies), slowest)


class TrafficCounter:
    """A sum of the traffic of episodes, in which an exchange of several episodes counts at the first."""

    def __init__(self) -> None:
        self.traffic = Traffic()
        self._counted: set[int] = set()  # hashes: a run may have hundreds of thousands

    def count(self, episode: Episode) -> None:
        """Add the exchanges that are new in `episode`, under the chapter of its clause."""
        new = []
        for step in episode.steps:
            exchange = step.exchange
            moment = hash((exchange.received, exchange.seconds, exchange.request.target))
            if moment not in self._counted:
                self._counted.add(moment)
                new.append(exchange)
        if new:
            self.traffic += traffic_of(episode.clause.partition(".")[0] or EXPLORED, new)
