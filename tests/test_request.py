"""The request: what is around and inside a valid body must not change its meaning."""

from __future__ import annotations

from hypothesis import given

from conformance import judge
from conformance.judge.general import LENGTH_REQUIRED
from conformance.scenes.comparing import (
    as_far_as_ids_go,
    compare,
    compare_at_once,
    compare_rejections,
    compare_with_sample,
)
from conformance.scenes.marks import clause, each, narrowed, pinned
from conformance.scenes.narrowing import Attempts, single_out
from conformance.scenes.scene import Scene
from conformance.scenes.stories import attach_plain_card, expect_not_obeyed, expect_taken_as_sent
from strategies import Attempt, Comparison, headers, requests, resembling, valid
from strategies.at_once import RECOMMENDED_AT_ONCE, REQUIRED_AT_ONCE
from strategies.invalid import unknown_parameter
from strategies.valid import MINIMAL, MINIMAL_FOR_OTHER_CUSTOMER


@clause("request.minimal-body")
def test_minimal_body(scene: Scene) -> None:
    """A form body with only `customer` is answered with success, once and again: everything else rests on it."""
    scene.expect(judge.accepted, scene.sample(MINIMAL), *attach_plain_card(scene, MINIMAL))


@clause("request.minimal-body", quick=False)
def test_minimal_body_for_another(scene: Scene) -> None:
    """A payment method can be attached to any customer."""
    scene.expect(judge.accepted, *as_far_as_ids_go(scene, scene.sample, MINIMAL, MINIMAL_FOR_OTHER_CUSTOMER))


@clause("request.parameter-order")
@each("comparison", valid.ORDERS, quick=2)
def test_parameter_order(scene: Scene, comparison: Comparison) -> None:
    """A form has no first and last parameter: clients serialise maps in any order."""
    compare(scene, comparison, at_once=REQUIRED_AT_ONCE)


@clause("request.equivalent-encodings")
@pinned("comparison", valid.equivalent_encodings(), quick=5)
@given(comparison=valid.respelled_bodies())
def test_equivalent_encodings(scene: Scene, comparison: Comparison) -> None:
    """Client libraries escape differently; what decodes to the same parameters gets the same answer."""
    compare(scene, comparison, at_once=RECOMMENDED_AT_ONCE if comparison.control == MINIMAL else REQUIRED_AT_ONCE)


@clause("request.equivalent-encodings", further=True)
def test_plus_is_a_blank(scene: Scene) -> None:
    """A blank is a plus in a form, and an escape is as good: an error names the same parameter, with a blank."""
    in_name = valid.PLUS_FOR_BLANK_IN_NAME
    if scene.sample(in_name.control, role="control").exchange.error.get("param") == valid.NAME_WITH_A_BLANK:
        compare_with_sample(scene, in_name)
    else:
        compare_rejections(scene, valid.PLUS_FOR_BLANK)


@clause("request.equivalent-encodings", quick=False)
def test_escaped_dots(scene: Scene) -> None:
    """A path to expand may have its dots escaped, as anything may."""
    compare(scene, valid.ESCAPED_DOTS)


@clause("request.equivalent-encodings", quick=False)
@each("comparison", valid.BARE_NAMES, quick=0)
def test_name_without_equals_sign(scene: Scene, comparison: Comparison) -> None:
    """A name without an equals sign has the empty value, as one with nothing behind it has."""
    compare_rejections(scene, comparison)


@clause("request.value-exact")
@pinned("attempt", resembling.resembling_ids(), quick=10)
@given(attempt=resembling.any_resembling_id())
def test_value_is_used_exactly(scene: Scene, attempt: Attempt) -> None:
    """A value that only resembles a known id is not taken for it: the card would go to another customer."""
    expect_taken_as_sent(scene, attempt)


@clause("request.value-exact", further=True)
@each("attempt", resembling.echoed_values(), quick=1)
def test_value_is_shown_exactly(scene: Scene, attempt: Attempt) -> None:
    """A server that knows every id shows it as it came: with state, such a value is one unknown id more."""
    if not scene.stage.fixtures.provision.stateless:
        scene.needs.end()
    expect_taken_as_sent(scene, attempt)


