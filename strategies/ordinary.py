"""Ordinary counterparts of odd attempts: the same kind of request without the odd text.

A failure for an odd unknown parameter counts only where an ordinary one is served.
"""

from __future__ import annotations

from contracts import Contract
from strategies import invalid
from strategies.attempt import THE_PAYMENT_METHOD, Attempt
from strategies.oracle import each_violation
from strategies.refusals import NO_CUSTOMER, NO_PAYMENT_METHOD, UNKNOWN_PATH
from strategies.valid import EXPANDED, MINIMAL
from strategies.wire import DecodedPair, decode

_BY_CLAUSE = {
    "body.customer-required": invalid.missing_customer()[0],
    "body.customer-structure": invalid.structured_customer("[a]"),
    "body.unknown-parameter": invalid.unknown_parameter("foo"),
    "body.unknown-parameter-nested": invalid.unknown_parameter("foo[bar]"),
    "expand.structure": invalid.ill_structured_expands()[0],
    "expand.named-index": invalid.ill_structured_expands()[0],
}

_CUSTOMER_ID = "cus_ordinary"


def ordinary_counterpart(attempt: Attempt, contract: Contract) -> Attempt | None:
    """Return the plainest attempt of the same kind; None where that is the attempt itself.

    The counterpart of an attempt with an odd id in the path has an unknown id there. The counterpart of another attempt
    breaks the first clause that its body breaks, or has an unknown value in the same place, or is valid as well.
    """
    if attempt.path_id != THE_PAYMENT_METHOD:
        return NO_PAYMENT_METHOD
    bindings = {name: f"{_CUSTOMER_ID}_{name}" for name in attempt.needs} | {"customer": _CUSTOMER_ID}
    pairs = decode(attempt.bind(bindings).body or b"")
    ordinary = _of_pairs(pairs, contract)
    return None if ordinary == attempt else ordinary


def _of_pairs(pairs: tuple[DecodedPair, ...], contract: Contract) -> Attempt:
    for violation in each_violation(pairs, contract):
        if violation.clause in _BY_CLAUSE:
            return _BY_CLAUSE[violation.clause]
    if any(pair.name == b"customer" and pair.value != _CUSTOMER_ID.encode() for pair in pairs):
        return NO_CUSTOMER
    paths = [pair.value for pair in pairs if pair.name.startswith(b"expand[")]
    if any(path != b"customer" for path in paths):
        return UNKNOWN_PATH
    return EXPANDED if paths else MINIMAL
