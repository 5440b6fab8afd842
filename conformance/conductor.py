"""The conductor: performs episodes, has them judged, confirms what they show, and keeps it in the ledger.

The ledger is that of the running test.

A clause that an episode breaks raises `ClauseBroken`, so that Hypothesis shrinks to the smallest attempt that shows it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.client import Client
from conformance.episode import Episode, Finding, Judgement, Outcome, Step
from conformance.judge import judge
from conformance.ledger import UNSTEADY, Ledger
from conformance.options import STANDARD_REPETITIONS, Repetitions
from conformance.provisioning import PAYMENT_METHOD_FORMS, Fixtures, OutOfFixtures
from conformance.traffic import TrafficCounter
from contracts import Catalogue, Contract
from strategies.attempt import Attempt
from strategies.refusals import NO_PAYMENT_METHOD
from strategies.traits import traits
from strategies.valid import MINIMAL

Perform = Callable[[], Episode]

INTERMITTENT = UNSTEADY
STILL_SERVING = "robustness.still-serving"
ENVELOPE_OF_MALFORMED = "robustness.error-envelope"

CONFIRMATIONS = 2
"""How often an episode that breaks a clause is performed again, to tell a broken clause from an unsteady server."""

USES_BETWEEN_READS = 20
"""After how many refusals the payment method that they share is read, to see whether it is still unattached."""

MOST_EPISODES_AFTER_A_FAILURE = 15
"""How many more episodes a test may perform once its clause is known to be broken: what shrinking may cost."""


class ClauseBroken(AssertionError):
    """The clause under test is broken."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(f"{finding.clause}: {finding.observed}")
        self.finding = finding


