"""Probing: how a target gives fixtures, found with as few requests as that takes."""

from __future__ import annotations

import random
import string
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from conformance.client import Client
from conformance.endpoints import NO_SUCH_ENDPOINT, created_id, delete_customer, is_absent
from conformance.exchange import Exchange
from conformance.failure import Failure
from conformance.fixture_forms import (
    ATTACHED_TOKEN,
    CUSTOMER_FORMS,
    DEMANDED_DETAILS,
    PAYMENT_METHOD_FORMS,
    RETRIEVED_TOKEN,
    SHARED_TOKEN,
)
from conformance.foreign import path_segment
from conformance.provisioning import RUN_TAG, Provision, Unreachable
from conformance.ways import ENCODED, JSON_MEDIA_TYPE, RAW, WITH_CHARSET, Manner, Try, Way, with_scheme
from contracts.contract import FORM_MEDIA_TYPE
from strategies.attempt import PATH_PREFIX, PATH_SUFFIX, Credentials, Request

CUSTOMERS, PAYMENT_METHODS = "/v1/customers", "/v1/payment_methods"

REFUSES_THE_KEY = frozenset({401, 403})
NOT_THIS_MEDIA_TYPE = 415

MEDIA_TYPES = (FORM_MEDIA_TYPE, WITH_CHARSET, JSON_MEDIA_TYPE)
"""How bodies of creations are written, in the order in which it is tried."""

RESTART_SECONDS = 15.0
"""For how many seconds a target is waited for that went down while it was probed: a supervisor may start it again."""
RESTART_PAUSE = 0.2

UNKNOWN_METHOD, UNKNOWN_CUSTOMER = "pm_conformance0probe", "cus_conformance0probe"


def probe(client: Client, payment_methods: Sequence[str] = (), customers: Sequence[str] = ()) -> Provision:
    """Find out how `client`'s target gives fixtures, with as few requests as that takes.

    `payment_methods` and `customers` are ids that the user says exist. Raises Unreachable with a diagnosis and with
    every way that was tried.
    """
    search = _Search(client)
    try:
        return search.provision(tuple(payment_methods), tuple(customers))
    except Unreachable as error:
        raise Unreachable(error.diagnosis, error.hint, tuple(search.tries)) from None


