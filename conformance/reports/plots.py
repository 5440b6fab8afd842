"""The geometry of the report's plots: plain numbers in percent and pixels, which the templates write as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from conformance.evidence.traffic import CLASSES, LATENCY_BOUNDS, NO_ANSWER, Traffic
from conformance.reports.evidence import milliseconds

SWATCHES: Mapping[str, str] = {name: name.replace(" ", "-") for name in CLASSES}
"""Classes of answers by the names of their style."""

HISTOGRAM_HEIGHT = 110
"""Height of the tallest column, in pixels."""


@dataclass(frozen=True)
class Segment:
    """A part of a bar: the answers of one class, from `start` on `width`, both in percent of the longest bar."""

    name: str
    count: int
    start: float
    width: float


@dataclass(frozen=True)
class Bar:
    """How the requests of one chapter were answered."""

    chapter: str
    counts: Mapping[str, int]
    segments: tuple[Segment, ...]


def bars(traffic: Traffic, chapters: Sequence[str]) -> tuple[Bar, ...]:
    """One bar a chapter, those of `chapters` first and in that order."""
    order = dict.fromkeys([*chapters, *traffic.answers])
    totals = {chapter: sum(traffic.answers[chapter].values()) for chapter in order if chapter in traffic.answers}
    longest = max(totals.values(), default=0)
    shown = []
    for chapter in totals:
        segments = []
        start = 0
        for name, count in traffic.answers[chapter].items():
            segments.append(Segment(name, count, round(100 * start / longest, 2), round(100 * count / longest, 2)))
            start += count
        shown.append(Bar(chapter, traffic.answers[chapter], tuple(segments)))
    return tuple(shown)


def classes_seen(traffic: Traffic) -> tuple[str, ...]:
    """The classes of answers that occurred, in their order."""
    return tuple(name for name in CLASSES if any(name in counts for counts in traffic.answers.values()))


@dataclass(frozen=True)
class Column:
    """The answers that took up to `label`: where the column stands and how wide in percent, how tall in pixels."""

    label: str
    words: str
    count: int
    start: float
    width: float
    height: float


def histogram(traffic: Traffic) -> tuple[Column, ...]:
    """One column for each group of latencies, from the first that occurs to the last; none where nothing answered."""
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
    """How fast the answers were, in one sentence."""
    if not traffic.answered:
        return "No answer came."
    parts: list[str] = []
    for share, name in ((0.5, "Half of the answers"), (0.95, "95 %")):
        bound = traffic.within(share)
        within = f"within {milliseconds(bound)}" if bound else f"in more than {milliseconds(LATENCY_BOUNDS[-1])}"
        parts.append(f"{name} came {within}" if not parts else f"{name} {within}")
    parts.append(f"the slowest after {milliseconds(traffic.slowest)}")
    unanswered = sum(counts.get(NO_ANSWER, 0) for counts in traffic.answers.values())
    left = f" {unanswered} request{'s' * (unanswered > 1)} got no answer." if unanswered else ""
    return ", ".join(parts[:-1]) + f", {parts[-1]}.{left}"
