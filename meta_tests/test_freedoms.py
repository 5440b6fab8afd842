"""The freedoms of products: what the suite performs otherwise for them is planned like that, and no forgery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from benchmarks.examples import ERROR, SUCCESS, exchange
from benchmarks.honest_certificates import case_of_variant, check_cases
from conformance.commands.certificate.freedoms import FREEDOMS, freedoms_of
from conformance.evidence.episode import Episode, Step
from conformance.evidence.exchange import Exchange
from conformance.fixtures.provisioning import Provision
from conformance.verdict.record import Record
from conformance.verdict.shapes import GATHERED, Shape, shape_of
from conformance.verdict.trial import CONFIRMATION, FIRST, OF_A_CLAUSE, OF_SERVING, Performed, Trial
from reference import variants

GOOD = exchange(200, SUCCESS)
LIST = {"object": "list", "data": [SUCCESS], "has_more": True}

IDEMPOTENCY = ("idempotency.replay", "idempotency.other-path")

FREE = (
    "cards-alone",
    "closes-after-two",
    "cookie-of-the-balancer",
    "creations-are-not-kept",
    "customers-with-methods-stay",
    "ids-are-row-numbers",
    "keys-belong-to-a-path",
    "keys-of-letters-digits-and-hyphens",
    "knows-two-cards",
    "one-kind-of-list",
    "payment-methods-begin-when-attached",
    "row-numbers-of-an-account-with-a-past",
    "shared-tokens-are-retrieved",
    "ten-at-most-on-a-page",
    "unknown-paths-passed-over",
)
"""Variants for which the suite sends something else than for the reference, one of each kind."""


@pytest.mark.long
def test_products_that_take_freedoms_are_certified() -> None:
    rows = list(check_cases([case_of_variant(name) for name in FREE], processes=2))
    assert [row.name for row in rows] == list(FREE)
    assert not [row for row in rows if row.complaint]


def test_every_freedom_is_a_variant_of_the_reference() -> None:
    assert set(FREEDOMS) <= set(variants.CATALOGUE)


def test_an_episode_without_steps_shows_no_freedom() -> None:
    """A record may hold anything: what it lacks is refused by the checks that follow."""
    provision = Provision("a test token", "created", stateless=False, retrieves=True).to_json()
    names = {"response.type-hash": "has_hash_of_its_type", "stripe.test-tokens": "cloned"}
    trials = [
        Trial(clause, (Performed(CONFIRMATION, Episode(clause, names.get(clause, "rejected"), ())),))
        for clause in (*names, "state.same-customer-again", "state.deleted-customer", *IDEMPOTENCY)
    ]
    record = SimpleNamespace(header={"target": {"provision": provision}}, trials=trials)
    assert freedoms_of(cast(Record, record)) == ()


@pytest.mark.parametrize(
    ("token", "freedoms"),
    [("pm_card_visa", ("card-that-fails-later-is-unknown",)), ("pm_card_chargeCustomerFail", ())],
)
def test_a_card_that_stands_for_an_unknown_one_shows_a_freedom(token: str, freedoms: tuple[str, ...]) -> None:
    provision = Provision("a test token", "created", stateless=False, retrieves=True).to_json()
    steps = (step(target=f"/v1/payment_methods/{token}/attach"),)
    performed = Performed(FIRST, Episode("stripe.test-tokens", "cloned", steps))
    record = SimpleNamespace(
        header={"target": {"provision": provision}}, trials=[Trial("stripe.test-tokens", (performed,))]
    )
    assert freedoms_of(cast(Record, record)) == freedoms


def step(role: str = "subject", answer: Exchange = GOOD, target: str = "", **more: Any) -> Step:
    request = replace(answer.request, target=target, method="GET") if target else answer.request
    return Step(role, replace(answer, request=request), **more)


def shape(
    *steps: Step,
    expectation: str = "listed",
    kind: str = OF_A_CLAUSE,
    facts: Mapping[str, Any] | None = None,
    fixtures: Mapping[str, str] | None = None,
) -> Shape:
    episode = Episode("state.listed", expectation, steps, fixtures or {}, facts or {})
    return shape_of(Trial("state.listed", (Performed(FIRST, episode),), kind))


def test_the_number_of_pages_is_left_to_the_target() -> None:
    first = step("follow-up", exchange(200, LIST), "/v1/payment_methods?customer=cus_1&limit=100")
    second = step("follow-up", exchange(200, LIST), "/v1/payment_methods?customer=cus_1&limit=100&starting_after=pm_1")
    other = step("follow-up", exchange(200, LIST), "/v1/payment_methods?customer=cus_2&limit=100")
    assert shape(step(), first, second) == shape(step(), first)
    assert shape(step(), first, other) != shape(step(), first)


def test_requests_before_a_second_look_at_the_service_are_not_planned() -> None:
    odd = step("set-up", attempt_digest="odd")
    assert shape(odd, step(), kind=OF_SERVING) == shape(step(), kind=OF_SERVING)
    assert shape(step(), step(), kind=OF_SERVING) != shape(step(), kind=OF_SERVING)
    assert shape(odd, step()) != shape(step())


def test_gathered_answers_are_compared_by_what_was_sent() -> None:
    gathered = [step("follow-up", attempt_digest="a"), step(attempt_digest="a")]
    assert shape(*gathered, expectation=GATHERED) == shape(step(attempt_digest="a"), expectation=GATHERED)
    assert shape(step(attempt_digest="b"), expectation=GATHERED) != shape(*gathered, expectation=GATHERED)


def test_short_ids_are_left_out_of_facts_where_they_stand_for_themselves() -> None:
    def of_ids(customer: str, method: str) -> Shape:
        facts = {
            "operations": [["attach", method, customer]],
            "places": [1, 2],
            "or_refused_with": "411",
            "called": {f"/v1/customers/{customer}": "the customer"},
        }
        return shape(step(), facts=facts, fixtures={"customer": customer, "payment_method": method})

    assert of_ids("4", "11") == of_ids("cus_1", "pm_1")
    assert shape(step(), facts={"or_refused_with": "411"}) != shape(step(), facts={"or_refused_with": "405"})


def test_cookies_of_the_target_are_no_request_of_our_own() -> None:
    def with_cookie(value: str, digest: str) -> Step:
        request = replace(GOOD.request, headers=(("Cookie", value),))
        return Step("subject", replace(exchange(401, ERROR), request=request), attempt_digest=digest)

    def setting(value: str) -> Step:
        return Step("set-up", replace(GOOD, headers=(*(GOOD.headers or ()), ("Set-Cookie", f"{value}; Path=/"))))

    assert shape(setting("sid=1"), with_cookie("sid=1", "a")) == shape(setting("lb=2"), with_cookie("lb=2", "b"))
    assert shape(setting("sid=1"), with_cookie("sid=1", "a")) != shape(setting("sid=1"), with_cookie("other=1", "b"))
