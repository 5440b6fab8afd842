"""Stripe's own answers: the codes that clients branch on, the rules behind them, and the test cards."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conformance.scenes.marks import clause, pinned
from conformance.scenes.target import Target
from contracts import published_contract
from strategies import Attempt, refusals, stripe
from strategies.valid import MINIMAL

CONTRACT = published_contract()


@clause("stripe.parameter-missing")
@pinned("attempt", stripe.missing_customers())
@given(attempt=st.sampled_from(stripe.missing_customers()))
def test_missing_customer(target: Target, attempt: Attempt) -> None:
    """A missing customer is the client's mistake: 400, of `customer` or of no parameter in particular."""
    target.refuses_as_told(attempt)


@clause("stripe.parameter-missing-code")
def test_code_of_missing_customer(target: Target) -> None:
    """Clients tell a missing parameter from an unknown one by its code."""
    target.refuses_as_told(stripe.missing_customers()[0])


@clause("stripe.parameter-unknown")
@pinned("attempt", stripe.unknown_parameters(), first=3)
@given(attempt=st.sampled_from(stripe.unknown_parameters()))
def test_unknown_parameter(target: Target, attempt: Attempt) -> None:
    """A misspelled parameter is named in the error, so that it is found."""
    target.refuses_as_told(attempt)


@clause("stripe.too-long")
@pinned("attempt", stripe.too_long_customers(CONTRACT))
@given(attempt=st.sampled_from(stripe.too_long_customers(CONTRACT)))
def test_too_long_customer(target: Target, attempt: Attempt) -> None:
    """A value beyond the limit is refused for its length, before anything is looked up."""
    target.refuses_as_told(attempt)


@clause("stripe.wrong-structure")
@pinned("attempt", stripe.structured_customers())
@given(attempt=st.sampled_from(stripe.structured_customers()))
def test_structured_customer(target: Target, attempt: Attempt) -> None:
    """A hash or an array where a string is due is an invalid request."""
    target.refuses_as_told(attempt)


@clause("stripe.customer-empty")
def test_empty_customer(target: Target) -> None:
    """An empty customer, which a form sends for an unset one, is an invalid request and no unknown path."""
    target.refuses_as_told(stripe.EMPTY_CUSTOMER)


@clause("expand.nested-path")
def test_nested_path(target: Target) -> None:
    """A path through the customer brings its default payment method in the same answer, and saves a request."""
    target.expands_default_payment_method(MINIMAL, stripe.EXPANDED_DEFAULT_METHOD)


@clause("stripe.expand-path")
@pinned("attempt", stripe.unknown_paths(), first=3)
@given(attempt=st.sampled_from(stripe.unknown_paths()))
def test_unknown_path(target: Target, attempt: Attempt) -> None:
    """A path that leads nowhere is refused: a client would wait for an object that never comes."""
    target.refuses_as_told(attempt)


@clause("stripe.expand-depth")
@pinned("attempt", stripe.deep_paths())
@given(attempt=st.sampled_from(stripe.deep_paths()))
def test_deep_path(target: Target, attempt: Attempt) -> None:
    """Paths have at most four levels, and a longer one has a code of its own."""
    target.refuses_as_told(attempt)


@clause("stripe.resource-missing-payment-method")
@pinned("attempt", stripe.unknown_methods(), first=2)
@given(attempt=st.sampled_from(stripe.unknown_methods()))
def test_unknown_payment_method(target: Target, attempt: Attempt) -> None:
    """An unknown id in the path is 404, and the error says which of the two ids is missing."""
    target.refuses_as_told(attempt)


@clause("stripe.resource-missing-customer")
@pinned("attempt", stripe.unknown_customers())
@given(attempt=st.sampled_from(stripe.unknown_customers()))
def test_unknown_customer(target: Target, attempt: Attempt) -> None:
    """An unknown id in a parameter is 400, and the error says which of the two ids is missing."""
    target.refuses_as_told(attempt)


@clause("stripe.resource-missing-customer")
def test_deleted_customer(target: Target) -> None:
    """A deleted customer is as missing as one that never was."""
    target.refuses_deleted_customer(refusals.WITH_DELETED_CUSTOMER)


@clause("stripe.already-attached")
def test_already_attached(target: Target) -> None:
    """A payment method of another customer is an invalid request, and no conflict."""
    target.refuses_another_customer(MINIMAL, stripe.FOR_OTHER_CUSTOMER)


@clause("stripe.same-customer")
def test_same_customer_again(target: Target) -> None:
    """Attaching again to the same customer succeeds: a client may retry without a key."""
    target.takes_again(MINIMAL, stripe.AGAIN)


@clause("stripe.detached-reattach")
def test_detached(target: Target) -> None:
    """A detached payment method is used up for good: a customer's card does not come back unasked."""
    target.keeps_detached(MINIMAL, stripe.AGAIN)


@clause("stripe.detached-reattach-status")
def test_status_of_detached(target: Target) -> None:
    """To attach a detached payment method is an invalid request."""
    target.keeps_detached(MINIMAL, stripe.AGAIN)


@clause("stripe.card-declined")
def test_declining_token(target: Target) -> None:
    """The shared token that declines is refused with the codes that clients show their users."""
    target.declines_token(stripe.WITH_DECLINING_TOKEN)


@clause("stripe.card-declined")
def test_declining_card(target: Target) -> None:
    """A payment method made from a declining card is declined when it is attached, and stays unattached."""
    target.declines_card(stripe.WITH_DECLINING_CARD)


@clause("stripe.test-tokens")
def test_shared_token(target: Target) -> None:
    """Every test suite attaches `pm_card_visa` over and over: each time it is a new payment method."""
    target.clones(stripe.WITH_SHARED_TOKEN, stripe.WITH_SHARED_TOKEN, stripe.SHARED_TOKEN_FOR_OTHER)


@clause("stripe.test-tokens", further=True)
def test_shared_token_is_kept(target: Target) -> None:
    """What a shared token becomes is the customer's like any other card: it is on the list."""
    target.keeps_clone(stripe.WITH_SHARED_TOKEN)
