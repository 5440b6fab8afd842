"""A story performed ahead of its turn, while others are performed, on a stage of its own.

Nothing that is performed ahead fails a clause. What a sequential run would look at twice ends such a story, and leaves
it to the engine of the run, which performs it alone. So a performance holds only what a sequential run would have seen.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from conformance.evidence.episode import Judgement, Outcome, Step
from conformance.evidence.exchange import Exchange
from conformance.evidence.failure import LiveAccount
from conformance.fixtures.objects import Fixtures
from conformance.scenes.card import Card
from conformance.scenes.case import Case
from conformance.scenes.engine import Engine
from conformance.scenes.memory import Memory, Wanted
from conformance.scenes.notes import Commons, Counted, Event, Made, Planned, Used, UsedUp
from conformance.scenes.shared_method import OwnSlot, SharedPaymentMethod
from conformance.scenes.stage import Stage
from conformance.transport.client import is_put_off
from conformance.transport.lanes import Lane
from conformance.verdict.ledger import Ledger
from strategies.attempt import Attempt

DOUBTFUL, UNANSWERED, OUT_OF_TURN, PUT_OFF, STOPPED = (
    "it fails, or decides nothing",
    "a request got no answer",
    "it takes what another test hands on",
    "the target limits the rate",
    "the run ends",
)
"""The reasons why a story is left to the engine of the run."""

CARDS, LEFT, REPEATED = "cards", "left", "repeated"
"""What a test may take from those before it, by the names of a memory's members."""

DOUBTS = frozenset({Outcome.FAIL, Outcome.INCONCLUSIVE})
"""The outcomes for which a story is performed again."""


class Hears(Protocol):
    """Hears of what happens to one performer and concerns all."""

    def note_trouble(self) -> None:
        """Note that a request got no answer, or was put off again and again."""

    def note_throttled(self) -> None:
        """Note that a request was rate-limited."""

    def note_live(self, why: str) -> None:
        """Note that this is a live account, to which nothing more may be sent."""


class LeftAlone(BaseException):
    """The end of a story that must be performed alone; no handler of errors may take it for one of them."""


@dataclass(frozen=True)
class Handed:
    """The things that a test takes from those before it: cards, what they left by a name, and what they survived.

    `checks` is how often it was checked whether the target still serves.
    """

    cards: tuple[Card, ...] = ()
    left: tuple[tuple[Any, Any], ...] = ()
    survived: tuple[Attempt, ...] = ()
    checks: int = 0


@dataclass(frozen=True)
class Performance:
    """A test as it was performed ahead, from `before` to `after`.

    `touched` says which of CARDS and LEFT it looked at or changed. `asked` holds the clauses of which it mattered
    whether they are known to be broken, and `broken` those that were. `why_alone` says why it must be performed alone;
    it is empty if it need not.
    """

    test: str
    before: Handed
    after: Handed
    case: Case
    events: tuple[Event, ...]
    sent: dict[str, Attempt]
    keys: dict[str, int]
    touched: frozenset[str]
    asked: frozenset[str]
    broken: frozenset[str]
    requests: int = 0
    resends: int = 0
    why_alone: str = ""

    def uses(self) -> Iterator[Used]:
        """Yield the uses of values that are made once."""
        return (event for event in self.events if isinstance(event, Used))


class _Known(Ledger):
    """The ledger of the run as it was when the story began; it notes which clauses were asked for."""

    def __init__(self, known: Ledger) -> None:
        super().__init__()
        self.entries = dict(known.entries)
        self.asked: set[str] = set()

    def has_finding(self, slug: str) -> bool:
        """Return whether the clause is known to be broken."""
        self.asked.add(slug)
        return super().has_finding(slug)


class _Cards(list[Card]):
    """Attached cards; `on_touch` is called when a test looks at them or changes them."""

    def __init__(self, cards: Iterable[Card], on_touch: Callable[[], object]) -> None:
        super().__init__(cards)
        self.on_touch = on_touch

    def __iter__(self) -> Iterator[Card]:
        self.on_touch()
        return super().__iter__()

    def __setitem__(self, place: Any, value: Any) -> None:
        self.on_touch()
        super().__setitem__(place, value)


class _Things(dict[Any, Any]):
    """Things that tests have left by a name, or count; `on_touch` is called when a test looks at it or changes it."""

    def __init__(self, things: Iterable[tuple[Any, Any]], on_touch: Callable[[], object]) -> None:
        super().__init__(things)
        self.on_touch = on_touch

    def __setitem__(self, name: Any, value: Any) -> None:
        self.on_touch()
        super().__setitem__(name, value)

    def get(self, name: Any, default: Any = None) -> Any:
        """Return what has this name."""
        self.on_touch()
        return super().get(name, default)

    def pop(self, name: Any, default: Any = None) -> Any:
        """Take what has this name."""
        self.on_touch()
        return super().pop(name, default)

    def setdefault(self, name: Any, default: Any = None) -> Any:
        """Return what has this name, from now on the default if nothing has."""
        self.on_touch()
        return super().setdefault(name, default)


# How it is performed


