"""The conductor's watch over the target: it may end, hang up or fall out of step because of a request.

An episode during which the target was gone says nothing of its clause: its objects may have gone, too. It is performed
again with new ones, once the target is back, and what ended the target is judged on its own.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from conformance.evidence.episode import Episode, Finding, Step
from conformance.evidence.exchange import Exchange
from conformance.fixtures.outage import Lookout, Outage
from conformance.fixtures.provisioning import OutOfFixtures
from conformance.judge import judge
from conformance.judge.outage import ENDED, SHARED, WAITED
from conformance.scenes.case import Killed
from conformance.scenes.conductor import STILL_SERVING, Conductor, Perform
from conformance.verdict.trial import CONFIRMATION, FIRST, OF_OUTAGE, OF_SERVING, SEARCH, Performed, Trial
from strategies.attempt import Attempt
from strategies.traits import traits
from strategies.valid import MINIMAL

MOST_OUTAGES = 3
"""How often the target may be gone during an episode and its repetitions, before the clause is left."""

HANG_UPS = 3
"""How often the target must hang up on the same request, and on no other, for that to count."""

SHOWN_BEFORE = 4
"""How many requests are shown before the one that ended the target."""

STEPS_KEPT = 400

ABOUT_ONE_REQUEST = "survived"
"""What is expected of episodes whose clause is about the request that may end the target."""

CHECKS_FOR_A_NEW_CONNECTION = 3
"""Every how many times a server is asked on a new connection, too, whether it still serves."""


class Keeper(Conductor):
    """Notices what a request does to the target, and to the requests after it.

    `shares_target` tells that other workers are sending meanwhile.
    """

    shares_target = False
    _lookout: Lookout | None = None
    _checks = 0

    @property
    def lookout(self) -> Lookout:
        """What looks whether the target is there."""
        if self._lookout is None:
            self._lookout = Lookout(self.client, self.fixtures)
            self._steps: deque[Step] = deque(maxlen=STEPS_KEPT)
            self._killers: set[str] = set()
            self._hang_ups: list[Outage] = []
            self._ended: list[tuple[Episode, Outage]] = []
            self._spares: list[str] = []
        return self._lookout

    def forget(self, *, verdicts: bool = True) -> None:
        """As everywhere, and what was made beforehand."""
        super().forget(verdicts=verdicts)
        self.fixtures.forget_objects()
        if self._lookout is not None:
            self._spares.clear()

    @property
    def gone(self) -> str:
        """Why the target is given up; empty as long as it is not."""
        return self.lookout.gone

    def leave_for_gone(self) -> str:
        """Leave the running test, since the target is given up; the reason that is noted."""
        reason = f"see {STILL_SERVING}" if self.known.has_finding(STILL_SERVING) else self.gone
        self._leave(reason)
        return reason

    def _noted(self, step: Step) -> Step:
        self.lookout  # noqa: B018  # it makes room for the steps
        self._steps.append(step)
        return step

    # Episodes

    def _begin_trial(self) -> None:
        self.lookout  # noqa: B018  # as above
        self._hang_ups, self._ended = [], []

    def _performed_alive(self, play: Perform) -> Episode:
        """Perform, and again where the target was gone meanwhile. Raises Killed where the same request ends it again.

        A clause about that very request is judged on the episode as it is.
        """
        outages: list[Outage] = []
        while True:
            mark = self.client.history.mark()
            episode, failed = None, None
            try:
                episode = play()
            except Exception as error:  # whatever comes of objects that are gone; raised again where none are
                failed = error
            outage = self.lookout.outage_since(mark)
            if outage is None or not outage.ended:
                self._hang_ups += [outage] if outage is not None else []
                self._report(outages, self.client.history.since(mark))
                if failed is not None:
                    raise failed
                assert episode is not None, "it was performed"
                return episode
            self.forget(verdicts=False)
            outages.append(outage)
            if episode is not None and not self.gone and self._is_about(episode, outage):
                self._report(outages[:-1])
                self._ended.append((episode, outage))
                return episode
            is_known = bool(self._killers.intersection([self._what(outage)]))
            if self.gone or is_known or _is_same(map(self._what, outages)) or len(outages) >= MOST_OUTAGES:
                self._report(outages)
                raise Killed(self._reason(outage))

    def _is_about(self, episode: Episode, outage: Outage) -> bool:
        """Whether the episode's own clause is about the request that ended the target."""
        if episode.expectation != ABOUT_ONE_REQUEST:
            return False
        findings = judge(episode, self.contract, self.catalogue).findings
        return any(one.clause == episode.clause and one.exchange is outage.killer for one in findings)

    def _what(self, outage: Outage) -> str:
        """A name for what was sent, the same for the same attempt; empty where nothing was lost."""
        if outage.killer is None:
            return ""
        step = self._step_of(outage.killer)
        return step.attempt_digest or step.attempt

    def _reason(self, outage: Outage) -> str:
        """Why the running test is left: the clause that tells of the request which ended the target."""
        if outage.killer is None or (self.gone and not self.client.address.is_loopback):
            return self.gone or "the target was gone again and again"
        owner = next((slug for slug in traits(outage.killer.request) if self.known.has_finding(slug)), STILL_SERVING)
        return f"see {owner}"

    def _report(self, outages: Sequence[Outage], afterwards: Sequence[Exchange] = ()) -> None:
        """Keep what the outages say of the target; `afterwards` was sent when the episode was performed in full."""
        told = [outage for outage in outages if outage.killer is not None or outage.waited is not None]
        if not told:
            return
        first = self._what(told[0])
        performed = [Performed(FIRST, self._outage_episode(told[0]))]
        for other in told[1:]:
            if self._what(other) == first:
                performed.append(Performed(CONFIRMATION, self._outage_episode(other)))
                self._killers.add(first)
                self._give_up_if_plain(told[0])
        answered = [one for one in afterwards if one.status is not None]
        again = next((step for step in map(self._step_of, answered) if first and step.attempt_digest == first), None)
        if again is not None:
            steps = (replace(again, role="subject"),)
            performed.append(Performed(CONFIRMATION, self._episode("outlived", steps, STILL_SERVING, ended=True)))
        self._settled(Trial(STILL_SERVING, tuple(performed), OF_OUTAGE, self.case.test))

    def _give_up_if_plain(self, outage: Outage) -> None:
        """Give the target up where the plainest request ends it: nothing more can be told from it."""
        target = outage.killer.request.target if outage.killer is not None else ""
        is_first = not any(one.is_success and one.request.target == target for one in outage.exchanges)
        if self._what(outage) == MINIMAL.digest and is_first:
            self.lookout.gone = self.gone or "a plain valid request ends the target"

    def _outage_episode(self, outage: Outage) -> Episode:
        exchanges = list(outage.exchanges)
        end = next(
            (number for number, one in enumerate(exchanges) if one is (outage.killer or outage.sign)), len(exchanges)
        )
        steps = [replace(self._step_of(one), role="set-up") for one in exchanges[max(0, end - SHOWN_BEFORE) : end]]
        if outage.killer is not None:
            steps.append(replace(self._step_of(outage.killer), role="subject"))
        steps.append(replace(self._step_of(outage.sign), role="follow-up"))
        waited = {} if outage.waited is None else {WAITED: outage.waited}
        shared = {SHARED: True} if self.shares_target else {}
        return self._episode("outlived", steps, STILL_SERVING, **{ENDED: outage.ended, **waited}, **shared)

    def _step_of(self, exchange: Exchange) -> Step:
        step = next((step for step in reversed(self._steps) if step.exchange is exchange), None)
        if step is not None:
            return step
        return Step("set-up", exchange, f"{exchange.request.method} {exchange.request.target.partition('?')[0]}")

    # After the episodes of a trial

    def _is_hung_up_on(self) -> bool:
        """Whether the target hangs up on one request, and there is no clause about what is remarkable in it."""
        killers = [outage.killer for outage in self._hang_ups if outage.killer is not None]
        return len(killers) > 1 and _is_same(map(self._what, self._hang_ups)) and not traits(killers[0].request)

    def _leave_if_hung_up(self) -> None:
        """Raise Killed where the target hung up as often as counts."""
        if self._is_hung_up_on() and len(self._hang_ups) >= HANG_UPS:
            self._report(self._hang_ups)
            raise Killed(self._reason(self._hang_ups[0]))

    def _blamed(self, performed: list[Performed], doubtful: Sequence[Finding], again: Perform) -> list[Performed]:
        """What was performed; anew, where what broke the clause belongs to another request or to the target's end."""
        came_again = {
            slug
            for one in performed
            if one.part not in (FIRST, SEARCH)
            for slug in judge(one.episode, self.contract, self.catalogue).broken
        }
        lone = [finding for finding in doubtful if finding.clause not in came_again]
        if not lone:
            return performed
        ended = [outage for episode, outage in self._ended if episode is lone[0].episode]
        if ended:
            self._report(ended, self.client.history.since(0))
        elif not any(self._spoils_the_next(finding) for finding in lone[:1]):
            return performed
        return [Performed(FIRST, self._performed_alive(again))]

    def _spoils_the_next(self, finding: Finding) -> bool:
        """Whether the request before the one that shows the finding, on the same connection, spoils a valid one."""
        before = self.client.history.before(finding.exchange)
        if before is None or not before.is_to_operation:
            return False
        performed: list[Performed] = []
        for part in (FIRST, SEARCH):
            with contextlib.suppress(OutOfFixtures):
                performed.append(Performed(part, self._sent_after(before)))
        if len(performed) < 2 or not all(self._is_broken_by(one.episode) for one in performed):
            return False
        self._settled(Trial(STILL_SERVING, tuple(performed), OF_SERVING, self.case.test))
        return True

    def _sent_after(self, before: Exchange) -> Episode:
        """The request and a valid one after it, on one new connection."""
        self._make_spares(1)
        self.client.reconnect()
        first = replace(self._step_of(before), role="set-up", exchange=self.client.send(before.request))
        return self._episode("served_again", [first, self._valid_one()], clause=STILL_SERVING)

    # Whether the target still serves

    def _make_spares(self, count: int) -> None:
        """Have payment methods for valid requests, so that nothing stands between them and a request before.

        Those that were given are not set aside.
        """
        self.fixtures.customers.named()
        while self.fixtures.provision.payment_methods != "given" and len(self._spares) < count:
            self._spares.append(self.fixtures.methods.new(plain=True))

    def _valid_one(self, *, new_connection: bool = False) -> Step:
        spares = self._spares
        made = spares.pop if spares else partial(self.fixtures.methods.new, plain=True)
        step = self._send(MINIMAL, self._bind(MINIMAL, made), "subject", new_connection)
        return self._counted(MINIMAL, step, new_connection=new_connection)

    def _check_still_serving(self) -> None:
        """After malformed requests a valid one is answered as before; if not, find the one that did it."""
        performed: list[Performed] = []
        outages: list[Outage] = []
        survived = [attempt for attempt in self.survived if attempt.digest not in self._killers]
        self.survived = []
        self._checks += 1

        def steps_after(*before: Attempt) -> list[Step]:
            if before:
                self._make_spares(2)
                steps = [replace(self._shared(attempt), role="set-up") for attempt in before]
                return [*steps, self._valid_one(new_connection=True), self._valid_one()]
            steps = [self._valid_one()]
            if self._checks % CHECKS_FOR_A_NEW_CONNECTION == 0:
                steps.append(self._valid_one(new_connection=True))
            if steps[0].exchange.resent:  # on a new connection it was the next but one
                steps = [replace(self._shared(attempt), role="set-up") for attempt in survived]
                steps.append(self._valid_one(new_connection=True))
            return steps

        def fails_after(*before: Attempt) -> bool:
            mark = self.client.history.mark()
            try:
                episode = self._episode("served_again", steps_after(*before), clause=STILL_SERVING)
            finally:
                outage = self.lookout.outage_since(mark)
                if outage is not None and outage.ended:
                    outages.append(outage)
                    self.forget(verdicts=False)
            performed.append(Performed(SEARCH if before else FIRST, episode))
            return self._is_broken_by(episode)

        missing, is_found = "", False
        try:
            if fails_after():
                is_found = any(fails_after(attempt) for attempt in survived if not self.gone)
        except OutOfFixtures as ran_out:
            missing = str(ran_out)
        if outages and (self.gone or not is_found):
            self._report(outages)
            return
        self._settled(Trial(STILL_SERVING, tuple(performed), OF_SERVING, self.case.test, missing=missing))


def _is_same(names: Sequence[str] | map[str]) -> bool:
    """Whether there are several names, all the same and none empty."""
    found = list(names)
    return len(found) > 1 and len(set(found)) == 1 and bool(found[0])