@clause("request.value-exact-whitespace")
@each("attempt", resembling.ids_with_white_space())
def test_white_space_around_an_id(scene: Scene, attempt: Attempt) -> None:
    """An id with white space around it is another string; to trim it hides a client's mistake."""
    expect_taken_as_sent(scene, attempt)


@clause("request.value-exact-whitespace", further=True)
def test_white_space_in_the_path(scene: Scene) -> None:
    """A blank behind the id in the path makes it another id, as in the body."""
    if scene.stage.fixtures.provision.stateless:
        scene.needs.end()
    scene.expect(judge.path_taken_as_sent, scene.send(resembling.BLANK_IN_PATH, rejected=True))


@clause("request.value-exact-unicode")
@each("attempt", resembling.ids_in_other_forms())
def test_other_forms_of_an_id(scene: Scene, attempt: Attempt) -> None:
    """A full-width or otherwise composed form of an id is another string."""
    expect_taken_as_sent(scene, attempt)


@clause("request.charset-parameter")
@each("comparison", requests.CHARSETS, quick=3)
def test_charset_parameter(scene: Scene, comparison: Comparison) -> None:
    """Many clients add `; charset=utf-8` to the form media type; it changes nothing."""
    compare(scene, comparison, at_once=REQUIRED_AT_ONCE if comparison.needs_success else RECOMMENDED_AT_ONCE)


@clause("request.charset-parameter", last=True)
def test_charset_of_what_is_refused(scene: Scene) -> None:
    """A body that is rejected without the charset is rejected with it."""
    compare_rejections(scene, requests.CHARSET_OF_REFUSED)


@clause("request.charset-capitals")
def test_charset_in_capitals(scene: Scene) -> None:
    """Names of character sets know no case (RFC 9110 section 8.3.2)."""
    compare(scene, requests.CHARSET_IN_CAPITALS, at_once=RECOMMENDED_AT_ONCE)


@clause("request.charset-capitals")
def test_semicolon_without_a_charset(scene: Scene) -> None:
    """A list of parameters may be empty behind its semicolon (RFC 9110 section 5.6.6), which RFC 7231 did not allow."""
    compare(scene, requests.NO_PARAMETER, at_once=RECOMMENDED_AT_ONCE)


@clause("request.media-type-capitals")
def test_media_type_in_capitals(scene: Scene) -> None:
    """Media types know no case (RFC 9110 section 8.3.1): HTTP libraries and proxies write them as they like."""
    compare(scene, requests.MEDIA_TYPE_IN_CAPITALS, at_once=RECOMMENDED_AT_ONCE)


@clause("request.media-type-capitals", quick=False, further=True)
def test_media_type_in_capitals_of_what_is_rejected(scene: Scene) -> None:
    """A body is checked however its media type is written: a validator that knows one spelling lets all else pass."""
    control = scene.sample(unknown_parameter("foo"), role="control")
    if not control.exchange.is_refusal:
        scene.needs.end()
    scene.expect(judge.rejected, control, scene.send(requests.REJECTED_IN_CAPITALS, rejected=True))


@clause("request.chunked-body")
def test_body_in_chunks(scene: Scene) -> None:
    """A client that streams its body sends chunks: they are read (RFC 9112 section 7.1), or a length is asked for."""
    compare(scene, requests.IN_CHUNKS, at_once=RECOMMENDED_AT_ONCE, or_refused_with=LENGTH_REQUIRED)


@clause("request.path-encoding")
def test_path_in_escapes(scene: Scene) -> None:
    """An escape for a letter, a digit or an underscore is that character (RFC 3986 section 2.3): clients may escape."""
    compare(scene, requests.PATH_ENCODED, judge.same_answer_by_path, at_once=RECOMMENDED_AT_ONCE)


@clause("request.json-refused")
@each("attempt", requests.json_bodies(), quick=2)
def test_json_body(scene: Scene, attempt: Attempt) -> None:
    """The operation takes a form: a client that sends JSON must learn of it from the mock, not in production."""
    scene.expect(judge.rejected, scene.sample(attempt))


