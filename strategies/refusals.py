"""One request for every kind of rejection, and ids that name nothing or only resemble a known id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from contracts import Contract
from strategies import invalid, malformed, requests
from strategies.attempt import Attempt, Invalid, Pair
from strategies.valid import CUSTOMER, EXPAND_CUSTOMER, EXPANDED, MINIMAL
from strategies.values import Bindings, Known, Text, joined

NO_VERSION = "2020-8-27"
"""A version that lacks a digit: a date, to many a language."""

SHORTEST_PART = 8
"""The fewest characters of a known id that are sent in its place."""

NEVER = "conformance0never0existed"

NO_CUSTOMER_ID = f"cus_{NEVER}"
NO_CUSTOMER = invalid.broken("customer", "no customer has this id", Pair("customer", NO_CUSTOMER_ID))
"""A customer of the usual form that names nobody."""
NO_CUSTOMER_EXPANDED = invalid.broken(
    "customer", "no customer has this id", Pair("customer", NO_CUSTOMER_ID), EXPAND_CUSTOMER
)
"""The same, to be expanded."""
NO_CUSTOMER_MUCH_EXPANDED = NO_CUSTOMER_EXPANDED.but(pairs=(Pair("customer", NO_CUSTOMER_ID), *[EXPAND_CUSTOMER] * 21))
NO_CUSTOMER_EXPANDED_BY_INDEX = NO_CUSTOMER_EXPANDED.but(
    pairs=(Pair("customer", NO_CUSTOMER_ID), *(Pair(f"expand[{index}]", "customer") for index in range(22)))
)
"""The same, to be expanded 21 times, and up to the index 21: beyond 20, parsers make something else than an array."""
WITH_DELETED_CUSTOMER = Attempt((Pair("customer", Known("deleted_customer")),), kind="wire")
"""A customer that has been deleted."""
EMAIL_OF_CUSTOMERS = "Richard.Roe@example.com"
"""The e-mail address of a run's customers, which is no id. A server that saves it in lower case shows that."""
OF_EVERY_OBJECT = "constructor"
"""A property that every JavaScript object has (prototype lookup)."""
NO_PAYMENT_METHOD = MINIMAL.but(
    path_id=f"pm_{NEVER}", kind="invalid", invalid=Invalid("payment_method", "no payment method has this id")
)
"""A payment method of the usual form that is none."""

UNKNOWN_PATH = invalid.broken("expand[]", "there is no such path to expand", CUSTOMER, Pair("expand[]", "nope"))
"""A path of the usual form that leads nowhere."""


def every_refusal(contract: Contract) -> Sequence[Attempt]:
    """Return the smallest request of each kind that a server rejects, with a good customer where one fits."""
    no_key = Invalid("credentials", "the request carries no key")
    no_good_key = Invalid("credentials", "the request carries no good key")
    return (
        *invalid.missing_customer()[:2],
        invalid.structured_customer("[a]"),
        invalid.too_long_customer(contract.customer_max_length + 1),
        invalid.unknown_parameter("foo"),
        invalid.unknown_parameter("metadata[order]", "changed"),
        unknown_customer(""),
        MINIMAL.but(
            kind="invalid",
            invalid=Invalid("Stripe-Version", "the version is ill-formed"),
            headers=(("Stripe-Version", NO_VERSION),),
            label=f"asking for {NO_VERSION}",
        ),
        *invalid.ill_structured_expands()[:2],
        UNKNOWN_PATH,
        invalid.broken("expand[]", "the path has 5 levels", CUSTOMER, Pair("expand[]", "customer.a.b.c.d")),
        *invalid.too_long_expand_items(contract)[:1],
        NO_CUSTOMER,
        WITH_DELETED_CUSTOMER,
        requests.json_bodies()[0],
        *requests.other_media_types(),
        *(attempt for attempt in requests.other_methods() if attempt.pairs and attempt.method in requests.IN_QUERY),
        MINIMAL.but(kind="invalid", invalid=no_key, credentials="none", label="without a key"),
        MINIMAL.but(
            kind="invalid",
            invalid=no_good_key,
            credentials="Bearer sk_test_conformance0no0such0key",
            label="with an unknown key",
        ),
        *malformed.malformed_encodings()[:1],
    )


def unknown_customer(value: Text) -> Attempt:
    """Return a body whose customer is `value`."""
    return Attempt((Pair("customer", value),), kind="wire")


