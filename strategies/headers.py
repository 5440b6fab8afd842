"""Requests that differ in their headers only, and that are rejected alike."""

from __future__ import annotations

from contracts.contract import FORM_MEDIA_TYPE
from strategies.comparison import Comparison
from strategies.refusals import NO_CUSTOMER

LIKE_CURL = Comparison(NO_CUSTOMER, (NO_CUSTOMER.but(accept="*/*", label="with Accept: */*"),))
"""A request that is rejected, with the Accept that curl and other clients send of their own."""

IN_LOWER_CASE = Comparison(
    NO_CUSTOMER,
    (
        NO_CUSTOMER.but(
            headers=(("content-type", FORM_MEDIA_TYPE), ("accept", "application/json"), ("user-agent", "conformance")),
            credentials="bearer in a lower-case header",
            label="with the names of its headers in lower case",
        ),
    ),
)
"""A request with the names of its headers in lower case, as HTTP/2 and some libraries write them."""

NAMELESS = Comparison(NO_CUSTOMER, (NO_CUSTOMER.but(headers=(("User-Agent", ""),), label="without User-Agent"),))
"""A request of a client that does not say its name."""

WITHOUT_GZIP = NO_CUSTOMER.but(headers=(("Accept-Encoding", "gzip;q=0"),), label="with Accept-Encoding: gzip;q=0")
"""A request whose client cannot read gzip."""

SCHEMES_IN_LOWER_CASE = tuple(
    Comparison(
        NO_CUSTOMER, (NO_CUSTOMER.but(credentials=f"lower-case {scheme}", label=f"by `{scheme}`, in lower case"),)
    )
    for scheme in ("bearer", "basic")
)
"""A request with the name of its scheme of authentication in lower case, each compared with the usual one."""
