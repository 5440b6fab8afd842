"""A pytest plugin that watches a run: what each test costs in requests, which answers it uses, and what it finds."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator
from typing import Any

import pytest

from conformance.evidence.exchange import Exchange
from conformance.plugin.items import FOUND, slug_of
from conformance.plugin.looks import name_of
from conformance.verdict.ledger import Ledger
from conformance.verdict.trial import Note, Trial

MARKER = "told by each test: "
"""What the line begins with that the probe adds to the terminal's output."""

_told: list[dict[str, Any]] = []
_seen: dict[int, tuple[int, Exchange]] = {}
"""Every exchange that a test has used, by its identity, with its number: tests share those that they ask once."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Count the requests of one test."""
    runner: Any = item.config.pluginmanager.get_plugin("conformance-items")
    before = runner.client.requests_sent
    result = yield
    found = item.stash.get(FOUND, Ledger())
    told = {
        "test": name_of(item),
        "clause": slug_of(item) or "",
        "requests": runner.client.requests_sent - before,
        "answers": sorted({_number(exchange) for exchange in _used(runner.target.case.log)}),
        "found": bool(found.broken) or any(entry.findings for entry in found.entries.values()),
    }
    _told.append(told)
    return result


def _used(log: Iterable[Trial | Note]) -> Iterator[Exchange]:
    """The exchanges that were looked at, in whatever episode."""
    for entry in log:
        for performed in entry.episodes if isinstance(entry, Trial) else ():
            yield from (step.exchange for step in performed.episode.steps)


def _number(exchange: Exchange) -> int:
    """The number of the very exchange, the next one if it is new."""
    return _seen.setdefault(id(exchange), (len(_seen), exchange))[0]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Tell it in one line."""
    terminalreporter.write_line(MARKER + json.dumps(_told))
