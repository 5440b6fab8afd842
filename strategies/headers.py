"""Requests that differ in their headers only, and that are rejected alike."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.contract import FORM_MEDIA_TYPE
from strategies.attempt import IN_LOWER_CASE_HEADER
from strategies.comparison import Comparison
from strategies.invalid import missing_customer
from strategies.refusals import NO_CUSTOMER, NO_VERSION
from strategies.valid import MINIMAL
from strategies.values import Text

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

FROM_A_PAGE = (
    ("Origin", "https://shop.example"),
    ("Referer", "https://shop.example/cart"),
    ("Sec-Fetch-Site", "cross-site"),
)

FROM_ANOTHER_SITE = Comparison(
    NO_CUSTOMER,
    (NO_CUSTOMER.but(headers=FROM_A_PAGE, label="with Origin, Referer and Sec-Fetch-Site of another site"),),
)
"""A request with the headers that a browser on another site adds."""


def _with_others(label: str, *headers: tuple[str, Text]) -> Comparison:
    return Comparison(MINIMAL, (MINIMAL.but(headers=headers, transport="raw", label=label),), needs_success=True)


PAST_SESSIONS = "PHPSESSID=a%2Fb; JSESSIONID=9C1185A5C5E9FC54612808977EE8F548; sessionid=gone; connect.sid=s%3Agone.x"
"""Cookies of sessions that no server knows, by the names that usual frameworks give them."""

OF_A_BROWSER = (
    ("Cf-Ipcountry", "BR"),
    ("Cloudfront-Is-Desktop-Viewer", "true"),
    ("Cloudfront-Viewer-Country", "BR"),
    ("Device-Memory", "8"),
    ("Dnt", "1"),
    ("Downlink", "10"),
    ("Dpr", "1.5"),
    ("Ect", "4g"),
    ("Priority", "u=1, i"),
    ("Rtt", "50"),
    ("Save-Data", "on"),
    ("Sec-Ch-Prefers-Color-Scheme", "dark"),
    ("Sec-Ch-Prefers-Reduced-Motion", "reduce"),
    ("Sec-Ch-Ua", '"Chromium";v="140", "Not=A?Brand";v="24"'),
    ("Sec-Ch-Ua-Arch", '"x86"'),
    ("Sec-Ch-Ua-Bitness", '"64"'),
    ("Sec-Ch-Ua-Full-Version-List", '"Chromium";v="140.0.7339.80", "Not=A?Brand";v="24.0.0.0"'),
    ("Sec-Ch-Ua-Mobile", "?0"),
    ("Sec-Ch-Ua-Model", '""'),
    ("Sec-Ch-Ua-Platform", '"Linux"'),
    ("Sec-Ch-Ua-Platform-Version", '"6.14.0"'),
    ("Sec-Gpc", "1"),
    ("Viewport-Width", "1280"),
    ("X-Amzn-Trace-Id", "Root=1-67891233-abcdef012345678912345678"),
    ("X-Azure-Ref", "0zxV+XAAAAABKMMOjBv2NT4TY6SQVjC0zV1NURURHRTA2MTkA"),
    ("X-Varnish", "32770"),
)
"""What a browser hints at, and what networks before a server add: a request has more than 32 headers with them."""

OTHERS: Sequence[Comparison] = (
    _with_others("with Accept-Language: *, es-419", ("Accept-Language", "*, es-419;q=0.9")),
    _with_others("with a Range", ("Range", "bytes=0-9")),
    _with_others("with cookies of another site", ("Cookie", f"theme=%zz; expand=customer; {PAST_SESSIONS}")),
    _with_others("with a header named like a parameter", ("Expand", "customer")),
    _with_others("with the offer of an upgrade", ("Connection", "Upgrade"), ("Upgrade", "h2c")),
    _with_others("with Expect: 100-continue", ("Expect", "100-continue")),
    _with_others(
        "with addresses that proxies add",
        ("Client-Ip", "192.0.2.1"),
        ("X-Forwarded-For", "198.51.100.7:4711, unknown"),
        ("Forwarded", 'for="198.51.100.7:4711", for=unknown'),
        ("X-Real-Ip", "unknown"),
        ("Via", "1.1 proxy.example"),
    ),
    _with_others("with Accept-Encoding: deflate", ("Accept-Encoding", "deflate")),
    _with_others("with a header that has an underscore for a hyphen", ("Stripe_Version", NO_VERSION)),
    _with_others(
        "with the address that a front-end server has rewritten",
        ("X-Original-Url", "/conformance"),
        ("X-Rewrite-Url", "/conformance"),
    ),
    _with_others(
        "with the headers in which some frameworks look for a method",
        ("X-Http-Method-Override", "GET"),
        ("X-Http-Method", "GET"),
        ("X-Method-Override", "GET"),
    ),
    _with_others("with the hints of a browser and the headers of networks before the server", *OF_A_BROWSER),
    _with_others("with a header beyond ASCII", ("Cf-Ipcity", "São Paulo".encode().decode("latin-1"))),
)
"""Requests with a header that the operation does not name, as clients, proxies and other sites' scripts add them."""

OF_NO_SITE = _with_others("with Origin: null", ("Origin", "null"))
"""A request of a page that browsers count as no site: from a file, in a frame, or after a redirect."""


def together(comparisons: Sequence[Comparison]) -> Comparison:
    """Return one request with the headers of all."""
    headers = tuple(header for one in comparisons for subject in one.subjects for header in subject.headers)
    return _with_others("with headers that the operation does not name", *headers)


IN_LOWER_CASE = Comparison(
    NO_CUSTOMER,
    (
        NO_CUSTOMER.but(
            headers=(("content-type", FORM_MEDIA_TYPE), ("accept", "application/json"), ("user-agent", "conformance")),
            credentials=IN_LOWER_CASE_HEADER,
            label="with the names of its headers in lower case, and no blank behind their colons",
        ),
    ),
)
"""A request with the names of its headers in lower case, as HTTP/2 and some libraries write them.

Behind such a name the blank is left out that may follow a colon.
"""

WITHOUT_GZIP = NO_CUSTOMER.but(
    headers=(("User-Agent", ""), ("Accept-Encoding", "gzip;q=0")),
    label="without User-Agent, with Accept-Encoding: gzip;q=0",
)
"""A request whose client cannot read gzip, and does not say its name."""

NAMELESS = Comparison(NO_CUSTOMER, (WITHOUT_GZIP,))
"""A request of a client that does not say its name."""

SCHEMES_IN_LOWER_CASE = tuple(
    Comparison(
        NO_CUSTOMER, (NO_CUSTOMER.but(credentials=f"lower-case {scheme}", label=f"by `{scheme}`, in lower case{more}"),)
    )
    for scheme, more in (("bearer", " and with two blanks behind it"), ("basic", ""))
)
"""A request with the name of its scheme of authentication in lower case, each compared with the usual one."""
