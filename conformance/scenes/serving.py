"""The checks that the target still serves: odd requests must spoil neither it nor their connection for valid ones."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import islice

from conformance.evidence.episode import Episode, Finding, Outcome, Step
from conformance.evidence.exchange import Exchange
from conformance.fixtures.outage import Outage
from conformance.fixtures.provisioning import OutOfFixtures
from conformance.judge import served_again
from conformance.scenes.case import STILL_SERVING
from conformance.scenes.stage import Stage
from conformance.scenes.watch import Perform, Settle, Watch
from conformance.verdict.trial import FIRST, OF_SERVING, SEARCH, Performed, Trial
from strategies.attempt import Attempt
from strategies.valid import MINIMAL

MOST_SUSPECTS = 100
"""How many requests before one that shows a finding may have spoilt their connection."""

CHECKS_FOR_A_NEW_CONNECTION = 3
"""How many checks whether a server still serves there are for each that uses a new connection, too."""


class Serving:
    """Sends valid requests after odd ones, and finds the one that spoils them.

    `watch` notices where the target ends, `settle` concludes from a trial. `checks` counts the checks.
    """

    def __init__(self, stage: Stage, watch: Watch, settle: Settle) -> None:
        self.stage = stage
        self.checks = 0
        self._watch = watch
        self._settle = settle
        self._connections_left = 0

    # Findings that did not come again

    def is_spoilt(self, finding: Finding) -> bool:
        """Return whether a finding that did not come again belongs to a request before it."""
        return self._spoils_the_next(finding) or self._spoilt_by_an_odd_one()

    def _spoils_the_next(self, finding: Finding) -> bool:
        """Return whether a request before the one that shows the finding spoils a valid one on its connection.

        It is the one just before, or the longest of the last ones, which may spoil all that follow.
        """
        before = tuple(islice(self.stage.client.history.before(finding.exchange), MOST_SUSPECTS))
        longest = max(before, key=lambda one: len(one.request.body or b""), default=None)
        suspects = [*before[:1], *(one for one in before[1:] if one is longest)]
        return any(self._fails_twice(partial(self._sent_after, one)) for one in suspects if one.is_to_operation)

    def _spoilt_by_an_odd_one(self) -> bool:
        """Return whether one of the odd requests since the latest check spoils a valid one after it.

        A lone one is left to the check that follows.
        """
        survived = list(reversed(self.stage.memory.survived))
        return len(survived) > 1 and any(self._fails_twice(partial(self._after_odd_one, one)) for one in survived)

    def _after_odd_one(self, attempt: Attempt) -> Episode:
        return self._served_again(self._steps_after([attempt]))

    def _fails_twice(self, play: Perform) -> bool:
        """Return whether the target no longer serves at the end of an episode, and again; then conclude from both."""
        performed: list[Performed] = []
        for part in (FIRST, SEARCH):
            with contextlib.suppress(OutOfFixtures):
                performed.append(Performed(part, play()))
            if not performed or not _fails(performed[-1]):
                return False
        self._settle(Trial(STILL_SERVING, tuple(performed), OF_SERVING, self.stage.case.test))
        return len(performed) > 1

    def _sent_after(self, before: Exchange) -> Episode:
        """Perform the request and a valid one after it, on one new connection."""
        self.make_spares(1)
        self.stage.client.reconnect()
        again = replace(self._watch.step_of(before), role="set-up", exchange=self.stage.client.send(before.request))
        return self._served_again([again, self._send_valid()])

    # Whether the target still serves

    def make_spares(self, count: int) -> None:
        """Make payment methods for valid requests, so that nothing comes between them and the request before.

        Given ones are not set aside.
        """
        fixtures, spares = self.stage.fixtures, self.stage.memory.spares
        fixtures.customers.named()
        while not fixtures.provision.has_given_methods and len(spares) < count:
            spares.append(fixtures.methods.new(plain=True))

    def check(self) -> None:
        """Send a valid request after odd ones; if it is not answered as before, find the one that did it."""
        survived = [attempt for attempt in self.stage.memory.survived if attempt.digest not in self._watch.killers]
        self.stage.memory.survived.clear()
        self.checks += 1
        performed: list[Performed] = []
        outages: list[Outage] = []

        def fails_after(*before: Attempt) -> bool:
            mark = self.stage.client.history.mark()
            try:
                steps = self._steps_after(before) if before else self._steps_after_all(survived)
            finally:
                if (outage := self._watch.ended_since(mark)) is not None:
                    outages.append(outage)
            performed.append(Performed(SEARCH if before else FIRST, self._served_again(steps)))
            return _fails(performed[-1])

        def fails_twice_after(attempt: Attempt) -> bool:
            return fails_after(attempt) and (bool(outages) or fails_after(attempt))

        missing, is_found = "", False
        try:
            if fails_after():
                is_found = any(fails_twice_after(attempt) for attempt in survived if not self._watch.gone)
        except OutOfFixtures as ran_out:
            missing = str(ran_out)
        if outages and (self._watch.gone or not is_found):
            self._watch.report(outages)
            return
        self._settle(Trial(STILL_SERVING, tuple(performed), OF_SERVING, self.stage.case.test, missing=missing))

    def _steps_after(self, before: Sequence[Attempt]) -> list[Step]:
        self.stage.client.reconnect()  # these are not to blame for a connection that has worn out
        self.make_spares(2)
        steps = [self.stage.send_shared(attempt, role="set-up") for attempt in before]
        return [*steps, self._send_valid(new_connection=True), self._send_valid()]

    def _steps_after_all(self, survived: Sequence[Attempt]) -> list[Step]:
        new_connections = [True] if self.checks % CHECKS_FOR_A_NEW_CONNECTION == 0 else []
        steps = [self._send_valid(new_connection=new) for new in (False, *new_connections)]
        times, self._connections_left = self._connections_left, self.stage.fixtures.inventory.connections_left
        if steps[0].exchange.resent or times < self._connections_left:  # it was not the next on their connection
            steps = [self.stage.send_shared(attempt, role="set-up") for attempt in survived]
            steps += [self._send_valid(new_connection=new) for new in (True, *new_connections)]
        return steps

    def _send_valid(self, *, new_connection: bool = False) -> Step:
        step = self._send_minimal(new_connection=new_connection)
        if self.stage.replaces_full_customers():
            step = self._send_minimal(new_connection=new_connection)
        return self.stage.count_success(MINIMAL, step, new_connection=new_connection)

    def _send_minimal(self, *, new_connection: bool) -> Step:
        spares = self.stage.memory.spares
        make = spares.pop if spares else partial(self.stage.fixtures.methods.new, plain=True)
        return self.stage.send(MINIMAL, self.stage.bind(MINIMAL, make), new_connection=new_connection)

    def _served_again(self, steps: Sequence[Step]) -> Episode:
        return self.stage.episode(served_again, steps, clause=STILL_SERVING)


def _fails(performed: Performed) -> bool:
    return performed.judgement.outcome is Outcome.FAIL
