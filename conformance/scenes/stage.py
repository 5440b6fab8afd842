"""The target as one run uses it: sends attempts on its objects, and builds episodes of the steps."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from conformance.evidence.episode import Episode, Step
from conformance.fixtures.forms import PAYMENT_METHOD_FORMS, RUN
from conformance.fixtures.objects import Fixtures
from conformance.fixtures.provisioning import OutOfFixtures
from conformance.judge import expectation_name
from conformance.scenes.budgets import Repetitions
from conformance.scenes.case import STILL_SERVING, Case, Killed
from conformance.scenes.memory import Kind, Memory, is_for_full_customer
from conformance.scenes.shared_method import SharedPaymentMethod
from conformance.transport.client import Client
from conformance.verdict.ledger import Ledger
from contracts import Catalogue, Contract
from strategies.attempt import Attempt
from strategies.values import describe

DELETED = "deleted_customer"
"""The name by which an attempt knows a customer that was deleted."""

STEPS_KEPT = 400
"""How many steps are kept, to show what came before a request that ended the target."""


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
        invalid = f"{describe(attempt.invalid.component)}: {attempt.invalid.why}" if attempt.invalid else ""
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


def _bindings_of(steps: Sequence[Step]) -> dict[str, str]:
    """Return the ids that were bound in the latest step that binds any, without the name of the run."""
    bound = next((step.bindings for step in reversed(steps) if step.bindings), {})
    return {name: identifier for name, identifier in bound.items() if name != RUN}
