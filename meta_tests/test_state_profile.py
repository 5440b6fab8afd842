"""The profile `stateful`: its model, its judges, and its verbs against an implementation of thirty lines."""

from __future__ import annotations

import contextlib
import json
import random
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings

from conformance.commands.sweep import CannotSweep, sweep
from conformance.evidence.episode import Episode, Outcome, Step
from conformance.evidence.exchange import CONNECTION_LOST, Exchange
from conformance.evidence.history import History
from conformance.evidence.secret import Secret
from conformance.fixtures.objects import Fixtures
from conformance.fixtures.provisioning import RUN_TAG, Provision
from conformance.judge import judge
from conformance.judge.answers import difference
from conformance.judge.model import OPEN, Model
from conformance.scenes import sequences as playing
from conformance.scenes.budgets import STANDARD_REPETITIONS
from conformance.scenes.case import ClauseBroken
from conformance.scenes.engine import Engine
from conformance.scenes.memory import HAS_TOO_MANY
from conformance.scenes.stage import Stage
from conformance.transport.bounds import Bounds
from conformance.verdict.entries import Entry
from contracts import load_catalogue, published_contract
from strategies import refusals, sequences
from strategies.attempt import Request
from strategies.sequences import TOUR, attach, listed, retrieve
from strategies.valid import MINIMAL
from tests import test_idempotency, test_state

CONTRACT = published_contract()
CATALOGUE = load_catalogue()


REFUSED = {"type": "invalid_request_error", "message": "no"}
MOST_METHODS = 5


@dataclass
class _Address:
    is_loopback: bool = True


