"""The answers and objects that the tests of a run share, so that none is asked for twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from conformance.evidence.episode import Step
from conformance.evidence.exchange import Exchange
from conformance.scenes.card import Card
from strategies.attempt import Attempt

HAS_TOO_MANY = "customer_max_payment_methods"
"""Stripe's code of the rejection by which a customer takes no more payment methods; how many it takes is not known."""


class Kind(Enum):
    """A kind of what tests share: a success, an answer on the shared payment method, or what a test calls by a name."""

    SUCCESS = "success"
    ANSWER = "answer"
    NAMED = "named"


Good = Callable[[Any], bool]
"""Whether what is kept will do."""


@dataclass(frozen=True)
class Wanted:
    """A thing that tests share: how it is made, and whether what was made will do.

    Where it is `to_be_read`, one that was made before the shared payment method was used up will not.
    """

    kind: Kind
    name: Hashable
    make: Callable[[], Any]
    is_good: Good
    to_be_read: bool = False


def make_now(wanted: Wanted) -> Any:
    """Make what several tests share, where one test follows the other."""
    return wanted.make()


@dataclass
class Memory:
    """Answers and objects that the tests of a run share, so that none is asked for twice.

    - `successes`, `answers`: the first step of each attempt, on a payment method of its own and on the shared one.
    - `repeated`: every success of an attempt, with whether its connection was new.
    - `shared`: what `Scene.shared` made, by its name; `customers`: those of the state tests.
    - `cards`: attached ones that tests have left for others; `left`: what they have left by a name.
    - `keys`: how many idempotency keys each test has drawn.
    - `survived`: the odd attempts after which no valid request has been sent.
    - `spares`: the ids of payment methods for the valid requests that check whether the target still serves.
    - `used_up`: how often tests performed ahead have used up a shared payment method; `asked_at`: how often they had
      when each of the `answers` was asked for.
    - `make`: makes what is not kept, or gets it from another performer; `note_success`: takes the place of `repeated`.
    """

    successes: dict[Attempt, Step] = field(default_factory=dict)
    answers: dict[Attempt, Step] = field(default_factory=dict)
    repeated: dict[Attempt, list[tuple[bool, Step]]] = field(default_factory=dict)
    shared: dict[Any, Any] = field(default_factory=dict)
    left: dict[Any, Any] = field(default_factory=dict)
    customers: list[str] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)
    keys: Counter[str] = field(default_factory=Counter)
    survived: list[Attempt] = field(default_factory=list)
    spares: list[str] = field(default_factory=list)
    asked_at: dict[Attempt, int] = field(default_factory=dict)
    used_up: int = 0
    make: Callable[[Wanted], Any] = make_now
    note_success: Callable[[Attempt, Step, bool], object] | None = None

    def of_kind(self, kind: Kind) -> dict[Any, Any]:
        """Return what is kept of this kind, by its names."""
        return {Kind.SUCCESS: self.successes, Kind.ANSWER: self.answers, Kind.NAMED: self.shared}[kind]

    def once(
        self,
        kind: Kind,
        name: Hashable,
        make: Callable[[], Any],
        *,
        is_kept: Good,
        is_whole: Good = lambda kept: True,
        to_be_read: bool = False,
    ) -> Any:
        """Return what is kept by that name, if it `is_whole`; else make it, and keep it if that `is_kept`."""

        def is_good(value: Any) -> bool:
            return is_kept(value) and is_whole(value) and not _was_sent_to_full_customer(value)

        kept = self.of_kind(kind)
        if name in kept and is_whole(kept[name]):
            return kept[name]
        made = self.make(Wanted(kind, name, make, is_good, to_be_read))
        if is_kept(made) and not _was_sent_to_full_customer(made):
            self.keep(kind, name, made)
        return made

    def keep(self, kind: Kind, name: Any, made: Any) -> None:
        """Keep what was made by that name."""
        self.of_kind(kind)[name] = made
        if kind is Kind.ANSWER:
            self.asked_at[name] = self.used_up

    def count_success(self, attempt: Attempt, step: Step, *, is_new: bool) -> None:
        """Count a success of an attempt, on a new connection or on a kept one."""
        if self.note_success is not None:
            self.note_success(attempt, step, is_new)
        else:
            self.repeated.setdefault(attempt, []).append((is_new, step))

    def forget_objects(self) -> None:
        """Forget what depends on objects that may be gone."""
        for kept in (self.successes, self.answers, self.repeated, self.left, self.spares):
            kept.clear()
        self.forget_customers()

    def forget_customers(self) -> None:
        """Forget the customers of the state tests, and what was made of them."""
        self.shared.clear()
        self.customers.clear()
        self.cards.clear()

    @contextmanager
    def with_new_customers(self) -> Iterator[None]:
        """Have tests make customers and cards of their own for as long as the block lasts."""
        usual, self.customers, self.cards = self.customers, [], []
        try:
            yield
        finally:
            self.customers, self.cards = usual, []


def is_for_full_customer(exchange: Exchange) -> bool:
    """Return whether a request was rejected because the customer takes no more payment methods."""
    return exchange.is_refusal and exchange.error.get("code") == HAS_TOO_MANY


def _was_sent_to_full_customer(made: Any) -> bool:
    """Return whether what was made has a step that was rejected because the customer takes no more payment methods."""
    steps = made if isinstance(made, list | tuple) else (made,)
    return any(isinstance(step, Step) and is_for_full_customer(step.exchange) for step in steps)
