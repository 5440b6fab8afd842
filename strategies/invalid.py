"""Bodies that break the contract, each in exactly one named component and otherwise good.

A wrong key holds the good id as its value, so that only the broken rule can explain a rejection.
"""

from __future__ import annotations

import string
from collections.abc import Sequence

from hypothesis import strategies as st

from contracts import Contract
from strategies.attempt import Attempt, Invalid, Pair
from strategies.valid import CUSTOMER, EXPAND_CUSTOMER, EXPAND_CUSTOMER_INDEXED, ID_PREFIX
from strategies.values import Known, Repeated, Text, joined, repeated_to
from strategies.wire import PLAIN, Spelling

GOOD_ID = Known("customer")

NAMES_WITH_MEANING = frozenset({"customer_account", "validate", "key", "client_secret", "payment_method", "_method"})
"""Names that real servers give a meaning: never sent as unknown parameters. Attach itself takes `validate`."""
PREFIX_WITH_MEANING = "_stripe"


def broken(component: str, why: str, *pairs: Pair, **options: object) -> Attempt:
    """Return an invalid attempt made of `pairs`. Raises ValueError when an option does not fit."""
    return Attempt(pairs, kind="invalid", invalid=Invalid(component, why)).but(**options)


OPTION_OF_CLIENTS = "idempotency_key"
"""An option of the client libraries, which some callers send as a parameter."""
OF_FORMS = ("authenticity_token", "csrfmiddlewaretoken")
"""Fields that frameworks put into the forms of their pages."""
OF_FORMS_AND_CLIENTS = (
    *OF_FORMS, OPTION_OF_CLIENTS, "api_key", "commit", "csrf_token", "stripe_account", "stripe_version", "submit",
)  # fmt: skip
"""Parameters that a server's framework, or its author, may let pass."""
LONG_ARRAYS = ((20, OF_FORMS[0]), (1000, OF_FORMS[1]))
"""The numbers of entries of an array that are too many for a server that looks at ten pairs, or at a thousand.

Each stands with the name of the parameter behind them.
"""

IN_FRENCH = ("Accept-Language", "fr-CA, fr;q=0.9")
"""The header of a client that wants no English: what is wrong must be said to it, too."""

# body.customer-required


def missing_customer() -> Sequence[Attempt]:
    """Return attempts without `customer`: an empty body, only an expand, no body; a header and a cookie are none.

    The one without a body does not announce one either, as curl writes it: it has no Content-Length.
    """
    why = "`customer` is required and not there"
    elsewhere = (("Customer", GOOD_ID), ("Cookie", joined("customer=", GOOD_ID)))
    return (
        broken("customer", why),
        broken("customer", why, EXPAND_CUSTOMER).but(
            headers=(*elsewhere, IN_FRENCH), label="with a header and a cookie named `customer`, of a client in French"
        ),
        Attempt(kind="invalid", invalid=Invalid("customer", why), transport="raw"),
    )


# body.customer-structure

ESCAPED = Spelling(escaped_brackets=True)


def structured_customer(keys: str, *beside: Pair, spelling: Spelling = PLAIN) -> Attempt:
    """Return `customer` with brackets behind it, holding the good id, with other parameters `beside` it."""
    shape = "an array" if keys in ("[]", "[0]") else "a hash"
    why = f"`customer` is {shape}, not a string"
    return broken(f"customer{keys}", why, Pair(f"customer{keys}", GOOD_ID, spelling), *beside)


def structured_customers() -> Sequence[Attempt]:
    """Return the usual hashes and arrays in place of `customer`."""
    return (
        structured_customer("[]"),
        structured_customer("[0]", spelling=ESCAPED),
        structured_customer("[id]"),
        structured_customer("[$gte]", EXPAND_CUSTOMER, spelling=ESCAPED),
        structured_customer("[id]", EXPAND_CUSTOMER),
        broken("customer[id]", "`customer` is a hash, not a string", Pair("customer[id]", "1")),
    )


def any_structured_customer() -> st.SearchStrategy[Attempt]:
    """Generate `customer` as a hash or an array with any keys."""
    key = st.text(string.ascii_lowercase + string.digits + "_", max_size=6)
    return st.lists(key, min_size=1, max_size=3).map(
        lambda keys: structured_customer("".join(f"[{key}]" for key in keys))
    )


# body.customer-max-length

COMBINING = "\u0301"
"""A character that joins the one before it: some languages count both as one."""


def too_long_customer(length: int, unit: str = "a") -> Attempt:
    """Return a `customer` of `length` characters, more than the contract allows."""
    why = f"`customer` has {length} characters"
    return broken("customer", why, Pair("customer", repeated_to(length, unit, ID_PREFIX)))


