"""What exploring draws: for each clause the more, the wider the search has become.

Every function takes the `width` of a round, a whole number from 1 on, and gives a strategy: with it grow the texts, the
sequences, and how many parameters stand together. All that is drawn here a conforming server answers as the clause
says; the simplest of it is what the clause's own test pins.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from contracts import published_contract
from strategies import invalid, refusals, resembling
from strategies.attempt import Attempt, Pair
from strategies.comparison import Comparison
from strategies.sequences import LONGEST, Operation, operations
from strategies.valid import (
    CUSTOMER,
    EXPAND_CUSTOMER,
    EXPAND_CUSTOMER_INDEXED,
    EXPANDED,
    EXPANDED_FOR_OTHER_CUSTOMER,
    EXPANDED_INDEXED,
    ID_PREFIX,
    MINIMAL,
    MINIMAL_FOR_OTHER_CUSTOMER,
    SECOND_PATH,
)
from strategies.values import Text, joined, repeated_to
from strategies.wire import Spelling

WIDEST = 5
"""The width from which on a search does not widen any more: it only goes on."""

CONTRACT = published_contract()
NO_PROPERTY = "the contract has no such property"
PRINTABLE: Sequence[Any]  # Hypothesis has no public name for the type of a category
PRINTABLE = ("Ll", "Lu", "Lo", "Lt", "Lm", "Nd", "Nl", "No", "Po", "Ps", "Pe", "Pd", "Pc", "Pi", "Pf", "Sm", "Sc", "So")
"""The categories of Unicode whose characters are printable and stand for themselves."""
_EXPANDS = (
    EXPAND_CUSTOMER,
    EXPAND_CUSTOMER_INDEXED,
    Pair("expand[]", SECOND_PATH.value),
    Pair("expand[1]", "customer"),
)


def _is_stable(char: str) -> bool:
    """Whether no normalisation makes another character of it."""
    return unicodedata.normalize("NFKC", char) == char


def characters() -> st.SearchStrategy[str]:
    """A printable character: first its category is drawn, so that a rare one comes as often as letters."""
    ascii_ones = st.sampled_from(string.ascii_letters + string.digits + string.punctuation)
    others = st.sampled_from(PRINTABLE).flatmap(lambda name: st.characters(categories=[name]).filter(_is_stable))
    return st.one_of(ascii_ones, others)


def texts(width: int, *, least: int = 0) -> st.SearchStrategy[str]:
    """Printable text, of one category or of several, up to 8 characters for each step of the width."""
    return st.text(characters(), min_size=least, max_size=8 * width)


def spellings() -> st.SearchStrategy[Spelling]:
    """Every equivalent way to write a name or a value, mixed ones among them."""
    return st.builds(
        Spelling,
        escape=st.sampled_from(("minimal", "first", "alternate", "all")),
        lower_hex=st.booleans(),
        escaped_brackets=st.booleans(),
        plus_for_blank=st.sampled_from((True, False)),
    )


@st.composite
def _spelled(draw: st.DrawFn, pair: Pair) -> Pair:
    return Pair(pair.name, pair.value, draw(spellings()), draw(spellings()))


@st.composite
def _among_others(draw: st.DrawFn, width: int, *pairs: Pair) -> tuple[Pair, ...]:
    """The pairs with entries of `expand` before, between and behind them, all of it spelled at will."""
    everything = list(pairs)
    for pair in draw(st.lists(st.sampled_from(_EXPANDS), max_size=width - 1)):
        everything.insert(draw(st.integers(0, len(everything))), pair)
    if draw(st.booleans()):
        everything = [draw(_spelled(pair)) for pair in everything]
    return tuple(everything)


def _refused(width: int, component: st.SearchStrategy[tuple[str, str, tuple[Pair, ...]]]) -> st.SearchStrategy[Attempt]:
    """Bodies that are wrong in a drawn component, for a drawn reason, with others around it."""
    return component.flatmap(
        lambda one: _among_others(width, *one[2]).map(lambda pairs: invalid.broken(one[0], one[1], *pairs))
    )


# body.…


def missing_customers(width: int) -> st.SearchStrategy[Attempt]:
    """Only entries of `expand`, in every spelling."""
    why = "`customer` is required and not there"
    return _among_others(width + 1).map(lambda pairs: invalid.broken("customer", why, *pairs))


def _keys(width: int) -> st.SearchStrategy[str]:
    names = st.text(characters().filter(lambda char: char not in "[]"), max_size=4 * width)
    return st.lists(names, min_size=1, max_size=1 + width).map(lambda keys: "".join(f"[{key}]" for key in keys))


def structured_customers(width: int) -> st.SearchStrategy[Attempt]:
    """A hash or an array with keys of any characters, among others."""
    why = "`customer` is a hash or an array, not a string"
    return _refused(
        width, _keys(width).map(lambda keys: (f"customer{keys}", why, (Pair(f"customer{keys}", invalid.GOOD_ID),)))
    )


def too_long_customers(width: int) -> st.SearchStrategy[Attempt]:
    """A `customer` beyond the limit, of any character, among others."""
    limit = CONTRACT.customer_max_length

    def of(length: int, unit: str) -> tuple[str, str, tuple[Pair, ...]]:
        value = repeated_to(length, unit, ID_PREFIX)
        return "customer", f"`customer` has {length} characters", (Pair("customer", value),)

    return _refused(width, st.builds(of, st.integers(limit + 1, (1 + width) * limit), characters()))


def _names(width: int) -> st.SearchStrategy[str]:
    odd = st.text(characters().filter(lambda char: char not in "[]"), min_size=1, max_size=8 * width)
    first, rest = st.sampled_from(string.ascii_letters + "_"), string.ascii_letters + string.digits + "_-."
    plain = st.builds(str.__add__, first, st.text(rest, max_size=20 * width))
    return st.one_of(plain, odd).filter(lambda name: invalid.is_without_meaning(name, CONTRACT))


def unknown_parameters(width: int) -> st.SearchStrategy[Attempt]:
    """One unknown parameter or several, of any name and value, among others."""

    def of(first: tuple[str, str], more: Sequence[tuple[str, str]], behind: bool) -> tuple[str, str, tuple[Pair, ...]]:
        pairs = tuple(Pair(name, value) for name, value in (first, *more))
        return first[0], NO_PROPERTY, (CUSTOMER, *pairs) if behind else (*pairs, CUSTOMER)

    one = st.tuples(_names(width), texts(width))
    return _refused(width, st.builds(of, one, st.lists(one, max_size=width - 1), st.booleans()))


def unknown_nested_parameters(width: int) -> st.SearchStrategy[Attempt]:
    """An unknown name with brackets of any keys, among others."""

    def of(name: str, keys: str, value: str) -> tuple[str, str, tuple[Pair, ...]]:
        return name + keys, NO_PROPERTY, (CUSTOMER, Pair(name + keys, value))

    return _refused(width, st.builds(of, _names(width), _keys(width), texts(width)))


# expand.…


def ill_structured_expands(width: int) -> st.SearchStrategy[Attempt]:
    """`expand` as a string, and as an array of hashes of any keys, among others."""
    index = st.sampled_from(("[]", "[0]", "[1]", "[7]"))
    inner = st.one_of(st.just(""), st.builds(str.__add__, index, _keys(width)))
    why = "`expand` is a string, or an entry of it is a hash"
    return _refused(
        width, inner.map(lambda keys: (f"expand{keys}", why, (CUSTOMER, Pair(f"expand{keys}", "customer"))))
    )


def named_expand_indexes(width: int) -> st.SearchStrategy[Attempt]:
    """`expand` as a hash with a key of letters, among others."""
    key = st.text(string.ascii_letters + "_", min_size=1, max_size=8 * width)
    why = "`expand` is a hash, not an array"
    return _refused(width, key.map(lambda key: (f"expand[{key}]", why, (CUSTOMER, Pair(f"expand[{key}]", "customer")))))


def too_long_expand_items(width: int) -> st.SearchStrategy[Attempt]:
    """An entry beyond the limit, of any character, among others."""
    limit = CONTRACT.expand_item_max_length

    def of(length: int, unit: str, prefix: str) -> tuple[str, str, tuple[Pair, ...]]:
        value = repeated_to(length, unit, prefix)
        return "expand[]", f"an entry of `expand` has {length} characters", (CUSTOMER, Pair("expand[]", value))

    lengths = st.integers(limit + 1, (1 + width) * limit)
    return _refused(width, st.builds(of, lengths, characters(), st.sampled_from(("", "customer."))))


# request.…


@st.composite
def respelled_bodies(draw: st.DrawFn, width: int) -> Comparison:
    """A valid body, and up to `width` of the same in other spellings."""
    bases = (MINIMAL, EXPANDED, EXPANDED_INDEXED, MINIMAL_FOR_OTHER_CUSTOMER, EXPANDED_FOR_OTHER_CUSTOMER)
    base = draw(st.sampled_from(bases))
    assert base.pairs is not None
    subjects = [
        Attempt(tuple(draw(_spelled(pair)) for pair in base.pairs))
        for _ in range(draw(st.integers(1, (width + 1) // 2)))
    ]
    return Comparison(base, tuple(subjects), needs_success=True)


@st.composite
def resembling_ids(draw: st.DrawFn, width: int) -> Attempt:
    """The known id with text behind, before, or on both sides of it."""
    behind = draw(texts(width))
    before = draw(texts(width, least=0 if behind else 1))
    parts: tuple[Text, ...] = (before, resembling.CUSTOMER_ID, behind)
    value = joined(*(part for part in parts if part))
    (pair,) = resembling.resembling(value).pairs or ()
    return Attempt((draw(_spelled(pair)),), kind="wire")


def answered_bodies(width: int) -> st.SearchStrategy[Attempt]:
    """Bodies that fit the contract, with a customer and entries of any text: what they get is an answer."""

    @st.composite
    def bodies(draw: st.DrawFn) -> Attempt:
        customer = Pair("customer", ID_PREFIX * draw(st.booleans()) + draw(texts(width, least=1)))
        style = draw(st.sampled_from(("expand[]", "expand[{}]")))
        items = draw(st.lists(texts(width, least=1), max_size=width))
        pairs = [Pair(style.format(index), item) for index, item in enumerate(items)]
        pairs.insert(draw(st.integers(0, len(pairs))), customer)
        return Attempt(tuple([draw(_spelled(pair)) for pair in pairs]), kind="wire")

    return bodies()


# state.…


def unknown_customers(width: int) -> st.SearchStrategy[Attempt]:
    """Ids that name nobody: a known one with text around it, and such of the usual form and of none."""
    letters = st.text(string.ascii_letters + string.digits, min_size=8, max_size=16 * width)
    usual = letters.map(lambda rest: refusals.unknown_customer(f"{ID_PREFIX}{refusals.NEVER}{rest}"))
    return st.one_of(usual, resembling_ids(width))


def unknown_payment_methods(width: int) -> st.SearchStrategy[Attempt]:
    """Ids in the path that name nothing: a known one with text behind or before it."""
    plain = st.text(string.ascii_letters + string.digits + "-._~", min_size=1, max_size=4 * width)

    def of(junk: str, behind: bool, expanded: bool) -> Attempt:
        method = Attempt().path_id
        parts: tuple[Text, ...] = (method, junk) if behind else (f"pm_{junk}", method)
        return (EXPANDED if expanded else MINIMAL).but(path_id=joined(*parts), kind="wire")

    return st.builds(of, plain, st.booleans(), st.booleans())


def sequences(width: int) -> st.SearchStrategy[tuple[Operation, ...]]:
    """Sequences of operations, each step of the width as many more as the shortest search has."""
    return st.lists(operations(), min_size=3, max_size=LONGEST * width).map(tuple)
