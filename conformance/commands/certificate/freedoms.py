"""The freedoms that a product is seen to take, for which the suite performs something else than for the reference.

The plan is drawn with a reference that takes them, too. They are read off the recorded answers, and off the ways in
which the suite got its objects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain

from conformance.evidence.episode import Episode
from conformance.evidence.exchange import Exchange, is_creation, sent_header
from conformance.fixtures.forms import ATTACHED_TOKEN, PAYMENT_METHOD_FORMS, RETRIEVED_TOKEN
from conformance.fixtures.provisioning import Provision
from conformance.judge import cloned as judged_clones
from conformance.judge import expectation_name, has_hash_of_its_type
from conformance.verdict.record import Record
from conformance.verdict.shapes import exchanges_in, performed_in, steps_in
from strategies.stripe import FAILING_LATER, IDEMPOTENCY_KEY

TEST_TOKENS = "stripe.test-tokens"


def freedoms_of(record: Record) -> tuple[str, ...]:
    """Return the names of the conforming variants of the reference that do what the product is seen to do."""
    return tuple(variant for variant, is_taken in FREEDOMS.items() if is_taken(record))


def _provision(record: Record) -> Provision:
    return Provision.from_json(record.header["target"]["provision"])


def _keeps_nothing(*, customers: bool, payment_methods: bool) -> Callable[[Record], bool]:
    """Ask for a product without state that creates `customers`, or `payment_methods`, even so."""

    def is_so(record: Record) -> bool:
        provision = _provision(record)
        creates = provision.creates_customers, provision.payment_methods in PAYMENT_METHOD_FORMS
        return provision.stateless and creates == (customers, payment_methods)

    return is_so


def _gives_payment_methods(way: str) -> Callable[[Record], bool]:
    return lambda record: _provision(record).payment_methods == way


def _sends_header(name: str) -> Callable[[Record], bool]:
    return lambda record: any(exchange.header(name) is not None for exchange in _successes(record))


def _successes(record: Record) -> Iterator[Exchange]:
    """Yield the successes of the operation."""
    steps = (step for _, step in steps_in(record.trials) if step.attempt_digest)
    return (step.exchange for step in steps if step.exchange.is_success)


def _episodes_of(record: Record, clause: str) -> Iterator[Episode]:
    """Yield the episodes that were performed for a clause."""
    return (performed.episode for trial, performed in performed_in(record.trials) if trial.clause == clause)


def _exchanges_of(record: Record, clause: str) -> Iterator[Exchange]:
    """Yield the exchanges that were performed for a clause."""
    return (step.exchange for trial, step in steps_in(record.trials) if trial.clause == clause)


def _last_subjects(record: Record, clause: str) -> Iterator[Exchange]:
    """Yield the last subject of each episode that was performed for a clause."""
    return chain.from_iterable(episode.exchanges("subject")[-1:] for episode in _episodes_of(record, clause))


def _refuses_same_customer_again(record: Record) -> bool:
    return any(latest.is_refusal for latest in _last_subjects(record, "state.same-customer-again"))


def _numbers_its_objects(*, has_past: bool) -> Callable[[Record], bool]:
    """Ask for numbers as ids: of one digit at first, or of several where an account has had objects before."""

    def is_so(record: Record) -> bool:
        created = (exchange.object for exchange in exchanges_in(record.trials) if is_creation(exchange))
        first = next((str(one["id"]) for one in created if str(one.get("id")).isdecimal()), "")
        return bool(first) and (len(first) > 1) is has_past

    return is_so


def _keeps_customers_with_methods(record: Record) -> bool:
    exchanges = _exchanges_of(record, "state.deleted-customer")
    return any(exchange.request.method == "DELETE" and exchange.is_refusal for exchange in exchanges)


def _has_keys_for_each_path(record: Record) -> bool:
    return any(latest.is_success for latest in _last_subjects(record, "idempotency.other-path"))


def _creates_cards_alone(record: Record) -> bool:
    episodes = _episodes_of(record, "response.type-hash")
    of_another_type = (one for one in episodes if one.expectation == expectation_name(has_hash_of_its_type))
    return any(not is_creation(first.exchange) for episode in of_another_type for first in episode.steps[:1])


def _refuses_semicolons_in_keys(record: Record) -> bool:
    firsts = (step.exchange for one in _episodes_of(record, "idempotency.replay") for step in one.steps[:1])
    return any(first.is_refusal and ";" in (sent_header(first, IDEMPOTENCY_KEY) or "") for first in firsts)


def _lacks_card_that_fails_later(record: Record) -> bool:
    """Return whether the usual shared token was attached in place of that of a card which is declined only later."""
    cloned = (one for one in _episodes_of(record, TEST_TOKENS) if one.expectation == expectation_name(judged_clones))
    targets = [step.exchange.request.target for episode in cloned for step in episode.steps]
    return bool(targets) and not any(f"/{FAILING_LATER}/" in target for target in targets)


def _has_errors_with_nulls(record: Record) -> bool:
    return any(None in exchange.error.values() for exchange in exchanges_in(record.trials) if exchange.is_refusal)


WITHOUT_STATE: Mapping[str, Callable[[Record], bool]] = {
    "creations-are-not-kept": _keeps_nothing(customers=True, payment_methods=True),
    "payment-methods-begin-when-attached": _keeps_nothing(customers=True, payment_methods=False),
    "customers-are-not-looked-up": _keeps_nothing(customers=False, payment_methods=True),
}
"""The variants that answer creations and keep nothing, where a reference without state creates nothing."""

FREEDOMS: Mapping[str, Callable[[Record], bool]] = {
    **WITHOUT_STATE,
    "shared-tokens-are-retrieved": _gives_payment_methods(RETRIEVED_TOKEN),
    "shared-tokens-are-attached": _gives_payment_methods(ATTACHED_TOKEN),
    "cards-alone": _creates_cards_alone,
    "customers-with-methods-stay": _keeps_customers_with_methods,
    "ids-are-row-numbers": _numbers_its_objects(has_past=False),
    "row-numbers-of-an-account-with-a-past": _numbers_its_objects(has_past=True),
    "keys-belong-to-a-path": _has_keys_for_each_path,
    "keys-of-letters-digits-and-hyphens": _refuses_semicolons_in_keys,
    "same-customer-refused": _refuses_same_customer_again,
    "cookie-of-the-balancer": _sends_header("Set-Cookie"),
    "etag-on-every-answer": _sends_header("ETag"),
    "card-that-fails-later-is-unknown": _lacks_card_that_fails_later,
    "errors-with-nulls": _has_errors_with_nulls,
}
"""The variants of the reference, each with the question whether a record shows that the product does the same."""

__all__ = ["WITHOUT_STATE", "freedoms_of"]
