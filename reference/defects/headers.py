"""Mistakes in Stripe's own headers."""

from __future__ import annotations

from collections.abc import Callable

from ..behaviour import Behaviour
from ..call import Call
from ..values import Response
from .registry import Chapter
from .tools import counter, edit_response, on_attach

seed = Chapter("headers", "stripe")


@seed("header.request-id", "easy")
def request_id_missing(b: Behaviour) -> None:
    """There is no Request-Id."""
    edit_headers(b, lambda call, response: response.without("Request-Id"))


def edit_headers(b: Behaviour, edit: Callable[[Call, Response], Response]) -> None:
    """Change the headers of every answer after authentication."""

    def change(call: Call, response: Response) -> Response:
        return edit(call, response) if call.authenticated else response

    edit_response(b, change, success=True)
    edit_response(b, change, success=False)


@seed("header.request-id", "medium")
def request_id_missing_on_errors(b: Behaviour) -> None:
    """Errors have no Request-Id."""
    edit_headers(b, lambda call, response: response if response.status < 400 else response.without("Request-Id"))


@seed("header.request-id", "medium")
def request_id_is_a_uuid(b: Behaviour) -> None:
    """Request-Id is a UUID, without `req_`."""
    edit_headers(b, lambda call, response: response.with_header("Request-Id", "7f610445-de3c-42ef-a610-f1688efd8e37"))


@seed("header.request-id", "hard")
def request_id_of_the_connection(b: Behaviour) -> None:
    """Request-Id is the same for all requests of a connection."""

    def edit(call: Call, response: Response) -> Response:
        return response.with_header("Request-Id", f"req_{call.request.connection:014}")

    edit_headers(b, edit)


@seed("header.request-id", "hard", intermittent=True)
def request_id_repeated_now_and_then(b: Behaviour) -> None:
    """Every fifth answer has the Request-Id of the answer before it."""
    turn, last = counter(5), [""]

    def edit(call: Call, response: Response) -> Response:
        again = turn() and last[0]
        last[0] = last[0] if again else call.request_id
        return response.with_header("Request-Id", last[0])

    edit_headers(b, edit)


@seed("header.version", "easy")
def version_not_echoed(b: Behaviour) -> None:
    """There is no Stripe-Version."""
    edit_headers(b, lambda call, response: response.without("Stripe-Version"))


@seed("header.version", "medium")
def version_always_the_newest(b: Behaviour) -> None:
    """Stripe-Version is the account's, whatever was sent."""
    edit_headers(b, lambda call, response: response.with_header("Stripe-Version", "2026-08-26.dahlia"))


@seed("header.version", "hard")
def version_missing_on_errors(b: Behaviour) -> None:
    """Errors have no Stripe-Version."""
    edit_headers(b, lambda call, response: response if response.status < 400 else response.without("Stripe-Version"))


@seed("header.version", "medium")
def ill_formed_version_accepted(b: Behaviour) -> None:
    """A Stripe-Version that is none is accepted."""
    usual = b.check_version

    def check(call: Call) -> None:
        call.version = call.request.header("stripe-version") or call.version

    b.check_version = on_attach(usual, check)


@seed("header.cache-control", "medium", level="SHOULD")
def cacheable(b: Behaviour) -> None:
    """There is no Cache-Control."""
    edit_headers(b, lambda call, response: response.without("Cache-Control"))


@seed("header.cache-control", "medium", level="SHOULD")
def cacheable_for_a_minute(b: Behaviour) -> None:
    """Cache-Control allows a minute."""
    edit_headers(b, lambda call, response: response.with_header("Cache-Control", "private, max-age=60"))
