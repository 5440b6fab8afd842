"""Other ways to conform, written without a look at the tests."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from ..attach import Attempt
from ..behaviour import Behaviour
from ..call import Call, Endpoint
from ..cards import by_shared_id
from ..errors import ApiError, Refusal
from ..forms import Form, Pair
from ..values import Answer, Response
from .registry import STRIPE, Variants

variant = Variants()


@variant(STRIPE)
def path_id_first(b: Behaviour) -> None:
    """The payment method in the path is looked up before any parameter is."""
    first = "payment-method"
    b.checks = {first: b.checks[first]} | {name: check for name, check in b.checks.items() if name != first}


@variant(STRIPE)
def padded_json_in_capitals(b: Behaviour) -> None:
    """JSON has white space around it, its media type is `Application/JSON ; Charset="UTF-8"`."""

    def finish(call: Call, response: Response) -> Response:
        response = usual(call, response)
        padded = replace(response, body=b"\r\n\t " + response.body + b"\r\n\n")
        return padded.with_header("CONTENT-TYPE", 'Application/JSON ; Charset="UTF-8"')

    usual = b.finish
    b.finish = finish


@variant(STRIPE)
def ids_of_digits(b: Behaviour) -> None:
    """Ids are counted up: the prefix and sixteen digits, without a single letter."""
    numbers = itertools.count(1_000_000_000_000_037, 37)
    b.new_id = lambda prefix: f"{prefix}{next(numbers)}"


@variant(STRIPE)
def first_of_two_customers(b: Behaviour) -> None:
    """Of two parameters `customer` the first one counts."""

    def build(call: Call, pairs: Sequence[Pair]) -> Form:
        first = next((pair for pair in pairs if pair[0] == "customer"), None)
        kept = [pair for pair in pairs if pair[0] != "customer" or pair is first]
        return replace(usual(call, kept), pairs=tuple(pairs))

    usual = b.build
    b.build = build


@variant(STRIPE)
def twenty_expansions_at_most(b: Behaviour) -> None:
    """More than twenty entries of `expand`, and the same one twice, are refused with 400."""

    def check(call: Call, attempt: Attempt) -> None:
        usual(call, attempt)
        if len(attempt.expand) > 20 or len(set(attempt.expand)) < len(attempt.expand):
            text = "You cannot expand more than 20 different properties."
            raise ApiError(Refusal("variant", 400, text, param="expand"))

    usual = b.checks["expand-paths"]
    b.checks["expand-paths"] = check


@variant(STRIPE)
def waits_for_the_first(b: Behaviour) -> None:
    """A request whose idempotency key is in use waits until the first is done, and is its replay."""

    def slowly(call: Call, endpoint: Endpoint) -> Answer:
        if call.request.header("idempotency-key") is not None:
            time.sleep(0.01)
        return endpoint(call)

    def once(call: Call, endpoint: Endpoint) -> Answer:
        until = time.monotonic() + 5.0
        while True:
            try:
                return usual(call, lambda call: slowly(call, endpoint))
            except ApiError as error:
                if error.refusal.rule != "key-in-use" or time.monotonic() > until:
                    raise
            time.sleep(0.002)

    usual = b.once
    b.once = once


@variant(STRIPE)
def conflict_for_the_loser(b: Behaviour) -> None:
    """Of simultaneous attaches of one payment method, one is executed and the others are answered 409."""
    busy: set[str] = set()
    guard = threading.Lock()

    def transaction(call: Call) -> AbstractContextManager[Any]:
        identifier = call.arguments[0]
        return usual(call) if by_shared_id(identifier) is not None else alone(call, identifier)

    @contextlib.contextmanager
    def alone(call: Call, identifier: str) -> Iterator[None]:
        with guard:
            if identifier in busy:
                text = "This object cannot be accessed right now because another API request is using it."
                raise ApiError(Refusal("variant", 409, text, code="lock_timeout"))
            busy.add(identifier)
        time.sleep(0.003)
        try:
            with usual(call):
                yield
        finally:
            with guard:
                busy.discard(identifier)

    usual = b.transaction
    b.transaction = transaction


@variant(STRIPE)
def length_required(b: Behaviour) -> None:
    """A chunked body is read and answered 411: the API asks for a Content-Length."""

    def media_type(call: Call) -> None:
        if call.request.chunked:
            raise ApiError(Refusal("variant", 411, "Send a Content-Length."))
        usual(call)

    usual = b.media_type
    b.media_type = media_type
