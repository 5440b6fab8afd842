"""Exploring: after the first look a random search that widens round after round, until its minutes are over.

It draws for the suite's own tests, by the strategies that each names for it, and the same judges judge. What it finds
is an example that somebody can pin: it proves no conformance, and no certificate rests on it.
"""

from __future__ import annotations

import itertools
import random
import re
import time
from collections.abc import Collection, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import hypothesis
import pytest
from _pytest.runner import runtestprotocol  # what plugins that run a test again use: pytest has no public name for it
from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis.database import DirectoryBasedExampleDatabase

from conformance.plugin.items import PROPERTY, ItemRunner, slug_of
from conformance.scenes.case import Pursuit
from conformance.scenes.marks import EXPLORATION, WIDER, Wider
from conformance.verdict.run import Exploration, Pinnable
from conformance.verdict.settings import Settings
from strategies.as_python import as_python, imports_for
from strategies.attempt import Attempt
from strategies.wider import WIDEST

if TYPE_CHECKING:
    from conformance.plugin.controller import Controller

FEWEST_EXAMPLES, MOST_EXAMPLES = 8, 256
"""How many examples of each test the first round draws; each draws twice as many as the one before, up to these."""

MOST_OBJECTS = 500
"""How many objects an exploration creates at the most on a target that is not on this machine."""

FOLDER = "explored"
"""Where, in the folder of the results, Hypothesis keeps what it found, for each target on its own."""

EXPLORED = pytest.StashKey[list[pytest.Function]]()


def choose_explored(config: pytest.Config, items: list[pytest.Item], asked: Collection[str]) -> None:
    """Keep for exploring one item of each test that says how, and leave out of `items` what is for exploring alone."""
    chosen: dict[Any, pytest.Function] = {}
    for item in items:
        if isinstance(item, pytest.Function) and hasattr(item.obj, WIDER) and (slug_of(item) or "") in asked:
            chosen[item.obj] = item  # of two looks the closer one
    config.stash[EXPLORED] = list(chosen.values())
    items[:] = [item for item in items if item.get_closest_marker(EXPLORATION) is None]


def folder_for(settings: Settings, name: str, *, stateless: bool) -> Path:
    """Where examples found on a target are kept: by the `name` of its description, or else by its address."""
    parts = urlsplit(settings.base_url or "")
    place = name or (f"{parts.netloc}{parts.path}" if settings.base_url else "embedded-reference")
    mode = "stateless" if stateless else "stateful"
    return settings.results / FOLDER / f"{re.sub(r'[^A-Za-z0-9.-]+', '-', place).strip('-')}-{mode}"


