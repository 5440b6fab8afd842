"""Judges and wire format of the clauses that a second close reading added."""

from __future__ import annotations

import json
import unicodedata

import pytest

from conformance.evidence.episode import Episode, Outcome, Step
from conformance.evidence.exchange import Exchange
from conformance.judge.expectations import ALL_EXPECTATIONS
from conformance.transport.request import in_another_case
from contracts import published_contract
from strategies import requests, resembling, stripe
from strategies.attempt import Request

CONTRACT = published_contract()
BINDINGS = {"payment_method": "pm_1", "customer": "cus_1"}
REPLAY = ("Idempotent-Replayed", "true")


def exchange(
    status: int,
    body: object,
    *headers: tuple[str, str],
    target: str = "/v1/payment_methods/pm_1/attach",
    form: bytes = b"customer=cus_1",
    method: str = "POST",
    key: str = "",
) -> Exchange:
    sent = (("Idempotency-Key", key),) if key else ()
    return Exchange(Request(method, target, sent, form), status, headers, json.dumps(body).encode())


def refusal(status: int = 400, *, key: str = "") -> Exchange:
    return exchange(status, {"error": {"type": "invalid_request_error", "message": "No."}}, key=key)


def success(*headers: tuple[str, str], identifier: str = "pm_1", target: str = "", key: str = "") -> Exchange:
    target = target or "/v1/payment_methods/pm_1/attach"
    return exchange(200, {"id": identifier, "customer": "cus_1"}, *headers, target=target, key=key)


def outcome(clause: str, expectation: str, *steps: tuple[str, Exchange], **facts: object) -> Outcome:
    episode = Episode(clause, expectation, tuple(Step(role, each) for role, each in steps), BINDINGS, facts)
    return ALL_EXPECTATIONS[expectation](episode, CONTRACT).outcome


@pytest.mark.parametrize(
    ("answer", "wanted"), [(success(), Outcome.PASS), (refusal(411), Outcome.PASS), (refusal(400), Outcome.FAIL)]
)
def test_a_body_in_chunks_is_read_or_a_length_is_asked_for(answer: Exchange, wanted: Outcome) -> None:
    steps = (("control", success()), ("subject", answer))
    assert outcome("request.chunked-body", "same_answer", *steps, or_refused_with=411, control_succeeds=True) is wanted


def test_no_comparison_but_that_of_chunks_lets_a_refusal_with_411_pass() -> None:
    steps = (("control", success()), ("subject", refusal(411)))
    assert outcome("request.charset-parameter", "same_answer", *steps, control_succeeds=True) is Outcome.FAIL


@pytest.mark.parametrize(
    ("control", "subject", "wanted"),
    [
        ("pm_1", "pm_2", Outcome.PASS),
        ("pm_1", "%70m%5F2", Outcome.FAIL),
        ("pm_fixture", "pm_fixture", Outcome.PASS),
    ],
    ids=["decoded", "as sent", "made up"],
)
def test_a_path_in_escapes_names_the_id_that_they_stand_for(control: str, subject: str, wanted: Outcome) -> None:
    encoded = success(identifier=subject, target="/v1/payment_methods/%70m%5F2/attach")
    steps = (("control", success(identifier=control)), ("subject", encoded))
    assert outcome("request.path-encoding", "same_answer_by_path", *steps) is wanted


def test_escapes_in_the_path_are_sent_as_they_are() -> None:
    (attempt,) = requests.PATH_ENCODED.subjects
    assert attempt.bind(BINDINGS).target == "/v1/payment_methods/%70%6D%5F%31/attach"
    assert attempt.bind(BINDINGS).raw


def test_every_normalisation_changes_the_value_in_several_forms() -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert unicodedata.normalize(form, resembling.IN_SEVERAL_FORMS) != resembling.IN_SEVERAL_FORMS


def test_no_other_value_that_is_echoed_changes_with_its_normal_form() -> None:
    attempts = (*resembling.resembling_ids(), *resembling.echoed_values())
    assert len(attempts) > 10
    for attempt in attempts:
        body = (attempt.bind(BINDINGS).body or b"").decode()
        assert unicodedata.normalize("NFKD", body) == body


def test_a_customer_that_is_expanded_unasked_counts_by_its_id() -> None:
    expanded = exchange(200, {"id": "pm_1", "customer": {"object": "customer", "id": "cus_1"}})
    for value, wanted in (("cus_1", Outcome.PASS), ("cus_1;expand[]=customer", Outcome.FAIL)):
        assert outcome("request.value-exact", "taken_as_sent", ("subject", expanded), value=value) is wanted


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [("cus_1", Outcome.FAIL), ("\ufffd\ufffds_1", Outcome.PASS), ("\ufffds_1", Outcome.PASS), ("Ã£s_1", Outcome.PASS)],
    ids=["the id", "as decoded", "one character for two bytes", "another encoding"],
)
def test_bytes_that_are_no_text_may_come_back_as_any_text_but_the_id(shown: str, wanted: Outcome) -> None:
    step = Step("subject", exchange(200, {"id": "pm_1", "customer": shown}), bindings={"customer": "cus_1"})
    facts = {"value": "\ufffd\ufffds_1"}
    episode = Episode("request.value-exact", "taken_as_sent", (step,), BINDINGS, facts)
    assert ALL_EXPECTATIONS["taken_as_sent"](episode, CONTRACT).outcome is wanted


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [("pm_1", Outcome.FAIL), ("pm_1 ", Outcome.PASS), ("pm_2", Outcome.PASS)],
    ids=["trimmed", "as sent", "another"],
)
def test_a_blank_in_the_path_counts_where_the_trimmed_id_is_taken(shown: str, wanted: Outcome) -> None:
    answer = success(identifier=shown, target="/v1/payment_methods/pm_1%20/attach")
    assert outcome("request.value-exact-whitespace", "path_taken_as_sent", ("subject", answer)) is wanted