def too_long_customers(contract: Contract) -> Sequence[Attempt]:
    """Return customers that are too long by one character, of several scripts too, by far, or by a known id's tail."""
    limit = contract.customer_max_length
    half = limit // 2
    return (
        too_long_customer(limit + 1),
        broken(
            "customer",
            f"`customer` is a known id with {half} letters and their accents behind it",
            Pair("customer", joined(Known("customer"), Repeated(f"e{COMBINING}", half))),
            EXPAND_CUSTOMER,
        ),
        broken(
            "customer",
            f"`customer` has {limit + 1} characters, few of which are ASCII",
            Pair("customer", joined(ID_PREFIX, Repeated("😀", half), Repeated(COMBINING, limit + 1 - 4 - half))),
        ),
        too_long_customer(2 * limit),
    )


def too_long_with_blanks(contract: Contract) -> Attempt:
    """Return a `customer` of too many characters, of which the last ones are blanks."""
    limit = contract.customer_max_length
    why = f"`customer` has {limit + 1} characters, the last ones of which are blanks"
    return broken("customer", why, Pair("customer", joined(ID_PREFIX, Repeated("a", 24), Repeated(" ", limit - 27))))


def any_too_long_customer(contract: Contract) -> st.SearchStrategy[Attempt]:
    """Generate a `customer` of any length beyond the limit."""
    limit = contract.customer_max_length
    return st.builds(
        too_long_customer, st.integers(limit + 1, 4 * limit), st.sampled_from(("a", "Z", "0", "é", "€", "😀"))
    )


# body.unknown-parameter


def unknown_parameter(name: Text, value: Text = "1") -> Attempt:
    """Return a good body with one more parameter."""
    return broken(str(name), "the contract has no such property", CUSTOMER, Pair(name, value))


def unknown_parameters() -> Sequence[Attempt]:
    """Return one and several unknown parameters, in all places, with names and values that may mislead a server."""
    why = "the contract has no such property"
    return (
        unknown_parameter("foo"),
        broken("_x", why, Pair("_x", ""), CUSTOMER, EXPAND_CUSTOMER),
        broken("action", why, CUSTOMER, Pair("action", "1"), Pair("controller", "2")),
        unknown_parameter("customer_id", GOOD_ID),
        broken("metadata", why, CUSTOMER, Pair("metadata", "0"), Pair("metadata", "0")),
        broken('$x." × 30', why, CUSTOMER, Pair(Repeated('$x."', 30), "1")),
        _raw("&x;y=%zz", "there is a parameter `x;y`"),
        unknown_parameter("id", Known("payment_method")),
        unknown_parameter("Customer", GOOD_ID),
        unknown_parameter("utf8", "0"),
        unknown_parameter("__proto__"),
        broken("expands", why, Pair("expands", "false"), CUSTOMER),
        broken("access_token", why, CUSTOMER, Pair("access_token", "1"), Pair("access_token", "2")),
        broken("limit", why, CUSTOMER, EXPAND_CUSTOMER, Pair("limit", "1")),
        broken("format", why, CUSTOMER, Pair("format", None), EXPAND_CUSTOMER),
        unknown_parameter("custom", GOOD_ID),
        broken("expand.0", why, CUSTOMER, Pair("expand.0", "customer")),
        broken("expand.index", why, CUSTOMER, EXPAND_CUSTOMER_INDEXED, Pair("expand.index", "0")),
        _raw("&x;y=1", "there is a parameter `x;y`"),
    )


def _raw(behind: str, why: str) -> Attempt:
    return Attempt(
        payload=joined("customer=", GOOD_ID, behind), kind="invalid", invalid=Invalid(behind.strip("&"), why)
    )


NO_CUSTOMER_THERE = "the contract has no such property, and `customer` is not there"
FULL_WIDTH_NAME = broken("\uff43ustomer", NO_CUSTOMER_THERE, Pair("\uff43ustomer", GOOD_ID))
"""A body with a name that is `customer` after Unicode normalization alone."""


def disguised_names() -> Sequence[Attempt]:
    """Return bodies with a name that parsers and binders take for `expand` or, where there is none, for `customer`."""
    why = NO_CUSTOMER_THERE
    first, *others = (" customer", "customer\x00x", "!customer")
    begins = ("?", b"\xef\xbb\xbf")
    return (
        broken(first, why, Pair(first, GOOD_ID)),
        broken("[customer]", why, Pair("[customer]", GOOD_ID)),
        broken("[expand][]", "the contract has no such property", CUSTOMER, Pair("[expand][]", "customer")),
        *(broken(name, why, Pair(name, GOOD_ID)) for name in others),
        FULL_WIDTH_NAME,
        *(
            Attempt(payload=joined(begin, "customer=", GOOD_ID), kind="invalid", invalid=Invalid("body", why))
            for begin in begins
        ),
    )