@dataclass
class Case:
    """The test that is running: the clause that it is for, what it has found, and the verdicts that it remembers."""

    clause: str
    ledger: Ledger = field(default_factory=Ledger)
    remembered: dict[Hashable, Finding | None] = field(default_factory=dict)
    performed_after_failure: int = 0
    has_failed: bool = False
    explores: bool = False


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
        self.case = Case("")
        self.survived: list[Attempt] = []
        self.requests_to_first_finding: int | None = None
        self.plan = hashlib.sha256()
        self.traffic = TrafficCounter()
        self._unattached: str | None = None
        self._granted_before: dict[Attempt, tuple[Step, Mapping[str, str]]] = {}
        self._remembered: dict[str, dict[Hashable, Finding | None]] = {}
        self._asked_before: dict[Attempt, tuple[Step, Mapping[str, str]]] = {}
        self._succeeded: dict[Attempt, list[tuple[bool, Step]]] = {}
        self._uses = 0
        self._last_bindings: Mapping[str, str] = {}
        self._samples: dict[tuple[Attempt, ...], list[Step]] = {}

    # What the runner calls around each test

    def begin(self, clause: str, test: str = "") -> None:
        """Start a test for `clause`; what an earlier look of the same `test` has seen is remembered."""
        self.case = Case(clause, remembered=self._remembered.setdefault(test, {}) if test else {})

    def end(self) -> Ledger:
        """Finish the running test: follow up what it did, and give what it found."""
        if len(self.survived) >= self.repetitions.survived:
            self._check_still_serving()
        self.known.merge(self.case.ledger)
        return self.case.ledger

    # Performing

    def _fresh(self, attempt: Attempt, *, role: str = "subject", new_connection: bool = False) -> Step:
        """Send on a payment method that nothing has been done to."""
        step = self._send(attempt, self._bind(attempt, self.fixtures.new_payment_method), role, new_connection)
        return self._counted(attempt, step, new_connection=new_connection)

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

    def _shared(self, attempt: Attempt, *, role: str = "subject", new_connection: bool = False) -> Step:
        """Send on the one unattached payment method that serves refusals, until an answer says that it was used."""
        if attempt.kind != "invalid" and self.fixtures.is_down_to_the_last(self._unattached):
            raise OutOfFixtures("the last one is kept for invalid requests (give more with --payment-method)")
        step = self._send(attempt, self._bind(attempt, self._unattached_payment_method), role, new_connection)
        if not step.exchange.is_refusal:
            self._unattached = None
        return step

    def _asked(self, attempt: Attempt) -> Step:
        """As `_shared`, but asked once in a run: one answer serves every clause that it speaks of."""
        if attempt in self._asked_before:
            step, self._last_bindings = self._asked_before[attempt]
            return step
        step = self._shared(attempt)
        if step.exchange.answered:
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
            self._unattached, self._uses = self.fixtures.payment_method_for_refusals(), 0
        self._uses += 1
        return self._unattached

    def _make_sure_it_is_unattached(self) -> None:
        """Take another payment method for refusals if an earlier request has attached the one in hand."""
        read = self.fixtures.read_payment_method(self._unattached) if self._unattached and self._uses else None
        self._uses = 0
        if read is not None and read.is_success and read.object.get("customer") is not None:
            self._unattached = None

    def _bind(self, attempt: Attempt, payment_method: Callable[[], str]) -> Mapping[str, str]:
        needs = attempt.needs
        bindings = {name: self.fixtures.customer(name) for name in sorted(needs) if name.endswith("customer")}
        if "payment_method" in needs:
            bindings["payment_method"] = payment_method()
        self._last_bindings = bindings
        return bindings

    def _send(
        self, attempt: Attempt, bindings: Mapping[str, str], role: str = "subject", new_connection: bool = False
    ) -> Step:
        self.plan.update(f"{attempt}\n".encode())
        exchange = self.client.send(attempt.bind(bindings), new_connection=new_connection)
        invalid = f"{attempt.invalid.component}: {attempt.invalid.why}" if attempt.invalid else ""
        return Step(role, exchange, str(attempt), invalid, attempt.kind)

    def _read_back(self, step: Step) -> Sequence[Step]:
        identifier = step.exchange.object.get("id") or self._last_bindings.get("payment_method")
        if not isinstance(identifier, str):
            return ()
        read = self.fixtures.read_payment_method(identifier)
        if identifier == self._unattached and read is not None and read.object.get("customer", "") is None:
            self._uses = 0
        return () if read is None else (Step("follow-up", read, f"GET {identifier}"),)

    def _episode(self, expectation: str, steps: Iterable[Step], clause: str = "", **facts: Any) -> Episode:
        facts |= {"stateless": self.fixtures.provision.stateless, "test_key": self.client.key.is_test_key}
        facts |= {"explores": True} if self.case.explores else {}
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
                raise ClauseBroken(finding)
            return
        if self.case.has_failed and self.case.clause:
            if self.case.performed_after_failure >= MOST_EPISODES_AFTER_A_FAILURE:
                return
            self.case.performed_after_failure += 1
        try:
            episode = perform()
            judgement = self._judged(episode)
            if judgement.outcome is Outcome.INCONCLUSIVE:
                episode = perform()
                judgement = self._judged(episode)
            judgement = self._confirmed(judgement, again or perform)
        except OutOfFixtures as missing:
            self.case.ledger.entry(self.case.clause).not_run.append(str(missing))
            return
        own = self._record(judgement, traits_of(episode))
        for clause, expectation in also:
            other = self._judged(replace(episode, clause=clause, expectation=expectation))
            self._record_for(clause, other.outcome, other.reason, [f for f in other.findings if f.clause == clause])
        self.case.remembered[what] = own
        if own is not None:
            self.case.has_failed = True
            raise ClauseBroken(own)

    def _judged(self, episode: Episode) -> Judgement:
        self.traffic.count(episode)
        return judge(episode, self.contract, self.catalogue)

    def _is_broken_by(self, episode: Episode) -> bool:
        return self._judged(episode).outcome is Outcome.FAIL

    def _confirmed(self, judgement: Judgement, perform: Perform) -> Judgement:
        """The judgement that stands when the episode is performed again.

        What does not come again each time is put down to the server's unsteadiness, under the clause that forbids that.
        """
        new = [finding for finding in judgement.findings if not self._is_established(finding.clause)]
        doubtful: list[Finding] = []
        latest = judgement
        if new and self.requests_to_first_finding is None:
            self.requests_to_first_finding = self.client.requests_sent
        for _ in range(CONFIRMATIONS if new else 0):
            again = self._judged(perform())
            if again.outcome is not Outcome.INCONCLUSIVE:
                lacking = [finding for finding in new if finding.clause not in again.broken]
                doubtful += [finding for finding in lacking if finding not in doubtful]
                latest = again if lacking else latest
        if not doubtful:
            return judgement
        unsteady = tuple(put_down_to_unsteadiness(finding) for finding in doubtful)
        kept = tuple(finding for finding in judgement.findings if finding not in doubtful)
        outcome = judgement.outcome if self.case.clause in {finding.clause for finding in kept} else latest.outcome
        return Judgement(outcome, latest.reason, (*kept, *unsteady))

    def _is_established(self, clause: str) -> bool:
        known = self.known.has_finding(clause) or self.case.ledger.has_finding(clause)
        return known or clause == INTERMITTENT

    def _record(self, judgement: Judgement, remarkable: Sequence[str]) -> Finding | None:
        clause = self.case.clause
        own = next((finding for finding in judgement.findings if finding.clause == clause), None)
        for finding in judgement.findings:
            if finding is not own:
                self.case.ledger.entry(finding.clause).add_finding(finding)
        self._record_for(clause, judgement.outcome, judgement.reason, [] if own is None else [own], remarkable)
        return own

    def _record_for(
        self, clause: str, outcome: Outcome, reason: str, findings: Sequence[Finding], remarkable: Sequence[str] = ()
    ) -> None:
        entry = self.case.ledger.entry(clause)
        for finding in findings:
            entry.add_finding(finding)
        match outcome:
            case Outcome.PASS:
                entry.held += 1
                if reason:
                    entry.notes.append(reason)
            case Outcome.NOT_RUN:
                entry.not_run.append(reason)
            case Outcome.INCONCLUSIVE:
                entry.inconclusive.append(reason)
                entry.traits += [trait for trait in remarkable if trait not in entry.traits]
            case Outcome.NOT_APPLICABLE:
                entry.not_applicable.append(reason)

    # Following up

    def _check_still_serving(self) -> None:
        """After malformed requests a valid one is answered as before; if not, find the one that did it."""

        survived, self.survived = self.survived, []

        def served_after(*before: Attempt) -> Judgement:
            steps = [replace(self._shared(attempt), role="set-up") for attempt in before]
            steps += [self._fresh(MINIMAL), self._fresh(MINIMAL, new_connection=True)]
            return self._judged(self._episode("served_again", steps, clause=STILL_SERVING))

        try:
            judgement = served_after()
            if judgement.outcome is Outcome.FAIL:
                each = (served_after(attempt) for attempt in survived)
                judgement = next((found for found in each if found.outcome is Outcome.FAIL), None) or replace(
                    judgement, findings=tuple(map(put_down_to_unsteadiness, judgement.findings)), outcome=Outcome.PASS
                )
        except OutOfFixtures as missing:
            self.case.ledger.entry(STILL_SERVING).not_run.append(str(missing))
            return
        for finding in judgement.findings:
            if finding.clause in (STILL_SERVING, INTERMITTENT):
                self.case.ledger.entry(finding.clause).add_finding(finding)
        self._record_for(STILL_SERVING, judgement.outcome, "", [])


def put_down_to_unsteadiness(finding: Finding) -> Finding:
    """A finding that did not come again when the same was sent again."""
    if finding.clause == INTERMITTENT:
        return finding
    observed = f"{finding.observed} once, and not when the same was sent again (seen at {finding.clause})"
    return replace(finding, clause=INTERMITTENT, observed=observed, seen_at=finding.clause)


def traits_of(episode: Episode) -> tuple[str, ...]:
    """The traits of an episode's unanswered requests."""
    lost = (step.exchange for step in episode.steps if not step.exchange.answered)
    return tuple(dict.fromkeys(trait for exchange in lost for trait in traits(exchange.request)))
