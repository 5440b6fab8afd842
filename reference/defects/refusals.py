"""Mistakes in the answers to requests that are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from ..auth import sent_key
from ..behaviour import Behaviour
from ..call import Call
from ..values import Answer, Json, Response
from .registry import Chapter
from .tools import edit_answer, edit_errors, edit_response

seed = Chapter("errors", "contract")


def error_member(b: Behaviour, key: str, value: Any) -> None:
    """Change one member of every error."""

    def edit(error: Json) -> None:
        error[key] = value

    edit_errors(b, edit)


def drop_member(b: Behaviour, key: str) -> None:
    """Leave one member of every error out."""

    def edit(error: Json) -> None:
        error.pop(key, None)

    edit_errors(b, edit)


@seed("error.envelope", "easy")
def error_without_envelope(b: Behaviour) -> None:
    """The error is the body itself, without `error` around it."""
    edit_errors(b, dict)


@seed("error.envelope", "easy")
def errors_in_a_list(b: Behaviour) -> None:
    """The body has `errors`, an array."""
    edit_errors(b, lambda error: {"errors": [error]})


@seed("error.envelope", "easy")
def error_is_text(b: Behaviour) -> None:
    """`error` is a string, the description beside it."""
    edit_errors(b, lambda error: {"error": error["type"], "error_description": error["message"]})


@seed("error.envelope", "medium")
def html_for_unknown_id(b: Behaviour) -> None:
    """An unknown payment method is answered with a page of HTML."""
    page = b"<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>"

    def edit(call: Call, response: Response) -> Response:
        if response.status != 404:
            return response
        return replace(response.with_header("Content-Type", "text/html"), body=page)

    edit_response(b, edit, success=False)


@seed("error.envelope", "medium")
def error_body_empty(b: Behaviour) -> None:
    """Errors have no body."""
    edit_response(b, lambda call, r: replace(r.without("Content-Type"), body=b""), success=False)


@seed("error.envelope", "hard")
def envelope_missing_for_unknown_parameters(b: Behaviour) -> None:
    """Unknown parameters are answered by another framework: `detail` and a location."""

    def edit(error: Json) -> Json | None:
        if error.get("code") != "parameter_unknown":
            return None
        return {"detail": [{"loc": ["body", error["param"]], "msg": "extra fields not permitted"}]}

    edit_errors(b, edit)


@seed("error.type", "easy")
def error_type_invented(b: Behaviour) -> None:
    """`type` is `validation_error`."""
    error_member(b, "type", "validation_error")


@seed("error.type", "easy")
def error_type_missing(b: Behaviour) -> None:
    """`type` is missing."""
    drop_member(b, "type")


@seed("error.type", "medium")
def error_type_is_a_class(b: Behaviour) -> None:
    """`type` is the name of the class, `InvalidRequestError`."""

    def edit(error: Json) -> None:
        error["type"] = error["type"].title().replace("_", "")

    edit_errors(b, edit)


@seed("error.type", "hard")
def error_type_of_missing_customer(b: Behaviour) -> None:
    """`type` is `parameter_missing`, the code, where the customer is missing."""

    def edit(error: Json) -> None:
        if error.get("code") == "parameter_missing":
            error["type"] = "parameter_missing"

    edit_errors(b, edit)


@seed("error.message", "easy")
def message_missing(b: Behaviour) -> None:
    """`message` is missing."""
    drop_member(b, "message")


@seed("error.message", "easy")
def message_empty(b: Behaviour) -> None:
    """`message` is empty."""
    error_member(b, "message", "")


@seed("error.message", "medium")
def message_is_a_list(b: Behaviour) -> None:
    """`message` is an array of messages."""

    def edit(error: Json) -> None:
        error["message"] = [error["message"]]

    edit_errors(b, edit)


@seed("error.message", "hard")
def message_null_for_unknown_id(b: Behaviour) -> None:
    """`message` is null where the payment method is unknown."""

    def edit(error: Json) -> None:
        error["message"] = None

    edit_errors(b, edit, status=404)


@seed("error.member-types", "medium")
def param_is_null(b: Behaviour) -> None:
    """`param` is null where there is none."""

    def edit(error: Json) -> None:
        error.setdefault("param", None)

    edit_errors(b, edit)


@seed("error.member-types", "medium")
def param_is_a_list(b: Behaviour) -> None:
    """`param` is an array of names."""

    def edit(error: Json) -> None:
        if "param" in error:
            error["param"] = [error["param"]]

    edit_errors(b, edit)


@seed("error.member-types", "medium")
def code_is_a_number(b: Behaviour) -> None:
    """`code` is the status."""

    def edit(call: Call, answer: Answer) -> Answer:
        if answer.status < 400:
            return answer
        return replace(answer, payload={"error": {**answer.payload["error"], "code": answer.status}})

    edit_answer(b, edit)


@seed("error.member-types", "hard")
def doc_url_is_false(b: Behaviour) -> None:
    """`doc_url` is false where there is none."""

    def edit(error: Json) -> None:
        error.setdefault("doc_url", False)

    edit_errors(b, edit)


STRANGE_PATHS = ("robustness.long-path-id", "robustness.odd-path-id", "robustness.path-encoding")


def other_status(b: Behaviour, status: int, only: int | None = None) -> None:
    """Answer refusals with another status."""

    def edit(call: Call, answer: Answer) -> Answer:
        wanted = answer.status >= 400 and only in (None, answer.status)
        return replace(answer, status=status) if wanted else answer

    edit_answer(b, edit)


@seed("error.status-class", "easy")
def errors_with_200(b: Behaviour) -> None:
    """Every error is answered with 200."""
    other_status(b, 200)


@seed("error.status-class", "medium")
def unknown_id_with_200(b: Behaviour) -> None:
    """An unknown payment method is answered with 200 and an error inside."""
    other_status(b, 200, only=404)


@seed("error.status-class", "medium", also=STRANGE_PATHS)
def unknown_id_with_500(b: Behaviour) -> None:
    """An unknown payment method is answered with 500."""
    other_status(b, 500, only=404)


@seed("error.status-class", "medium")
def missing_customer_with_500(b: Behaviour) -> None:
    """A missing customer is answered with 500: nobody asked whether it was there."""

    def edit(call: Call, answer: Answer) -> Answer:
        error = answer.payload.get("error", {}) if isinstance(answer.payload, dict) else {}
        return replace(answer, status=500) if error.get("code") == "parameter_missing" else answer

    edit_answer(b, edit)


@seed("error.status-class", "medium")
def other_methods_redirected(b: Behaviour) -> None:
    """Another method is redirected with 303."""

    def edit(call: Call, answer: Answer) -> Answer:
        if call.request.method == "POST" or answer.status != 404:
            return answer
        target = call.request.path.removesuffix("/attach")
        return replace(answer, status=303, headers=(*answer.headers, ("Location", target)))

    edit_answer(b, edit)


@seed("error.no-secrets", "medium")
def key_in_message(b: Behaviour) -> None:
    """The API key is quoted in the messages of errors."""

    def edit(call: Call, answer: Answer) -> Answer:
        if answer.status < 400:
            return answer
        error = dict(answer.payload["error"])
        error["message"] += f" (key: {sent_key(call)})"
        return replace(answer, payload={"error": error})

    edit_answer(b, edit)


@seed("error.no-secrets", "hard")
def key_in_log_url(b: Behaviour) -> None:
    """The API key is part of the link to the logs."""

    def edit(call: Call, answer: Answer) -> Answer:
        if answer.status < 400 or "request_log_url" not in answer.payload["error"]:
            return answer
        error = dict(answer.payload["error"])
        error["request_log_url"] += f"&key={sent_key(call)}"
        return replace(answer, payload={"error": error})

    edit_answer(b, edit)


@seed("error.no-secrets", "hard")
def key_in_header(b: Behaviour) -> None:
    """The API key comes back in a header, of successes too."""

    def edit(call: Call, answer: Answer) -> Answer:
        if not call.authenticated:
            return answer
        return replace(answer, headers=(*answer.headers, ("X-Authenticated-As", sent_key(call) or "nobody")))

    edit_answer(b, edit)


TRACE = (
    "Traceback (most recent call last):\n"
    '  File "/srv/app/payments/views/attach.py", line 87, in post\n'
    "    customer = Customer.objects.get(id=customer_id)\n"
    "payments.models.Customer.DoesNotExist: Customer matching query does not exist."
)


@seed("error.no-internals", "easy", level="SHOULD")
def trace_in_message(b: Behaviour) -> None:
    """Errors carry a stack trace."""
    error_member(b, "message", TRACE)


@seed("error.no-internals", "medium", level="SHOULD")
def query_in_message(b: Behaviour) -> None:
    """An unknown payment method is answered with the SQL that did not find it."""

    def edit(error: Json) -> None:
        error["message"] = "SELECT * FROM payment_methods WHERE id = $1 LIMIT 1: 0 rows"

    edit_errors(b, edit, status=404)


@seed("error.no-internals", "medium", level="SHOULD")
def path_in_message(b: Behaviour) -> None:
    """Errors name the file and the line that refused."""
    error_member(b, "debug", {"file": "/usr/src/app/lib/handlers/attach.js", "line": 41})


@seed("error.no-internals", "hard", level="SHOULD")
def exception_in_message(b: Behaviour) -> None:
    """A missing customer is answered with the name of the exception."""

    def edit(error: Json) -> None:
        if error.get("code") == "parameter_missing":
            error["message"] = f"KeyError: {json.dumps('customer')}"

    edit_errors(b, edit)
