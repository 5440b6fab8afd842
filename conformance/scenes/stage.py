"""The target as one run uses it: sends attempts on its objects, and remembers the answers that tests share."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial
from typing import Any, Protocol

from conformance.evidence.episode import Episode, Step
from conformance.evidence.exchange import Exchange
from conformance.fixtures.forms import PAYMENT_METHOD_FORMS, RUN
from conformance.fixtures.objects import Fixtures
from conformance.fixtures.provisioning import OutOfFixtures
from conformance.judge import expectation_name
from conformance.scenes.budgets import Repetitions
from conformance.scenes.case import STILL_SERVING, Case, Killed
from conformance.transport.client import Client
from conformance.verdict.ledger import Ledger
from contracts import Catalogue, Contract
from strategies.attempt import Attempt

USES_BETWEEN_READS = 25
"""After how many uses the shared payment method is read, to see whether it is still unattached."""

DELETED = "deleted_customer"
"""The name by which an attempt knows a customer that was deleted."""

HAS_TOO_MANY = "customer_max_payment_methods"
"""Stripe's code of the rejection by which a customer takes no more payment methods; how many it takes is not known."""

STEPS_KEPT = 400
"""How many steps are kept, to show what came before a request that ended the target."""


@dataclass(frozen=True)
class Card:
    """A payment method of the target, and the steps that brought it into its state.

    `customer` is the one that has it, or had it; empty for none.
    """

    id: str
    customer: str = ""
    steps: tuple[Step, ...] = ()

    @property
    def set_up(self) -> list[Step]:
        """The steps in the role `set-up`."""
        return as_role("set-up", *self.steps)

    @property
    def was_read_back(self) -> bool:
        """True where it was attached with success, and read afterwards."""
        return bool(self.steps) and self.steps[-1].role == "follow-up"

    def then(self, *steps: Step, customer: str = "") -> Card:
        """Return the card after more steps."""
        return replace(self, steps=(*self.steps, *steps), customer=customer or self.customer)


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
        for kept in (self.successes, self.answers, self.repeated, self.left):
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


class HoldsShared(Protocol):
    """A holder of the id of the payment method that requests share."""

    shared: str | None


@dataclass
class OwnSlot:
    """The payment method that the tests of one performer share."""

    shared: str | None = None


class SharedPaymentMethod:
    """The unattached payment method that requests to be rejected share, until one of them uses it up.

    Its id stands in the `slot`, by default that of the run. `on_use_up` is called where it is used up.
    """

    def __init__(self, fixtures: Fixtures, slot: HoldsShared | None = None) -> None:
        self.on_use_up: Callable[[], object] = lambda: None
        self._fixtures = fixtures
        self._slot = slot or fixtures.methods
        self._uses = 0

    @property
    def present(self) -> str | None:
        """The id of the present one; None where the next one is still to be made."""
        return self._slot.shared

    def take(self) -> str:
        """Return its id; it is read at intervals that still pin the request that attached it."""
        if self._uses >= USES_BETWEEN_READS:
            self.check()
        if self._slot.shared is None:
            self._slot.shared, self._uses = self._fixtures.methods.take_reserved(), 0
        self._uses += 1
        return self._slot.shared

    def use_up(self) -> None:
        """Take another one the next time: this one may be attached."""
        self._slot.shared = None
        self.on_use_up()

    def check(self) -> None:
        """Read it, and use it up if an earlier request has attached it."""
        present = self._slot.shared
        read = self._fixtures.endpoints.read_payment_method(present) if present and self._uses else None
        self._uses = 0
        if read is not None and read.is_success and read.object.get("customer") is not None:
            self.use_up()

    def note_read(self, identifier: str, read: Exchange) -> None:
        """Note that a retrieval showed a payment method to be unattached."""
        if identifier == self._slot.shared and read.object.get("customer", "") is None:
            self._uses = 0


class Plan(Protocol):
    """The plan of a run, to which every attempt is added in order, such as a hash."""

    def update(self, line: bytes, /) -> None:
        """Add the line of an attempt."""

    def hexdigest(self) -> str:
        """Return the plan in short."""


