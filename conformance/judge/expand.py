"""Expectations of the chapter `expand`: objects in place of ids."""

from __future__ import annotations

from typing import Any

from conformance.evidence.episode import Episode
from conformance.evidence.exchange import Exchange
from conformance.evidence.strict_json import value_at
from conformance.judge.answers import describe_refusal, difference, first_lacking, member_shown, shorten_or_null
from conformance.judge.expectations import (
    each_answered,
    expect,
    expect_success,
    expectation,
    fail,
    not_applicable,
    require_answer,
    require_pass,
    require_preparation,
    require_success,
    skip_unless,
)
from conformance.judge.reads import describe_lost, lost_since, tidied
from conformance.judge.response import broken_success_clauses
from contracts import Contract

METADATA = "metadata"
GIVEN_AT_CREATION = ("billing_details", METADATA)
"""The members that are alike in all payment methods that a run has created."""

DEFAULT = ("customer", "invoice_settings", "default_payment_method")
"""The path of the default payment method of an expanded customer."""

NO_CONTENT = 204

ENOUGH = 6
"""The number of plain and of expanded responses of a server without state that show what only the latter lack."""


@expectation
def inlined(episode: Episode, contract: Contract) -> None:
    """Expect `customer` to be a whole customer object in an otherwise whole response."""
    exchange = episode.subject
    require_answer(exchange)
    skip_unless(exchange.is_success, "the expanded request was rejected")
    skip_unless(exchange.status != NO_CONTENT, f"answered {NO_CONTENT}, which has no body to expand in")
    _expect_whole_customer(exchange, contract)
    for created in () if episode.facts.get("stateless") else episode.exchanges("set-up"):
        # How a server tidies texts when it creates a customer is not asked here; state.only-this-one looks closer.
        for root in lost_since(created, exchange.object["customer"], tidied):
            observed = f"the expanded customer {describe_lost(root, exchange.object['customer'])}"
            fail(observed, exchange, "state.only-this-one")
    for plain in episode.exchanges("control"):
        _expect_as_complete(exchange, plain, contract, episode)
        _expect_as_correct(exchange, plain, contract, episode)
    if episode.facts.get("stateless"):
        _expect_as_complete_as_ever(episode)


@expectation
def inlined_or_rejected(episode: Episode, contract: Contract) -> None:
    """Expect the same as `inlined`, or a rejection."""
    if not episode.subject.is_refusal:
        require_pass(inlined(episode, contract))


@expectation
def object_or_rejected(episode: Episode, contract: Contract) -> None:
    """Expect the customer as an object, whichever it is, or a rejection."""
    subject = episode.subject
    require_answer(subject)
    customer = subject.object.get("customer")
    expect(subject.is_refusal or isinstance(customer, dict), f"`customer` is {customer!r}, no object", subject)


def _expect_whole_customer(exchange: Exchange, contract: Contract) -> None:
    """Expect the customer that the request names, as an object that fits its schema."""
    customer = exchange.object.get("customer")
    if not isinstance(customer, dict):
        fail(f"`customer` is {member_shown(exchange.object, 'customer')}, no object", exchange)
    name, identifier = customer.get("object"), customer.get("id")
    is_asked_for = identifier in exchange.sent_values("customer")
    expect(name == "customer", f"the expanded customer's `object` is {member_shown(customer, 'object')}", exchange)
    expect(
        is_asked_for, f"the expanded customer's `id` is {member_shown(customer, 'id')}, not the one asked for", exchange
    )
    for violation in contract.customer.violations(customer):
        fail(f"the expanded customer: {violation}", exchange)


def _expect_as_complete(exchange: Exchange, plain: Exchange, contract: Contract, episode: Episode) -> None:
    """Expect every member of the plain response, where both are about payment methods of the same making."""
    if not plain.is_success:
        return
    is_like = episode.facts.get("created_as") and not episode.facts.get("stateless")
    if not is_like:
        return
    missing = first_lacking(exchange.object, plain.object, contract)
    expect(not missing, f"the expanded answer lacks `{missing}`", exchange)
    for name in GIVEN_AT_CREATION:
        given, shown = plain.object.get(name), exchange.object.get(name)
        observed = f"the expanded answer has another `{name}` than the plain one of a like object"
        expect(not given or _is_alike(shown, given, name, contract), observed, exchange)


