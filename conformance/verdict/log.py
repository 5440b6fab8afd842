"""The log of a run while it runs: what its tests left behind, packed, and on disk once it is much.

A long exploration leaves more than memory should hold, and no part of it is needed before the run is concluded.
"""

from __future__ import annotations

import json
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import IO, Any

from conformance.verdict.folding import LogEntry, logged_from_json
from conformance.verdict.numbering import number_episodes, number_for

MOST_HELD = 4_000_000
"""The number of packed bytes that are held in memory; a usual run has less than a tenth."""

FASTEST = 1
"""The level of packing: logs repeat themselves so much that a higher one gains little."""


@dataclass(frozen=True)
class _Part:
    """A part of the log, left by one test at once: its worker, its first turn, and the name that numbers each trial.

    `data` is packed, or where it stands in the file, and its length.
    """

    worker: int
    turn: int
    names: tuple[str, ...]
    data: bytes | tuple[int, int]


class Log:
    """The log that the tests of a run left behind, by test, each part with the turn at which it came."""

    def __init__(self, most_held: int = MOST_HELD) -> None:
        self._parts: dict[str, list[_Part]] = {}
        self._turn = 0
        self._room = most_held
        self._end = 0

    @property
    def tests(self) -> tuple[str, ...]:
        """The tests, in the order in which they first left something behind."""
        return tuple(self._parts)

    def keep(self, test: str, worker: int, log: Sequence[Mapping[str, Any]]) -> None:
        """Keep what a test left behind, in its JSON-like form."""
        names = tuple(number_for(one["trial"]) for one in log if "trial" in one)
        data = self._put(zlib.compress(json.dumps(log, separators=(",", ":")).encode(), FASTEST))
        self._parts.setdefault(test, []).append(_Part(worker, self._turn, names, data))
        self._turn += len(log)

    def close(self) -> None:
        """Remove what stands on disk."""
        if "_file" in vars(self):
            self._file.close()

    @cached_property
    def _file(self) -> IO[bytes]:
        return tempfile.TemporaryFile(buffering=0)  # see `close`

    def _put(self, data: bytes) -> bytes | tuple[int, int]:
        """Put packed data into the file, if there is no more room in memory; it stays there if the disk is full."""
        self._room -= len(data)
        if self._room >= 0:
            return data
        try:
            self._file.seek(self._end)
            if self._file.write(data) < len(data):
                return data
        except OSError:
            return data
        place = self._end, len(data)
        self._end += len(data)
        return place

    def _get(self, part: _Part) -> Iterator[LogEntry]:
        data = part.data
        if not isinstance(data, bytes):
            place, length = data
            self._file.seek(place)
            data = self._file.read(length)
        for turn, one in enumerate(json.loads(zlib.decompress(data)), start=part.turn):
            yield LogEntry(part.worker, logged_from_json(one), turn)


class OrderedLog:
    """The log of a run in the order that its record has, with the ids of all episodes; read again each time."""

    def __init__(self, log: Log, tests: Iterable[str]) -> None:
        self._log = log
        self._tests = tuple(tests)

    def __iter__(self) -> Iterator[LogEntry]:
        parts = (part for test in self._tests for part in self._log._parts[test])
        return number_episodes(entry for part in parts for entry in self._log._get(part))

    def in_turn(self) -> Iterator[tuple[int, LogEntry]]:
        """Yield the entries in the order of their turns, each with the place of its test."""
        numbers: Counter[str] = Counter()
        placed: list[tuple[_Part, int, Counter[str]]] = []
        for place, test in enumerate(self._tests):
            for part in self._log._parts[test]:
                placed.append((part, place, Counter({name: numbers[name] for name in part.names})))
                numbers.update(part.names)
        for part, place, before in sorted(placed, key=lambda one: one[0].turn):
            yield from ((place, entry) for entry in number_episodes(self._log._get(part), before))
