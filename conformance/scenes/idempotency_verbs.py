"""Verbs about idempotency keys, and the fixtures that they share with the other verbs of the profile."""

from __future__ import annotations

import contextlib
import random
import string
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from conformance.evidence.episode import Episode, Step
from conformance.evidence.exchange import Exchange
from conformance.fixtures.endpoints import created_id
from conformance.fixtures.forms import RUN
from conformance.fixtures.provisioning import OutOfFixtures
from conformance.judge.preparation import listed
from conformance.scenes.staging import Stage, step_of
from conformance.verdict.trial import LACKING, NOT_APPLICABLE
from contracts.contract import FORM_MEDIA_TYPE
from strategies import credentials
from strategies.attempt import Attempt, Request
from strategies.stripe import IDEMPOTENCY_KEY, LONGEST_KEY, with_header
from strategies.values import Joined, Known, Text, describe, joined, render, swapped

STRANGERS = (credentials.WITHOUT_KEY, credentials.unknown_keys()[0])
"""Requests of those who have no API key of the account."""

AT_ONCE = 2
PAYMENT_REQUIRED = 402
LETTERS = string.ascii_letters + string.digits


class IdempotencyVerbs(Stage):
    """What a test of the chapter `idempotency` asks of its target."""

    def replays(self, attempt: Attempt) -> None:
        """The attempt, sent again with its key on another connection, gets its first answer."""

        def performed(first: Step, again: Step, *_: Step) -> Episode:
            return self._episode("replayed", [first, again], of="a success")

        sample, steps_anew = self._again_with_its_key(attempt)
        self._conclude(
            attempt,
            lambda: performed(*self._sampled(sample, steps_anew)),
            again=lambda: performed(*steps_anew()),
            also=(("header.request-id", "identified"),),
        )

    def locks_out_of_replays(self, attempt: Attempt, stranger: Attempt) -> None:
        """The `stranger`, one of STRANGERS, is answered 401 with the key of the attempt, and gets no stored answer."""

        def performed(first: Step, _: Step, *strangers: Step) -> Episode:
            own = [step for step in strangers if step.exchange.request.credentials == stranger.credentials]
            return self._episode("locked_out", [replace(first, role="set-up"), *own])

        sample, steps_anew = self._again_with_its_key(attempt)
        self._conclude(
            ("replay", stranger),
            lambda: performed(*self._sampled(sample, steps_anew)),
            again=lambda: performed(*steps_anew()),
        )

    def _again_with_its_key(self, attempt: Attempt) -> tuple[tuple[Attempt, ...], Callable[[], list[Step]]]:
        """A sample of the attempt, the same again with its key, and the same from each of STRANGERS; how to take it."""

        def steps_anew() -> list[Step]:
            key = self._key()
            keyed = self._keyed(attempt, key)
            first = self._fresh(keyed, role="control")
            bindings = self._last_bindings
            again = self._send(keyed.but(kind="wire"), bindings, new_connection=True)
            return [first, again, *(self._send(self._keyed(one, key), bindings) for one in STRANGERS)]

        return (attempt, attempt.but(label="again with its key")), steps_anew

    def replays_after_a_change(self, attempt: Attempt) -> None:
        """The attempt, sent again once the payment method was detached, and in another order, gets its first answer."""
        if self._is_without_state():
            return
        in_other_order = attempt.but(
            kind="wire", pairs=tuple(reversed(attempt.pairs or ())), label="with its parameters in another order"
        )

        def perform() -> Episode:
            key = self._key()
            first = self._fresh(self._keyed(attempt, key), role="control")
            changed: list[Step] = []
            if "detach" not in self.fixtures.provision.absent:
                detached = self._detached(self._last_bindings["payment_method"])
                changed = [] if detached.exchange.is_refusal else [detached]
            again = self._send(self._keyed(in_other_order, key), self._last_bindings)
            return self._episode("replayed", [first, *changed, again], of="a success")

        self._conclude(("after a change", attempt), perform)

    def replays_card(self, attempt: Attempt, of: str) -> None:
        """The attempt, on a shared token, gets its first answer again, and is not executed a second time.

        `of` is what the first answer is: `a success` or `a decline`.
        """
        if self._is_without_state():
            return

        self._conclude_sampled(*self._twice_with_a_key(attempt, of), "replayed", of=of)

    def _twice_with_a_key(self, attempt: Attempt, of: str) -> tuple[tuple[Attempt, ...], Callable[[], list[Step]]]:
        """A sample of the attempt on a shared token, the same again, and reads of what came of it; how to take it.

        `of` is what the first answer is: `a success`, which alone gets a customer of its own, or `a decline`.
        """

        def steps_anew() -> list[Step]:
            own = self._own_customer() if of == "a success" else None
            keyed = self._keyed(attempt, self._key())
            named = {"customer": own} if own else {}
            first = self._send_on(keyed, attempt.path_id, role="control", **named)
            again = self._send(keyed.but(kind="wire"), self._last_bindings, new_connection=True)
            steps = [first, again]
            if own:
                steps += [*self._list(own, until=lambda answer: bool(listed(answer))), *self._read_back(first)]
            return steps

        return (attempt, attempt.but(label=f"again with its key, after {of}")), steps_anew

    def tells_keys_apart(self, first: Attempt, again: Attempt, mismatch: Attempt) -> None:
        """The longest keys that differ only at the end, in case or by a hyphen are two, and the first of them is kept.

        It is kept whatever comes with other keys, after a `mismatch` with itself, and after it has been used.
        """

        def perform() -> Episode:
            beginning = self._key(LONGEST_KEY - 1)
            run, rest = beginning.parts
            key = joined(beginning, "a")
            control = self._fresh(self._keyed(first, key), role="control")
            others = [joined(beginning, "b"), swapped(key), joined(run, str(rest).removeprefix("-"), "a")]
            steps = [self._send(self._keyed(again, other), self._last_bindings) for other in others]
            if not self.known.has_finding(self.case.clause):
                same = self._keyed(first.but(kind="wire"), key)
                steps += [self._send(same, self._last_bindings, role="follow-up") for _ in range(2)]
                steps.append(self._send(self._keyed(mismatch, key), self._last_bindings, role="set-up"))
                steps.append(self._send(same, self._last_bindings, role="follow-up"))
            return self._episode("not_replayed", [control, *steps])

        self._conclude((first, again), perform)

    def refuses_used_key(self, first: Attempt, *others: Attempt) -> None:
        """After `first`, its key is refused with other parameters, as the clause wants."""

        def perform() -> Episode:
            key = self._key()
            steps = [self._fresh(self._keyed(first, key), role="set-up")]
            customer = self._last_bindings["customer"]
            bindings = {**self._last_bindings, "other_customer": self.fixtures.customers.named("other_customer")}
            steps += [self._send(self._keyed(other, key), bindings) for other in others]
            follow_up = self._read_back(steps[-1])
            return self._episode("refused_as_told", [*steps, *follow_up], attached_before=customer)

        self._conclude((first, *others), perform)

    def refuses_used_key_of_decline(self, token: Attempt, for_another: Attempt) -> None:
        """After a stored decline of `token`, its key is refused with another customer, as the clause wants."""
        if self._is_without_state():
            return

        def perform() -> Episode:
            key = self._key()
            declined = self._send_on(self._keyed(token, key), token.path_id, role="control")
            if declined.exchange.status != PAYMENT_REQUIRED:
                raise OutOfFixtures(f"{describe(token.path_id)} is not declined")
            other = self._send_on(self._keyed(for_another, key), token.path_id)
            return self._episode("refused_as_told", [declined, other])

        try:
            first = perform()
        except OutOfFixtures as missing:
            self._does_not_apply(str(missing))
            return
        self._conclude_from(first, ("decline", token, for_another), perform)

    def executes_no_mismatch(self, expanded: Attempt, token: Attempt, for_another: Attempt) -> None:
        """The key of `token` with another customer is refused as the clause wants, and that customer gets nothing.

        Where `expanded` succeeds its key is used instead, and `token` is refused too: it lacks a parameter.
        """
        if self._is_without_state():
            return

        def perform() -> Episode:
            own, key = self._own_customer(), self._key()
            if own is None:
                raise OutOfFixtures("no customer of its own can be made")
            steps = [self._send_on(self._keyed(expanded, key), token.path_id, role="set-up")]
            if steps[0].exchange.is_success:
                steps.append(self._send_on(self._keyed(token.but(kind="wire"), key), token.path_id))
            else:
                key = self._key()
                steps = [self._send_on(self._keyed(token, key), token.path_id, role="set-up")]
            steps.append(self._send_on(self._keyed(for_another, key), token.path_id, other_customer=own))
            return self._episode("refused_as_told", [*steps, *self._list(own)])

        self._conclude((token, for_another), perform)

    def keeps_key_to_path(self, first: Attempt, second: Attempt, expectation: str) -> None:
        """The key of `first`, sent with `second` on another payment method, is answered as `expectation` says."""

        def steps_anew() -> list[Step]:
            key = self._key()
            set_up = self._fresh(self._keyed(first, key), role="set-up")
            subject = self._fresh(self._keyed(second.but(kind="wire"), key))
            reads = self._read_back(subject) if subject.exchange.is_success else ()
            return [set_up, subject, *reads]

        self._conclude_sampled((first, second.but(label="with the key of another path")), steps_anew, expectation)

    def keeps_key_to_endpoint(self, attempt: Attempt) -> None:
        """The key of a customer's creation, sent with the attempt, does not bring that customer as the answer."""

        def perform() -> Episode:
            key = self._key()
            created = self._created_with(key)
            if not created.exchange.is_success:
                return self._episode("not_answered_for_another", [created])
            keyed, customer = self._keyed(attempt.but(kind="wire"), key), str(created.exchange.object.get("id"))
            subject = self._send_on(keyed, self.fixtures.methods.new(), customer=customer)
            return self._episode("not_answered_for_another", [created, subject])

        if self.fixtures.provision.customers == "created":
            self._conclude(("another endpoint", attempt), perform)

    def _created_with(self, key: Text) -> Step:
        """Return the creation of a customer with an idempotency key; it is removed when the run ends."""
        headers = (("Content-Type", FORM_MEDIA_TYPE), (IDEMPOTENCY_KEY, render(key, {RUN: self.fixtures.run})))
        exchange = self.client.send(Request("POST", "/v1/customers", headers, b""))
        if identifier := created_id(exchange):
            self.fixtures.inventory.made.append(("customer", identifier))
        return Step("set-up", exchange, "POST /v1/customers with the key")

    def forgets_key_of(self, refused: Attempt, good: Attempt) -> None:
        """The key of a request that validation refuses serves the good request afterwards."""

        def perform() -> Episode:
            key = self._key()
            first = self._shared(self._keyed(refused, key), role="control")
            if not first.exchange.is_refusal:
                return self._episode("usable_again", [first])
            method = self._unattached_payment_method()
            self._unattached = None
            return self._episode("usable_again", [first, self._send_on(self._keyed(good, key), method)])

        self._conclude((refused, good), perform)

    def executes_once(self, token: Attempt, ordinary: Attempt) -> None:
        """Of simultaneous requests with one key one is executed: on a shared token where the target has it."""

        def perform() -> Episode:
            own = None if self.fixtures.provision.stateless else self._own_customer()
            if own is not None:
                steps = self._simultaneously(token, render(token.path_id, {}), own)
                if any(step.exchange.is_success for step in steps):
                    return self._episode("executed_once", [*steps, *self._list(own)])
            method = self.fixtures.methods.new()
            return self._episode(
                "executed_once", self._simultaneously(ordinary, method, own or self.fixtures.customers.named())
            )

        self._conclude((token, ordinary), perform)

    def refuses_key(self, attempt: Attempt, length: int) -> None:
        """The attempt with a key of `length` characters is refused as the clause wants."""

        def perform() -> Episode:
            return self._episode("refused_as_told", [self._shared(self._keyed(attempt, self._key(length)))])

        self._conclude((attempt, length), perform)

    # What they are made of

    @contextlib.contextmanager
    def _as_far_as_fixtures_go(self) -> Iterator[None]:
        """Where fixtures run out, the running test's clause is not run."""
        try:
            yield
        except OutOfFixtures as missing:
            self.case.note(LACKING, str(missing))

    def _conclude_sampled(
        self, sample: tuple[Attempt, ...], steps_anew: Callable[[], list[Step]], expectation: str, **facts: str
    ) -> None:
        """Conclude from steps that several tests share; only a confirmation takes them anew."""
        self._conclude(
            sample,
            lambda: self._episode(expectation, self._sampled(sample, steps_anew), **facts),
            again=lambda: self._episode(expectation, steps_anew(), **facts),
        )

    def _conclude_from(self, first: Episode, what: Hashable, perform: Callable[[], Episode]) -> None:
        """Conclude from an episode that has been looked at already."""
        performed = [first]
        self._conclude(what, lambda: performed.pop() if performed else perform(), again=perform)

    def _simultaneously(self, attempt: Attempt, method: str, customer: str) -> list[Step]:
        keyed = self._keyed(attempt.but(kind="wire"), self._key())
        start = threading.Barrier(AT_ONCE)
        self._last_bindings = {"customer": customer, "payment_method": method}
        bindings = dict(self._last_bindings)

        def send(_: int) -> Step:
            start.wait()
            return self._send(keyed, bindings, new_connection=True)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(send, range(AT_ONCE)))

    def _key(self, length: int = 40) -> Joined:
        """A key of `length` characters that no other run has, and that this test draws again in any run."""
        test = f"{self.case.clause} {self.case.test}"
        self._keys[test] += 1
        draw = random.Random(f"{test} {self._keys[test]}")
        count = length - len(self.fixtures.run) - 1
        return joined(Known(RUN), "-" + "".join(draw.choice(LETTERS) for _ in range(count)))

    @staticmethod
    def _keyed(attempt: Attempt, key: Text) -> Attempt:
        return with_header(attempt, IDEMPOTENCY_KEY, key)

    def _detached(self, method: str) -> Step:
        """The detachment of a payment method."""
        exchange = self.fixtures.endpoints.detach(method)
        return Step("set-up", exchange, f"POST {exchange.request.target}")

    def _send_on(self, attempt: Attempt, method: Text, *, role: str = "subject", **named: str) -> Step:
        """Send on this payment method, with `named` ids for fixtures instead of the run's own."""
        bindings: dict[str, str] = {"payment_method": render(method, {}), **named}
        for name in sorted(attempt.needs - set(bindings)):
            bindings[name] = self.fixtures.customers.named(name)
        self._last_bindings = bindings
        return self._send(attempt, bindings, role)

    def _own_customer(self) -> str | None:
        """A new customer that nothing has been attached to; None where none can be created."""
        if self.fixtures.provision.customers != "created":
            return None
        try:
            return self.fixtures.customers.create(plain=True)[0]
        except OutOfFixtures:
            return None

    def _list(
        self, customer: str, until: Callable[[Exchange], bool] | None = None, *, holding: str = ""
    ) -> Sequence[Step]:
        """The customer's payment methods of the type of the one that it may hold, a card by default.

        Off loopback they are asked for `until` that holds.
        """
        kind = self.fixtures.endpoints.type_of(holding)
        first = self.fixtures.endpoints.list_payment_methods(customer, kind)
        if first is None:
            return ()
        answers = [first]

        def ask() -> Exchange:
            return answers.pop() if answers else self.client.send(first.request)

        exchange = self._patient(ask, until)
        if not exchange.is_success or not isinstance(exchange.object.get("data"), list):
            return ()
        return (step_of("follow-up", exchange),)

    def _is_without_state(self) -> bool:
        """Whether the target keeps no state, so that the running test does not apply."""
        if self.fixtures.provision.stateless:
            self._does_not_apply("the target keeps no state")
        return self.fixtures.provision.stateless

    def _does_not_apply(self, reason: str) -> None:
        self.case.note(NOT_APPLICABLE, reason)
