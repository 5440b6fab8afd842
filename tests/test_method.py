"""Methods: a URL that exists for POST alone is unknown to every other method."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conformance.marks import clause, pinned
from conformance.target import Target
from strategies import Attempt, requests

IN_BODY = sorted(requests.other_methods()[1::2], key=lambda attempt: attempt.method in requests.IN_QUERY)


@clause("method.unrecognized")
@pinned("attempt", IN_BODY)
@given(attempt=st.sampled_from(IN_BODY))
def test_other_methods_are_unrecognized(target: Target, attempt: Attempt) -> None:
    """Stripe answers 404, not 405, to a method that a path lacks: clients tell the two apart."""
    target.refuses_as_told(attempt)
