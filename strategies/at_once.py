"""Requests with all the differences at once that are to change nothing: where they hold, one request is enough."""

from __future__ import annotations

from contracts.contract import FORM_MEDIA_TYPE
from strategies.attempt import IN_LOWER_CASE_HEADER, Attempt, Pair
from strategies.comparison import Comparison
from strategies.headers import BY_QUALITY, FROM_A_PAGE, OTHERS, together
from strategies.requests import CHUNKED_WITH_A_CAPITAL
from strategies.valid import CUSTOMER, EXPANDED, MINIMAL
from strategies.values import Known, joined
from strategies.wire import Spelling

REQUIRED_AT_ONCE = Comparison(
    EXPANDED,
    (
        Attempt(
            payload=joined(
                "expand%5b]=customer&&%63%75%73%74%6f%6d%65%72=",
                Known("customer", "percent-encoded"),
                "&expand%5b]=",
                "card.generated_from.setup_attempt",
            ),
            kind="wire",
            transport="raw",
            accept=None,
            headers=(("content-type", f"{FORM_MEDIA_TYPE};charset=utf-8"), ("user-agent", "conformance")),
            credentials=IN_LOWER_CASE_HEADER,
            label="in another order, with escapes, a charset and header names in lower case, without Accept",
        ),
    ),
    needs_success=True,
)
"""An expanded body, compared with itself after all changes at once that must not change the answer.

The second path that it expands leads to nothing: the entries of an array need not stand together.
"""

RECOMMENDED_AT_ONCE = Comparison(
    MINIMAL,
    (
        Attempt(
            (Pair(CUSTOMER.name, CUSTOMER.value, Spelling("all"), Spelling("all", lower_hex=True)),),
            kind="wire",
            transport="raw",
            chunked=True,
            path_id=Known("payment_method", "percent-encoded"),
            accept=BY_QUALITY,
            headers=(
                ("Content-Type", 'Application/X-WWW-Form-UrlEncoded; charset="UTF-8";'),
                ("User-Agent", ""),
                CHUNKED_WITH_A_CAPITAL,
                *FROM_A_PAGE,
                *together(OTHERS).subjects[0].headers,
            ),
            label="in chunks, with escapes, capitals, quotes, and headers of browsers and proxies, without User-Agent",
        ),
    ),
    needs_success=True,
)
"""A minimal body, compared with itself after all changes at once that should not change the answer."""
