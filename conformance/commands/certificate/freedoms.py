"""The freedoms that a product is seen to take, for which the suite performs something else than for the reference.

The plan is drawn with a reference that takes them, too. They are read off the recorded answers, not off what the
record says of the product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from conformance.evidence.exchange import Exchange, is_creation, sent_header
from conformance.fixtures.forms import ATTACHED_TOKEN, CREATED, RETRIEVED_TOKEN
from conformance.fixtures.provisioning import Provision
from conformance.verdict.record import Record
from conformance.verdict.shapes import exchanges_in, steps_in
from strategies.stripe import IDEMPOTENCY_KEY

KEEPS_NOTHING_CREATED = "creations-are-not-kept"
"""The variant that answers creations, as one without state does not."""


def freedoms_of(record: Record) -> tuple[str, ...]:
    """Return the names of the conforming variants of the reference that do what the product is seen to do."""
    return tuple(variant for variant, is_taken in FREEDOMS.items() if is_taken(record))


def _provision(record: Record) -> Provision:
    return Provision.from_json(record.header["target"]["provision"])


def _creates_and_keeps_nothing(record: Record) -> bool:
    return _provision(record).stateless and _provision(record).customers == CREATED


def _gives_payment_methods(way: str) -> Callable[[Record], bool]:
    return lambda record: _provision(record).payment_methods == way


def _sends_header(name: str) -> Callable[[Record], bool]:
    return lambda record: any(exchange.header(name) is not None for exchange in _successes(record))


def _successes(record: Record) -> Iterator[Exchange]:
    """Yield the successes of the operation."""
    steps = (step for _, step in steps_in(record.trials) if step.attempt_digest)
    return (step.exchange for step in steps if step.exchange.is_success)


def _refuses_same_customer_again(record: Record) -> bool:
    again = (
        trial.decisive for trial in record.trials if trial.clause == "state.same-customer-again" and trial.episodes
    )
    return any(episode.exchanges("subject")[-1].is_refusal for episode in again)


def _numbers_its_objects(record: Record) -> bool:
    created = (exchange.object for exchange in exchanges_in(record.trials) if is_creation(exchange))
    return any(str(one.get("id")).isdecimal() for one in created)


def _refuses_semicolons_in_keys(record: Record) -> bool:
    trials = (trial for trial in record.trials if trial.clause == "idempotency.replay" and trial.episodes)
    firsts = (trial.decisive.steps[0].exchange for trial in trials)
    return any(first.is_refusal and ";" in (sent_header(first, IDEMPOTENCY_KEY) or "") for first in firsts)


FREEDOMS: Mapping[str, Callable[[Record], bool]] = {
    KEEPS_NOTHING_CREATED: _creates_and_keeps_nothing,
    "shared-tokens-are-retrieved": _gives_payment_methods(RETRIEVED_TOKEN),
    "shared-tokens-are-attached": _gives_payment_methods(ATTACHED_TOKEN),
    "ids-are-row-numbers": _numbers_its_objects,
    "keys-of-letters-digits-and-hyphens": _refuses_semicolons_in_keys,
    "same-customer-refused": _refuses_same_customer_again,
    "cookie-of-the-balancer": _sends_header("Set-Cookie"),
    "etag-on-every-answer": _sends_header("ETag"),
}
"""The variants of the reference, each with the question whether a record shows that the product does the same."""

__all__ = ["KEEPS_NOTHING_CREATED", "freedoms_of"]
