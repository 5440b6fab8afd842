"""Requests that differ in their headers only, and that are rejected alike."""

from __future__ import annotations

from contracts.contract import FORM_MEDIA_TYPE
from strategies.attempt import IN_LOWER_CASE_HEADER
from strategies.comparison import Comparison
from strategies.invalid import missing_customer
from strategies.refusals import NO_CUSTOMER
from strategies.valid import MINIMAL

INVALID = missing_customer()[0]
"""What any validation rejects."""


def _with_accept(accept: str | None) -> Comparison:
    label = f"with Accept: {accept}" if accept else "without Accept"
    return Comparison(INVALID, (INVALID.but(accept=accept, label=label),))


BY_QUALITY = "application/json;q=0.9, */*;q=0.8"
WITHOUT_ACCEPT = _with_accept(None)
"""A request that a validation rejects, without an Accept header."""
ACCEPTED_BY_QUALITY = _with_accept(BY_QUALITY)
"""A request that a validation rejects, with an Accept header that lists JSON among others."""

ANYTHING_ACCEPTED = _with_accept("*/*")
"""A request that a validation rejects, with the Accept header that curl sends."""

FROM_A_PAGE = (("Origin", "https://shop.example"), ("Referer", "https://shop.example/cart"))

FROM_ANOTHER_SITE = Comparison(
    NO_CUSTOMER, (NO_CUSTOMER.but(headers=FROM_A_PAGE, label="with Origin and Referer of another site"),)
)
"""A request with the headers that a browser on another site adds."""

OTHERS = tuple(
    Comparison(MINIMAL, (MINIMAL.but(headers=headers, transport="raw", label=label),), needs_success=True)
    for label, headers in (
        ("with Accept-Language: *", (("Accept-Language", "*"),)),
        ("with a Range", (("Range", "bytes=0-9"),)),
        ("with a cookie of another site", (("Cookie", "theme=%zz"),)),
        ("with the offer of an upgrade", (("Connection", "Upgrade"), ("Upgrade", "h2c"))),
    )
)
"""Requests with a header that the operation does not name, as clients, proxies and other sites' scripts add them."""

UNNAMED = tuple(header for other in OTHERS for subject in other.subjects for header in subject.headers)

OTHERS_AT_ONCE = Comparison(
    MINIMAL,
    (MINIMAL.but(headers=UNNAMED, transport="raw", label="with headers that the operation does not name"),),
    needs_success=True,
)
"""A request with all of these headers at once."""

IN_LOWER_CASE = Comparison(
    NO_CUSTOMER,
    (
        NO_CUSTOMER.but(
            headers=(("content-type", FORM_MEDIA_TYPE), ("accept", "application/json"), ("user-agent", "conformance")),
            credentials=IN_LOWER_CASE_HEADER,
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
