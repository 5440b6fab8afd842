"""State: what attaching means, seen through the other endpoints."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from conformance.scenes.marks import clause, explored, pinned
from conformance.scenes.target import Target
from contracts import published_contract
from strategies import Attempt, refusals, sequences, wider
from strategies.sequences import TOUR, Operation
from strategies.valid import EXPANDED, MINIMAL

CONTRACT = published_contract()


@clause("state.persisted")
def test_attachment_persists(target: Target) -> None:
    """What was attached is found attached, with or without `expand`: an answer alone is worth nothing."""
    target.keeps_what_it_attached()


@clause("state.same-object")
def test_nothing_but_the_customer_changes(target: Target) -> None:
    """Attaching sets `customer`; a card that loses its billing details or metadata on the way is lost data."""
    target.changes_nothing_but_the_customer()


@clause("state.same-object", look="last")
def test_nothing_but_the_customer_changes_of_what_is_old(target: Target) -> None:
    """`created` tells when a card was saved, not when it was attached."""
    target.changes_nothing_of_what_is_old()


@clause("state.same-object", look="closer")
def test_nothing_changes_when_attached_again(target: Target) -> None:
    """Attaching again changes nothing at all: a client that repeats itself must not lose what it saved."""
    target.changes_nothing_again(EXPANDED)


@clause("state.listed")
def test_attached_is_listed(target: Target) -> None:
    """Shops show the saved cards of a customer from this list: each once, and nobody else's."""
    target.lists_it_once()


@clause("state.listed", look="last")
def test_attached_is_listed_still(target: Target) -> None:
    """The card of last year is listed beside that of today."""
    target.lists_it_still()


@clause("state.refusal-changes-nothing")
def test_refusals_change_nothing(target: Target) -> None:
    """Whoever is told no must be able to rely on it, and to try again: a refusal leaves no trace."""
    target.changes_nothing_when_it_refuses(refusals.every_refusal(CONTRACT))


@clause("state.refusal-changes-nothing", further=True)
def test_refusals_leave_attached_alone(target: Target) -> None:
    """A refusal takes no card from its owner: what was attached before it is attached after it."""
    target.leaves_attached_when_it_refuses(refusals.on_attached())


@clause("state.only-this-one")
def test_others_are_untouched(target: Target) -> None:
    """One attach is about one payment method: no other, no default, no metadata and no other customer changes."""
    target.touches_nothing_else()


@clause("state.only-this-one", further=True)
def test_customer_stays_as_created(target: Target) -> None:
    """A customer's own fields are set by its own endpoint, and by no attach: not even where they are empty."""
    target.leaves_customer_as_created()


@clause("state.same-customer-again")
def test_same_customer_again(target: Target) -> None:
    """Clients repeat what they are unsure of: attached twice to the same customer is attached, and listed, once."""
    target.stays_attached(EXPANDED)


@clause("state.second-customer")
@pinned("attempt", (MINIMAL, EXPANDED), first=2)
@given(attempt=st.sampled_from((MINIMAL, EXPANDED)))
def test_second_customer(target: Target, attempt: Attempt) -> None:
    """A card belongs to one customer: nobody can take it over by attaching it again."""
    target.stays_with_the_first(attempt)


@clause("state.unknown-payment-method")
@pinned("attempt", refusals.unknown_payment_methods(), first=8)
@explored("attempt", wider.unknown_payment_methods)
@given(attempt=st.sampled_from(refusals.unknown_payment_methods()))
def test_unknown_payment_method(target: Target, attempt: Attempt) -> None:
    """Only what exists can be attached, and an id that is nearly right is wrong."""
    target.refuses_unknown(attempt)


@clause("state.unknown-customer")
@pinned("attempt", refusals.unknown_customers(), first=7)
@explored("attempt", wider.unknown_customers)
@given(attempt=refusals.any_part_of_customer())
def test_unknown_customer(target: Target, attempt: Attempt) -> None:
    """A card attached to nobody is lost, and one attached to whoever has a similar id is worse."""
    target.refuses_unknown(attempt)


@clause("state.unknown-customer")
def test_unknown_customer_once_asked_for(target: Target) -> None:
    """What was looked for and not found is still not there: a look-up creates nothing."""
    target.refuses_unknown_once_asked_for(refusals.NO_CUSTOMER)


@clause("state.deleted-customer")
def test_deleted_customer(target: Target) -> None:
    """A deleted customer takes no more payment methods."""
    target.refuses_deleted()


@clause("state.detach")
def test_detach(target: Target) -> None:
    """What was attached can be let go: then it has no customer, and no list shows it."""
    target.lets_go()


@clause("state.detach", look="last")
def test_detach_of_what_was_attached_twice(target: Target) -> None:
    """To let go once is enough, however often a card was attached."""
    target.lets_go_of_what_was_attached_twice()


@clause("state.detach", look="last")
def test_detached_stays_off_the_list(target: Target) -> None:
    """A card that was let go is not offered again when another one is saved."""
    target.lists_no_more()


@clause("state.race")
def test_one_wins(target: Target) -> None:
    """When several customers want one payment method at once one gets it, and the others are told so."""
    target.has_one_winner()


@clause("state.race")
def test_none_gets_lost(target: Target) -> None:
    """Payment methods that one customer gets at the same time are all kept, and no answer is mixed up."""
    target.keeps_all()


@clause("state.race", look="last")
def test_twice_at_once_is_once(target: Target) -> None:
    """Who clicks twice has one card, not two."""
    target.keeps_once()


@clause("state.model")
@pinned("operations", (TOUR,))
@explored("operations", wider.sequences, share=0.25)
@given(operations=sequences.sequences())
def test_model(target: Target, operations: Sequence[Operation]) -> None:
    """Defects that need a history hide from single requests: any sequence ends as a simple model says."""
    target.agrees_with_the_model(operations)
