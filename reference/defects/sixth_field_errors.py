"""Mistakes of error handlers, and errors that only some paths through a server make."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace

from ..behaviour import Attach, Behaviour, Check, Finish, Transaction
from ..call import Call
from ..changes import apply, edit_errors, edit_rejections, rejection, wrap, wrap_at_attach, wrap_check
from ..objects.models import PaymentMethod
from ..rules import errors
from ..rules.attach import Attempt
from ..wire.values import Response
from .parts import unexpected_error
from .races import dawdle, drop_lock
from .registry import Topic
from .sixth_field_keys import TEXT
from .sixth_field_requests import BATCH

contract = Topic("contract")
stateful = Topic("stateful")
stripe = Topic("stripe")


# What an error says.


stripe.row("decline-has-no-message", "error.message", "medium", batch=BATCH)(
    "The message of a declined card is empty: the service behind sent a code alone (`StatusText` of Go for 402).",
    edit_errors(lambda error: error.update(message=""), status=402),
)
contract.row("malformed-escape-shows-the-exception", "error.no-internals", "medium", level="SHOULD", batch=BATCH)(
    # Express 4 and 5, an error handler that sends `String(err)`.
    "A malformed escape is rejected with the words of the exception: `URIError: URI malformed`.",
    edit_rejections(["malformed"], lambda rejection: replace(rejection, message="URIError: URI malformed")),
)


@contract("error.no-internals", "hard", wrap_check("customer"), level="SHOULD", batch=BATCH)
def nul_shows_the_exception(usual: Check, call: Call, attempt: Attempt) -> None:
    """A NUL in `customer` is rejected with the words of the exception.

    psycopg2 2.9 and Django 5: a handler that makes every ValueError a 400.
    """
    if "\0" in (attempt.customer_id or ""):
        text = "ValueError: A string literal cannot contain NUL (0x00) characters."
        raise rejection(400, text, "resource_missing", "customer")
    usual(call, attempt)


# Simultaneous requests.


@stateful("error.envelope", "hard", intermittent=True, batch=BATCH)
def conflict_is_answered_in_text(b: Behaviour) -> None:
    """Attaching a payment method while another attach of it runs is answered with 409 and a line of text.

    Locks that do not wait, as redlock's for Node with a retryCount of 0.
    """
    guard = threading.Lock()
    taken: set[str] = set()
    dawdle("not-declined")(b)

    @apply(b, wrap("transaction"))
    @contextlib.contextmanager
    def transaction(usual: Transaction, call: Call) -> Iterator[None]:
        with guard:
            if call.request.path in taken:
                raise rejection(409, "Locked")
            taken.add(call.request.path)
        try:
            with usual(call):
                yield
        finally:
            taken.discard(call.request.path)

    @apply(b, wrap_at_attach("finish"))
    def finish(usual: Finish, call: Call, response: Response) -> Response:
        response = usual(call, response)
        return Response(409, TEXT, b"Locked") if response.status == 409 else response


@stateful("error.status-class", "hard", intermittent=True, batch=BATCH)
def row_inserted_twice_crashes(b: Behaviour) -> None:
    """Attaching to the same customer twice at the same moment is a 500: a row comes twice.

    Rails 8: find_or_create_by, and a RecordNotUnique that nobody catches.
    """
    drop_lock()(b)
    dawdle("not-declined")(b)

    @apply(b, wrap("attach"))
    def attach(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        with call.store.lock:
            now = call.store.method(attempt.method.id)
            if now is not None and now.customer != attempt.method.customer:
                raise unexpected_error() if now.customer == attempt.owner.id else errors.already_attached()
            return usual(call, attempt)