def unknown_behind_a_long_array(length: int, name: str) -> Attempt:
    """Return an unknown parameter behind that many entries of `expand`."""
    why = "the contract has no such property"
    return broken(name, why, CUSTOMER, *[EXPAND_CUSTOMER] * length, Pair(name, "1"))


def is_without_meaning(name: str, contract: Contract) -> bool:
    """Return whether `name` is an unknown parameter: neither published nor given a meaning by real servers."""
    root = name.partition("[")[0]
    known = NAMES_WITH_MEANING | set(contract.parameters)
    return bool(root) and root not in known and not root.startswith(PREFIX_WITH_MEANING)


def any_unknown_parameter(contract: Contract) -> st.SearchStrategy[Attempt]:
    """Generate a good body with an unknown parameter of up to 40 characters, with any value."""
    usual = st.sampled_from(OF_FORMS_AND_CLIENTS)
    first = st.sampled_from(string.ascii_letters + "_")
    rest = st.text(string.ascii_letters + string.digits + "_-.", max_size=39)
    name = st.builds("".join, st.tuples(first, rest)).filter(lambda name: is_without_meaning(name, contract))
    value = st.one_of(st.sampled_from(("", "1", "true", "null")), st.text(string.printable, max_size=8))
    return st.builds(unknown_parameter, st.one_of(name, usual), value)


def unknown_nested_parameters() -> Sequence[Attempt]:
    """Return unknown parameters with brackets in their names."""
    why = "the contract has no such property"
    beside_expand = broken("foo[__proto__]", why, CUSTOMER, EXPAND_CUSTOMER, Pair("foo[__proto__]", "1"))
    names = ("fields[]", "foo[0][bar]", "foo[bar]")
    with_text = broken("expand[]x", why, CUSTOMER, Pair("expand[]x", "customer"))
    deepest = broken(f"foo and [a] × {DEEPEST}", why, CUSTOMER, Pair(joined("foo", Repeated("[a]", DEEPEST)), "1"))
    beside_customer = broken("customer[id]", why, CUSTOMER, Pair("customer[id]", GOOD_ID))
    return (*map(unknown_parameter, names), with_text, beside_expand, deepest, beside_customer)


DEEPEST = 130
"""How many brackets are more than parsers read: PHP 64, Rack 100."""


def any_unknown_nested_parameter(contract: Contract) -> st.SearchStrategy[Attempt]:
    """Generate a good body with an unknown parameter that has any brackets behind its name."""
    key = st.text(string.ascii_lowercase + string.digits, max_size=5)
    root = st.text(string.ascii_lowercase, min_size=1, max_size=8).filter(
        lambda name: is_without_meaning(name, contract)
    )
    keys = st.lists(key, min_size=1, max_size=3).map(lambda keys: "".join(f"[{key}]" for key in keys))
    return st.builds(lambda root, keys: unknown_parameter(root + keys), root, keys)


# expand.structure, expand.named-index, expand.item-max-length


def ill_structured_expands() -> Sequence[Attempt]:
    """Return `expand` as a string, and as an array of hashes."""
    return (
        broken("expand", "`expand` is a string, not an array", CUSTOMER, Pair("expand", "customer")),
        broken(
            "expand[1][a]",
            "the second entry of `expand` is a hash",
            CUSTOMER,
            EXPAND_CUSTOMER_INDEXED,
            Pair("expand[1][a]", "card"),
        ),
        broken("expand", "`expand` is a string, though one of JSON", CUSTOMER, Pair("expand", '["customer"]')),
        broken("expand[][]", "an entry of `expand` is an array", CUSTOMER, Pair("expand[][]", "customer")),
    )


def named_expand_indexes() -> Sequence[Attempt]:
    """Return `expand` as a hash."""
    return (broken("expand[foo]", "`expand` is a hash, not an array", CUSTOMER, Pair("expand[foo]", "customer")),)


def too_long_expand_item(length: int, prefix: str = "") -> Attempt:
    """Return an entry of `expand` with `length` characters, more than the contract allows."""
    why = f"an entry of `expand` has {length} characters"
    return broken("expand[]", why, CUSTOMER, Pair("expand[]", repeated_to(length, "a", prefix)))


def too_long_expand_items(contract: Contract) -> Sequence[Attempt]:
    """Return entries of one character too many: as the second, below a path that can be expanded, and alone."""
    limit = contract.expand_item_max_length
    too_long = repeated_to(limit + 1, "a", "customer.")
    second = broken(
        "expand[]",
        f"an entry of `expand` has {limit + 1} characters",
        CUSTOMER,
        EXPAND_CUSTOMER,
        Pair("expand[]", too_long),
    )
    return (second, too_long_expand_item(limit + 1, "customer."), too_long_expand_item(limit + 1))