def _expect_as_complete_as_ever(episode: Episode) -> None:
    """Expect no member that all plain responses have and all expanded ones lack.

    A server without state may make up each response, with other optional members each time.
    """
    plain, expanded = (
        [exchange for exchange in episode.exchanges(role) if exchange.is_success] for role in ("control", "subject")
    )
    if min(len(plain), len(expanded)) < ENOUGH:
        return
    known = [{name for name, value in exchange.object.items() if value is not None} for exchange in plain]
    shown = {name for exchange in expanded for name in exchange.object}
    missing = next(iter(sorted(set.intersection(*known) - shown)), "")
    expect(not missing, f"the expanded answer lacks `{missing}`", expanded[0])


def _is_alike(shown: Any, given: Any, name: str, contract: Contract) -> bool:
    """Return whether a member is the same, apart from nulls.

    Of metadata the names are enough, since a server may add entries to it.
    """
    if not isinstance(shown, dict) or not isinstance(given, dict):
        return bool(shown == given)
    if name == METADATA:
        return set(shown) == set(given)
    return not difference(given, shown, contract, name)


def _expect_as_correct(exchange: Exchange, plain: Exchange, contract: Contract, episode: Episode) -> None:
    """Expect no broken clause about a success but those that the plain response breaks as well."""
    known = {slug for slug, _ in broken_success_clauses(plain, contract, episode)} | {"response.status"}
    for slug, observed in broken_success_clauses(exchange, contract, episode, whole=True):
        expect(slug in known, f"the rest of the expanded answer: {observed}", exchange)


@expectation
def unexpanded(episode: Episode, contract: Contract) -> None:
    """Expect `customer` to be the id as a string where the request has no `expand`.

    The request before it may have been expanded.
    """
    for exchange in each_answered(episode):
        is_object = exchange.is_success and isinstance(exchange.object.get("customer"), dict)
        expect(not is_object, "without expand, `customer` is an object", exchange)


@expectation
def every_entry(episode: Episode, contract: Contract) -> None:
    """Expect `customer` to be expanded at every place in a list with a second entry.

    The control expands the second entry alone. A list with duplicates may be rejected.
    """
    (alone,) = episode.exchanges("control")
    require_answer(alone)
    if not alone.is_success or not isinstance(alone.object.get("customer"), str):
        not_applicable("no second path to expand in addition to `customer` is known here")
    for exchange in each_answered(episode):
        entries = [pair.value for pair in exchange.sent_pairs if pair.name.startswith(b"expand[")]
        has_duplicates = len(set(entries)) < len(entries)
        if exchange.is_refusal and has_duplicates:
            continue
        refusal = f"two entries that are legal alone are rejected with {describe_refusal(exchange)}"
        expect(exchange.is_success, refusal, exchange)
        is_expanded = isinstance(exchange.object.get("customer"), dict)
        place = 1 + next((number for number, entry in enumerate(entries) if entry == b"customer"), 0)
        expect(is_expanded, f"`customer`, entry {place} of {len(entries)}, was not expanded", exchange)


@expectation
def nested_where_asked(episode: Episode, contract: Contract) -> None:
    """Expect the default payment method of an expanded customer to be no object where no path leads to it."""
    exchange = episode.subject
    require_success(exchange)
    default = value_at(exchange.object, *DEFAULT)
    observed = "`expand[]=customer` brings `invoice_settings.default_payment_method` as an object, unasked"
    expect(not isinstance(default, dict), observed, exchange)


@expectation
def nested(episode: Episode, contract: Contract) -> None:
    """Expect the customer in the response to hold its default payment method as an object."""
    require_preparation(episode)
    exchange = episode.subject
    expect_success(exchange)
    value: Any = exchange.object
    comes_again = any(earlier.object == exchange.object for earlier in episode.exchanges("set-up"))
    for depth, name in enumerate(DEFAULT, start=1):
        value = value.get(name)
        shown = f"`{'.'.join(DEFAULT[:depth])}` is {shorten_or_null(value, 40)}, no object"
        kept_as_shown = ("expand.not-expanded",) if depth == 1 or comes_again else ()
        expect(isinstance(value, dict), shown, exchange, *kept_as_shown)
    identifier = value.get("id")
    is_default = identifier == episode.fixtures.get("default_payment_method")
    expect(is_default, f"the expanded default payment method's `id` is {identifier!r}", exchange)
