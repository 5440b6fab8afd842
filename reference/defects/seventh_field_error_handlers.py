"""Mistakes of error handlers: errors of parsers and middleware that take another way than those of the application."""

from __future__ import annotations

import copy
from dataclasses import replace

from ..behaviour import Behaviour, Check, Conflict, Finish, Guard, Reject
from ..call import Call
from ..changes import apply, edit_rejections, wrap_at_attach, wrap_check
from ..rules.attach import Attempt
from ..rules.errors import ApiError, Rejection
from ..rules.idempotency import Entry
from ..wire.values import Answer, Response
from .parts import decoded_body, is_utf8
from .registry import Topic
from .seventh_field_forms import BATCH

contract = Topic("contract")
stripe = Topic("stripe")

PROBLEM = (("Content-Type", "application/problem+json"),)
BODY_ROOM = 100 * 1024
"""The longest body that body-parser reads by default, in bytes."""
MOST_PAIRS = 1000
"""The most parameters that body-parser reads by default."""


def parser_error(status: int, message: str, kind: str) -> ApiError:
    """Return the rejection of a body by its parser, with the type that the parser gives."""
    return ApiError(Rejection("parser", status, message, type=kind))


@contract("error.type", "medium", wrap_at_attach("media_type"), batch=BATCH)
def types_of_the_parser(usual: Guard, call: Call) -> None:
    """The error of a body that the parser rejects has the parser's own type: `entity.too.large`.

    body-parser 2.2 (http-errors), and a handler that copies `err.type`.
    """
    body = call.request.body
    if len(body) > BODY_ROOM:
        raise parser_error(413, "request entity too large", "entity.too.large")
    if body.count(b"&") >= MOST_PAIRS:
        raise parser_error(413, "too many parameters", "parameters.too.many")
    charset = (call.request.header("content-type") or "").lower().partition("charset=")[2].strip('" ')
    if charset not in ("", "utf-8", "iso-8859-1"):
        raise parser_error(415, f'unsupported charset "{charset.upper()}"', "charset.unsupported")
    usual(call)


@contract("error.member-types", "hard", wrap_at_attach("reject"), batch=BATCH)
def status_as_the_code_of_malformed_forms(usual: Reject, call: Call, rejection: Rejection) -> Answer:
    """The error of a form that cannot be decoded has its status, a number, as its code.

    Handlers for everything that is not of the application: `code: err.code || err.status`.
    """
    answer = usual(call, rejection)
    if rejection.rule != "malformed":
        return answer
    payload = copy.deepcopy(answer.payload)
    payload["error"]["code"] = answer.status
    return replace(answer, payload=payload)


@contract("robustness.error-envelope", "medium", wrap_at_attach("finish"), level="SHOULD", batch=BATCH)
def what_is_not_utf8_cannot_be_quoted(usual: Finish, call: Call, response: Response) -> Response:
    """The rejection of a form that is not UTF-8 has an empty body: `json_encode` returns false.

    PHP 8.4, with the value in the message (codeigniter-restserver, issue 910).
    """
    response = usual(call, response)
    if 400 <= response.status < 500 and not is_utf8(decoded_body(call)):
        return replace(response, body=b"")
    return response


contract.row("exception-for-other-methods", "error.no-internals", "medium", level="SHOULD", batch=BATCH)(
    # Spring Boot 3.5, a handler of Exception that answers with `exception.toString()`.
    "Another method is rejected with the name of the exception: HttpRequestMethodNotSupportedException.",
    edit_rejections(
        ["unrecognized-url"],
        lambda rejection: replace(
            rejection,
            message="org.springframework.web.HttpRequestMethodNotSupportedException: Request method is not supported",
        ),
    ),
)


@stripe("header.request-id", "hard", wrap_check("customer-structure"))
def type_errors_have_no_request_id(usual: Check, call: Call, attempt: Attempt) -> None:
    """A hash in place of a string is rejected by another handler, without a Request-Id."""
    try:
        usual(call, attempt)
    except ApiError:
        call.request_id = ""
        raise


@stripe("error.envelope", "medium", batch=BATCH)
def mismatch_is_a_problem(b: Behaviour) -> None:
    """An idempotency key with other parameters is answered with 422 and problem details, without the envelope.

    Middleware after the draft of the IETF (draft-ietf-httpapi-idempotency-key-header-07).
    """

    @apply(b, wrap_at_attach("idempotency_conflict"))
    def idempotency_conflict(usual: Conflict, call: Call, earlier: Entry) -> str | None:
        conflict = usual(call, earlier)
        if conflict is not None and earlier.path == call.request.path:
            raise ApiError(Rejection("mismatch", 422, conflict))
        return conflict

    @apply(b, wrap_at_attach("finish"))
    def finish(usual: Finish, call: Call, response: Response) -> Response:
        response = usual(call, response)
        if response.status != 422:
            return response
        shown = response.without("Content-Type")
        body = b'{"title": "Idempotency-Key is already used", "status": 422}'
        return replace(shown, headers=(*shown.headers, *PROBLEM), body=body)
