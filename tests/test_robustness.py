"""Robustness: every request is answered, in time and below 500, and the next valid request as before."""

from __future__ import annotations

from conformance import judge
from conformance.scenes.case import STILL_SERVING
from conformance.scenes.marks import alone, clause, each
from conformance.scenes.repeating import expect_steady
from conformance.scenes.scene import Expectation, Scene
from conformance.scenes.stories import ENVELOPE_OF_MALFORMED, survive
from strategies import Attempt, invalid, malformed
from strategies.at_once import RECOMMENDED_AT_ONCE
from strategies.valid import MINIMAL

BESIDES = (STILL_SERVING, ENVELOPE_OF_MALFORMED)
VALUE_EXACT = "request.value-exact"


@clause("robustness.malformed-encoding", also=(*BESIDES, VALUE_EXACT))
@each("attempt", malformed.malformed_encodings())
def test_malformed_encoding(scene: Scene, attempt: Attempt) -> None:
    """A percent sign that encodes nothing is a client's mistake, not a server's failure, and no other character."""
    survive(scene, attempt, also=exactly(attempt))


@clause("robustness.invalid-utf8", also=(*BESIDES, VALUE_EXACT))
@each("attempt", malformed.invalid_utf8(), quick=2)
def test_invalid_utf8(scene: Scene, attempt: Attempt) -> None:
    """Bytes that are no UTF-8 are answered like any other nonsense, and not as if they were not there."""
    survive(scene, attempt, also=exactly(attempt))


def exactly(attempt: Attempt) -> list[tuple[str, Expectation]]:
    """Return what else is expected of an attempt: that a value which resembles a known id is not taken for it."""
    return [(VALUE_EXACT, judge.not_taken_for_known)] if attempt in malformed.RESEMBLING else []


@clause("robustness.control-characters", also=(*BESIDES, VALUE_EXACT))
@each("attempt", malformed.control_characters(), quick=2)
def test_control_characters(scene: Scene, attempt: Attempt) -> None:
    """Control characters reach neither logs nor headers as they are, end no value, and bring nothing down."""
    survive(scene, attempt, also=exactly(attempt))


@clause("robustness.non-bmp", also=BESIDES)
@each("attempt", malformed.non_bmp())
def test_non_bmp(scene: Scene, attempt: Attempt) -> None:
    """Characters of four bytes are characters."""
    survive(scene, attempt)


@clause("robustness.quotes", also=BESIDES)
@each("attempt", malformed.quotes())
def test_quotes(scene: Scene, attempt: Attempt) -> None:
    """Characters that are syntax in SQL, shells, templates or HTML are mere text in a form."""
    survive(scene, attempt)


@clause("robustness.empty-values", also=BESIDES)
@each("attempt", malformed.empty_values())
def test_empty_values(scene: Scene, attempt: Attempt) -> None:
    """Names without values and values without names are legal forms."""
    survive(scene, attempt)


@clause("robustness.long-value", also=BESIDES)
@each("attempt", malformed.long_values())
def test_long_value(scene: Scene, attempt: Attempt) -> None:
    """A value beyond every limit is refused, not choked on."""
    survive(scene, attempt)


@clause("robustness.long-path-id", also=BESIDES)
@each("attempt", malformed.long_path_ids())
def test_long_path_id(scene: Scene, attempt: Attempt) -> None:
    """An id far longer than any real one is an unknown id."""
    survive(scene, attempt)


@clause("robustness.odd-path-id", also=BESIDES)
@each("attempt", malformed.odd_path_ids(), quick=2)
def test_odd_path_id(scene: Scene, attempt: Attempt) -> None:
    """An id in the path may hold every character that a path segment may."""
    survive(scene, attempt)


@clause("robustness.path-encoding", also=BESIDES)
@each("attempt", malformed.path_encodings(), quick=2)
def test_path_encoding(scene: Scene, attempt: Attempt) -> None:
    """Percent signs in the path that encode nothing are answered all the same."""
    survive(scene, attempt)


@clause("robustness.large-body", also=BESIDES)
@each("attempt", malformed.large_bodies())
def test_large_body(scene: Scene, attempt: Attempt) -> None:
    """A megabyte is read or refused, and answered."""
    survive(scene, attempt)


@clause("robustness.many-parameters", also=BESIDES)
@each("attempt", malformed.many_parameters())
def test_many_parameters(scene: Scene, attempt: Attempt) -> None:
    """Ten thousand parameters take no quadratic time."""
    survive(scene, attempt)


@clause("robustness.deep-brackets", also=BESIDES)
@each("attempt", malformed.deep_brackets(), quick=2)
def test_deep_brackets(scene: Scene, attempt: Attempt) -> None:
    """Brackets 130 deep overflow no stack, and unbalanced ones no parser."""
    survive(scene, attempt)


@clause("robustness.no-media-type", also=BESIDES)
@each("attempt", malformed.no_media_type())
def test_no_media_type(scene: Scene, attempt: Attempt) -> None:
    """A body without, or with a senseless, Content-Type is answered."""
    survive(scene, attempt)


@clause("robustness.content-coding", also=BESIDES)
@each("attempt", malformed.content_codings(), quick=0)
def test_content_coding(scene: Scene, attempt: Attempt) -> None:
    """A body that is not in the coding that it names is the client's mistake."""
    survive(scene, attempt)


@clause("robustness.chunked-body", also=BESIDES)
@each("attempt", malformed.chunked_bodies())
def test_chunked_body(scene: Scene, attempt: Attempt) -> None:
    """A body sent in chunks is a body (RFC 9112 section 7.1)."""
    survive(scene, attempt, at_once=RECOMMENDED_AT_ONCE)


@alone
@clause("robustness.same-request-same-answer", also=("header.request-id",), last=True)
def test_same_refusal(scene: Scene) -> None:
    """An invalid request is refused each time, on a kept connection and on new ones."""
    rejected = invalid.unknown_parameter("foo")
    if not scene.needs.is_sound("body.unknown-parameter") and scene.needs.is_sound("body.customer-required"):
        rejected = invalid.missing_customer()[0]
    expect_steady(scene, rejected, fresh=False)


@alone
@clause("robustness.same-request-same-answer", also=("header.request-id",), last=True)
def test_same_success(scene: Scene) -> None:
    """A valid request succeeds each time, on a kept connection and on new ones."""
    expect_steady(scene, MINIMAL, fresh=True)
