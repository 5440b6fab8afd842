"""Expand: an array of paths, each honoured."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conformance.scenes.marks import clause, explored, pinned
from conformance.scenes.target import Target
from contracts import published_contract
from strategies import Attempt, Comparison, invalid, malformed, valid, wider
from strategies.refusals import NO_CUSTOMER_EXPANDED
from strategies.valid import (
    EXPANDED,
    EXPANDED_FOR_OTHER_CUSTOMER,
    EXPANDED_INDEXED,
    MINIMAL,
    MINIMAL_FOR_OTHER_CUSTOMER,
)

CONTRACT = published_contract()


@clause("expand.accepted")
def test_expand_is_accepted(target: Target) -> None:
    """`expand[]=customer` is how clients ask for the whole customer."""
    target.accepts(EXPANDED)


@clause("expand.inlined")
def test_customer_is_inlined(target: Target) -> None:
    """The expanded customer is the whole object of the customer asked for, in an otherwise whole body."""
    target.inlines(EXPANDED, MINIMAL)


@clause("expand.inlined", look="closer")
def test_another_customer_is_inlined(target: Target) -> None:
    """The customer that is inlined is the one of this request, not that of the request before."""
    target.inlines(EXPANDED_FOR_OTHER_CUSTOMER, MINIMAL_FOR_OTHER_CUSTOMER)


@clause("expand.inlined", look="closer")
def test_customer_is_inlined_again(target: Target) -> None:
    """Where attaching again succeeds its answer is made anew, and not the one of the time before."""
    target.inlines_again(EXPANDED, MINIMAL)


@clause("expand.indexed")
def test_indexed_brackets(target: Target) -> None:
    """`expand[0]`, which the official libraries send, means what `expand[]` means."""
    target.answers_alike(Comparison(EXPANDED, (EXPANDED_INDEXED,), needs_success=True))


@clause("expand.not-expanded")
def test_nothing_expands_unasked(target: Target) -> None:
    """Without expand `customer` is a string, also when the answer before was an expanded one."""
    target.expands_nothing_unasked(EXPANDED, MINIMAL)


@clause("expand.not-expanded", look="closer")
def test_nothing_is_left_of_a_refusal(target: Target) -> None:
    """A refusal is over when it is answered: what it asked for has no part in the next answer."""
    target.expands_nothing_left_over(NO_CUSTOMER_EXPANDED, MINIMAL)


@clause("expand.every-entry")
def test_every_entry_is_honoured(target: Target) -> None:
    """A list of paths is honoured as a whole, not only its first or last entries."""
    target.honours_every_entry(valid.SECOND_EXPANDED, valid.EXPANDED_AMONG_OTHERS, simpler=valid.TWO_EXPANDED)


@clause("expand.every-entry", look="closer")
def test_both_of_two_entries_are_honoured(target: Target) -> None:
    """Of two paths both are honoured, whichever comes first."""
    first, other = valid.TWO_EXPANDED
    second = target.first_sound({"expand.indexed": valid.TWO_EXPANDED_INDEXED, "expand.every-entry": other})
    target.honours_every_entry(valid.SECOND_EXPANDED, first, second)


@clause("expand.structure", in_a_row=True)
@pinned("attempt", invalid.ill_structured_expands(), first=2)
@explored("attempt", wider.ill_structured_expands)
@given(attempt=st.sampled_from(invalid.ill_structured_expands()))
def test_expand_is_an_array_of_strings(target: Target, attempt: Attempt) -> None:
    """A scalar `expand`, and hashes as its entries, do not fit the schema."""
    target.refuses(attempt)


@clause("expand.named-index", in_a_row=True)
@pinned("attempt", invalid.named_expand_indexes())
@explored("attempt", wider.named_expand_indexes)
@given(attempt=st.sampled_from(invalid.named_expand_indexes()))
def test_named_index(target: Target, attempt: Attempt) -> None:
    """`expand[foo]` spells a hash, not an array."""
    target.refuses(attempt)


@clause("expand.item-max-length", in_a_row=True)
@pinned("attempt", invalid.too_long_expand_items(CONTRACT))
@explored("attempt", wider.too_long_expand_items)
@given(attempt=st.sampled_from(invalid.too_long_expand_items(CONTRACT)))
def test_entry_beyond_its_length(target: Target, attempt: Attempt) -> None:
    """One character more than the schema allows for an entry is refused."""
    target.refuses(attempt)


@clause("expand.item-length-limit-exact")
@pinned("comparison", valid.expand_item_lengths(CONTRACT))
@given(comparison=st.sampled_from(valid.expand_item_lengths(CONTRACT)))
def test_entry_at_its_length(target: Target, comparison: Comparison) -> None:
    """The longest legal entry gets the same answer as a short one."""
    target.answers_refusals_alike(comparison)


@clause("expand.duplicates")
@pinned("attempt", malformed.repeated_expands(), first=2)
@given(attempt=st.sampled_from(malformed.repeated_expands()))
def test_duplicate_entries(target: Target, attempt: Attempt) -> None:
    """The same entry twice is answered below 500."""
    target.survives(attempt)


@clause("expand.many")
def test_many_entries(target: Target) -> None:
    """A hundred entries are answered below 500."""
    target.survives(malformed.many_expands())