@dataclass
class _Search:
    """One search for fixtures. `tries` lists what was tried, in order."""

    client: Client
    tries: list[Try] = field(default_factory=list)

    def provision(self, methods: tuple[str, ...], customers: tuple[str, ...]) -> Provision:
        client = self.client
        created = self._first_customer(customers)
        scheme = client.credentials
        deleted = self._delete(created)
        unknown = self._unknown_objects()
        attached = self._operation_scheme()
        if attached.status is None:
            self._wait_until_back(attached)
        self._must_take_the_key(created, attached, customers)
        is_stateless = any(exchange.is_success and exchange.object for exchange in unknown)
        if is_stateless:
            return Provision(
                "any id", "any id", True, True, client.credentials, methods, customers, tries=tuple(self.tries)
            )
        takes_any = attached.is_success and not (methods or customers)
        customer_way = self._customer_way(created, is_known_to_fail=bool(customers) or takes_any)
        way, method_way, probed = "", Way(), ""
        if methods:
            way, probed = "given", methods[0]
        elif customer_way or customers or not takes_any:
            media_type = (customer_way or Way()).manner.media_type
            way, method_way, probed = self._method_way(media_type, customer_way, customers, only_likely=takes_any)
        if not way or not (customer_way or customers):
            if takes_any:
                return Provision("any id", "any id", True, False, client.credentials, tries=tuple(self.tries))
            raise _no_fixtures(client, created, attached, methods, customers)
        customer_way = self._same_brackets(customer_way, method_way)
        looked_at = {"delete": deleted, "read-customer": unknown[0]}
        absent = tuple(name for name, answer in looked_at.items() if answer and is_absent(answer))
        shared = way == ATTACHED_TOKEN
        return Provision(
            way,
            "given" if customers else "created",
            stateless=shared,
            retrieves=not shared and self._can_read(probed),
            scheme=client.credentials,
            given_payment_methods=methods,
            given_customers=customers,
            probed_payment_method=probed,
            customer_way=self._shown(customer_way or Way(), scheme),
            method_way=self._shown(method_way, scheme),
            absent=absent,
            tries=tuple(self.tries),
        )

    # Who asks

    def _first_customer(self, customers: Sequence[str]) -> Exchange:
        """Create a customer as the official libraries do, by the scheme of authentication that this takes."""
        details, tagged = CUSTOMER_FORMS[0]
        created = self._customer(details, Manner(), tagged=tagged)
        _must_answer(created, self.client)
        if created.status in REFUSES_THE_KEY:
            self.client.credentials = "basic"
            again = self._customer(details, Manner(), tagged=tagged)
            if again.status not in REFUSES_THE_KEY:
                return again
            self.client.credentials = "bearer"
        return created

    def _operation_scheme(self) -> Exchange:
        """Attach what does not exist: its answer shows by which scheme the operation takes the key."""
        usual = self.client.credentials
        answer = self._attach(UNKNOWN_METHOD, UNKNOWN_CUSTOMER)
        if answer.status not in REFUSES_THE_KEY:
            return answer
        self.client.credentials = "bearer" if usual == "basic" else "basic"
        other = self._attach(UNKNOWN_METHOD, UNKNOWN_CUSTOMER)
        if other.status in REFUSES_THE_KEY or not other.answered:
            self.client.credentials = usual
            return answer
        return other

    def _wait_until_back(self, lost: Exchange) -> None:
        """Wait for a target that went down over an attach: the run itself will say so. Raises Unreachable."""
        deadline = time.monotonic() + RESTART_SECONDS
        while (answer := self.client.call("GET", f"{CUSTOMERS}/{UNKNOWN_CUSTOMER}")).status is None:
            if time.monotonic() > deadline:
                raise Unreachable(
                    f"the target gave no answer to POST {lost.request.target} ({lost.why_unanswered}), "
                    f"and none since ({answer.why_unanswered})",
                    "look at the target's own log: an attach ended it",
                )
            time.sleep(RESTART_PAUSE)

    def _must_take_the_key(self, created: Exchange, attached: Exchange, customers: Sequence[str]) -> None:
        if created.status in REFUSES_THE_KEY and (attached.status in REFUSES_THE_KEY or not customers):
            raise Unreachable(
                f"the target refuses the key ({created.status})",
                "give the key of a sandbox or test account in STRIPE_API_KEY",
            )
        if (created.status or 0) >= 500 and (attached.status or 0) >= 500:
            raise _answers_with_errors(created)

    def _shown(self, way: Way, scheme: Credentials) -> Way:
        """The way with the key in the scheme in which it was found, where the operation takes another."""
        return way if scheme == self.client.credentials else with_scheme(way, scheme)

    # Customers

    def _customer_way(self, created: Exchange, *, is_known_to_fail: bool) -> Way | None:
        """The way by which customers are created, the first of which has been tried; None without one."""
        details, tagged = CUSTOMER_FORMS[0]
        if created_id(created):
            return Way(Manner(), tuple(details.items()), tagged)
        if is_known_to_fail or _is_hopeless(created):
            return None
        for manner, details, tagged in _customer_ways():
            if created.status == NOT_THIS_MEDIA_TYPE and created.request.headers[-1][1] == manner.media_type:
                continue
            created = self._customer(details, manner, tagged=tagged)
            if created_id(created):
                self._delete(created)
                return Way(manner, tuple(details.items()), tagged)
            if _is_hopeless(created):
                return None
        return None

    def _customer(self, details: Mapping[str, str], manner: Manner, *, tagged: bool) -> Exchange:
        form = {**details, **({f"metadata[{RUN_TAG}]": "probe"} if tagged else {})}
        words = f"with {', '.join(form) or 'no fields'}; {manner}"
        return self._kept(words, self.client.call("POST", CUSTOMERS, form, manner))

    def _delete(self, created: Exchange) -> Exchange | None:
        identifier = created_id(created)
        return delete_customer(self.client, identifier) if identifier else None

    def _same_brackets(self, customers: Way | None, methods: Way) -> Way | None:
        """Write customers with the brackets that payment methods need, since the others may be ignored."""
        if customers is None or customers.manner == methods.manner:
            return customers
        if methods.manner != replace(customers.manner, brackets=ENCODED):
            return customers
        created = self._customer(dict(customers.details), methods.manner, tagged=True)
        self._delete(created)
        if not created_id(created):
            return customers
        return replace(customers, manner=methods.manner, tagged=True)

    # Payment methods

    def _method_way(
        self, media_type: str, customer_way: Way | None, customers: Sequence[str], *, only_likely: bool
    ) -> tuple[str, Way, str]:
        """The first way to get a payment method that works, and the id of the one that it gave; empty for none."""
        others = () if only_likely else tuple(other for other in MEDIA_TYPES if other != media_type)
        found, is_there = self._created_method((media_type,))
        if not found and not only_likely:
            found = self._shared_token(customer_way, customers)
        if not found and is_there:
            found, _ = self._created_method(others)
        return found or ("", Way(), "")

    def _created_method(self, media_types: Sequence[str]) -> tuple[tuple[str, Way, str] | None, bool]:
        """The first way to create one with bodies of these types, None without one; and whether another may work."""
        for media_type in media_types:
            for name, way in _method_ways(media_type):
                form = {**PAYMENT_METHOD_FORMS[name], **dict(way.details)}
                words = f"{name}{' with billing details' if way.details else ''}; {way.manner}"
                created = self._kept(words, self.client.call("POST", PAYMENT_METHODS, form, way.manner))
                if identifier := created_id(created):
                    return (name, way, identifier), True
                if _is_hopeless(created):
                    return None, False
                if created.status == NOT_THIS_MEDIA_TYPE:
                    break
        return None, True

    def _shared_token(self, customer_way: Way | None, customers: Sequence[str]) -> tuple[str, Way, str] | None:
        """A shared test token that gives a new payment method when it is read, or serves for every attach."""
        target = f"{PAYMENT_METHODS}/{SHARED_TOKEN}"
        first = created_id(self._kept(RETRIEVED_TOKEN, self.client.call("GET", target)))
        if first and first != SHARED_TOKEN and created_id(self.client.call("GET", target)) not in ("", first):
            return RETRIEVED_TOKEN, Way(), first
        owners = list(customers[:2])
        made = []
        if not owners and customer_way:
            form = dict(customer_way.details)
            made = [self.client.call("POST", CUSTOMERS, form, customer_way.manner) for _ in range(2)]
            owners = [created_id(created) for created in made]
        attached = [
            self._kept(f"{ATTACHED_TOKEN} to {name} customer", self._attach(SHARED_TOKEN, owner)).is_success
            for name, owner in zip(("a", "another"), owners, strict=False)
        ]
        for created in made:
            self._delete(created)
        return (ATTACHED_TOKEN, Way(), SHARED_TOKEN) if len(attached) == 2 and all(attached) else None

    # Looking

    def _unknown_objects(self) -> tuple[Exchange, Exchange]:
        """A customer and a payment method that were never created."""
        letters = string.ascii_letters + string.digits
        never = "".join(random.SystemRandom().choice(letters) for _ in range(24))
        customer = self.client.call("GET", f"{CUSTOMERS}/cus_{never}")
        return customer, self.client.call("GET", f"{PAYMENT_METHODS}/pm_{never}")

    def _can_read(self, payment_method: str) -> bool:
        target = f"{PAYMENT_METHODS}/{path_segment(payment_method)}"
        return self.client.call("GET", target).object.get("id") is not None

    def _attach(self, payment_method: str, customer: str) -> Exchange:
        headers = (("Accept", "application/json"), ("Content-Type", FORM_MEDIA_TYPE))
        target = f"{PATH_PREFIX}{payment_method}{PATH_SUFFIX}"
        return self.client.send(Request("POST", target, headers, f"customer={path_segment(customer)}".encode()))

    def _kept(self, words: str, exchange: Exchange) -> Exchange:
        self.tries.append(Try.of(words, exchange))
        return exchange


