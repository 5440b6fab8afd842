"""Bodies that fit the contract, in every order and spelling."""

from __future__ import annotations

import string
from collections.abc import Sequence

from hypothesis import strategies as st

from contracts import Contract
from strategies.attempt import Attempt, Pair
from strategies.comparison import Comparison
from strategies.values import Known, Text, joined, repeated_to
from strategies.wire import PLAIN, Spelling

ID_PREFIX = "cus_"

CUSTOMER = Pair("customer", Known("customer"))
EXPAND_CUSTOMER = Pair("expand[]", "customer")
EXPAND_CUSTOMER_INDEXED = Pair("expand[0]", "customer")
SECOND_PATH = Pair("expand[]", "card.generated_from.setup_attempt")

MINIMAL = Attempt((CUSTOMER,))
EXPANDED = Attempt((CUSTOMER, EXPAND_CUSTOMER))
EXPANDED_FOR_OTHER_CUSTOMER = Attempt((Pair("customer", Known("other_customer")), EXPAND_CUSTOMER))
SECOND_EXPANDED = Attempt((CUSTOMER, SECOND_PATH))
TWO_EXPANDED = (
    Attempt((CUSTOMER, EXPAND_CUSTOMER, SECOND_PATH)),
    Attempt((CUSTOMER, SECOND_PATH, EXPAND_CUSTOMER)),
)
TWO_EXPANDED_INDEXED = Attempt((CUSTOMER, Pair("expand[0]", SECOND_PATH.value), Pair("expand[1]", "customer")))
EXPANDED_AMONG_OTHERS = Attempt((CUSTOMER, SECOND_PATH, SECOND_PATH, EXPAND_CUSTOMER, SECOND_PATH), kind="wire")
EXPANDED_INDEXED = Attempt((CUSTOMER, EXPAND_CUSTOMER_INDEXED))
MINIMAL_FOR_OTHER_CUSTOMER = Attempt((Pair("customer", Known("other_customer")),))


def spellings() -> st.SearchStrategy[Spelling]:
    """Generate every equivalent spelling of a name or a value."""
    return st.builds(
        Spelling,
        escape=st.sampled_from(("minimal", "first", "all")),
        lower_hex=st.booleans(),
        escaped_brackets=st.booleans(),
        plus_for_blank=st.booleans(),
    )


def _expand_pairs() -> st.SearchStrategy[tuple[Pair, ...]]:
    return st.sampled_from(((), (EXPAND_CUSTOMER,), (EXPAND_CUSTOMER_INDEXED,)))


@st.composite
def valid_bodies(draw: st.DrawFn) -> Attempt:
    """Generate a known customer, with or without an expand, in any order and spelling: a success."""
    pairs = [CUSTOMER, *draw(_expand_pairs())]
    ordered = draw(st.permutations(pairs))
    spelled = [Pair(pair.name, pair.value, draw(spellings()), draw(spellings())) for pair in ordered]
    return Attempt(tuple(spelled))