@clause("request.other-media-types")
@each("attempt", (*requests.other_media_types(), requests.FORM_CALLED_JSON))
def test_other_media_types(scene: Scene, attempt: Attempt) -> None:
    """A body that calls itself something else than a form is not read as one."""
    scene.expect(judge.rejected, scene.sample(attempt))


@clause("request.other-methods")
@narrowed("attempts", single_out, tuple(requests.other_methods_as_usual()))
def test_other_methods(scene: Scene, attempts: Attempts) -> None:
    """Only POST attaches: a GET that changes something is a disaster behind every cache."""
    expect_not_obeyed(scene, attempts)


@clause("request.other-methods", quick=False)
@narrowed("attempts", single_out, tuple(requests.other_methods_elsewhere()))
def test_other_methods_with_parameters_elsewhere(scene: Scene, attempts: Attempts) -> None:
    """A GET with a body and a PUT with a query attach as little, and OPTIONS, which is safe, runs no handler."""
    expect_not_obeyed(scene, attempts)


@clause("request.accept")
def test_without_accept(scene: Scene) -> None:
    """A client that names no media type gets the same answer as any other."""
    compare_with_sample(scene, headers.WITHOUT_ACCEPT, REQUIRED_AT_ONCE)


@clause("request.accept")
def test_accept_with_quality(scene: Scene) -> None:
    """A client that gives JSON a quality gets the same answer as any other."""
    compare_with_sample(scene, headers.ACCEPTED_BY_QUALITY, RECOMMENDED_AT_ONCE)


@clause("request.accept", further=True)
def test_anything_is_accepted(scene: Scene) -> None:
    """A client that takes any media type gets a rejection in JSON, too: no page, and no redirect."""
    compare_with_sample(scene, headers.ANYTHING_ACCEPTED)


@clause("request.header-names")
def test_header_names_in_lower_case(scene: Scene) -> None:
    """Names of headers know no case (RFC 9110 section 5.1): HTTP/2 and many libraries write them small."""
    compare_with_sample(scene, headers.IN_LOWER_CASE, REQUIRED_AT_ONCE)


@clause("request.user-agent")
def test_without_user_agent(scene: Scene) -> None:
    """A client need not say its name (RFC 9110 section 10.1.5)."""
    compare_with_sample(scene, headers.NAMELESS, RECOMMENDED_AT_ONCE, send=scene.sample)


@clause("request.other-site")
def test_from_another_site(scene: Scene) -> None:
    """A key is what counts, not the page from which a request comes (RFC 9110 section 10.1.3)."""
    compare_with_sample(scene, headers.FROM_ANOTHER_SITE, RECOMMENDED_AT_ONCE)


@clause("request.other-headers")
def test_other_headers(scene: Scene) -> None:
    """Headers that a browser, a proxy or an HTTP library adds on its own do not decide about the answer."""
    others = [*headers.OTHERS]
    if scene.needs.is_sound("request.other-site"):
        others.append(headers.OF_NO_SITE)
    compare_at_once(scene, headers.together(others), others, at_once=RECOMMENDED_AT_ONCE)


@clause("request.exact-path", quick=False)
@narrowed("attempts", single_out, tuple(requests.other_urls()))
def test_other_urls(scene: Scene, attempts: Attempts) -> None:
    """A URL that is almost the operation's is another one: a client must learn of it before production does."""
    expect_not_obeyed(scene, attempts)


@clause("request.query-customer", quick=False)
def test_customer_in_the_query(scene: Scene) -> None:
    """No source says whether `customer` is also read from the query; the report shows what happens."""
    scene.expect(judge.reported, scene.attach(requests.QUERY_CUSTOMER))


@clause("request.body-decides", quick=False)
def test_another_customer_in_the_query(scene: Scene) -> None:
    """A card goes to the customer in the body: a framework that merges query and body may give it to another."""
    step = scene.attach(requests.TWO_PLACES)
    scene.expect(judge.body_decides, step, *scene.api.read_back(step))
