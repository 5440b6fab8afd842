"""Requests that differ in all but the body: media types, methods, Accept, the query, the path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from contracts.contract import FORM_MEDIA_TYPE
from strategies.attempt import Attempt, Invalid, Pair
from strategies.comparison import Comparison
from strategies.invalid import unknown_parameter
from strategies.valid import CUSTOMER, EXPANDED, MINIMAL
from strategies.values import Joined, Known

OTHER_METHODS = ("GET", "PUT", "PATCH", "DELETE")
IN_QUERY = ("GET", "DELETE")
"""The methods whose parameters usually are in the query."""


def with_charset(attempt: Attempt, parameter: str) -> Comparison:
    """Return the attempt with a parameter to its media type, compared with itself without."""
    headers = (("Content-Type", f"{FORM_MEDIA_TYPE}{parameter}"),)
    subject = attempt.but(headers=headers, label=f"with {parameter.strip('; ') or 'a semicolon behind its media type'}")
    return Comparison(attempt, (subject,), needs_success=True)


NOT_ASCII = Attempt((Pair("customer", "cus_é€😀"),), kind="wire")
QUOTED = '; charset="utf-8"'

CHARSETS: Sequence[Comparison] = (
    with_charset(MINIMAL, "; charset=utf-8"),
    Comparison(
        NOT_ASCII, with_charset(NOT_ASCII, "; charset=utf-8").subjects + with_charset(NOT_ASCII, QUOTED).subjects
    ),
    with_charset(EXPANDED, ";charset=utf-8"),
)
"""The charset that every form has anyway."""

CHARSET_OF_REFUSED = replace(with_charset(unknown_parameter("foo", ""), "; charset=utf-8"), needs_success=False)
"""The charset, in a request that is rejected for a name without a value."""

CHARSET_IN_CAPITALS = with_charset(MINIMAL, "; charset=UTF-8")
NO_PARAMETER = with_charset(MINIMAL, ";")


def _labelled(media_type: str, *parts: str | Known) -> Attempt:
    why = f"the body is {media_type.removesuffix('; charset=utf-8')}, the operation takes {FORM_MEDIA_TYPE}"
    return Attempt(
        payload=Joined(parts),
        kind="invalid",
        invalid=Invalid("media type", why),
        headers=(("Content-Type", media_type),),
        label=media_type.partition(";")[0],
    )


def json_bodies() -> Sequence[Attempt]:
    """Return requests with the good customer in JSON."""
    body = ('{"customer": "', Known("customer"), '"}')
    expanded = ('{"customer": "', Known("customer"), '", "expand": ["customer"]}')
    as_form = Invalid("customer", "the body is JSON, though it calls itself a form: it has no parameter `customer`")
    return (
        _labelled("application/json; charset=utf-8", *body),
        Attempt(payload=Joined(body), kind="invalid", invalid=as_form, label="JSON that calls itself a form"),
        _labelled("application/json", *expanded),
        _labelled("application/vnd.api+json", *body),
    )


def other_media_types() -> Sequence[Attempt]:
    """Return requests with the good customer in multipart and in plain text."""
    boundary = "conformance"
    part = f'--{boundary}\r\nContent-Disposition: form-data; name="customer"\r\n\r\n'
    return (
        _labelled(f"multipart/form-data; boundary={boundary}", part, Known("customer"), f"\r\n--{boundary}--\r\n"),
        _labelled("text/plain", "customer=", Known("customer")),
    )


FORM_CALLED_JSON = Attempt(
    (CUSTOMER,),
    kind="invalid",
    invalid=Invalid("media type", f"the body is called JSON, the operation takes {FORM_MEDIA_TYPE}"),
    media_type="application/json",
    label="a form that calls itself JSON",
)
"""A good form under the name of JSON, which it is not."""


def other_methods() -> Sequence[Attempt]:
    """Return requests by every other method, with the customer in the query and in the body."""
    attempts = []
    for method in OTHER_METHODS:
        invalid = Invalid("method", f"{method} is no method of the operation")
        in_query = Attempt(kind="invalid", invalid=invalid, method=method, query=(CUSTOMER,))
        in_body = Attempt((CUSTOMER,), kind="invalid", invalid=invalid, method=method)
        attempts += [in_query, in_body]
    return tuple(attempts)


def other_methods_as_usual(*, usual: bool = True) -> Sequence[Attempt]:
    """Return requests by every other method, with the customer where the method usually has its parameters, or not."""
    return tuple(
        attempt for attempt in other_methods() if usual == (bool(attempt.query) == (attempt.method in IN_QUERY))
    )


def other_methods_elsewhere() -> Sequence[Attempt]:
    """Return requests with the customer where their method usually has no parameters; one by OPTIONS is among them."""
    preflight = Attempt(
        (CUSTOMER,), kind="invalid", invalid=Invalid("method", "OPTIONS changes nothing"), method="OPTIONS"
    )
    elsewhere = other_methods_as_usual(usual=False)
    return (*(attempt for attempt in elsewhere if attempt.method != "PATCH"), preflight)


def other_urls() -> Sequence[Attempt]:
    """Return good requests to URLs that are almost the operation's."""
    why = Invalid("path", "the operation has another URL")
    return tuple(
        MINIMAL.but(kind="invalid", invalid=why, suffix=suffix, label=f"to …{suffix}")
        for suffix in ("/attach/", "/ATTACH", "/attach.json", "//attach", "/attach;x=1", "/attach%0A")
    )