def texts(limit: int) -> st.SearchStrategy[Text]:
    """Generate strings of up to `limit` characters of one to four bytes, long ones as repetitions."""
    alphabet = st.characters(exclude_categories=["Cs"])
    short = st.text(alphabet, max_size=12)
    units = st.sampled_from(("a", "é", "€", "😀", "%", "+", "&="))
    lengths = st.sampled_from((limit, limit - 1, limit // 2, 50))
    long = st.builds(lambda unit, length: repeated_to(length - length % len(unit), unit), units, lengths)
    return st.one_of(short, long)


@st.composite
def arbitrary_valid_bodies(draw: st.DrawFn, contract: Contract) -> Attempt:
    """Generate bodies that are valid by the published schema; such a customer may exist or not."""
    customer = Pair("customer", draw(texts(contract.customer_max_length)), draw(spellings()), draw(spellings()))
    style = draw(st.sampled_from(("expand[]", "expand[{}]")))
    items = draw(st.lists(texts(contract.expand_item_max_length), max_size=3))
    expand = [Pair(style.format(index), item, draw(spellings()), draw(spellings())) for index, item in enumerate(items)]
    pairs = [*expand, customer] if draw(st.booleans()) else [customer, *expand]
    return Attempt(tuple(pairs))


ORDERS: Sequence[Comparison] = (
    Comparison(EXPANDED, (Attempt((EXPAND_CUSTOMER, CUSTOMER)),), needs_success=True),
    Comparison(
        Attempt((CUSTOMER, EXPAND_CUSTOMER, SECOND_PATH), kind="wire"),
        (Attempt((EXPAND_CUSTOMER, CUSTOMER, SECOND_PATH), kind="wire"),),
    ),
)
"""The same parameters in another order, also with the entries of an array separated."""


def equivalent_encodings() -> Sequence[Comparison]:
    """Return equivalent encodings of a minimal and of an expanded body, each compared with the plain one."""
    everything = Spelling("all", lower_hex=True, escaped_brackets=True)
    customer = Known("customer")
    of_minimal = (
        Pair("customer", customer, Spelling("all"), Spelling("first")),
        Pair("customer", customer, everything, everything),
    )
    parts = ("&expand%5b%5d=", "&expand%5B]=", "&&expand[%5D=")
    minimal = [Comparison(MINIMAL, (Attempt((pair,)),), needs_success=True) for pair in of_minimal]
    expanded = [
        Comparison(EXPANDED, (Attempt(payload=joined("customer=", customer, f"{part}customer")),)) for part in parts
    ]
    return (*minimal[:1], *expanded[:1], *minimal[1:], *expanded[1:])


_BLANK = joined(ID_PREFIX, "a b")
PLUS_FOR_BLANK = Comparison(
    Attempt((Pair("customer", _BLANK, PLAIN, Spelling(plus_for_blank=False)),), kind="wire"),
    (Attempt((Pair("customer", _BLANK),), kind="wire"),),
)
"""A customer with a blank, as a plus and as an escape: it shows where any customer will do."""
NAME_WITH_A_BLANK = "a b"
PLUS_FOR_BLANK_IN_NAME = Comparison(
    Attempt((CUSTOMER, Pair(NAME_WITH_A_BLANK, "1", Spelling(plus_for_blank=False))), kind="wire"),
    (Attempt((CUSTOMER, Pair(NAME_WITH_A_BLANK, "1")), kind="wire"),),
)
"""An unknown parameter with a blank in its name, which the error names, as a plus and as an escape."""

ESCAPED_DOTS = Comparison(
    SECOND_EXPANDED, (Attempt((CUSTOMER, Pair("expand[]", SECOND_PATH.value, value_spelling=Spelling("all")))),)
)
"""A path to expand, with its dots as they are and escaped."""


@st.composite
def respelled_bodies(draw: st.DrawFn) -> Comparison:
    """Generate a valid body and the same in any spelling.

    Other clauses judge whether `expand` is accepted; here both bodies must only get the same answer.
    """
    base = draw(st.sampled_from((MINIMAL, EXPANDED, EXPANDED_INDEXED)))
    assert base.pairs is not None
    respelled = tuple(Pair(pair.name, pair.value, draw(spellings()), draw(spellings())) for pair in base.pairs)
    return Comparison(base, (Attempt(respelled),), needs_success=base is MINIMAL)


def unknown_customer(length: int, unit: str = "a") -> Attempt:
    """Return a body whose customer is a legal string of `length` characters that names no customer."""
    return Attempt((Pair("customer", repeated_to(length, unit, ID_PREFIX)),), kind="wire")


def customer_at_its_length(contract: Contract) -> Comparison:
    """Return the longest legal `customer`, and one shorter, compared with a short one of the same characters."""
    limit = contract.customer_max_length
    return Comparison(unknown_customer(50), (unknown_customer(limit), unknown_customer(limit - 1)))


def customer_lengths_in_characters(contract: Contract) -> Sequence[Comparison]:
    """Return the longest legal `customer` of characters of two and four bytes, each compared with a short one.

    Not all of the latter are of four: percent-encoded they would be 60 KB, and 56 KB is a usual limit for a form. The
    ampersands among them are one character each, however they are escaped on their way.
    """
    return tuple(
        Comparison(unknown_customer(50, unit), (unknown_customer(contract.customer_max_length, unit),))
        for unit in ("😀&", "ø")
    )


def expand_item(item: Text) -> Attempt:
    """Return a good customer with one entry to expand."""
    return Attempt((CUSTOMER, Pair("expand[]", item)))


def expand_item_lengths(contract: Contract) -> Sequence[Comparison]:
    """Return the longest legal entry, and one shorter, compared with a short one of the same characters."""
    limit = contract.expand_item_max_length
    return tuple(
        Comparison(
            expand_item(repeated_to(50, "a", prefix)),
            tuple(expand_item(repeated_to(length, "a", prefix)) for length in lengths),
        )
        for prefix, lengths in (("", (limit, limit - 1)), ("customer.", (limit,)))
    )


def as_sent_suffixes() -> st.SearchStrategy[Text]:
    """Generate one to six printable characters that need no escape in a URL."""
    return st.text(string.ascii_letters + string.digits + "-.~_", min_size=1, max_size=6)


UNKNOWN_ID = Pair("customer", f"{ID_PREFIX}{'a' * 24}")
BARE_NAMES: Sequence[Comparison] = tuple(
    Comparison(
        Attempt((UNKNOWN_ID, Pair(name, "")), kind="wire"), (Attempt((UNKNOWN_ID, Pair(name, None)), kind="wire"),)
    )
    for name in ("expand", "expand[]")
)
"""A name without an equals sign, compared with the same name with one, and nothing behind it."""
