"""Verbs about what was created, attached or let go long ago, asked when the run has done all the rest."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from conformance.evidence.episode import Episode, Step
from conformance.fixtures.forms import PAYMENT_METHOD_FORMS
from conformance.fixtures.provisioning import Absent
from conformance.scenes.staging import Attached, Stage, shows, step_of
from strategies.valid import MINIMAL

MORE_THAN_A_SECOND = 1.1


class LaterVerbs(Stage):
    """What a test asks at the end of a run.

    What a broken clause would show here, too, is not asked: nothing is told twice.
    """

    def _knows(self, *broken: str) -> bool:
        return any(map(self.known.has_finding, broken))

    def lists_it_still(self) -> None:
        """What was attached to a customer long ago is on its list, whatever has been attached since."""
        if self._knows("state.same-customer-again", "state.model", "state.only-this-one"):
            return
        kept: list[Attached] = []

        def perform() -> Episode:
            customer, other = self._customers(2)
            long_ago = self._shelf.long_ago if self._shelf else None
            kept[:] = kept or [long_ago or self._attached_to(customer, oldest=True)]
            (oldest,) = kept
            steps = [replace(step, role="subject") if step.exchange.is_to_operation else step for step in oldest.steps]
            lists = self._lists(oldest, customer)
            if not lists:
                raise Absent("the target does not list a customer's payment methods")
            fixtures = {"payment_method": oldest.payment_method, "customer": customer, "other_customer": other}
            return self._staged("listed", (*steps, *lists), fixtures)

        self._hold("listed still", perform)

    def changes_nothing_of_what_is_old(self) -> None:
        """What was created when the run began, and is attached more than a second later, shows the earlier time still.

        How old payment methods are that were given is not known.
        """

        if self.fixtures.provision.payment_methods not in PAYMENT_METHOD_FORMS:
            return

        def performed(method: str, made: Sequence[Step] = ()) -> Episode:
            (customer,) = self._customers(1)
            before = self._read(method, "control")
            attach = self._attach(MINIMAL, method, customer)
            after = self._read(method, until=shows(customer))
            fixtures = {"payment_method": method, "customer": customer}
            return self._staged("same_object", (*made, before, attach, after), fixtures)

        def perform() -> Episode:
            old = self.fixtures.provision.probed_payment_method
            return performed(old) if old else once_more()

        def once_more() -> Episode:
            method, made = self._payment_method()
            time.sleep(MORE_THAN_A_SECOND)
            return performed(method, made)

        self._hold("what is old", perform, again=once_more)

    def lets_go_of_what_was_attached_twice(self) -> None:
        """After one detach a payment method that was attached to its customer again has no customer."""
        if self._knows("state.same-customer-again"):
            return

        def perform() -> Episode:
            (customer,) = self._customers(1)
            attached = (self._shelf.long_ago if self._shelf else None) or self._attached_to(customer)
            if self._shelf:
                self._shelf.long_ago = None
            again = replace(self._attach_too(MINIMAL, attached.payment_method, customer), role="set-up")
            detach = step_of("subject", self.fixtures.endpoints.detach(attached.payment_method))
            after = [self._read(attached.payment_method, until=shows(None))] if detach.exchange.is_success else []
            fixtures = {"payment_method": attached.payment_method, "customer": customer}
            return self._staged("detached", (*attached.steps, again, detach, *after), fixtures)

        self._hold("attached twice", perform)

    def lists_no_more(self) -> None:
        """What a customer was let go of long ago has not come back to its list, whatever has been attached since."""
        if self._knows("state.model"):
            return
        long_ago = self._shelf.let_go if self._shelf else None

        def perform() -> Episode:
            let_go = long_ago or self._let_go_now()
            fixtures = {"payment_method": let_go.payment_method, "customer": let_go.customer}
            if not let_go.steps[-1].exchange.is_success:
                return self._staged("detached", let_go.steps, fixtures)
            lists = self._lists(let_go, let_go.customer, present=False)
            if not lists:
                raise Absent("the target does not list a customer's payment methods")
            return self._staged("detached", (*let_go.steps, *lists), fixtures)

        self._hold("let go", perform)

    def _let_go_now(self) -> Attached:
        """A payment method that its customer lets go of and then gets another one, where no test has done so before."""
        (customer,) = self._customers(1)
        attached = self._attached_to(customer)
        detach = step_of("subject", self.fixtures.endpoints.detach(attached.payment_method))
        if not detach.exchange.is_success:
            return replace(attached, steps=(*attached.steps, detach))
        other = self._attached_to(customer)
        later = tuple(replace(step, role="set-up") for step in other.steps)
        return replace(attached, steps=(*attached.steps, detach, *later))
