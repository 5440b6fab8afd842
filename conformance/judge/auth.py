"""Expectations of the chapters `auth` and `header`: keys, and the headers of every response."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from conformance.evidence.episode import Episode
from conformance.evidence.exchange import Exchange, combined_header, header_values
from conformance.judge.answers import describe_answer, describe_refusal, repr_or_absent
from conformance.judge.expectations import (
    each_answered,
    expect,
    expectation,
    require_answer,
    require_headers,
    skip,
    skip_unless,
)
from conformance.judge.general import is_beyond_ascii
from conformance.judge.reads import expect_unattached
from contracts import Contract

UNKNOWN_URL = frozenset({404, 405, 501})
"""Statuses by which a server says that a URL does not exist for a method; it may say so before it looks at the key."""

UNAUTHORIZED = 401

WELL_FORMED_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(?:\.\w+)?")

_BEARER = re.compile(r"(?i)(?:^|,)\s*bearer(?:\s|,|$)")


@expectation
def locked_out(episode: Episode, contract: Contract) -> None:
    """Expect every subject to be answered 401, and nothing to be attached.

    A publishable key may be answered 403, too, and credentials beyond ASCII, which no scheme has, 400.
    """
    subjects = episode.exchanges("subject")
    for exchange in subjects:
        is_locked_out = exchange.status in _lock_outs(exchange) or not exchange.is_refusal
        expect(not exchange.is_success, f"accepted with {exchange.status}", exchange)
        expect(is_locked_out, f"rejected with {describe_refusal(exchange)}, not with 401", exchange)
    expect_unattached(episode)
    require_answer(*subjects)


def _lock_outs(exchange: Exchange) -> tuple[int, ...]:
    if exchange.request.credentials.startswith("Bearer pk_"):
        return (401, 403)
    return (400, 401) if is_beyond_ascii(exchange) else (401,)


@expectation
def key_first(episode: Episode, contract: Contract) -> None:
    """Expect every subject to be answered 401 where its credentials alone are.

    The controls have the credentials and nothing else that is invalid. A method that the URL does not have may be
    rejected as such, since servers look for an endpoint first.
    """
    not_401 = {control.request.credentials for control in episode.exchanges("control") if control.status != 401}
    for exchange in episode.exchanges("subject"):
        if exchange.request.credentials in not_401:
            continue
        require_answer(exchange)
        skip_unless(exchange.is_refusal, f"accepted with {exchange.status}")
        is_unknown_url = exchange.request.method != "POST" and exchange.status in UNKNOWN_URL
        observed = f"rejected with {describe_refusal(exchange)}, before asking for a valid key"
        expect(exchange.status == 401 or is_unknown_url, observed, exchange)


@expectation
def challenged(episode: Episode, contract: Contract) -> None:
    """Expect a WWW-Authenticate header with the scheme Bearer in every 401."""
    subjects = episode.exchanges("subject")
    answers = [exchange for exchange in subjects if exchange.status == 401]
    if not answers:
        require_answer(*subjects)
        skip(f"answered {subjects[0].status}, not 401")
    for exchange in answers:
        require_headers(exchange)
        challenges = header_values(exchange, "WWW-Authenticate")
        expect(challenges, "a 401 without WWW-Authenticate", exchange)
        is_bearer = any(map(_BEARER.search, challenges))
        expect(is_bearer, f"a 401 with `WWW-Authenticate: {challenges[0]}`", exchange)


@expectation
def either_scheme(episode: Episode, contract: Contract) -> None:
    """Expect the key to work in every scheme in which it is presented."""
    exchanges = episode.exchanges("subject")
    require_answer(*exchanges)
    is_accepted = any(exchange.is_success for exchange in exchanges)
    skip_unless(is_accepted, f"rejected in every scheme, with {describe_refusal(exchanges[0])}")
    for exchange in exchanges:
        scheme = exchange.request.credentials.capitalize()
        expect(exchange.is_success, f"with the key by {scheme}: {describe_refusal(exchange)}", exchange)


# header


@expectation
def identified(episode: Episode, contract: Contract) -> None:
    """Expect a Request-Id with the prefix `req_` in every response, each time a new one."""
    seen: set[str] = set()
    for exchange in _each_authenticated(episode, "control", "subject"):
        require_headers(exchange)
        identifier = combined_header(exchange, "Request-Id") or ""
        expect(exchange.header("Request-Id") is not None, f"a {exchange.status} without Request-Id", exchange)
        expect(re.fullmatch(r"req_\S+", identifier), f"the Request-Id is {identifier!r}", exchange)
        expect(identifier not in seen, f"the Request-Id {identifier} came twice", exchange)
        seen.add(identifier)


def _each_authenticated(episode: Episode, *roles: str) -> Iterator[Exchange]:
    """Yield the exchanges of these roles that got past the key; skip the clause where none did.

    A 401, which another clause reports, has fewer headers.
    """
    is_empty = True
    for exchange in chain.from_iterable(each_answered(episode, role) for role in roles):
        if exchange.status != UNAUTHORIZED:
            is_empty = False
            yield exchange
    skip_unless(not is_empty, "every request was answered 401")


@expectation
def told_apart(episode: Episode, contract: Contract) -> None:
    """Expect no two answers to have one Request-Id, as far as they have one at all."""
    seen: set[str] = set()
    for exchange in episode.exchanges("subject"):
        identifier = combined_header(exchange, "Request-Id")
        if identifier is not None:
            expect(identifier not in seen, f"the Request-Id {identifier} came twice", exchange)
            seen.add(identifier)
    skip_unless(seen, "no answer has a Request-Id")


@expectation
def versioned(episode: Episode, contract: Contract) -> None:
    """Expect every response to name the version that was asked for.

    A request for an ill-formed version is rejected with 400; a 401 would blame its key, which is the account's.
    """
    for exchange in each_answered(episode):
        require_headers(exchange)
        asked = dict(exchange.request.headers).get("Stripe-Version", "")
        shown = combined_header(exchange, "Stripe-Version")
        if not WELL_FORMED_VERSION.fullmatch(asked):
            observed = f"the version {asked!r} is answered {describe_answer(exchange)}, not 400"
            expect(exchange.status == 400, observed, exchange)
        elif exchange.status != UNAUTHORIZED:
            observed = f"Stripe-Version is {repr_or_absent(shown)} in a {exchange.status}, {asked!r} was asked for"
            expect(shown == asked, observed, exchange)


@expectation
def uncached(episode: Episode, contract: Contract) -> None:
    """Expect `Cache-Control` with no-cache and no-store in every response."""
    for exchange in _each_authenticated(episode, "subject"):
        require_headers(exchange)
        control = combined_header(exchange, "Cache-Control")
        directives = {directive.strip().lower() for directive in (control or "").split(",")}
        is_uncached = {"no-cache", "no-store"} <= directives
        expect(is_uncached, f"Cache-Control is {repr_or_absent(control)} in a {exchange.status}", exchange)
