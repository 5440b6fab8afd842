"""What the clauses of the profile `stripe` expect of their episodes: one small pure function for each kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.evidence.episode import Episode
from conformance.evidence.exchange import Exchange
from conformance.judge.expectations import PASS, Verdict, accepted, describe_refusal, fails, not_run, spoiled
from conformance.judge.idempotency import IDEMPOTENCY_EXPECTATIONS
from conformance.judge.preparation import listed, unprepared
from conformance.judge.reads import times_listed, unreadable
from contracts import Contract

INVALID_REQUEST = ("invalid_request_error",)
WELL_FORMED_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(?:\.\w+)?")
NO_HEADERS = not_run("the evidence holds no headers")


@dataclass(frozen=True)
class Refusal:
    """How a clause wants a request refused.

    Each member lists what is admissible, None for absent or empty; an empty tuple leaves it open. `owns_success` says
    that a success breaks this clause and is no other's finding, unless a clause is broken that this one `rests_on`.
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
        """What of this refusal is not admissible, in words."""
        error = exchange.error
        params: tuple[str | None, ...] = self.params
        if self.names_parameter:
            params = names_of_first_unknown(exchange, contract)
        if self.statuses and exchange.status not in self.statuses:
            yield f"refused with {describe_refusal(exchange)}, not with {_either(self.statuses)}"
        for name, admissible in (("type", self.types), ("code", self.codes), ("param", params)):
            got = error.get(name) or None
            if admissible and got not in admissible:
                shown = "absent" if got is None else repr(got)
                yield f"the error's {name} is {shown}, not {_either(admissible)}"
        if self.not_code and error.get("code") == self.not_code:
            yield f"the error's code is {self.not_code!r}"
        if self.tells_decline and not error.get("decline_code"):
            yield "the error has no decline_code"


REFUSALS: Mapping[str, Refusal] = {
    "stripe.parameter-missing": Refusal((400,), INVALID_REQUEST, params=(None, "customer")),
    "stripe.parameter-missing-code": Refusal(codes=("parameter_missing",)),
    "stripe.parameter-unknown": Refusal((400,), codes=("parameter_unknown",), names_parameter=True),
    "stripe.too-long": Refusal((400,), INVALID_REQUEST, not_code="resource_missing"),
    "stripe.wrong-structure": Refusal((400,), INVALID_REQUEST),
    "stripe.customer-empty": Refusal((400,), INVALID_REQUEST),
    "stripe.expand-path": Refusal((400,), owns_success=True),
    "stripe.expand-depth": Refusal((400,), codes=("property_expansion_max_depth",), owns_success=True),
    "stripe.resource-missing-payment-method": Refusal((404,), codes=("resource_missing",), params=("payment_method",)),
    "stripe.resource-missing-customer": Refusal((400,), codes=("resource_missing",), params=("customer",)),
    "stripe.already-attached": Refusal((400,), INVALID_REQUEST),
    "stripe.detached-reattach": Refusal(owns_success=True, rests_on=("state.model",)),
    "stripe.detached-reattach-status": Refusal((400,)),
    "stripe.card-declined": Refusal((402,), ("card_error",), ("card_declined",), tells_decline=True, owns_success=True),
    "method.unrecognized": Refusal((404,)),
    "idempotency.mismatch": Refusal((400,), ("idempotency_error",), owns_success=True),
    "idempotency.other-path-type": Refusal(types=("idempotency_error",), owns_success=True),
    "idempotency.too-long": Refusal(owns_success=True),
}
"""The refusals that clauses want, by slug."""


def names_of_first_unknown(exchange: Exchange, contract: Contract) -> tuple[str | None, ...]:
    """How an error may name the first parameter of the body that the contract does not: with its keys, or without."""
    names = (pair.name.decode("utf-8", "replace") for pair in exchange.sent_pairs)
    unknown = (name for name in names if name.partition("[")[0] not in contract.parameters)
    first = next(unknown, None)
    return (None,) if first is None else tuple(dict.fromkeys((first, first.partition("[")[0])))


def refused_as_told(episode: Episode, contract: Contract) -> Verdict:
    """Every subject is refused in the way that the clause wants, and what is read afterwards is unattached."""
    wanted = REFUSALS[episode.clause]
    if verdict := unprepared(episode):
        return verdict
    for exchange in episode.exchanges("subject"):
        if verdict := spoiled(exchange):
            return verdict
        if exchange.is_success:
            told = f"accepted with {exchange.status}"
            return fails(told, exchange, *wanted.rests_on) if wanted.owns_success else not_run(told)
        for departure in wanted.departures(exchange, contract):
            return fails(departure, exchange)
    return left_unattached(episode)