class Stage:
    """Sends attempts on the objects of one run, and builds episodes of the steps.

    `known` is what the run has concluded so far, `case` the running test. `sent` holds every attempt by its digest, and
    `plan` is the hash of all of them in order. `unanswered` holds the digests of those that are never answered in time.
    `run` is the name that makes idempotency keys those of this run, `renewals` how often its objects were forgotten.
    `has_full_customer` says that a customer took no more payment methods, and has not been replaced since.
    """

    def __init__(
        self, client: Client, fixtures: Fixtures, contract: Contract, catalogue: Catalogue, repetitions: Repetitions
    ) -> None:
        self.client = client
        self.fixtures = fixtures
        self.contract = contract
        self.catalogue = catalogue
        self.repetitions = repetitions
        self.known = Ledger()
        self.case = Case("")
        self.memory = Memory()
        self.plan: Plan = hashlib.sha256()
        self.run = fixtures.run
        self.renewals = 0
        self.sent: dict[str, Attempt] = {}
        self.unanswered: set[str] = set()
        self.has_full_customer = False
        self.steps: deque[Step] = deque(maxlen=STEPS_KEPT)
        self.shared = SharedPaymentMethod(fixtures)

    # Sending

    def plan_to_send(self, attempt: Attempt) -> None:
        """Add an attempt to the plan."""
        self.plan.update(f"{attempt}\n".encode())

    def send(
        self,
        attempt: Attempt,
        bindings: Mapping[str, str],
        *,
        role: str = "subject",
        new_connection: bool = False,
        is_planned: bool = False,
    ) -> Step:
        """Send an attempt with these ids bound in it; one that `is_planned` is in the plan already."""
        if attempt.digest in self.unanswered:
            raise Killed("", STILL_SERVING)
        if not is_planned:
            self.plan_to_send(attempt)
        self.sent[attempt.digest] = attempt
        if has_key_of_run(attempt):
            bindings = {RUN: self.run, **bindings}
        exchange = self.fixtures.endpoints.note_type(
            self.client.send(attempt.bind(bindings), new_connection=new_connection)
        )
        invalid = f"{attempt.invalid.component}: {attempt.invalid.why}" if attempt.invalid else ""
        step = Step(role, exchange, str(attempt), invalid, attempt.kind, attempt.digest, dict(bindings))
        self.steps.append(step)
        self.has_full_customer |= is_for_full_customer(exchange)
        return step

    def bind(
        self, attempt: Attempt, payment_method: Callable[[], str], named: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """Return an id for each fixture that the attempt needs: the `named` ones, and else those of the run."""
        bindings = dict(named or {})
        names = sorted(name for name in attempt.needs - set(bindings) if name.endswith("customer"))
        bindings.update((name, self.id_for(name)) for name in names)
        if "payment_method" in attempt.needs and "payment_method" not in bindings:
            bindings["payment_method"] = payment_method()
        return bindings

    def id_for(self, name: str) -> str:
        """Return the id of the customer that an attempt calls by this name."""
        if name == DELETED and self.fixtures.customers.deleted:
            return self.fixtures.customers.deleted[-1]
        return self.fixtures.customers.named(name)

    def send_fresh(
        self, attempt: Attempt, *, role: str = "subject", new_connection: bool = False, plain: bool = False
    ) -> Step:
        """Send on a payment method that nothing has been done to; a `plain` one has no details of its own."""
        make = partial(self.fixtures.methods.new, plain=plain)
        step = self.send(attempt, self.bind(attempt, make), role=role, new_connection=new_connection)
        is_sent_again = not has_key_of_run(attempt)  # else the story begins again, with another key
        if is_sent_again and self.replaces_full_customers():
            step = self.send(attempt, self.bind(attempt, make), role=role, new_connection=new_connection)
        if step.exchange.is_refusal and {"customer", "payment_method"} <= step.bindings.keys():
            self.fixtures.methods.take_back(step.bindings["payment_method"], step.bindings["customer"])
        return self.count_success(attempt, step, new_connection=new_connection)

    def send_shared(
        self,
        attempt: Attempt,
        *,
        role: str = "subject",
        new_connection: bool = False,
        rejected: bool = False,
        named: Mapping[str, str] | None = None,
    ) -> Step:
        """Send on the unattached payment method that requests to be rejected share, until an answer uses it up.

        The last given one is only for invalid attempts and others that are to be `rejected`.
        """
        if attempt.kind != "invalid" and not rejected and self.fixtures.methods.is_down_to_the_last():
            raise OutOfFixtures(
                "only one payment method is left, and it is kept for negative tests: pass more with --payment-method"
            )
        bindings = self.bind(attempt, self.shared.take, named or {})
        step = self.send(attempt, bindings, role=role, new_connection=new_connection)
        if not step.exchange.is_refusal:
            self.shared.use_up()
        return step

    def count_success(self, attempt: Attempt, step: Step, *, new_connection: bool = False) -> Step:
        """Return the step, counted among the successes of its attempt if it is one."""
        if step.exchange.is_success:
            self.memory.count_success(attempt, step, is_new=new_connection)
        return step

    def sample_success(self, attempt: Attempt) -> Step:
        """Return the answer to a valid attempt, asked once in a run if it succeeds."""
        step: Step = self.memory.once(
            Kind.SUCCESS, attempt, lambda: self.send_fresh(attempt), is_kept=lambda made: bool(made.exchange.is_success)
        )
        return step

    def sample_answer(self, attempt: Attempt, *, to_be_read: bool = False) -> Step:
        """Return the answer to an attempt on the shared payment method, asked once in a run.

        An attempt that is `to_be_read` is asked on the present one, so that reading it shows what came of this.
        """

        def is_answered(made: Step) -> bool:
            return made.exchange.is_success or made.exchange.is_refusal

        def is_present(kept: Step) -> bool:
            used = kept.bindings.get("payment_method")
            is_as_asked = self.memory.asked_at.get(attempt, self.memory.used_up) == self.memory.used_up
            return not to_be_read or used is None or (used == self.shared.present and is_as_asked)

        step: Step = self.memory.once(
            Kind.ANSWER,
            attempt,
            lambda: self.send_shared(attempt),
            is_kept=is_answered,
            is_whole=is_present,
            to_be_read=to_be_read,
        )
        return step

    # Episodes

    def episode(
        self,
        expectation: Callable[..., Any],
        steps: Sequence[Step],
        *,
        clause: str = "",
        fixtures: Mapping[str, str] | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> Episode:
        """Return the episode of these steps, with all that its judge must know of the run."""
        is_stateless = self.fixtures.provision.stateless
        known: dict[str, Any] = {"stateless": is_stateless, "test_key": self.client.key.is_test_key}
        if self.case.explores:
            known["explores"] = True
        if not self.client.address.is_loopback:
            known["remote"] = True
        if self.fixtures.provision.payment_methods in PAYMENT_METHOD_FORMS:
            known["created_as"] = "card"
        return Episode(
            clause or self.case.clause,
            expectation_name(expectation),
            tuple(steps),
            dict(_bindings_of(steps) if fixtures is None else fixtures),
            {**(facts or {}), **known},
        )

    def replaces_full_customers(self) -> bool:
        """Have customers be new ones if one took no more payment methods; return whether that was needed.

        Raises OutOfFixtures where customers are given.
        """
        if not self.has_full_customer:
            return False
        self.has_full_customer = False
        if not self.fixtures.provision.creates_customers:
            raise OutOfFixtures("a given customer takes no more payment methods; pass others with --customer")
        self.fixtures.customers.forget_names()
        self.memory.forget_customers()
        return True

    def forget_objects(self) -> None:
        """Make new objects from now on, and ask again what was asked: those that were made may be gone."""
        self.renewals += 1
        self.memory.forget_objects()
        self.fixtures.forget_objects()
        self.shared.use_up()


def has_key_of_run(attempt: Attempt) -> bool:
    """Return whether an attempt has an idempotency key, which the name of the run makes its own."""
    return any(not isinstance(value, str) for _, value in attempt.headers)


def is_for_full_customer(exchange: Exchange) -> bool:
    """Return whether a request was rejected because the customer takes no more payment methods."""
    return exchange.is_refusal and exchange.error.get("code") == HAS_TOO_MANY


def _was_sent_to_full_customer(made: Any) -> bool:
    """Return whether what was made has a step that was rejected because the customer takes no more payment methods."""
    steps = made if isinstance(made, list | tuple) else (made,)
    return any(isinstance(step, Step) and is_for_full_customer(step.exchange) for step in steps)


def step_of(role: str, exchange: Exchange) -> Step:
    """Return a request to another endpoint as a step."""
    return Step(role, exchange, f"{exchange.request.method} {exchange.request.target}")


def as_role(role: str, *steps: Step) -> list[Step]:
    """Return the steps in another role."""
    return [replace(step, role=role) for step in steps]


def _bindings_of(steps: Sequence[Step]) -> dict[str, str]:
    """Return the ids that were bound in the latest step that binds any, without the name of the run."""
    bound = next((step.bindings for step in reversed(steps) if step.bindings), {})
    return {name: identifier for name, identifier in bound.items() if name != RUN}
