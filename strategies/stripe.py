"""Requests that show Stripe's own codes, headers, keys and tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from contracts import Contract
from strategies import invalid
from strategies.attempt import Attempt, Invalid, Pair
from strategies.credentials import WITHOUT_KEY
from strategies.refusals import (
    NO_CUSTOMER,
    NO_PAYMENT_METHOD,
    NO_VERSION,
    OF_EVERY_OBJECT,
    ROW_BEFORE,
    unknown_customer,
)
from strategies.valid import CUSTOMER, MINIMAL
from strategies.values import Known, Text
from strategies.wire import PLAIN, Spelling

SHARED_TOKEN = "pm_card_visa"
DECLINING_TOKEN = "pm_card_chargeDeclined"
FAILING_LATER = "pm_card_chargeCustomerFail"
"""The shared token of a card that attaches, and is declined only when it is charged."""
IDEMPOTENCY_KEY = "Idempotency-Key"
VERSION = "Stripe-Version"

LONG_NAME = "mango.with_a_name_of_forty_characters_xx"
"""A name of 40 characters, which shows whether the `param` of an error is cut short before, or its dot is lost."""

DEFAULT_METHOD_PATH = "customer.invoice_settings.default_payment_method"

FOR_OTHER_CUSTOMER = Attempt((Pair("customer", Known("other_customer")),), kind="wire")
AGAIN = MINIMAL.but(kind="wire", label="again")
WITH_SHARED_TOKEN = MINIMAL.but(path_id=SHARED_TOKEN, label=f"of {SHARED_TOKEN}")
FAILING_LATER_FOR_OTHER = FOR_OTHER_CUSTOMER.but(path_id=FAILING_LATER, label=f"of {FAILING_LATER}")
SHARED_TOKEN_FOR_OTHER = FOR_OTHER_CUSTOMER.but(path_id=SHARED_TOKEN, label=f"of {SHARED_TOKEN}")
WITH_DECLINING_TOKEN = MINIMAL.but(path_id=DECLINING_TOKEN, kind="wire", label=f"of {DECLINING_TOKEN}")
DECLINING_TOKEN_FOR_OTHER = FOR_OTHER_CUSTOMER.but(path_id=DECLINING_TOKEN, label=f"of {DECLINING_TOKEN}")
WITH_DECLINING_CARD = MINIMAL.but(
    kind="wire", headers=(invalid.IN_FRENCH,), label="of a card that declines, by a client in French"
)
EXPANDED_DEFAULT_METHOD = Attempt((CUSTOMER, Pair("expand[]", DEFAULT_METHOD_PATH)), kind="wire")
EXPANDED_DEFAULT_METHOD_AND_CUSTOMER = Attempt(
    (CUSTOMER, Pair("expand[]", DEFAULT_METHOD_PATH), Pair("expand[]", "customer")), kind="wire"
)
OTHERWISE_EXPANDED = Attempt((CUSTOMER, Pair("expand[]", "customer")), kind="wire", label="with another `expand`")


SHARED_TOKEN_EXPANDED = OTHERWISE_EXPANDED.but(path_id=SHARED_TOKEN, label=f"of {SHARED_TOKEN}, with an `expand`")


def with_header(attempt: Attempt, name: str, value: Text, label: str = "") -> Attempt:
    """Return the attempt with one more header."""
    return attempt.but(headers=(*attempt.headers, (name, value)), label=label or attempt.label)


# stripe.parameter-…, stripe.too-long, stripe.wrong-structure, stripe.customer-empty


def missing_customers() -> Sequence[Attempt]:
    """Return an empty body, and one with only an expand."""
    return invalid.missing_customer()[:2]


def unknown_parameters() -> Sequence[Attempt]:
    """Return bodies with one unknown parameter, and with a hash."""
    return (invalid.unknown_parameter("foo"), invalid.unknown_parameter("foo[bar]"))


def several_unknown(spelling: Spelling = PLAIN) -> Attempt:
    """Return a body with unknown parameters that are not in alphabetical order, the first one spelled in this way."""
    return invalid.broken(
        LONG_NAME,
        "the contract has no such property",
        CUSTOMER,
        Pair(LONG_NAME, "1", spelling),
        Pair("zebra", "2"),
        Pair("apple", "3"),
    )


SEVERAL_UNKNOWN = several_unknown()
SEVERAL_UNKNOWN_IN_ESCAPES = several_unknown(Spelling("first"))


def of_shared_token(attempt: Attempt) -> Attempt:
    """Return an attempt that is to be rejected, of the shared token."""
    return attempt.but(path_id=SHARED_TOKEN, label=f"of {SHARED_TOKEN}")


def too_long_customers(contract: Contract) -> Sequence[Attempt]:
    """Return customers of one character too many, and of twice as many."""
    limit = contract.customer_max_length
    return (invalid.too_long_customer(limit + 1), invalid.too_long_customer(2 * limit))


def structured_customers() -> Sequence[Attempt]:
    """Return `customer` as a hash and as an array."""
    return (invalid.structured_customer("[id]"), invalid.structured_customer("[]"))


EMPTY_CUSTOMER = invalid.broken("customer", "`customer` is empty", Pair("customer", ""))

# stripe.expand-…


def _expand(path: Text, why: str) -> Attempt:
    return invalid.broken("expand[]", why, CUSTOMER, Pair("expand[]", path))


def unknown_paths() -> Sequence[Attempt]:
    """Return paths to expand whose first segment names no field, or a field that holds no object's id."""
    empty = Pair("expand[]", ".customer")
    second = Pair("expand[1]", "metadata")
    return (
        invalid.broken("expand[]", "there is no field without a name", CUSTOMER, empty, Pair("expand[]", "customer")),
        _expand("customer,card", "there is no field `customer,card`"),
        _expand(OF_EVERY_OBJECT, f"there is no field `{OF_EVERY_OBJECT}`"),
        invalid.broken("expand[1]", "`metadata` is no other object", CUSTOMER, Pair("expand[0]", "customer"), second),
        _expand("type", "`type` is no other object"),
    )


