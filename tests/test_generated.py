"""Schemathesis's own phases over the contract: what it generates is judged by our clauses."""

from __future__ import annotations

from typing import Any

import schemathesis

from conformance.scenes.engine import Engine
from conformance.scenes.generated import attempt_from
from conformance.scenes.marks import explores
from conformance.transport.serializer import schema_of
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
def test_generated(scene: Engine, case: schemathesis.Case[Any]) -> None:
    """Everything that a generator makes of the published schema is answered as the clauses say."""
    generated = attempt_from(case, CONTRACT)
    if generated is not None:
        scene.judge_generated(generated)