class Explorer:
    """Runs the rounds of an exploration once the first look is done."""

    def __init__(self, config: pytest.Config, settings: Settings, controller: Controller) -> None:
        assert settings.explore is not None
        self.config = config
        self.settings = settings
        self.controller = controller
        self.minutes = settings.explore
        self.found: list[Pinnable] = []
        self.rounds = 0
        self._drawn: list[Any] = []
        self._deadline = 0.0

    def is_over(self) -> bool:
        """Whether the minutes are over."""
        return time.monotonic() >= self._deadline

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Take the first look, and explore with what is left of the minutes."""
        self._deadline = time.monotonic() + 60 * self.minutes
        runner: ItemRunner | None = self.config.pluginmanager.get_plugin("conformance-items")
        if runner is not None:
            runner.target.pursuit = Pursuit(self.is_over)
            self.controller.exploration = self._so_far
        result = yield
        if runner is not None:
            runner.target.pursuit = Pursuit(self.is_over, beside=True)
            if not runner.client.address.is_loopback:
                runner.fixtures.inventory.limit = MOST_OBJECTS
            self._explore(session, runner)
        return result

    def _so_far(self) -> Exploration:
        has_judged = any(entry.held for entry in self.controller.ledger.entries.values())
        return Exploration(self.minutes, self.rounds, tuple(self.found), has_judged)

    def _explore(self, session: pytest.Session, runner: ItemRunner) -> None:
        items = self.config.stash[EXPLORED]
        stateless = runner.fixtures.provision.stateless
        path = folder_for(self.settings, Path(self.config.option.target or "").stem, stateless=stateless)
        database = DirectoryBasedExampleDatabase(path)
        for width in range(1, WIDEST + 1):
            kept = [item for item in items if any(database.fetch(_database_key(item, width)))]
            self._round(session, runner, kept, width, hypothesis_settings(database=database, phases=_AGAIN))
        for number in itertools.count(1):
            if self.is_over() or session.shouldfail or session.shouldstop or not items:
                break
            self.rounds = number
            examples = min(FEWEST_EXAMPLES * 2 ** (number - 1), MOST_EXAMPLES)
            chosen = hypothesis_settings(database=database, phases=_ANEW, max_examples=examples)
            self._round(session, runner, items, min(number, WIDEST), chosen)
            self._tell(f"round {number}: {runner.client.requests_sent} requests, {len(self.found)} found")

    def _round(
        self,
        session: pytest.Session,
        runner: ItemRunner,
        items: list[pytest.Function],
        width: int,
        chosen: hypothesis_settings,
    ) -> None:
        for item in items:
            if self.is_over() or session.shouldfail or session.shouldstop:
                return
            self._run(item, runner, width, chosen)
        if items:
            runner.tidy()
            runner.target.forget()

    def _run(self, item: pytest.Function, runner: ItemRunner, width: int, chosen: hypothesis_settings) -> None:
        """Run a test with what it draws at this width, and keep what it found, however it ended."""
        wider: Wider = getattr(item.obj, WIDER)
        usual = item.obj
        item.obj = self._widened(item, wider, width, chosen)
        try:
            reports = runtestprotocol(item, log=False, nextitem=None)
        finally:
            item.obj = usual
            self._keep_example(item, runner, wider)
        for report in reports:
            is_fault = any(entry[0] == PROPERTY and _has_error(entry[1]) for entry in report.user_properties)
            if is_fault or (report.failed and report.when != "call"):
                item.config.hook.pytest_runtest_logreport(report=report)
            else:
                self.controller.pytest_runtest_logreport(report)
        if self.found and self.config.option.maxfail and len(self.found) >= self.config.option.maxfail:
            self.controller.session.shouldfail = f"stopping: {self.found[-1].clause} is broken"

    def _widened(self, item: pytest.Function, wider: Wider, width: int, chosen: hypothesis_settings) -> Any:
        """The test as Hypothesis is to run it in this round."""
        self._drawn.clear()

        def seen(value: Any) -> Any:
            self._drawn[:] = [value]
            return value

        test: Any = given(**{wider.argument: wider.strategy(width).map(seen)})(item.obj.hypothesis.inner_test)
        draw = random.Random(f"{self.settings.seed}/{self.rounds}/{item.nodeid}")
        test = hypothesis.seed(draw.getrandbits(64))(test)  # before the settings, since it takes the database out
        examples = max(2, int(chosen.max_examples * wider.share))
        test._hypothesis_internal_use_settings = hypothesis_settings(chosen, max_examples=examples)
        # Where a seed is forced on all tests, Hypothesis keeps nothing of one that has no key of its own.
        test._hypothesis_internal_database_key = _database_key(item, width)
        return test

    def _keep_example(self, item: pytest.Function, runner: ItemRunner, wider: Wider) -> None:
        """Keep what Hypothesis ended with, if the test failed: it is the smallest."""
        finding = runner.target.case.raised
        if finding is None or not self._drawn:
            return
        value = self._drawn[-1]
        shown = runner.target.sent.get(finding.episode.steps[finding.culprit].attempt_digest)
        if isinstance(value, Attempt) and shown is not None:
            value = shown
        code = f"@example({wider.argument}={as_python(value)})"
        test = item.nodeid.partition("[")[0]
        self.found.append(Pinnable(finding, test, tuple(imports_for(value)), code, self.rounds))
        self._tell(f"found: {finding.clause}: {finding.observed}")

    def _tell(self, what: str) -> None:
        reporter: Any = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.ensure_newline()
            left = max(0.0, self._deadline - time.monotonic())
            reporter.write_line(self.controller.key.blotted(f"exploring, {left:.0f} s left: {what}"))


_AGAIN = (Phase.reuse, Phase.shrink)
_ANEW = (Phase.generate, Phase.shrink)


def _database_key(item: pytest.Function, width: int) -> bytes:
    return f"{item.nodeid.partition('[')[0]} at width {width}".encode()


def _has_error(found: Any) -> bool:
    return any(entry["errors"] for entry in found["ledger"].values())
