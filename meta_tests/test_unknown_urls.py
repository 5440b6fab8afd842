"""A server may look for a URL before it looks at the key: the real service does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance.evidence.episode import Outcome
from meta_tests.test_stripe_profile import INVALID, error, outcome


@pytest.mark.parametrize(
    ("method", "status", "expected"),
    [
        ("GET", 404, Outcome.PASS),
        ("PUT", 405, Outcome.PASS),
        ("GET", 401, Outcome.PASS),
        ("GET", 400, Outcome.FAIL),
        ("DELETE", 403, Outcome.FAIL),
        ("POST", 404, Outcome.FAIL),
        ("POST", 405, Outcome.FAIL),
    ],
)
def test_only_an_unknown_url_may_come_before_the_key(method: str, status: int, expected: Outcome) -> None:
    answer = error(status, INVALID, key="none")
    asked = replace(answer, request=replace(answer.request, method=method))
    assert outcome("auth.first", "key_first", ("subject", asked)) is expected
