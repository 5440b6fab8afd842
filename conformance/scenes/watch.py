"""The watch over the target, which may end, hang up or fall out of step because of a request.

An episode during which the target was gone does not count: its objects may be gone, too. It is performed again with new
ones once the target is back, and what ended the target is judged on its own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any

from conformance.evidence.episode import Episode, Finding, Outcome, Step
from conformance.evidence.exchange import TIMED_OUT, Exchange
from conformance.fixtures.outage import Lookout, Outage
from conformance.fixtures.provisioning import OutOfFixtures
from conformance.judge import expectation_name, outlived, served_again, survived
from conformance.judge.outage import ENDED, SHARED, WAITED
from conformance.scenes.card import as_role
from conformance.scenes.case import STILL_SERVING, Killed
from conformance.scenes.stage import Stage
from conformance.verdict.trial import CONFIRMATION, FIRST, OF_OUTAGE, OF_SERVING, SEARCH, Performed, Trial
from strategies.attempt import Attempt
from strategies.traits import traits
from strategies.valid import MINIMAL

MOST_OUTAGES = 3
"""How often the target may be gone during an episode and its repetitions, before the clause is left."""

HANG_UPS = 3
"""How often the target must hang up on the same request, or let it wait in vain, and no other, for that to count."""

SHORT_WAIT = 2.0
"""How many seconds the suite waits for an answer at most, once the target is known to leave requests unanswered."""

SHOWN_BEFORE = 4
"""How many requests are shown before the one that ended the target."""

ABOUT_ONE_REQUEST = expectation_name(survived)
"""The expectation of episodes whose clause is about the request that may end the target."""

MOST_SUSPECTS = 100
"""How many requests before one that shows a finding may have spoilt their connection."""

CHECKS_FOR_A_NEW_CONNECTION = 3
"""How many checks whether a server still serves there are for each that uses a new connection, too."""

Perform = Callable[[], Episode]
Settle = Callable[[Trial], object]


@dataclass
class Outages:
    """The outages during one trial: hang-ups, and those that ended the target in an episode about just that."""

    hang_ups: list[Outage] = field(default_factory=list)
    ended: list[tuple[Episode, Outage]] = field(default_factory=list)


class Watch:
    """Notices what a request does to the target, and to the requests after it.

    `settle` concludes from a trial. `shares_target` says that other workers are sending meanwhile.
    """

    def __init__(self, stage: Stage, settle: Settle, *, shares_target: bool = False) -> None:
        self.stage = stage
        self.shares_target = shares_target
        self._settle = settle
        self._lookout = Lookout(stage.client, stage.fixtures)
        self._killers: set[str] = set()
        self._spares: list[str] = []
        self._connections_left = 0
        self.checks = 0

    @property
    def gone(self) -> str:
        """Why the target is given up; empty as long as it is not."""
        return self._lookout.gone

    def finds_target_as_it_was(self) -> bool:
        """Return whether the target is there and has what the run has made; one that is down is waited for."""
        return self._lookout.finds_target_as_it_was()

    def forget_objects(self) -> None:
        """Make new objects from now on: those that were made may be gone."""
        self.stage.forget_objects()
        self._spares.clear()

    # Episodes

    def perform(self, play: Perform, outages: Outages) -> Episode:
        """Perform an episode, and again where the target was gone meanwhile.

        A clause about the request that ended the target is judged on the episode as it is. Raises Killed where the
        same request ends the target again.
        """
        seen: list[Outage] = []
        while True:
            mark = self.stage.client.history.mark()
            episode, error = _attempt(play)
            outage = self._lookout.outage_since(mark)
            if outage is None or not outage.ended:
                if outage is not None:
                    outages.hang_ups.append(outage)
                    self._leave_if_one_more_waits(outage)
                self._report(seen, self.stage.client.history.since(mark))
                if error is not None:
                    raise error
                assert episode is not None, "it was performed"
                return episode
            self.forget_objects()
            seen.append(outage)
            if episode is not None and not self.gone and self._is_about(episode, outage):
                self._report(seen[:-1])
                outages.ended.append((episode, outage))
                return episode
            if self._is_enough(seen):
                self._report(seen)
                raise Killed(*self._reason(outage))

    def _is_enough(self, outages: Sequence[Outage]) -> bool:
        names = [self._name_of(outage) for outage in outages]
        return bool(self.gone) or names[-1] in self._killers or _is_same(names) or len(outages) >= MOST_OUTAGES

    def _is_about(self, episode: Episode, outage: Outage) -> bool:
        """Return whether the episode's own clause is about the request that ended the target."""
        if episode.expectation != ABOUT_ONE_REQUEST:
            return False
        findings = Performed(FIRST, episode).judgement.findings
        return any(one.clause == episode.clause and one.exchange is outage.killer for one in findings)

    def _name_of(self, outage: Outage) -> str:
        """Return a name for what was sent, the same for the same attempt; empty where nothing was lost."""
        if outage.killer is None:
            return ""
        step = self._step_of(outage.killer)
        return step.attempt_digest or step.attempt

    def _reason(self, outage: Outage) -> tuple[str, str]:
        """Return why the running test is left, and the clause that reports the request which ended the target."""
        if outage.killer is None or (self.gone and not self.stage.client.address.is_loopback):
            return self.gone or "the target was gone again and again", ""
        remarkable = traits(outage.killer.request)
        owner = next((slug for slug in remarkable if self.stage.known.has_finding(slug)), STILL_SERVING)
        return "", owner

    # Reports of outages

    def _report(self, outages: Sequence[Outage], afterwards: Sequence[Exchange] = ()) -> None:
        """Conclude from outages; `afterwards` was sent when the episode was performed in full."""
        shown = [outage for outage in outages if outage.killer is not None or outage.waited is not None]
        if not shown:
            return
        first = self._name_of(shown[0])
        performed = [Performed(FIRST, self._episode_of(shown[0]))]
        for other in shown[1:]:
            if self._name_of(other) == first:
                performed.append(Performed(CONFIRMATION, self._episode_of(other)))
                self._killers.add(first)
                self._give_up_if_plain(shown[0])
        answered = [self._step_of(one) for one in afterwards if one.status is not None]
        again = next((step for step in answered if first and step.attempt_digest == first), None)
        if again is not None:
            performed.append(Performed(CONFIRMATION, self._outlived(as_role("subject", again), {ENDED: True})))
        self._settle(Trial(STILL_SERVING, tuple(performed), OF_OUTAGE, self.stage.case.test))

    def _give_up_if_plain(self, outage: Outage) -> None:
        """Give the target up where the plainest request ends it: nothing more can be learnt from it."""
        target = outage.killer.request.target if outage.killer is not None else ""
        is_first = not any(one.is_success and one.request.target == target for one in outage.exchanges)
        if is_first and self._name_of(outage) == MINIMAL.digest:
            self._lookout.gone = self.gone or "a plain valid request ends the target"

    def _episode_of(self, outage: Outage) -> Episode:
        exchanges = list(outage.exchanges)
        last = outage.killer or outage.sign
        end = next((number for number, one in enumerate(exchanges) if one is last), len(exchanges))
        steps = as_role("set-up", *map(self._step_of, exchanges[max(0, end - SHOWN_BEFORE) : end]))
        if outage.killer is not None:
            steps += as_role("subject", self._step_of(outage.killer))
        steps += as_role("follow-up", self._step_of(outage.sign))
        facts: dict[str, Any] = {ENDED: outage.ended}
        if outage.waited is not None:
            facts[WAITED] = outage.waited
        if self.shares_target:
            facts[SHARED] = True
        return self._outlived(steps, facts)

    def _outlived(self, steps: Sequence[Step], facts: dict[str, Any]) -> Episode:
        return self.stage.episode(outlived, steps, clause=STILL_SERVING, facts=facts)

    def _step_of(self, exchange: Exchange) -> Step:
        step = next((step for step in reversed(self.stage.steps) if step.exchange is exchange), None)
        if step is not None:
            return step
        return Step("set-up", exchange, f"{exchange.request.method} {exchange.request.target.partition('?')[0]}")

    # After the episodes of a trial

    def is_hung_up_on(self, outages: Outages) -> bool:
        """Return whether the target hangs up on one request, and no clause is about what is remarkable in it."""
        killers = [outage.killer for outage in outages.hang_ups if outage.killer is not None]
        names = [self._name_of(outage) for outage in outages.hang_ups]
        is_odd = len(killers) > 1 and _is_same(names) and not traits(killers[0].request)
        return is_odd and (not _waits(outages.hang_ups[0]) or self._answers_in_time())

    def leave_if_hung_up(self, outages: Outages) -> None:
        """Raise Killed where the target hung up, or let the request wait in vain, as often as counts."""
        if self.is_hung_up_on(outages) and len(outages.hang_ups) >= HANG_UPS:
            self._report(outages.hang_ups)
            if _waits(outages.hang_ups[0]):
                self.stage.client.timeout = min(self.stage.client.timeout, SHORT_WAIT)
                self.stage.unanswered.add(self._name_of(outages.hang_ups[0]))
            raise Killed(*self._reason(outages.hang_ups[0]))

    def _leave_if_one_more_waits(self, outage: Outage) -> None:
        """Raise Killed where the target is known to let requests wait in vain: to confirm each one takes too long."""
        if self.stage.unanswered and _waits(outage):
            raise Killed(*self._reason(outage))

    def _answers_in_time(self) -> bool:
        """Return whether a plain valid request has been answered in time: the target is not slow as a whole."""
        return MINIMAL in self.stage.memory.successes

    def is_to_blame(self, finding: Finding, outages: Outages) -> bool:
        """Return whether a finding that did not come again belongs to another request, or to the target's end."""
        ended = [outage for episode, outage in outages.ended if episode is finding.episode]
        if ended:
            self._report(ended, self.stage.client.history.since(0))
            return True
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
        again = replace(self._step_of(before), role="set-up", exchange=self.stage.client.send(before.request))
        return self._served_again([again, self._send_valid()])

    # Whether the target still serves

    def make_spares(self, count: int) -> None:
        """Make payment methods for valid requests, so that nothing comes between them and the request before.

        Given ones are not set aside.
        """
        self.stage.fixtures.customers.named()
        while not self.stage.fixtures.provision.has_given_methods and len(self._spares) < count:
            self._spares.append(self.stage.fixtures.methods.new(plain=True))

    def check_still_serving(self) -> None:
        """Send a valid request after odd ones; if it is not answered as before, find the one that did it."""
        survived = [attempt for attempt in self.stage.memory.survived if attempt.digest not in self._killers]
        self.stage.memory.survived.clear()
        self.checks += 1
        performed: list[Performed] = []
        outages: list[Outage] = []

        def fails_after(*before: Attempt) -> bool:
            mark = self.stage.client.history.mark()
            try:
                steps = self._steps_after(before) if before else self._steps_after_all(survived)
            finally:
                outage = self._lookout.outage_since(mark)
                if outage is not None and outage.ended:
                    outages.append(outage)
                    self.forget_objects()
            performed.append(Performed(SEARCH if before else FIRST, self._served_again(steps)))
            return _fails(performed[-1])

        missing, is_found = "", False
        try:
            if fails_after():
                is_found = any(fails_after(attempt) for attempt in survived if not self.gone)
        except OutOfFixtures as ran_out:
            missing = str(ran_out)
        if outages and (self.gone or not is_found):
            self._report(outages)
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
        make = self._spares.pop if self._spares else partial(self.stage.fixtures.methods.new, plain=True)
        return self.stage.send(MINIMAL, self.stage.bind(MINIMAL, make), new_connection=new_connection)

    def _served_again(self, steps: Sequence[Step]) -> Episode:
        return self.stage.episode(served_again, steps, clause=STILL_SERVING)


def _waits(outage: Outage) -> bool:
    """Return whether the target answered nothing in time, rather than to close the connection."""
    return outage.killer is not None and outage.killer.failure == TIMED_OUT


def _fails(performed: Performed) -> bool:
    return performed.judgement.outcome is Outcome.FAIL


def _attempt(play: Perform) -> tuple[Episode | None, Exception | None]:
    """Return the episode, or the error with which it ended: objects that are gone can cause any."""
    try:
        return play(), None
    except Exception as error:  # raised again by the caller where the target was there
        return None, error


def _is_same(names: Iterable[str]) -> bool:
    """Return whether there are several names, all the same and none empty."""
    found = list(names)
    return len(found) > 1 and len(set(found)) == 1 and bool(found[0])
