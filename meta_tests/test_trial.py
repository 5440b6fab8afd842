"""The trial: a finding is one where it comes again, and unsteadiness of the server where it does not."""

from __future__ import annotations

import pytest

from conformance.exchange import Exchange
from conformance.ledger import UNSTEADY
from conformance.trial import ANEW, CONFIRMATION, FIRST, Performed, Trial, settle
from contracts import load_catalogue, published_contract
from meta_tests.detection import DEFECTS, complaint, job_for
from meta_tests.examples import ERROR, SUCCESS, episode, exchange
from meta_tests.suite import run_all

CLAUSE = "request.minimal-body"
GOOD, BAD = exchange(200, SUCCESS), exchange(400, ERROR)


def broken_by(*answers: tuple[str, Exchange]) -> set[str]:
    performed = tuple(Performed(part, episode("accepted", answer, clause=CLAUSE)) for part, answer in answers)
    return set(settle(Trial(CLAUSE, performed), (), published_contract(), load_catalogue()).ledger.broken)


@pytest.mark.parametrize(
    ("anew", "broken"),
    [
        ((), UNSTEADY),
        ((BAD,), UNSTEADY),
        ((BAD, GOOD), UNSTEADY),
        ((GOOD, BAD), UNSTEADY),
        ((BAD, BAD), CLAUSE),
    ],
)
def test_what_comes_again_with_new_customers_each_time_is_no_unsteadiness(
    anew: tuple[Exchange, ...], broken: str
) -> None:
    again = [(CONFIRMATION, GOOD), (CONFIRMATION, GOOD), *((ANEW, answer) for answer in anew)]
    assert broken_by((FIRST, BAD), *again) == {broken}


def test_what_comes_again_only_now_and_then_is_unsteadiness() -> None:
    assert broken_by((FIRST, BAD), (CONFIRMATION, BAD), (CONFIRMATION, BAD)) == {CLAUSE}
    assert broken_by((FIRST, BAD), (CONFIRMATION, GOOD), (CONFIRMATION, BAD)) == {UNSTEADY}


@pytest.mark.parametrize("name", ["first-of-a-customer-is-created", "body-lost-on-old-connections", "indices-from-one"])
def test_a_run_names_the_one_clause_that_new_customers_old_connections_or_indices_break(name: str) -> None:
    (result,) = run_all([job_for(DEFECTS[name])])
    assert not complaint(DEFECTS[name], result)
