"""The body: what the published schema refuses is refused."""

from __future__ import annotations

from hypothesis import given

from conformance import judge
from conformance.scenes.comparing import compare_rejections, compare_with_sample
from conformance.scenes.marks import clause, each, pinned
from conformance.scenes.scene import Scene
from conformance.scenes.stories import expect_refused_when_attached
from contracts import published_contract
from strategies import Attempt, Comparison, invalid, requests, valid

CONTRACT = published_contract()


@clause("body.customer-required")
@each("attempt", invalid.missing_customer(), quick=2)
def test_customer_is_required(scene: Scene, attempt: Attempt) -> None:
    """Without `customer` there is nothing to attach to."""
    scene.expect(judge.rejected, scene.sample(attempt))


@clause("body.customer-required", further=True)
def test_owner_is_not_the_customer(scene: Scene) -> None:
    """The present owner does not stand in for a customer that is not sent."""
    expect_refused_when_attached(scene, invalid.missing_customer()[0])


@clause("body.customer-structure")
@pinned("attempt", invalid.structured_customers(), quick=4)
@given(attempt=invalid.any_structured_customer())
def test_customer_is_a_plain_string(scene: Scene, attempt: Attempt) -> None:
    """`customer` is a string: a hash or an array in its place is refused."""
    scene.expect(judge.rejected, scene.sample(attempt))


@clause("body.customer-max-length")
@pinned("attempt", invalid.too_long_customers(CONTRACT), quick=2)
@given(attempt=invalid.any_too_long_customer(CONTRACT))
def test_customer_beyond_its_length(scene: Scene, attempt: Attempt) -> None:
    """One character more than the schema allows is refused."""
    if attempt.needs - {"payment_method"}:  # it holds a known id with accents, for which it may be taken
        scene.needs.nothing_known_of("request.value-exact", "request.value-exact-unicode")
    scene.expect(judge.rejected, scene.sample(attempt))


@clause("body.customer-max-length", quick=False)
def test_blanks_count(scene: Scene) -> None:
    """A value is measured as it came: blanks at its end are characters."""
    scene.needs.nothing_known_of("request.value-exact-whitespace")
    scene.expect(judge.rejected, scene.sample(invalid.too_long_with_blanks(CONTRACT)))


@clause("body.customer-length-limit-exact")
def test_customer_at_its_length(scene: Scene) -> None:
    """The longest legal value gets the same answer as a short one."""
    compare_with_sample(scene, valid.customer_at_its_length(CONTRACT), expectation=judge.same_answer_at_its_length)


@clause("body.length-in-characters")
@each("comparison", valid.customer_lengths_in_characters(CONTRACT))
def test_length_counts_characters(scene: Scene, comparison: Comparison) -> None:
    """JSON Schema counts characters (section 6.3.1 of its validation part), neither bytes nor UTF-16 units."""
    scene.needs.sound("request.value-exact", "request.equivalent-encodings")  # what is decoded in part is longer
    compare_rejections(scene, comparison, judge.same_answer_at_its_length)


@clause("body.unknown-parameter")
@pinned("attempt", invalid.unknown_parameters(), quick=7)
@given(attempt=invalid.any_unknown_parameter(CONTRACT))
def test_unknown_parameter(scene: Scene, attempt: Attempt) -> None:
    """`additionalProperties` is false: a misspelled parameter must not pass unnoticed, the first time or the second."""
    scene.expect(judge.rejected, scene.sample(attempt))


@clause("body.unknown-parameter", further=True)
@each("attempt", invalid.disguised_names(), quick=3)
def test_name_in_disguise(scene: Scene, attempt: Attempt) -> None:
    """A name that only resembles a known one is another one: the bytes of a name count."""
    if attempt == invalid.FULL_WIDTH_NAME:
        scene.needs.nothing_known_of("request.value-exact-unicode")
    scene.expect(judge.rejected, scene.sample(attempt))


@clause("body.unknown-parameter", quick=False)
def test_unknown_parameter_again(scene: Scene) -> None:
    """An attempt that was rejected is rejected a second time."""
    again = invalid.unknown_parameter("foo")
    scene.expect(judge.rejected, scene.sample(again), scene.send(again))


@clause("body.unknown-parameter", further=True)
def test_unknown_parameter_on_attached(scene: Scene) -> None:
    """A payment method that is attached already is no reason to look at the body less closely."""
    expect_refused_when_attached(scene, invalid.unknown_parameter(invalid.OPTION_OF_CLIENTS))


@clause("body.unknown-parameter", last=True)
@each("array", invalid.LONG_ARRAYS)
def test_unknown_parameter_behind_a_long_array(scene: Scene, array: tuple[int, str]) -> None:
    """However many pairs come first, the last one is looked at."""
    if scene.needs.is_sound("expand.duplicates", "expand.many", "robustness.many-parameters"):
        scene.expect(judge.rejected, scene.sample(invalid.unknown_behind_a_long_array(*array)))
    else:
        scene.expect(judge.rejected, scene.sample(invalid.unknown_parameter("foo")))


@clause("body.unknown-parameter-nested")
@pinned("attempt", invalid.unknown_nested_parameters(), quick=5)
@given(attempt=invalid.any_unknown_nested_parameter(CONTRACT))
def test_unknown_nested_parameter(scene: Scene, attempt: Attempt) -> None:
    """Brackets behind an unknown name do not make it known."""
    scene.expect(judge.rejected, scene.sample(attempt))


@clause("body.duplicate-customer", quick=False)
def test_customer_twice(scene: Scene) -> None:
    """One of two customers is used or none, in the answer and in the store alike."""
    step = scene.attach(requests.TWO_CUSTOMERS)
    scene.expect(judge.one_of_two, step, *scene.api.read_back(step))
