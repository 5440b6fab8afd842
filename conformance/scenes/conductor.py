"""The conductor: performs episodes, has them judged, confirms what they show, and keeps it in the ledger.

The ledger is that of the running test.

A clause that an episode breaks raises `ClauseBroken`, so that Hypothesis shrinks to the smallest attempt that shows it.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter
from collections.abc import Callable, Container, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from conformance.evidence.episode import Episode, Finding, Judgement, Outcome, Step
from conformance.fixtures.forms import PAYMENT_METHOD_FORMS, RUN
from conformance.fixtures.objects import Fixtures
from conformance.fixtures.provisioning import OutOfFixtures
from conformance.judge import judge
from conformance.scenes.budgets import STANDARD_REPETITIONS, Repetitions
from conformance.scenes.case import Case, ClauseBroken, Killed, Pursuit
from conformance.transport.client import Client
from conformance.verdict.ledger import UNSTEADY, Ledger
from conformance.verdict.trial import (
    AGAIN,
    ANEW,
    ANEW_TIMES,
    CONFIRMATION,
    CONFIRMATIONS,
    FIRST,
    INTERRUPTED,
    LACKING,
    NOT_RUN,
    OF_A_CLAUSE,
    Performed,
    Settlement,
    Trial,
    needs_confirmation,
    settle,
)
from contracts import Catalogue, Contract
from strategies.attempt import Attempt
from strategies.refusals import NO_PAYMENT_METHOD

Perform = Callable[[], Episode]
Attempts = tuple[Attempt, ...]

STILL_SERVING = "robustness.still-serving"
ENVELOPE_OF_MALFORMED = "robustness.error-envelope"

USES_BETWEEN_READS = 20
"""After how many refusals the payment method that they share is read, to see whether it is still unattached."""

SURVIVED_WHERE_GIVEN = 20
"""After how many odd requests a target is asked whether it still serves, where each time takes a given id."""

MOST_EPISODES_AFTER_A_FAILURE = 15
"""How many more episodes a test may perform once its clause is known to be broken: what shrinking may cost."""

MOST_REQUESTS_AFTER_A_FAILURE = 40
"""How many more requests a clause may cost once an episode has broken it: to confirm that, and to make it small."""

MOST_EPISODES_IN_PURSUIT = 200
"""The same for what exploring finds, which is far from the smallest at first."""


class Conductor:
    """One implementation under test, and the machinery behind the verbs of `Target`."""

    def __init__(
        self,
        client: Client,
        fixtures: Fixtures,
        contract: Contract,
        catalogue: Catalogue,
        repetitions: Repetitions = STANDARD_REPETITIONS,
    ) -> None:
        self.client = client
        self.fixtures = fixtures
        self.repetitions = repetitions
        self.contract = contract
        self.catalogue = catalogue
        self.known = Ledger()
        self.pursuit: Pursuit | None = None
        self.case = Case("")
        self.survived: list[Attempt] = []
        self.requests_to_first_finding: int | None = None
        self.plan = hashlib.sha256()
        self.sent: dict[str, Attempt] = {}
        self._granted_before: dict[Attempt, tuple[Step, Mapping[str, str]]] = {}
        self._remembered: dict[str, dict[Hashable, Finding | None]] = {}
        self._asked_before: dict[Attempt, tuple[Step, Mapping[str, str]]] = {}
        self._succeeded: dict[Attempt, list[tuple[bool, Step]]] = {}
        self._uses = 0
        self._keys: Counter[str] = Counter()
        self._last_cost = 0
        self._last_bindings: Mapping[str, str] = {}
        self._samples: dict[tuple[Attempt, ...], list[Step]] = {}

    @property
    def _unattached(self) -> str | None:
        return self.fixtures.methods.shared

    @_unattached.setter
    def _unattached(self, payment_method: str | None) -> None:
        self.fixtures.methods.shared = payment_method

    # What the runner calls around each test

    def begin(self, clause: str, test: str = "") -> None:
        """Start a test for `clause`, called `test`; what an earlier look of the same test has seen is remembered."""
        self.case = Case(clause, test, remembered=self._remembered.setdefault(f"{clause} {test}", {}) if test else {})

    def end(self) -> Ledger:
        """Finish the running test: follow up what it did, and give what it found."""
        most = self.repetitions.survived
        if self.fixtures.provision.payment_methods == "given":
            most = max(SURVIVED_WHERE_GIVEN, most)
        if len(self.survived) >= most:
            self._check_still_serving()
        self.known.merge(self.case.ledger)
        return self.case.ledger

    def forget(self, *, verdicts: bool = True) -> None:
        """Forget every answer and every object, but not what is known to be broken: objects have been removed.

        Without `verdicts`, what was sent and what came of it is remembered.
        """
        answers: list[dict[Any, Any]] = [self._granted_before, self._asked_before, self._succeeded, self._samples]
        for kept in [*answers, self._remembered, self.sent] if verdicts else answers:
            kept.clear()
        if verdicts:
            self.survived.clear()
        self._unattached, self._uses, self._last_bindings = None, 0, {}

    # Performing

    def _fresh(
        self, attempt: Attempt, *, role: str = "subject", new_connection: bool = False, plain: bool = False
    ) -> Step:
        """Send on a payment method that nothing has been done to; a `plain` one has no details of its own."""
        made = partial(self.fixtures.methods.new, plain=plain)
        step = self._send(attempt, self._bind(attempt, made), role, new_connection)
        if step.exchange.is_refusal and {"customer", "payment_method"} <= step.bindings.keys():
            self.fixtures.methods.take_back(step.bindings["payment_method"], step.bindings["customer"])
        return self._counted(attempt, step, new_connection=new_connection)

    def _as_far_as_ids_go(self, *sends: Callable[[], Step]) -> list[Step]:
        """The steps of the first, and of as many others as there are fixtures for; it is noted what is left out."""
        first, *others = sends
        steps = [first()]
        for send in others:
            try:
                steps.append(send())
            except OutOfFixtures as ran_out:
                self.case.note(LACKING, str(ran_out))
        return steps

    def _counted(self, attempt: Attempt, step: Step, *, new_connection: bool = False) -> Step:
        """The step, which counts among the successes of its attempt if it is one."""
        if step.exchange.is_success and not step.exchange.resent:
            self._succeeded.setdefault(attempt, []).append((new_connection, step))
        return step

    def _granted(self, attempt: Attempt, *, role: str = "subject") -> Step:
        """As `_fresh`, but asked once in a run if it succeeds: one success serves every clause that it speaks of."""
        if attempt in self._granted_before:
            step, self._last_bindings = self._granted_before[attempt]
            return replace(step, role=role)
        step = self._fresh(attempt, role=role)
        if step.exchange.is_success:
            self._granted_before[attempt] = step, self._last_bindings
        return step

    def _shared(
        self, attempt: Attempt, *, role: str = "subject", new_connection: bool = False, is_to_be_refused: bool = False
    ) -> Step:
        """Send on the one unattached payment method that serves refusals, until an answer says that it was used.

        The last given one is only for what `is_to_be_refused`, as invalid attempts are.
        """
        if attempt.kind != "invalid" and not is_to_be_refused and self.fixtures.methods.is_down_to_the_last():
            raise OutOfFixtures("the last one is kept for invalid requests (give more with --payment-method)")
        step = self._send(attempt, self._bind(attempt, self._unattached_payment_method), role, new_connection)
        if not step.exchange.is_refusal:
            self._unattached = None
        return step

    def _asked(self, attempt: Attempt, *, to_be_read: bool = False) -> Step:
        """As `_shared`, but asked once in a run: one answer serves every clause that it speaks of.

        What is `to_be_read` is asked on the payment method in hand, so that reading it shows what came of this.
        """
        before = self._asked_before.get(attempt)
        if before is not None and (not to_be_read or before[1].get("payment_method") in (None, self._unattached)):
            step, self._last_bindings = before
            return step
        step = self._shared(attempt)
        if step.exchange.is_success or step.exchange.is_refusal:
            self._asked_before[attempt] = step, self._last_bindings
        return step

    def _ordinary_unknown_id(self) -> Step:
        """What an ordinary id that names nothing is answered: odd ids can be held against no more."""
        return replace(self._asked(NO_PAYMENT_METHOD), role="control")

    def _unattached_payment_method(self) -> str:
        """The payment method that refusals share, read again after so many uses that the guilty one is still known."""
        if self._uses >= USES_BETWEEN_READS:
            self._make_sure_it_is_unattached()
        if self._unattached is None:
            self._unattached, self._uses = self.fixtures.methods.take_reserved(), 0
        self._uses += 1
        return self._unattached

    def _make_sure_it_is_unattached(self) -> None:
        """Take another payment method for refusals if an earlier request has attached the one in hand."""
        read = (
            self.fixtures.endpoints.read_payment_method(self._unattached) if self._unattached and self._uses else None
        )
        self._uses = 0
        if read is not None and read.is_success and read.object.get("customer") is not None:
            self._unattached = None

    def _bind(self, attempt: Attempt, payment_method: Callable[[], str]) -> Mapping[str, str]:
        needs = attempt.needs
        bindings = {name: self.fixtures.customers.named(name) for name in sorted(needs) if name.endswith("customer")}
        if "payment_method" in needs:
            bindings["payment_method"] = payment_method()
        self._last_bindings = bindings
        return bindings

    def _send(
        self, attempt: Attempt, bindings: Mapping[str, str], role: str = "subject", new_connection: bool = False
    ) -> Step:
        self.plan.update(f"{attempt}\n".encode())
        self.sent[attempt.digest] = attempt
        if any(not isinstance(value, str) for _, value in attempt.headers):
            bindings = {**bindings, RUN: self.fixtures.run}
        exchange = self.fixtures.endpoints.note_type(
            self.client.send(attempt.bind(bindings), new_connection=new_connection)
        )
        invalid = f"{attempt.invalid.component}: {attempt.invalid.why}" if attempt.invalid else ""
        return self._noted(Step(role, exchange, str(attempt), invalid, attempt.kind, attempt.digest, dict(bindings)))

    def _read_back(self, step: Step) -> Sequence[Step]:
        identifier = step.exchange.object.get("id") or self._last_bindings.get("payment_method")
        if not isinstance(identifier, str):
            return ()
        read = self.fixtures.endpoints.read_payment_method(identifier)
        if identifier == self._unattached and read is not None and read.object.get("customer", "") is None:
            self._uses = 0
        return () if read is None else (Step("follow-up", read, f"GET {identifier}"),)

    def _episode(self, expectation: str, steps: Iterable[Step], clause: str = "", **facts: Any) -> Episode:
        facts |= {"stateless": self.fixtures.provision.stateless, "test_key": self.client.key.is_test_key}
        flags = {"explores": self.case.explores, "remote": not self.client.address.is_loopback}
        facts |= dict.fromkeys((name for name, is_set in flags.items() if is_set), True)
        if self.fixtures.provision.payment_methods in PAYMENT_METHOD_FORMS:
            facts["created_as"] = "card"
        return Episode(clause or self.case.clause, expectation, tuple(steps), dict(self._last_bindings), facts)

    # Concluding

    def _conclude(
        self,
        what: Hashable,
        perform: Perform,
        *,
        also: Sequence[tuple[str, str]] = (),
        again: Perform | None = None,
    ) -> None:
        """Perform, judge and record once for each `what`; `again` is what confirms a failure, if not the same."""
        if what in self.case.remembered:
            finding = self.case.remembered[what]
            if finding is not None:
                self._fail_for(finding)
            return
        if self.case.is_left or (self.pursuit is not None and self.pursuit.is_over()):
            return
        if self.case.has_failed and (self.case.clause or self.pursuit):
            most = MOST_EPISODES_IN_PURSUIT if self.pursuit else MOST_EPISODES_AFTER_A_FAILURE
            if self.case.performed_after_failure >= most or not self._can_afford(self._last_cost):
                return
            self.case.performed_after_failure += 1
        before = self.known.broken
        try:
            trial = self._tried(perform, again or perform, also)
        except Killed as killed:
            self._leave(str(killed))
            return
        settled = self._settled(trial)
        if trial.missing and settled.own is None:
            return
        broken = self._pursued(settled, before) if self.pursuit and self.pursuit.beside else settled.own
        self.case.remembered[what] = broken
        if broken is not None:
            self._fail_for(broken)

    def _leave(self, reason: str) -> None:
        self.case.is_left = True
        if self.case.clause:
            self.case.note(NOT_RUN, reason)

    def _fail_for(self, finding: Finding) -> None:
        self.case.has_failed, self.case.raised = True, finding
        raise ClauseBroken(finding)

    def _pursued(self, settled: Settlement, before: Container[str]) -> Finding | None:
        """What exploring fails for: its own clause, or else any that was not broken before; then only for that one."""
        entries = settled.ledger.entries.items()
        beside = [one for slug, entry in entries if slug != UNSTEADY for one in entry.findings]
        found = [finding for finding in (settled.own, *beside) if finding is not None]
        if self.case.raised is not None:
            return next((finding for finding in found if finding.clause == self.case.raised.clause), None)
        return next((finding for finding in found if finding.clause not in before), None)

    def _tried(self, perform: Perform, again: Perform, also: Sequence[tuple[str, str]]) -> Trial:
        """Perform once, again where that was inconclusive, and for a new finding as often as confirms it."""
        performed: list[Performed] = []
        self._begin_trial()

        def judged(part: str, play: Perform) -> Judgement:
            before = self.client.requests_sent
            performed.append(Performed(part, self._performed_alive(play)))
            self._last_cost = self.client.requests_sent - before
            return self._judged(performed[-1].episode)

        missing = ""
        try:
            judgement = judged(FIRST, perform)
            if judgement.outcome is Outcome.INCONCLUSIVE:
                judgement = judged(AGAIN, perform)
            if judgement.outcome is Outcome.INCONCLUSIVE and self._is_hung_up_on():
                self.client.reconnect()
                judgement = judged(AGAIN, perform)
                self._leave_if_hung_up()
            doubtful = needs_confirmation(judgement, self._established())
            if doubtful and self.requests_to_first_finding is None:
                self.requests_to_first_finding = self.client.requests_sent
            if doubtful:
                self._confirm(doubtful, lambda part: judged(part, again))
                performed = self._blamed(performed, doubtful, again)
        except OutOfFixtures as ran_out:
            missing = str(ran_out)
        except KeyboardInterrupt:
            self._settled(self._trial(performed, also, INTERRUPTED))
            raise
        return self._trial(performed, also, missing)

    def _confirm(self, doubtful: Sequence[Finding], judged: Callable[[str], Judgement]) -> None:
        """Perform again, rejections on a new connection; with new customers what never came again."""
        at_failure = self.case.sent_at_failure
        start = self.client.requests_sent if at_failure is None else at_failure
        if not doubtful[0].exchange.is_success:
            self.client.reconnect()
        if self.fixtures.provision.payment_methods != "given":
            self._unattached = None  # what an earlier refusal did to the one in hand is no fault of this request
        broken: frozenset[str] = frozenset()
        for number in range(CONFIRMATIONS):
            if not number or self._can_afford(self._last_cost, start):
                broken |= judged(CONFIRMATION).broken
        came_again = any(finding.clause in broken for finding in doubtful)
        for _ in range(0 if came_again or self.fixtures.provision.customers != "created" else ANEW_TIMES):
            with contextlib.suppress(OutOfFixtures), self.fixtures.customers.substitute():
                judged(ANEW)

    # What the watch over the target adds (see keeping.py)

    def _noted(self, step: Step) -> Step:
        return step

    def _begin_trial(self) -> None:
        """Forget what became of the target during an earlier trial."""

    def _performed_alive(self, play: Perform) -> Episode:
        return play()

    def _is_hung_up_on(self) -> bool:
        return False

    def _leave_if_hung_up(self) -> None:
        """Raise Killed where the target hangs up on the same request each time."""

    def _blamed(self, performed: list[Performed], doubtful: Sequence[Finding], again: Perform) -> list[Performed]:
        return performed

    def _check_still_serving(self) -> None:
        """See whether a valid request is answered as before."""

    def _trial(self, performed: Sequence[Performed], also: Sequence[tuple[str, str]], missing: str) -> Trial:
        case = self.case
        return Trial(case.clause, tuple(performed), OF_A_CLAUSE, case.test, case.explores, tuple(also), missing)

    def _settled(self, trial: Trial) -> Settlement:
        """Conclude from a trial, and keep both."""
        settled = settle(trial, self._established(), self.contract, self.catalogue)
        if self.pursuit is None or settled.ledger.broken:
            self.case.log.append(trial)
        self.case.ledger.merge(settled.ledger)
        return settled

    def _established(self) -> frozenset[str]:
        """The clauses that are known to be broken."""
        return self.known.broken | self.case.ledger.broken

    def _judged(self, episode: Episode) -> Judgement:
        judgement = judge(episode, self.contract, self.catalogue)
        if self.case.clause in judgement.broken and self.case.sent_at_failure is None:
            self.case.sent_at_failure = self.client.requests_sent
        return judgement

    def _can_afford(self, count: int, start: int | None = None) -> bool:
        """Whether so many more requests keep within what a failure may cost that was seen after `start` requests.

        Exploring is bounded by its time.
        """
        start = self.case.sent_at_failure if start is None else start
        if start is None or self.pursuit is not None:
            return True
        return self.client.requests_sent - start + count <= MOST_REQUESTS_AFTER_A_FAILURE

    def _is_broken_by(self, episode: Episode) -> bool:
        return self._judged(episode).outcome is Outcome.FAIL

    def _singled_out(
        self, episode: Episode, attempts: Attempts, suspects: Attempts, alone: Callable[[Attempt], Episode]
    ) -> tuple[Attempts, Episode]:
        """What to show for an episode of these attempts: where it is broken, the first suspect that is so alone."""
        if self._is_broken_by(episode):
            for suspect in suspects:
                if self._is_broken_by(smaller := alone(suspect)):
                    return (suspect,), smaller
        return attempts, episode
