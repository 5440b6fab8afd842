"""The success: one clause for each thing that a client reads in it.

Every clause here looks at a small sample; besides, each successful answer of the whole run is judged by all of them.
"""

from __future__ import annotations

import pytest

from conformance import judge
from conformance.scenes.marks import as_story, clause, clause_mark, each
from conformance.scenes.scene import Scene
from conformance.scenes.stories import attach_of_another_type, expect_well_formed
from strategies import Attempt, credentials, headers, malformed
from strategies.requests import OF_ANOTHER_TYPE, SAMPLE
from strategies.stripe import AGAIN, with_header
from strategies.valid import EXPANDED_FOR_OTHER_CUSTOMER, MINIMAL


@clause("response.json", quick=False)
def test_framing_is_true(scene: Scene) -> None:
    """One RFC 8259 value in UTF-8, and nothing but what Content-Length and Content-Encoding announce.

    So it is for a client that takes any media type, as most do.
    """
    attempt = MINIMAL.but(transport="raw")
    if scene.needs.is_sound("request.accept"):
        attempt = attempt.but(accept="*/*", label="with Accept: */*")
    expect_well_formed(scene, attempt)


@clause("response.accepted-coding", quick=False)
def test_coding_is_accepted(scene: Scene) -> None:
    """A client that rules a content coding out cannot read it."""
    scene.expect(judge.not_in_gzip, scene.sample(headers.WITHOUT_GZIP))


@pytest.mark.parametrize(
    "slug",
    [
        pytest.param(slug, marks=clause_mark(slug), id=slug)
        for slug in (
            "response.status",
            "response.object",
            "response.id",
            "response.customer",
            "response.type-hash",
            "response.created",
            "response.livemode",
            "response.metadata",
            "response.billing-details",
            "response.schema",
            "response.no-card-data",
        )
    ],
)
@as_story
def test_success(scene: Scene, slug: str) -> None:
    """The body of a success is what the clause says, in a plain and in an expanded answer."""
    expect_well_formed(scene, *SAMPLE)


OF_ANY_TYPE = ("response.customer", "response.created", "response.livemode", "response.billing-details")
"""The clauses about members that a payment method of any type has."""


@clause("response.type-hash", also=OF_ANY_TYPE, last=True)
def test_hash_of_another_type(scene: Scene) -> None:
    """A payment method that is no card has the hash of its type, where it can be attached, and what all have."""
    steps = attach_of_another_type(scene, OF_ANOTHER_TYPE)
    if not steps:
        scene.needs.end()
    also = [(slug, judge.well_formed) for slug in OF_ANY_TYPE] if len(steps) > 1 else []
    scene.expect(judge.has_hash_of_its_type, *steps, also=also)


@clause("error.status-class", quick=False)
def test_expanded_wish_of_another(scene: Scene) -> None:
    """A wish of another customer for an attached card is answered: other clauses say how."""
    attached = scene.sample(MINIMAL, role="set-up")
    scene.expect(judge.answered_well, attached, scene.attach(EXPANDED_FOR_OTHER_CUSTOMER, attached))


@clause("error.status-class", further=True)
@each("attempt", malformed.clashing_names())
def test_clashing_names(scene: Scene, attempt: Attempt) -> None:
    """A name that is a string and a hash at once is a client's mistake, and is answered like any other."""
    scene.expect(judge.answered_well, scene.send(attempt, rejected=True))


@clause("error.status-class", further=True)
def test_condition_on_a_post(scene: Scene) -> None:
    """A 304 answers GET and HEAD (RFC 9110 section 15.4.5): one who posts has no earlier answer to show instead."""
    first = scene.sample(MINIMAL, role="set-up")
    if not first.exchange.is_success or first.exchange.header("ETag") is None:
        scene.needs.end()
    unless_known = with_header(AGAIN, "If-None-Match", "*", "with If-None-Match: *")
    scene.expect(judge.answered_well, first, scene.attach(unless_known, first))


@clause("error.no-secrets", quick=False, last=True)
def test_no_secrets(scene: Scene) -> None:
    """A key that is refused does not come back either, in whichever scheme it came: answers are logged everywhere."""
    rejected = (*credentials.unknown_keys()[1:], credentials.IN_ANOTHER_SCHEME)
    scene.expect(judge.answered_well, *map(scene.sample, rejected))
