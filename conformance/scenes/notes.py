"""The notes of stories that are performed ahead, and the values that they make once for all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from conformance.evidence.episode import Step
from conformance.scenes.memory import Kind
from strategies.attempt import Attempt


@dataclass(frozen=True)
class Planned:
    """An attempt in the plan."""

    line: bytes


@dataclass(frozen=True)
class Counted:
    """A success of an attempt."""

    attempt: Attempt
    step: Step
    is_new: bool


@dataclass(eq=False)
class Made:
    """A value made once for all tests, by the test `maker`, and what that noted.

    `draws_keys` says that it holds idempotency keys, which are those of its maker.
    """

    value: Any
    maker: str = ""
    events: list[Planned | Counted | Used | UsedUp] = field(default_factory=list)
    draws_keys: bool = False


@dataclass(frozen=True)
class Used:
    """A use of a value that is made once, or again where it is `to_be_read` and was made too early for that."""

    name: tuple[Kind, Hashable]
    made: Made
    to_be_read: bool = False


@dataclass(frozen=True)
class UsedUp:
    """A success that uses up the payment method that requests to be rejected share in a sequential run."""


Event = Planned | Counted | Used | UsedUp


class Commons:
    """The values that stories make once: the first that needs one makes it, and others wait for that."""

    def __init__(self) -> None:
        self._made: dict[Hashable, Made] = {}
        self._in_making: set[Hashable] = set()
        self._changed = threading.Condition()

    def get(self, name: Hashable, make: Callable[[], Made]) -> Made:
        """Return what has this name, made by this thread if by no other."""
        with self._changed:
            self._changed.wait_for(lambda: name not in self._in_making)
            if name in self._made:
                return self._made[name]
            self._in_making.add(name)
        try:
            made = make()
            self.put(name, made)
        finally:
            with self._changed:
                self._in_making.discard(name)
                self._changed.notify_all()
        return made

    def known(self, name: Hashable) -> Made | None:
        """Return what has this name, if it is made."""
        with self._changed:
            return self._made.get(name)

    def put(self, name: Hashable, made: Made) -> None:
        """Keep what was made by that name."""
        with self._changed:
            self._made[name] = made
