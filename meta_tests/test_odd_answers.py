"""Valid and unusual answers, and nonsense: no answer of a server ends in an error of the suite."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.examples import CUSTOMER, ERROR, NOW, PAYMENT_METHOD, SUCCESS, but, episode, exchange
from benchmarks.hostile.oddities import HEADERS, JSON_VALUES, MEMBERS, replaced
from conformance.evidence.episode import Episode, Outcome, Step
from conformance.evidence.exchange import Exchange
from conformance.evidence.strict_json import MOST_LEVELS, read_json
from conformance.judge import judge
from conformance.judge.expectations import ALL_EXPECTATIONS
from contracts import load_catalogue, published_contract
from strategies.attempt import Request

CONTRACT = published_contract()
CATALOGUE = load_catalogue()
NO_JSON = frozenset({"not-a-number", "infinity"})
LIST = {"object": "list", "data": [SUCCESS], "has_more": False}
OTHER = "cus_Other"
ATTACH = f"/v1/payment_methods/{PAYMENT_METHOD}/attach"
RETRIEVE = f"/v1/payment_methods/{PAYMENT_METHOD}"
LISTED = f"/v1/payment_methods?customer={CUSTOMER}&type=card&limit=100"

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(), max_size=5), st.just("\ud800")
)
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
).map(lambda value: json.dumps(value).encode())
ODD_MEMBERS = st.builds(
    lambda body, path, text: replaced(json.dumps(body).encode(), path, text) or b"",
    st.sampled_from([SUCCESS, ERROR, LIST, {**SUCCESS, "customer": {"id": CUSTOMER, "object": "customer"}}]),
    st.sampled_from(MEMBERS),
    st.sampled_from(sorted(JSON_VALUES.values())) | ANY_JSON.map(bytes.decode),
)
BODIES = st.one_of(ODD_MEMBERS, ANY_JSON, st.binary(max_size=20), st.none())
HEADER_LISTS = st.lists(
    st.sampled_from([(name, value) for name, values in HEADERS.items() for value in values])
    | st.tuples(st.sampled_from(sorted(HEADERS)), st.text(st.characters(max_codepoint=255), max_size=12)),
    max_size=4,
).map(tuple)
STATUSES = st.sampled_from([200, 200, 200, 201, 204, 302, 400, 401, 402, 404, 409, 429, 500, 99, 999, None])


@st.composite
def odd_exchanges(draw: st.DrawFn, method: str, target: str, sent: str | None = f"customer={CUSTOMER}") -> Exchange:
    status = draw(STATUSES)
    request = Request(method, target, (("Idempotency-Key", "k"),), None if sent is None else sent.encode())
    if status is None:
        return Exchange(request, failure="the connection was closed without an answer")
    return Exchange(request, status, draw(HEADER_LISTS | st.none()), draw(BODIES), received=NOW)


@st.composite
def odd_episodes(draw: st.DrawFn, expectation: str) -> Episode:
    """An episode as the expectation needs it, and all of whose answers are odd."""
    to_be_read = ("control", "GET", RETRIEVE) if expectation in READ_BEFORE else ("control", "POST", ATTACH)
    layout = [("set-up", "POST", "/v1/customers"), to_be_read, ("subject", "POST", ATTACH), ("subject", "POST", ATTACH)]
    layout += [("follow-up", "GET", RETRIEVE)]
    if expectation == "as_modelled":
        layout = [("subject", "POST", ATTACH), ("follow-up", "GET", RETRIEVE), ("follow-up", "GET", LISTED)]
        layout += [("subject", "POST", f"{RETRIEVE}/detach"), ("subject", "DELETE", f"/v1/customers/{CUSTOMER}")]
    elif expectation == "nothing_changed":
        layout += [("follow-up", "POST", ATTACH)]
    elif expectation != "only_this_one":
        layout += [("follow-up", "GET", LISTED)]
    steps = tuple(Step(role, draw(odd_exchanges(method, target))) for role, method, target in layout)
    names = ["attach", "retrieve", "list", "detach", "delete"]
    facts = {
        "value": CUSTOMER,
        "absent": "no",
        "called": {},
        "operations": [(name, PAYMENT_METHOD, CUSTOMER) for name in names],
        "of": draw(st.sampled_from(["", "a decline"])),
        "created_as": draw(st.sampled_from(["", "card"])),
        "stateless": draw(st.booleans()),
        "remote": draw(st.booleans()),
    }
    fixtures = {
        "payment_method": PAYMENT_METHOD,
        "customer": CUSTOMER,
        "other_customer": OTHER,
        "earlier": "pm_Earlier",
    }
    clause = (
        draw(st.sampled_from([c.slug for c in CATALOGUE])) if expectation != "rejected_as_required" else draw(REFUSED)
    )
    return Episode(clause, expectation, steps, fixtures, facts)


READ_BEFORE = frozenset(
    {"same_object", "nothing_changed", "only_this_one", "attached_again", "stays_with_first", "detached"}
)
REFUSED = st.sampled_from(
    ["stripe.parameter-unknown", "stripe.card-declined", "method.unrecognized", "stripe.too-long"]
)


@pytest.mark.parametrize("expectation", sorted(ALL_EXPECTATIONS))
@settings(max_examples=12, deadline=None, database=None, derandomize=True)
@given(data=st.data())
def test_no_answer_is_an_error_of_the_judge(expectation: str, data: st.DataObject) -> None:
    odd = data.draw(odd_episodes(expectation))
    judgement = judge(odd, CONTRACT, CATALOGUE)
    assert judgement.outcome in set(Outcome) - {Outcome.ERROR}
    for text in (judgement.reason, *(finding.observed for finding in judgement.findings)):
        assert text.isprintable()
    kept = json.loads(json.dumps(odd.to_json()))
    assert judge(Episode.from_json(kept), CONTRACT, CATALOGUE).broken == judgement.broken


@pytest.mark.parametrize("name", sorted(set(JSON_VALUES) - NO_JSON))
def test_an_unusual_extra_member_breaks_nothing(name: str) -> None:
    for body, status in ((SUCCESS, 200), (ERROR, 400)):
        content = replaced(json.dumps(body).encode(), "surprise", JSON_VALUES[name])
        assert content is not None
        judgement = judge(episode("answered", exchange(status, content), clause="-"), CONTRACT, CATALOGUE)
        assert not judgement.broken


@pytest.mark.parametrize("levels", [MOST_LEVELS - 1, MOST_LEVELS, MOST_LEVELS + 1, 3 * MOST_LEVELS])
def test_what_lies_too_deep_is_legal_and_not_read(levels: int) -> None:
    read = read_json(b'{"a": ' + b"[" * levels + b"]" * levels + b', "b": "[[{"}')
    assert read.found
    assert not read.problems
    assert read.value["b"] == "[[{"


@pytest.mark.parametrize("text", [b"[" * 5000, b"[" * 5000 + b"]" * 4999, b"[" * 5000 + b"]" * 5001])
def test_brackets_that_do_not_match_are_no_json_however_deep(text: bytes) -> None:
    assert read_json(text).problems


@pytest.mark.parametrize("date", HEADERS["Date"])
def test_an_odd_date_breaks_its_clause_alone(date: str) -> None:
    answer = exchange(200, but(SUCCESS))
    dated = Exchange(answer.request, 200, (*(answer.headers or ()), ("Date", date)), answer.body, received=NOW)
    judgement = judge(episode("answered", dated, clause="-"), CONTRACT, CATALOGUE)
    assert [finding.clause for finding in judgement.findings] == ["response.date"]