def left_unattached(episode: Episode) -> Verdict:
    """What is read afterwards shows nothing attached, or only what `facts` say was attached before."""
    before = episode.facts.get("attached_before")
    for read in episode.exchanges("follow-up"):
        if read.is_success and (listed(read) or read.object.get("customer") not in (None, before)):
            told = f"answered {episode.subject.status}, and attached all the same"
            return fails(told, episode.subject, "state.refusal-changes-nothing", "state.persisted", "state.listed")
    return PASS


def accepted_again(episode: Episode, contract: Contract) -> Verdict:
    """After the same attach has succeeded, every further one does too."""
    return unprepared(episode) or accepted(episode, contract)


def cloned(episode: Episode, contract: Contract) -> Verdict:
    """Every attach of a shared token succeeds with an id of its own that begins with `pm_` and is not the token."""
    seen: set[str] = set()
    for exchange in episode.exchanges("subject"):
        if verdict := spoiled(exchange):
            return verdict
        if exchange.is_refusal:
            return fails(f"refused with {describe_refusal(exchange)}", exchange)
        identifier = exchange.object.get("id")
        if not isinstance(identifier, str) or not identifier.startswith("pm_"):
            return fails(f"the new payment method's `id` is {identifier!r}", exchange)
        if f"/{identifier}/" in exchange.request.target:
            return fails(f"`id` is the shared {identifier}, not that of a new payment method", exchange)
        if identifier in seen:
            return fails(f"two attaches made the same payment method {identifier}", exchange)
        seen.add(identifier)
    return PASS


def cloned_and_listed(episode: Episode, contract: Contract) -> Verdict:
    """What a shared token has become is on its customer's list, and can be retrieved."""
    (first,) = episode.exchanges("control")
    if (verdict := spoiled(first)) or not first.is_success:
        return verdict or not_run(f"refused with {describe_refusal(first)}")
    identifier = str(first.object.get("id"))
    for read in episode.exchanges("follow-up"):
        if verdict := unreadable(read):
            return verdict
        if read.is_refusal:
            return fails(f"attached as {identifier}; retrieving it is answered {describe_refusal(read)}", read)
        is_list = isinstance(read.object.get("data"), list)
        if is_list and not times_listed(read, identifier) and not read.object.get("has_more"):
            told = f"attached as {identifier}, which the customer's list does not hold"
            return fails(told, first, "state.persisted", "state.listed")
    return PASS


def nested(episode: Episode, contract: Contract) -> Verdict:
    """The customer in the answer holds its default payment method as an object."""
    if verdict := unprepared(episode):
        return verdict
    exchange = episode.subject
    if verdict := spoiled(exchange):
        return verdict
    if exchange.is_refusal:
        return fails(f"refused with {describe_refusal(exchange)}", exchange)
    value: Any = exchange.object
    path = ("customer", "invoice_settings", "default_payment_method")
    for depth, name in enumerate(path, start=1):
        value = value.get(name)
        if not isinstance(value, dict):
            return fails(f"`{'.'.join(path[:depth])}` is {_in_short(value)}, no object", exchange)
    if value.get("id") != episode.fixtures.get("default_payment_method"):
        return fails(f"the expanded default payment method's `id` is {value.get('id')!r}", exchange)
    return PASS


# auth


def locked_out(episode: Episode, contract: Contract) -> Verdict:
    """Every subject is answered 401 (a publishable key: 403 too), and what is read afterwards is unattached."""
    unjudged: Verdict | None = None
    for exchange in episode.exchanges("subject"):
        if verdict := spoiled(exchange):
            unjudged = unjudged or verdict
            continue
        if exchange.is_success:
            return fails(f"accepted with {exchange.status}", exchange)
        publishable = exchange.request.credentials.startswith("Bearer pk_")
        if exchange.status != 401 and not (publishable and exchange.status == 403):
            return fails(f"refused with {describe_refusal(exchange)}, not with 401", exchange)
    verdict = left_unattached(episode)
    return unjudged if unjudged and verdict is PASS else verdict


UNKNOWN_URL = frozenset({404, 405})
"""Statuses by which a server says that a URL does not exist for a method; it may say so before it looks at the key."""


def key_first(episode: Episode, contract: Contract) -> Verdict:
    """With credentials that alone are answered 401 (the controls), every subject is answered 401.

    A method that the URL does not have may be refused as such, since servers look for an endpoint first.
    """
    controls = episode.exchanges("control")
    for exchange in episode.exchanges("subject"):
        alone = [control for control in controls if control.request.credentials == exchange.request.credentials]
        if any(control.status != 401 for control in alone):
            continue
        if verdict := spoiled(exchange):
            return verdict
        if exchange.is_success:
            return not_run(f"accepted with {exchange.status}")
        is_unknown_url = exchange.request.method != "POST" and exchange.status in UNKNOWN_URL
        if exchange.status != 401 and not is_unknown_url:
            return fails(f"refused with {describe_refusal(exchange)}, before asking for a valid key", exchange)
    return PASS


