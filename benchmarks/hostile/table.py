"""The table of all hostile servers, by name."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.hostile import bodies, framing, habits, texts
from benchmarks.hostile.peer import Hostile

CHAPTERS: Mapping[str, tuple[Hostile, ...]] = {
    "HTTP that is slow, endless or broken": framing.SERVERS,
    "Bodies and heads": bodies.SERVERS,
    "Texts, ids and the key": texts.SERVERS,
    "Behaviour over time": habits.SERVERS,
}

TABLE: Mapping[str, Hostile] = {hostile.name: hostile for servers in CHAPTERS.values() for hostile in servers}
assert len(TABLE) == sum(map(len, CHAPTERS.values())), "two hostile servers have one name"