PATH_IN_CAPITALS = _expand("CUSTOMER", "there is no field `CUSTOMER`")
PATH_WITH_A_BLANK = _expand(" customer", "there is no field that begins with a blank")


def deep_paths() -> Sequence[Attempt]:
    """Return paths to expand of five and of six levels, each of them an existing field."""
    levels = f"{DEFAULT_METHOD_PATH}.customer"
    return (
        _expand(f"{levels}.default_source", "the path has 5 levels"),
        _expand(f"{levels}.invoice_settings.default_payment_method", "the path has 6 levels"),
    )


def rejected_by_checks(contract: Contract) -> Sequence[Attempt]:
    """Return one body for each check of a validator that other clauses of the profile look at."""
    return (
        too_long_customers(contract)[0],
        structured_customers()[0],
        EMPTY_CUSTOMER,
        unknown_paths()[0],
        deep_paths()[0],
    )


# stripe.resource-missing-…


def unknown_methods() -> Sequence[Attempt]:
    """Return requests with ids in the path that name no payment method: one of the usual form, and another."""
    of_another_form = NO_PAYMENT_METHOD.but(path_id="invalid", headers=(invalid.IN_FRENCH,), label="in French")
    return (NO_PAYMENT_METHOD, of_another_form)


def unknown_customers() -> Sequence[Attempt]:
    """Return bodies with an id that names no customer, and with a text that some languages take for nothing."""
    return (NO_CUSTOMER, ROW_BEFORE)


NULL_CUSTOMER = unknown_customer("null")
"""A body whose customer is a text that some languages take for nothing."""


# idempotency.…


def refused_by_validation(contract: Contract) -> Sequence[Attempt]:
    """Return requests that are rejected before they are executed: five by validation, and one for want of a key."""
    by_validation = (
        invalid.unknown_parameter("foo"),
        invalid.missing_customer()[0],
        invalid.ill_structured_expands()[0],
        too_long_customers(contract)[0],
        structured_customers()[0],
    )
    return (*by_validation, WITHOUT_KEY)


LONGEST_KEY = 255

# header.…

SENT_VERSION = "2024-06-20"
OLDER_VERSION = "2020-08-27"
NAMED_VERSION = "2024-09-30.acacia"
NO_VERSIONS = (NO_VERSION, f"{OLDER_VERSION}T00:00:00Z")


def asking_for(version: str, attempt: Attempt) -> Attempt:
    """Return the attempt with a header that asks for this version."""
    return with_header(attempt, VERSION, version, attempt.label or f"asking for {version}")


OF_ONE_TRACE = (
    ("X-Request-Id", "of-the-client"),
    ("X-Correlation-Id", "of-the-client"),
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
)
"""Headers by which a client, and the libraries that trace it, name what several requests belong to."""


def of_one_trace(attempt: Attempt) -> Attempt:
    """Return the attempt as one of several requests that a client names alike."""
    return attempt.but(headers=(*attempt.headers, *OF_ONE_TRACE), label=f"{attempt.label}, with a client's own ids")


@dataclass(frozen=True)
class AnswersOfAllKinds:
    """Requests that get answers of all kinds after authentication, each asking for a version.

    `refused` holds requests that validation and look-ups reject, `declined` is a shared token that declines. On one
    payment method `first` succeeds, and has a replay with its idempotency key; `mismatch` comes with that key, `taken`
    without one.
    """

    refused: tuple[Attempt, ...]
    declined: Attempt
    first: Attempt
    mismatch: Attempt
    taken: Attempt


OF_ALL_KINDS = AnswersOfAllKinds(
    refused=(
        of_one_trace(asking_for(OLDER_VERSION, invalid.unknown_parameter("foo"))),
        asking_for(SENT_VERSION, invalid.missing_customer()[0]),
        of_one_trace(with_header(asking_for(SENT_VERSION, unknown_customers()[0]), IDEMPOTENCY_KEY, OF_EVERY_OBJECT)),
        asking_for(NAMED_VERSION, unknown_methods()[0]),
    ),
    declined=asking_for(SENT_VERSION, WITH_DECLINING_TOKEN),
    first=asking_for(SENT_VERSION, MINIMAL),
    mismatch=asking_for(SENT_VERSION, OTHERWISE_EXPANDED),
    taken=asking_for(SENT_VERSION, FOR_OTHER_CUSTOMER),
)


ILL_FORMED_VERSIONS = tuple(
    with_header(
        MINIMAL.but(kind="invalid", invalid=Invalid(VERSION, "the version is ill-formed")),
        VERSION,
        version,
        f"asking for {version}",
    )
    for version in NO_VERSIONS
)