def challenged(episode: Episode, contract: Contract) -> Verdict:
    """Every 401 carries a WWW-Authenticate header with the scheme Bearer."""
    answers = [exchange for exchange in episode.exchanges("subject") if exchange.status == 401]
    if not answers:
        return spoiled(*episode.exchanges("subject")) or not_run(f"answered {episode.subject.status}, not 401")
    for exchange in answers:
        if exchange.headers is None:
            return NO_HEADERS
        challenges = [value for name, value in exchange.headers if name.lower() == "www-authenticate"]
        if not any(re.search(r"(?i)(?:^|,)\s*bearer(?:\s|,|$)", value) for value in challenges):
            told = f"a 401 with `WWW-Authenticate: {challenges[0]}`" if challenges else "a 401 without WWW-Authenticate"
            return fails(told, exchange)
    return PASS


def either_scheme(episode: Episode, contract: Contract) -> Verdict:
    """The key works in every scheme in which it is presented."""
    exchanges = episode.exchanges("subject")
    if verdict := spoiled(*exchanges):
        return verdict
    if all(exchange.is_refusal for exchange in exchanges):
        return not_run(f"refused in every scheme, with {describe_refusal(exchanges[0])}")
    for exchange in exchanges:
        if exchange.is_refusal:
            scheme = exchange.request.credentials.capitalize()
            return fails(f"with the key by {scheme}: {describe_refusal(exchange)}", exchange)
    return PASS


# header


def identified(episode: Episode, contract: Contract) -> Verdict:
    """Every answer has a Request-Id that begins with `req_`, and no two have the same."""
    seen: set[str] = set()
    for exchange in (*episode.exchanges("control"), *episode.exchanges("subject")):
        if verdict := spoiled(exchange):
            return verdict
        if exchange.headers is None:
            return NO_HEADERS
        identifier = exchange.header("Request-Id")
        if identifier is None:
            return fails(f"a {exchange.status} without Request-Id", exchange)
        if not re.fullmatch(r"req_\S+", identifier):
            return fails(f"the Request-Id is {identifier!r}", exchange)
        if identifier in seen:
            return fails(f"the Request-Id {identifier} came twice", exchange)
        seen.add(identifier)
    return PASS


def versioned(episode: Episode, contract: Contract) -> Verdict:
    """Every answer names the version that was asked for; an ill-formed one is refused with 400."""
    for exchange in episode.exchanges("subject"):
        if verdict := spoiled(exchange):
            return verdict
        if exchange.headers is None:
            return NO_HEADERS
        asked = dict(exchange.request.headers).get("Stripe-Version", "")
        told = exchange.header("Stripe-Version")
        if not WELL_FORMED_VERSION.fullmatch(asked):
            if exchange.status != 400:
                answered = describe_refusal(exchange) if exchange.is_refusal else f"{exchange.status}"
                return fails(f"the version {asked!r} is answered {answered}, not 400", exchange)
        elif told != asked:
            shown = "absent" if told is None else repr(told)
            return fails(f"Stripe-Version is {shown} in a {exchange.status}, {asked!r} was asked for", exchange)
    return PASS


def uncached(episode: Episode, contract: Contract) -> Verdict:
    """Every answer has `Cache-Control` with no-cache and no-store."""
    for exchange in episode.exchanges("subject"):
        if verdict := spoiled(exchange):
            return verdict
        if exchange.headers is None:
            return NO_HEADERS
        control = exchange.header("Cache-Control")
        directives = {directive.strip().lower() for directive in (control or "").split(",")}
        if not {"no-cache", "no-store"} <= directives:
            shown = "absent" if control is None else repr(control)
            return fails(f"Cache-Control is {shown} in a {exchange.status}", exchange)
    return PASS


def _either(admissible: tuple[Any, ...]) -> str:
    return " or ".join("absent" if value is None else str(value) for value in admissible)


def _in_short(value: Any, limit: int = 40) -> str:
    text = "null or absent" if value is None else repr(value)
    return text if len(text) <= limit else text[:limit] + "…"


_OWN: Mapping[str, Callable[[Episode, Contract], Verdict]] = {
    function.__name__: function
    for function in (
        refused_as_told,
        accepted_again,
        cloned,
        cloned_and_listed,
        nested,
        locked_out,
        key_first,
        challenged,
        either_scheme,
        identified,
        versioned,
        uncached,
    )
}

STRIPE_EXPECTATIONS: Mapping[str, Callable[[Episode, Contract], Verdict]] = {**_OWN, **IDEMPOTENCY_EXPECTATIONS}
"""The expectations by the name that an episode carries."""
