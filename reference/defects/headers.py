"""Mistakes in Stripe's own headers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

from ..behaviour import Behaviour, Guard, Serve, WriteHeaders
from ..call import DEFAULT_VERSION, Call
from ..changes import Change, apply, change, counter, edit_response, wrap_at_attach
from ..rules.auth import VERSION
from ..rules.errors import ApiError
from ..wire.http import date
from ..wire.values import Answer, Headers, Response
from .registry import Topic

contract = Topic("contract")
stripe = Topic("stripe")


@change
def edit_headers(b: Behaviour, edit: Callable[[Call, Response], Response]) -> None:
    """Change the headers of every answer after authentication."""

    def change(call: Call, response: Response) -> Response:
        return edit(call, response) if call.authenticated else response

    edit_response(change, success=True)(b)
    edit_response(change, success=False)(b)


contract.row("date-in-utc", "response.date", "easy", level="SHOULD")(
    "A Date ends with `UTC`: Go's `time.RFC1123` in place of `http.TimeFormat`.",
    edit_headers(lambda call, response: response.with_header("Date", f"{date().removesuffix('GMT')}UTC")),
)
stripe.row("request-id-missing", "header.request-id", "easy")(
    "There is no Request-Id.", edit_headers(lambda call, response: response.without("Request-Id"))
)
stripe.row("request-id-missing-on-errors", "header.request-id", "medium")(
    "Errors have no Request-Id.",
    edit_headers(lambda call, response: response if response.status < 400 else response.without("Request-Id")),
)
stripe.row("request-id-is-a-uuid", "header.request-id", "medium")(
    "Request-Id is a UUID, without `req_`.",
    edit_headers(lambda call, response: response.with_header("Request-Id", "7f610445-de3c-42ef-a610-f1688efd8e37")),
)


@stripe("header.request-id", "hard", edit_headers)
def request_id_of_the_connection(call: Call, response: Response) -> Response:
    """Request-Id is the same for all requests of a connection."""
    return response.with_header("Request-Id", f"req_{call.request.connection:014}")


@stripe("header.request-id", "hard", intermittent=True)
def request_id_repeated_now_and_then(b: Behaviour) -> None:
    """Every fifth answer has the Request-Id of the answer before it."""
    turn, last = counter(5), [""]

    @apply(b, edit_headers)
    def edit(call: Call, response: Response) -> Response:
        again = turn() and last[0]
        last[0] = last[0] if again else call.request_id
        return response.with_header("Request-Id", last[0])


@stripe("header.request-id", "medium", wrap_at_attach("headers"), batch="unseen 1")
def replay_has_the_first_request_id(usual: WriteHeaders, call: Call, answer: Answer) -> Headers:
    """A replayed answer has the `Request-Id` of the first one."""
    first = call.original_request
    return tuple((name, first if name == "Request-Id" else value) for name, value in usual(call, answer))


@stripe("header.request-id", "hard", wrap_at_attach("serve"), batch="unseen 3")
def request_id_is_a_digest(usual: Serve, call: Call) -> Response:
    """The id of a request is a digest of its path and body: the same request has the same id again."""
    request = call.request
    digest = hashlib.sha256(f"{request.method} {request.target}\n".encode() + request.body).hexdigest()
    call.request_id = call.original_request = f"req_{digest[:14]}"
    return usual(call)


@stripe("header.request-id", "medium", wrap_at_attach("headers", ids=dict), batch="unseen 4")
def one_request_id_for_a_connection(usual: WriteHeaders, call: Call, answer: Answer, *, ids: dict[int, str]) -> Headers:
    """`Request-Id` is made once for a connection: all answers on it carry the same."""
    own = ids.setdefault(call.request.connection, call.request_id)
    return tuple((name, own if name == "Request-Id" else value) for name, value in usual(call, answer))


REQUEST_ID, STRIPE_VERSION, CACHE = "Request-Id", "Stripe-Version", "Cache-Control"


def _is_declined(call: Call, response: Response) -> bool:
    return response.status == 402


def drop_header(header: str, when: Callable[[Call, Response], bool], *, success: bool) -> Change:
    """Leave out a header in some answers."""

    def edit(call: Call, response: Response) -> Response:
        return response.without(header) if call.authenticated and when(call, response) else response

    return edit_response(edit, success=success)


stripe.row("declines-have-no-request-id", "header.request-id", "hard", batch="reading 2")(
    "A declined card is answered without Request-Id.", drop_header(REQUEST_ID, _is_declined, success=False)
)


def _is_taken(call: Call, response: Response) -> bool:
    return b"already been attached" in response.body


stripe.row("taken-has-no-request-id", "header.request-id", "hard", batch="reading 2")(
    "A payment method of another customer is rejected without Request-Id.",
    drop_header(REQUEST_ID, _is_taken, success=False),
)


def _is_mismatch(call: Call, response: Response) -> bool:
    return b"idempotency_error" in response.body


stripe.row("mismatch-has-no-request-id", "header.request-id", "hard", batch="reading 2")(
    "An idempotency_error has no Request-Id.", drop_header(REQUEST_ID, _is_mismatch, success=False)
)


def _is_replay(call: Call, response: Response) -> bool:
    return call.replayed


stripe.row("replay-has-no-request-id", "header.request-id", "hard", batch="reading 2")(
    "A replay has no Request-Id.", drop_header(REQUEST_ID, _is_replay, success=True)
)
stripe.row("version-not-echoed", "header.version", "easy")(
    "There is no Stripe-Version.", edit_headers(lambda call, response: response.without("Stripe-Version"))
)
stripe.row("version-always-the-newest", "header.version", "medium")(
    "Stripe-Version is the account's, even if another was sent.",
    edit_headers(lambda call, response: response.with_header("Stripe-Version", "2026-08-26.dahlia")),
)
stripe.row("version-missing-on-errors", "header.version", "hard")(
    "Errors have no Stripe-Version.",
    edit_headers(lambda call, response: response if response.status < 400 else response.without("Stripe-Version")),
)


@stripe("header.version", "medium", wrap_at_attach("check_version"))
def ill_formed_version_accepted(usual: Guard, call: Call) -> None:
    """A Stripe-Version that is none is accepted."""
    call.version = call.request.header("stripe-version") or call.version


@stripe("header.version", "medium", wrap_at_attach("check_version"), batch="mutants")
def ill_formed_version_is_unauthorized(usual: Guard, call: Call) -> None:
    """A `Stripe-Version` that is none is answered with 401, as if the key were wrong."""
    try:
        usual(call)
    except ApiError as error:
        raise ApiError(replace(error.rejection, status=401)) from None


@stripe("header.version", "hard", wrap_at_attach("headers"), batch="unseen 2")
def errors_show_the_default_version(usual: WriteHeaders, call: Call, answer: Answer) -> Headers:
    """`Stripe-Version` echoes the version sent on successes; errors carry the account's default."""
    sent = usual(call, answer)
    if answer.status < 400:
        return sent
    return tuple((name, DEFAULT_VERSION if name == "Stripe-Version" else value) for name, value in sent)


