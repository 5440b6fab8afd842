"""A pytest plugin that watches a run: what each test costs in requests, and whether it finds anything."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

import pytest

from conformance.items import FOUND, slug_of
from conformance.ledger import Ledger
from conformance.looks import name_of

MARKER = "told by each test: "
"""What the line begins with that the probe adds to the terminal's output."""

_told: list[dict[str, Any]] = []


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
        "found": bool(found.broken) or any(entry.findings for entry in found.entries.values()),
    }
    _told.append(told)
    return result


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Tell it in one line."""
    terminalreporter.write_line(MARKER + json.dumps(_told))
