"""Schemathesis's own phases over the contract: what it generates is judged by our clauses."""

from __future__ import annotations

from typing import Any

import schemathesis

from conformance.generated import attempt_from
from conformance.marks import explores
from conformance.serializer import schema_of
from conformance.target import Target
from contracts import published_contract

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
        target.judges(generated.attempt, generated.clause)
