"""Performers: threads that perform tests ahead of pytest's loop, which then reports each in the order of the catalogue.

What they share stands in few places: the client's pace, the objects of the target (`Fixtures`, whose lock is
`making`), and what tests make once (`Commons`). All else is a test's own, and becomes part of the run in its turn.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Protocol

import pytest

from conformance.fixtures.forms import new_run
from conformance.plugin.order import is_to_be_alone, line_of, name_of, only_looks, slug_of, takes_cards
from conformance.scenes.adoption import Adoption
from conformance.scenes.ahead import (
    DOUBTFUL,
    PUT_OFF,
    STOPPED,
    Ahead,
    Handed,
    LeftAlone,
    Performance,
)
from conformance.scenes.engine import Engine
from conformance.scenes.marks import PINNED
from conformance.scenes.memory import make_now
from conformance.scenes.notes import Commons
from conformance.scenes.stage import Stage
from conformance.transport.lanes import URGENT, USUAL, on_lane
from conformance.verdict.needs import requests_of_tests
from conformance.verdict.trial import Trial

LONG = 25
"""The number of requests from which a line of tests takes long, so that it begins before others."""

MOST_TROUBLES = 3
"""How often a target may leave a request without an answer, or put it off again and again, before the rest is
performed one after the other."""

MOST_THROTTLED = 20
"""How many requests of the performers may be rate-limited before the rest is performed one after the other."""

LONGEST_GOODBYE = 3.0
"""How many seconds the performers have to end, when the run ends before they are through."""

ROBUSTNESS = "robustness."
"""The beginning of the clauses whose tests check whether the target still serves."""


class Runner(Protocol):
    """The run, to which performances are added. It `starts_over` where they do not fit together.

    `live` says why nothing more is sent; empty as long as that may be.
    """

    engine: Engine
    stage: Stage
    starts_over: bool
    live: str

    def is_wanted(self, item: pytest.Item) -> bool:
        """Return whether nothing that the run has found so far is a reason to leave a test out."""

    def tell(self, item: pytest.Function, engine: Engine) -> None:
        """Call the function of a test."""


ADOPTED = pytest.StashKey[bool]()
"""Where an item keeps that it was performed ahead, and that the run has taken that over."""


COMPARABLE = pytest.StashKey[bool]()
"""Where an item keeps whether the run knew all that it knows now when it was performed ahead."""


class _State(Enum):
    """The state of a test: it waits, or is left to the run before it began, or a thread performs it, or has."""

    WAITING = "waiting"
    LEFT = "left"
    RUNNING = "running"
    OVER = "over"


BEGUN = frozenset({_State.RUNNING, _State.OVER})


@dataclass(eq=False)
class _Task:
    """A test to be performed ahead: its `line`, and the `checks` that there are before it if nothing fails.

    `before` is what it takes from the test before it in its line, `to_come` the requests from there to the line's end.
    One that is over has no `performance` if the run knew by then that it is not to be performed.
    """

    item: pytest.Function
    line: str
    checks: int
    before: Handed = field(default_factory=Handed)
    to_come: int = 0
    is_urgent: bool = False
    state: _State = _State.WAITING
    performance: Performance | None = None

    @property
    def after(self) -> Handed | None:
        """The things that it hands on; None as long as it is not over, and where it must be performed alone."""
        performance = self.performance
        return None if performance is None or performance.why_alone else performance.after


class Performers:
    """The threads, and the tests that they perform."""

    def __init__(self, runner: Runner, count: int) -> None:
        self.runner = runner
        self.count = count
        self._commons = Commons()
        self._adoption = Adoption(runner.engine, self._commons)
        self._ahead = Ahead(runner.engine, self._commons, self)
        self._tasks: dict[pytest.Item, _Task] = {}
        self._lines: dict[str, list[_Task]] = {}
        self._order: list[_Task] = []
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()
        self._is_closed = False
        self._is_held = False
        self._is_stopped = threading.Event()
        self._troubles = 0
        self._throttled = 0
        self._more_checks = 0

    # Before the tests

    def start(self, items: Sequence[pytest.Item]) -> None:
        """Begin to perform the tests: lines and long tests first, then in the order of the run.

        Every other performer takes the longest that is left, so that at the end none waits for a long one.
        """
        checks = 0
        is_checked_at_once = self.runner.stage.repetitions.survived == 1
        for item in items:
            slug = slug_of(item)
            if slug is None or not isinstance(item, pytest.Function) or is_to_be_alone(item):
                continue
            is_odd = slug.startswith(ROBUSTNESS)
            line = ROBUSTNESS if is_odd and not is_checked_at_once else line_of(item)
            task = self._tasks[item] = _Task(item, line, checks if is_checked_at_once else 0)
            if line:
                self._lines.setdefault(line, []).append(task)
            if is_odd:
                checks += 1 if getattr(item.function, PINNED, 0) == 1 else 2
        requests = requests_of_tests()
        for task in self._tasks.values():
            _, behind = self._beside(task)
            task.to_come = sum(requests.get(name_of(other.item), 0) for other in (task, *behind))
            task.is_urgent = takes_cards(task.item) or task.to_come >= LONG
        self._order = sorted(self._tasks.values(), key=lambda task: (not takes_cards(task.item), not task.is_urgent))
        longest_first = sorted(self._order, key=lambda task: -task.to_come)
        for number, order in zip(range(self.count), itertools.cycle((self._order, longest_first)), strict=False):
            name = f"performer {number + 1}"
            thread = threading.Thread(target=self._work, args=(order,), daemon=True, name=name)
            self._threads.append(thread)
            thread.start()

    # In the threads

    def _work(self, order: Sequence[_Task]) -> None:
        while (task := self._next(order)) is not None:
            try:
                performance = self._perform(task)
            except (Exception, LeftAlone):  # pytest's loop waits for this: performed alone, it comes again
                performance = None
            if performance is not None and performance.why_alone == PUT_OFF:
                self.note_trouble()
            with self._changed:
                task.state, task.performance = _State.OVER, performance
                if task.after is None:
                    self._leave_line(task)
                self._changed.notify_all()

    def _next(self, order: Sequence[_Task]) -> _Task | None:
        with self._changed:
            while True:
                if self._is_closed or self._throttled >= MOST_THROTTLED:
                    return None
                waiting = [task for task in order if task.state is _State.WAITING]
                if not waiting:
                    return None
                task = None if self._is_held else next(filter(self._is_ready, waiting), None)
                if task is not None:
                    task.state = _State.RUNNING
                    return task
                self._changed.wait()

    def _is_ready(self, task: _Task) -> bool:
        """Return whether a test that waits may begin: in a line, with what the one before it hands on."""
        before, _ = self._beside(task)
        earlier = [other for other in before if not only_looks(other.item)]
        handed = earlier[-1].after if earlier else Handed()
        if handed is None:
            return False
        is_counted = task.line == ROBUSTNESS and bool(earlier)
        task.before = replace(handed, checks=handed.checks if is_counted else task.checks + self._more_checks)
        return True

    def _perform(self, task: _Task) -> Performance | None:
        """Perform a test ahead; None where the run knows by now that it is not to be performed."""
        item, runner = task.item, self.runner
        slug = slug_of(item) or ""
        if not runner.is_wanted(item):
            return None
        notes = self._ahead.notes_for(item.nodeid, self._pause)
        notes.lane.begin = self._check_stopped
        notes.lane.rank = URGENT if task.is_urgent else USUAL
        with on_lane(notes.lane):
            return self._ahead.perform(
                notes,
                slug,
                item.originalname,
                new_run(),
                task.before,
                lambda engine: runner.tell(item, engine),
                hands_on=takes_cards(item),
            )

    def _pause(self, seconds: float) -> None:
        if seconds > 0 and self._is_stopped.wait(seconds):
            raise LeftAlone(STOPPED)

    def _check_stopped(self) -> None:
        if self._is_stopped.is_set():
            raise LeftAlone(STOPPED)

    def note_trouble(self) -> None:
        """Begin no more tests until the target was looked at."""
        with self._changed:
            self._is_held = True
            self._changed.notify_all()

    def note_throttled(self) -> None:
        """Count a request that was rate-limited."""
        with self._changed:
            self._throttled += 1
            self._changed.notify_all()

    def note_live(self, why: str) -> None:
        """Send nothing more."""
        self.runner.live = why
        self._is_stopped.set()

    def _leave_line(self, task: _Task) -> None:
        """Leave the tests behind one that is left: they would take what it has handed on."""
        _, behind = self._beside(task)
        for other in () if only_looks(task.item) else behind:
            if other.state is _State.WAITING:
                other.state = _State.LEFT

    def _beside(self, task: _Task) -> tuple[list[_Task], list[_Task]]:
        """Return the tests before one in its line, and those behind it."""
        line = self._lines.get(task.line, [task])
        place = line.index(task)
        return line[:place], line[place + 1 :]

    # In pytest's loop

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        """Keep pytest from performing a test that was performed ahead."""
        return True if pyfuncitem.stash.get(ADOPTED, False) else None

    def take(self, item: pytest.Item) -> Performance | None:
        """Return what was performed ahead, once it is; None where the test is to be performed alone."""
        item.stash[ADOPTED] = False
        task = self._tasks.get(item)
        if task is None or self._is_closed:
            return None
        with self._changed:
            self._changed.wait_for(lambda: self._is_held or not self._is_awaited(task))
        if self._is_held:
            self._look_after_trouble()
            return self.take(item)
        del self._tasks[item]  # an exploration performs it again
        self._more_checks = self.runner.engine.serving.checks - task.checks
        performance = task.performance
        if performance is not None:
            item.stash[ADOPTED] = not performance.why_alone and self._adoption.is_as_in_turn(performance)
            item.stash[COMPARABLE] = self._adoption.knew_the_same(performance)
            if not item.stash[ADOPTED]:
                self._discard(task, performance)
        return performance

    def _discard(self, task: _Task, performance: Performance) -> None:
        """Leave a test to the run; where it has spoilt what other tests would take, all is performed again."""
        with self._changed:
            _, behind = self._beside(task)
            self._leave_line(task)
            has_handed_on = takes_cards(task.item) and any(other.state in BEGUN for other in behind)
        memory = self.runner.stage.memory
        has_taken = has_handed_on or bool(performance.touched and performance.requests)
        if has_taken and (memory.cards or memory.left):
            self.runner.starts_over = True
            self.close()

    def _is_awaited(self, task: _Task) -> bool:
        will_begin = task.state is _State.WAITING and self._throttled < MOST_THROTTLED
        return not self._is_closed and (will_begin or task.state is _State.RUNNING)

    def _look_after_trouble(self) -> None:
        """Go on where the target is as it was; else have all be performed again, one after the other."""
        with self._changed:
            self._changed.wait_for(lambda: not any(task.state is _State.RUNNING for task in self._order))
        self._troubles += 1
        is_as_it_was = self.runner.engine.watch.finds_target_as_it_was()
        if not is_as_it_was:
            self.runner.starts_over = True
        if not is_as_it_was or self._troubles > MOST_TROUBLES:
            self.close()
        with self._changed:
            self._is_held = False
            self._changed.notify_all()

    def adopts(self, item: pytest.Item, performance: Performance) -> bool:
        """Take a performance over where it is that of a sequential run, and return whether it is."""
        if item.stash[ADOPTED]:
            self._adoption.adopt(performance)
        return item.stash[ADOPTED]

    def note_alone(self, item: pytest.Item, performance: Performance) -> None:
        """Compare with a test that was performed alone, after it was ahead in vain.

        Where only the one ahead failed, the target answers now so and now so, or one request spoils another: then all
        is performed again, one after the other.
        """
        case = self.runner.stage.case
        is_told = any(isinstance(entry, Trial) for entry in case.log)
        is_clean = is_told and not case.ledger.broken and not case.ledger.has_inconclusive
        is_doubtful = performance.why_alone == DOUBTFUL and item.stash[COMPARABLE]
        if is_doubtful and is_clean and not self._is_closed:
            self.runner.starts_over = True
            self.close()

    def close(self) -> None:
        """End the threads, and have what is left be performed one after the other."""
        with self._changed:
            self._is_closed = True
            self._is_stopped.set()
            self._changed.notify_all()
        self.runner.stage.memory.make = make_now
        deadline = time.monotonic() + LONGEST_GOODBYE
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
