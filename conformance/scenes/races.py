"""Verbs about simultaneous attaches, over as many connections as there are requests."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

from conformance.evidence.episode import Episode, Outcome, Step
from conformance.scenes.staging import Attached, Stage, shows
from strategies.attempt import Attempt
from strategies.valid import EXPANDED, MINIMAL
from strategies.values import Bindings

CONTENDERS = 4
"""How many customers want one payment method at once."""
CROWD = 5
"""How many payment methods customers get at once."""
OF_ANOTHER = (1, 3)
"""Which of them another customer gets."""
LONGEST_WAIT = 10.0


class RaceVerbs(Stage):
    """What a test asks about simultaneous attaches. What was seen once is proof, since no order of events allows it."""

    def has_one_winner(self) -> None:
        """Of different customers that want one payment method at once one gets it, as often as the budget says."""
        bodies = itertools.cycle((MINIMAL, EXPANDED))
        self._play("one winner", lambda: self._contend(next(bodies)), self.repetitions.races)

    def keeps_all(self, rounds: int = 1) -> None:
        """Different payment methods that customers get at once are all kept, and answered each for itself."""
        if not self._is_blocked("state.only-this-one"):
            self._play("all kept", self._crowd, rounds)

    def keeps_once(self) -> None:
        """A payment method that two requests attach to one customer at once is listed once."""
        if not self._is_blocked("state.same-customer-again"):
            self._play("kept once", self._pair, 1)

    def _pair(self) -> Episode:
        (customer,) = self._customers(1)
        method, set_up = self._payment_method()
        subjects = self._at_once([{"payment_method": method, "customer": customer}] * 2)
        lists = self._lists(Attached(method, customer, ()), customer)
        return self._staged("all_kept", (*set_up, *subjects, *lists), {"customer": customer})

    def _play(self, what: str, play: Callable[[], Episode], rounds: int) -> None:
        seen: list[Episode] = []

        def perform() -> Episode:
            seen.clear()
            for _ in range(rounds):
                seen.append(play())
                if self._judged(seen[-1]).findings:
                    break
            passed = [one for one in seen if self._judged(one).outcome is Outcome.PASS]
            if not self._judged(seen[-1]).findings and passed:
                seen.append(passed[-1])
            return seen[-1]

        def again() -> Episode:
            """What a race shows is proof; what is seen on the side in it has to come again."""
            return seen[-1] if self._is_broken_by(seen[-1]) else play()

        self._hold(what, perform, again=again)

    def _contend(self, attempt: Attempt) -> Episode:
        customers = self._rivals()
        method, set_up = self._payment_method()
        wishes = [{"payment_method": method, "customer": customer} for customer in customers]
        subjects = self._at_once(wishes, attempt)
        winners = [step for step in subjects if step.exchange.is_success]
        wanted = winners[0].exchange.sent_values("customer")[0] if len(winners) == 1 else None
        after = self._read(method, until=shows(wanted))
        fixtures = {"payment_method": method, "customer": wanted or customers[0]}
        return self._staged("one_winner", (*set_up, *subjects, after), fixtures)

    def _crowd(self) -> Episode:
        given = self.fixtures.provision.customers == "given"
        customer = self._customers(1)[0] if given else self.fixtures.customers.create()[0]
        (another,) = self._customers(1)
        made = [self._payment_method() for _ in range(CROWD)]
        owners = {method: another if number in OF_ANOTHER else customer for number, (method, _) in enumerate(made)}
        wishes = [{"payment_method": one, "customer": owner} for one, owner in owners.items()]
        subjects = self._at_once(wishes)
        is_mixed = len({self.fixtures.endpoints.type_of(method) for method in owners}) > 1
        after = () if is_mixed else self._lists(Attached(made[-1][0], customer, ()), customer)
        after = after or tuple(self._read(method, until=shows(owner)) for method, owner in owners.items())
        set_up = [step for _, steps in made for step in steps]
        return self._staged("all_kept", (*set_up, *subjects, *after), {"customer": customer})

    def _rivals(self) -> Sequence[str]:
        """Those who contend. Where there are enough, the first customer is none: what it has is left to no chance."""
        given = self.fixtures.provision.given_customers
        if given:
            return self._customers(max(2, min(CONTENDERS, len(given))))
        return self._customers(1 + CONTENDERS)[1:]

    def _at_once(self, bindings: Sequence[Bindings], attempt: Attempt = MINIMAL) -> list[Step]:
        """The attempt for each of the bindings, all at the same time and each on a connection of its own.

        What their answers say of the body's form is left to clauses that ask for it alone.
        """
        together = Barrier(len(bindings))

        def send(ids: Bindings) -> Step:
            together.wait(LONGEST_WAIT)
            return replace(self._send(attempt, ids, new_connection=True), kind="wire")

        with ThreadPoolExecutor(len(bindings)) as pool:
            steps = list(pool.map(send, bindings))
        return [self._counted(attempt, step, new_connection=True) for step in steps]
