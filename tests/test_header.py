"""Headers: what Stripe says beside the body after authentication."""

from __future__ import annotations

from conformance.scenes.marks import clause
from conformance.scenes.target import Target
from strategies import stripe


@clause("header.request-id")
def test_request_id(target: Target) -> None:
    """Every answer, a refusal too, has an id of its own, by which support finds the request."""
    target.identifies_answers(stripe.OF_ALL_KINDS)


@clause("header.version")
def test_version(target: Target) -> None:
    """The version that was asked for counts and is named in the answer, and what is none is refused."""
    target.names_version(stripe.OF_ALL_KINDS, *stripe.ILL_FORMED_VERSIONS)


@clause("header.cache-control")
def test_cache_control(target: Target) -> None:
    """Answers about payments are kept by no cache."""
    target.forbids_caching(stripe.OF_ALL_KINDS)
