"""The answers that front ends and other methods may give in words of their own, by the judge."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.examples import SUCCESS, but, episode, exchange
from conformance.evidence.episode import Episode, Outcome, Step
from meta_tests.test_judge import broken_by, judged


def test_501_is_legal_for_a_method_that_the_operation_does_not_have() -> None:
    """Python's http.server answers 501 with a page to a method that it knows no function for."""
    page = b"<p>Unsupported method ('PUT').</p>"
    answer = exchange(501, page, media_type="text/html", method="PUT")
    assert not broken_by(answer)
    assert judged(episode("not_obeyed", answer, clause="request.other-methods")).outcome is Outcome.PASS
    assert broken_by(exchange(501, page, media_type="text/html")) == {"error.status-class"}
    assert broken_by(exchange(500, page, media_type="text/html", method="PUT")) == {"error.status-class"}


@pytest.mark.parametrize("answer", [(204, b""), (200, b"POST, OPTIONS"), (403, b"Invalid CORS request"), (405, b"")])
def test_options_may_be_answered_in_any_words_but_attaches_nothing(answer: tuple[int, bytes]) -> None:
    """Middleware for other sites answers it, before any application (RFC 9110 section 9.3.7)."""
    asked = exchange(*answer, media_type="text/plain", method="OPTIONS")
    assert not broken_by(asked)
    case = episode("not_obeyed", asked, clause="request.other-methods")
    assert judged(case).outcome is Outcome.PASS
    attached = Step("follow-up", exchange(200, SUCCESS, method="GET", sent=""))
    assert judged(replace(case, steps=(*case.steps, attached))).broken == {"request.other-methods"}


def test_a_condition_that_does_not_hold_is_refused_in_any_words() -> None:
    """A server with entity tags may refuse `If-None-Match: *` with 412 (RFC 9110 section 13.1.2)."""
    refusal = exchange(412, b"Precondition Failed", media_type="text/plain")
    assert broken_by(refusal) == {"error.envelope"}
    asked = replace(refusal.request, headers=(("If-None-Match", "*"),))
    assert not broken_by(replace(refusal, request=asked))


def test_an_expectation_may_be_refused_in_any_words() -> None:
    """A server that does not know `Expect` may answer 417 (RFC 9110 section 15.5.18), also before any application."""
    refusal = exchange(417, b"<p>Expectation Failed</p>", media_type="text/html")
    assert broken_by(refusal) == {"error.envelope"}
    asked = replace(refusal.request, headers=(("Expect", "100-continue"),))
    assert not broken_by(replace(refusal, request=asked))


def test_a_request_without_a_length_may_be_refused_in_any_words() -> None:
    """A front end may want a Content-Length (RFC 9110 section 15.5.12), as lighttpd does of a POST without a body."""
    refusal = exchange(411, b"<h1>Length Required</h1>", media_type="text/html")
    assert broken_by(refusal) == {"error.envelope"}
    bare = replace(refusal.request, body=None)
    assert broken_by(replace(refusal, request=bare)) == {"error.envelope"}, "the sender announces an empty body"
    assert not broken_by(replace(refusal, request=replace(bare, raw=True)))
    assert not broken_by(replace(refusal, request=replace(refusal.request, raw=True, chunked=True)))


@pytest.mark.parametrize(("header", "key"), [("S\u00e3o Paulo", "bearer"), ("Paris", "Bearer \u00e9")])
def test_what_is_beyond_ascii_in_a_header_may_be_refused_in_any_words(header: str, key: str) -> None:
    """RFC 9110 section 5.5 calls such characters obsolete, and HTTP libraries refuse them before any application."""
    refusal = exchange(400, b"", media_type=None)
    assert broken_by(refusal) == {"error.envelope"}
    asked = replace(refusal.request, headers=(("Cf-Ipcity", header),), credentials=key)
    assert not broken_by(replace(refusal, request=asked))


@pytest.mark.parametrize(("length", "is_legal"), [(8_000, False), (9_000, True)])
def test_a_front_end_may_say_of_a_large_body_that_it_is_too_large(length: int, is_legal: bool) -> None:
    """Clauses about lengths judge a limit that is too small: the page that says so is no second mistake."""
    refused = exchange(413, b"<html>Request Entity Too Large</html>", sent="customer=" + "a" * length)
    assert broken_by(refused) == (set() if is_legal else {"error.envelope"})


def test_a_page_for_another_method_is_no_success_of_the_operation() -> None:
    """request.other-methods reports it, and an application of one page answers every GET with its page."""
    page = b"<!doctype html>"
    assert not broken_by(exchange(200, page, media_type="text/html", method="GET"))
    assert broken_by(exchange(200, page, media_type="text/html")) == {"response.json"}


def test_an_answer_has_one_media_type() -> None:
    twice = replace(exchange(200, SUCCESS), headers=(("Content-Type", "application/json"),) * 2)
    assert broken_by(twice) == {"response.media-type"}


def test_the_id_of_what_a_shared_token_makes_needs_no_prefix() -> None:
    """Stripe counts prefixes of ids among what may change; only the clause about test tokens asks for one."""
    assert not broken_by(exchange(200, but(SUCCESS, id="100152"), payment_method="pm_card_visa"))
    assert broken_by(exchange(200, but(SUCCESS, id=...), payment_method="pm_card_visa")) == {"response.id"}


def test_a_redirect_from_an_unclean_path_is_no_answer_of_the_operation() -> None:
    """Routers of Go and Python redirect `…//attach` to the clean path (RFC 3986 section 6.2.2.3)."""
    assert broken_by(exchange(308, b"")) == {"error.status-class"}
    assert not broken_by(exchange(308, b"", payment_method="pm_1/"))


@pytest.mark.parametrize(("segment", "is_legal"), [("%00", True), ("pm_%2Fx", True), ("%zz", False), ("pm_x", False)])
def test_a_front_end_may_find_nothing_behind_an_escaped_slash_or_nul(segment: str, is_legal: bool) -> None:
    page = exchange(404, b"<html>Not Found</html>", media_type="text/html", payment_method=segment)
    of_robustness = episode("survived", page, clause="robustness.path-encoding", kind="wire")
    assert judged(of_robustness).broken == (set() if is_legal else {"error.envelope"})
    assert judged(episode("rejected", page, kind="wire")).broken == {"error.envelope"}


def test_a_part_of_a_body_is_reported_by_the_clause_about_headers_alone() -> None:
    """Apache and Varnish answer a `Range` so by default, and compress the whole first."""
    control, part = exchange(200, SUCCESS), exchange(206, b'{"id": "pm')
    asked = replace(part, request=replace(part.request, headers=(("Range", "bytes=0-9"),)))
    steps = (Step("control", control, kind="valid"), Step("subject", asked, kind="valid"))
    case = Episode("request.other-headers", "same_answer", steps, {})
    assert judged(case).broken == {"request.other-headers"}
    assert "response.json" in broken_by(part)


def test_malformed_requests_may_be_refused_by_a_front_end() -> None:
    bare = episode(
        "survived", exchange(400, b"Bad Request", media_type="text/plain"), clause="robustness.quotes", kind="wire"
    )
    assert not judged(bare).findings
    other = episode("rejected", exchange(400, b"Bad Request", media_type="text/plain"), kind="wire")
    assert judged(other).broken == {"error.envelope"}
