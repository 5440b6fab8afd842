"""Mistakes of middleware for API keys and for idempotency keys."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import replace
from urllib.parse import parse_qsl

from ..behaviour import Finish, Guard, Serve
from ..call import Call
from ..changes import interrupt, override, rejection, wrap, wrap_at_attach
from ..rules import errors
from ..wire.values import Response
from .fifth_field_requests import BATCH
from .first_try_answers import answer_rejections
from .parts import credentials_sent, unexpected_error
from .registry import Topic

stripe = Topic("stripe")

CREDENTIALS = re.compile(r"(?:bearer|basic) +\S+", re.IGNORECASE)
COLUMN = 1500
"""The width of the column for answers, in bytes."""


# API keys.


@stripe("auth.challenge", "medium", answer_rejections("unauthorized"), batch=BATCH)
def challenge_is_a_log_line(call: Call, response: Response) -> Response:
    """The WWW-Authenticate of a 401 is a line for the log, without a scheme.

    passport-azure-ad: microsoft-authentication-library-for-js issue 3450.
    """
    return response.with_header("WWW-Authenticate", "token: false, info: token is not found")


@stripe("auth.malformed", "medium", wrap_at_attach("authenticate"), also="auth.empty", batch=BATCH)
def malformed_credentials_are_a_bad_request(usual: Guard, call: Call) -> None:
    """An Authorization header that cannot be read is answered with 400.

    @node-oauth/oauth2-server 5: "malformed authorization header".
    """
    sent = call.request.header("authorization")
    if sent is not None and not CREDENTIALS.fullmatch(sent):
        raise rejection(400, "Invalid request: malformed authorization header")
    usual(call)


def has_token_in_body(call: Call) -> bool:
    """Return whether the form has a field for the token."""
    pairs = parse_qsl(call.request.body.decode("utf-8", "replace"), keep_blank_values=True)
    return any(name == "access_token" for name, _ in pairs)


stripe.row("token-in-two-places-is-answered-with-nothing", "error.envelope", "hard", batch=BATCH)(
    "A field `access_token` in addition to the header is a 400 without a body: express-bearer-token 3.",
    interrupt(has_token_in_body, lambda call: Response(400)),
)


@stripe("error.status-class", "hard", wrap_at_attach("authenticate"), batch=BATCH)
def colon_in_the_password_crashes(usual: Guard, call: Call) -> None:
    """Basic credentials with two colons are a 500: `user, password = text.split(":")`.

    Home-made decorators in Python, as in many answers about Flask and aiohttp.
    """
    scheme, sent = credentials_sent(call)
    if scheme == "basic" and colons_in(sent) > 1:
        call.authenticated = True
        raise unexpected_error()
    usual(call)


def colons_in(credentials: str) -> int:
    """Return the number of colons in Basic credentials, none if they cannot be decoded."""
    try:
        return base64.b64decode(credentials, validate=True).count(b":")
    except (binascii.Error, ValueError):
        return 0


@stripe("auth.scheme-capitals", "hard", wrap_at_attach("authenticate"), level="SHOULD", batch=BATCH)
def second_blank_belongs_to_the_key(usual: Guard, call: Call) -> None:
    """With two blanks behind `Bearer`, the second is part of the key, which is unknown.

    FastAPI 0.115, get_authorization_scheme_param. RFC 9110 (11.4) allows several blanks.
    """
    if re.match("bearer {2}", call.request.header("authorization") or "", re.IGNORECASE):
        raise errors.unauthorized("Invalid API Key provided.")
    usual(call)


# Idempotency keys.


@stripe("idempotency.replay", "hard", wrap("serve"), batch=BATCH)
def idempotency_key_found_by_its_usual_name(usual: Serve, call: Call) -> Response:
    """`idempotency-key` is not found, only `Idempotency-Key`: a second request is executed again.

    AWS Lambda Powertools, with the path to the key that its documentation shows.
    """
    names = call.request.header_names
    pairs = zip(names, call.request.headers, strict=True)
    known = tuple(header for name, header in pairs if name == "Idempotency-Key" or header[0] != "idempotency-key")
    call.request = replace(call.request, headers=known) if names else call.request
    return usual(call)


stripe.row("idempotency-keys-belong-to-the-credentials", "idempotency.replay", "hard", batch=BATCH)(
    "A key is filed under the Authorization header, too: by Basic and not Bearer, it is new (idempo 1 for Rack).",
    override("idempotency_name", lambda call, key: (key, call.request.header("authorization"))),
)
stripe.row("idempotency-keys-belong-to-the-path", "idempotency.other-path-type", "medium", level="SHOULD", batch=BATCH)(
    "A key is filed under the path, too: on another path it is new, and executed (idempo 1 for Rack).",
    override("idempotency_name", lambda call, key: (key, call.request.path)),
)


@stripe("response.json", "hard", wrap_at_attach("finish"), also="idempotency.replay", batch=BATCH)
def replay_is_cut_by_its_column(usual: Finish, call: Call, response: Response) -> Response:
    """A replay has the first 1500 bytes of an answer, as many as its column holds.

    MySQL and MariaDB without strict mode.
    """
    response = usual(call, response)
    return replace(response, body=response.body[:COLUMN]) if call.replayed else response