@stripe("header.version", "medium", wrap_at_attach("check_version"), batch="unseen 3")
def version_read_from_its_beginning(usual: Guard, call: Call) -> None:
    """The pattern for versions is not anchored at its end: `2020-08-27junk` passes, and is echoed."""
    credentials_sent = call.request.header("stripe-version")
    if credentials_sent is None or VERSION.match(credentials_sent) is None:
        usual(call)
    else:
        call.version = credentials_sent


@stripe("header.version", "easy", wrap_at_attach("headers"), batch="unseen 5")
def release_name_is_lost(usual: WriteHeaders, call: Call, answer: Answer) -> Headers:
    """The answer's `Stripe-Version` is the date alone, without the release name that was sent behind it."""
    shown = usual(call, answer)
    return tuple((key, text.partition(".")[0] if key == "Stripe-Version" else text) for key, text in shown)


stripe.row("declines-have-no-version", "header.version", "hard", batch="reading 2")(
    "A declined card is answered without Stripe-Version.", drop_header(STRIPE_VERSION, _is_declined, success=False)
)
stripe.row("taken-has-no-version", "header.version", "hard", batch="reading 2")(
    "A payment method of another customer is rejected without Stripe-Version.",
    drop_header(STRIPE_VERSION, _is_taken, success=False),
)
stripe.row("mismatch-has-no-version", "header.version", "hard", batch="reading 2")(
    "An idempotency_error has no Stripe-Version.", drop_header(STRIPE_VERSION, _is_mismatch, success=False)
)
stripe.row("replay-has-no-version", "header.version", "hard", batch="reading 2")(
    "A replay has no Stripe-Version.", drop_header(STRIPE_VERSION, _is_replay, success=True)
)
stripe.row("cacheable", "header.cache-control", "medium", level="SHOULD")(
    "There is no Cache-Control.", edit_headers(lambda call, response: response.without("Cache-Control"))
)
stripe.row("cacheable-for-a-minute", "header.cache-control", "medium", level="SHOULD")(
    "Cache-Control allows a minute.",
    edit_headers(lambda call, response: response.with_header("Cache-Control", "private, max-age=60")),
)
stripe.row("declines-may-be-cached", "header.cache-control", "hard", level="SHOULD", batch="reading 2")(
    "A declined card is answered without Cache-Control.", drop_header(CACHE, _is_declined, success=False)
)
stripe.row("taken-may-be-cached", "header.cache-control", "hard", level="SHOULD", batch="reading 2")(
    "A payment method of another customer is rejected without Cache-Control.",
    drop_header(CACHE, _is_taken, success=False),
)
stripe.row("mismatch-may-be-cached", "header.cache-control", "hard", level="SHOULD", batch="reading 2")(
    "An idempotency_error has no Cache-Control.", drop_header(CACHE, _is_mismatch, success=False)
)
stripe.row("replay-may-be-cached", "header.cache-control", "hard", level="SHOULD", batch="reading 2")(
    "A replay has no Cache-Control.", drop_header(CACHE, _is_replay, success=True)
)
