"""The success: one clause for each thing that a client reads in it.

Every clause here looks at a small sample; besides, each successful answer of the whole run is judged by all of them.
"""

from __future__ import annotations

import pytest

from conformance.scenes.marks import clause
from conformance.scenes.target import Target
from strategies import credentials
from strategies.requests import SAMPLE
from strategies.valid import EXPANDED_FOR_OTHER_CUSTOMER, MINIMAL


@clause("response.json", look="closer")
def test_framing_is_true(target: Target) -> None:
    """One RFC 8259 value in UTF-8, and nothing but what Content-Length and Content-Encoding announce."""
    target.answers_well(MINIMAL.but(transport="raw"))


@pytest.mark.parametrize(
    "slug",
    [
        pytest.param(slug, marks=clause(slug), id=slug.partition(".")[2])
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
def test_success(target: Target, slug: str) -> None:
    """The body of a success is what the clause says, in a plain and in an expanded answer."""
    target.answers_well(*SAMPLE)


@clause("error.status-class", look="closer")
def test_expanded_wish_of_another(target: Target) -> None:
    """Whether another customer may have what is attached is for other clauses: the server does not fail over it."""
    target.answers_on_attached(EXPANDED_FOR_OTHER_CUSTOMER)


@clause("error.no-secrets", look="closer")
def test_no_secrets(target: Target) -> None:
    """A key that is refused does not come back either, in whichever scheme it came: answers are logged everywhere."""
    target.answers(*credentials.unknown_keys()[1:], credentials.IN_ANOTHER_SCHEME)
