"""Schemathesis's own phases over the contract: what it generates is judged by our clauses."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import given

from conformance.scenes.generated import attempt_from
from conformance.scenes.marks import explored, explores
from conformance.scenes.target import Target
from conformance.transport.serializer import schema_of
from contracts import published_contract
from strategies import Attempt, wider

CONTRACT = published_contract()
SCHEMA = schema_of(CONTRACT)


@explores(
    "body.customer-required",
    "body.customer-structure",
    "body.customer-max-length",
    "body.unknown-parameter",
    "body.unknown-parameter-nested",
    "expand.structure",
    "expand.item-max-length",
    "request.other-media-types",
)
@SCHEMA.parametrize()
def test_generated(target: Target, case: schemathesis.Case[Any]) -> None:
    """Whatever a generator makes of the published schema is answered as the clauses say."""
    generated = attempt_from(case, CONTRACT)
    if generated is not None:
        target.judges(generated.attempt, generated.clause, rests_on=generated.rests_on)


@explores()
@pytest.mark.exploration
@explored("attempt", wider.answered_bodies)
@given(attempt=wider.answered_bodies(1))
def test_any_text(target: Target, attempt: Attempt) -> None:
    """A body that fits the contract is answered, whatever its customer and its entries are called."""
    target.answers(attempt)
