"""Headers: what Stripe says beside the body after authentication."""

from __future__ import annotations

from conformance import judge
from conformance.scenes.marks import clause, in_turn
from conformance.scenes.scene import Scene
from conformance.scenes.stories import get_answers_of_all_kinds
from contracts import published_contract
from strategies import malformed, stripe

CHECKED = stripe.rejected_by_checks(published_contract())


@in_turn("answers of all kinds")
@clause("header.request-id")
def test_request_id(scene: Scene) -> None:
    """Every answer, a rejection too, has an id of its own, by which support finds the request.

    A server before the API may reject what it cannot read, without an id.
    """
    rejected = map(scene.sample, CHECKED)
    unread = [scene.sample(attempt) for attempt in malformed.UNREADABLE]
    of_the_api = [step for step in unread if (step.exchange.header("Request-Id") or "").startswith("req_")]
    scene.expect(judge.identified, *get_answers_of_all_kinds(scene, stripe.OF_ALL_KINDS), *rejected, *of_the_api)


IN_EVERY_VERSION = ("body.customer-required", "body.unknown-parameter")
"""The clauses that the requests of all kinds break, each asking for an older version."""


@in_turn("answers of all kinds")
@clause("header.version", also=IN_EVERY_VERSION)
def test_version(scene: Scene) -> None:
    """The answer names the version that the request asked for, and a body is checked in older ones, too."""
    also = [(clause, judge.refused_if_broken) for clause in IN_EVERY_VERSION]
    scene.expect(judge.versioned, *get_answers_of_all_kinds(scene, stripe.OF_ALL_KINDS), also=also)


@clause("header.version", further=True)
def test_ill_formed_version(scene: Scene) -> None:
    """A version that does not exist is rejected."""
    scene.expect(judge.versioned, *map(scene.sample, stripe.ILL_FORMED_VERSIONS))


@in_turn("answers of all kinds")
@clause("header.cache-control")
def test_cache_control(scene: Scene) -> None:
    """Answers about payments are kept by no cache."""
    rejected = map(scene.sample, CHECKED)
    scene.expect(judge.uncached, *get_answers_of_all_kinds(scene, stripe.OF_ALL_KINDS), *rejected)
