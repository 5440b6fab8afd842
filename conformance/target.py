"""The target as a test sees it: verbs that send, judge and remember.

Each verb performs one episode, has it judged, and keeps what it says in the ledger of the running test. A clause that
an episode breaks raises `ClauseBroken`, so that Hypothesis shrinks to the smallest attempt that shows it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.client import Client
from conformance.episode import Episode, Finding, Judgement, Outcome, Step
from conformance.judge import judge
from conformance.ledger import Ledger
from conformance.provisioning import Fixtures, OutOfFixtures
from contracts import Catalogue, Contract
from strategies.attempt import Attempt
from strategies.comparison import Comparison
from strategies.valid import MINIMAL

Perform = Callable[[], Episode]

INTERMITTENT = "robustness.same-request-same-answer"
STILL_SERVING = "robustness.still-serving"
ENVELOPE_OF_MALFORMED = "robustness.error-envelope"

CONFIRMATIONS = 2
"""How often an episode that breaks a clause is performed again, to tell a broken clause from an unsteady server."""

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
    refused_any: bool = False
    explores: bool = False
    survived: list[Attempt] = field(default_factory=list)


class Target:
    """One implementation under test."""

    def __init__(self, client: Client, fixtures: Fixtures, contract: Contract, catalogue: Catalogue) -> None:
        self.client = client
        self.fixtures = fixtures
        self.contract = contract
        self.catalogue = catalogue
        self.known = Ledger()
        self.case = Case("")
        self._unattached: str | None = None
        self._samples: dict[tuple[Attempt, ...], list[Step]] = {}

    # What the runner calls around each test

    def begin(self, clause: str) -> None:
        """Start a test for `clause`."""
        self.case = Case(clause)

    def end(self) -> Ledger:
        """Finish the running test: follow up what it did, and give what it found."""
        if self.case.survived:
            self._check_still_serving()
        if self.case.refused_any:
            self._drop_if_attached()
        self.known.merge(self.case.ledger)
        return self.case.ledger

    # The verbs of the tests

    def accepts(self, attempt: Attempt) -> None:
        """The attempt, on a fresh payment method, is answered with success."""
        self._conclude(attempt, lambda: self._episode("accepted", [self._fresh(attempt)]))

    def refuses(self, attempt: Attempt, *, times: int = 1) -> None:
        """The attempt is refused, each of `times` times."""
        self._conclude(attempt, lambda: self._episode("refused", [self._shared(attempt) for _ in range(times)]))

    def answers_alike(self, comparison: Comparison) -> None:
        """Every subject gets the same answer as the control, each on a payment method of its own."""

        def perform() -> Episode:
            steps = [self._fresh(comparison.control, role="control")]
            steps += [self._fresh(subject) for subject in comparison.subjects]
            return self._episode("alike", steps, control_succeeds=comparison.needs_success)

        self._conclude(comparison, perform)

    def answers_refusals_alike(self, comparison: Comparison) -> None:
        """As `answers_alike`, for attempts that a server with state refuses: no payment method is used up."""

        def perform() -> Episode:
            steps = [self._shared(comparison.control, role="control")]
            steps += [self._shared(subject) for subject in comparison.subjects]
            return self._episode("alike", steps, control_succeeds=comparison.needs_success)

        self._conclude(comparison, perform)

    def takes_as_sent(self, attempt: Attempt) -> None:
        """A value that only resembles a known id is refused, or echoed exactly."""

        def perform() -> Episode:
            step = self._shared(attempt)
            return self._episode("taken_as_sent", [step], value=(step.exchange.sent_values("customer") or ("",))[-1])

        self._conclude(attempt, perform)

    def survives(self, attempt: Attempt) -> None:
        """The attempt is answered in time and below 500, and the server goes on serving."""

        def perform() -> Episode:
            return self._episode("survived", [self._shared(attempt)])

        if attempt not in self.case.survived:
            self.case.survived.append(attempt)
        self._conclude(attempt, perform, also=((ENVELOPE_OF_MALFORMED, "enveloped"),))

    def uses_one(self, attempt: Attempt) -> None:
        """Of two customers under one name none or exactly one is used, in the answer and in the store."""

        def perform() -> Episode:
            step = self._fresh(attempt)
            return self._episode("one_of_two", [step, *self._read_back(step)])

        self._conclude(attempt, perform)

    def inlines(self, attempt: Attempt, plain: Attempt) -> None:
        """The expanded customer is a whole customer, in a body that is as whole as the plain one's."""
        self._conclude(
            attempt,
            lambda: self._episode("inlined", [self._fresh(attempt), self._fresh(plain, role="control")]),
        )

    def expands_nothing_unasked(self, expanded: Attempt, plain: Attempt) -> None:
        """A plain attempt shows `customer` as a string, right after an expanded one on the same payment method."""

        def perform() -> Episode:
            first = self._fresh(expanded, role="set-up")
            again = self._send(plain, self._last_bindings)
            return self._episode("unexpanded", [first, again])

        self._conclude((expanded, plain), perform)

    def honours_every_entry(self, alone: Attempt, *together: Attempt) -> None:
        """`customer` is expanded wherever it stands beside a second path that is legal alone."""

        def perform() -> Episode:
            steps = [self._fresh(alone, role="control")]
            if isinstance(steps[0].exchange.object.get("customer"), str):
                steps += [self._fresh(attempt) for attempt in together]
            return self._episode("every_entry", steps)

        self._conclude((alone, *together), perform)

    def does_not_obey(self, attempt: Attempt) -> None:
        """The attempt does not succeed, and attaches nothing."""

        def perform() -> Episode:
            step = self._shared(attempt)
            return self._episode("not_obeyed", [step, *self._read_back(step)])

        self._conclude(attempt, perform)

    def tells(self, attempt: Attempt) -> None:
        """Whatever happens is reported."""
        self._conclude(attempt, lambda: self._episode("reported", [self._fresh(attempt)]))

    def answers_well(self, *attempts: Attempt) -> None:
        """The successes of these attempts are what the running test's clause says; all such tests share one sample."""

        def sampled() -> Episode:
            if attempts not in self._samples:
                self._samples[attempts] = [self._fresh(attempt) for attempt in attempts]
            return self._episode("well_formed", self._samples[attempts])

        def sampled_anew() -> Episode:
            return self._episode("well_formed", [self._fresh(attempt) for attempt in attempts])

        self._conclude(attempts, sampled, again=sampled_anew)

    def judges(self, attempt: Attempt, clause: str) -> None:
        """The attempt is answered as `clause` says; an empty one leaves it to the general clauses."""
        self.case.clause = clause
        self.case.explores = True
        expectation = {"": "answered", "request.other-methods": "not_obeyed"}.get(clause, "refused")
        with contextlib.suppress(ClauseBroken):
            self._conclude(attempt, lambda: self._episode(expectation, [self._shared(attempt)]))

    def stays_steady(self, attempt: Attempt, *, kept: int, new: int, fresh: bool) -> None:
        """The attempt gets the same class of answer `kept` times on a kept connection and `new` times on new ones."""

        def perform() -> Episode:
            send = self._fresh if fresh else self._shared
            steps = [send(attempt) for _ in range(kept)]
            steps += [send(attempt, new_connection=True) for _ in range(new)]
            return self._episode("steady", steps)

        def once_more() -> Episode:
            return self._episode("steady", [self._fresh(attempt) if fresh else self._shared(attempt)])

        self._conclude(attempt, perform, again=once_more)

    # Performing

    def _fresh(self, attempt: Attempt, *, role: str = "subject", new_connection: bool = False) -> Step:
        """Send on a payment method that nothing has been done to."""
        return self._send(attempt, self._bind(attempt, self.fixtures.new_payment_method), role, new_connection)

    def _shared(self, attempt: Attempt, *, role: str = "subject", new_connection: bool = False) -> Step:
        """Send on the one unattached payment method that serves refusals, until an answer says that it was used."""
        step = self._send(attempt, self._bind(attempt, self._unattached_payment_method), role, new_connection)
        self.case.refused_any = True
        if not step.exchange.is_refusal:
            self._unattached = None
        return step

    def _unattached_payment_method(self) -> str:
        if self._unattached is None:
            self._unattached = self.fixtures.new_payment_method()
        return self._unattached

    def _bind(self, attempt: Attempt, payment_method: Callable[[], str]) -> Mapping[str, str]:
        needs = attempt.needs
        bindings = {name: self.fixtures.customer(name) for name in sorted(needs) if name.endswith("customer")}
        if "payment_method" in needs:
            bindings["payment_method"] = payment_method()
        self._last_bindings: Mapping[str, str] = bindings
        return bindings

    def _send(
        self, attempt: Attempt, bindings: Mapping[str, str], role: str = "subject", new_connection: bool = False
    ) -> Step:
        exchange = self.client.send(attempt.bind(bindings), new_connection=new_connection)
        invalid = f"{attempt.invalid.component}: {attempt.invalid.why}" if attempt.invalid else ""
        return Step(role, exchange, str(attempt), invalid, attempt.kind)

    def _read_back(self, step: Step) -> Sequence[Step]:
        identifier = step.exchange.object.get("id") or self._last_bindings.get("payment_method")
        if not isinstance(identifier, str):
            return ()
        read = self.fixtures.read_payment_method(identifier)
        return () if read is None else (Step("follow-up", read, f"GET {identifier}"),)

    def _episode(self, expectation: str, steps: Iterable[Step], clause: str = "", **facts: Any) -> Episode:
        facts |= {"stateless": self.fixtures.provision.stateless, "test_key": self.client.key.is_test_key}
        facts |= {"explores": True} if self.case.explores else {}
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
        own = self._record(judgement)
        for clause, expectation in also:
            other = self._judged(replace(episode, clause=clause, expectation=expectation))
            self._record_for(clause, other.outcome, other.reason, [f for f in other.findings if f.clause == clause])
        self.case.remembered[what] = own
        if own is not None:
            self.case.has_failed = True
            raise ClauseBroken(own)

    def _judged(self, episode: Episode) -> Judgement:
        return judge(episode, self.contract, self.catalogue)

    def _confirmed(self, judgement: Judgement, perform: Perform) -> Judgement:
        """The judgement that stands when the episode is performed again.

        What does not come again is put down to the server's unsteadiness, under the clause that forbids that.
        """
        doubtful = [finding for finding in judgement.findings if not self._is_established(finding.clause)]
        latest = judgement
        for _ in range(CONFIRMATIONS):
            if not doubtful:
                return judgement
            again = self._judged(perform())
            if again.outcome is not Outcome.INCONCLUSIVE:
                latest = again
                doubtful = [finding for finding in doubtful if finding.clause not in again.broken]
        if latest is judgement or not doubtful:
            return judgement
        unsteady = tuple(put_down_to_unsteadiness(finding) for finding in doubtful)
        kept = tuple(finding for finding in judgement.findings if finding not in doubtful)
        outcome = judgement.outcome if self.case.clause in {finding.clause for finding in kept} else latest.outcome
        return Judgement(outcome, latest.reason, (*kept, *unsteady))

    def _is_established(self, clause: str) -> bool:
        known = self.known.has_finding(clause) or self.case.ledger.has_finding(clause)
        return known or clause == INTERMITTENT

    def _record(self, judgement: Judgement) -> Finding | None:
        clause = self.case.clause
        own = next((finding for finding in judgement.findings if finding.clause == clause), None)
        for finding in judgement.findings:
            if finding is not own:
                self.case.ledger.entry(finding.clause).add_finding(finding)
        self._record_for(clause, judgement.outcome, judgement.reason, [] if own is None else [own])
        return own

    def _record_for(self, clause: str, outcome: Outcome, reason: str, findings: Sequence[Finding]) -> None:
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
            case Outcome.NOT_APPLICABLE:
                entry.not_applicable.append(reason)

    # Following up

    def _check_still_serving(self) -> None:
        """After malformed requests a valid one is answered as before; if not, find the one that did it."""

        def served_after(*before: Attempt) -> Judgement:
            steps = [replace(self._shared(attempt), role="set-up") for attempt in before]
            steps.append(self._fresh(MINIMAL))
            return self._judged(self._episode("served_again", steps, clause=STILL_SERVING))

        try:
            judgement = served_after()
            if judgement.outcome is Outcome.FAIL:
                each = (served_after(attempt) for attempt in self.case.survived)
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

    def _drop_if_attached(self) -> None:
        """Leave the shared payment method when a refusal has attached it all the same."""
        if self._unattached is None:
            return
        read = self.fixtures.read_payment_method(self._unattached)
        if read is not None and read.is_success and read.object.get("customer") is not None:
            self._unattached = None


def put_down_to_unsteadiness(finding: Finding) -> Finding:
    """A finding that did not come again when the same was sent again."""
    if finding.clause == INTERMITTENT:
        return finding
    observed = f"{finding.observed} once, and not when the same was sent again (seen at {finding.clause})"
    return replace(finding, clause=INTERMITTENT, observed=observed)