class Notes:
    """The notes of a story while it is performed; what it makes once for all is noted apart from the rest.

    `hears` is called where something happens that concerns all performers, `pause` for every pause.
    """

    def __init__(
        self,
        test: str,
        commons: Commons,
        hears: Hears,
        pause: Callable[[float], object],
    ) -> None:
        self.test = test
        self.why_alone = ""
        self.lane = Lane(check=self._check_exchange, sleep=self._sleep)
        self._commons = commons
        self._hears = hears
        self._pause = pause
        self._frames: list[list[Event]] = [[]]
        self.keys: dict[str, int] | None = None

    @property
    def events(self) -> tuple[Event, ...]:
        """All that was noted."""
        return tuple(self._frames[0])

    def update(self, line: bytes, /) -> None:
        """Note an attempt of the plan."""
        self._frames[-1].append(Planned(line))

    def hexdigest(self) -> str:
        """Return nothing: a part of a plan has no hash."""
        return ""

    def count_success(self, attempt: Attempt, step: Step, is_new: bool) -> None:
        """Note a success."""
        self._frames[-1].append(Counted(attempt, step, is_new))

    def note_used_up(self) -> None:
        """Note that the shared payment method would be used up."""
        self._frames[-1].append(UsedUp())

    def make(self, memory: Memory, wanted: Wanted) -> Any:
        """Return what is made once, and note that it is used."""

        def make_here() -> Made:
            drawn = memory.keys.total()
            self._frames.append([])
            try:
                value = wanted.make()
            finally:
                events = self._frames.pop()
            if not wanted.is_good(value):
                self.leave(DOUBTFUL)
            return Made(value, self.test, events, draws_keys=memory.keys.total() > drawn)

        name = (wanted.kind, wanted.name)
        made = self._commons.get(name, make_here)
        if not wanted.is_good(made.value):  # it was when it was made: the payment method has been used up since
            made.value = make_here().value
        self._frames[-1].append(Used(name, made, wanted.to_be_read))
        return made.value

    def leave(self, why: str) -> NoReturn:
        """End the story: it is performed alone."""
        self.why_alone = self.why_alone or why
        raise LeftAlone(self.why_alone)

    def _check_exchange(self, exchange: Exchange) -> None:
        if exchange.status is None:
            self._hears.note_trouble()
            self.leave(UNANSWERED)
        if exchange.retries:
            self._hears.note_throttled()
        if is_put_off(exchange):
            self.leave(PUT_OFF)

    def _sleep(self, seconds: float) -> None:
        if self.why_alone:
            raise LeftAlone(self.why_alone)
        self._pause(seconds)


class _OfThread(threading.local):
    """The payment method that the tests of a thread share."""

    def __init__(self, fixtures: Fixtures) -> None:
        self.shared = SharedPaymentMethod(fixtures, OwnSlot())


class Ahead:
    """Tells stories ahead for the engine of a run, each on a stage of its own with the run's objects."""

    def __init__(self, engine: Engine, commons: Commons, hears: Hears) -> None:
        self.engine = engine
        self.commons = commons
        self._hears = hears
        self._local = _OfThread(engine.stage.fixtures)

    def notes_for(self, test: str, pause: Callable[[float], object]) -> Notes:
        """Return empty notes for a test."""
        return Notes(test, self.commons, self._hears, pause)

    def perform(
        self,
        notes: Notes,
        clause: str,
        name: str,
        run: str,
        before: Handed,
        tell: Callable[[Engine], object],
        *,
        hands_on: bool,
    ) -> Performance:
        """Tell the stories of a test with `tell`; one that `hands_on` may take cards and what others have left.

        `run` is the name that makes its idempotency keys its own.
        """
        main = self.engine.stage
        stage = Stage(main.client, main.fixtures, main.contract, main.catalogue, main.repetitions)
        known = _Known(main.known)
        stage.known, stage.plan, stage.shared, stage.run = known, notes, self._local.shared, run
        stage.shared.on_use_up = notes.note_used_up
        stage.unanswered = set(main.unanswered)
        memory = stage.memory
        memory.customers = main.memory.customers
        memory.make = lambda wanted: notes.make(memory, wanted)
        memory.note_success = notes.count_success
        touched: set[str] = set()

        def touch(what: str) -> None:
            if not hands_on or what == REPEATED:
                notes.leave(OUT_OF_TURN)
            touched.add(what)

        memory.repeated = _Things((), lambda: touch(REPEATED))
        memory.cards = _Cards(before.cards, lambda: touch(CARDS))
        memory.left = _Things(before.left, lambda: touch(LEFT))
        memory.survived = list(before.survived)
        broken = known.broken

        def check(judgement: Judgement) -> None:
            known.asked.update(judgement.broken)
            if judgement.outcome in DOUBTS or not judgement.broken <= broken:
                notes.leave(DOUBTFUL)

        engine = Engine(stage, left_out=self.engine.left_out, check=check)
        engine.serving.checks = before.checks
        engine.begin(clause, name)
        case = stage.case
        try:
            tell(engine)
            engine.check_still_serving()
        except LeftAlone as why:
            notes.why_alone = notes.why_alone or str(why)
        except LiveAccount as live:
            self._hears.note_live(str(live))
            notes.why_alone = notes.why_alone or STOPPED
        except Exception:  # performed alone, it comes again, and is reported there
            notes.why_alone = notes.why_alone or DOUBTFUL
        if case.is_left or not case.ledger.broken <= broken or case.ledger.has_inconclusive:
            notes.why_alone = notes.why_alone or DOUBTFUL
        known.asked.update(case.ledger.broken)
        performed = frozenset(touched)
        handed_on = tuple(memory.cards) if CARDS in performed else before.cards
        after = Handed(handed_on, tuple(memory.left.items()), tuple(memory.survived), engine.serving.checks)
        return Performance(
            notes.test,
            before,
            after,
            case,
            notes.events,
            stage.sent,
            dict(memory.keys),
            performed,
            frozenset(known.asked),
            broken,
            notes.lane.sent,
            notes.lane.resends,
            notes.why_alone,
        )
