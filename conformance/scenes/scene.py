"""The scene: the vocabulary in which a test tells its story."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from enum import Enum
from threading import Barrier
from typing import Any, TypeVar

from conformance.evidence.episode import Episode, Judgement, Outcome, Step
from conformance.evidence.exchange import Exchange, has_more
from conformance.fixtures.forms import RUN
from conformance.fixtures.provisioning import Absent, OutOfFixtures
from conformance.judge import expectation_name
from conformance.judge.reads import times_listed
from conformance.scenes.api import Api, ask_for_list
from conformance.scenes.budgets import Repetitions
from conformance.scenes.card import Card, step_of
from conformance.scenes.cards import Cards, shows
from conformance.scenes.memory import Kind
from conformance.scenes.needs import Needs
from conformance.scenes.serving import Serving
from conformance.scenes.stage import Stage
from strategies.attempt import Attempt
from strategies.values import Text, render

Value = TypeVar("Value")
Expectation = Callable[..., Any]

LONGEST_WAIT = 10.0
"""How many seconds one of several simultaneous requests waits for the others."""


class Mode(Enum):
    """The reason for telling a story: the first time, again (with other arguments, say), or to confirm a failure."""

    FIRST = "first"
    AGAIN = "again"
    CONFIRMATION = "confirmation"


@dataclass
class Telling:
    """The result of telling a story once: the episodes whose expectations must hold, in order.

    `also` holds further clauses with their expectations. `is_proof` says that an episode that breaks its clause proves
    it, since no order of events allows what it shows.
    """

    episodes: list[Episode] = field(default_factory=list)
    also: tuple[tuple[str, str], ...] = ()
    is_proof: bool = False

    def decisive(self, judge: Callable[[Episode], Judgement]) -> Episode:
        """Return the first episode that breaks its clause, else the last that passed or breaks another clause."""
        if len(self.episodes) == 1:
            return self.episodes[0]
        judged = [(episode, judge(episode)) for episode in self.episodes]
        failed = [episode for episode, one in judged if one.outcome is Outcome.FAIL]
        passed = [episode for episode, one in judged if one.outcome is Outcome.PASS]
        last, judgement = judged[-1]
        return [*failed[:1], *([last] if judgement.broken else passed[-1:]), last][0]


class Scene:
    """One telling of a test's story: what it makes, what it sends, what it looks at, and what must hold.

    `needs` are the story's prerequisites, `api` the other endpoints, `budget` says how often this run repeats requests.
    `is_confirmation` is true where the story confirms a failure; `stage` is what scene and engine share.
    """

    def __init__(self, stage: Stage, serving: Serving, mode: Mode, judge: Callable[[Episode], Judgement]) -> None:
        self.stage = stage
        self._judge = judge
        self.serving = serving
        self.mode = mode
        self.telling = Telling()
        self.needs = Needs(stage)
        self.api = Api(stage)
        self.budget: Repetitions = stage.repetitions
        self.is_confirmation = mode is Mode.CONFIRMATION

    # What is made

    def customers(self, count: int) -> tuple[str, ...]:
        """Return the ids of different customers, the same ones in each test; at most one request each in a run.

        Raises OutOfFixtures where there are fewer.
        """
        fixtures, known = self.stage.fixtures, self.stage.memory.customers
        with fixtures.making:
            while len(known) < count:
                if fixtures.provision.has_given_customers:
                    names = ("customer", "other_customer", *(f"customer {number}" for number in range(3, count + 1)))
                    customer = fixtures.customers.named(names[len(known)])
                else:
                    customer = fixtures.customers.create()[0]
                if customer in known:
                    raise OutOfFixtures(f"the target has one customer for two: {customer}")
                known.append(customer)
        return tuple(known[:count])

    def card(
        self,
        *,
        attached_to: str = "",
        plain: bool = False,
        oldest: bool = False,
        latest: bool = False,
        by: Attempt | None = None,
    ) -> Card:
        """Return a payment method: a new one with details of its own (one request), or one that a customer has.

        A `plain` one has no details. One that is `attached_to` a customer was read to make sure (one request, four
        where none is left from other tests); it is the newest, or the `oldest`, which others have followed, and it was
        attached `by` that attempt where one is. The `latest` is attached now.
        """
        cards = Cards(self.stage)
        if attached_to:
            return cards.attached(attached_to, oldest=oldest, latest=latest, by=by)
        return cards.new(plain=plain)

    def shared(
        self, name: Hashable, make: Callable[[], Value], *, is_whole: Callable[[Value], bool] = lambda made: True
    ) -> Value:
        """Return what `make` makes, made once for all tests that ask for this name, and again to confirm a failure.

        What is not whole, because an answer was lost, is made again, too.
        """
        if self.is_confirmation:
            again = make()
            self.stage.memory.shared[name] = again
            return again
        made: Value = self.stage.memory.once(Kind.NAMED, name, make, is_kept=lambda made: True, is_whole=is_whole)
        return made

    # What is sent

    def attach(
        self,
        attempt: Attempt,
        on: Card | Step | Text | None = None,
        *,
        to: str = "",
        role: str = "subject",
        new_connection: bool = False,
        **named: str,
    ) -> Step:
        """Send an attempt on a payment method, by default a new one, to a customer, by default the run's; one request.

        A step stands for the payment method and the customers of its request. `named` are ids for other names that the
        attempt knows, `run` the one in the key of another performer. A success on a card that has a customer already is
        not judged as an ordinary one.
        """
        stage = self.stage
        if on is None and not to and not named:
            return stage.send_fresh(attempt, role=role, new_connection=new_connection)
        bindings: dict[str, str] = {}
        if isinstance(on, Step):
            bindings.update((name, value) for name, value in on.bindings.items() if name != RUN)
        elif isinstance(on, Card):
            bindings["payment_method"] = on.id
        else:
            bindings["payment_method"] = stage.fixtures.methods.new() if on is None else render(on, {})
        if to:
            bindings["customer"] = to
        bindings = stage.bind(attempt, stage.fixtures.methods.new, {**bindings, **named})
        step = stage.send(attempt, bindings, role=role, new_connection=new_connection)
        if isinstance(on, Step):
            return step
        if isinstance(on, Card) and on.customer:
            return replace(step, kind="wire")
        return stage.count_success(attempt, step, new_connection=new_connection)

    def send(self, attempt: Attempt, *, role: str = "subject", rejected: bool = False, **named: str) -> Step:
        """Send an attempt on the unattached payment method that such requests share; one request.

        `rejected` says of a valid or doubtful attempt that a server with state rejects it. `named` are as in `attach`.
        """
        return self.stage.send_shared(attempt, role=role, rejected=rejected, named=named)

    def sample(self, attempt: Attempt, *, role: str = "subject", to_be_read: bool = False) -> Step:
        """Return the answer to an attempt, asked once in a run for all tests, and asked again to confirm a failure.

        A valid one is sent on a payment method of its own, others on the shared one; one `to_be_read` is sent on the
        present one, so that reading it shows what came of this.
        """
        if attempt.kind == "valid":
            step = self.stage.send_fresh(attempt) if self.is_confirmation else self.stage.sample_success(attempt)
        elif self.mode is Mode.FIRST:
            step = self.stage.sample_answer(attempt, to_be_read=to_be_read)
        else:
            step = self.stage.send_shared(attempt)
        return replace(step, role=role)

    def at_once(self, attempts: Attempt | Sequence[Attempt], wishes: Sequence[Mapping[str, str]]) -> list[Step]:
        """Send the attempt, or one for each, with each of these ids at the same time, each on a new connection.

        The form of their bodies is left to clauses that ask for it alone.
        """
        each = [attempts] * len(wishes) if isinstance(attempts, Attempt) else attempts
        together = Barrier(len(wishes))
        for attempt in each:  # in this order, whichever is sent first
            self.stage.plan_to_send(attempt)

        def send(attempt: Attempt, ids: Mapping[str, str]) -> Step:
            together.wait(LONGEST_WAIT)
            return self.stage.send(attempt, ids, new_connection=True, is_planned=True)

        contexts = [copy_context() for _ in wishes]  # the threads send on the lane of this one
        with self.stage.client.at_once(), ThreadPoolExecutor(len(wishes)) as pool:
            answers = pool.map(lambda context, *sent: context.run(send, *sent), contexts, each, wishes)
            steps = [replace(step, kind="wire") for step in answers]
        counted = zip(each, steps, strict=True)
        return [self.stage.count_success(attempt, step, new_connection=True) for attempt, step in counted]

    # What is looked at

    def retrieve(self, card: Card | str, *, role: str = "follow-up", shows_customer: str | None = "") -> Step:
        """Retrieve a payment method; off loopback until it shows this customer, or none for None, for a while.

        Raises Absent where the target retrieves none.
        """
        identifier = card.id if isinstance(card, Card) else card
        until = shows(shows_customer) if shows_customer != "" else None
        return self.api.retrieve(identifier, role=role, until=until)

    def list(
        self, customer: str, card: Card | str = "", *, count: int | None = None, others: Collection[str] = ()
    ) -> list[Step]:
        """List a customer's payment methods of this card's type; off loopback until it, and the `others`, are there.

        It is one request, and one for each further page until the card, if it should be there, and the `others` have
        been shown. Returns nothing where the target lists none, or where lists are known to be wrong.
        """
        stage = self.stage
        if stage.known.has_finding("state.listed") and stage.case.clause != "state.listed":
            return []
        identifier = card.id if isinstance(card, Card) else card
        kind = stage.fixtures.endpoints.type_of(identifier)

        def is_enough(answer: Exchange) -> bool:
            is_elsewhere = bool(count) and has_more(answer)
            is_whole = count is None or times_listed(answer, identifier) == count
            return is_elsewhere or (is_whole and all(times_listed(answer, other) for other in others))

        return ask_for_list(
            stage,
            lambda: stage.fixtures.endpoints.list_payment_methods(customer, kind),
            is_enough,
            [*others, *([identifier] if count else [])],
        )

    def detach(self, card: Card | str, *, role: str = "subject") -> Step:
        """Detach a payment method; one request. Raises Absent where the target has no endpoint for that."""
        return step_of(role, self.stage.fixtures.endpoints.detach(card.id if isinstance(card, Card) else card))

    # What must hold

    def expect(
        self,
        expectation: Expectation,
        *steps: Step,
        about: Mapping[str, str] | None = None,
        also: Sequence[tuple[str, Expectation]] = (),
        proof: bool = False,
        **facts: Any,
    ) -> None:
        """Expect the steps to be as the expectation says, which is a pure function of the episode and the contract.

        `about` names the objects that it speaks of, by default those of the last attempt; `facts` are its arguments;
        `also` are expectations of other clauses. `proof` says that a failure needs no confirmation. Where a story
        expects several things, the first that fails is shown.
        """
        episode = self.stage.episode(expectation, steps, fixtures=about, facts=facts)
        self.telling.episodes.append(episode)
        self.telling.also = tuple((clause, expectation_name(other)) for clause, other in also)
        self.telling.is_proof = proof

    def fails(self, *, any_clause: bool = False) -> bool:
        """Return whether the last expectation fails, or breaks `any_clause`, so that a long story can end there."""
        judgement = self._judge(self.telling.episodes[-1])
        return bool(judgement.broken) if any_clause else judgement.outcome is Outcome.FAIL


__all__ = ["Absent", "Card", "Expectation", "Mode", "OutOfFixtures", "Scene", "Telling"]
