"""The judges of the profile stripe: recorded answers pass, each departure is seen, and what is open is inconclusive."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.suite import Job, run
from conformance.evidence.episode import Episode, Outcome, Step
from conformance.evidence.exchange import TIMED_OUT, Exchange
from conformance.judge.expectations import ALL_EXPECTATIONS, Verdict
from conformance.judge.stripe import REJECTIONS
from contracts import load_catalogue, published_contract
from strategies import credentials, stripe
from strategies.attempt import Request

CONTRACT = published_contract()
BINDINGS = {"payment_method": "pm_1", "customer": "cus_1"}
INVALID = {"type": "invalid_request_error", "message": "No."}
DECLINED = {
    "type": "card_error",
    "code": "card_declined",
    "decline_code": "generic_decline",
    "param": "",
    "message": "Your card was declined.",
}
MISSING = INVALID | {"code": "resource_missing"}
REPLAY = ("Idempotent-Replayed", "true")
ID = ("Request-Id", "req_uCM7gGF5z3KgyS")
SAME_CUSTOMER = "stripe.same-customer"


def exchange(
    status: int | None,
    body: object = None,
    *headers: tuple[str, str],
    sent: tuple[tuple[str, str], ...] = (),
    form: bytes = b"customer=cus_1",
    method: str = "pm_1",
    key: str = "key",
) -> Exchange:
    request = Request("POST", f"/v1/payment_methods/{method}/attach", sent, form, key)
    if status is None:
        return Exchange(request, failure=TIMED_OUT)
    return Exchange(request, status, headers, json.dumps(body).encode())


def a_list(*ids: str, has_more: bool = False) -> Exchange:
    request = Request("GET", "/v1/payment_methods?customer=cus_1&type=card&limit=100", (), b"", "key")
    body = {"object": "list", "data": [{"id": each} for each in ids], "has_more": has_more}
    return Exchange(request, 200, (), json.dumps(body).encode())


def retrieved(body: object) -> Exchange:
    return Exchange(Request("GET", "/v1/payment_methods/pm_1", (), b"", "key"), 200, (), json.dumps(body).encode())


def error(status: int, members: dict[str, str], *headers: tuple[str, str], **options: Any) -> Exchange:
    return exchange(status, {"error": members}, *headers, **options)


def success(*headers: tuple[str, str], identifier: str = "pm_1", **options: Any) -> Exchange:
    return exchange(200, {"id": identifier, "customer": "cus_1"}, *headers, **options)


def verdict(clause: str, expectation: str, *steps: tuple[str, Exchange], **facts: object) -> Verdict:
    episode = Episode(clause, expectation, tuple(Step(role, each) for role, each in steps), BINDINGS, facts)
    return ALL_EXPECTATIONS[expectation](episode, CONTRACT)


def outcome(clause: str, expectation: str, *steps: tuple[str, Exchange], **facts: object) -> Outcome:
    return verdict(clause, expectation, *steps, **facts).outcome


def test_every_refusal_told_of_is_a_clause() -> None:
    assert set(REJECTIONS) <= {clause.slug for clause in load_catalogue()}
    assert {clause for clause, _ in ADMISSIBLE} == set(REJECTIONS)


ADMISSIBLE = [
    ("stripe.card-declined", error(402, DECLINED)),
    ("stripe.resource-missing-payment-method", error(404, MISSING | {"param": "payment_method"})),
    ("stripe.resource-missing-customer", error(400, MISSING | {"param": "customer"})),
    ("stripe.already-attached", error(400, INVALID)),
    ("stripe.parameter-missing", error(400, INVALID | {"code": "parameter_missing"}, form=b"")),
    ("stripe.parameter-missing", error(400, INVALID | {"param": "customer"}, form=b"")),
    ("stripe.parameter-unknown", error(400, INVALID | {"code": "parameter_unknown", "param": "b"}, form=b"b=1&a=2")),
    ("stripe.parameter-unknown", error(400, INVALID | {"code": "parameter_unknown", "param": "b"}, form=b"b[c]=1")),
    ("stripe.parameter-unknown", error(400, INVALID | {"code": "parameter_unknown", "param": "b[c]"}, form=b"b[c]=1")),
    ("stripe.too-long", error(400, INVALID | {"param": "customer"})),
    ("stripe.expand-path", error(400, INVALID)),
    ("stripe.expand-depth", error(400, INVALID | {"code": "property_expansion_max_depth"})),
    ("stripe.detached-reattach", error(402, INVALID)),
    ("idempotency.mismatch", error(400, {"type": "idempotency_error", "message": "No."})),
    ("idempotency.too-long", error(400, INVALID)),
    ("idempotency.other-path-type", error(400, {"type": "idempotency_error", "message": "No."})),
    ("method.unrecognized", error(404, INVALID)),
    ("stripe.customer-empty", error(400, INVALID)),
    ("stripe.detached-reattach-status", error(400, INVALID)),
    ("stripe.parameter-missing-code", error(400, INVALID | {"code": "parameter_missing"}, form=b"")),
    ("stripe.wrong-structure", error(400, INVALID)),
]
INADMISSIBLE = [
    ("stripe.card-declined", error(402, {**DECLINED, "decline_code": ""}), Outcome.FAIL),
    ("stripe.card-declined", success(), Outcome.FAIL),
    ("stripe.resource-missing-customer", error(404, MISSING | {"param": "customer"}), Outcome.FAIL),
    ("stripe.resource-missing-customer", success(), Outcome.NOT_RUN),
    ("stripe.parameter-missing", error(400, INVALID | {"param": "payment_method"}, form=b""), Outcome.FAIL),
    (
        "stripe.parameter-unknown",
        error(400, INVALID | {"code": "parameter_unknown", "param": "a"}, form=b"b=1&a=2"),
        Outcome.FAIL,
    ),
    ("stripe.too-long", error(400, MISSING), Outcome.FAIL),
    ("stripe.expand-path", success(), Outcome.FAIL),
    ("stripe.already-attached", error(500, INVALID), Outcome.NOT_RUN),
    ("stripe.already-attached", exchange(None), Outcome.INCONCLUSIVE),
]


@pytest.mark.parametrize(("clause", "answer"), ADMISSIBLE)
def test_admissible_refusals_pass(clause: str, answer: Exchange) -> None:
    assert outcome(clause, "rejected_as_required", ("subject", answer)) is Outcome.PASS


@pytest.mark.parametrize(("clause", "answer", "expected"), INADMISSIBLE)
def test_other_answers_do_not_pass(clause: str, answer: Exchange, expected: Outcome) -> None:
    assert outcome(clause, "rejected_as_required", ("subject", answer)) is expected


def test_a_refusal_that_attaches_is_seen() -> None:
    declined = ("subject", error(402, DECLINED))
    for read in (success(), a_list("pm_1")):
        assert outcome("stripe.card-declined", "rejected_as_required", declined, ("follow-up", read)) is Outcome.FAIL
    empty = ("follow-up", a_list())
    assert outcome("stripe.card-declined", "rejected_as_required", declined, empty) is Outcome.PASS


def test_a_member_of_a_payment_method_is_no_list() -> None:
    first = success(method="pm_card_visa")
    attached, unattached = (retrieved({"id": "pm_1", "customer": owner, "data": ["a"]}) for owner in ("cus_1", None))
    steps = (("control", first), ("subject", first), ("follow-up", a_list("pm_1")), ("follow-up", attached))
    assert outcome("stripe.test-tokens", "cloned_and_listed", *steps) is Outcome.PASS
    declined = (("subject", error(402, DECLINED)), ("follow-up", unattached))
    assert outcome("stripe.card-declined", "rejected_as_required", *declined) is Outcome.PASS


@pytest.mark.parametrize(
    ("status", "key", "expected"),
    [
        (401, "none", Outcome.PASS),
        (403, "none", Outcome.FAIL),
        (403, "Bearer pk_test_a", Outcome.PASS),
        (400, "Bearer a", Outcome.FAIL),
        (400, "Bearer \u00e9", Outcome.PASS),
        (200, "none", Outcome.FAIL),
        (500, "none", Outcome.NOT_RUN),
    ],
)
def test_only_401_locks_out(status: int, key: str, expected: Outcome) -> None:
    answer = success(key=key) if status == 200 else error(status, INVALID, key=key)
    assert outcome("auth.malformed", "locked_out", ("subject", answer)) is expected


def test_a_key_that_is_taken_hides_nothing_else() -> None:
    unanswered = ("subject", error(500, INVALID, key="Token a"))
    taken = ("subject", success(key="Bearer a"))
    assert outcome("auth.malformed", "locked_out", unanswered, taken) is Outcome.FAIL


def test_what_comes_before_the_key_counts_only_where_the_key_is_refused_alone() -> None:
    wrong = ("subject", error(404, MISSING, key="Bearer a"))
    refused, taken = ("control", error(401, INVALID, key="Bearer a")), ("control", success(key="Bearer a"))
    assert outcome("auth.first", "key_first", wrong, refused) is Outcome.FAIL
    assert outcome("auth.first", "key_first", wrong, refused, taken) is Outcome.PASS


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([("www-authenticate", 'Bearer realm="Stripe"')], Outcome.PASS),
        ([("WWW-Authenticate", 'Basic realm="a", Bearer')], Outcome.PASS),
        ([("WWW-Authenticate", 'Basic realm="Bearer"')], Outcome.FAIL),
        ([], Outcome.FAIL),
    ],
)
def test_challenge(headers: list[tuple[str, str]], expected: Outcome) -> None:
    assert outcome("auth.challenge", "challenged", ("subject", error(401, INVALID, *headers))) is expected


def test_one_scheme_is_not_enough() -> None:
    bearer, basic = success(key="bearer"), error(401, INVALID, key="basic")
    assert outcome("auth.schemes", "either_scheme", ("subject", bearer), ("subject", basic)) is Outcome.FAIL
    assert outcome("auth.schemes", "either_scheme", ("subject", basic), ("subject", basic)) is Outcome.NOT_RUN


@pytest.mark.parametrize(
    ("again", "expected"),
    [
        (success(REPLAY), Outcome.PASS),
        (success(("idempotent-replayed", "TRUE")), Outcome.PASS),
        (success(), Outcome.FAIL),
        (success(REPLAY, identifier="pm_2"), Outcome.FAIL),
        (exchange(208, {"id": "pm_1", "customer": "cus_1"}, REPLAY), Outcome.FAIL),
        (error(400, INVALID, REPLAY), Outcome.FAIL),
        (exchange(None), Outcome.INCONCLUSIVE),
    ],
)
def test_a_replay_is_the_first_answer_and_says_so(again: Exchange, expected: Outcome) -> None:
    steps = (("control", success()), ("subject", again))
    assert outcome("idempotency.replay", "replayed", *steps, of="a success") is expected


def test_a_replay_that_is_executed_is_seen_in_the_list() -> None:
    steps = (("control", success()), ("subject", success(REPLAY)))
    twice = ("follow-up", a_list("pm_1", "pm_2"))
    assert outcome("idempotency.replay", "replayed", *steps, twice, of="a success") is Outcome.FAIL


def test_without_a_declining_card_its_replay_does_not_apply() -> None:
    steps = (("control", error(404, MISSING)), ("subject", error(404, MISSING)))
    assert outcome("idempotency.replay", "replayed", *steps, of="a decline") is Outcome.NOT_APPLICABLE


def test_the_second_path_may_answer_for_itself() -> None:
    def judged(second: Exchange) -> Outcome:
        steps = (("set-up", success()), ("subject", second))
        return outcome("idempotency.other-path", "not_answered_for_another", *steps)

    assert judged(success(identifier="pm_2", method="pm_2")) is Outcome.PASS
    assert judged(error(400, {"type": "idempotency_error"}, method="pm_2")) is Outcome.PASS
    assert judged(success(method="pm_2")) is Outcome.FAIL
    assert judged(success(REPLAY, identifier="pm_2", method="pm_2")) is Outcome.FAIL


def test_a_key_in_use_is_executed_once() -> None:
    def judged(*answers: Exchange) -> Outcome:
        return outcome("idempotency.in-use", "executed_once", *(("subject", answer) for answer in answers))

    assert judged(success(), error(409, INVALID)) is Outcome.PASS
    assert judged(success(), success(REPLAY)) is Outcome.PASS
    assert judged(success(), success(identifier="pm_2")) is Outcome.FAIL
    assert judged(success(), error(400, INVALID)) is Outcome.FAIL
    assert judged(error(409, INVALID), error(409, INVALID)) is Outcome.NOT_RUN


def test_a_key_is_usable_again_unless_nothing_can_be_attached() -> None:
    def judged(again: Exchange, *without_key: Exchange) -> Outcome:
        follow_ups = [("follow-up", answer) for answer in without_key]
        steps = (("control", error(400, INVALID)), ("subject", again), *follow_ups)
        return outcome("idempotency.validation-not-stored", "usable_again", *steps)

    refused = error(400, {"type": "idempotency_error"})
    assert judged(success()) is Outcome.PASS
    assert judged(refused, success()) is Outcome.FAIL
    assert judged(refused, error(400, INVALID)) is Outcome.NOT_RUN
    assert judged(refused, exchange(None)) is Outcome.INCONCLUSIVE


def test_what_rejections_leave_behind_does_not_hide_what_they_store() -> None:
    requires = load_catalogue()["idempotency.validation-not-stored"].requires
    assert "state.refusal-changes-nothing" not in requires


def test_request_ids_are_there_and_new() -> None:
    def judged(*answers: Exchange) -> Outcome:
        return outcome("header.request-id", "identified", *(("subject", answer) for answer in answers))

    other = ("request-id", "req_3zPgreVOp2Hlsv")
    assert judged(success(ID), error(400, INVALID, other)) is Outcome.PASS
    assert judged(success(ID), error(400, INVALID, ID)) is Outcome.FAIL
    assert judged(success(ID), error(400, INVALID)) is Outcome.FAIL
    assert judged(success(("Request-Id", "7f610445"))) is Outcome.FAIL
    assert judged(Exchange(success().request, 200, None, b"{}")) is Outcome.NOT_RUN


def test_versions_are_named_and_ill_formed_ones_refused() -> None:
    def judged(sent: str, status: int, *headers: tuple[str, str]) -> Outcome:
        asked = (("Stripe-Version", sent),)
        answer = success(*headers, sent=asked) if status == 200 else error(status, INVALID, *headers, sent=asked)
        return outcome("header.version", "versioned", ("subject", answer))

    assert judged("2024-06-20", 200, ("Stripe-Version", "2024-06-20")) is Outcome.PASS
    assert judged("2025-10-29.clover", 400, ("stripe-version", "2025-10-29.clover")) is Outcome.PASS
    assert judged("2024-06-20", 200, ("Stripe-Version", "2020-08-27")) is Outcome.FAIL
    assert judged("not-a-version", 400) is Outcome.PASS
    assert judged("not-a-version", 200) is Outcome.FAIL
    assert judged("not-a-version", 404) is Outcome.FAIL


@pytest.mark.parametrize(
    ("value", "expected"),
    [("no-cache, no-store", Outcome.PASS), ("no-store,NO-CACHE, private", Outcome.PASS), ("no-cache", Outcome.FAIL)],
)
def test_caching(value: str, expected: Outcome) -> None:
    assert outcome("header.cache-control", "uncached", ("subject", success(("Cache-Control", value)))) is expected


@pytest.mark.parametrize(
    ("clause", "expectation"), [("header.cache-control", "uncached"), ("header.request-id", "identified")]
)
def test_no_header_is_judged_where_every_request_was_answered_401(clause: str, expectation: str) -> None:
    refused = ("subject", error(401, INVALID))
    assert outcome(clause, expectation, refused) is Outcome.NOT_RUN
    assert outcome(clause, expectation, refused, ("subject", success())) is Outcome.FAIL


def test_headers_of_one_name_are_one_list() -> None:
    """Several headers of one name mean the same as one with their values behind commas (RFC 9110 section 5.3)."""
    two = success(("Cache-Control", "NO-STORE"), ("cache-control", "No-Cache"))
    assert outcome("header.cache-control", "uncached", ("subject", two)) is Outcome.PASS
    same = success(("Cache-Control", "no-store"), ("cache-control", "no-store"))
    assert outcome("header.cache-control", "uncached", ("subject", same)) is Outcome.FAIL


def test_shared_tokens_become_new_payment_methods() -> None:
    def judged(*identifiers: str) -> Outcome:
        answers = [success(identifier=each, method="pm_card_visa") for each in identifiers]
        return outcome("stripe.test-tokens", "cloned", *(("subject", answer) for answer in answers))

    assert judged("pm_1", "pm_2") is Outcome.PASS
    assert judged("pm_1", "pm_1") is Outcome.FAIL
    assert judged("pm_card_visa") is Outcome.FAIL


@pytest.mark.parametrize(
    ("entries", "has_more", "expected"),
    [
        (["pm_1"], False, Outcome.PASS),
        (["pm_2", "pm_1"], False, Outcome.PASS),
        ([], False, Outcome.FAIL),
        (["pm_2"], False, Outcome.FAIL),
        ([], True, Outcome.PASS),
    ],
)
def test_what_a_shared_token_becomes_is_listed(entries: list[str], has_more: bool, expected: Outcome) -> None:
    first = success(identifier="pm_1", method="pm_card_visa")
    read = a_list(*entries, has_more=has_more)
    steps = (("control", first), ("subject", first))
    assert outcome("stripe.test-tokens", "cloned_and_listed", *steps, ("follow-up", read)) is expected
    assert outcome("stripe.test-tokens", "cloned_and_listed", *steps) is Outcome.PASS, "nothing lists it"


def test_attempts_without_a_key_hold_no_key_of_the_run() -> None:
    attempts = [credentials.WITHOUT_KEY, *credentials.malformed(), *credentials.empty(), *credentials.unknown_keys()]
    sent = [attempt.bind(BINDINGS).credentials for attempt in attempts]
    assert not {"key", "bearer", "basic"} & set(sent)
    assert len(set(sent)) == len(sent)


def test_paths_that_are_too_deep_have_more_than_four_levels() -> None:
    assert stripe.deep_paths()
    for attempt in stripe.deep_paths():
        assert attempt.pairs is not None
        path = str(attempt.pairs[-1].value)
        assert path.count(".") >= 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "clause", "expected"),
    [
        ("no-detach", "stripe.detached-reattach", Outcome.NOT_APPLICABLE),
        ("tokens-refused", "stripe.card-declined", Outcome.PASS),
    ],
)
def test_a_missing_fixture_is_no_failure(variant: str, clause: str, expected: Outcome) -> None:
    result = run(Job(variant, variants=(variant,), clauses=(clause,)))
    judged = result.results["clauses"][clause]
    assert judged["outcome"] == expected, judged["reason"]


@pytest.mark.parametrize(
    ("variant", "clause"),
    [
        ("knows-two-cards", "stripe.card-declined"),
        ("creations-take-json", "expand.nested-path"),
        ("same-customer-refused", "state.same-object"),
        ("emails-are-unique", "state.listed"),
        ("emails-are-unique", "idempotency.other-path"),
        ("customers-with-methods-stay", "state.deleted-customer"),
        ("customers-with-their-tax", "state.only-this-one"),
    ],
)
def test_no_aspect_is_left_out(variant: str, clause: str) -> None:
    result = run(Job(variant, variants=(variant,), clauses=(clause,)))
    judged = result.results["clauses"][clause]
    assert (judged["outcome"], judged.get("unjudged", [])) == (Outcome.PASS, []), judged["reason"]


def test_unknown_customers_are_judged_where_none_is_deleted() -> None:
    clauses = ("stripe.resource-missing-customer", "state.deleted-customer")
    result = run(Job("small", variants=("unknown-urls-are-400-in-words",), clauses=clauses))
    outcomes = {slug: result.results["clauses"][slug]["outcome"] for slug in clauses}
    assert outcomes == dict(zip(clauses, (Outcome.PASS, Outcome.NOT_APPLICABLE), strict=True))


def test_payment_methods_are_looked_at_where_no_customer_is_retrieved() -> None:
    clause = "state.only-this-one"
    result = run(Job("small", variants=("unknown-urls-are-400-in-words",), clauses=(clause,)))
    judged = result.results["clauses"][clause]
    assert (judged["outcome"], judged["unjudged"]) == (Outcome.PASS, ["the target does not retrieve customers"])


def test_a_shared_token_is_one_path_only() -> None:
    clause = "idempotency.other-path"
    result = run(Job("tokens", variants=("shared-tokens-are-attached",), clauses=(clause,)))
    judged = result.results["clauses"][clause]
    unjudged = ["the target has no payment methods but shared tokens"]
    assert (judged["outcome"], judged["unjudged"]) == (Outcome.PASS, unjudged), judged["reason"]


def test_one_clause_is_broken_by_a_server_that_rejects_the_same_customer() -> None:
    arguments = ("--profile", "stripe", "--budget", "quick")
    clauses = ("expand.nested-path", SAME_CUSTOMER)
    result = run(Job("refused", variants=("same-customer-refused",), arguments=arguments, clauses=clauses))
    assert list(result.red) == [SAME_CUSTOMER]


def test_a_customer_who_takes_no_more_is_replaced() -> None:
    clause = "robustness.same-request-same-answer"
    result = run(Job("full", variants=("ten-methods-at-most",), clauses=(clause,)))
    judged = result.results["clauses"][clause]
    assert judged["outcome"] == Outcome.PASS, judged["reason"]
