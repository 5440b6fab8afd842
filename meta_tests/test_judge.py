"""The judge: each clause fails on its bad response, and none fails on a good one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.examples import CARD, CUSTOMER, ERROR, EXPANDED_CUSTOMER, NOW, SUCCESS, but, episode, exchange
from conformance.evidence.episode import Episode, Finding, Judgement, Outcome, Step
from conformance.evidence.exchange import CONNECTION_LOST, Exchange
from conformance.evidence.failure import NEVER_ARRIVED
from conformance.judge import expectation_name, judge
from conformance.judge.expectations import ALL_EXPECTATIONS
from contracts import load_catalogue, published_contract

CONTRACT = published_contract()
CATALOGUE = load_catalogue()


def judged(case: Episode) -> Judgement:
    return judge(case, CONTRACT, CATALOGUE)


def broken_by(answer: Exchange, kind: str = "valid") -> set[str]:
    return set(judged(episode("answered", answer, clause="-", kind=kind)).broken)


GOOD_SUCCESSES: list[Any] = [
    SUCCESS,
    but(SUCCESS, metadata=...),
    but(SUCCESS, metadata=None),
    but(SUCCESS, surprise={"a": [1]}),
    but(SUCCESS, card={**CARD, "surprise": 1}),
    but(SUCCESS, billing_details={"surprise": True}),
    but(SUCCESS, version={"number": 3}, checks={"cvc": "unchecked", "number": True}),
    but(SUCCESS, created=NOW + 3600),
    but(SUCCESS, created=float(NOW)),
]


@pytest.mark.parametrize("body", GOOD_SUCCESSES)
def test_a_good_success_breaks_nothing(body: Any) -> None:
    assert not broken_by(exchange(200, body))


@pytest.mark.parametrize(
    "raw",
    [
        json.dumps(SUCCESS, indent=2).encode(),
        json.dumps(SUCCESS, separators=(",", ":")).encode() + b"\n",
        json.dumps(dict(reversed(SUCCESS.items()))).encode(),
        json.dumps(SUCCESS).replace("_", "\\u005f").encode(),
    ],
)
def test_json_in_any_layout_breaks_nothing(raw: bytes) -> None:
    assert not broken_by(exchange(200, raw, media_type="application/json; charset=utf-8"))


@pytest.mark.parametrize(
    ("clause", "answer"),
    [
        ("response.status", exchange(201, SUCCESS)),
        ("response.object", exchange(200, but(SUCCESS, object="customer"))),
        ("response.object", exchange(200, [SUCCESS])),
        ("response.id", exchange(200, but(SUCCESS, id="pm_Other"))),
        ("response.id", exchange(200, but(SUCCESS, id=...))),
        ("response.customer", exchange(200, but(SUCCESS, customer="cus_Other"))),
        ("response.customer", exchange(200, but(SUCCESS, customer=None))),
        ("expand.not-expanded", exchange(200, but(SUCCESS, customer=EXPANDED_CUSTOMER))),
        ("response.type-hash", exchange(200, but(SUCCESS, card=...))),
        ("response.created", exchange(200, but(SUCCESS, created=str(NOW)))),
        ("response.created", exchange(200, but(SUCCESS, created=NOW * 1000))),
        ("response.created", exchange(200, but(SUCCESS, created=NOW + 200_000))),
        ("response.created", exchange(200, but(SUCCESS, created=True))),
        ("response.created", exchange(200, but(SUCCESS, created=NOW + 0.5))),
        ("response.livemode", exchange(200, but(SUCCESS, livemode=True))),
        ("response.livemode", exchange(200, but(SUCCESS, livemode=...))),
        ("response.metadata", exchange(200, but(SUCCESS, metadata={"a": 1}))),
        ("response.metadata", exchange(200, but(SUCCESS, metadata=[]))),
        ("response.billing-details", exchange(200, but(SUCCESS, billing_details=None))),
        ("response.schema", exchange(200, but(SUCCESS, billing_details={"email": 1}))),
        ("response.schema", exchange(200, but(SUCCESS, card={**CARD, "exp_month": "4"}))),
        ("response.schema", exchange(200, but(SUCCESS, card=but(CARD, funding=...)))),
        ("response.schema", exchange(200, but(SUCCESS, type=...))),
        ("response.schema", exchange(200, {name: SUCCESS[name] for name in ("id", "object", "customer")})),
        ("response.no-card-data", exchange(200, but(SUCCESS, card={**CARD, "number": "x"}))),
        ("response.no-card-data", exchange(200, but(SUCCESS, debug={"number": "4929 4200 0000 0006"}))),
        ("response.no-card-data", exchange(200, but(SUCCESS, debug=[{"cvc": 123}]))),
        ("response.no-card-data", exchange(200, but(SUCCESS, note="card 4242 4242 4242 4242"))),
        (
            "response.no-card-data",
            exchange(402, {"error": {**ERROR["error"], "payment_method": {"card": {"number": "4000000000000002"}}}}),
        ),
        ("response.json", exchange(200, b"")),
        ("response.json", exchange(200, json.dumps(SUCCESS).encode() + b"!")),
        ("response.json", exchange(200, b"\xef\xbb\xbf" + json.dumps(SUCCESS).encode())),
        ("response.json", exchange(200, json.dumps(but(SUCCESS, x=float("nan"))).encode())),
        ("response.json", exchange(200, json.dumps(SUCCESS).encode()[:-1] + b', "id": "pm_Example0"}')),
        ("response.json", exchange(200, json.dumps(but(SUCCESS, x="é"), ensure_ascii=False).encode("latin-1"))),
        ("response.json", exchange(200, SUCCESS, framing=("Content-Length says 1 bytes, 2 came",))),
        ("response.media-type", exchange(200, SUCCESS, media_type="text/html")),
        ("response.media-type", exchange(400, ERROR, media_type=None)),
        ("error.envelope", exchange(404, b"<html>Not Found</html>", media_type="text/html")),
        ("error.envelope", exchange(400, b"")),
        ("error.envelope", exchange(400, ERROR["error"])),
        ("error.envelope", exchange(400, {"error": "No."})),
        ("error.envelope", exchange(404, b"404: Not Found", media_type="text/plain")),
        ("error.envelope", exchange(422, {"title": "No.", "status": 422}, media_type="application/problem+json")),
        ("error.type", exchange(400, {"error": {"message": "No."}})),
        ("error.type", exchange(400, {"error": {"type": "bad_request", "message": "No."}})),
        ("error.message", exchange(400, {"error": {"type": "api_error"}})),
        ("error.message", exchange(400, {"error": {"type": "api_error", "message": ""}})),
        ("error.member-types", exchange(400, {"error": {**ERROR["error"], "param": ["customer"]}})),
        ("error.member-types", exchange(400, {"error": {**ERROR["error"], "code": 7}})),
        ("error.member-types", exchange(400, {"error": {**ERROR["error"], "payment_method": "pm_1"}})),
        ("error.null-members", exchange(400, {"error": {**ERROR["error"], "param": None}})),
        ("error.status-class", exchange(500, b"Internal Server Error", media_type="text/plain")),
        ("error.status-class", exchange(302, b"")),
        ("error.status-class", exchange(200, ERROR)),
        ("error.no-secrets", exchange(401, ERROR, leaked_key=True)),
        ("error.allowed-methods", exchange(405, ERROR, method="PUT")),
        ("error.no-internals", exchange(400, {"error": {**ERROR["error"], "message": "KeyError at /srv/app/main.py"}})),
        ("error.no-internals", exchange(400, {"error": {**ERROR["error"], "message": 'File "x.py", line 3'}})),
        ("error.no-internals", exchange(400, {"error": {**ERROR["error"], "message": "URIError: URI malformed"}})),
    ],
)
def test_a_bad_answer_breaks_the_one_clause(clause: str, answer: Exchange) -> None:
    assert broken_by(answer) == {clause}


def dated(*values: str) -> Exchange:
    answer = exchange(400, ERROR)
    return replace(answer, headers=(*(answer.headers or ()), *(("Date", value) for value in values)))


@pytest.mark.parametrize(
    "value",
    [
        "2024-02-29T23:59:59Z",
        "Thu, 29 Feb 2024 23:59:59 UTC",
        "Thu, 29 Feb 2024 23:59:59 +0000",
        "Thu, 29 Feb 2024 23:59:59",
        "Fri, 29 Feb 2024 23:59:59 GMT",
        "Thursday, 29-Feb-24 23:59:59 GMT",
        "Thu Feb 29 23:59:59 2024",
        "Thu, 29 Feb 2024 25:00:00 GMT",
        "Thu, 9 Feb 2024 23:59:59 GMT",
        "1709251199",
        "",
    ],
)
def test_a_date_has_the_form_of_http(value: str) -> None:
    assert broken_by(dated(value)) == {"response.date"}


@pytest.mark.parametrize("values", [(), ("Thu, 29 Feb 2024 23:59:59 GMT",), ("Thu, 01 Jan 1970 00:00:00 GMT",) * 2])
def test_a_date_may_be_missing_wrong_or_there_twice(values: tuple[str, ...]) -> None:
    assert broken_by(dated(*values)) == set()


def not_allowed(allow: str, method: str = "PUT", target: str = "") -> Exchange:
    answer = exchange(405, ERROR, method=method)
    request = replace(answer.request, target=target or answer.request.target)
    return replace(answer, request=request, headers=(*(answer.headers or ()), ("Allow", allow)))


@pytest.mark.parametrize("allow", ["GET, HEAD", "get", "PUT,PATCH", "OPTIONS"])
def test_allow_names_the_method_of_the_url(allow: str) -> None:
    assert broken_by(not_allowed(allow)) == {"error.allowed-methods"}


@pytest.mark.parametrize(
    "answer",
    [
        not_allowed(""),
        not_allowed("POST"),
        not_allowed("GET,post ,HEAD"),
        not_allowed("SEARCH"),
        not_allowed("GET", method="POST"),
        not_allowed("GET", target="/v1/payment_methods/pm_1//attach"),
        replace(
            not_allowed("GET"), headers=(("Content-Type", "application/json"), ("Allow", "GET"), ("allow", "POST"))
        ),
        replace(not_allowed("GET"), headers=None),
    ],
)
def test_an_allow_that_may_be_whole_breaks_nothing(answer: Exchange) -> None:
    assert not broken_by(answer)


@pytest.mark.parametrize(
    "answer",
    [
        exchange(400, ERROR),
        exchange(422, {"error": {**ERROR["error"], "surprise": [1]}, "status": 422}),
        exchange(
            402, {"error": {**ERROR["error"], "type": "card_error", "param": "", "payment_intent": {"id": "pi_1"}}}
        ),
        exchange(429, b"slow down", media_type="text/plain"),
        exchange(
            404,
            {"error": {**ERROR["error"], "message": "No such PaymentMethod: '/usr/bin'"}},
            payment_method="%2Fusr%2Fbin",
        ),
        exchange(404, {"error": {**ERROR["error"], "message": "See https://example.com/docs/api/errors.html"}}),
        exchange(
            404,
            {"error": {**ERROR["error"], "message": "Unrecognized request URL (GET: /v1/payment_methods/x/attach)"}},
        ),
        exchange(None, b"", failure=CONNECTION_LOST),
    ],
)
def test_a_good_refusal_breaks_nothing(answer: Exchange) -> None:
    assert not broken_by(answer)


@pytest.mark.parametrize(
    ("expectation", "answer", "outcome"),
    [
        ("accepted", exchange(200, SUCCESS), Outcome.PASS),
        ("accepted", exchange(400, ERROR), Outcome.FAIL),
        ("accepted", exchange(500, b""), Outcome.NOT_RUN),
        ("accepted", exchange(None, b"", failure=CONNECTION_LOST), Outcome.INCONCLUSIVE),
        ("accepted", exchange(429, b""), Outcome.INCONCLUSIVE),
        ("rejected", exchange(400, ERROR), Outcome.PASS),
        ("rejected", exchange(404, b"nothing"), Outcome.PASS),
        ("rejected", exchange(200, SUCCESS), Outcome.FAIL),
        ("rejected", exchange(200, ERROR), Outcome.NOT_RUN),
        ("rejected", exchange(503, b""), Outcome.NOT_RUN),
        ("survived", exchange(400, b""), Outcome.PASS),
        ("survived", exchange(200, SUCCESS), Outcome.PASS),
        ("survived", exchange(500, b""), Outcome.FAIL),
        ("survived", exchange(None, b"", failure=CONNECTION_LOST), Outcome.FAIL),
        ("served_again", exchange(500, b""), Outcome.FAIL),
        ("served_again", exchange(200, SUCCESS), Outcome.PASS),
        ("not_obeyed", exchange(404, ERROR, method="PUT"), Outcome.PASS),
        ("not_obeyed", exchange(200, SUCCESS, method="PUT"), Outcome.FAIL),
        ("one_of_two", exchange(200, SUCCESS, sent=f"customer={CUSTOMER}&customer=cus_2"), Outcome.PASS),
        (
            "one_of_two",
            exchange(200, but(SUCCESS, customer="cus_1,cus_2"), sent="customer=cus_1&customer=cus_2"),
            Outcome.FAIL,
        ),
        ("inlined", exchange(200, but(SUCCESS, customer=EXPANDED_CUSTOMER)), Outcome.PASS),
        ("inlined", exchange(200, SUCCESS), Outcome.FAIL),
        ("inlined", exchange(200, but(SUCCESS, customer={**EXPANDED_CUSTOMER, "id": "cus_2"})), Outcome.FAIL),
        ("inlined", exchange(200, but(SUCCESS, customer={**EXPANDED_CUSTOMER, "created": "x"})), Outcome.FAIL),
        ("unexpanded", exchange(200, but(SUCCESS, customer=EXPANDED_CUSTOMER)), Outcome.FAIL),
    ],
)
def test_each_expectation_has_its_outcome(expectation: str, answer: Exchange, outcome: Outcome) -> None:
    assert judged(episode(expectation, answer)).outcome is outcome


@pytest.mark.parametrize(
    ("clause", "answers", "outcome"),
    [
        ("error.no-secrets", (exchange(400, ERROR), exchange(500, ERROR)), Outcome.PASS),
        ("error.no-secrets", (exchange(500, ERROR), replace(exchange(500, ERROR), leaked_key=True)), Outcome.FAIL),
        ("error.no-secrets", (exchange(500, ERROR), exchange(429, ERROR)), Outcome.INCONCLUSIVE),
        ("error.no-internals", (exchange(400, ERROR), exchange(500, ERROR)), Outcome.NOT_RUN),
    ],
)
def test_a_server_error_holds_no_key_either(clause: str, answers: Sequence[Exchange], outcome: Outcome) -> None:
    steps = tuple(Step("subject", answer) for answer in answers)
    assert judged(Episode(clause, "answered_well", steps)).outcome is outcome


def alike(control: Exchange, subject: Exchange) -> Outcome:
    steps = (Step("control", control), Step("subject", subject))
    return judged(Episode("request.accept", "same_answer", steps)).outcome


def test_an_expectation_is_found_by_the_name_that_records_keep() -> None:
    assert {name: expectation_name(function) for name, function in ALL_EXPECTATIONS.items()} == {
        name: name for name in ALL_EXPECTATIONS
    }


def test_every_expectation_has_a_name_of_its_own_and_says_what_it_expects() -> None:
    assert len({function.__name__ for function in ALL_EXPECTATIONS.values()}) == len(ALL_EXPECTATIONS)
    assert all(function.__doc__ for function in ALL_EXPECTATIONS.values())


@pytest.mark.parametrize("name", ["nope", "same_answer {", 'rejected {"x": 1}'])
def test_an_expectation_that_no_test_can_name_is_unknown(name: str) -> None:
    with pytest.raises(KeyError):
        judged(episode(name, exchange(200, SUCCESS)))


def test_the_same_answer_is_the_same_class_and_customer() -> None:
    success, refusal = exchange(200, SUCCESS), exchange(400, ERROR)
    assert alike(success, exchange(200, but(SUCCESS, created=NOW - 5))) is Outcome.PASS
    assert alike(success, exchange(200, but(SUCCESS, customer="cus_2"), sent="customer=cus_2")) is Outcome.PASS
    assert alike(success, exchange(200, but(SUCCESS, customer=None))) is Outcome.FAIL
    assert alike(success, exchange(201, SUCCESS)) is Outcome.PASS
    assert alike(success, refusal) is Outcome.FAIL
    assert alike(refusal, exchange(400, {"error": {**ERROR["error"], "message": "Otherwise."}})) is Outcome.PASS
    assert alike(refusal, exchange(400, {"error": {**ERROR["error"], "code": "x"}})) is Outcome.FAIL
    assert alike(refusal, exchange(404, ERROR)) is Outcome.FAIL


def test_a_server_that_knows_ids_by_their_form_may_know_no_long_one() -> None:
    def outcome(*answers: Exchange) -> Outcome:
        subjects = (Step("subject", answer) for answer in answers)
        steps = (Step("control", exchange(200, SUCCESS)), *subjects)
        return judged(Episode("body.customer-length-limit-exact", "same_answer_at_its_length", steps)).outcome

    unknown = exchange(400, {"error": {**ERROR["error"], "code": "resource_missing", "param": "customer"}})
    too_long = exchange(400, {"error": {**ERROR["error"], "param": "customer"}})
    assert outcome(unknown, unknown) is Outcome.PASS
    assert outcome(unknown, exchange(200, SUCCESS)) is Outcome.FAIL, "then the form is no reason"
    assert outcome(unknown, too_long) is Outcome.FAIL
    assert outcome(too_long, too_long) is Outcome.FAIL


@pytest.mark.parametrize("made_up", ["lorem", None, {"id": "ipsum", "object": "customer"}])
def test_a_customer_that_is_made_up_each_time_is_nothing_to_compare(made_up: Any) -> None:
    control = exchange(200, but(SUCCESS, customer=made_up))
    for other in ("dolor", None, ..., {"id": "sit", "object": "customer"}, CUSTOMER):
        assert alike(control, exchange(200, but(SUCCESS, customer=other))) is Outcome.PASS
    assert alike(control, exchange(201, SUCCESS)) is Outcome.PASS
    assert alike(control, exchange(400, ERROR)) is Outcome.FAIL


def test_an_expanded_answer_is_as_complete_as_a_plain_one_of_a_like_object() -> None:
    plain = Step("control", exchange(200, SUCCESS))
    sent = f"customer={CUSTOMER}&expand[]=customer"

    def outcome(**facts: Any) -> Outcome:
        brief = but(SUCCESS, customer=EXPANDED_CUSTOMER, card=but(CARD, networks=...))
        steps = (plain, Step("subject", exchange(200, brief, sent=sent)))
        return judged(Episode("expand.inlined", "inlined", steps, {}, facts)).outcome

    assert outcome(created_as="card") is Outcome.FAIL
    assert outcome(created_as="card", stateless=True) is Outcome.PASS
    assert outcome() is Outcome.PASS


@pytest.mark.parametrize(
    ("plain", "expanded", "expected"),
    [
        ([{"a": 1}] * 6, [{}] * 6, Outcome.FAIL),
        ([{"a": 1}] * 6, [{}] * 5 + [{"a": 1}], Outcome.PASS),
        ([{"a": 1}] * 5 + [{}], [{}] * 6, Outcome.PASS),
        ([{"a": None}] * 6, [{}] * 6, Outcome.PASS),
        ([{"a": 1}], [{}], Outcome.PASS),
    ],
)
def test_members_that_come_and_go_are_not_lacking(
    plain: list[dict[str, Any]], expanded: list[dict[str, Any]], expected: Outcome
) -> None:
    sent = f"customer={CUSTOMER}&expand[]=customer"
    bodies = [but(SUCCESS, customer=EXPANDED_CUSTOMER, **more) for more in expanded]
    subjects = [Step("subject", exchange(200, body, sent=sent)) for body in bodies]
    controls = [Step("control", exchange(200, but(SUCCESS, **more))) for more in plain]
    found = judged(Episode("expand.inlined", "inlined", (*subjects, *controls), {}, {"stateless": True}))
    assert found.outcome is expected


def test_keys_that_are_data_are_no_members_that_an_expanded_answer_lacks() -> None:
    def outcome(**card: Any) -> Outcome:
        plain = but(SUCCESS, links={"/v1/payment_methods/pm_1": "GET"}, card={**CARD, "history": {"pm_1": 1}})
        expanded = but(SUCCESS, customer=EXPANDED_CUSTOMER, links={"/v1/payment_methods/pm_2": "GET"})
        sent = f"customer={CUSTOMER}&expand[]=customer"
        subject = exchange(200, but(expanded, card={**CARD, **card}), sent=sent)
        steps = (Step("control", exchange(200, plain)), Step("subject", subject))
        return judged(Episode("expand.inlined", "inlined", steps, {}, {"created_as": "card"})).outcome

    assert outcome(history={"pm_2": 1}) is Outcome.PASS
    assert outcome() is Outcome.FAIL, "the member itself is missing"


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ({"email": "a@example.com", "metadata": {"run": "1", "more": "2"}}, Outcome.PASS),
        ({"metadata": {"run": "1"}}, Outcome.PASS),
        ({}, Outcome.PASS),
        ({"email": None}, Outcome.FAIL),
        ({"email": "a@example.com", "metadata": {}}, Outcome.FAIL),
    ],
)
def test_an_expanded_customer_shows_what_it_was_created_with(shown: dict[str, Any], expected: Outcome) -> None:
    kept = {**EXPANDED_CUSTOMER, "email": "a@example.com", "metadata": {"run": "1"}}
    form = "email=a@example.com&metadata[run]=1"
    subject = exchange(200, but(SUCCESS, customer={**EXPANDED_CUSTOMER, **shown}))

    def outcome(answer: dict[str, Any], **facts: bool) -> Outcome:
        made = exchange(200, answer, sent=form)
        created = replace(made, request=replace(made.request, target="/v1/customers"))
        steps = (Step("set-up", created), Step("subject", subject))
        judgement = judged(Episode("expand.inlined", "inlined", steps, {}, facts))
        own = [finding for finding in judgement.findings if finding.clause == "expand.inlined"]
        assert all("state.only-this-one" in finding.rests_on for finding in own), "an attach may have lost it"
        return judgement.outcome

    assert outcome(kept) is expected
    assert outcome(kept, stateless=True) is Outcome.PASS, "a server that keeps no state keeps no customer"
    assert outcome({**kept, "id": "cus_Other"}) is Outcome.PASS
    assert outcome({**kept, "email": "b@example.com", "metadata": {}}) is Outcome.PASS, (
        "it was not kept in the first place"
    )


def test_one_odd_answer_out_of_many_is_unsteady() -> None:
    many = [exchange(200, SUCCESS)] * 30
    assert judged(episode("steady", *many)).outcome is Outcome.PASS
    assert judged(episode("steady", *many, exchange(400, ERROR))).outcome is Outcome.FAIL
    assert judged(episode("steady", *many, exchange(429, b""))).outcome is Outcome.PASS


@pytest.mark.parametrize("odd", [exchange(None, b"", failure=CONNECTION_LOST), exchange(200, SUCCESS, resent=True)])
def test_a_network_may_lose_one_of_many(odd: Exchange) -> None:
    many = [exchange(200, SUCCESS)] * 30

    def outcome(*odd: Exchange, **facts: Any) -> Outcome:
        return judged(episode("steady", *many, *odd, **facts)).outcome

    assert outcome(odd) is Outcome.FAIL
    assert outcome(odd, remote=True) is Outcome.PASS
    assert outcome(odd, odd, remote=True) is Outcome.FAIL
    alone = (odd, exchange(429, {}))
    assert judged(episode("steady", *alone, remote=True)).outcome is Outcome.INCONCLUSIVE


def test_what_never_arrived_shows_nothing() -> None:
    assert NEVER_ARRIVED
    for failure in NEVER_ARRIVED:
        assert judged(episode("survived", exchange(None, b"", failure=failure))).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(("method", "bare"), [("GET", True), ("DELETE", True), ("PUT", False)])
def test_a_front_end_may_refuse_a_body_where_there_is_none_in_its_own_words(method: str, bare: bool) -> None:
    page = b"<html>Bad Request</html>"
    with_body = episode("rejected", exchange(400, page, method=method, media_type="text/html"), kind="wire")
    assert judged(with_body).broken == (set() if bare else {"error.envelope"})
    without = episode("rejected", exchange(400, page, method=method, sent="", media_type="text/html"), kind="wire")
    assert judged(without).broken == {"error.envelope"}


@pytest.mark.parametrize(
    ("message", "leaks"),
    [
        ("Please select another customer from your account.", False),
        ("Update your request and set customer to one of yours.", False),
        ("You cannot delete from here.", False),
        ("near: SELECT id FROM customers WHERE id = 1", True),
        ('near: select "id" from "customers" where', True),
        ("near: insert into methods (id) values", True),
        ("near: update methods set owner = 1", True),
        ("sql: no rows in result set", True),
        ("SQLITE_CONSTRAINT: FOREIGN KEY constraint failed", True),
        ('Couldn\'t find Customer with \'id\'=1 [WHERE "customers"."deleted_at" IS NULL]', True),
        ('update on table "methods" violates foreign key constraint "fk_1"', True),
        ("Cannot add or update a child row: a foreign key constraint fails", True),
        ("This violates a constraint: say WHERE the customer is, and which.", False),
        ("ActiveRecord::RecordNotFound", True),
        ("matching query: Customer.DoesNotExist", True),
        ("invalid memory address or nil pointer dereference", True),
    ],
)
def test_sql_is_distinguished_from_english(message: str, leaks: bool) -> None:
    refusal = exchange(400, {"error": {**ERROR["error"], "message": message}})
    assert judged(episode("rejected", refusal)).broken == ({"error.no-internals"} if leaks else set())


def test_evidence_survives_its_json_form() -> None:
    case = episode(
        "accepted", exchange(400, b"\xff\x00", leaked_key=True, retries=2), clause="request.accept", stateless=True
    )
    finding = judged(case).findings[0]
    assert Finding.from_json(json.loads(json.dumps(finding.to_json()))) == finding


def test_a_refusal_beside_a_success_does_not_hide_what_is_wrong_with_it() -> None:
    refusal, good, bad = exchange(400, ERROR), exchange(200, SUCCESS), exchange(200, but(SUCCESS, id="pm_2"))
    assert judged(episode("well_formed", good, refusal, clause="response.id")).outcome is Outcome.PASS
    assert judged(episode("well_formed", bad, refusal, clause="response.id")).outcome is Outcome.FAIL
    assert judged(episode("well_formed", refusal, bad, clause="response.id")).outcome is Outcome.FAIL
    assert judged(episode("well_formed", refusal, clause="response.id")).outcome is Outcome.NOT_RUN


@pytest.mark.parametrize(
    ("members", "leaks"),
    [
        ({"code": "ResourceNotFoundException"}, False),
        ({"code": "ValidationError", "param": "customer"}, False),
        ({"code": "TypeError: null"}, True),
        ({"code": "ValidationError", "message": "raised a KeyError"}, True),
    ],
)
def test_a_code_may_be_named_like_an_exception(members: dict[str, str], leaks: bool) -> None:
    refusal = exchange(400, {"error": {**ERROR["error"], **members}})
    assert judged(episode("rejected", refusal)).broken == ({"error.no-internals"} if leaks else set())
