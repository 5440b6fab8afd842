"""Verbs about state: what attaching means, seen through the other endpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from conformance.evidence.episode import Episode, Step
from conformance.fixtures.provisioning import Absent, OutOfFixtures
from conformance.judge.reads import times_listed
from conformance.scenes.conductor import Attempts
from conformance.scenes.later_verbs import LaterVerbs
from conformance.scenes.races import RaceVerbs
from conformance.scenes.sequence_verbs import SequenceVerbs
from conformance.scenes.staging import DELETED, Attached, Shelf, shows, step_of
from strategies.attempt import Attempt
from strategies.invalid import missing_customer
from strategies.refusals import ATTACHED, NO_CUSTOMER, NO_CUSTOMER_ID, near_misses
from strategies.valid import EXPANDED, MINIMAL

LIKELY = (missing_customer()[0], NO_CUSTOMER)
"""Which refusals are suspected first where a later success is refused."""

REFUSALS_BETWEEN_READS = 8
"""After how many refusals it is looked whether they have changed something."""


class StateVerbs(RaceVerbs, SequenceVerbs, LaterVerbs):
    """What a test of the profile `stateful` asks of its target."""

    def keeps_what_it_attached(self) -> None:
        """Retrieving what was attached shows the customer, as many times in a row as the budget says."""
        self._of_the_shelf("persisted")

    def changes_nothing_but_the_customer(self) -> None:
        """Retrievals before and after, and the answer between them, agree in all but `customer`."""
        self._of_the_shelf("same_object")

    def lists_it_once(self) -> None:
        """The customer's list holds the payment method once, and an earlier one; that of a newer customer does not."""
        first = True

        def perform() -> Episode:
            nonlocal first
            shelf = self._stock(anew=not first)
            first = False
            last = shelf.attached[-1]
            if last.was_read_back and not shelf.lists:
                raise Absent("the target does not list a customer's payment methods")
            (other,) = (customer for customer in shelf.customers if customer != last.customer)
            fixtures = {"payment_method": last.payment_method, "customer": last.customer, "other_customer": other}
            steps = (*last.steps, *shelf.lists, *(self._other_list(last) if shelf.lists else ()))
            if earlier := self._attached_and_not_listed(shelf):
                fixtures["earlier"] = earlier.payment_method
                steps = (*(replace(step, role="set-up") for step in earlier.steps), *steps)
            return self._staged("listed", steps, fixtures)

        self._hold("listed", perform)

    def _attached_and_not_listed(self, shelf: Shelf) -> Attached | None:
        """What was attached to the customer of the last one before it, and is, as reading shows, but on no list."""
        last, kind_of = shelf.attached[-1], self.fixtures.endpoints.type_of
        listed = last.customer, kind_of(last.payment_method)
        for one in reversed(shelf.attached[:-1]):
            if (one.customer, kind_of(one.payment_method)) == listed and one.was_read_back:
                if any(times_listed(step.exchange, one.payment_method) for step in shelf.lists):
                    return None
                read = self._read(one.payment_method)
                return replace(one, steps=(*one.steps, read)) if shows(one.customer)(read.exchange) else None
        return None

    def changes_nothing_when_it_refuses(self, attempts: Sequence[Attempt]) -> None:
        """After all of these refusals one payment method is as it was; if not, the guilty request is singled out."""
        guilty = tuple(attempts)

        def perform() -> Episode:
            nonlocal guilty
            deletes = self._deletes()
            possible = tuple(attempt for attempt in attempts if deletes or DELETED not in attempt.needs)
            guilty, episode = self._guilty(*self._refused_one_after_another(possible))
            return episode

        self._hold(
            tuple(attempts), perform, again=lambda: self._refused_one_after_another(guilty, every=len(guilty))[1]
        )

    def leaves_attached_when_it_refuses(self, attempts: Attempts) -> None:
        """What was attached after a refusal is so, and after all of these is as it was; else the guilty one is told."""
        if self._is_blocked("state.persisted"):
            return
        guilty = attempts

        def performed(*some: Attempt) -> Episode:
            (customer,) = self._customers(1)
            method, set_up = self._payment_method()
            before = replace(self._attach_too(NO_CUSTOMER, method, customer), role="set-up")
            if before.exchange.is_success:
                method, set_up = self._payment_method()
            attached = self._attach(MINIMAL, method, customer, "set-up")
            control = self._read(method, "control", shows(customer))
            subjects = [self._attach_too(attempt, method, customer) for attempt in some]
            refused = tuple(one for one, step in zip(some, subjects, strict=True) if not step.exchange.is_success)
            if len(refused) < len(some):
                return performed(*refused)
            after = self._read(method, until=shows(customer))
            fixtures = {"payment_method": method, "customer": customer}
            refusal = () if before.exchange.is_success else (before,)
            steps = (*set_up, *refusal, attached, control, *subjects, after)
            return self._staged("nothing_changed", steps, fixtures)

        def perform() -> Episode:
            nonlocal guilty
            guilty, episode = self._singled_out(performed(*attempts), attempts, attempts, performed)
            return episode

        self._hold(("attached", attempts), perform, again=lambda: performed(*guilty))

    def touches_nothing_else(self) -> None:
        """An attach leaves all other payment methods and customers as they were."""
        if self._is_blocked("state.persisted"):
            return

        def perform() -> Episode:
            customer, other = self._customers(2)
            earlier, others = self._attached_to(customer), self._attached_to(other)
            defaults = (
                self.fixtures.customers.set_default(customer, earlier.payment_method),
                self.fixtures.customers.set_default(other, others.payment_method),
            )
            set_up = [*earlier.steps[:-1], *others.steps[:-1]]
            set_up += [step_of("set-up", exchange) for exchange in defaults if exchange is not None]
            unattached, made = self._payment_method()
            subject, made_too = self._payment_method(plain=True)
            methods = {
                earlier.payment_method: "an earlier payment method of the customer",
                others.payment_method: "another customer's payment method",
                unattached: "another, unattached payment method",
            }
            customers = {customer: "the customer", other: "another customer"}
            before = [self._read(method, "control") for method in methods]
            before += [step_of("control", self.fixtures.endpoints.read_customer(one)) for one in customers]
            attach = self._attach(MINIMAL, subject, customer)
            after = [self._read(method) for method in methods]
            after += [step_of("follow-up", self.fixtures.endpoints.read_customer(one)) for one in customers]
            names = [*methods.values(), *customers.values()]
            called = {step.exchange.request.target: name for step, name in zip(before, names, strict=True)}
            fixtures = {"payment_method": subject, "customer": customer, "other_customer": other}
            steps = (*set_up, *made, *made_too, *before, attach, *after)
            return self._staged("only_this_one", steps, fixtures, called=called)

        self._hold("only this one", perform)

    def stays_attached(self, again: Attempt) -> None:
        """Attached to the same customer again, the payment method stays attached, and is listed once."""
        self._hold_again(again, "attached_again")

    def changes_nothing_again(self, again: Attempt) -> None:
        """Attached to the same customer again, the payment method reads as before in every field."""
        if not self._knows("state.same-customer-again", "expand.inlined"):
            self._hold_again(again, "same_object")

    def _hold_again(self, again: Attempt, expectation: str) -> None:
        """An episode of attaching to the same customer again, of which both tests of it judge the same steps."""

        def steps_anew() -> list[Step]:
            (customer,) = self._customers(1)
            attached = self._attached_to(customer, oldest=True)
            subject = self._attach_too(again, attached.payment_method, customer)
            after = self._read(attached.payment_method, until=shows(customer))
            lists = self._lists(attached, customer)
            if self._shelf:
                self._shelf.long_ago = attached
            return [*attached.steps, subject, after, *lists]

        def performed(*, anew: bool = False) -> Episode:
            steps = self._sampled((again.but(label="to the customer that has it"),), steps_anew, anew=anew)
            (subject,) = (step for step in steps if step.role == "subject")
            return self._staged(expectation, steps, subject.bindings)

        self._hold(("again", again), performed, again=lambda: performed(anew=True))

    def stays_with_the_first(self, attempt: Attempt) -> None:
        """The payment method of one customer is refused to another, and stays where it is."""

        def perform() -> Episode:
            first, second = self._customers(2)
            attached = self._attached_to(first, by=attempt)
            subjects = [self._attach_too(attempt, attached.payment_method, second) for _ in range(2)]
            after = self._read(attached.payment_method, until=shows(first))
            looked_at = [second]
            if attempt == MINIMAL and not self._knows("state.same-customer-again", "state.only-this-one"):
                looked_at.append(first)
            lists = self._lists(attached, *looked_at)
            fixtures = {"payment_method": attached.payment_method, "customer": first, "other_customer": second}
            return self._staged("stays_with_first", (*attached.steps, *subjects, after, *lists), fixtures)

        self._hold(attempt, perform)

    def refuses_unknown(self, attempt: Attempt) -> None:
        """An id that names nothing, or only resembles a known one, is refused."""

        def asked() -> Episode:
            self._customers(1)  # where nobody is, what stands for somebody else stands for nobody
            step = self._asked(attempt)
            return self._staged("refused", [step], dict(self._last_bindings))

        def perform() -> Episode:
            ids = {"customer": self._customers(1)[0], "payment_method": self._unattached_payment_method()}
            if ATTACHED in attempt.needs:
                ids[ATTACHED] = self._someones()
            step = self._send(attempt, {**ids, **near_misses(ids)})
            if not step.exchange.is_refusal:
                self._unattached = None
            return self._staged("refused", [step], ids)

        self._hold(attempt, perform if attempt.needs - {"payment_method"} else asked, again=perform)

    def refuses_unknown_once_asked_for(self, attempt: Attempt) -> None:
        """A customer that does not exist does not come into being by being asked for."""

        def perform() -> Episode:
            ids = {"customer": NO_CUSTOMER_ID, "payment_method": self._unattached_payment_method()}
            asked = step_of("set-up", self.fixtures.endpoints.read_customer(NO_CUSTOMER_ID))
            step = self._send(attempt, ids)
            if not step.exchange.is_refusal:
                self._unattached = None
            return self._staged("refused", [asked, step], ids)

        self._hold(("asked for", attempt), perform)

    def leaves_customer_as_created(self) -> None:
        """A customer is the same after the first attach to it as it was when it was created."""

        def perform() -> Episode:
            if self.fixtures.provision.customers != "created":
                raise OutOfFixtures("customers that were given are not new")
            customer, created = self.fixtures.customers.create(plain=True)
            method, made = self._payment_method()
            before = step_of("control", self.fixtures.endpoints.read_customer(customer))
            attach = self._attach(MINIMAL, method, customer)
            after = step_of("follow-up", self.fixtures.endpoints.read_customer(customer))
            steps = [*made, before, attach, after]
            steps[:0] = [] if created is None else [step_of("set-up", created)]
            called = {before.exchange.request.target: "the customer"}
            fixtures = {"payment_method": method, "customer": customer}
            return self._staged("only_this_one", steps, fixtures, called=called)

        self._hold("the customer as created", perform)

    def refuses_deleted(self) -> None:
        """Nothing can be attached to a deleted customer, not what it had, nor with `expand` to one that had nothing."""

        def perform() -> Episode:
            if self.fixtures.provision.customers == "given":
                raise OutOfFixtures("customers that were given are not deleted")
            customer, created = self.fixtures.customers.create()
            steps = [] if created is None else [step_of("set-up", created)]
            earlier, made = self._payment_method()
            steps += [*made, self._attach(MINIMAL, earlier, customer, "set-up")]
            steps.append(step_of("control", self.fixtures.customers.delete(customer)))
            method = self._unattached_payment_method()
            if steps[-1].exchange.is_success:
                steps.append(step_of("control", self.fixtures.endpoints.read_customer(customer)))
                steps.append(self._attach_too(MINIMAL, method, customer))
                steps.append(self._attach_too(MINIMAL, earlier, customer))
                empty, created = self.fixtures.customers.create()
                steps += [] if created is None else [step_of("set-up", created)]
                steps.append(step_of("set-up", self.fixtures.customers.delete(empty)))
                if steps[-1].exchange.is_success:
                    steps.append(self._attach_too(EXPANDED, method, empty))
            if any(step.exchange.is_success for step in steps if step.role == "subject"):
                self._unattached = None
            return self._staged("deleted_refused", steps, {"payment_method": method, "customer": customer})

        self._hold("deleted", perform)

    def lets_go(self) -> None:
        """After a detach the payment method has no customer, and the customer's list is without it."""

        def perform() -> Episode:
            (customer,) = self._customers(1)
            attached = self._attached_to(customer)
            later = self._attached_to(customer)
            detach = step_of("subject", self.fixtures.endpoints.detach(attached.payment_method))
            after: tuple[Step, ...] = ()
            if detach.exchange.is_success:
                after = (self._read(attached.payment_method, until=shows(None)),)
                after += self._lists(attached, customer, present=False)
            fixtures = {"payment_method": attached.payment_method, "customer": customer}
            if self._shelf and detach.exchange.is_success:
                self._shelf.let_go = replace(attached, steps=(*attached.steps, detach))
            newer = tuple(replace(step, role="set-up") for step in later.steps)
            return self._staged("detached", (*newer, *attached.steps, detach, *after), fixtures)

        self._hold("detached", perform)

    # Behind the verbs

    def _of_the_shelf(self, expectation: str) -> None:
        first = True

        def telling(shelf: Shelf) -> Episode:
            """The whole of the shelf, or the first of its attaches that alone breaks the clause."""
            each = (self._staged(expectation, one.steps, _ids(one)) for one in shelf.attached)
            whole = [step for one in shelf.attached for step in one.steps]
            broken = next((episode for episode in each if self._is_broken_by(episode)), None)
            return broken or self._staged(expectation, whole, {})

        def perform() -> Episode:
            nonlocal first
            shelf = self._stock(anew=not first)
            first = False
            return telling(shelf)

        self._hold(expectation, perform)

    def _refused_one_after_another(
        self, attempts: Attempts, every: int = REFUSALS_BETWEEN_READS
    ) -> tuple[Attempts, Episode]:
        """An episode of those of the attempts that are refused, on one payment method; without the others.

        It is read after `every` so many; where that shows a change the episode is of those since the read before.
        """
        (customer,) = self._customers(1)
        method, set_up = self._payment_method()
        before = after = first = self._read(method, "control")
        fixtures = {"payment_method": method, "customer": customer}
        subjects: list[Step] = []
        accepted: list[Attempt] = []
        for start in range(0, len(attempts), max(every, 1)):  # none is left where all are accepted
            group = attempts[start : start + every]
            for attempt in group:
                subjects.append(self._attach(attempt, method, customer))
                if subjects[-1].exchange.is_success:
                    accepted.append(attempt)
                    method, _ = self._payment_method()
            if accepted:
                continue
            after = self._read(method, until=shows(None))
            steps = (*set_up, before, *subjects[start:], after)
            episode = self._staged("nothing_changed", steps, fixtures)
            if self._is_broken_by(episode):
                return group, episode
            before = replace(after, role="control")
        if accepted:
            return self._refused_one_after_another(tuple(one for one in attempts if one not in accepted), every)
        last: tuple[Step, ...] = ()
        if shows(None)(after.exchange):
            last = (self._attach(MINIMAL, method, customer, "follow-up"),)
        return attempts, self._staged("nothing_changed", (*set_up, first, *subjects, after, *last), fixtures)

    def _guilty(self, attempts: Attempts, episode: Episode) -> tuple[Attempts, Episode]:
        """The one of the attempts after which something is changed, if one can be singled out, and its episode."""
        if len(attempts) == 1 or not self._is_broken_by(episode):
            return attempts, episode
        shows_in_a_read = not episode.steps[-1].exchange.is_to_operation
        if shows_in_a_read:
            suspects, played = self._refused_one_after_another(attempts, every=1)
        else:  # the simplest, and the one that gets the furthest
            suspects, played = self._refused_one_after_another(tuple(one for one in attempts if one in LIKELY))
        if not self._is_broken_by(played):
            return attempts, episode
        for suspect in reversed(suspects):
            _, alone = self._refused_one_after_another((suspect,))
            if self._is_broken_by(alone):
                return (suspect,), alone
        return attempts, episode


def _ids(attached: Attached) -> dict[str, str]:
    return {"payment_method": attached.payment_method, "customer": attached.customer}