def _customer_ways() -> Iterator[tuple[Manner, Mapping[str, str], bool]]:
    """The ways to create a customer, likeliest first, without the very first."""
    for media_type in MEDIA_TYPES:
        for brackets in (RAW, ENCODED) if media_type != JSON_MEDIA_TYPE else (RAW,):
            for number, (details, tagged) in enumerate(CUSTOMER_FORMS):
                is_first = number == 0 and media_type == FORM_MEDIA_TYPE and brackets == RAW
                if not is_first and (tagged or brackets == RAW):
                    yield Manner(media_type, brackets), details, tagged


def _method_ways(media_type: str) -> Iterator[tuple[str, Way]]:
    """The ways to create a payment method with bodies of this type, likeliest first, by their names."""
    spellings = (RAW,) if media_type == JSON_MEDIA_TYPE else (RAW, ENCODED)
    for details in ({}, DEMANDED_DETAILS):
        for brackets in spellings:
            for name in PAYMENT_METHOD_FORMS:
                yield name, Way(Manner(media_type, brackets), tuple(details.items()))


def _is_hopeless(exchange: Exchange) -> bool:
    """Whether no other way of writing the request would change the answer."""
    return exchange.status is None or exchange.status in NO_SUCH_ENDPOINT | REFUSES_THE_KEY


