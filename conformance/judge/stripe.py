"""Expectations of the profile `stripe`: the statuses and codes of rejections, and shared test tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.evidence.episode import Episode
from conformance.evidence.exchange import Exchange, has_more
from conformance.judge.answers import RESOURCE_MISSING, describe_refusal, repr_or_absent
from conformance.judge.expectations import (
    each_answered,
    expect,
    expect_success,
    expectation,
    fail,
    require_preparation,
    require_success,
    skip_unless,
)
from conformance.judge.race import CONFLICT
from conformance.judge.reads import each_read, expect_unattached, is_list, times_listed
from conformance.judge.request import sent_payment_method
from contracts import Contract
from strategies.stripe import FAILING_LATER

INVALID_REQUEST = ("invalid_request_error",)
LAST4_OF_FAILING_LATER = "0341"
"""The end of that card's number, as it is recorded."""


@dataclass(frozen=True)
class Rejection:
    """The rejection that a clause requires.

    Each member lists what is admissible, None for absent or empty; an empty tuple admits anything. `owns_success` says
    that a success breaks this clause and that no other clause reports it, unless a clause is broken that this one
    `rests_on`.
    """

    statuses: tuple[int, ...] = ()
    types: tuple[str | None, ...] = ()
    codes: tuple[str | None, ...] = ()
    params: tuple[str | None, ...] = ()
    not_code: str = ""
    names_parameter: bool = False
    tells_decline: bool = False
    owns_success: bool = False
    rests_on: tuple[str, ...] = ()

    def departures(self, exchange: Exchange, contract: Contract) -> Iterator[str]:
        """Yield each member of the response that is not admissible, in words."""
        error = exchange.error
        params = names_of_first_unknown(exchange, contract) if self.names_parameter else self.params
        if self.statuses and exchange.status not in self.statuses:
            yield f"rejected with {describe_refusal(exchange)}, not with {_list_of(self.statuses)}"
        for name, admissible in (("type", self.types), ("code", self.codes), ("param", params)):
            shown = error.get(name) or None
            if admissible and shown not in admissible:
                yield f"the error's {name} is {repr_or_absent(shown)}, not {_list_of(admissible)}"
        if self.not_code and error.get("code") == self.not_code:
            yield f"the error's code is {self.not_code!r}"
        if self.tells_decline and not error.get("decline_code"):
            yield "the error has no decline_code"


REJECTIONS: Mapping[str, Rejection] = {
    "stripe.parameter-missing": Rejection((400,), INVALID_REQUEST, params=(None, "customer")),
    "stripe.parameter-missing-code": Rejection(codes=("parameter_missing",)),
    "stripe.parameter-unknown": Rejection((400,), codes=("parameter_unknown",), names_parameter=True),
    "stripe.too-long": Rejection((400,), INVALID_REQUEST, not_code=RESOURCE_MISSING),
    "stripe.wrong-structure": Rejection((400,), INVALID_REQUEST),
    "stripe.customer-empty": Rejection((400,), INVALID_REQUEST),
    "stripe.expand-path": Rejection((400,), owns_success=True),
    "stripe.expand-depth": Rejection((400,), codes=("property_expansion_max_depth",), owns_success=True),
    "stripe.resource-missing-payment-method": Rejection((404,), codes=(RESOURCE_MISSING,), params=("payment_method",)),
    "stripe.resource-missing-customer": Rejection((400,), codes=(RESOURCE_MISSING,), params=("customer",)),
    "stripe.already-attached": Rejection((400,), INVALID_REQUEST),
    "stripe.detached-reattach": Rejection(owns_success=True, rests_on=("state.model",)),
    "stripe.detached-reattach-status": Rejection((400,)),
    "stripe.card-declined": Rejection(
        (402,), ("card_error",), ("card_declined",), tells_decline=True, owns_success=True
    ),
    "method.unrecognized": Rejection((404,)),
    "idempotency.mismatch": Rejection((400,), ("idempotency_error",), owns_success=True),
    "idempotency.other-path-type": Rejection(types=("idempotency_error",), owns_success=True),
    "idempotency.too-long": Rejection(owns_success=True),
}
"""The rejections that clauses require, by slug."""


def names_of_first_unknown(exchange: Exchange, contract: Contract) -> tuple[str | None, ...]:
    """Return the names of the body's first parameter that the contract does not name: with its keys, and without."""
    for pair in exchange.sent_pairs:
        name = pair.name.decode("utf-8", "replace")
        root = name.partition("[")[0]
        if root not in contract.parameters:
            return (name,) if name == root else (name, root)
    return (None,)


@expectation
def rejected_as_required(episode: Episode, contract: Contract) -> None:
    """Expect every subject to be rejected in the way that its clause requires.

    Reads afterwards show nothing attached.
    """
    required = REJECTIONS[episode.clause]
    require_preparation(episode)
    for exchange in each_answered(episode):
        accepted = f"accepted with {exchange.status}"
        skip_unless(exchange.is_refusal or required.owns_success, accepted)
        expect(exchange.is_refusal, accepted, exchange, *required.rests_on)
        # A request that conflicts with no other one meets what an earlier rejection has left.
        causes = ("state.refusal-changes-nothing",) if exchange.status == CONFLICT else ()
        for departure in required.departures(exchange, contract):
            fail(departure, exchange, *causes)
    expect_unattached(episode)


@expectation
def cloned(episode: Episode, contract: Contract) -> None:
    """Expect every attach of a shared token to make a new payment method.

    Its id begins with `pm_`, and is neither the token nor an earlier one. Its card is the one that the token names.
    """
    seen: set[str] = set()
    for exchange in episode.exchanges("subject"):
        expect_success(exchange)
        identifier: Any = exchange.object.get("id")
        is_id = isinstance(identifier, str) and identifier.startswith("pm_")
        expect(is_id, f"the new payment method's `id` is {identifier!r}", exchange)
        is_token = f"/{identifier}/" in exchange.request.target
        expect(not is_token, f"`id` is the shared {identifier}, not that of a new payment method", exchange)
        expect(identifier not in seen, f"two attaches made the same payment method {identifier}", exchange)
        seen.add(identifier)
        if sent_payment_method(exchange) == FAILING_LATER:
            card: Any = exchange.object.get("card")
            wanted = LAST4_OF_FAILING_LATER
            last4 = card.get("last4", wanted) if isinstance(card, dict) else wanted
            expect(last4 == wanted, f"the card of {FAILING_LATER} ends in {last4}, not in {wanted}", exchange)


@expectation
def cloned_and_listed(episode: Episode, contract: Contract) -> None:
    """Expect the payment method made of a shared token to be listed and retrievable."""
    (first,) = episode.exchanges("control")
    require_success(first)
    identifier = str(first.object.get("id"))
    for read in each_read(episode):
        observed = f"attached as {identifier}; retrieving it is answered {describe_refusal(read)}"
        expect(read.is_success, observed, read)
        is_whole_list = is_list(read) and isinstance(read.object.get("data"), list) and not has_more(read)
        is_missing = is_whole_list and not times_listed(read, identifier)
        observed = f"attached as {identifier}, which the customer's list does not hold"
        expect(not is_missing, observed, first, "state.persisted", "state.listed")


def _list_of(admissible: tuple[Any, ...]) -> str:
    return " or ".join("absent" if value is None else str(value) for value in admissible)
