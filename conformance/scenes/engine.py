"""The engine: performs a test's story, has it judged, confirms what it shows, makes it small and keeps it.

A test never sees any of this. A clause that a story breaks raises `ClauseBroken`, so that Hypothesis shrinks to the
smallest attempt that shows it.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import deque
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conformance.evidence.episode import Episode, Finding, Judgement, Outcome
from conformance.evidence.failure import BoundReached
from conformance.fixtures.provisioning import Absent, OutOfFixtures
from conformance.judge import absent, answered, judge, rejected
from conformance.scenes.case import STILL_SERVING, Blocked, Case, ClauseBroken, Inapplicable, Killed
from conformance.scenes.generated import GeneratedAttempt
from conformance.scenes.scene import Mode, Scene, Telling
from conformance.scenes.serving import Serving
from conformance.scenes.stage import Stage
from conformance.scenes.story import Story
from conformance.scenes.watch import Outages, Watch
from conformance.verdict.entries import Kind, refer_to
from conformance.verdict.ledger import UNSTEADY, Ledger
from conformance.verdict.settlement import ANEW_TIMES, CONFIRMATIONS, needs_confirmation, settle, with_further
from conformance.verdict.trial import (
    AGAIN,
    CONFIRMATION,
    FIRST,
    INTERRUPTED,
    OF_A_CLAUSE,
    RENEWED,
    SEARCH,
    Performed,
    Trial,
)

SURVIVED_WHERE_GIVEN = 20
"""How many odd requests there are for each check that the target still serves, where each check takes a given id."""

MOST_EPISODES_AFTER_A_FAILURE = 15
"""How many more episodes a test may perform once its clause is known to be broken: the limit of shrinking."""

MOST_REQUESTS_AFTER_A_FAILURE = 40
"""How many more requests a clause may cost once an episode has broken it: to confirm that, and to make it small."""


MOST_REPLACEMENTS = 2
"""How often one telling begins again with new customers, since those of the run take no more payment methods."""

JUDGEMENTS_KEPT = 8
"""How many of the latest judgements are kept, so that no episode is judged twice in a trial."""


@dataclass
class _Trial:
    """A trial in progress: what was performed, what happened to the target, and the smallest arguments."""

    story: Story
    performed: list[Performed] = field(default_factory=list)
    outages: Outages = field(default_factory=Outages)
    also: tuple[tuple[str, str], ...] = ()
    smallest: Mapping[str, Any] = field(default_factory=dict)
    proof: Episode | None = None


class Engine:
    """Runs the stories of the tests on one stage.

    `check` is called with every judgement, and may raise to end the story.
    """

    def __init__(
        self,
        stage: Stage,
        *,
        shares_target: bool = False,
        left_out: Container[str] = (),
        check: Callable[[Judgement], object] = lambda _: None,
    ) -> None:
        self.stage = stage
        self.left_out = left_out
        self._shares_target = shares_target
        self._check = check
        self.watch = Watch(stage, self._settle, shares_target=shares_target)
        self.serving = Serving(stage, self.watch, self._settle)
        self.requests_to_first_finding: int | None = None
        self.is_over: Callable[[], bool] = lambda: False
        self._remembered: dict[str, dict[int, Finding | None]] = {}
        self._last_cost = 0
        self._judgements: deque[tuple[Episode, Judgement]] = deque(maxlen=JUDGEMENTS_KEPT)

    # What the runner calls around each test

    def begin(self, clause: str, test: str = "") -> None:
        """Start a test for `clause`, called `test`."""
        remembered = self._remembered.setdefault(f"{clause} {test}", {}) if test else {}
        self.stage.case = Case(clause, test, remembered=remembered)

    def end(self) -> Ledger:
        """Finish the running test: check that the target still serves, and return what the test found."""
        self.check_still_serving()
        self.stage.known.merge(self.stage.case.ledger)
        return self.stage.case.ledger

    def check_still_serving(self) -> None:
        """Check that the target still serves, if it has survived as many odd attempts as the budget says."""
        if self.stage.client.bounds.reached:
            return
        most = self.stage.repetitions.survived
        if self.stage.fixtures.provision.has_given_methods:
            most = max(SURVIVED_WHERE_GIVEN, most)
        if len(self.stage.memory.survived) >= most:
            self.serving.check()

    def leave_for_gone(self) -> str:
        """Leave the running test, since the target is given up; return the reason that is noted."""
        is_reported = self.stage.known.has_finding(STILL_SERVING)
        return self._leave(self.watch.gone, STILL_SERVING if is_reported else "")

    def leave_for_bound(self) -> str:
        """Leave the running test, since a bound of the run is reached; return the reason that is noted."""
        return self._leave(self.stage.client.bounds.reached, "")

    def forget_run(self) -> None:
        """Forget everything that the run has sent and concluded so far, as a worker that begins has it."""
        self.stage.forget_objects()
        self._remembered.clear()
        self.stage.sent.clear()
        self.stage.memory.survived.clear()
        self.stage.unanswered.clear()
        self.stage.known = Ledger()

    def start_over(self, run: str) -> None:
        """Begin the plan again, under another name of the run, so that no idempotency key was used before."""
        self.forget_run()
        self.stage.memory.keys.clear()
        self.stage.plan = hashlib.sha256()
        self.stage.run = run
        self.watch = Watch(self.stage, self._settle, shares_target=self._shares_target)
        self.serving = Serving(self.stage, self.watch, self._settle)

    # One telling of a story

    def tell(self, story: Story, pinned: int = 0) -> None:
        """Perform a story, judge it, and record what it shows; once for the same arguments.

        What Hypothesis draws first, behind that many `pinned` values, is always the simplest: it tells nothing new.
        """
        case = self.stage.case
        case.stories += 1
        if pinned and case.stories == pinned + 1:
            return
        what = hash(story.key)
        if what in case.remembered:
            finding = case.remembered[what]
            if finding is not None:
                self._fail_for(finding)
            return
        if case.is_left or self.is_over() or not self._may_go_on():
            return
        try:
            trial = self._try(story)
        except Killed as killed:
            self._leave(killed.reason, killed.cause)
            return
        except Inapplicable as reason:
            case.note(Kind.NOT_APPLICABLE, str(reason))
            return
        except Blocked as blocked:
            if blocked.cause:
                case.note(Kind.NOT_RUN, refer_to(blocked.cause))
            return
        settled = self._settle(trial)
        if not case.remembered:
            self.check_still_serving()  # once behind the first attempt, which later ones might absorb
        own = next(iter(settled.findings_of(trial.clause)), None)
        if trial.missing and own is None:
            return
        case.remembered[what] = own
        if own is not None:
            self._fail_for(own)

    def judge_generated(self, generated: GeneratedAttempt) -> None:
        """Send what a generator made, and judge it by the clause that speaks of it; once for each kind of mistake.

        An empty clause leaves it to the general clauses. It is not sent where the clause that it rests on is broken, or
        where its clause is left out of the run.
        """
        attempt, clause = generated.attempt, generated.clause
        if self.stage.known.has_finding(generated.rests_on) or clause in self.left_out:
            return
        self.stage.case.clause = clause
        self.stage.case.explores = True
        mistake = attempt.invalid.component if clause and attempt.invalid else attempt

        def send(scene: Scene, mistake: object) -> None:
            scene.expect(rejected if clause else answered, scene.send(attempt))

        with contextlib.suppress(ClauseBroken):
            self.tell(Story(send, {"mistake": (clause, mistake)}))

    def _may_go_on(self) -> bool:
        """Return whether a test that has failed may perform one more episode."""
        case = self.stage.case
        if not case.has_failed or not case.clause:
            return True
        if case.performed_after_failure >= MOST_EPISODES_AFTER_A_FAILURE or not self._can_afford(self._last_cost):
            return False
        case.performed_after_failure += 1
        return True

    def _leave(self, reason: str, cause: str) -> str:
        case = self.stage.case
        case.is_left = True
        reason = refer_to(cause) if cause else reason
        if case.clause:
            case.note(Kind.NOT_RUN if cause else Kind.LEFT, reason)
        return reason

    def _fail_for(self, finding: Finding) -> None:
        self.stage.case.has_failed = True
        raise ClauseBroken(finding)

    # From the first telling to the confirmation

    def _try(self, story: Story) -> Trial:
        """Perform once, again where that was inconclusive, and for a new finding as often as confirms it."""
        trial = _Trial(story, smallest=story.arguments)
        missing = ""
        try:
            self._try_whole(trial)
        except OutOfFixtures as ran_out:
            missing = str(ran_out)
        except (Inapplicable, Blocked) as ended:
            if not trial.performed:
                raise
            missing = str(ended)
        except KeyboardInterrupt:
            self._settle(self._as_value(trial, INTERRUPTED))
            raise
        except BoundReached as bound:
            self._settle(self._as_value(trial, str(bound)))
            raise
        return self._as_value(trial, missing)

    def _try_whole(self, trial: _Trial) -> None:
        judgement = self._judge_first(trial, FIRST)
        if judgement.outcome is Outcome.INCONCLUSIVE:
            judgement = self._judge_first(trial, AGAIN)
        if judgement.outcome is Outcome.INCONCLUSIVE and self.watch.is_hung_up_on(trial.outages):
            self.stage.client.reconnect()
            judgement = self._judge_first(trial, AGAIN)
            self.watch.leave_if_hung_up(trial.outages)
        doubtful = needs_confirmation(judgement, self._established())
        if not doubtful:
            return
        if self.requests_to_first_finding is None:
            self.requests_to_first_finding = self.stage.client.requests_sent
        self._confirm(trial, doubtful)
        lone = [finding for finding in doubtful if finding.clause not in self._came_again(trial)]
        if lone and (self.watch.is_of_an_end(lone[0], trial.outages) or self.serving.is_spoilt(lone[0])):
            again = self.watch.perform(lambda: self._tell_again(trial), trial.outages)
            trial.performed[:] = [Performed(FIRST, again)]

    def _judge_first(self, trial: _Trial, part: str) -> Judgement:
        return self._judge(trial, part, lambda: self._tell_first(trial))

    def _judge(self, trial: _Trial, part: str, play: Callable[[], Episode]) -> Judgement:
        before = self.stage.client.requests_sent
        episode = self.watch.perform(play, trial.outages)
        self._last_cost = self.stage.client.requests_sent - before
        performed = Performed.judged(part, episode, self._judged(episode))
        trial.performed.append(performed)
        return self._with_further(performed, trial)

    def _confirm(self, trial: _Trial, doubtful: Sequence[Finding]) -> None:
        """Perform again, rejections on a new connection; with new customers what never came again."""
        stage = self.stage
        start = stage.client.requests_sent if stage.case.sent_at_failure is None else stage.case.sent_at_failure
        if not doubtful[0].exchange.is_success:
            stage.client.reconnect()
        if not stage.fixtures.provision.has_given_methods:
            stage.shared.use_up()  # this request is not to blame for what an earlier one did to it
            stage.memory.cards.clear()  # the failure may have changed them
        broken: frozenset[str] = frozenset()
        for number in range(CONFIRMATIONS):
            if number == 0 or self._can_afford(self._last_cost, start):
                broken |= self._judge(trial, CONFIRMATION, lambda: self._tell_again(trial)).broken
        came_again = any(finding.clause in broken for finding in doubtful)
        if came_again or not stage.fixtures.provision.creates_customers:
            return
        for _ in range(ANEW_TIMES):
            if not doubtful[0].exchange.is_success:
                stage.client.reconnect()  # a connection that wears out is no matter of the customers
            new_customers = (stage.fixtures.customers.substitute(), stage.memory.with_new_customers())
            with contextlib.suppress(OutOfFixtures), new_customers[0], new_customers[1]:
                self._judge(trial, RENEWED, lambda: self._tell_again(trial))

    def _came_again(self, trial: _Trial) -> set[str]:
        again = [one for one in trial.performed if one.part not in (FIRST, SEARCH)]
        return {slug for performed in again for slug in self._with_further(performed, trial).broken}

    def _with_further(self, performed: Performed, trial: _Trial) -> Judgement:
        return with_further(performed, trial.also, self.stage.contract, self.stage.catalogue)

    # Telling

    def _tell_first(self, trial: _Trial) -> Episode:
        """Tell the story, and where it fails with fewer or smaller arguments, if these show the failure, too."""
        mode = Mode.AGAIN if trial.performed else Mode.FIRST
        telling, episode = self._telling(trial.story, trial.story.arguments, mode)
        trial.also, trial.smallest = telling.also, trial.story.arguments
        is_proof = telling.is_proof and self._fails(episode) and not self._may_be_chance(episode)
        trial.proof = episode if is_proof else None
        if trial.proof is None and self._fails(episode):
            trial.smallest, episode = trial.story.narrow(episode, self._tell_smaller(trial.story), self.stage.contract)
        return episode

    def _may_be_chance(self, episode: Episode) -> bool:
        """Return whether rejections are all that fails, and the server is known to reject now and then."""
        return UNSTEADY in self._established() and all(
            finding.exchange.is_refusal for finding in self._judged(episode).findings
        )

    def _tell_smaller(self, story: Story) -> Callable[[Mapping[str, Any], int], Episode | None]:
        def fails(arguments: Mapping[str, Any], cost: int) -> Episode | None:
            if cost and not self._can_afford(cost):
                return None
            _, episode = self._telling(story, arguments, Mode.AGAIN)
            return episode if self._fails(episode) else None

        return fails

    def _tell_again(self, trial: _Trial) -> Episode:
        if trial.proof is not None:
            return trial.proof
        _, episode = self._telling(trial.story, trial.smallest, Mode.CONFIRMATION)
        return episode

    def _telling(self, story: Story, arguments: Mapping[str, Any], mode: Mode) -> tuple[Telling, Episode]:
        """Tell the story, and again with new customers where one took no more payment methods."""
        for _ in range(1 + MOST_REPLACEMENTS):
            scene = Scene(self.stage, self.serving, mode, self._judged)
            try:
                story.function(scene, **arguments)
            except Absent as lacking:
                return Telling(), self.stage.episode(absent, (), facts={"absent": str(lacking)})
            if not self.stage.replaces_full_customers():
                break
        return scene.telling, scene.telling.decisive(self._judged)

    # Judging

    def _judged(self, episode: Episode) -> Judgement:
        judgement = next((one for judged, one in self._judgements if judged is episode), None)
        if judgement is None:
            judgement = judge(episode, self.stage.contract, self.stage.catalogue)
            self._judgements.append((episode, judgement))
            self._check(judgement)
        case = self.stage.case
        if case.clause in judgement.broken and case.sent_at_failure is None:
            case.sent_at_failure = self.stage.client.requests_sent
        return judgement

    def _fails(self, episode: Episode) -> bool:
        return self._judged(episode).outcome is Outcome.FAIL

    def _established(self) -> frozenset[str]:
        """Return the clauses that are known to be broken."""
        return self.stage.known.broken | self.stage.case.ledger.broken

    def _can_afford(self, count: int, start: int | None = None) -> bool:
        """Return whether `count` more requests are within the limit for a failure seen after `start` requests."""
        start = self.stage.case.sent_at_failure if start is None else start
        return start is None or self.stage.client.requests_sent - start + count <= MOST_REQUESTS_AFTER_A_FAILURE

    # Recording

    def _as_value(self, trial: _Trial, missing: str) -> Trial:
        case = self.stage.case
        return Trial(case.clause, tuple(trial.performed), OF_A_CLAUSE, case.test, case.explores, trial.also, missing)

    def _settle(self, trial: Trial) -> Ledger:
        """Conclude from a trial, and keep both."""
        case = self.stage.case
        settled = settle(trial, self._established(), self.stage.contract, self.stage.catalogue)
        case.log.append(trial)
        case.ledger.merge(settled)
        return settled