@pytest.mark.parametrize(
    ("sent", "shown", "wanted"),
    [
        ("%u0063us_1", "cus_1", Outcome.FAIL),
        ("%u0063us_1", "%u0063us_1", Outcome.PASS),
        ("%63us_1", "cus_1", Outcome.PASS),
    ],
    ids=["taken for the id", "as sent", "the id in escapes"],
)
def test_an_escape_that_forms_do_not_have_makes_no_known_id(sent: str, shown: str, wanted: Outcome) -> None:
    answer = exchange(200, {"id": "pm_1", "customer": shown}, form=f"customer={sent}".encode())
    step = Step("subject", answer, bindings={"customer": "cus_1"})
    episode = Episode("request.value-exact", "not_taken_for_known", (step,), BINDINGS)
    assert ALL_EXPECTATIONS["not_taken_for_known"](episode, CONTRACT).outcome is wanted


@pytest.mark.parametrize(
    ("sent", "status", "wanted"),
    [
        ("customer=cus_1&foo=1", 200, Outcome.FAIL),
        ("customer=cus_1&foo=1", 400, Outcome.PASS),
        ("customer=cus_1&foo=1", 500, Outcome.PASS),
        ("customer=cus_1", 200, Outcome.PASS),
        ("", 200, Outcome.PASS),
    ],
    ids=["obeyed", "rejected", "of a clause about 5xx", "valid", "of another clause"],
)
def test_a_body_is_checked_whatever_the_request_asks_for(sent: str, status: int, wanted: Outcome) -> None:
    answer = exchange(status, {"id": "pm_1"} if status == 200 else {"error": {}}, form=sent.encode())
    assert outcome("body.unknown-parameter", "refused_if_broken", ("subject", answer)) is wanted


LONG = "k" * stripe.LONGEST_KEY


def test_the_longest_key_is_legal() -> None:
    steps = (("control", refusal(400, key=LONG)), ("subject", success(key="other")))
    assert outcome("idempotency.replay", "not_replayed", *steps) is Outcome.FAIL


@pytest.mark.parametrize(
    ("again", "wanted"),
    [
        (success(REPLAY, key=LONG), Outcome.PASS),
        (success(key=LONG), Outcome.FAIL),
        (refusal(400, key=LONG), Outcome.FAIL),
    ],
    ids=["replay", "executed again", "refused"],
)
def test_a_key_brings_its_answer_however_often_it_comes(again: Exchange, wanted: Outcome) -> None:
    first, other = success(key=LONG), success(key="other")
    steps = (("control", first), ("subject", other), ("follow-up", success(REPLAY, key=LONG)), ("follow-up", again))
    assert outcome("idempotency.replay", "not_replayed", *steps) is wanted


@pytest.mark.parametrize(
    ("again", "wanted"),
    [(success(key="other"), Outcome.FAIL), (success(REPLAY, key="other"), Outcome.PASS)],
    ids=["executed again", "replay"],
)
def test_the_key_of_attaching_again_brings_its_answer_too(again: Exchange, wanted: Outcome) -> None:
    steps = (("control", success(key=LONG)), ("subject", success(key="other")), ("follow-up", again))
    assert outcome("idempotency.replay", "not_replayed", *steps) is wanted


@pytest.mark.parametrize(
    ("second", "last", "wanted"),
    [
        (refusal(400), success(), Outcome.PASS),
        (refusal(400), refusal(400), Outcome.FAIL),
        (success(), success(), Outcome.NOT_RUN),
    ],
    ids=["usable", "used up by one of two", "one of two was accepted"],
)
def test_a_key_outlives_all_its_rejections(second: Exchange, last: Exchange, wanted: Outcome) -> None:
    steps = (("control", refusal(401)), ("control", second), ("subject", last))
    assert outcome("idempotency.validation-not-stored", "usable_again", *steps) is wanted


def test_a_clone_that_cannot_be_read_is_none() -> None:
    first = success(identifier="pm_new", target="/v1/payment_methods/pm_card_visa/attach")
    listed = exchange(200, {"data": [{"id": "pm_new"}]}, target="/v1/payment_methods?customer=cus_1", method="GET")
    for read, wanted in ((success(identifier="pm_new"), Outcome.PASS), (refusal(404), Outcome.FAIL)):
        steps = (("control", first), ("follow-up", listed), ("follow-up", read))
        assert outcome("stripe.test-tokens", "cloned_and_listed", *steps) is wanted


@pytest.mark.parametrize("key", ["sk_test_abcDEF123456789xyz", "sk_test_123456789", "test", "123456789"])
def test_a_key_in_another_case_is_another_key(key: str) -> None:
    assert in_another_case(key) != key
    assert in_another_case("sk_test_abcDEFGHijklmn") == "sk_test_abcDEFghIJKLMN"
