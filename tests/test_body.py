"""The body: what the published schema refuses is refused."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conformance.scenes.marks import clause, explored, pinned
from conformance.scenes.target import Target
from contracts import published_contract
from strategies import Attempt, Comparison, invalid, requests, valid, wider

CONTRACT = published_contract()


@clause("body.customer-required", in_a_row=True)
@pinned("attempt", invalid.missing_customer(), first=2)
@explored("attempt", wider.missing_customers)
@given(attempt=st.sampled_from(invalid.missing_customer()))
def test_customer_is_required(target: Target, attempt: Attempt) -> None:
    """Without `customer` there is nobody to attach to."""
    target.refuses(attempt)


@clause("body.customer-required", further=True)
def test_owner_is_not_the_customer(target: Target) -> None:
    """Who has the payment method already does not stand in for a customer that is not sent."""
    target.refuses_on_attached(invalid.missing_customer()[0])


@clause("body.customer-structure", in_a_row=True)
@pinned("attempt", invalid.structured_customers(), first=3)
@explored("attempt", wider.structured_customers)
@given(attempt=invalid.any_structured_customer())
def test_customer_is_a_plain_string(target: Target, attempt: Attempt) -> None:
    """`customer` is a string: a hash or an array in its place is refused."""
    target.refuses(attempt)


@clause("body.customer-max-length", in_a_row=True)
@pinned("attempt", invalid.too_long_customers(CONTRACT), first=2)
@explored("attempt", wider.too_long_customers)
@given(attempt=invalid.any_too_long_customer(CONTRACT))
def test_customer_beyond_its_length(target: Target, attempt: Attempt) -> None:
    """One character more than the schema allows is refused."""
    target.refuses(attempt)


@clause("body.customer-length-limit-exact")
def test_customer_at_its_length(target: Target) -> None:
    """The longest legal value gets the same answer as a short one."""
    target.answers_refusals_alike(valid.customer_lengths(CONTRACT))


@clause("body.length-in-characters")
@pinned("comparison", valid.customer_lengths_in_characters(CONTRACT))
@given(comparison=st.sampled_from(valid.customer_lengths_in_characters(CONTRACT)))
def test_length_counts_characters(target: Target, comparison: Comparison) -> None:
    """JSON Schema counts characters (section 6.3.1 of its validation part), neither bytes nor UTF-16 units."""
    target.answers_refusals_alike(comparison)


@clause("body.unknown-parameter", in_a_row=True)
@pinned("attempt", invalid.unknown_parameters(), first=9)
@explored("attempt", wider.unknown_parameters)
@given(attempt=invalid.any_unknown_parameter(CONTRACT))
def test_unknown_parameter(target: Target, attempt: Attempt) -> None:
    """`additionalProperties` is false: a misspelled parameter must not pass unnoticed, the first time or the second."""
    target.refuses(attempt)


@clause("body.unknown-parameter", look="closer", in_a_row=True)
def test_unknown_parameter_again(target: Target) -> None:
    """What was refused once is refused a second time."""
    target.refuses(invalid.unknown_parameter("again"), times=2)


@clause("body.unknown-parameter", further=True)
def test_unknown_parameter_on_attached(target: Target) -> None:
    """A payment method that is attached already is no reason to look at the body less closely."""
    target.refuses_on_attached(invalid.unknown_parameter("foo"))


@clause("body.unknown-parameter", look="closer", in_a_row=True)
def test_unknown_parameter_behind_a_long_array(target: Target) -> None:
    """However many pairs come first, the last one is looked at."""
    plain, behind = invalid.unknown_parameter("foo"), invalid.unknown_behind_a_long_array()
    target.refuses(target.first_sound({"expand.duplicates": behind, "body.unknown-parameter": plain}))


@clause("body.unknown-parameter-nested", in_a_row=True)
@pinned("attempt", invalid.unknown_nested_parameters(), first=3)
@explored("attempt", wider.unknown_nested_parameters)
@given(attempt=invalid.any_unknown_nested_parameter(CONTRACT))
def test_unknown_nested_parameter(target: Target, attempt: Attempt) -> None:
    """Brackets behind an unknown name do not make it known."""
    target.refuses(attempt)


@clause("body.duplicate-customer", look="closer")
def test_customer_twice(target: Target) -> None:
    """Of two customers one is used or none, in the answer and in the store alike."""
    target.uses_one(requests.TWO_CUSTOMERS)
