"""A plugin that gives each group of tests a worker's knowledge of its own, in one process: the most that `-n` parts."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from conformance.plugin.dealing import group_of
from conformance.plugin.items import ItemRunner
from conformance.plugin.worker import RUNNER

_worker_of: dict[str, int] = {}


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None, None, None]:
    """Bring the tests into the order of their groups, once they are in their own."""
    yield
    items.sort(key=lambda item: group_of(item.nodeid))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Forget at the first test of each group what the others have made and found."""
    runner = item.config.pluginmanager.get_plugin(RUNNER)
    group = group_of(item.nodeid)
    if isinstance(runner, ItemRunner) and group not in _worker_of:
        _worker_of[group] = runner.worker = len(_worker_of)
        runner.engine.forget_run()
