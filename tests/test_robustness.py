"""Robustness: whatever arrives is answered, in time and below 500, and the next valid request as before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conformance.scenes.marks import clause, explored, pinned
from conformance.scenes.target import ENVELOPE_OF_MALFORMED, STILL_SERVING, Target
from strategies import Attempt, invalid, malformed, wider_malformed
from strategies.valid import MINIMAL

BESIDES = (STILL_SERVING, ENVELOPE_OF_MALFORMED)


@clause("robustness.malformed-encoding", also=BESIDES)
@pinned("attempt", malformed.malformed_encodings(), first=2)
@explored("attempt", wider_malformed.malformed_encodings)
@given(attempt=st.sampled_from(malformed.malformed_encodings()))
def test_malformed_encoding(target: Target, attempt: Attempt) -> None:
    """A percent sign that encodes nothing is a client's mistake, not a server's failure."""
    target.survives(attempt)


@clause("robustness.invalid-utf8", also=BESIDES)
@pinned("attempt", malformed.invalid_utf8())
@explored("attempt", wider_malformed.invalid_utf8)
@given(attempt=st.sampled_from(malformed.invalid_utf8()))
def test_invalid_utf8(target: Target, attempt: Attempt) -> None:
    """Bytes that are no UTF-8 are answered like any other nonsense."""
    target.survives(attempt)


@clause("robustness.control-characters", also=BESIDES)
@pinned("attempt", malformed.control_characters(), first=2)
@explored("attempt", wider_malformed.control_characters)
@given(attempt=st.sampled_from(malformed.control_characters()))
def test_control_characters(target: Target, attempt: Attempt) -> None:
    """Control characters reach neither logs nor headers as they are, and bring nothing down."""
    target.survives(attempt)


@clause("robustness.non-bmp", also=BESIDES)
@pinned("attempt", malformed.non_bmp())
@explored("attempt", wider_malformed.non_bmp)
@given(attempt=st.sampled_from(malformed.non_bmp()))
def test_non_bmp(target: Target, attempt: Attempt) -> None:
    """Characters of four bytes are characters."""
    target.survives(attempt)


@clause("robustness.quotes", also=BESIDES)
@pinned("attempt", malformed.quotes(), first=2)
@explored("attempt", wider_malformed.quotes)
@given(attempt=st.sampled_from(malformed.quotes()))
def test_quotes(target: Target, attempt: Attempt) -> None:
    """What is syntax in SQL, shells, templates or HTML is mere text in a form."""
    target.survives(attempt)


@clause("robustness.empty-values", also=BESIDES)
@pinned("attempt", malformed.empty_values(), first=2)
@explored("attempt", wider_malformed.empty_values)
@given(attempt=st.sampled_from(malformed.empty_values()))
def test_empty_values(target: Target, attempt: Attempt) -> None:
    """Names without values and values without names are legal forms."""
    target.survives(attempt)


@clause("robustness.long-value", also=BESIDES)
@pinned("attempt", malformed.long_values())
@explored("attempt", wider_malformed.long_values, share=0.25)
@given(attempt=st.sampled_from(malformed.long_values()))
def test_long_value(target: Target, attempt: Attempt) -> None:
    """A value beyond every limit is refused, not choked on."""
    target.survives(attempt)


@clause("robustness.long-path-id", also=BESIDES)
@pinned("attempt", malformed.long_path_ids())
@given(attempt=st.sampled_from(malformed.long_path_ids()))
def test_long_path_id(target: Target, attempt: Attempt) -> None:
    """An id far longer than any real one is an unknown id."""
    target.survives(attempt)


@clause("robustness.odd-path-id", also=BESIDES)
@pinned("attempt", malformed.odd_path_ids(), first=2)
@explored("attempt", wider_malformed.odd_path_ids)
@given(attempt=st.sampled_from(malformed.odd_path_ids()))
def test_odd_path_id(target: Target, attempt: Attempt) -> None:
    """What a path segment may hold, an id in the path may hold."""
    target.survives(attempt)


@clause("robustness.path-encoding", also=BESIDES)
@pinned("attempt", malformed.path_encodings(), first=2)
@explored("attempt", wider_malformed.path_encodings)
@given(attempt=st.sampled_from(malformed.path_encodings()))
def test_path_encoding(target: Target, attempt: Attempt) -> None:
    """Percent signs in the path that encode nothing are answered all the same."""
    target.survives(attempt)


@clause("robustness.large-body", also=BESIDES)
@pinned("attempt", malformed.large_bodies())
@given(attempt=st.sampled_from(malformed.large_bodies()))
def test_large_body(target: Target, attempt: Attempt) -> None:
    """A megabyte is read or refused, and answered."""
    target.survives(attempt)


@clause("robustness.many-parameters", also=BESIDES)
@pinned("attempt", malformed.many_parameters())
@given(attempt=st.sampled_from(malformed.many_parameters()))
def test_many_parameters(target: Target, attempt: Attempt) -> None:
    """Ten thousand parameters take no quadratic time."""
    target.survives(attempt)


@clause("robustness.deep-brackets", also=BESIDES)
@pinned("attempt", malformed.deep_brackets())
@explored("attempt", wider_malformed.deep_brackets, share=0.5)
@given(attempt=st.sampled_from(malformed.deep_brackets()))
def test_deep_brackets(target: Target, attempt: Attempt) -> None:
    """Brackets sixty deep overflow no stack, and unbalanced ones no parser."""
    target.survives(attempt)


@clause("robustness.no-media-type", also=BESIDES)
@pinned("attempt", malformed.no_media_type())
@given(attempt=st.sampled_from(malformed.no_media_type()))
def test_no_media_type(target: Target, attempt: Attempt) -> None:
    """A body without, or with a senseless, Content-Type is answered."""
    target.survives(attempt)


@clause("robustness.chunked-body", also=BESIDES)
@pinned("attempt", malformed.chunked_bodies())
@given(attempt=st.sampled_from(malformed.chunked_bodies()))
def test_chunked_body(target: Target, attempt: Attempt) -> None:
    """A body sent in chunks is a body (RFC 9112 section 7.1)."""
    target.survives(attempt)


@clause("robustness.same-request-same-answer", look="last")
def test_same_refusal(target: Target) -> None:
    """An invalid request is refused each time, on a kept connection and on new ones."""
    sound = target.first_sound(
        {
            "body.unknown-parameter": invalid.unknown_parameter("foo"),
            "body.customer-required": invalid.missing_customer()[0],
        }
    )
    target.stays_steady(sound, fresh=False)


@clause("robustness.same-request-same-answer", look="last")
def test_same_success(target: Target) -> None:
    """A valid request succeeds each time, on a kept connection and on new ones."""
    target.stays_steady(MINIMAL, fresh=True)
