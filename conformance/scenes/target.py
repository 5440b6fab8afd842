"""The target as a test sees it: verbs that send, judge and remember.

Each verb performs one episode for the clause of the running test.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import cycle, islice
from typing import Any

from conformance.evidence.episode import Episode, Step
from conformance.evidence.failure import NEVER_ARRIVED
from conformance.fixtures.provisioning import OutOfFixtures
from conformance.judge.race import CONFLICT
from conformance.judge.steadiness import dropped
from conformance.scenes.case import ClauseBroken
from conformance.scenes.conductor import ENVELOPE_OF_MALFORMED, STILL_SERVING, Attempts
from conformance.scenes.staging import step_of
from conformance.scenes.state_verbs import StateVerbs
from conformance.scenes.stripe_verbs import StripeVerbs
from strategies.attempt import Attempt
from strategies.comparison import Comparison
from strategies.ordinary import ordinary_counterpart
from strategies.simpler import simpler
from strategies.valid import MINIMAL

PAUSES = (0.15, *(0.03 + 0.005 * step for step in range(10)))
"""For how many seconds a connection is left idle before it is used again, one after the other: different times, so that
a server that closes idle connections does not meet each request; the longest shows that shorter ones are none."""

MOST_SMALLER_ONES = 8
"""How many smaller attempts are tried to show a failure with as few parameters as it takes."""

FEW_AT_ONCE = 2
"""How many successes are wanted at the same time."""
FEWEST_REPETITIONS = 10
"""How often a request must be repeated at least for its steadiness to be judged."""


class Target(StateVerbs, StripeVerbs):
    """One implementation under test."""

    def accepts(self, first: Attempt, *others: Attempt) -> None:
        """The attempts, each on a fresh payment method, are answered with success; others as far as fixtures go."""

        def performed(send: Callable[[Attempt], Step]) -> Episode:
            steps = self._as_far_as_ids_go(*(partial(send, attempt) for attempt in (first, *others)))
            return self._episode("accepted", steps)

        self._conclude((first, *others), lambda: performed(self._granted), again=lambda: performed(self._fresh))

    def refuses(self, attempt: Attempt, *, times: int = 1) -> None:
        """The attempt is refused, each of `times` times."""

        smallest = attempt

        def performed(one: Attempt) -> Episode:
            return self._episode("refused", [self._shared(one) for _ in range(times)])

        def perform() -> Episode:
            nonlocal smallest
            episode = self._episode("refused", [self._asked(attempt)]) if times == 1 else performed(attempt)
            tries = MOST_SMALLER_ONES if self._is_broken_by(episode) else 0
            candidates = simpler(smallest, self.contract)
            while tries and (candidate := next(candidates, None)) is not None:
                tries -= 1
                smaller = performed(candidate)
                if self._is_broken_by(smaller):
                    smallest, episode, candidates = candidate, smaller, simpler(candidate, self.contract)
            return episode

        self._conclude(attempt, perform, again=lambda: performed(smallest))

    def refuses_on_attached(self, attempt: Attempt) -> None:
        """The attempt is refused on a payment method, too, that is attached already."""

        def performed(attach: Callable[..., Step]) -> Episode:
            attached = attach(MINIMAL, role="set-up")
            return self._episode("refused", [attached, self._send(attempt, self._last_bindings)])

        self._conclude(("attached", attempt), lambda: performed(self._granted), again=lambda: performed(self._fresh))

    def answers_alike(
        self, comparison: Comparison, *, or_refused_with: int | None = None, expectation: str = "alike"
    ) -> None:
        """Every subject gets the same answer as the control, each on a payment method of its own.

        A refusal with the status `or_refused_with` will do, too.
        """
        facts: dict[str, Any] = {} if or_refused_with is None else {"or_refused_with": or_refused_with}

        def compared(control: Step) -> Episode:
            subjects = self._as_far_as_ids_go(*(partial(self._fresh, subject) for subject in comparison.subjects))
            return self._episode(expectation, [control, *subjects], control_succeeds=comparison.needs_success, **facts)

        def once_more() -> Episode:
            return compared(self._fresh(comparison.control, role="control"))

        self._conclude(comparison, lambda: compared(self._granted(comparison.control, role="control")), again=once_more)

    def answers_alike_by_path(self, comparison: Comparison) -> None:
        """As `answers_alike`, and a success shows the payment method that the path names, however it is spelled."""
        self.answers_alike(comparison, expectation="alike_by_path")

    def answers_refusals_alike(self, comparison: Comparison) -> None:
        """As `answers_alike`, for attempts that a server with state refuses: no payment method is used up."""

        def perform() -> Episode:
            steps = [self._shared(comparison.control, role="control", is_to_be_refused=True)]
            steps += [self._shared(subject, is_to_be_refused=True) for subject in comparison.subjects]
            return self._episode("alike", steps, control_succeeds=comparison.needs_success)

        self._conclude(comparison, perform)

    def takes_as_sent(self, attempt: Attempt) -> None:
        """A value that only resembles a known id is refused, or echoed exactly."""

        def perform() -> Episode:
            step = self._shared(attempt, is_to_be_refused=True)
            reads = self._read_back(step) if step.exchange.is_success else ()
            value = (step.exchange.sent_values("customer") or ("",))[-1]
            return self._episode("taken_as_sent", [step, *reads], value=value)

        self._conclude(attempt, perform)

    def survives(self, attempt: Attempt) -> None:
        """The attempt is answered in time and below 500, and the server goes on serving."""

        def perform() -> Episode:
            control = self._counterparts_of(attempt)
            with contextlib.suppress(OutOfFixtures):
                self._make_spares(1)
            step = self._on_any(attempt)
            arrived = step.exchange.failure not in NEVER_ARRIVED
            if arrived and self.case.clause.startswith("robustness.") and attempt not in self.survived:
                self.survived.append(attempt)
            return self._episode("survived", [*control, step])

        self._conclude(attempt, perform, also=((ENVELOPE_OF_MALFORMED, "enveloped"),))

    def _on_any(self, attempt: Attempt) -> Step:
        """The attempt on the payment method for refusals; where that is the last one given, on one that is attached."""
        if MINIMAL not in self._granted_before or not self.fixtures.methods.is_down_to_the_last():
            return self._shared(attempt)
        attached = self._granted_before[MINIMAL][1]["payment_method"]
        return self._send(attempt, self._bind(attempt, lambda: attached))

    def _counterparts_of(self, attempt: Attempt) -> list[Step]:
        """Return the answer to the ordinary counterpart of an odd attempt, asked once in a run; none without one."""
        ordinary = ordinary_counterpart(attempt, self.contract)
        if ordinary is None:
            return []
        send = self._granted if ordinary.kind == "valid" else self._asked
        return [replace(send(ordinary), role="control")]

    def expands_nothing_left_over(self, refused: Attempt, plain: Attempt) -> None:
        """A plain attempt has nothing of one that was refused for the same payment method just before."""

        def perform() -> Episode:
            before = replace(self._shared(refused), role="set-up")
            if not before.exchange.is_refusal:
                return self._episode("unexpanded", [self._granted(plain)])
            bindings = self._bind(plain, self._unattached_payment_method)
            self._unattached = None
            return self._episode("unexpanded", [before, self._counted(plain, self._send(plain, bindings))])

        self._conclude((refused, plain), perform)

    def answers_on_attached(self, attempt: Attempt) -> None:
        """The attempt is answered on an attached payment method, too; how is for the general clauses to judge."""

        def performed(attach: Callable[..., Step]) -> Episode:
            attached = attach(MINIMAL, role="set-up")
            method = self._last_bindings["payment_method"]
            return self._episode("answered_well", [attached, self._send(attempt, self._bind(attempt, lambda: method))])

        self._conclude(("attached", attempt), lambda: performed(self._granted), again=lambda: performed(self._fresh))

    def uses_one(self, attempt: Attempt) -> None:
        """Of two customers under one name none or exactly one is used, in the answer and in the store."""

        def perform() -> Episode:
            step = self._fresh(attempt)
            return self._episode("one_of_two", [step, *self._read_back(step)])

        self._conclude(attempt, perform)

    def inlines(self, attempt: Attempt, plain: Attempt) -> None:
        """The expanded customer is a whole customer, as it was created, in a body as whole as the plain one's."""

        def performed(send: Callable[..., Step]) -> Episode:
            subject = send(attempt)
            created = [
                self.fixtures.customers.creations.get(value) for value in subject.exchange.sent_values("customer")
            ]
            set_up = [step_of("set-up", exchange) for exchange in created if exchange is not None]
            return self._episode("inlined", [*set_up, subject, send(plain, role="control")])

        self._conclude(attempt, lambda: performed(self._granted), again=lambda: performed(self._fresh))

    def inlines_again(self, expanded: Attempt, plain: Attempt) -> None:
        """The expanded customer is a whole customer, too, where the payment method is attached to it already."""

        def performed(*, anew: bool = False) -> Episode:
            first, again = self._one_after_another(expanded, plain, anew=anew)
            before = [replace(step, role="set-up") for step in (first, again)]
            return self._episode("inlined_or_refused", [*before, self._send(expanded, first.bindings)])

        self._conclude(("again", expanded), performed, again=lambda: performed(anew=True))

    def expands_nothing_unasked(self, expanded: Attempt, plain: Attempt) -> None:
        """A plain attempt shows `customer` as a string, right after an expanded one on the same payment method."""
        self._conclude(
            (expanded, plain),
            lambda: self._episode("unexpanded", self._one_after_another(expanded, plain)),
            again=lambda: self._episode("unexpanded", self._one_after_another(expanded, plain, anew=True)),
        )

    def _one_after_another(self, first: Attempt, second: Attempt, *, anew: bool = False) -> list[Step]:
        """Both attempts on one payment method, done once for all tests that look at them, unless it is to be `anew`."""

        def steps_anew() -> list[Step]:
            is_given = self.fixtures.provision.payment_methods == "given"
            step = (self._granted if is_given and not anew else self._fresh)(first, role="set-up")
            return [step, self._send(second, self._last_bindings)]

        return self._sampled((first, second), steps_anew, anew=anew)

    def honours_every_entry(self, alone: Attempt, *together: Attempt, simpler: Attempts = ()) -> None:
        """`customer` is expanded wherever it stands beside a second path that is legal alone.

        Where it is not, the first of the `simpler` attempts that shows it too takes their place.
        """
        shown = together

        def performed(*attempts: Attempt) -> Episode:
            steps = [self._granted(alone, role="control")]
            if isinstance(steps[0].exchange.object.get("customer"), str):
                steps += [self._fresh(attempt) for attempt in attempts]
            return self._episode("every_entry", steps)

        def perform() -> Episode:
            nonlocal shown
            shown, episode = self._singled_out(performed(*together), together, simpler, performed)
            return episode

        self._conclude((alone, *together), perform, again=lambda: performed(*shown))

    def does_not_obey(self, *attempts: Attempt) -> None:
        """None of the attempts succeeds or attaches anything; if one does, it is singled out."""
        guilty = attempts

        def performed(send: Callable[[Attempt], Step], *some: Attempt) -> Episode:
            self._make_sure_it_is_unattached()
            steps = [send(attempt) for attempt in some]
            return self._episode("not_obeyed", [*steps, *self._read_back(steps[-1])])

        def perform() -> Episode:
            nonlocal guilty
            episode = performed(partial(self._asked, to_be_read=True), *attempts)
            guilty, episode = self._singled_out(episode, attempts, attempts, partial(performed, self._shared))
            return episode

        self._conclude(attempts, perform, again=lambda: performed(self._shared, *guilty))

    def tells(self, attempt: Attempt) -> None:
        """Whatever happens is reported."""
        self._conclude(attempt, lambda: self._episode("reported", [self._fresh(attempt)]))

    def answers_well(self, *attempts: Attempt) -> None:
        """The successes of these attempts are what the running test's clause says; all such tests share one sample."""

        def steps_by(send: Callable[[Attempt], Step]) -> list[Step]:
            """All attempts; the first of several, too, on a payment method that has nothing of its own."""
            sends = [partial(send, attempt) for attempt in attempts]
            if len(attempts) > 1 and self.fixtures.provision.payment_methods != "given":
                sends.append(partial(self._fresh, attempts[0], plain=True))
            return self._as_far_as_ids_go(*sends)

        def sampled() -> Episode:
            if attempts not in self._samples:
                self._samples[attempts] = steps_by(self._granted)
            return self._episode("well_formed", self._samples[attempts])

        def sampled_anew() -> Episode:
            return self._episode("well_formed", steps_by(self._fresh))

        self._conclude(attempts, sampled, again=sampled_anew)

    def answers(self, *attempts: Attempt) -> None:
        """The attempts are answered; how is for the general clauses to judge, the running test's among them."""
        self._conclude(
            attempts,
            lambda: self._episode("answered_well", [self._asked(attempt) for attempt in attempts]),
            again=lambda: self._episode("answered_well", [self._shared(attempt) for attempt in attempts]),
        )

    def judges(self, attempt: Attempt, clause: str, *, rests_on: str = "") -> None:
        """The attempt is answered as `clause` says, once for each component that can be wrong.

        An empty clause leaves it to the general clauses. It is not sent where what it `rests_on` is known to be broken.
        """
        if self.known.has_finding(rests_on):
            return
        self.case.clause = clause
        self.case.explores = True
        expectation = "refused" if clause else "answered"
        mistake = (clause, attempt.invalid.component) if clause and attempt.invalid else attempt
        with contextlib.suppress(ClauseBroken):
            self._conclude(mistake, lambda: self._episode(expectation, [self._shared(attempt)]))

    def first_sound(self, attempts: Mapping[str, Attempt]) -> Attempt:
        """The first attempt whose clause is not known to be broken; the very first when all are."""
        sound = (attempt for clause, attempt in attempts.items() if not self.known.has_finding(clause))
        return next(sound, next(iter(attempts.values())))

    def stays_steady(self, attempt: Attempt, *, fresh: bool) -> None:
        """The attempt gets the same class of answer as often as the budget says, on a kept connection and on new ones.

        `fresh` gives it a payment method of its own each time; successes that the run has seen already count, and some
        more are wanted at once.
        """
        send = self._fresh if fresh else self._shared
        before = self._succeeded.get(attempt, []) if fresh else []
        on_new = [step for is_new, step in before if is_new]
        enough = (self.repetitions.kept if fresh else self.repetitions.refused) + self.repetitions.new
        kept = max(self.repetitions.new, enough - max(len(on_new), self.repetitions.new))

        def perform() -> Episode:
            steps = [step for is_new, step in before if not is_new]
            with contextlib.suppress(OutOfFixtures):
                while len(steps) < kept:
                    steps.append(send(attempt))
                if any(step.exchange.resent for step in steps) or (self.client.resends and not fresh):
                    steps = self._after_pauses(attempt, send)
                steps += on_new
                while len(steps) < enough:
                    steps.append(send(attempt, new_connection=True))
                steps += self._at_once_on_new(attempt) if fresh else []
            if len(steps) < min(FEWEST_REPETITIONS, enough):
                raise OutOfFixtures("too few payment methods are left to repeat a request (give more)")
            return self._episode("steady", steps)

        def once_more() -> Episode:
            return self._episode("steady", [send(attempt)])

        self._conclude(attempt, perform, again=once_more)

    def _at_once_on_new(self, attempt: Attempt) -> list[Step]:
        """The attempt on a few new payment methods, all at the same time; who is told to wait (409) is sent again."""
        wishes = [self._bind(attempt, self.fixtures.methods.new) for _ in range(FEW_AT_ONCE)]
        steps = self._at_once(wishes, attempt)
        return [self._send(attempt, one.bindings) if one.exchange.status == CONFLICT else one for one in steps]

    def _after_pauses(self, attempt: Attempt, send: Callable[[Attempt], Step]) -> list[Step]:
        """Send so late that a connection which the server closes without saying so is known to be closed.

        Only a request that is lost all the same was dropped rather than raced. Where chance explains it, since a single
        one was left unread, as many are sent again.
        """
        often = self.repetitions.kept + self.repetitions.new
        pauses = [PAUSES[0], *islice(cycle(PAUSES[1:]), often - 2), PAUSES[0]]
        steps: list[Step] = []
        for _ in range(2):
            for pause in pauses:
                time.sleep(pause)
                steps.append(send(attempt))
            exchanges = [step.exchange for step in steps]
            if dropped(exchanges) or not any(exchange.unread for exchange in exchanges):
                break
        return steps


__all__ = ["ENVELOPE_OF_MALFORMED", "STILL_SERVING", "ClauseBroken", "Target"]
