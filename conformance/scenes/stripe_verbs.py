"""Verbs about Stripe's own answers: codes, keys, headers, test cards."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from conformance.evidence.episode import Episode, Step
from conformance.fixtures.forms import DECLINING_FORMS, UNHEARD_OF_FORMS
from conformance.fixtures.provisioning import OutOfFixtures
from conformance.scenes.idempotency_verbs import IdempotencyVerbs
from conformance.scenes.staging import step_of
from strategies import credentials
from strategies.attempt import Attempt
from strategies.stripe import AnswersOfAllKinds
from strategies.valid import MINIMAL

NO_DETACHING = "the target has no endpoint to detach"
NO_DELETING = "the target deletes no customers"
NO_DECLINING_CARD = "the target makes no payment method from a card that declines"
NO_DEFAULT = "no default payment method can be set for a customer here"

DECLINED = "stripe.card-declined"
"""The clause whose payment methods are made from what declines."""

UNHEARD_OF_TOKEN = "pm_card_conformanceUnheardOf"


class StripeVerbs(IdempotencyVerbs):
    """What a test of the profile `stripe` asks of its target."""

    # Refusals

    def refuses_as_told(self, attempt: Attempt) -> None:
        """The attempt is refused as the running test's clause wants."""
        self._conclude(
            attempt,
            lambda: self._episode("refused_as_told", [self._asked(attempt)]),
            again=lambda: self._episode("refused_as_told", [self._shared(attempt)]),
        )

    def refuses_deleted_customer(self, attempt: Attempt) -> None:
        """The attempt, which names a customer that has been deleted, is refused as the clause wants."""
        if self._is_without_state():
            return
        deletes = "delete" not in self.fixtures.provision.absent
        if deletes and not self.fixtures.customers.deleted and (own := self._own_customer()) is not None:
            self.fixtures.customers.delete(own)
        if not self.fixtures.customers.deleted:
            self._does_not_apply(NO_DELETING)
            return
        identifier = self.fixtures.customers.deleted[-1]

        def perform() -> Episode:
            method = self._unattached_payment_method()
            steps = [self._send_on(attempt, method, deleted_customer=identifier)]
            with contextlib.suppress(OutOfFixtures):
                set_up, used_up = self._one_detached()
                if used_up:
                    steps += [*set_up, self._send_on(attempt, used_up, deleted_customer=identifier)]
            return self._episode("refused_as_told", steps)

        self._conclude(attempt, perform)

    def _one_detached(self) -> tuple[tuple[Step, ...], str]:
        """A payment method that was detached, and the steps before; the empty id where the target detaches none."""
        if self._shelf and self._shelf.let_go:
            return (), self._shelf.let_go.payment_method
        steps = self._detached_too(MINIMAL)
        done = all(step.exchange.is_success for step in steps)
        return (steps, self._last_bindings["payment_method"]) if done else ((), "")

    def refuses_another_customer(self, first: Attempt, other: Attempt) -> None:
        """After `first`, attaching the same payment method to another customer is refused as the clause wants."""
        if self._is_without_state():
            return

        def perform() -> Episode:
            steps = [self._fresh(first, role="set-up")]
            bindings = {**self._last_bindings, "other_customer": self.fixtures.customers.named("other_customer")}
            return self._episode("refused_as_told", [*steps, *(self._send(other, bindings) for _ in range(2))])

        self._conclude((first, other), perform)

    def takes_again(self, first: Attempt, again: Attempt) -> None:
        """After `first`, the same attach of the same payment method succeeds."""
        if self._is_without_state():
            return

        def perform() -> Episode:
            steps = [self._fresh(first, role="set-up")]
            again_and_again = [self._send(again, self._last_bindings) for _ in range(2)]
            return self._episode("accepted_again", [*steps, *again_and_again])

        self._conclude((first, again), perform)

    def keeps_detached(self, first: Attempt, again: Attempt) -> None:
        """After `first` and a detachment, attaching again, to another customer and to the same, is refused as told."""
        if self._is_without_state():
            return

        def steps_anew() -> list[Step]:
            attached, detached = self._detached_too(first)
            method = self._last_bindings["payment_method"]
            if not detached.exchange.is_success:
                return [attached, detached]
            later = self._detached_too(first)
            self._last_bindings = {**self._last_bindings, "payment_method": method}
            others = {**self._last_bindings, "customer": self.fixtures.customers.named("other_customer")}
            retried = [self._send(again, others), self._send(again, self._last_bindings)]
            return [attached, detached, *later, *retried, *self._read_back(retried[-1])]

        if "detach" in self.fixtures.provision.absent:
            self._does_not_apply(NO_DETACHING)
            return
        sample = (first, again.but(label="after a detachment"))
        with self._as_far_as_fixtures_go():
            attached, detached, *_ = self._sampled(sample, steps_anew)
            if attached.exchange.is_success and detached.exchange.is_refusal:
                self._does_not_apply(NO_DETACHING)
            else:
                self._conclude_sampled(sample, steps_anew, "refused_as_told")

    def _detached_too(self, first: Attempt) -> tuple[Step, Step]:
        """`first` on a new payment method, and its detachment."""
        attached = self._fresh(first, role="set-up")
        return attached, self._detached(self._last_bindings["payment_method"])

    # Test cards

    def declines_token(self, attempt: Attempt) -> None:
        """The attempt, on a shared token that declines, is refused as the clause wants, and attaches nothing."""
        if self._is_without_state():
            return

        def perform() -> Episode:
            own = self._own_customer()
            step = self._send_on(attempt, attempt.path_id, **({"customer": own} if own else {}))
            return self._episode("refused_as_told", [step, *(self._list(own) if own else ())])

        with self._as_far_as_fixtures_go():
            first = perform()
            unknown = first.subject.status == 404 or first.subject.error.get("code") == "resource_missing"
            if first.subject.is_success:
                unknown = self._send_on(attempt.but(path_id=UNHEARD_OF_TOKEN), UNHEARD_OF_TOKEN).exchange.is_success
            if unknown:
                self._does_not_apply("the target knows no shared token that declines")
            else:
                self._conclude_from(first, attempt, perform)

    def declines_card(self, attempt: Attempt) -> None:
        """The attempt, on a payment method made from a declining card, is refused as the clause wants."""
        if self._is_without_state():
            return
        way = self.fixtures.provision.payment_methods

        def perform() -> Episode:
            made = self.fixtures.methods.create_from_card(DECLINING_FORMS.get(way))
            if made is None:
                raise OutOfFixtures(NO_DECLINING_CARD)
            steps = [self._send_on(attempt, made) for _ in range(2)]
            return self._episode("refused_as_told", [*steps, *self._read_back(steps[-1])])

        try:
            first = perform()
        except OutOfFixtures as missing:
            self._does_not_apply(str(missing))
            return
        if first.subject.is_success and self.fixtures.methods.create_from_card(UNHEARD_OF_FORMS.get(way)) is not None:
            self._does_not_apply(NO_DECLINING_CARD)
        else:
            self._conclude_from(first, attempt, perform)

    def clones(self, *attempts: Attempt) -> None:
        """The attempts, on a shared token, succeed, each with a new payment method."""
        if not self._is_without_state():
            self._conclude(
                attempts,
                lambda: self._episode("cloned", [self._send_on(attempt, attempt.path_id) for attempt in attempts]),
            )

    def keeps_clone(self, attempt: Attempt) -> None:
        """The payment method that the attempt, on a shared token, has made is on the list of its customer."""
        if not (self._is_without_state() or self._is_blocked("state.listed")):
            self._conclude_sampled(*self._twice_with_a_key(attempt, "a success"), "cloned_and_listed")

    def expands_default_payment_method(self, first: Attempt, expanded: Attempt) -> None:
        """With a default payment method set for its customer, the expanded attempt shows it as an object."""
        if self._is_without_state():
            return
        with self._as_far_as_fixtures_go():
            own, method = self._own_customer(), self.fixtures.methods.new()
            if own is None:
                self._does_not_apply(NO_DEFAULT)
                return
            attached = self._send_on(first, method, role="set-up", customer=own)
            changed = self.fixtures.customers.set_default(own, method)
            settings = changed.object.get("invoice_settings") if changed else None
            kept = isinstance(settings, dict) and settings.get("default_payment_method") == method
            is_lost = changed is not None and not changed.answered
            if changed is None or (attached.exchange.is_success and not kept and not is_lost):
                self._does_not_apply(NO_DEFAULT)
                return

            def perform() -> Episode:
                fresh = self.fixtures.methods.new()
                step = self._send_on(expanded, fresh, customer=own, default_payment_method=method)
                return self._episode("nested", [attached, step_of("set-up", changed), step])

            self._conclude(expanded, perform)

    # Keys and methods

    def locks_out(self, *attempts: Attempt) -> None:
        """The attempts, none of which holds a valid key, are answered 401 and attach nothing.

        The connection has shown the key before: it is not to be remembered.
        """

        def performed(send: Callable[[Attempt], Step]) -> Episode:
            self._ordinary_unknown_id()
            self._make_sure_it_is_unattached()
            steps = [send(attempt) for attempt in attempts]
            return self._episode("locked_out", [*steps, *self._read_back(steps[-1])])

        once = partial(self._asked, to_be_read=True)
        self._conclude(attempts, lambda: performed(once), again=lambda: performed(self._shared))

    def asks_for_key_first(self, *attempts: Attempt) -> None:
        """Without a valid key the attempts, in which something else is wrong too, are answered 401."""

        def perform() -> Episode:
            bare = [credentials.unauthenticated(each, credentials.NO_KEY, "no key") for each in attempts]
            steps = [self._shared(attempt) for attempt in bare]
            if not self.known.has_finding("auth.unknown-key"):
                steps.append(replace(self._asked(credentials.unknown_keys()[0]), role="control"))
                worse = credentials.unauthenticated(attempts[0], credentials.unknown_key(0), "an unknown key")
                steps.append(self._shared(worse))
            return self._episode("key_first", steps)

        self._conclude(attempts, perform)

    def challenges(self, *attempts: Attempt) -> None:
        """The 401 to each of the attempts says by which scheme to authenticate."""
        self._conclude(
            attempts,
            lambda: self._episode("challenged", [self._asked(each) for each in attempts]),
            again=lambda: self._episode("challenged", [self._shared(each) for each in attempts]),
        )

    def takes_key_by(self, *attempts: Attempt) -> None:
        """The attempts, each with the key in another scheme, succeed."""
        self._conclude(attempts, lambda: self._episode("either_scheme", [self._fresh(each) for each in attempts]))

    # Headers

    def identifies_answers(self, kinds: AnswersOfAllKinds) -> None:
        """Answers of all kinds carry request ids of their own."""
        self._concludes_headers("identified", kinds)

    def names_version(self, kinds: AnswersOfAllKinds, *ill_formed: Attempt) -> None:
        """Answers of all kinds name the version that was asked for, and an ill-formed one is refused."""
        self._concludes_headers("versioned", kinds)
        self._conclude(
            ill_formed,
            lambda: self._episode("versioned", [self._asked(attempt) for attempt in ill_formed]),
            again=lambda: self._episode("versioned", [self._shared(attempt) for attempt in ill_formed]),
        )

    def forbids_caching(self, kinds: AnswersOfAllKinds) -> None:
        """Answers of all kinds may not be cached."""
        self._concludes_headers("uncached", kinds)

    def _concludes_headers(self, expectation: str, kinds: AnswersOfAllKinds) -> None:
        """The headers of all answers are as expected; the tests of headers share them."""

        def steps_anew() -> list[Step]:
            key = self._key()
            steps = [self._fresh(self._keyed(kinds.first, key))]
            on = self._last_bindings
            for attempt in (kinds.first.but(kind="wire"), kinds.mismatch):
                steps.append(self._send(self._keyed(attempt, key), on))
            with contextlib.suppress(OutOfFixtures):
                other = self.fixtures.customers.named("other_customer")
                steps.append(self._send(kinds.taken, {**on, "other_customer": other}))
            steps += [self._shared(attempt) for attempt in kinds.refused]
            return [*steps, self._send_on(kinds.declined, kinds.declined.path_id)]

        self._conclude_sampled((kinds.first, *kinds.refused), steps_anew, expectation)