@dataclass
class Tiny:
    """A client whose target is a dictionary.

    `faults` are the names of its mistakes, `manners` of what it may do, `lacks` of what it cannot do.
    """

    faults: tuple[str, ...] = ()
    manners: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    methods: dict[str, dict[str, Any]] = field(default_factory=dict)
    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    read_before: dict[str, dict[str, Any]] = field(default_factory=dict)
    lists: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    requests_sent: int = 0
    made: int = 0
    credentials: str = "bearer"
    key: Secret = field(default_factory=lambda: Secret("sk_test_of0the0tiny0one"))
    address: _Address = field(default_factory=_Address)
    lock: threading.Lock = field(default_factory=threading.Lock)
    history: History = field(default_factory=History)
    bounds: Bounds = field(default_factory=Bounds)
    making: Any = field(default_factory=threading.RLock)
    at_once: Callable[[], AbstractContextManager[None]] = nullcontext

    def send(self, request: Request, *, new_connection: bool = False) -> Exchange:
        form = dict(parse_qsl((request.body or b"").decode("latin-1"), keep_blank_values=True))
        return self._exchange(request, form)

    def call(self, method: str, target: str, form: dict[str, str] | None = None, manner: object = None) -> Exchange:
        return self._exchange(Request(method, target, (), None), form or {})

    def reconnect(self) -> None:
        """Connections are none of its business."""

    def _exchange(self, request: Request, form: dict[str, str]) -> Exchange:
        with self.lock:
            self.requests_sent += 1
            if "loses every other one" in self.faults and self.requests_sent % 2:
                return Exchange(request, failure=CONNECTION_LOST)
            status, body = self._answer(request, form)
        headers = (("Content-Type", "application/json"),)
        return Exchange(request, status, headers, json.dumps(body).encode(), received=1.8e9)

    def _answer(self, request: Request, form: dict[str, str]) -> tuple[int, Any]:
        url = urlsplit(request.target)
        match (request.method, *url.path.strip("/").split("/")[1:]):
            case ("POST", "customers"):
                return 200, self._new(self.customers, "cus_", {"metadata": {RUN_TAG: "x"}, "object": "customer"})
            case ("GET", "customers"):
                return (404, {}) if "customers" in self.lacks else (200, {"data": list(self.customers.values())})
            case ("DELETE", "customers", customer) if "delete" not in self.lacks:
                return (200, {}) if self.customers.pop(customer, None) else _refusal(404)
            case ("GET" | "POST", "customers", customer) if customer in self.customers:
                return 200, self.customers[customer]
            case ("POST", "payment_methods"):
                return 200, self._new(self.methods, "pm_", {"customer": None, "type": "card", "created": 1})
            case ("GET", "payment_methods") if "list" not in self.lacks:
                customer = dict(parse_qsl(url.query))["customer"]
                own = [one for one in self.methods.values() if one["customer"] == customer]
                if "is late" in self.faults and customer not in self.lists:
                    self.lists[customer] = own
                    own = own[-1:]
                if "forgets the newest" in self.faults:
                    own = own[:-1]
                if "shows one a page" in self.faults:
                    return 200, {"data": own[-1:], "has_more": len(own) > 1}
                if "shows one a page" in self.manners:
                    after = dict(parse_qsl(url.query)).get("starting_after")
                    if after and "knows no cursor" in self.manners:
                        return _refusal(400)
                    shown = [one["id"] for one in own].index(after) + 1 if after else 0
                    return 200, {"data": own[shown : shown + 1], "has_more": len(own) > shown + 1}
                kept = self.lists.setdefault(customer, own)
                return 200, {"data": kept if "caches lists" in self.faults else own}
            case ("GET", "payment_methods", method) if method in self.methods:
                unattached = {**self.methods[method], "customer": None}
                before = self.read_before.get(method, unattached if "is late" in self.faults else self.methods[method])
                self.read_before[method] = dict(self.methods[method])
                is_late = not {"is late", "tells late"}.isdisjoint(self.faults)
                return 200, before if is_late else self.read_before[method]
            case ("POST", "payment_methods", method, "detach") if "detach" not in self.lacks:
                self.methods[method]["customer"] = None
                return 200, self.methods[method]
            case ("POST", "payment_methods", method, "attach") if method in self.methods:
                return self._attach(request, self.methods[method], form)
        return _refusal(404)

    def _attach(self, request: Request, method: dict[str, Any], form: dict[str, str]) -> tuple[int, Any]:
        customer = form.get("customer", "")
        is_taken = method["customer"] not in (None, customer) and "takes over" not in self.faults
        if customer not in self.customers or is_taken:
            return _refusal(400)
        own = [one for one in self.methods.values() if one["customer"] == customer and one is not method]
        if len(own) >= MOST_METHODS and "takes a few methods" in self.manners:
            return 400, {"error": {**REFUSED, "code": HAS_TOO_MANY}}
        if "foo" in form and "obeys too early" in self.faults:
            method["customer"] = customer
        others = ("Accept", "Idempotency-Key")
        is_form = all(value == "application/x-www-form-urlencoded" for n, value in request.headers if n not in others)
        expands = form.keys() - {"customer", "expand[]"} or form.get("expand[]", "customer") != "customer"
        if expands or not is_form or request.credentials != "key":
            return _refusal(400)
        method["customer"] = customer
        return 200, {**method, "customer": self.customers[customer]} if "expand[]" in form else dict(method)

    def _new(self, store: dict[str, dict[str, Any]], prefix: str, content: dict[str, Any]) -> dict[str, Any]:
        self.made += 1
        identifier = f"{prefix}{self.made:03}AbCdEfGhIjKl"
        return store.setdefault(identifier, {"id": identifier, **content})


def _refusal(status: int) -> tuple[int, Any]:
    return status, {"error": REFUSED}


def engine_of(client: Tiny, **options: Any) -> Engine:
    found: dict[str, Any] = {"payment_methods": "a test token", "customers": "created", "retrieves": True}
    provision = Provision(stateless=False, **found | options)
    fixtures = Fixtures(client, provision, "run", random.Random(1))  # type: ignore[arg-type]  # a stand-in
    return Engine(Stage(client, fixtures, CONTRACT, CATALOGUE, STANDARD_REPETITIONS))  # type: ignore[arg-type]  # as above


def story_of(test: Any) -> Callable[..., None]:
    """Return what Hypothesis calls: the story of a test whose arguments are drawn."""
    story: Callable[..., None] = test.hypothesis.inner_test
    return story


def races(engine: Engine) -> None:
    test_state.test_one_wins(engine)  # type: ignore[arg-type]  # a test gets the engine, and its body a scene
    test_state.test_none_gets_lost(engine)  # type: ignore[arg-type]  # as above


