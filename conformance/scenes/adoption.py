"""The adoption of stories that were performed ahead: each becomes part of the run in its turn."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

from conformance.scenes.ahead import CARDS, LEFT, Performance
from conformance.scenes.engine import Engine
from conformance.scenes.memory import Kind, Wanted
from conformance.scenes.notes import Commons, Counted, Event, Made, Planned, Used, UsedUp
from conformance.scenes.serving import CHECKS_FOR_A_NEW_CONNECTION
from conformance.scenes.stage import Plan


@dataclass(frozen=True)
class _Noted:
    """The plan of a run, whose attempts are noted, too."""

    plan: Plan
    events: list[Event]

    def update(self, line: bytes, /) -> None:
        """Add the line of an attempt to both."""
        self.plan.update(line)
        self.events.append(Planned(line))

    def hexdigest(self) -> str:
        """Return the plan in short."""
        return self.plan.hexdigest()


class Adoption:
    """Makes performances part of a run, in the order of the run."""

    def __init__(self, engine: Engine, commons: Commons) -> None:
        self.engine = engine
        self._commons = commons
        self._committed: dict[tuple[Kind, Hashable], Made] = {}
        engine.stage.memory.make = self._make
        engine.stage.shared.on_use_up = self._count_use_up

    def is_as_in_turn(self, performance: Performance) -> bool:
        """Return whether the test would have been performed alike in its turn."""
        would_make = self._would_make(performance.test, performance.uses())
        return self.knew_the_same(performance) and self._took_the_same(performance) and would_make

    def knew_the_same(self, performance: Performance) -> bool:
        """Return whether all that mattered to a test was known when it was performed as it is known now."""
        known = self.engine.stage.known
        return all((slug in performance.broken) == known.has_finding(slug) for slug in performance.asked)

    def _took_the_same(self, performance: Performance) -> bool:
        """Return whether a test took what it would take in its turn from those before it."""
        memory, before, after = self.engine.stage.memory, performance.before, performance.after
        left = dict(before.left)
        same_cards = [card.id for card in before.cards] == [card.id for card in memory.cards]
        same_left = left.keys() == memory.left.keys() and all(left[name] is memory.left[name] for name in left)
        is_in_step = (before.checks - self.engine.serving.checks) % CHECKS_FOR_A_NEW_CONNECTION == 0
        checks_the_same = is_in_step and list(before.survived) == memory.survived
        has_checked = before.checks != after.checks or before.survived != after.survived
        return (
            (same_cards or CARDS not in performance.touched)
            and (same_left or LEFT not in performance.touched)
            and (checks_the_same or not has_checked)
        )

    def _would_make(self, test: str, uses: Iterable[Used]) -> bool:
        """Return whether the values that a test uses are those of the run, or would be made alike by that test."""
        for used in uses:
            committed = self._committed.get(used.name)
            if committed is not None and committed is not used.made:
                return False
            is_another_ones = committed is None and used.made.maker != test
            if is_another_ones and used.made.draws_keys:
                return False
            inner = (event for event in used.made.events if isinstance(event, Used))
            if committed is None and not self._would_make(test, inner):
                return False
        return True

    def adopt(self, performance: Performance) -> None:
        """Take a performance over as what the running test has found."""
        stage, before, after = self.engine.stage, performance.before, performance.after
        stage.case.log += performance.case.log
        stage.case.ledger = performance.case.ledger
        stage.case.remembered.update(performance.case.remembered)
        self._apply(performance.events)
        stage.sent.update(performance.sent)
        memory = stage.memory
        memory.keys.update(performance.keys)
        if before.survived != after.survived:
            memory.survived[:] = after.survived
        self.engine.serving.checks += after.checks - before.checks
        if CARDS in performance.touched:
            memory.cards[:] = after.cards
        if LEFT in performance.touched:
            memory.left = dict(after.left)
        stage.client.main.sent += performance.requests
        stage.client.main.resends += performance.resends

    def _apply(self, events: Iterable[Event]) -> None:
        stage = self.engine.stage
        for event in events:
            match event:
                case Planned(line):
                    stage.plan.update(line)
                case Counted(attempt, step, is_new):
                    stage.memory.count_success(attempt, step, is_new=is_new)
                case UsedUp():
                    self._count_use_up()
                case Used(name, made, to_be_read):
                    self._commit(name, made, to_be_read=to_be_read)

    def _count_use_up(self) -> None:
        self.engine.stage.memory.used_up += 1

    def _commit(self, name: tuple[Kind, Hashable], made: Made, *, to_be_read: bool = False) -> None:
        """Count what is made for the first time, or again for a test that reads the payment method."""
        memory = self.engine.stage.memory
        kind, called = name
        is_too_old = to_be_read and memory.asked_at.get(called, memory.used_up) != memory.used_up  # type: ignore[call-overload]
        if name in self._committed and not is_too_old:
            return
        self._committed[name] = made
        self._apply(made.events)
        memory.keep(kind, called, made.value)

    def _make(self, wanted: Wanted) -> Any:
        """Make what tests share, for the engine of the run, if no test that was performed ahead has made it."""
        name = (wanted.kind, wanted.name)
        known = self._commons.known(name)
        is_open = known is not None and name not in self._committed and not known.draws_keys
        if known is not None and is_open and wanted.is_good(known.value):
            self._commit(name, known)
            return known.value
        stage, events = self.engine.stage, list[Event]()
        usual, stage.plan = stage.plan, _Noted(stage.plan, events)
        try:
            value = wanted.make()
        finally:
            stage.plan = usual
        if wanted.is_good(value):
            made = Made(value, events=events)
            self._committed[name] = made
            self._commons.put(name, made)
        return value
