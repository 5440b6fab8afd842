"""Mistakes written from the clauses alone, without a look at the tests: what the suite was not made for.

The `first_` ones came before the tests were widened, the `second_` ones after that, the `third_` ones
later still, and the `fourth_` ones last.
"""

from __future__ import annotations

from . import (
    first_access,
    first_answers,
    first_expand,
    first_requests,
    first_state,
    first_stripe,
    fourth_answers,
    fourth_body,
    fourth_expand,
    fourth_refusals,
    fourth_requests,
    fourth_state,
    fourth_stripe,
    fourth_sturdiness,
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
    fourth_answers,
    fourth_body,
    fourth_expand,
    fourth_refusals,
    fourth_requests,
    fourth_state,
    fourth_stripe,
    fourth_sturdiness,
)
"""The modules, each a chapter."""