ADVICE: Mapping[str, str] = {
    Failure.NAME_NOT_RESOLVED: "correct the host name in --base-url, or use the network that knows it",
    Failure.CONNECTION_REFUSED: "start it, or correct --base-url",
    Failure.NOT_CONNECTED: "is this the right address, and is a proxy needed (HTTP_PROXY, HTTPS_PROXY)?",
    Failure.CONNECT_TIMED_OUT: "is this the right address, http or https, and is a proxy needed (HTTPS_PROXY)?",
    Failure.TLS_FAILED: "is it https there? Give the file of a private CA's certificate in REQUESTS_CA_BUNDLE",
    Failure.PROXY_FAILED: "correct HTTP_PROXY or HTTPS_PROXY, or name the host in NO_PROXY",
    Failure.TIMED_OUT: "is this the right address? Give a slow server more with --timeout",
    Failure.CONNECTION_LOST: "does it speak HTTP there (or HTTPS)?",
    Failure.GARBLED: "does it speak HTTP/1.1 there (or HTTPS)?",
    Failure.TOO_LARGE: "is this the right address? No answer of this API is so large",
}
"""What to do about a target that gives no answer."""


def _must_answer(exchange: Exchange, client: Client) -> None:
    if exchange.status is None:
        raise Unreachable(f"{client.address.url}: {exchange.why_unanswered}", ADVICE.get(exchange.failure, ""))


def _answers_with_errors(created: Exchange) -> Unreachable:
    return Unreachable(
        f"the target answers {created.status} to POST {CUSTOMERS}",
        "look at the target's own log, or correct --base-url if another server listens there",
    )


def _no_fixtures(
    client: Client, created: Exchange, attached: Exchange, methods: Sequence[str], customers: Sequence[str]
) -> Unreachable:
    """The diagnosis of a target that gives no fixtures."""
    if not attached.json.found and not created.json.found:
        return Unreachable(
            f"{client.address.url} does not look like this API "
            f"(POST {CUSTOMERS} answers {created.status}, and no JSON)",
            "--base-url is what stands before /v1/payment_methods/…",
        )
    if not created_id(created) and not customers and (created.status or 0) >= 500:
        return _answers_with_errors(created)
    lacking = [name for name, given in (("--customer", customers), ("--payment-method", methods)) if not given]
    kind = "customers" if "--customer" in lacking else "payment methods"
    return Unreachable(
        f"no fixtures: the target creates no {kind} and takes no unknown id",
        f"give ids that exist there with {' and '.join(lacking)} (each repeatable)",
    )
