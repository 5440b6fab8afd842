"""The way from a request to a response: the steps in their order, and the behaviour that conforms."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .behaviour import Behaviour
from .call import Call, token
from .objects import customers, models, payment_methods
from .rules import attach, auth, checks, errors, expansion, forms, idempotency, routes
from .wire.http import date
from .wire.values import Answer, Headers, Response

if TYPE_CHECKING:
    from .objects.store import Store
    from .rules.errors import Rejection

ALWAYS: Headers = (
    ("Server", "nginx"),
    ("Access-Control-Allow-Credentials", "true"),
    ("Access-Control-Allow-Methods", "GET, HEAD, PUT, PATCH, POST, DELETE"),
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Max-Age", "300"),
    ("Strict-Transport-Security", "max-age=63072000; includeSubDomains; preload"),
    ("Vary", "Origin"),
)


def serve(call: Call) -> Response:
    """Return the response to any request."""
    try:
        answered = answer(call)
    except errors.ApiError as error:
        answered = call.behaviour.reject(call, error.rejection)
    return write_answer(call, answered)


def answer(call: Call) -> Answer:
    """Authenticate, route and decode a request, and ask the endpoint."""
    step = call.behaviour
    step.authenticate(call)
    step.check_version(call)
    endpoint = step.route(call)
    if call.request.method == "POST":
        idempotency.check_key(call)
    call.form = forms.decode(call)
    if call.request.method == "POST":
        return step.once(call, endpoint)
    return endpoint(call)


def write_answer(call: Call, answer: Answer) -> Response:
    """Return an answer as it goes over the wire."""
    step = call.behaviour
    answer = step.present(call, answer)
    body = step.dump(call, answer.payload)
    return step.finish(call, Response(answer.status, step.headers(call, answer), body))


def reject(call: Call, rejection: Rejection) -> Answer:
    """Return the error envelope of a rejection."""
    rejection = call.behaviour.amend(call, rejection)
    return Answer(rejection.status, errors.rejection_json(rejection, call.request_id), rejection.headers)


def amend(call: Call, rejection: Rejection) -> Rejection:
    """Return the rejection as it was raised."""
    return rejection


def present(call: Call, answer: Answer) -> Answer:
    """Return the answer as the endpoint gave it."""
    return answer


def dump(call: Call, payload: Any) -> bytes:
    """Return JSON, indented by two blanks, in UTF-8."""
    return json.dumps(payload, indent=2, ensure_ascii=False, allow_nan=False).encode("utf-8")


def headers(call: Call, answer: Answer) -> Headers:
    """Return the headers: few before authentication, the rest after it."""
    shown = [*ALWAYS, ("Date", date()), ("Content-Type", "application/json"), *answer.headers]
    if not call.authenticated:
        return tuple(shown)
    shown += [("Cache-Control", "no-cache, no-store"), ("Request-Id", call.request_id)]
    if call.version is not None:
        shown.append(("Stripe-Version", call.version))
    if call.idempotency_key is not None:
        shown += [("Idempotency-Key", call.idempotency_key), ("Original-Request", call.original_request)]
    if call.replayed:
        shown.append(("Idempotent-Replayed", "true"))
    if answer.executed:
        shown.append(("Stripe-Should-Retry", "false"))
    return tuple(shown)


def finish(call: Call, response: Response) -> Response:
    """Return the response as it was written."""
    return response


def new_id(prefix: str) -> str:
    """Return a new id: the prefix and 24 random letters and digits."""
    return token(prefix, 24)


def furnish(store: Store) -> None:
    """Create nothing: the store is empty at the start."""


def measure(call: Call, text: str) -> int:
    """Return the length of a string, in characters."""
    return len(text)


def conforming() -> Behaviour:
    """Return the behaviour that follows every clause."""
    return Behaviour(
        serve=serve,
        authenticate=auth.authenticate,
        known_key=auth.known_key,
        check_version=auth.check_version,
        route=routes.route,
        media_type=forms.media_type,
        split=forms.split,
        unquote=forms.unquote,
        read_name=forms.read_name,
        build=forms.build,
        once=idempotency.once,
        idempotency_name=idempotency.idempotency_name,
        idempotency_conflict=idempotency.idempotency_conflict,
        checks=checks.checks(),
        measure=measure,
        transaction=attach.transaction,
        find_payment_method=checks.find_payment_method,
        find_customer=checks.find_customer,
        attach=attach.attach,
        attached=attach.attached,
        detach=payment_methods.detach_step,
        delete_customer=customers.delete_customer,
        methods_of=payment_methods.methods_of,
        new_id=new_id,
        furnish=furnish,
        payment_method_json=models.payment_method_json,
        customer_json=models.customer_json,
        expand=expansion.expand,
        amend=amend,
        reject=reject,
        present=present,
        dump=dump,
        headers=headers,
        finish=finish,
    )
