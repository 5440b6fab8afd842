"""Valid attempts are valid and invalid ones are not, by a validator that knows no strategy."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from contracts import load_catalogue, published_contract
from strategies import Attempt, Comparison, invalid, refusals, requests, stripe, valid
from strategies.attempt import Pair, Request
from strategies.oracle import violations
from strategies.traits import traits
from strategies.values import describe
from strategies.wire import decode, unflatten

CONTRACT = published_contract()
CLAUSES = {clause.slug for clause in load_catalogue()}
VALIDATOR = jsonschema.Draft202012Validator(dict(CONTRACT.body_schema))
BINDINGS = {"customer": "cus_Known0", "other_customer": "cus_Other0", "payment_method": "pm_Known0"}

MANY = settings(
    max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
)


def body_of(attempt: Attempt) -> dict[str, Any]:
    return unflatten(decode(attempt.bind(BINDINGS).body or b""))


def is_valid(attempt: Attempt) -> bool:
    return bool(VALIDATOR.is_valid(body_of(attempt)))


VALID = {
    "valid": valid.valid_bodies(),
    "arbitrary": valid.arbitrary_valid_bodies(CONTRACT),
}

INVALID = {
    "structured": invalid.any_structured_customer(),
    "too long": invalid.any_too_long_customer(CONTRACT),
    "unknown": invalid.any_unknown_parameter(CONTRACT),
    "unknown nested": invalid.any_unknown_nested_parameter(CONTRACT),
}

INVALID_CORNERS: dict[str, Sequence[Attempt]] = {
    "missing": invalid.missing_customer(),
    "structured": invalid.structured_customers(),
    "too long": invalid.too_long_customers(CONTRACT),
    "unknown": invalid.unknown_parameters(),
    "unknown nested": invalid.unknown_nested_parameters(),
    "expand": invalid.ill_structured_expands(),
    "named index": invalid.named_expand_indexes(),
    "too long entry": invalid.too_long_expand_items(CONTRACT),
}


@pytest.mark.parametrize("name", VALID)
def test_valid_bodies_are_valid(name: str) -> None:
    @seed(1)
    @MANY
    @given(attempt=VALID[name])
    def check(attempt: Attempt) -> None:
        assert attempt.kind == "valid"
        assert is_valid(attempt), body_of(attempt)
        assert not violations(decode(attempt.bind(BINDINGS).body or b""), CONTRACT)

    check()


@pytest.mark.parametrize("name", INVALID)
def test_invalid_bodies_are_invalid_in_the_one_named_component(name: str) -> None:
    @seed(1)
    @MANY
    @given(attempt=INVALID[name])
    def check(attempt: Attempt) -> None:
        assert_invalid_once(attempt)

    check()


@pytest.mark.parametrize("name", INVALID_CORNERS)
def test_invalid_corners_are_invalid_in_the_one_named_component(name: str) -> None:
    assert INVALID_CORNERS[name]
    for attempt in INVALID_CORNERS[name]:
        assert_invalid_once(attempt)


def assert_invalid_once(attempt: Attempt) -> None:
    assert attempt.kind == "invalid"
    assert attempt.invalid is not None
    assert not is_valid(attempt), body_of(attempt)
    broken = violations(decode(attempt.bind(BINDINGS).body or b""), CONTRACT)
    assert len({violation.clause for violation in broken}) == 1, broken
    rest = [pair for pair in attempt.pairs or () if str(pair.name).partition("[")[0] in CONTRACT.parameters]
    others = {violation.component for violation in broken}
    kept = tuple(pair for pair in rest if str(pair.name) not in others)
    if any(str(pair.name) == "customer" for pair in kept):
        assert is_valid(Attempt(kept)), "without its invalid component the attempt is good"


@seed(1)
@MANY
@given(comparison=valid.respelled_bodies())
def test_respelled_bodies_mean_the_same(comparison: Comparison) -> None:
    assert_same_meaning(comparison)


@pytest.mark.parametrize("comparison", [*valid.ORDERS, *valid.equivalent_encodings(), *requests.CHARSETS])
def test_partners_mean_the_same(comparison: Comparison) -> None:
    assert_same_meaning(comparison)


def assert_same_meaning(comparison: Comparison) -> None:
    assert comparison.subjects
    for subject in comparison.subjects:
        assert body_of(subject) == body_of(comparison.control)


def test_another_order_is_all_that_differs() -> None:
    assert valid.ORDERS
    for comparison in valid.ORDERS:
        assert comparison.subjects
        for subject in comparison.subjects:
            assert Counter(subject.pairs) == Counter(comparison.control.pairs)
            assert subject.pairs != comparison.control.pairs


def test_lengths_are_the_contracts() -> None:
    limit = CONTRACT.customer_max_length
    lengths = [len(body_of(one)["customer"]) for one in valid.customer_at_its_length(CONTRACT).subjects]
    assert lengths == [limit, limit - 1]
    assert min(len(body_of(a)["customer"]) for a in invalid.too_long_customers(CONTRACT)) == limit + 1


def test_a_limit_changed_in_the_contract_changes_what_is_sent() -> None:
    import copy
    from dataclasses import replace

    document = copy.deepcopy(dict(CONTRACT.document))
    path = document["paths"][CONTRACT.path]["post"]["requestBody"]["content"]
    schema = path["application/x-www-form-urlencoded"]["schema"]
    schema["properties"]["customer"]["maxLength"] = 100
    changed = replace(CONTRACT, document=document)
    assert min(len(body_of(a)["customer"]) for a in invalid.too_long_customers(changed)) == 101


@seed(1)
@MANY
@given(data=st.binary(max_size=40))
def test_the_oracle_takes_any_bytes(data: bytes) -> None:
    assert {violation.clause for violation in violations(decode(data), CONTRACT)} <= CLAUSES


def test_an_empty_array_can_be_written_as_an_empty_string() -> None:
    assert not violations(decode(b"customer=a&expand="), CONTRACT)
    (broken,) = violations(decode(b"customer=a&expand=b"), CONTRACT)
    assert broken.clause == "expand.structure"


def test_text_behind_brackets_makes_no_entry_and_the_name_counts_as_one_with_brackets() -> None:
    """The suite sends such a name for that clause, and recorded traffic is judged alike."""
    (broken,) = violations(decode(b"customer=a&expand[]x=customer"), CONTRACT)
    assert broken.clause == "body.unknown-parameter-nested"
    (broken,) = violations(decode(b"customer=a&[expand][]=customer"), CONTRACT)
    assert broken.clause == "body.unknown-parameter"


def test_bytes_are_not_shown_as_if_they_were_percent_encoded() -> None:
    assert describe(b"customer=\xff\xfe%ff") == r"customer=\xff\xfe%ff"


def test_the_param_is_asked_of_names_of_up_to_forty_characters() -> None:
    assert 32 < len(stripe.LONG_NAME) <= 40, "the clause is judged for no longer name, and a short one shows no cut"


def test_names_with_a_meaning_are_never_unknown_parameters() -> None:
    for name in ("customer_account", "key", "_stripe_x", "customer", "expand[0]", "client_secret"):
        assert not invalid.is_without_meaning(name, CONTRACT)
    names = {str(pair.name) for attempt in invalid.unknown_parameters() for pair in attempt.pairs or ()}
    unknown = {name for name in names if not re.fullmatch(r"customer|expand\[\d*\]", name)}
    assert {name for name in unknown if not invalid.is_without_meaning(name, CONTRACT)} == set()
    assert len(unknown) > 8


@pytest.mark.parametrize("body", [b"&customer=a", b"customer=a&", b"customer=a&&expand[]=b", b"customer=", b"=x"])
def test_an_empty_pair_is_as_remarkable_as_an_empty_value(body: bytes) -> None:
    assert traits(Request("POST", "/", (), body))[0] == "robustness.empty-values"
    assert "robustness.empty-values" not in traits(Request("POST", "/", (), b"customer=a&expand[]=b"))


def test_an_entity_of_html_is_syntax_of_another_language() -> None:
    assert traits(Request("POST", "/", (), b"customer=%26%2399%3Bus_1"))[0] == "robustness.quotes"


def test_a_number_names_nobody_unless_ids_are_numbers() -> None:
    may_name = [attempt for attempt in refusals.unknown_customers() if refusals.may_name_customer(attempt, "4711")]
    assert [str(attempt) for attempt in may_name] == ["POST in French: customer=1", "POST customer=0"]
    assert not any(refusals.may_name_customer(attempt, "cus_4711") for attempt in refusals.unknown_customers())


def test_a_near_miss_of_a_number_is_no_other_number() -> None:
    assert refusals.near_misses({refusals.ATTACHED: "17"}) == {refusals.ATTACHED: "17x"}
    assert refusals.near_misses({refusals.ATTACHED: "pm_17"}) == {refusals.ATTACHED: "pm_17"}


def test_two_requests_with_a_clients_own_ids_show_an_id_that_is_taken_from_them() -> None:
    of_one_trace = [
        attempt for attempt in stripe.OF_ALL_KINDS.refused if set(stripe.OF_ONE_TRACE) <= set(attempt.headers)
    ]
    assert len(of_one_trace) == 2
    assert len({attempt.digest for attempt in of_one_trace}) == 2


def test_each_rejection_by_validation_breaks_one_clause() -> None:
    bindings = {"customer": "cus_1", "payment_method": "pm_1"}
    attempts = stripe.refused_by_validation(CONTRACT)
    bodies = [attempt.bind(bindings).body or b"" for attempt in attempts if attempt.credentials == "key"]
    clauses = [{violation.clause for violation in violations(decode(body), CONTRACT)} for body in bodies]
    assert clauses == [
        {"body.unknown-parameter"},
        {"body.customer-required"},
        {"expand.structure"},
        {"body.customer-max-length"},
        {"body.customer-structure"},
    ]


SHOWN = {
    Attempt(payload=b"?customer=1"): "POST the body ?customer=1",
    Attempt((Pair("a", "1"),), query=(Pair("customer", "1"),)): "POST ?customer=1, a=1",
    Attempt((Pair(" customer", "1 "),)): "POST “ customer”=“1 ”",
    Attempt((Pair("a", "1"),) * 3): "POST a=1 & a=1 & a=1",
    Attempt((Pair("a", "1"), *[Pair("c", "x")] * 900, Pair("b", "1"))): "POST a=1 & c=x (900 times) & b=1",
}
"""What reports call an attempt whose plain text would be long, or would mislead."""


@pytest.mark.parametrize("attempt", SHOWN)
def test_an_attempt_is_shown_as_what_it_is(attempt: Attempt) -> None:
    assert str(attempt) == SHOWN[attempt]
