"""The geometry of the report's plots in percent and pixels, which the templates write as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from conformance.evidence.counted import counted
from conformance.evidence.traffic import CLASSES, LATENCY_BOUNDS, NO_ANSWER, Traffic
from conformance.reports.evidence import milliseconds

SWATCHES: Mapping[str, str] = {name: name.replace(" ", "-") for name in CLASSES}
"""The names of the style of each class of responses."""

HISTOGRAM_HEIGHT = 110
"""The height of the tallest column, in pixels."""


@dataclass(frozen=True)
class Segment:
    """A part of a bar: the responses of one class, its start and width in percent of the longest bar."""

    name: str
    count: int
    start: float
    width: float


@dataclass(frozen=True)
class Bar:
    """The classes of the responses to the requests of one chapter."""

    chapter: str
    counts: Mapping[str, int]
    segments: tuple[Segment, ...]


def bars(traffic: Traffic, chapters: Sequence[str]) -> tuple[Bar, ...]:
    """Return one bar for each chapter, those of `chapters` first and in that order."""
    order = [chapter for chapter in dict.fromkeys([*chapters, *traffic.answers]) if chapter in traffic.answers]
    longest = max((sum(counts.values()) for counts in traffic.answers.values()), default=0)
    return tuple(_bar(chapter, traffic.answers[chapter], longest) for chapter in order)


def _bar(chapter: str, counts: Mapping[str, int], longest: int) -> Bar:
    starts = accumulate(counts.values(), initial=0)
    segments = (
        Segment(name, count, round(100 * start / longest, 2), round(100 * count / longest, 2))
        for (name, count), start in zip(counts.items(), starts, strict=False)
    )
    return Bar(chapter, counts, tuple(segments))


def classes_seen(traffic: Traffic) -> tuple[str, ...]:
    """Return the classes of responses that occurred, in their order."""
    return tuple(name for name in CLASSES if any(name in counts for counts in traffic.answers.values()))


@dataclass(frozen=True)
class Column:
    """The responses that took up to `label`: start and width of their column in percent, its height in pixels."""

    label: str
    words: str
    count: int
    start: float
    width: float
    height: float


def histogram(traffic: Traffic) -> tuple[Column, ...]:
    """Return one column for each group of latencies, from the first that occurs to the last."""
    if not traffic.answered:
        return ()
    filled = [index for index, count in enumerate(traffic.latencies) if count]
    groups = range(filled[0], filled[-1] + 1)
    tallest = max(traffic.latencies)
    width = 100 / len(groups)
    columns = []
    for place, index in enumerate(groups):
        count = traffic.latencies[index]
        label, words = _latency_words(index)
        height = max(2.0, round(HISTOGRAM_HEIGHT * count / tallest, 1)) if count else 0.0
        columns.append(Column(label, words, count, round(place * width, 2), round(width, 2), height))
    return tuple(columns)


def _latency_words(index: int) -> tuple[str, str]:
    if index == len(LATENCY_BOUNDS):
        last = milliseconds(LATENCY_BOUNDS[-1])
        return f"> {last}", f"more than {last}"
    bound = milliseconds(LATENCY_BOUNDS[index])
    return f"≤ {bound}", f"up to {bound}"


def latency_in_words(traffic: Traffic) -> str:
    """Return the latencies in one sentence."""
    if not traffic.answered:
        return "No response came."
    slowest = milliseconds(traffic.slowest)
    half, most = (_within(traffic.within(share)) for share in (0.5, 0.95))
    sentence = f"Half of the responses came {half}, 95 % {most}, the slowest after {slowest}."
    unanswered = sum(counts.get(NO_ANSWER, 0) for counts in traffic.answers.values())
    return f"{sentence} {counted(unanswered, 'request')} got no response." if unanswered else sentence


def _within(bound: float | None) -> str:
    return f"within {milliseconds(bound)}" if bound else f"in more than {milliseconds(LATENCY_BOUNDS[-1])}"