FIRST_ROW = unknown_customer("1").but(headers=(invalid.IN_FRENCH,), label="in French")
ROW_BEFORE = unknown_customer("0")
"""Texts that some languages take for true and false; where ids are the numbers of rows, they name customers."""


def may_name_customer(attempt: Attempt, known: str) -> bool:
    """Return whether the unknown customer of an attempt may be one after all, where ids look like the `known` one."""
    return known.isdecimal() and attempt in (FIRST_ROW, ROW_BEFORE)


def part_of_customer(length: int) -> Attempt:
    """Return a body whose customer is a known id, cut after `length` characters or before its last."""
    return unknown_customer(Known(_part(length)))


def unknown_customers() -> Sequence[Attempt]:
    """Return bodies with ids that name nobody, parts of a known id, and keys by which a careless look-up finds one."""
    return (
        NO_CUSTOMER,
        unknown_customer(""),
        unknown_customer("cus_"),
        FIRST_ROW,
        part_of_customer(SHORTEST_PART),
        unknown_customer(OF_EVERY_OBJECT),
        unknown_customer(EMAIL_OF_CUSTOMERS),
        unknown_customer(Known(ATTACHED)),
        ROW_BEFORE,
        malformed.INJECTED_CUSTOMER,
    )


def on_attached() -> tuple[Attempt, ...]:
    """Return requests that are rejected for an attached payment method too: an empty, no, and an unknown customer."""
    return (unknown_customer(""), invalid.missing_customer()[0], NO_CUSTOMER)


def any_part_of_customer() -> st.SearchStrategy[Attempt]:
    """Generate bodies whose customer is a known id, cut at any length."""
    return st.integers(SHORTEST_PART, 24).map(part_of_customer)


def unknown_payment_methods() -> Sequence[Attempt]:
    """Return requests with ids in the path that never existed, near misses of a known id, and ids of other objects."""
    method = Known("payment_method")
    segments: Sequence[Text] = (
        Known(OTHER_CASE),
        OF_EVERY_OBJECT,
        joined(method, ".json"),
        Known(ONE_LESS),
        Known(ANOTHER_OBJECT),
    )
    plain = tuple(MINIMAL.but(path_id=segment, kind="wire") for segment in segments)
    escaped_twice = MINIMAL.but(path_id=Known("payment_method", "percent-encoded"), kind="wire", label="escaped twice")
    with_matrix_parameter = MINIMAL.but(path_id=joined(method, ";x"), kind="wire", transport="raw")
    with_query = MINIMAL.but(path_id=joined(method, "?x"), kind="wire")
    others = (with_matrix_parameter, escaped_twice, with_query)
    shared = EXPANDED.but(path_id=f"pm_card_{NEVER}", kind="wire")
    return (NO_PAYMENT_METHOD, *plain, *others, shared, malformed.INJECTED_METHOD)


ATTACHED = "payment method that a customer has"
OTHER_CASE = "payment method in the other case"
ONE_LESS = "payment method without its last character"
ANOTHER_OBJECT = "customer in place of a payment method"
_LONG = 10_000


def _part(length: int) -> str:
    return "customer without its last character" if length == _LONG else f"first {length} characters of customer"


def near_misses(bindings: Bindings) -> Mapping[str, str]:
    """Return the near misses by the names that these attempts use, for the known ids.

    Where ids are short or have no letters, a near miss could be another object's id or the known id: then it is the
    known id with junk behind it.
    """
    known = {}
    if "customer" in bindings:
        customer = bindings["customer"]
        for length in (*range(SHORTEST_PART, 25), _LONG):
            known[_part(length)] = customer[: min(length, len(customer) - 1)] if _is_long(customer) else f"{customer}x"
    if "payment_method" in bindings:
        method = bindings["payment_method"]
        prefix, underscore, rest = method.rpartition("_")
        known[OTHER_CASE] = prefix + underscore + rest.swapcase() if rest.swapcase() != rest else f"{method}x"
        customer = bindings.get("customer", "")
        known[ANOTHER_OBJECT] = customer if "_" in customer else f"{method}xxx"
        known[ONE_LESS] = method[:-1] if _is_long(method) else f"{method}xx"
    if ATTACHED in bindings:
        attached = bindings[ATTACHED]
        known[ATTACHED] = f"{attached}x" if attached.isdecimal() else attached
    return known


def _is_long(identifier: str) -> bool:
    return len(identifier.rpartition("_")[2]) >= SHORTEST_PART
