"""The clauses about the body of a success, judged on every successful response to a valid request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.evidence.episode import Episode
from conformance.evidence.exchange import Exchange, asks_to_expand, is_part, sent_header
from conformance.evidence.foreign import seconds_of_date
from conformance.judge.answers import member_shown
from conformance.judge.expectations import (
    each_answered,
    expect,
    expectation,
    require_headers,
    require_success,
    skip_unless,
)
from conformance.judge.general import Broken, broken_general_clauses, expect_obedience, unless
from conformance.judge.internals import card_data_in
from conformance.judge.request import sent_payment_method
from contracts import Contract, SchemaViolation

SECONDS_A_DAY = 86_400
LATEST_CREATED = 10**11
"""Seconds since 1970 up to which `created` can be in seconds; a time in milliseconds is later."""
SHARED_TOKEN_PREFIX = "pm_card_"

_REQUIRED = ("billing_details", "created", "livemode", "type")
"""The members of every payment method that no clause about ids or the object looks at."""
OF_A_SUMMARY = 3
"""How many of them a summary lacks: one clause says so, instead of one for each."""
_OWNED_AT_TOP = frozenset({"object", "id", "customer", "created", "livemode", "metadata", "billing_details"})
_OWNED_THROUGHOUT = frozenset({"customer", "metadata"})

_KINDS = {list: "a list", str: "a string", type(None): "null", bool: "a boolean"}


@expectation
def not_in_gzip(episode: Episode, contract: Contract) -> None:
    """Expect no response in gzip, which the requests rule out."""
    for exchange in each_answered(episode):
        require_headers(exchange)
        coding = exchange.header("Content-Encoding") or ""
        expect("gzip" not in coding.lower(), f"a {exchange.status} with `Content-Encoding: {coding}`", exchange)


@expectation
def well_formed(episode: Episode, contract: Contract) -> None:
    """Expect every success to obey the episode's own clause.

    A rejection among successes is not judged: the clause that requires an acceptance reports it.
    """
    subjects = episode.exchanges("subject")
    for exchange in [exchange for exchange in subjects if not exchange.is_refusal] or subjects:
        require_success(exchange)
        general = broken_general_clauses(exchange, contract, owns_server_errors=False)
        expect_obedience(episode, general, exchange)
        own = broken_success_clauses(exchange, contract, episode)
        expect_obedience(episode, own, exchange)


@expectation
def has_hash_of_its_type(episode: Episode, contract: Contract) -> None:
    """Expect a hash under the name that the success of a payment method gives as its type."""
    skip_unless(episode.exchanges("subject"), "the target creates no payment method of another type")
    exchange = episode.subject
    require_success(exchange)
    expect_obedience(episode, _broken_type_hash(exchange.object), exchange)


def broken_success_clauses(
    exchange: Exchange, contract: Contract, episode: Episode, *, whole: bool = False
) -> Iterator[Broken]:
    """Yield every clause of the chapter `response` that this 2xx response to a valid request breaks.

    Of an expanded response only status and object are judged, since expand.inlined judges the rest, unless it is to be
    taken `whole`. A part of a body breaks none of them: request.other-headers reports that a `Range` was honoured.
    """
    if is_part(exchange):
        return
    yield from unless(exchange.status == 200, "response.status", f"a success is answered {exchange.status}")
    if exchange.body is None or not exchange.json.found:
        return
    body = exchange.json.value
    if not isinstance(body, dict):
        yield "response.object", f"the body is {_KINDS.get(type(body), 'a number')}, no object"
        return
    if body.get("object") != "payment_method":
        yield "response.object", f"`object` is {member_shown(body, 'object')}"
        return
    if whole or not asks_to_expand(exchange):
        yield from _broken_ids(exchange, body)
        missing = [name for name in _REQUIRED if name not in body]
        if len(missing) >= OF_A_SUMMARY:
            yield "response.schema", f"the body is a summary, without {', '.join(missing)}"
            return
        yield from _broken_created(exchange, body)
        yield from _broken_members(body, episode)
        yield from _broken_schema(body, contract, episode)


def _broken_ids(exchange: Exchange, body: Mapping[str, Any]) -> Iterator[Broken]:
    """Yield response.id, response.customer and expand.not-expanded where they are broken."""
    wanted, identifier, shown = sent_payment_method(exchange), body.get("id"), member_shown(body, "id")
    if wanted.startswith(SHARED_TOKEN_PREFIX):
        is_id = isinstance(identifier, str) and identifier
        yield from unless(is_id, "response.id", f"`id` is {shown}, not a new one for the shared token {wanted}")
    else:
        yield from unless(identifier == wanted, "response.id", f"`id` is {shown}, not the one in the path")
    sent = exchange.sent_values("customer")
    if asks_to_expand(exchange) or _has_header_like_expand(exchange) or len(sent) != 1:
        return
    customer = body.get("customer")
    if isinstance(customer, dict) and customer.get("id") == sent[0]:
        yield "expand.not-expanded", "without expand, `customer` is an object"
    elif customer != sent[0]:
        yield "response.customer", f"`customer` is {member_shown(body, 'customer')}, not the one that was sent"


def _has_header_like_expand(exchange: Exchange) -> bool:
    """Return whether a header or a cookie is named `expand`, which `request.other-headers` judges."""
    return sent_header(exchange, "Expand") is not None or "expand=" in (sent_header(exchange, "Cookie") or "")


def _broken_created(exchange: Exchange, body: Mapping[str, Any]) -> Iterator[Broken]:
    """Yield response.created where it is broken."""
    created = body.get("created")
    if isinstance(created, bool) or not isinstance(created, int | float) or created % 1:
        yield "response.created", f"`created` is {member_shown(body, 'created')}, no integer"
        return
    answered = _time_of(exchange)
    if created >= LATEST_CREATED:
        yield "response.created", f"`created` is {created}: not in seconds"
    elif answered and created > answered + SECONDS_A_DAY:
        yield "response.created", f"`created` is {created}, more than a day after the answer ({answered:.0f})"


def _time_of(exchange: Exchange) -> float:
    """Return the time of the response: its Date, or else when it was received."""
    dated = seconds_of_date(exchange.header("Date") or "")
    return exchange.received if dated is None else dated


def _broken_members(body: Mapping[str, Any], episode: Episode) -> Iterator[Broken]:
    """Yield the clauses about one member each that are broken; without the fact the key is one for tests."""
    livemode, details = body.get("livemode"), body.get("billing_details")
    shown = {name: f"`{name}` is {member_shown(body, name)}" for name in ("livemode", "metadata", "billing_details")}
    is_mode_of_key = livemode is False if episode.facts.get("test_key", True) else isinstance(livemode, bool)
    yield from unless(is_mode_of_key, "response.livemode", f"{shown['livemode']} for a test key")
    yield from unless(_is_metadata(body.get("metadata")), "response.metadata", shown["metadata"])
    yield from unless(isinstance(details, dict), "response.billing-details", shown["billing_details"])
    yield from _broken_type_hash(body)


def _broken_type_hash(body: Mapping[str, Any]) -> Iterator[Broken]:
    """Yield response.type-hash where it is broken."""
    kind = body.get("type")
    if isinstance(kind, str):
        observed = f"`type` is {kind!r} and `{kind}` is {member_shown(body, kind)}"
        yield from unless(isinstance(body.get(kind), dict), "response.type-hash", observed)


def _is_metadata(value: Any) -> bool:
    if not isinstance(value, dict):
        return value is None
    return all(isinstance(item, str) for item in value.values())


def _broken_schema(body: Mapping[str, Any], contract: Contract, episode: Episode) -> Iterator[Broken]:
    """Yield response.schema and response.no-card-data where they are broken.

    By the facts, `created_as` is the type with which the suite created the payment method, empty when it did not.
    """
    kind, created_as = body.get("type"), episode.facts.get("created_as")
    if created_as and isinstance(kind, str) and kind != created_as:
        yield "response.schema", f"`type` is {kind!r} for a payment method of type {created_as!r}"
        return
    violations = contract.payment_method.violations(body)
    unowned = [violation for violation in violations if not _is_owned(violation, kind, body)]
    for violation in unowned[:1]:
        yield "response.schema", str(violation)
    card_data = card_data_in(body)
    yield from unless(not card_data, "response.no-card-data", card_data)


def _is_owned(violation: SchemaViolation, kind: Any, body: Mapping[str, Any]) -> bool:
    """Return whether another clause than response.schema judges this place."""
    path = violation.path
    if not path:
        return any(violation.message.startswith(f'"{name}" is a required') for name in _OWNED_AT_TOP)
    if path[0] in _OWNED_THROUGHOUT:
        return True
    is_whole_member = len(path) == 1 and not isinstance(body.get(str(path[0])), dict)
    return is_whole_member and (path[0] in _OWNED_AT_TOP or path[0] == kind)
