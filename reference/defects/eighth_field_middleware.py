"""Mistakes of middleware and gateways: addresses, API keys, versions, idempotency keys and traces."""

from __future__ import annotations

import re

from ..behaviour import Finish, Guard, Once
from ..call import Call, Endpoint
from ..changes import interrupt, rejection, wrap_at_attach
from ..rules import errors
from ..wire.values import Answer, Headers, Response
from .eighth_field_parsers import BATCH, TEXT
from .parts import unexpected_error
from .registry import Topic

contract = Topic("contract")
stripe = Topic("stripe")

OWN_HOSTS = ("127.0.0.1", "localhost", "api.example.com")
KEY_COLUMN = 64
"""The width of the column of idempotency keys, in characters."""
OLD_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
NOT_IN_FINGERPRINTS = frozenset(("authorization", "connection", "content-length", "date", "idempotency-key"))
"""The headers that a fingerprint of a request leaves out."""


# Addresses.


contract.row("forwarded-http-is-redirected", "error.status-class", "medium", batch=BATCH)(
    # `if (req.header("x-forwarded-proto") === "http") res.redirect(…)` on Heroku, Django's SECURE_SSL_REDIRECT.
    "`X-Forwarded-Proto: http` is answered with a redirect to https, 301.",
    interrupt(
        lambda call: (call.request.header("x-forwarded-proto") or "").lower() == "http",
        lambda call: Response(301, (("Location", f"https://localhost{call.request.target}"), *TEXT), b"Moved\n"),
    ),
)


@contract("request.other-headers", "medium", wrap_at_attach("check_version"), level="SHOULD", batch=BATCH)
def forwarded_host_outside_the_list_forbidden(usual: Guard, call: Call) -> None:
    """A host in `X-Forwarded-Host` that is not on the list is 403.

    HostAuthorization of Rails 6 to 8 and of Sinatra 4.1, ALLOWED_HOSTS of Django with USE_X_FORWARDED_HOST.
    """
    usual(call)
    host = call.request.header("x-forwarded-host")
    if host is not None and host.partition(":")[0] not in OWN_HOSTS:
        raise rejection(403, "Host not permitted")


@contract("error.status-class", "hard", wrap_at_attach("check_version"))
def real_address_that_is_none_crashes(usual: Guard, call: Call) -> None:
    """An `X-Real-IP` that is no address is a 500: `net.ParseIP` returns nil, which nobody looks at."""
    usual(call)
    if call.request.header("x-real-ip") == "unknown":
        raise unexpected_error()


contract.row("past-session-is-redirected", "error.status-class", "medium")(
    # Spring Security's invalid-session-url: a cookie of a session that has ended.
    "The cookie of a session that is not known is answered with a redirect to the page for expired sessions.",
    interrupt(
        lambda call: "JSESSIONID=" in (call.request.header("cookie") or ""),
        lambda call: Response(302, (("Location", "/expired"), *TEXT), b""),
    ),
)


# API keys.


@stripe("error.status-class", "easy", wrap_at_attach("authenticate"), batch=BATCH)
def missing_authorization_crashes(usual: Guard, call: Call) -> None:
    """A request without an Authorization header is a 500: `req.headers.authorization.split(" ")`.

    Middleware by hand in JavaScript, and Python's `request.headers["Authorization"]` outside of Flask.
    """
    if call.request.header("authorization") is None:
        raise unexpected_error()
    usual(call)


@stripe("error.status-class", "medium", wrap_at_attach("authenticate"), batch=BATCH)
def scheme_alone_crashes(usual: Guard, call: Call) -> None:
    """An Authorization header of one word, or of three, is a 500: `scheme, key = header.split(" ")`.

    Middleware by hand in Python; in JavaScript, one word: `header.split(" ")[1].trim()`.
    """
    header = call.request.header("authorization")
    if header is not None and len(header.split()) != 2:
        raise unexpected_error()
    usual(call)


@stripe("response.media-type", "easy", wrap_at_attach("finish"), batch=BATCH)
def unauthorized_is_called_text(usual: Finish, call: Call, response: Response) -> Response:
    """The JSON of a 401 is called text/plain: `http.Error(w, string(body), 401)`.

    Go's net/http, whose http.Error sets the media type itself.
    """
    response = usual(call, response)
    if response.status != 401:
        return response
    return response.with_header("Content-Type", "text/plain; charset=utf-8")


# Versions and traces.


@stripe("header.version", "medium", wrap_at_attach("check_version"), batch=BATCH)
def versions_have_no_names(usual: Guard, call: Call) -> None:
    """A version with a release's name, `2025-03-31.basil`, is ill formed: the pattern is that of a date.

    Mocks from before the releases had names: /^\\d{4}-\\d{2}-\\d{2}$/.
    """
    version = call.request.header("stripe-version")
    if version is not None and not OLD_VERSION.fullmatch(version):
        call.version = None
        raise errors.bad_version(version)
    usual(call)


@stripe("header.request-id", "medium", wrap_at_attach("check_version"), batch=BATCH)
def request_id_is_the_trace(usual: Guard, call: Call) -> None:
    """`Request-Id` is the trace's id where the client sends `traceparent`: the same for all requests of a trace.

    OpenTelemetry: the id of the current span's context is what support asks for.
    """
    trace = (call.request.header("traceparent") or "").split("-")
    if len(trace) == 4:
        call.request_id = call.original_request = f"req_{trace[1]}"
    usual(call)


@stripe("header.request-id", "medium", wrap_at_attach("check_version"))
def request_id_is_the_correlation(usual: Guard, call: Call) -> None:
    """`Request-Id` is made of the client's `X-Correlation-Id`, where there is one: the same for all its requests."""
    named = call.request.header("x-correlation-id")
    if named is not None:
        call.request_id = call.original_request = f"req_{named}"
    usual(call)


# Idempotency keys.


@stripe("idempotency.replay", "medium", wrap_at_attach("once", prints=dict), batch=BATCH)
def headers_are_part_of_the_fingerprint(
    usual: Once, call: Call, endpoint: Endpoint, prints: dict[str, Headers]
) -> Answer:
    """The fingerprint of a request holds its headers: sent again with another User-Agent, it is another request.

    Middleware that hashes what it has: `hash({ method, url, headers, body })`.
    """
    key = call.request.header("idempotency-key") or ""
    mine = tuple(sorted(header for header in call.request.headers if header[0] not in NOT_IN_FINGERPRINTS))
    if call.behaviour.idempotency_name(call, key) not in call.world.ledger.entries:
        prints[key] = mine
    elif prints.get(key, mine) != mine:
        raise errors.idempotency_error("Keys for idempotent requests can only be used with the same request.")
    return usual(call, endpoint)


@stripe("error.status-class", "medium", wrap_at_attach("once"), batch=BATCH)
def keys_do_not_fit_their_column(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
    """An idempotency key of more than 64 characters is a 500: value too long for type character varying(64).

    PostgreSQL 17; MySQL in strict mode says: Data too long for column.
    """
    key = call.request.header("idempotency-key")
    if key is not None and len(key) > KEY_COLUMN:
        raise unexpected_error()
    return usual(call, endpoint)
