"""Values that only resemble a known id, and that a careless decoder or look-up takes for it."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from strategies.attempt import Attempt, Pair
from strategies.valid import MINIMAL, as_sent_suffixes
from strategies.values import Joined, Known, Text, joined
from strategies.wire import PLAIN, Spelling

CUSTOMER_ID = Known("customer")
OFTEN_REMOVED = ("'", "<i>", "&nbsp;", "#x", "ø")
"""Texts that sanitizers, and functions for other languages than forms, remove from a value."""
IN_SEVERAL_FORMS = "cus_e\u0301\u00e9\uff41"
"""A decomposed letter, a composed one and a full-width one: no normalisation leaves all three as they are."""


def resembling(value: Text, label: str = "") -> Attempt:
    """Return a body whose customer is `value`, which is no known id."""
    return Attempt((Pair("customer", value),), kind="wire", label=label)


def _raw(*parts: Text) -> Attempt:
    return Attempt(payload=Joined(parts), kind="wire")


def resembling_ids() -> Sequence[Attempt]:
    """Return bodies with junk behind the id, another case, fewer characters, other encodings, or separators."""
    return (
        resembling(Known("customer", "with an entity of HTML in it")),
        resembling(Known("customer", "in the other case")),
        resembling(Known("customer", "without its last character")),
        _raw("customer=", CUSTOMER_ID, ",x"),
        resembling(Known("customer", "percent-encoded twice")),
        _raw("customer=", Known("customer", "in overlong escapes")),
        _raw("customer=", CUSTOMER_ID, ";expand[]=customer"),
        _raw("customer=", CUSTOMER_ID, "=x"),
        _raw("customer=", CUSTOMER_ID, "%26x=1"),
        resembling(Known("customer", "with another bit at its end")),
        resembling(joined(CUSTOMER_ID, "%")),
        _raw("customer=", CUSTOMER_ID, "+x"),
        resembling(joined(CUSTOMER_ID, "?x")),
        resembling(joined(CUSTOMER_ID, "<br>")),
        resembling(joined(CUSTOMER_ID, "😀")),
        resembling(Known("customer", "as a JSON string with an escape in it")),
        resembling(Known("customer", "without its prefix")),
        resembling(joined('"', CUSTOMER_ID, '"')),
        resembling(joined("/v1/customers/", CUSTOMER_ID)),
        resembling(joined(CUSTOMER_ID, "\\")),
        resembling(joined(CUSTOMER_ID, "*")),
    )


def echoed_values() -> Sequence[Attempt]:
    """Return bodies with printable characters behind a usual prefix, which a stateless server must echo unchanged."""
    several = Attempt((Pair("customer", "cus_a b+%41<ø€😀", PLAIN, Spelling(plus_for_blank=False)),), kind="wire")
    others = ("cus_a b", "cus_a+b", "cus_a&b;c=d", "cus_ø€😀", "cus_a.b-c~d_e")
    return (several, *map(resembling, others))


def any_resembling_id() -> st.SearchStrategy[Attempt]:
    """Generate bodies with the id and any junk behind or before it."""
    return st.builds(
        lambda junk, behind: resembling(joined(CUSTOMER_ID, junk) if behind else joined(junk, CUSTOMER_ID)),
        st.one_of(as_sent_suffixes(), st.sampled_from(OFTEN_REMOVED)),
        st.booleans(),
    )


def ids_with_white_space() -> Sequence[Attempt]:
    """Return bodies with white space before or behind the id, in escapes: a plus is another clause's."""
    return tuple(
        Attempt((Pair("customer", value, PLAIN, Spelling(plus_for_blank=False)),), kind="wire")
        for value in (
            joined(CUSTOMER_ID, " "),
            joined(" ", CUSTOMER_ID),
            joined(CUSTOMER_ID, "\n"),
        )
    )


BLANK_IN_PATH = MINIMAL.but(path_id=joined(Known("payment_method"), " "), kind="wire")
"""A good request with a blank behind the payment method's id in the path."""


def ids_in_other_forms() -> Sequence[Attempt]:
    """Return bodies with full-width forms of the id, and with characters that normalisation or clean-up removes."""
    return (
        resembling(IN_SEVERAL_FORMS),
        resembling(Known("customer", "in full-width letters")),
        resembling(joined(CUSTOMER_ID, "\u200b")),
        resembling(joined(CUSTOMER_ID, "\u00a0")),
        resembling(joined("\ufeff", CUSTOMER_ID)),
        resembling(Known("customer", "with an accent")),
    )