STORIES: dict[str, Callable[[Any], object]] = {
    "state.persisted": test_state.test_attachment_persists,
    "state.same-object": test_state.test_nothing_but_the_customer_changes,
    "state.listed": test_state.test_attached_is_listed,
    "state.refusal-changes-nothing": test_state.test_rejections_change_nothing,  # type: ignore[dict-item]  # as above
    "state.only-this-one": test_state.test_others_are_untouched,
    "state.same-customer-again": test_state.test_same_customer_again,
    "state.second-customer": lambda engine: story_of(test_state.test_second_customer_cannot_take_it)(engine, MINIMAL),
    "state.unknown-payment-method": lambda engine: story_of(test_state.test_unknown_payment_method)(
        engine, refusals.unknown_payment_methods()[1]
    ),
    "state.unknown-customer": lambda engine: story_of(test_state.test_unknown_customer)(
        engine, refusals.unknown_customers()[-1]
    ),
    "state.deleted-customer": test_state.test_deleted_customer,
    "state.detach": test_state.test_detach,
    "state.race": races,
    "state.model": lambda engine: story_of(test_state.test_model)(engine, TOUR),
}


def conclude(slug: str, client: Tiny, **options: Any) -> Entry:
    engine = engine_of(client, **options)
    engine.begin(slug)
    with contextlib.suppress(ClauseBroken):
        STORIES[slug](engine)
    return engine.end().entry(slug)


def test_there_is_a_story_for_every_clause() -> None:
    assert set(STORIES) == {clause.slug for clause in CATALOGUE if clause.profile == "stateful"}


@pytest.mark.parametrize("slug", STORIES)
def test_a_conforming_target_passes(slug: str) -> None:
    entry = conclude(slug, Tiny())
    assert entry.held, entry
    others = [entry.findings, entry.not_run, entry.inconclusive, entry.not_applicable]
    assert not any(others)


def test_a_customer_who_takes_no_more_is_replaced() -> None:
    slug = "state.second-customer"
    engine = engine_of(Tiny(manners=("takes a few methods",)))
    for _ in range(2 * MOST_METHODS):
        engine.begin(slug)
        STORIES[slug](engine)
        entry = engine.end().entry(slug)
        assert entry.held, entry
        assert not entry.findings


@pytest.mark.parametrize("slug", ["state.second-customer", "state.model", "state.race"])
def test_a_takeover_is_seen(slug: str) -> None:
    assert conclude(slug, Tiny(faults=("takes over",))).findings


def test_a_list_from_a_cache_is_shown_with_the_read_that_filled_it() -> None:
    (finding,) = conclude("state.listed", Tiny(faults=("caches lists",))).findings[:1]
    first, *others = [step.exchange.request.target for step in finding.episode.steps]
    assert "payment_methods?customer=" in first
    assert first in others


@pytest.mark.parametrize("test", [test_state.test_attached_is_listed, test_state.test_attached_is_listed_still])
def test_a_card_on_a_later_page_is_not_missing(test: Callable[[Any], object]) -> None:
    engine = engine_of(Tiny(faults=("shows one a page",)))
    engine.begin("state.listed")
    test(engine)
    entry = engine.end().entry("state.listed")
    assert (entry.held, entry.inconclusive) == (1, [])


@pytest.mark.parametrize("slug", ["state.listed", "state.same-customer-again", "state.second-customer", "state.race"])
def test_lists_are_read_to_the_page_that_holds_the_card(slug: str) -> None:
    entry = conclude(slug, Tiny(manners=("shows one a page",)))
    assert entry.held
    assert (entry.findings, entry.inconclusive) == ([], [])


def test_a_card_that_no_page_holds_is_missing() -> None:
    assert conclude("state.listed", Tiny(manners=("shows one a page",), faults=("forgets the newest",))).findings


def test_the_guilty_refusal_is_singled_out() -> None:
    finding = conclude("state.refusal-changes-nothing", Tiny(faults=("obeys too early",))).findings[0]
    subjects = [step for step in finding.episode.steps if step.role == "subject"]
    assert [step.exchange.sent_values("foo") for step in subjects] == [("1",)]


@pytest.mark.parametrize("slug", ["state.listed", "state.race", "state.same-customer-again"])
def test_a_list_whose_next_page_is_rejected_has_more_than_it_shows(slug: str) -> None:
    entry = conclude(slug, Tiny(manners=("shows one a page", "knows no cursor")))
    assert not entry.findings


def test_a_tour_that_disagrees_is_shortened() -> None:
    finding = conclude("state.model", Tiny(faults=("takes over",))).findings[0]
    done = [operation for operation, *_ in finding.episode.facts["operations"] if operation != "create"]
    assert done == ["attach", "attach"]
    assert [step.attempt.partition(":")[0] for step in finding.episode.steps] == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("slug", "lacking"),
    [("state.listed", "list"), ("state.detach", "detach"), ("state.deleted-customer", "delete")],
)
def test_what_another_endpoint_lacks_is_not_applicable(slug: str, lacking: str) -> None:
    entry = conclude(slug, Tiny(lacks=(lacking,)))
    assert entry.is_not_applicable
    assert not entry.findings


