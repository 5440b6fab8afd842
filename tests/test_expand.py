"""Expand: an array of paths, each honoured."""

from __future__ import annotations

from conformance import judge
from conformance.scenes.card import as_role
from conformance.scenes.comparing import compare, compare_rejections, compare_with_sample
from conformance.scenes.marks import clause, each, narrowed
from conformance.scenes.narrowing import Attempts, single_out_of
from conformance.scenes.scene import Scene
from conformance.scenes.stories import expect_every_entry, expect_inlined, send_in_turn, survive
from contracts import published_contract
from strategies import Attempt, Comparison, invalid, malformed, valid
from strategies.refusals import NO_CUSTOMER_EXPANDED, NO_CUSTOMER_EXPANDED_BY_INDEX, NO_CUSTOMER_MUCH_EXPANDED
from strategies.valid import (
    EXPANDED,
    EXPANDED_FOR_OTHER_CUSTOMER,
    EXPANDED_INDEXED,
    MINIMAL,
    MINIMAL_FOR_OTHER_CUSTOMER,
)

CONTRACT = published_contract()


@clause("expand.accepted")
def test_expand_is_accepted(scene: Scene) -> None:
    """`expand[]=customer` is how clients ask for the whole customer."""
    scene.expect(judge.accepted, scene.sample(EXPANDED))


@clause("expand.inlined")
def test_customer_is_inlined(scene: Scene) -> None:
    """The expanded customer is the whole object of the customer asked for, in an otherwise whole body."""
    expect_inlined(scene, EXPANDED, MINIMAL)


@clause("expand.inlined", quick=False)
def test_another_customer_is_inlined(scene: Scene) -> None:
    """The customer that is inlined is the one of this request, not that of the request before."""
    expect_inlined(scene, EXPANDED_FOR_OTHER_CUSTOMER, MINIMAL_FOR_OTHER_CUSTOMER)


@clause("expand.inlined", quick=False)
def test_customer_is_inlined_again(scene: Scene) -> None:
    """A success of attaching again shows the present state, and is not the answer of the time before."""
    first, second = send_in_turn(scene, EXPANDED, MINIMAL)
    third = scene.attach(EXPANDED, first)
    scene.expect(judge.inlined_or_rejected, *as_role("set-up", first, second), third)


@clause("expand.indexed")
def test_indexed_brackets(scene: Scene) -> None:
    """`expand[0]`, which the official libraries send, means what `expand[]` means."""
    compare(scene, Comparison(EXPANDED, (EXPANDED_INDEXED,), needs_success=True))


@clause("expand.not-expanded")
def test_nothing_expands_unasked(scene: Scene) -> None:
    """Without expand `customer` is a string, also when the answer before was an expanded one."""
    scene.expect(judge.unexpanded, *send_in_turn(scene, EXPANDED, MINIMAL))


@clause("expand.not-expanded", quick=False)
def test_nothing_is_left_of_a_refusal(scene: Scene) -> None:
    """A refusal is over when it is answered: what it asked for has no part in the next answer."""
    before = scene.sample(NO_CUSTOMER_EXPANDED, role="set-up")
    after = scene.send(MINIMAL, rejected=True) if before.exchange.is_refusal else scene.sample(MINIMAL)
    scene.expect(judge.unexpanded, before, after)


@clause("expand.every-entry")
@narrowed("attempts", single_out_of(valid.TWO_EXPANDED), (valid.EXPANDED_AMONG_OTHERS,))
def test_every_entry_is_honoured(scene: Scene, attempts: Attempts) -> None:
    """A list of paths is honoured as a whole, not only its first or last entries."""
    expect_every_entry(scene, attempts, alone=valid.SECOND_EXPANDED)


@clause("expand.every-entry", quick=False)
def test_both_of_two_entries_are_honoured(scene: Scene) -> None:
    """Both of two paths are honoured, in either order."""
    first, second = valid.TWO_EXPANDED
    if scene.needs.is_sound("expand.indexed"):
        second = valid.TWO_EXPANDED_INDEXED
    expect_every_entry(scene, (first, second), alone=valid.SECOND_EXPANDED)


@clause("expand.structure")
@each("attempt", invalid.ill_structured_expands(), quick=2)
def test_expand_is_an_array_of_strings(scene: Scene, attempt: Attempt) -> None:
    """A scalar `expand`, and hashes as its entries, do not fit the schema."""
    scene.expect(judge.rejected, scene.sample(attempt))


@clause("expand.named-index")
@each("attempt", invalid.named_expand_indexes())
def test_named_index(scene: Scene, attempt: Attempt) -> None:
    """`expand[foo]` spells a hash, not an array."""
    scene.expect(judge.rejected, scene.sample(attempt))


@clause("expand.item-max-length")
@each("attempt", invalid.too_long_expand_items(CONTRACT))
def test_entry_beyond_its_length(scene: Scene, attempt: Attempt) -> None:
    """One character more than the schema allows for an entry is refused."""
    scene.expect(judge.rejected, scene.sample(attempt))


@clause("expand.item-length-limit-exact")
@each("comparison", valid.expand_item_lengths(CONTRACT), quick=0)
def test_entry_at_its_length(scene: Scene, comparison: Comparison) -> None:
    """The longest legal entry gets the same answer as a short one."""
    compare_rejections(scene, comparison)


@clause("expand.duplicates")
@each("attempt", malformed.repeated_expands(), quick=2)
def test_duplicate_entries(scene: Scene, attempt: Attempt) -> None:
    """The same entry twice is answered below 500."""
    survive(scene, attempt)


@clause("expand.many-entries", quick=False)
def test_more_entries_than_an_array_has(scene: Scene) -> None:
    """An array has no greatest length in the schema: parsers that make something else of a long one are wrong."""
    by_index = (NO_CUSTOMER_EXPANDED_BY_INDEX,) if scene.needs.is_sound("expand.indexed") else ()
    compare_with_sample(scene, Comparison(NO_CUSTOMER_EXPANDED, (NO_CUSTOMER_MUCH_EXPANDED, *by_index)))


@clause("expand.many", also=("expand.many-entries",))
def test_many_entries(scene: Scene) -> None:
    """A hundred entries are answered below 500, and where that is a success, they are honoured."""
    survive(scene, malformed.many_expands(), also=[("expand.many-entries", judge.object_or_rejected)])
