"""What the verbs about state have in common: objects in a known state, and reads of other endpoints as steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from conformance.evidence.episode import Episode, Step
from conformance.evidence.exchange import Exchange
from conformance.fixtures.provisioning import Absent
from conformance.judge.reads import times_listed
from conformance.scenes.conductor import Perform
from conformance.scenes.keeping import Keeper
from conformance.verdict.trial import NOT_RUN
from strategies.attempt import Attempt
from strategies.valid import EXPANDED, MINIMAL

PATIENCE = 2.0
"""For how many seconds a state is asked for again off loopback, before it counts as wrong."""
PAUSE = 0.25

DELETED = "deleted_customer"
"""What an attempt calls a customer that was deleted."""

WITHOUT_DETAILS = 0
"""Which payment method of the shelf has no details of its own, that an attach might fill in."""


READ_BEFORE = 3
"""How many payment methods of the shelf are read before they are attached, the one without details among them."""

Seen = TypeVar("Seen")


@dataclass(frozen=True)
class Attached:
    """A payment method that was attached to a customer, and the steps by which that came about."""

    payment_method: str
    customer: str
    steps: tuple[Step, ...]

    @property
    def was_read_back(self) -> bool:
        """Whether it was attached with success, and read afterwards."""
        return self.steps[-1].role == "follow-up"

    def is_attached_by(self, attempt: Attempt | None) -> bool:
        """Whether it was this attempt that attached it."""
        return attempt is not None and any(step.attempt_digest == attempt.digest for step in self.steps)


@dataclass
class Shelf:
    """The payment methods that the first tests of the chapter attach, for all others to use.

    `long_ago` is one that a customer has kept ever since, `let_go` one that was detached from it.
    """

    attached: list[Attached] = field(default_factory=list)
    lists: tuple[Step, ...] = ()
    customers: tuple[str, ...] = ()
    at_hand: list[Attached] = field(default_factory=list)
    long_ago: Attached | None = None
    let_go: Attached | None = None


class Stage(Keeper):
    """Brings payment methods and customers into a state, and looks at what became of them."""

    _shelf: Shelf | None = None
    _state_customers: tuple[str, ...] = ()

    def forget(self, *, verdicts: bool = True) -> None:
        """As everywhere, and the shelf."""
        super().forget(verdicts=verdicts)
        self._shelf, self._state_customers = None, ()

    # Concluding

    def _hold(self, what: Hashable, perform: Perform, *, again: Perform | None = None) -> None:
        """As `_conclude`, where a capability may be absent."""

        def guarded(inner: Perform) -> Perform:
            def performed() -> Episode:
                try:
                    return inner()
                except Absent as absent:
                    return self._staged("absent", (), {}, absent=str(absent))

            return performed

        self._conclude(what, guarded(perform), again=guarded(again) if again else None)

    def _sampled(
        self, sample: tuple[Attempt, ...], steps_anew: Callable[[], list[Step]], *, anew: bool = False
    ) -> list[Step]:
        """The steps that several tests share: taken once, unless an answer was lost or they are to be `anew`."""
        kept = self._samples.get(sample, [])
        if anew or not kept or not all(step.exchange.answered for step in kept):
            kept = self._samples[sample] = steps_anew()
        self._last_bindings = next((step.bindings for step in kept if step.bindings), self._last_bindings)
        return kept

    def _staged(self, expectation: str, steps: Iterable[Step], fixtures: Mapping[str, str], **facts: Any) -> Episode:
        self._last_bindings = fixtures
        return self._episode(expectation, steps, **facts)

    def _is_blocked(self, *causes: str) -> bool:
        """Whether one of these clauses is known to be broken, so that the running test would only repeat it."""
        cause = next(filter(self.known.has_finding, causes), None)
        if cause is not None:
            self.case.note(NOT_RUN, f"see {cause}")
        return cause is not None

    # Objects in a state

    def _customers(self, count: int) -> tuple[str, ...]:
        """Different customers with short lists, the newest last. Raises OutOfFixtures when there are not as many."""
        while len(self._state_customers) < count:
            number = len(self._state_customers)
            if self.fixtures.provision.customers == "given":
                name = ("customer", "other_customer")[number] if number < 2 else f"customer {number + 1}"
                identifier = self.fixtures.customers.named(name)
            else:
                identifier, _ = self.fixtures.customers.create()
            self._state_customers += (identifier,)
        return self._state_customers[:count]

    def _payment_method(self, *, plain: bool = False) -> tuple[str, tuple[Step, ...]]:
        """A new payment method with details of its own, unless it is to be a `plain` one, and the step that made it."""
        identifier, created = self.fixtures.methods.create(plain=plain)
        return identifier, () if created is None else (step_of("set-up", created),)

    def _attach(self, attempt: Attempt, payment_method: str, customer: str, role: str = "subject") -> Step:
        """An attach of a payment method that is not attached, so that its success is one like all others."""
        bindings = {"payment_method": payment_method, "customer": customer}
        if DELETED in attempt.needs:
            bindings[DELETED] = self.fixtures.customers.deleted[-1]
        return self._counted(attempt, self._send(attempt, bindings, role))

    def _attach_too(self, attempt: Attempt, payment_method: str, customer: str) -> Step:
        """An attach whose success may itself be the fault, so that its body is not looked at as a valid one's."""
        return replace(self._send(attempt, {"payment_method": payment_method, "customer": customer}), kind="wire")

    def _someones(self) -> str:
        """A payment method that the first customer has."""
        (customer,) = self._customers(1)
        at_hand = self._shelf.at_hand if self._shelf else ()
        known = next((one.payment_method for one in at_hand if one.customer == customer), "")
        return known or self._attached_to(customer).payment_method

    def _attached_to(self, customer: str, *, oldest: bool = False, by: Attempt | None = None) -> Attached:
        """A payment method of that customer's, which the last of its steps, a control, shows to be so.

        It is the newest at hand, or the `oldest`, which others have followed; attached `by` that attempt, if one is.
        """
        shelf = self._shelf or Shelf()
        at_hand = [one for one in shelf.at_hand if one.customer == customer]
        at_hand.sort(key=lambda one: not one.is_attached_by(by))
        for attached in reversed(at_hand) if oldest else at_hand:
            shelf.at_hand.remove(attached)
            read = self._read(attached.payment_method, "control")
            if shows(customer)(read.exchange):
                before = tuple(replace(step, role="set-up") for step in attached.steps)
                return replace(attached, steps=(*before, read))
        identifier, steps = self._payment_method()
        attach = self._attach(by or MINIMAL, identifier, customer, "set-up")
        steps += (attach,)
        if oldest:
            other, made = self._payment_method()
            steps += (*made, self._attach(MINIMAL, other, customer, "set-up"))
        read = self._read(identifier, "control", shows(customer))
        return Attached(identifier, customer, (*steps, read))

    def _stock(self, *, anew: bool) -> Shelf:
        """The shelf, filled if it is not, or if it is to be filled `anew`."""
        if self._shelf is not None and not anew:
            return self._shelf
        first, second = self._customers(2)
        if self.fixtures.provision.customers == "created":
            self.fixtures.endpoints.list_payment_methods(first)
            self.fixtures.endpoints.list_payment_methods(second)
        size = self.repetitions.shelf if self.fixtures.provision.payment_methods != "given" else 2
        attached = []
        for index in range(size):
            customer = (first, second)[(index // 2 + 1) % 2] if size > 2 else first
            attempt = EXPANDED if index % 2 else MINIMAL
            identifier, steps = self._payment_method(plain=index == WITHOUT_DETAILS)
            if index < READ_BEFORE:
                steps += (self._read(identifier, "control"),)
            steps += (self._attach(attempt, identifier, customer),)
            if steps[-1].exchange.is_success:
                steps += (self._read(identifier, until=shows(customer)),)
            attached.append(Attached(identifier, customer, steps))
        last = attached[-1]
        other = second if last.customer == first else first
        lists = self._lists(last, last.customer, other) if last.was_read_back else ()
        self._shelf = Shelf(attached, lists, (first, second), list(reversed(attached)))
        return self._shelf

    def _deletes(self) -> bool:
        """Whether there is a customer that was deleted, and is so by all that is known; if need be, make one."""
        provision = self.fixtures.provision
        deletes = provision.customers != "given" and "delete" not in provision.absent
        if self.known.has_finding("state.deleted-customer") or not deletes:
            return False
        if not self.fixtures.customers.deleted:
            self.fixtures.customers.delete(self.fixtures.customers.create()[0])
        return bool(self.fixtures.customers.deleted)

    # Looking

    def _read(self, identifier: str, role: str = "follow-up", until: Callable[[Exchange], bool] | None = None) -> Step:
        """A retrieval of the payment method; off loopback again and again `until` it holds, for a while."""

        def read() -> Exchange:
            exchange = self.fixtures.endpoints.read_payment_method(identifier)
            if exchange is None:
                raise Absent("the target does not retrieve payment methods")
            return exchange

        return step_of(role, self._patient(read, until))

    def _lists(
        self, attached: Attached, *customers: str, present: bool = True, of_the_type_of: str = ""
    ) -> tuple[Step, ...]:
        """The lists of these customers; none where the target has no endpoint for them, or they are known to be wrong.

        `present` says whether the list of its own customer is to hold the payment method. The lists are those of its
        type, or of that of another payment method.
        """
        if self.known.has_finding("state.listed") and self.case.clause != "state.listed":
            return ()
        steps = []
        kind = self.fixtures.endpoints.type_of(attached.payment_method or of_the_type_of)
        for customer in customers:
            wanted = int(present and customer == attached.customer)

            def holds(answer: Exchange, wanted: int = wanted) -> bool:
                entries = answer.object.get("data")
                ids = [entry.get("id") for entry in entries if isinstance(entry, dict)] if entries else []
                return not attached.payment_method or ids.count(attached.payment_method) == wanted

            def ask(customer: str = customer) -> Exchange:
                answer = self.fixtures.endpoints.list_payment_methods(customer, kind)
                if answer is None:
                    raise Absent("the target does not list a customer's payment methods")
                return answer

            try:
                steps.append(step_of("follow-up", self._patient(ask, holds)))
            except Absent:
                return ()
        return tuple(steps)

    def _other_list(self, attached: Attached) -> tuple[Step, ...]:
        """The list of its customer by the endpoint that is not in use, where the target has that, too."""

        def holds(answer: Exchange | None) -> bool:
            return answer is None or bool(times_listed(answer, attached.payment_method))

        def ask() -> Exchange | None:
            kind = self.fixtures.endpoints.type_of(attached.payment_method)
            return self.fixtures.endpoints.list_by_other_endpoint(attached.customer, kind)

        answer = self._patient(ask, holds)
        return () if answer is None else (step_of("follow-up", answer),)

    def _patient(self, ask: Callable[[], Seen], until: Callable[[Seen], bool] | None) -> Seen:
        exchange = ask()
        deadline = time.monotonic() + PATIENCE
        while until and not self.client.address.is_loopback and not until(exchange) and time.monotonic() < deadline:
            time.sleep(PAUSE)
            exchange = ask()
        return exchange


def shows(customer: str | None) -> Callable[[Exchange], bool]:
    """Whether a retrieval shows this customer."""
    return lambda exchange: exchange.is_success and exchange.object.get("customer") == customer


def step_of(role: str, exchange: Exchange) -> Step:
    """A request to another endpoint as a step."""
    return Step(role, exchange, f"{exchange.request.method} {exchange.request.target}")