@pytest.mark.parametrize("slug", ["state.same-customer-again", "state.detach", "state.race", "state.model"])
def test_without_lists_the_rest_is_judged(slug: str) -> None:
    entry = conclude(slug, Tiny(lacks=("list",)))
    assert entry.held
    assert not entry.findings


@pytest.mark.parametrize("slug", STORIES)
def test_without_retrieval_nothing_is_a_failure(slug: str) -> None:
    entry = conclude(slug, Tiny(), retrieves=False)
    assert not entry.findings
    assert any((entry.held, entry.not_run, entry.not_applicable, entry.inconclusive)), "the test did nothing"


@pytest.mark.parametrize("slug", STORIES)
def test_with_given_ids_only_nothing_is_a_failure(slug: str) -> None:
    client = Tiny()
    customers = tuple(client._new(client.customers, "cus_", {"metadata": {}})["id"] for _ in range(2))
    methods = tuple(
        client._new(client.methods, "pm_", {"customer": None, "type": "card", "created": 1})["id"] for _ in range(3)
    )
    given_ids = {"given_payment_methods": methods, "given_customers": customers}
    entry = conclude(slug, client, payment_methods="given", customers="given", **given_ids)
    assert not entry.findings
    assert entry.held or entry.not_run
    assert len(client.customers) == 2, "customers of others are left alone"


@pytest.mark.parametrize("at_once", [1, 4])
def test_clean_up_leaves_nothing_and_reports_what_is_left(at_once: int) -> None:
    for lacks, expected in (((), 0), (("delete",), 1)):
        client = Tiny(lacks=lacks)
        fixtures = engine_of(client).stage.fixtures
        fixtures.customers.named()
        gone, _ = fixtures.customers.create()
        client.customers.pop(gone)
        assert len(fixtures.clean_up(at_once)) == expected
        assert not fixtures.inventory.made


def test_a_sweep_removes_only_what_is_ours() -> None:
    client = Tiny()
    client.customers = {"cus_a": {"id": "cus_a", "metadata": {RUN_TAG: "x"}}, "cus_b": {"id": "cus_b", "metadata": {}}}
    gone, left = sweep(client)  # type: ignore[arg-type]  # a stand-in
    assert (gone, left, list(client.customers)) == (["cus_a"], {}, ["cus_b"])
    with pytest.raises(CannotSweep, match="404"):
        sweep(Tiny(lacks=("customers",)))  # type: ignore[arg-type]  # as above


def answer(status: int, **body: Any) -> Exchange:
    request = Request("POST", "/v1/payment_methods/pm_1/attach", (), b"customer=c1")
    return Exchange(request, status, (), json.dumps(body).encode())


def test_the_model_leaves_open_what_is_open() -> None:
    model, ok, no = Model(), answer(200, customer="c1"), answer(400)
    assert "free" in model.attach("m1", "c1", no)
    assert not model.attach("m1", "c1", ok)
    assert not model.attach("m1", "c1", no)
    assert "has it" in model.attach("m1", "c2", ok)
    assert not model.retrieve("m1", "", ok)
    assert not model.detach("m1", "", ok)
    assert "not null" in model.retrieve("m1", "", ok)
    assert not model.attach("m1", "c1", no)
    assert not model.attach("m1", "c1", ok)
    assert not model.delete("", "c1", ok)
    assert model.owners == {"m1": OPEN}
    assert not model.retrieve("m1", "", no)
    assert "deleted" in model.attach("m1", "c1", ok)


@given(operations=sequences.sequences())
@settings(max_examples=30, deadline=None, database=None, derandomize=True)
def test_a_conforming_target_agrees_with_the_model(operations: tuple[sequences.Operation, ...]) -> None:
    engine = engine_of(Tiny())
    engine.begin("state.model")
    story_of(test_state.test_model)(engine, operations)
    assert engine.end().entry("state.model").held


def raced(*answers: Exchange, read: Exchange) -> Outcome:
    steps = [Step("subject", exchange, kind="wire") for exchange in answers] + [Step("follow-up", read)]
    return judge(Episode("state.race", "one_winner", tuple(steps)), CONTRACT, CATALOGUE).outcome


