"""Exploring: after the run the drawn tests again with other seeds, round after round, until the minutes are over."""

from __future__ import annotations

import itertools
import time
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.runner import runtestprotocol  # what plugins that run a test again use: pytest has no public name for it

from conformance.plugin.drawing import is_drawn, more_drawn, set_seed
from conformance.plugin.items import ItemRunner
from conformance.scenes.budgets import BUDGETS
from conformance.verdict.run import Exploration

if TYPE_CHECKING:
    from conformance.plugin.controller import Controller

MOST_OBJECTS = 500
"""How many objects an exploration creates at most on a target that is not on this machine."""


class Explorer:
    """Runs the rounds of an exploration once the tests are through."""

    def __init__(self, config: pytest.Config, seed: int, minutes: float, controller: Controller) -> None:
        self.config = config
        self.seed = seed
        self.controller = controller
        self.minutes = minutes
        self.rounds = 0
        self._deadline = 0.0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Run the tests, and then explore until the minutes are over."""
        result = yield
        runner: ItemRunner | None = self.config.pluginmanager.get_plugin("conformance-items")
        if runner is not None:
            self.controller.exploration = lambda: Exploration(self.minutes, self.rounds)
            self._explore(session, runner)
        return result

    def _explore(self, session: pytest.Session, runner: ItemRunner) -> None:
        items = [item for item in session.items if isinstance(item, pytest.Function) and is_drawn(item)]
        self._deadline = time.monotonic() + 60 * self.minutes
        runner.engine.is_over = self._is_over
        runner.is_quick = False  # a quick run draws nothing: round after round would send the same, which is remembered
        if not runner.client.address.is_loopback:
            runner.fixtures.inventory.limit = MOST_OBJECTS
        bounds = runner.client.bounds
        while items and not (self._is_over() or bounds.reached or session.shouldfail or session.shouldstop):
            self.rounds += 1
            set_seed(self.seed + self.rounds)
            for item in itertools.takewhile(lambda _: not self._is_over(), items):
                with more_drawn(item, BUDGETS["thorough"].drawn):
                    self._run(item)
            runner.tidy()
            runner.stage.forget_objects()
            runner.stage.sent.clear()
            self._report(f"round {self.rounds}: {runner.client.requests_sent} requests")

    def _is_over(self) -> bool:
        return time.monotonic() >= self._deadline

    def _run(self, item: pytest.Function) -> None:
        """Run a test again; only a report that something went wrong is shown."""
        for report in runtestprotocol(item, log=False, nextitem=None):
            if report.failed:
                item.config.hook.pytest_runtest_logreport(report=report)
            else:
                self.controller.pytest_runtest_logreport(report)

    def _report(self, what: str) -> None:
        reporter: Any = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.ensure_newline()
            left = max(0.0, self._deadline - time.monotonic())
            reporter.write_line(self.controller.key.blotted(f"exploring, {left:.0f} s left: {what}"))
