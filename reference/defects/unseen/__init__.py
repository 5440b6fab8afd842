"""Mistakes written from the clauses alone, without a look at the tests: what the suite was not made for.

The `first_` ones came before the tests were widened, the `second_` ones after that, and the `third_`
ones later still.
"""

from __future__ import annotations

from . import (
    first_access,
    first_answers,
    first_expand,
    first_requests,
    first_state,
    first_stripe,
    second_answers,
    second_body,
    second_changes,
    second_codes,
    second_expand,
    second_keys,
    second_request,
    second_state,
    second_sturdiness,
    third_answers,
    third_body,
    third_decoding,
    third_expand,
    third_keys,
    third_refusals,
    third_state,
    third_sturdiness,
)

__all__ = ["UNSEEN"]

UNSEEN = (
    first_access,
    first_answers,
    first_expand,
    first_requests,
    first_state,
    first_stripe,
    second_answers,
    second_body,
    second_changes,
    second_codes,
    second_expand,
    second_keys,
    second_request,
    second_state,
    second_sturdiness,
    third_answers,
    third_body,
    third_decoding,
    third_expand,
    third_keys,
    third_refusals,
    third_state,
    third_sturdiness,
)
"""The modules, each a chapter."""
