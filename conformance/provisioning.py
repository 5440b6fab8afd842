"""Fixtures on the target: which way gives payment methods and customers, and the objects that a run makes by it."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from conformance.client import Client
from conformance.endpoints import (
    CARD,
    created_id,
    delete_customer,
    detach_payment_method,
    find_list,
    find_other_list,
    list_target,
)
from conformance.exchange import Exchange
from conformance.fixture_forms import (
    ATTACHED_TOKEN,
    DETAILS_OF_CUSTOMERS,
    LESS_DETAILS,
    OWN_DETAILS,
    PAYMENT_METHOD_FORMS,
    RETRIEVED_TOKEN,
    SHARED_TOKEN,
)
from conformance.foreign import path_segment
from conformance.ways import Manner, Try, Way

RUN_TAG = "conformance_run"

KEPT_FOR_REFUSALS = 1
"""How many of the payment methods that a user gives are not used up by requests that should succeed."""

USUAL_CUSTOMER = Way(details=tuple(DETAILS_OF_CUSTOMERS.items()))
AS_IT_IS = Way()
"""How objects are created where nothing else was found out."""


class Unreachable(Exception):
    """The target cannot be tested at all: it is down, not this API, refuses the key or gives no fixtures.

    `hint` says what to do about it, `tries` what was tried to get fixtures.
    """

    def __init__(self, diagnosis: str, hint: str, tries: tuple[Try, ...] = ()) -> None:
        super().__init__(diagnosis)
        self.diagnosis = diagnosis
        self.hint = hint
        self.tries = tries


class OutOfFixtures(Exception):
    """No payment method is left for a positive; the message says how to give more."""


class Absent(Exception):
    """A capability of another endpoint that the clause needs is absent."""


@dataclass(frozen=True)
class Provision:
    """How this target gives fixtures, found once and handed to every worker.

    `payment_methods` is the way: a key of PAYMENT_METHOD_FORMS, a shared token, `given`, or `any id`. `customers`
    likewise: `created`, `given` or `any id`. `stateless` tells that what was never created can be retrieved;
    `retrieves` that payment methods can be read; `scheme` how the operation is shown the key; nothing depends on the
    `probed_payment_method`. `customer_way` and `method_way` say how objects are created. `lists` is the one of LISTS
    that works, empty for none, None where nobody has looked. `absent` names endpoints that there are not: `delete`,
    `detach`, `read-customer`. `tries` is what was tried to find all this.
    """

    payment_methods: str
    customers: str
    stateless: bool
    retrieves: bool
    scheme: str = "bearer"
    given_payment_methods: tuple[str, ...] = ()
    given_customers: tuple[str, ...] = ()
    probed_payment_method: str = ""
    customer_way: Way = USUAL_CUSTOMER
    method_way: Way = AS_IT_IS
    lists: str | None = None
    absent: tuple[str, ...] = ()
    tries: tuple[Try, ...] = ()

    def __str__(self) -> str:
        if self.stateless and self.payment_methods == "any id":
            return "any id (the target keeps no state: it retrieves what was never created)"
        return f"customers {self.customers}, payment methods {_in_words(self.payment_methods)}"

    def to_json(self) -> dict[str, Any]:
        """A JSON-like form for a worker: all but the tries."""
        data = asdict(self)
        del data["tries"]
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Provision:
        """The provision that `to_json` wrote."""
        tuples = {
            key: tuple(data[key]) for key in ("given_payment_methods", "given_customers", "absent") if key in data
        }
        ways = {key: Way.from_json(data[key]) for key in ("customer_way", "method_way") if key in data}
        return cls(**{**data, **tuples, **ways})


def _in_words(way: str) -> str:
    return f"created from {way}" if way in PAYMENT_METHOD_FORMS else way


@dataclass
class Fixtures:
    """The objects of one worker's run on the target.

    `draw` picks ids for targets that take any; `made` lists what was created, the oldest first, `created` how a
    customer was, by its id, `deleted` the customers that were deleted again; `most_objects` is how many may be created
    in all, None for no limit. `in_hand` is the payment method that requests to be refused share.
    """

    client: Client
    provision: Provision
    run: str
    draw: random.Random
    made: list[tuple[str, str]] = field(default_factory=list)
    created: dict[str, Exchange] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    most_objects: int | None = None
    in_hand: str | None = None
    _returned: list[str] = field(default_factory=list)
    _made_before: int = 0
    _customers: dict[str, str] = field(default_factory=dict)
    _methods_left: list[str] = field(default_factory=list)
    _details: Mapping[str, str] = field(default_factory=lambda: OWN_DETAILS)
    _takes_plain_customers: bool = True
    _list: str | None = None
    _kinds: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.client.credentials = self.provision.scheme
        self._methods_left = list(self.provision.given_payment_methods)
        self._list = self.provision.lists

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

    @property
    def methods_left(self) -> int:
        """How many given payment methods are left."""
        return len(self._methods_left) + len(self._returned)

    def is_down_to_the_last(self) -> bool:
        """Whether no other payment method would be left if the one in hand, or else the next, were used up."""
        needed = 1 if self.in_hand else 2
        return self.provision.payment_methods == "given" and len(self._methods_left) < needed

    def take_back(self, payment_method: str, customer: str) -> None:
        """Keep a given payment method for later, if it was refused and still exists without a customer.

        An id that does not exist, of either of the two, looks refused as well: both are read.
        """
        if self.provision.payment_methods != "given" or "read-customer" in self.provision.absent:
            return
        read = self.read_payment_method(payment_method)
        if read is None or not read.is_success or read.object.get("customer", "") is not None:
            return
        owner = self.read_customer(customer)
        if owner.is_success and not owner.object.get("deleted"):
            self._returned.append(payment_method)

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
            kept = 0 if self.in_hand else KEPT_FOR_REFUSALS
            if len(self._methods_left) <= kept and self._returned:
                return self._returned.pop(0), None
            if len(self._methods_left) <= kept:
                raise OutOfFixtures("no payment method is left (give more with --payment-method)")
            return self._methods_left.pop(0), None
        if way == ATTACHED_TOKEN:
            return SHARED_TOKEN, None
        self._keep_within_bounds()
        if way == RETRIEVED_TOKEN:
            return self._took_over(self.client.call("GET", f"/v1/payment_methods/{SHARED_TOKEN}")), None
        form = {**PAYMENT_METHOD_FORMS[way], **dict(self.provision.method_way.details)}
        created = self._create_method(form | dict(self._details) if detailed else form)
        while detailed and created.answered and not created_id(created) and self._details:
            self._details = LESS_DETAILS if len(self._details) > len(LESS_DETAILS) else {}
            created = self._create_method(form | dict(self._details))
        return self._took_over(created), created

    def payment_method_from(self, card: Mapping[str, str] | None) -> str | None:
        """The id of a payment method created as usual but from this card; None where the target refuses that."""
        form = PAYMENT_METHOD_FORMS.get(self.provision.payment_methods)
        if form is None or card is None:
            return None
        created = self._create_method({**form, **dict(self.provision.method_way.details), **card})
        try:
            return self._took_over(created)
        except OutOfFixtures:
            return None

    def learn(self, exchange: Exchange) -> Exchange:
        """Keep the type of the payment method that an answer shows; the same exchange."""
        kind, identifier = exchange.object.get("type"), created_id(exchange)
        if identifier and isinstance(kind, str):
            self._kinds.setdefault(identifier, kind)
        return exchange

    def kind_of(self, payment_method: str) -> str:
        """The type of a payment method, as far as any answer has told it."""
        if payment_method and payment_method not in self._kinds and self.provision.payment_methods == "given":
            self.read_payment_method(payment_method)
        return self._kinds.get(payment_method, CARD)

    def read_payment_method(self, identifier: str) -> Exchange | None:
        """The payment method as the target tells it now; None where it cannot be read."""
        if not self.provision.retrieves or self.provision.stateless:
            return None
        return self.learn(self.client.call("GET", f"/v1/payment_methods/{path_segment(identifier)}"))

    def read_customer(self, identifier: str) -> Exchange:
        """The customer as the target tells it now. Raises Absent where the target retrieves no customers."""
        if "read-customer" in self.provision.absent:
            raise Absent("the target does not retrieve customers")
        return self.client.call("GET", f"/v1/customers/{path_segment(identifier)}")

    def list_payment_methods(self, customer: str, kind: str = CARD) -> Exchange | None:
        """The customer's payment methods of the type `kind`, by the list that works; None without one."""
        if self._list is None:
            self._list, answer = find_list(self.client, customer, kind)
            if answer is not None:
                return answer
        return self.client.call("GET", list_target(self._list, customer, kind)) if self._list else None

    def list_by_other_endpoint(self, customer: str, kind: str = CARD) -> Exchange | None:
        """Return the customer's list by the endpoint that is not in use; None where there is no such list."""
        return find_other_list(self.client, self._list, customer, kind) if self._list else None

    def detach(self, payment_method: str) -> Exchange:
        """Ask for the payment method to be detached; the answer. Raises Absent where there is no such endpoint."""
        if "detach" in self.provision.absent:
            raise Absent("the target has no endpoint to detach")
        return detach_payment_method(self.client, payment_method, self.provision.method_way.manner)

    def delete(self, customer: str) -> Exchange:
        """Ask for the deletion of a customer that the run has made; the answer.

        Raises OutOfFixtures for one that it has not made, and Absent where the target deletes none.
        """
        if "delete" in self.provision.absent:
            raise Absent("the target deletes no customers")
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
        target = f"/v1/customers/{path_segment(customer)}"
        return self.client.call("POST", target, form, self.provision.customer_way.manner)

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
            elif given and "detach" not in self.provision.absent:
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
        if "read-customer" in self.provision.absent:
            return True
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
        way = self.provision.customer_way
        tag = {f"metadata[{RUN_TAG}]": self.run} if way.tagged else {}
        without_details = plain and self._takes_plain_customers
        created = self._create("/v1/customers", tag if without_details else {**dict(way.details), **tag}, way.manner)
        if without_details and way.details and created.is_refusal:
            self._takes_plain_customers = False
            created = self._create("/v1/customers", {**dict(way.details), **tag}, way.manner)
        identifier = created_id(created)
        if not identifier:
            raise OutOfFixtures(f"the target created no customer ({created.status or created.why_unanswered})")
        self.made.append(("customer", identifier))
        self.created[identifier] = created
        return created

    def _create_method(self, form: dict[str, str]) -> Exchange:
        return self._create("/v1/payment_methods", form, self.provision.method_way.manner)

    def _create(self, target: str, form: dict[str, str], manner: Manner) -> Exchange:
        """Ask for an object, and once more where no answer came: one too many is made, at worst."""
        created = self.client.call("POST", target, form, manner)
        return created if created.status is not None else self.client.call("POST", target, form, manner)

    def _took_over(self, created: Exchange) -> str:
        """The id of a payment method that was made, from now on known to the clean-up."""
        identifier = created_id(self.learn(created))
        if not identifier:
            raise OutOfFixtures(f"the target created no payment method ({created.status or created.why_unanswered})")
        self.made.append(("payment_method", identifier))
        return identifier

    def _letters(self, count: int = 24) -> str:
        letters = string.ascii_letters + string.digits
        return "".join(self.draw.choice(letters) for _ in range(count))
