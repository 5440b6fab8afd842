"""Cases that Schemathesis generates from the contract, as attempts: its cases, our fixtures, our clauses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import schemathesis
from schemathesis.core import NotSet

from conformance.transport.serializer import encode_form
from contracts import Contract
from contracts.contract import FORM_MEDIA_TYPE
from strategies.attempt import Attempt, Invalid, Pair
from strategies.oracle import violations
from strategies.valid import CUSTOMER
from strategies.values import Known, joined
from strategies.wire import decode

INDEXED = re.compile(r"expand\[\d")
"""How a component begins that is an entry of `expand` by its index."""


@dataclass(frozen=True)
class GeneratedAttempt:
    """An attempt made of a generated case, and the clause that speaks of it; empty when it is a valid body.

    `rests_on` is a clause without which the answer tells nothing of the other; empty where there is none.
    """

    attempt: Attempt
    clause: str
    rests_on: str = ""


def attempt_from(case: schemathesis.Case[Any], contract: Contract) -> GeneratedAttempt | None:
    """Return the case as an attempt with one defect: known ids stand in for its path id and for a legal customer.

    None for other methods: request.other-methods sends them all.
    """
    media_type = case.headers.get("Content-Type") or FORM_MEDIA_TYPE
    payload = None if isinstance(case.body, NotSet) else encode_form(case.body)
    if case.method != contract.method:
        return None
    pairs = decode(payload or b"")
    broken = violations(pairs, contract)
    if media_type != FORM_MEDIA_TYPE:
        invalid = Invalid("media type", f"the body calls itself {media_type}")
        headers = (("Content-Type", media_type),)
        attempt = Attempt((CUSTOMER,), kind="invalid", invalid=invalid, headers=headers, label=media_type)
        return GeneratedAttempt(attempt, "request.other-media-types")
    if not broken:
        return GeneratedAttempt(Attempt(payload=joined(payload or b""), kind="wire"), "")
    first = broken[0]
    good = tuple(
        Pair(pair.name, Known("customer") if pair.name == b"customer" and first.component != "customer" else pair.value)
        for pair in pairs
    )
    invalid = Invalid(first.component, first.why)
    attempt = Attempt(None if payload is None else good, kind="invalid", invalid=invalid)
    return GeneratedAttempt(attempt, first.clause, "expand.indexed" if INDEXED.match(first.component) else "")
