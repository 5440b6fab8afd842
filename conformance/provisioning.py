"""Fixtures on the target: which way gives payment methods and customers, and the objects that a run makes by it."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from urllib.parse import quote

from conformance.client import Client
from conformance.exchange import CONNECTION_LOST, CONNECTION_REFUSED, NOT_CONNECTED, TIMED_OUT, Exchange
from conformance.fixture_forms import DETAILS_OF_CUSTOMERS, LESS_DETAILS, OWN_DETAILS, PAYMENT_METHOD_FORMS
from contracts.contract import FORM_MEDIA_TYPE
from strategies.attempt import PATH_PREFIX, PATH_SUFFIX, Request

RUN_TAG = "conformance_run"

KEPT_FOR_REFUSALS = 1
"""How many of the payment methods that a user gives are not used up by requests that should succeed."""

LISTS: Sequence[str] = (
    "/v1/payment_methods?customer={customer}&type={type}&limit=100",
    "/v1/customers/{customer}/payment_methods?type={type}&limit=100",
)
"""The endpoints that list a customer's payment methods, in the order in which they are tried."""


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
    methods can be read; `scheme` how the key is presented; nothing depends on the `probed_payment_method`.
    """

    payment_methods: str
    customers: str
    stateless: bool
    retrieves: bool
    scheme: str = "bearer"
    given_payment_methods: tuple[str, ...] = ()
    given_customers: tuple[str, ...] = ()
    probed_payment_method: str = ""

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
    form = {"description": "conformance probe", f"metadata[{RUN_TAG}]": "probe"}
    created = client.call("POST", "/v1/customers", form)
    _must_answer(created, client)
    if created.status in (401, 403):
        client.credentials = "basic"
        created = client.call("POST", "/v1/customers", form)
    if created.status == 401 or (created.status == 403 and not customers):
        raise Unreachable(
            f"the target refuses the key ({created.status})",
            "give the key of a sandbox or test account in STRIPE_API_KEY",
        )
    if (created.status or 0) >= 500:
        raise Unreachable(
            f"the target answers {created.status} to POST /v1/customers",
            "look at the target's own log, or correct --base-url if another server listens there",
        )
    identifier = _created_id(created)
    stateless = _retrieves_the_unknown(client)
    if identifier:
        delete_customer(client, identifier)
    given = tuple(payment_methods), tuple(customers)
    if stateless:
        return Provision("any id", "any id", True, True, client.credentials, *given)
    customer_way = "given" if customers else "created" if identifier else ""
    method_way, probed = ("given", payment_methods[0]) if payment_methods else _method_way(client)
    if customer_way and method_way:
        retrieves = _can_read(client, probed)
        return Provision(method_way, customer_way, False, retrieves, client.credentials, *given, probed)
    return _any_id(client, created, *given)


def _must_answer(exchange: Exchange, client: Client) -> None:
    if exchange.status is None:
        hints = {
            CONNECTION_REFUSED: "start it, or correct --base-url",
            NOT_CONNECTED: "is this the right address, http or https, and is a proxy needed?",
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


def delete_customer(client: Client, identifier: str) -> Exchange:
    """Ask for the deletion of a customer; the answer."""
    return client.call("DELETE", f"/v1/customers/{quote(identifier, safe='')}")


def _can_read(client: Client, payment_method: str) -> bool:
    return client.call("GET", f"/v1/payment_methods/{quote(payment_method, safe='')}").object.get("id") is not None


def _method_way(client: Client) -> tuple[str, str]:
    """The first way to create a payment method that works, and the id of the one that it made; empty for none."""
    for way, form in PAYMENT_METHOD_FORMS.items():
        if identifier := _created_id(client.call("POST", "/v1/payment_methods", dict(form))):
            return way, identifier
    return "", ""


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

    `draw` picks ids for targets that take any; `made` lists what was created, the oldest first, `created` how a
    customer was, by its id, `deleted` the customers that were deleted again; `most_objects` is how many may be created
    in all, None for no limit.
    """

    client: Client
    provision: Provision
    run: str
    draw: random.Random
    made: list[tuple[str, str]] = field(default_factory=list)
    created: dict[str, Exchange] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    most_objects: int | None = None
    _made_before: int = 0
    _customers: dict[str, str] = field(default_factory=dict)
    _methods_left: list[str] = field(default_factory=list)
    _details: Mapping[str, str] = field(default_factory=lambda: OWN_DETAILS)
    _customer_details: Mapping[str, str] = field(default_factory=lambda: DETAILS_OF_CUSTOMERS)
    _list: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        self.client.credentials = self.provision.scheme
        self._methods_left = list(self.provision.given_payment_methods)

    def customer(self, name: str = "customer") -> str:
        """The id of the customer that the run calls `name`. Raises OutOfFixtures when there is none."""
        if name not in self._customers:
            self._customers[name] = self._new_customer(len(self._customers))
        return self._customers[name]

    @contextmanager
    def other_customers(self) -> Iterator[None]:
        """Have the run's customers be new ones for as long as the block lasts."""
        usual, self._customers = self._customers, {}
        try:
            yield
        finally:
            self._customers = usual

    def new_customer(self, *, plain: bool = False) -> tuple[str, Exchange | None]:
        """The id of a customer that nothing has been done to, and how it was created (None for a given one).

        A `plain` one has no details of its own. Raises OutOfFixtures when there is none.
        """
        created = self._create_customer(plain=plain) if self.provision.customers == "created" else None
        if created is None:
            return self.customer(f"customer {len(self._customers) + 1}"), None
        return str(created.object["id"]), created

    def known_customer(self) -> str:
        """The id of a customer that the run has made and uses; empty where there is none, or where any id is known."""
        if self.provision.customers != "created" or self.provision.stateless:
            return ""
        return next(iter(self._customers.values()), "")

    def forget_objects(self) -> None:
        """Make new objects from now on: those that were made may be gone. Clean-up still asks for their removal."""
        self._customers.clear()
        self.deleted.clear()
        self.provision = replace(self.provision, probed_payment_method="")

    def payment_method_for_refusals(self) -> str:
        """As `new_payment_method`, for requests that should leave it as it is: the last one given is kept for them."""
        if self.provision.payment_methods == "given" and self._methods_left:
            return self._methods_left.pop(0)
        return self.new_payment_method()

    def is_down_to_the_last(self, in_hand: str | None) -> bool:
        """Whether no other payment method would be left if the one in hand, or else the next, were used up."""
        needed = 1 if in_hand else 2
        return self.provision.payment_methods == "given" and len(self._methods_left) < needed

    def new_payment_method(self) -> str:
        """The id of a payment method that nothing has been done to. Raises OutOfFixtures when there is none."""
        return self.create_payment_method(detailed=True)[0]

    def plain_payment_method(self) -> str:
        """As `new_payment_method`, without billing details and metadata of its own."""
        return self.create_payment_method()[0]

    def create_payment_method(self, *, detailed: bool = False) -> tuple[str, Exchange | None]:
        """As `new_payment_method`, and how it was created (None where it was not).

        A `detailed` one has billing details and metadata of its own, as far as the target takes them.
        """
        way = self.provision.payment_methods
        if way == "any id":
            return "pm_" + self._letters(), None
        if way == "given":
            if len(self._methods_left) <= KEPT_FOR_REFUSALS:
                raise OutOfFixtures("no payment method is left (give more with --payment-method)")
            return self._methods_left.pop(0), None
        self._keep_within_bounds()
        form = dict(PAYMENT_METHOD_FORMS[way])
        created = self._create("/v1/payment_methods", form | dict(self._details) if detailed else form)
        while detailed and created.answered and not _created_id(created) and self._details:
            self._details = LESS_DETAILS if len(self._details) > len(LESS_DETAILS) else {}
            created = self._create("/v1/payment_methods", form | dict(self._details))
        identifier = _created_id(created)
        if not identifier:
            raise OutOfFixtures(f"the target created no payment method ({created.status or created.failure})")
        self.made.append(("payment_method", identifier))
        return identifier, created

    def read_payment_method(self, identifier: str) -> Exchange | None:
        """The payment method as the target tells it now; None where it cannot be read."""
        if not self.provision.retrieves or self.provision.stateless:
            return None
        return self.client.call("GET", f"/v1/payment_methods/{quote(identifier, safe='')}")

    def read_customer(self, identifier: str) -> Exchange:
        """The customer as the target tells it now."""
        return self.client.call("GET", f"/v1/customers/{quote(identifier, safe='')}")

    def list_payment_methods(self, customer: str, kind: str = "card") -> Exchange | None:
        """The customer's payment methods of the type `kind`, by whichever endpoint lists them; None without one."""
        answer = None
        for template in LISTS if self._list is None else self._list:
            target = template.format(customer=quote(customer, safe=""), type=quote(kind, safe=""))
            answer = self.client.call("GET", target)
            if isinstance(answer.object.get("data"), list):
                self._list = (template,)
            if not answer.is_refusal and (self._list or not answer.is_success):
                return answer
        if self._list is None:
            self._list = ()
        return answer if self._list else None

    def detach(self, payment_method: str) -> Exchange:
        """Ask for the payment method to be detached; the answer."""
        return self.client.call("POST", f"/v1/payment_methods/{quote(payment_method, safe='')}/detach", {})

    def delete(self, customer: str) -> Exchange:
        """Ask for the deletion of a customer that the run has made; the answer.

        Raises OutOfFixtures for one that it has not made.
        """
        if ("customer", customer) not in self.made:
            raise OutOfFixtures("customers that were given are not deleted")
        answer = delete_customer(self.client, customer)
        if answer.is_success:
            self.made.remove(("customer", customer))
            self.deleted.append(customer)
        return answer

    def set_default(self, customer: str, payment_method: str) -> Exchange | None:
        """Make the payment method the default of a customer; None for one that the run has not made."""
        if ("customer", customer) not in self.made:
            return None
        form = {"invoice_settings[default_payment_method]": payment_method}
        return self.client.call("POST", f"/v1/customers/{quote(customer, safe='')}", form)

    def clean_up(self) -> list[str]:
        """Remove what was made, the newest first; the ids of the customers that are still there.

        Payment methods go with the customers that they are attached to; those on given customers are detached.
        """
        left = []
        given = self.provision.customers == "given"
        for kind, identifier in reversed(self.made):
            if kind == "customer":
                if not delete_customer(self.client, identifier).is_success and self._is_there(identifier):
                    left.append(identifier)
            elif given:
                self.detach(identifier)
        self._made_before += len(self.made)
        self.made.clear()
        self._customers.clear()
        return left

    def _keep_within_bounds(self) -> None:
        if self.most_objects is not None and self._made_before + len(self.made) >= self.most_objects:
            raise OutOfFixtures(f"{self.most_objects} objects were created, and no more are")

    def _is_there(self, customer: str) -> bool:
        """Whether a customer that could not be deleted is still there; where no answer says otherwise, it is."""
        read = self.read_customer(customer)
        return not read.is_refusal and read.object.get("deleted") is not True

    def _new_customer(self, index: int) -> str:
        way = self.provision.customers
        if way == "any id":
            return "cus_" + self._letters()
        if way == "given":
            given = self.provision.given_customers
            if index >= len(given):
                raise OutOfFixtures("no customer is left (give more with --customer)")
            return given[index]
        return str(self._create_customer().object["id"])

    def _create_customer(self, *, plain: bool = False) -> Exchange:
        self._keep_within_bounds()
        tag = {f"metadata[{RUN_TAG}]": self.run}
        details = {} if plain else self._customer_details
        created = self._create("/v1/customers", {**details, **tag})
        if details and created.is_refusal:
            self._customer_details = {}
            created = self._create("/v1/customers", tag)
        identifier = _created_id(created)
        if not identifier:
            raise OutOfFixtures(f"the target created no customer ({created.status or created.failure})")
        self.made.append(("customer", identifier))
        self.created[identifier] = created
        return created

    def _create(self, target: str, form: dict[str, str]) -> Exchange:
        """Ask for an object, and once more where no answer came: one too many is made, at worst."""
        created = self.client.call("POST", target, form)
        return created if created.status is not None else self.client.call("POST", target, form)

    def _letters(self, count: int = 24) -> str:
        letters = string.ascii_letters + string.digits
        return "".join(self.draw.choice(letters) for _ in range(count))
