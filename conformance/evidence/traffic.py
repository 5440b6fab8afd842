"""Traffic as numbers: the answers of the operation by chapter and class of status, and their times."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
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


def class_of(exchange: Exchange) -> str:
    """Return the class of an answer, by the first digit of its status or as NO_ANSWER."""
    name = f"{(exchange.status or 0) // 100}xx"
    return name if name in CLASSES else NO_ANSWER


def traffic_of(episodes: Iterable[Episode]) -> Traffic:
    """Count the answers of the operation by chapter; one that stands in several episodes counts at the first."""
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    latencies = [0] * (len(LATENCY_BOUNDS) + 1)
    slowest = 0.0
    for chapter, exchange in _counted_once(episodes):
        answers[chapter][class_of(exchange)] += 1
        if exchange.status is not None:
            latencies[bisect_left(LATENCY_BOUNDS, exchange.seconds)] += 1
            slowest = max(slowest, exchange.seconds)
    in_order = {
        chapter: {name: counts[name] for name in CLASSES if counts[name]} for chapter, counts in answers.items()
    }
    return Traffic(in_order, tuple(latencies), slowest)


def _counted_once(episodes: Iterable[Episode]) -> Iterator[tuple[str, Exchange]]:
    """Yield each exchange of the operation once, with the chapter of its episode."""
    counted: set[int] = set()  # hashes: a run may have hundreds of thousands
    for episode in episodes:
        chapter = episode.clause.partition(".")[0] or EXPLORED
        for exchange in (step.exchange for step in episode.steps if step.exchange.is_to_operation):
            moment = hash((exchange.received, exchange.seconds, exchange.request.target))
            if moment not in counted:
                counted.add(moment)
                yield chapter, exchange