def test_a_race_has_one_winner() -> None:
    won, lost, busy = answer(200, id="pm_1", customer="c1"), answer(400), answer(429)
    lost_answer = Exchange(won.request, failure="no answer in time")
    assert raced(won, lost, busy, answer(409), read=won) is Outcome.PASS
    assert raced(won, won, lost, read=won) is Outcome.FAIL
    assert raced(won, lost, read=answer(200, customer="c2")) is Outcome.FAIL
    assert raced(lost, lost, read=won) is Outcome.FAIL
    assert raced(lost, busy, read=won) is Outcome.INCONCLUSIVE
    assert raced(won, lost_answer, read=won) is Outcome.INCONCLUSIVE
    assert raced(won, won, lost_answer, read=won) is Outcome.FAIL
    assert raced(won, answer(500), read=won) is Outcome.NOT_RUN
    assert raced(won, lost, read=answer(500)) is Outcome.INCONCLUSIVE


def test_what_is_said_late_elsewhere_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playing, "PAUSE", 0)

    def outcome(*, is_loopback: bool) -> Outcome:
        engine = engine_of(Tiny(faults=("tells late",), address=_Address(is_loopback)))
        engine.begin("state.model")
        with contextlib.suppress(ClauseBroken):
            story_of(test_state.test_model)(engine, (retrieve(1), attach(1, 1), retrieve(1)))
        return Outcome.FAIL if engine.end().has_finding("state.model") else Outcome.PASS

    assert outcome(is_loopback=True) is Outcome.FAIL
    assert outcome(is_loopback=False) is Outcome.PASS


@pytest.mark.parametrize(
    ("clause", "test"),
    [
        ("state.race", test_state.test_none_gets_lost),
        ("idempotency.other-path", test_idempotency.test_other_path),
    ],
)
def test_each_of_several_things_may_be_said_late_elsewhere(
    clause: str, test: Callable[[Any], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playing, "PAUSE", 0)

    def is_broken(*, is_loopback: bool) -> bool:
        engine = engine_of(Tiny(faults=("is late",), address=_Address(is_loopback)))
        engine.begin(clause)
        with contextlib.suppress(ClauseBroken):
            test(engine)
        return engine.end().has_finding(clause)

    assert is_broken(is_loopback=True)
    assert not is_broken(is_loopback=False)


def test_a_lost_creation_is_retried() -> None:
    client = Tiny(faults=("loses every other one",))
    fixtures = engine_of(client).stage.fixtures
    assert fixtures.customers.named() in client.customers
    assert fixtures.methods.new() in client.methods


@pytest.mark.parametrize("count", ["12", "000012"])
def test_no_near_miss_can_be_another_counted_id(count: str) -> None:
    missed = dict(refusals.near_misses({"payment_method": f"pm_{count}", "customer": f"cus_{count}"}))
    assert missed.pop(refusals.ANOTHER_OBJECT) == f"cus_{count}"
    assert all(one.endswith("x") for one in missed.values())
    bare = refusals.near_misses({"payment_method": count, "customer": count})
    assert all(one.endswith("x") for one in bare.values())


def test_near_misses_of_a_long_id() -> None:
    missed = set(refusals.near_misses({"payment_method": "pm_1AbCdEfGh", "customer": "cus_AbCdEfGh"}).values())
    parts = {"cus_AbCd", "cus_AbCdE", "cus_AbCdEf", "cus_AbCdEfG"}
    assert missed == {"pm_1aBcDeFgH", "pm_1AbCdEfG", "cus_AbCdEfGh", *parts}


def test_only_named_fields_are_compared() -> None:
    before = {"id": "pm_1", "card": {"last4": "4242", "checks": {"cvc_check": None}}, "mine": 1}
    after = {"id": "pm_1", "card": {"last4": "4242", "checks": {"cvc_check": "pass"}}, "metadata": None}
    assert not difference(before, after, CONTRACT, "payment_method", {"card.checks"})
    assert "cvc_check" in difference(before, after, CONTRACT, "payment_method")
    assert "`card.last4` was '4242'" in difference(before, {"id": "pm_1", "card": {}}, CONTRACT, "payment_method")


def test_sequences_speak_plainly() -> None:
    assert [str(attach(1, 2, expanded=True)), str(listed(1))] == [
        "attach method 1 to customer 2, expanded",
        "list what customer 1 has",
    ]
