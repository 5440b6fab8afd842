"""The request: what is around and inside a valid body must not change its meaning."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conformance.scenes.marks import clause, explored, pinned
from conformance.scenes.target import Target
from strategies import Attempt, Comparison, requests, resembling, valid, wider
from strategies.valid import MINIMAL, MINIMAL_FOR_OTHER_CUSTOMER

LENGTH_REQUIRED = 411
"""The status by which a server may ask for a Content-Length (RFC 9110 section 15.5.12)."""


@clause("request.minimal-body")
def test_minimal_body(target: Target) -> None:
    """A form body with only `customer` is answered with success: everything else rests on it."""
    target.accepts(MINIMAL)


@clause("request.minimal-body", look="closer")
def test_minimal_body_for_another(target: Target) -> None:
    """What one customer may, another may."""
    target.accepts(MINIMAL, MINIMAL_FOR_OTHER_CUSTOMER)


@clause("request.parameter-order")
@pinned("comparison", valid.ORDERS)
@given(comparison=st.sampled_from(valid.ORDERS))
def test_parameter_order(target: Target, comparison: Comparison) -> None:
    """A form has no first and last parameter: clients serialise maps in any order."""
    target.answers_alike(comparison)


@clause("request.equivalent-encodings")
@pinned("comparison", valid.equivalent_encodings(), first=3)
@explored("comparison", wider.respelled_bodies, share=0.5)
@given(comparison=valid.respelled_bodies())
def test_equivalent_encodings(target: Target, comparison: Comparison) -> None:
    """Client libraries escape differently; what decodes to the same parameters gets the same answer."""
    target.answers_alike(comparison)


@clause("request.value-exact", in_a_row=True)
@pinned("attempt", [*resembling.resembling_ids(), *resembling.echoed_values()], first=10)
@explored("attempt", wider.resembling_ids)
@given(attempt=resembling.any_resembling_id())
def test_value_is_used_exactly(target: Target, attempt: Attempt) -> None:
    """What only resembles a known id is not taken for it: a card would end up with somebody else."""
    target.takes_as_sent(attempt)


@clause("request.value-exact-whitespace", in_a_row=True)
@pinned("attempt", resembling.ids_with_white_space(), first=0)
@given(attempt=st.sampled_from(resembling.ids_with_white_space()))
def test_white_space_around_an_id(target: Target, attempt: Attempt) -> None:
    """An id with white space around it is another string; to trim it hides a client's mistake."""
    target.takes_as_sent(attempt)


@clause("request.value-exact-unicode", in_a_row=True)
@pinned("attempt", resembling.ids_in_other_forms(), first=0)
@given(attempt=st.sampled_from(resembling.ids_in_other_forms()))
def test_other_forms_of_an_id(target: Target, attempt: Attempt) -> None:
    """A full-width or otherwise composed form of an id is another string."""
    target.takes_as_sent(attempt)


@clause("request.charset-parameter")
@pinned("comparison", requests.CHARSETS)
@given(comparison=st.sampled_from(requests.CHARSETS))
def test_charset_parameter(target: Target, comparison: Comparison) -> None:
    """Many clients add `; charset=utf-8` to the form media type; it changes nothing."""
    target.answers_alike(comparison)


@clause("request.charset-parameter", look="closer")
def test_charset_of_what_is_refused(target: Target) -> None:
    """What is refused without the charset is refused with it."""
    target.answers_refusals_alike(requests.CHARSET_OF_REFUSED)


@clause("request.charset-capitals", look="closer")
def test_charset_in_capitals(target: Target) -> None:
    """Names of character sets know no case (RFC 9110 section 8.3.2)."""
    target.answers_alike(requests.CHARSET_IN_CAPITALS)


@clause("request.media-type-capitals", look="closer")
def test_media_type_in_capitals(target: Target) -> None:
    """Media types know no case (RFC 9110 section 8.3.1): HTTP libraries and proxies write them as they like."""
    target.answers_alike(requests.MEDIA_TYPE_IN_CAPITALS)


@clause("request.chunked-body", look="closer")
def test_body_in_chunks(target: Target) -> None:
    """A client that streams its body sends chunks: they are read (RFC 9112 section 7.1), or a length is asked for."""
    target.answers_alike(requests.IN_CHUNKS, or_refused_with=LENGTH_REQUIRED)


@clause("request.path-encoding", look="closer")
def test_path_in_escapes(target: Target) -> None:
    """An escape for a letter, a digit or an underscore is that character (RFC 3986 section 2.3): clients may escape."""
    target.answers_alike_by_path(requests.PATH_ENCODED)


@clause("request.json-refused", in_a_row=True)
@pinned("attempt", requests.json_bodies())
@given(attempt=st.sampled_from(requests.json_bodies()))
def test_json_body(target: Target, attempt: Attempt) -> None:
    """The operation takes a form: a client that sends JSON must learn of it from the mock, not in production."""
    target.refuses(attempt)


@clause("request.other-media-types", in_a_row=True)
@pinned("attempt", requests.other_media_types())
@given(attempt=st.sampled_from(requests.other_media_types()))
def test_other_media_types(target: Target, attempt: Attempt) -> None:
    """A body that calls itself something else than a form is not read as one."""
    target.refuses(attempt)


@clause("request.other-methods")
def test_other_methods(target: Target) -> None:
    """Only POST attaches: a GET that changes something is a disaster behind every cache."""
    target.does_not_obey(*requests.other_methods_as_usual())


@clause("request.other-methods", look="closer")
def test_other_methods_with_parameters_elsewhere(target: Target) -> None:
    """A GET with a body and a PUT with a query attach as little, however a framework hands their parameters on."""
    target.does_not_obey(*requests.other_methods_as_usual(usual=False))


@clause("request.accept")
@pinned("comparison", requests.ACCEPTS, first=0)
@given(comparison=st.sampled_from(requests.ACCEPTS))
def test_accept(target: Target, comparison: Comparison) -> None:
    """The answer is JSON whatever form of Accept allows it."""
    target.answers_alike(comparison)


@clause("request.query-customer", look="closer")
def test_customer_in_the_query(target: Target) -> None:
    """Whether `customer` is also read from the query is nowhere said; what happens is told."""
    target.tells(requests.QUERY_CUSTOMER)
