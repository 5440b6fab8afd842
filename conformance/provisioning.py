"""Fixtures on the target: which way gives payment methods and customers, and the objects that a run makes by it."""

from __future__ import annotations

import random
import string
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import quote

from conformance.client import Client
from conformance.exchange import CONNECTION_LOST, CONNECTION_REFUSED, TIMED_OUT, Exchange
from contracts.contract import FORM_MEDIA_TYPE
from strategies.attempt import PATH_PREFIX, PATH_SUFFIX, Request

RUN_TAG = "conformance_run"

PAYMENT_METHOD_FORMS: Mapping[str, Mapping[str, str]] = {
    "a test token": {"type": "card", "card[token]": "tok_visa"},
    "a test card": {
        "type": "card",
        "card[number]": "4242424242424242",
        "card[exp_month]": "12",
        "card[exp_year]": "2034",
        "card[cvc]": "123",
    },
}
"""The ways to create a payment method, in the order in which they are tried."""


class Unreachable(Exception):
    """The target cannot be tested at all: it is down, not this API, refuses the key or gives no fixtures.

    `hint` says what to do about it.
    """

    def __init__(self, diagnosis: str, hint: str) -> None:
        super().__init__(diagnosis)
        self.diagnosis = diagnosis
        self.hint = hint


class OutOfFixtures(Exception):
    """No payment method is left for a positive; the message says how to give more."""


