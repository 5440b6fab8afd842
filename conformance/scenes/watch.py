"""The watch over the target, which may end or hang up because of a request.

An episode during which the target was gone does not count: its objects may be gone, too. It is performed again with new
ones once the target is back, and what ended the target is judged on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from conformance.evidence.episode import Episode, Finding, Step
from conformance.evidence.exchange import TIMED_OUT, Exchange
from conformance.fixtures.outage import Lookout, Outage
from conformance.judge import expectation_name, outlived, survived
from conformance.judge.outage import ENDED, SHARED, WAITED
from conformance.scenes.card import as_role
from conformance.scenes.case import STILL_SERVING, Killed
from conformance.scenes.stage import Stage
from conformance.verdict.trial import CONFIRMATION, FIRST, OF_OUTAGE, Performed, Trial
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

Perform = Callable[[], Episode]
Settle = Callable[[Trial], object]


@dataclass
class Outages:
    """The outages during one trial: hang-ups, and those that ended the target in an episode about just that."""

    hang_ups: list[Outage] = field(default_factory=list)
    ended: list[tuple[Episode, Outage]] = field(default_factory=list)


class Watch:
    """Notices where a request ends the target, or where the target hangs up on it.

    `settle` concludes from a trial. `shares_target` says that other workers are sending meanwhile. `killers` are the
    names of requests that have ended the target more than once.
    """

    def __init__(self, stage: Stage, settle: Settle, *, shares_target: bool = False) -> None:
        self.stage = stage
        self.shares_target = shares_target
        self._settle = settle
        self._lookout = Lookout(stage.client, stage.fixtures)
        self.killers: set[str] = set()

    @property
    def gone(self) -> str:
        """Why the target is given up; empty as long as it is not."""
        return self._lookout.gone

    def finds_target_as_it_was(self) -> bool:
        """Return whether the target is there and has what the run has made; one that is down is waited for."""
        return self._lookout.finds_target_as_it_was()

    def ended_since(self, mark: int) -> Outage | None:
        """Return how the target ended after `mark` in the history; its objects may be gone. None where it did not."""
        outage = self._lookout.outage_since(mark)
        if outage is None or not outage.ended:
            return None
        self.stage.forget_objects()
        return outage

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
                self.report(seen, self.stage.client.history.since(mark))
                if error is not None:
                    raise error
                assert episode is not None, "it was performed"
                return episode
            self.stage.forget_objects()
            seen.append(outage)
            if episode is not None and not self.gone and self._is_about(episode, outage):
                self.report(seen[:-1])
                outages.ended.append((episode, outage))
                return episode
            if self._is_enough(seen):
                self.report(seen)
                raise Killed(*self._reason(outage))

    def _is_enough(self, outages: Sequence[Outage]) -> bool:
        names = [self._name_of(outage) for outage in outages]
        return bool(self.gone) or names[-1] in self.killers or _is_same(names) or len(outages) >= MOST_OUTAGES

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
        step = self.step_of(outage.killer)
        return step.attempt_digest or step.attempt

    def _reason(self, outage: Outage) -> tuple[str, str]:
        """Return why the running test is left, and the clause that reports the request which ended the target."""
        if outage.killer is None or (self.gone and not self.stage.client.address.is_loopback):
            return self.gone or "the target was gone again and again", ""
        remarkable = traits(outage.killer.request)
        owner = next((slug for slug in remarkable if self.stage.known.has_finding(slug)), STILL_SERVING)
        return "", owner

    # Reports of outages

    def report(self, outages: Sequence[Outage], afterwards: Sequence[Exchange] = ()) -> None:
        """Conclude from outages; `afterwards` was sent when the episode was performed in full."""
        shown = [outage for outage in outages if outage.killer is not None or outage.waited is not None]
        if not shown:
            return
        first = self._name_of(shown[0])
        performed = [Performed(FIRST, self._episode_of(shown[0]))]
        for other in shown[1:]:
            if self._name_of(other) == first:
                performed.append(Performed(CONFIRMATION, self._episode_of(other)))
                self.killers.add(first)
                self._give_up_if_plain(shown[0])
        answered = [self.step_of(one) for one in afterwards if one.status is not None]
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
        steps = as_role("set-up", *map(self.step_of, exchanges[max(0, end - SHOWN_BEFORE) : end]))
        if outage.killer is not None:
            steps += as_role("subject", self.step_of(outage.killer))
        steps += as_role("follow-up", self.step_of(outage.sign))
        facts: dict[str, Any] = {ENDED: outage.ended}
        if outage.waited is not None:
            facts[WAITED] = outage.waited
        if self.shares_target:
            facts[SHARED] = True
        return self._outlived(steps, facts)

    def _outlived(self, steps: Sequence[Step], facts: dict[str, Any]) -> Episode:
        return self.stage.episode(outlived, steps, clause=STILL_SERVING, facts=facts)

    def step_of(self, exchange: Exchange) -> Step:
        """Return the step of an exchange, as a test has it where one has sent it."""
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
            self.report(outages.hang_ups)
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

    def is_of_an_end(self, finding: Finding, outages: Outages) -> bool:
        """Return whether a finding that did not come again belongs to the target's end, and report that."""
        ended = [outage for episode, outage in outages.ended if episode is finding.episode]
        if ended:
            self.report(ended, self.stage.client.history.since(0))
        return bool(ended)


def _waits(outage: Outage) -> bool:
    """Return whether the target answered nothing in time, rather than to close the connection."""
    return outage.killer is not None and outage.killer.failure == TIMED_OUT


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