MEDIA_TYPE_IN_CAPITALS = Comparison(
    MINIMAL,
    (
        MINIMAL.but(
            headers=(("Content-Type", "Application/X-WWW-Form-UrlEncoded"),), label="with its media type in capitals"
        ),
    ),
    needs_success=True,
)
"""The media type in other capitals, compared with the usual ones."""

REJECTED_IN_CAPITALS = unknown_parameter("capitals").but(
    headers=(("Content-Type", "Application/X-WWW-Form-UrlEncoded"),), label="with its media type in capitals"
)
"""A body with an unknown parameter, by the media type in other capitals."""

CHUNKED_WITH_A_CAPITAL = ("Transfer-Encoding", "Chunked")
"""The header of a body in chunks as some clients write it: codings know no case (RFC 9112 section 7)."""

IN_CHUNKS = Comparison(
    MINIMAL,
    (MINIMAL.but(kind="wire", transport="raw", chunked=True, headers=(CHUNKED_WITH_A_CAPITAL,), label="in chunks"),),
    needs_success=True,
)
"""A body in the chunked transfer coding, compared with the same body with its length."""

PATH_ENCODED = Comparison(
    MINIMAL,
    (
        MINIMAL.but(
            kind="wire",
            transport="raw",
            path_id=Known("payment_method", "percent-encoded"),
            label="with every character of its id percent-encoded",
        ),
    ),
    needs_success=True,
)
"""The id in the path in percent escapes, compared with the plain one."""


QUERY_CUSTOMER = Attempt(kind="wire", query=(CUSTOMER,), label="with `customer` only in the query")


TWO_PLACES = Attempt(
    (CUSTOMER,),
    kind="wire",
    query=(Pair("customer", Known("other_customer")),),
    label="with another customer in the query",
)
"""A customer in the body, and another one in the query, which is no place for parameters of the operation."""

UNREADABLE_ANSWERS = MINIMAL.but(
    kind="wire",
    accept="image/png",
    headers=(("Accept-Encoding", "identity;q=0"),),
    label="by a client that can read no answer",
)
"""A good request that allows neither JSON nor an answer without a content coding."""


def twice(*names: str) -> Attempt:
    """Return a body with `customer` once for each of the named fixtures."""
    return Attempt(tuple(Pair("customer", Known(name)) for name in names), kind="wire")


TWO_CUSTOMERS = twice("customer", "other_customer")
"""Two known customers under the one name."""

OF_ANOTHER_TYPE = MINIMAL.but(kind="wire", label="of a payment method that is no card")
"""A good request about a payment method that need not be one that this server attaches."""

SAMPLE = (MINIMAL, EXPANDED)
"""The requests whose successes every clause of the chapter `response` judges."""