@dataclass(frozen=True)
class Provision:
    """How this target gives fixtures, found once and handed to every worker.

    `payment_methods` is the way: a key of PAYMENT_METHOD_FORMS, `given`, or `any id`. `customers` likewise: `created`,
    `given` or `any id`. `stateless` tells that what was never created can be retrieved; `retrieves` that payment
    methods can be read; `scheme` how the key is presented.
    """

    payment_methods: str
    customers: str
    stateless: bool
    retrieves: bool
    scheme: str = "bearer"
    given_payment_methods: tuple[str, ...] = ()
    given_customers: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.stateless:
            return "any id (the target keeps no state: it retrieves what was never created)"
        return f"customers {self.customers}, payment methods {_in_words(self.payment_methods)}"

    def to_json(self) -> dict[str, Any]:
        """A JSON-like form for a worker."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Provision:
        """The provision that `to_json` wrote."""
        given = {key: tuple(data[key]) for key in ("given_payment_methods", "given_customers")}
        return cls(**{**data, **given})


def _in_words(way: str) -> str:
    return f"created from {way}" if way in PAYMENT_METHOD_FORMS else way


def probe(client: Client, payment_methods: Sequence[str] = (), customers: Sequence[str] = ()) -> Provision:
    """Find out how `client`'s target gives fixtures, with as few requests as that takes.

    `payment_methods` and `customers` are ids that the user says exist. Raises Unreachable with a diagnosis.
    """
    created = client.call("POST", "/v1/customers", {"description": "conformance probe"})
    _must_answer(created, client)
    if created.status in (401, 403):
        client.credentials = "basic"
        created = client.call("POST", "/v1/customers", {"description": "conformance probe"})
    if created.status == 401 or (created.status == 403 and not customers):
        raise Unreachable(
            f"the target refuses the key ({created.status})",
            "give the key of a sandbox or test account in STRIPE_API_KEY",
        )
    if (created.status or 0) >= 500:
        raise Unreachable(f"the target answers {created.status} to POST /v1/customers", "look at the target's own log")
    identifier = _created_id(created)
    stateless = _retrieves_the_unknown(client)
    if identifier and not customers:
        _delete_customer(client, identifier)
    given = tuple(payment_methods), tuple(customers)
    if stateless:
        return Provision("any id", "any id", True, True, client.credentials, *given)
    customer_way = "given" if customers else "created" if identifier else ""
    method_way, retrieves = ("given", _can_read(client, payment_methods[0])) if payment_methods else _method_way(client)
    if customer_way and method_way:
        return Provision(method_way, customer_way, False, retrieves, client.credentials, *given)
    return _any_id(client, created, *given)


def _must_answer(exchange: Exchange, client: Client) -> None:
    if exchange.status is None:
        hints = {
            CONNECTION_REFUSED: "start it, or correct --base-url",
            TIMED_OUT: f"it takes longer than {client.timeout:g} s: is this the right address?",
            CONNECTION_LOST: "does it speak HTTP there (or HTTPS)?",
        }
        raise Unreachable(f"{client.address.url}: {exchange.failure}", hints.get(exchange.failure, ""))


def _created_id(exchange: Exchange) -> str:
    identifier = exchange.object.get("id")
    return identifier if exchange.is_success and isinstance(identifier, str) else ""


def _retrieves_the_unknown(client: Client) -> bool:
    letters = string.ascii_letters + string.digits
    never = "".join(random.SystemRandom().choice(letters) for _ in range(24))
    found = (client.call("GET", f"/v1/customers/cus_{never}"), client.call("GET", f"/v1/payment_methods/pm_{never}"))
    return any(exchange.is_success and exchange.object for exchange in found)


def _delete_customer(client: Client, identifier: str) -> Exchange:
    return client.call("DELETE", f"/v1/customers/{quote(identifier, safe='')}")


def _can_read(client: Client, payment_method: str) -> bool:
    return client.call("GET", f"/v1/payment_methods/{quote(payment_method, safe='')}").object.get("id") is not None


def _method_way(client: Client) -> tuple[str, bool]:
    for way, form in PAYMENT_METHOD_FORMS.items():
        if identifier := _created_id(client.call("POST", "/v1/payment_methods", dict(form))):
            return way, _can_read(client, identifier)
    return "", False


def _any_id(client: Client, created: Exchange, methods: tuple[str, ...], customers: tuple[str, ...]) -> Provision:
    """The last resort: a server that knows no ids at all, and takes any."""
    target = f"{PATH_PREFIX}{methods[0] if methods else 'pm_conformance0probe'}{PATH_SUFFIX}"
    customer = customers[0] if customers else "cus_conformance0probe"
    headers = (("Content-Type", FORM_MEDIA_TYPE),)
    attached = client.send(Request("POST", target, headers, f"customer={quote(customer)}".encode()))
    if attached.is_success and not (methods or customers):
        return Provision("any id", "any id", True, False, client.credentials)
    if not attached.json.found and not created.json.found:
        raise Unreachable(
            f"{client.address.url} does not look like this API (POST /v1/customers answers {created.status}, "
            f"and no JSON)",
            "--base-url is what stands before /v1/payment_methods/…",
        )
    lacking = [name for name, given in (("--customer", customers), ("--payment-method", methods)) if not given]
    raise Unreachable(
        f"no fixtures: the target creates no {'customers' if '--customer' in lacking else 'payment methods'} "
        f"and takes no unknown id",
        f"give ids that exist there with {' and '.join(lacking)} (each repeatable)",
    )


@dataclass
class Fixtures:
    """The objects of one worker's run on the target.

    `draw` picks ids for targets that take any; `made` lists what was created, the oldest first.
    """

    client: Client
    provision: Provision
    run: str
    draw: random.Random
    made: list[tuple[str, str]] = field(default_factory=list)
    _customers: dict[str, str] = field(default_factory=dict)
    _methods_left: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client.credentials = self.provision.scheme
        self._methods_left = list(self.provision.given_payment_methods)

    def customer(self, name: str = "customer") -> str:
        """The id of the customer that the run calls `name`. Raises OutOfFixtures when there is none."""
        if name not in self._customers:
            self._customers[name] = self._new_customer(len(self._customers))
        return self._customers[name]

    def new_payment_method(self) -> str:
        """The id of a payment method that nothing has been done to. Raises OutOfFixtures when there is none."""
        way = self.provision.payment_methods
        if way == "any id":
            return "pm_" + self._letters()
        if way == "given":
            if not self._methods_left:
                raise OutOfFixtures("no payment method is left (give more with --payment-method)")
            return self._methods_left.pop(0)
        created = self.client.call("POST", "/v1/payment_methods", dict(PAYMENT_METHOD_FORMS[way]))
        identifier = _created_id(created)
        if not identifier:
            raise OutOfFixtures(f"the target created no payment method ({created.status or created.failure})")
        self.made.append(("payment_method", identifier))
        return identifier

    def read_payment_method(self, identifier: str) -> Exchange | None:
        """The payment method as the target tells it now; None where it cannot be read."""
        if not self.provision.retrieves or self.provision.stateless:
            return None
        return self.client.call("GET", f"/v1/payment_methods/{quote(identifier, safe='')}")

    def clean_up(self) -> list[str]:
        """Delete what was made, the newest first; the ids of the customers that are still there."""
        left = []
        for kind, identifier in reversed(self.made):
            if kind == "customer" and not _delete_customer(self.client, identifier).is_success:
                left.append(identifier)
        self.made.clear()
        return left

    def _new_customer(self, index: int) -> str:
        way = self.provision.customers
        if way == "any id":
            return "cus_" + self._letters()
        if way == "given":
            given = self.provision.given_customers
            if index >= len(given):
                raise OutOfFixtures("no customer is left (give more with --customer)")
            return given[index]
        created = self.client.call("POST", "/v1/customers", {f"metadata[{RUN_TAG}]": self.run})
        identifier = _created_id(created)
        if not identifier:
            raise OutOfFixtures(f"the target created no customer ({created.status or created.failure})")
        self.made.append(("customer", identifier))
        return identifier

    def _letters(self, count: int = 24) -> str:
        letters = string.ascii_letters + string.digits
        return "".join(self.draw.choice(letters) for _ in range(count))
