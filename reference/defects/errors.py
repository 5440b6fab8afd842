"""Mistakes in the answers to rejected requests."""

from __future__ import annotations

import copy
import itertools
import json
from dataclasses import replace
from functools import partial
from typing import Any

from ..behaviour import Amend, Behaviour, Guard
from ..call import Call
from ..changes import (
    Change,
    apply,
    check_after,
    edit_answer,
    edit_errors,
    edit_rejections,
    edit_response,
    wrap,
    wrap_at_attach,
)
from ..rules.attach import Attempt
from ..rules.auth import basic_user, sent_key
from ..rules.checks import KNOWN
from ..rules.errors import ApiError, Rejection, unauthorized
from ..wire.values import Answer, Json, Response
from .parts import crash_where_rejected, reject_with
from .registry import Topic

contract = Topic("contract")
stripe = Topic("stripe")


def other_status(status: int, only: int | None = None) -> Change:
    """Answer rejections with another status."""

    def edit(call: Call, answer: Answer) -> Answer:
        wanted = answer.status >= 400 and only in (None, answer.status)
        return replace(answer, status=status) if wanted else answer

    return edit_answer(edit)


contract.row("errors-with-200", "error.status-class", "easy")("Every error is answered with 200.", other_status(200))
contract.row("unknown-id-with-200", "error.status-class", "medium")(
    "An unknown payment method is answered with 200 and an error inside.", other_status(200, only=404)
)
contract.row(
    "unknown-id-with-500",
    "error.status-class",
    "medium",
    also="robustness.long-path-id robustness.odd-path-id robustness.path-encoding",
)("An unknown payment method is answered with 500.", other_status(500, only=404))


@contract("error.status-class", "medium", edit_answer)
def missing_customer_with_500(call: Call, answer: Answer) -> Answer:
    """A missing customer is answered with 500: the code does not check for it."""
    error = answer.payload.get("error", {}) if isinstance(answer.payload, dict) else {}
    return replace(answer, status=500) if error.get("code") == "parameter_missing" else answer


@contract("error.status-class", "medium", edit_answer)
def other_methods_redirected(call: Call, answer: Answer) -> Answer:
    """Another method is redirected with 303."""
    if call.request.method == "POST" or answer.status != 404:
        return answer
    target = call.request.path.removesuffix("/attach")
    return replace(answer, status=303, headers=(*answer.headers, ("Location", target)))


@contract(
    "error.status-class", "hard", partial(check_after, "expand-paths"), also="expand.duplicates", batch="unseen 3"
)
def repeated_after_another_crashes(call: Call, attempt: Attempt) -> None:
    """Neighbours that are alike are taken as one; an entry that comes again later meets an object, and crashes."""
    kept = [item for item, _ in itertools.groupby(attempt.expand)]
    if len(set(kept)) < len(kept):
        raise ApiError(Rejection("crash", 500, "An unexpected error occurred.", type="api_error"))


contract.row("percent-sign-crashes-the-message", "error.status-class", "hard", batch="unseen 3")(
    "The id that is not there is part of the message's format: a `%` in it is answered with 500.",
    crash_where_rejected("customer", lambda attempt: "%" in (attempt.customer_id or "")),
)
contract.row(
    "refusal-with-expand-crashes", "error.status-class", "hard", also="state.second-customer", batch="unseen 3"
)(
    "`expand` of another customer's payment method is a 500: the code that expands finds nothing to expand.",
    crash_where_rejected("not-another-customers", lambda attempt: bool(attempt.expand)),
)


@contract(
    "error.status-class",
    "easy",
    edit_answer,
    also="auth.missing auth.malformed auth.empty auth.unknown-key auth.first auth.challenge error.envelope",
    batch="unseen 4",
)
def sent_to_the_login_page(call: Call, answer: Answer) -> Answer:
    """A client without a valid key is redirected to a login page."""
    return Answer(302, {}, (("Location", "/login"),)) if answer.status == 401 else answer


contract.row(
    "success-with-error",
    "error.status-class",
    "easy",
    also="state.unknown-customer stripe.resource-missing-customer",
    batch="unseen 6",
)(
    "An unknown customer is answered with 200 and an error inside.",
    reject_with("no-such-customer", status=200),
)


@contract("error.status-class", "easy", edit_answer)
def unknown_parameters_crash(call: Call, answer: Answer) -> Answer:
    """Every unknown parameter is answered 500."""
    error = answer.payload.get("error", {}) if isinstance(answer.payload, dict) else {}
    return replace(answer, status=500) if error.get("code") == "parameter_unknown" else answer


contract.row("error-without-envelope", "error.envelope", "easy")(
    "The error is the body itself, without `error` around it.", edit_errors(dict)
)
contract.row("errors-in-a-list", "error.envelope", "easy")(
    "The body has `errors`, an array.", edit_errors(lambda error: {"errors": [error]})
)
contract.row("error-is-text", "error.envelope", "easy")(
    "`error` is a string, and the description stands next to it.",
    edit_errors(lambda error: {"error": error["type"], "error_description": error["message"]}),
)


@contract("error.envelope", "medium")
def html_for_unknown_id(b: Behaviour) -> None:
    """An unknown payment method is answered with a page of HTML."""
    page = b"<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>"

    @apply(b, partial(edit_response, success=False))
    def edit(call: Call, response: Response) -> Response:
        if response.status != 404:
            return response
        return replace(response.with_header("Content-Type", "text/html"), body=page)


contract.row("error-body-empty", "error.envelope", "medium")(
    "Errors have no body.", edit_response(lambda call, r: replace(r.without("Content-Type"), body=b""), success=False)
)


@contract("error.envelope", "hard", edit_errors)
def envelope_missing_for_unknown_parameters(error: Json) -> Json | None:
    """Unknown parameters are answered by another framework: `detail` and a location."""
    if error.get("code") != "parameter_unknown":
        return None
    return {"detail": [{"loc": ["body", error["param"]], "msg": "extra fields not permitted"}]}


@contract("error.envelope", "medium", edit_errors, batch="unseen 1")
def several_errors_in_an_array(error: Json) -> Json | None:
    """Two to nine unknown parameters are answered with an array of errors, one for each."""
    names = str(error["message"]).removeprefix("Received unknown parameters: ")
    if error.get("code") != "parameter_unknown" or not 0 < names.count(", ") < 9:
        return None
    one = "Received unknown parameter: "
    return {"error": [error | {"message": one + name, "param": name} for name in names.split(", ")]}


@contract("error.envelope", "medium", edit_errors, also="stripe.parameter-unknown", batch="unseen 2")
def several_mistakes_in_a_list(error: Json) -> Any:
    """If several parameters are unknown, the body is `{"errors": […]}` instead of one `error`."""
    names = str(error["message"]).partition("unknown parameters: ")[2]
    if not names:
        return None
    return {"errors": [error | {"param": name} for name in names.split(", ")]}


@contract("error.envelope", "medium", edit_answer, also="method.unrecognized", batch="unseen 3")
def framework_refuses_other_methods(call: Call, answer: Answer) -> Answer:
    """GET, PUT and the like are rejected by the framework, in its own words: `{"detail": …}`."""
    if call.request.method == "POST" or answer.status != 404:
        return answer
    return replace(answer, payload={"detail": "Not Found"})


UNSUPPORTED = 415


@contract("error.envelope", "medium", also="error.type", batch="unseen 4")
def framework_answers_wrong_media_types(b: Behaviour) -> None:
    """A body of a wrong media type never reaches the API: the framework rejects it in its own format."""

    @apply(b, partial(edit_errors, status=UNSUPPORTED))
    def foreign(error: Json) -> Json:
        return {"statusCode": UNSUPPORTED, "message": error["message"], "error": "Unsupported Media Type"}

    reject_with("media-type", status=UNSUPPORTED)(b)


PAGE = b"<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>"


@contract("error.envelope", "easy", partial(edit_response, success=False), also="method.unrecognized", batch="unseen 5")
def page_for_another_method(call: Call, response: Response) -> Response:
    """GET on the attach URL is answered with an error page in HTML."""
    if call.request.method != "GET" or response.status != 404:
        return response
    return replace(response.with_header("Content-Type", "text/html"), body=PAGE)


contract.row("missing-things-bare", "error.envelope", "medium", batch="unseen 6")(
    "A 404 has the error's members at the top, without `error` around them.", edit_errors(lambda error: error, 404)
)


@contract("error.null-members", "medium", edit_errors, level="SHOULD")
def param_is_null(error: Json) -> None:
    """`param` is null where there is none."""
    error.setdefault("param", None)


@contract("error.member-types", "medium", edit_errors)
def param_is_a_list(error: Json) -> None:
    """`param` is an array of names."""
    if "param" in error:
        error["param"] = [error["param"]]


@contract("error.member-types", "medium", edit_answer)
def code_is_a_number(call: Call, answer: Answer) -> Answer:
    """`code` is the status."""
    if answer.status < 400:
        return answer
    return replace(answer, payload={"error": {**answer.payload["error"], "code": answer.status}})


@contract("error.member-types", "hard", edit_errors)
def doc_url_is_false(error: Json) -> None:
    """`doc_url` is false where there is none."""
    error.setdefault("doc_url", False)


@contract("error.member-types", "medium", edit_answer, also="stripe.parameter-unknown", batch="unseen 5")
def list_of_unknown_names(call: Call, answer: Answer) -> Answer:
    """If several parameters are unknown, `param` is the list of their names."""
    if answer.status != 400 or answer.payload["error"].get("code") != "parameter_unknown":
        return answer
    names = [str(name) for name in call.parameters.tree if name not in KNOWN]
    if len(names) < 2:
        return answer
    return replace(answer, payload={"error": answer.payload["error"] | {"param": names}})


def error_member(key: str, value: Any) -> Change:
    """Change one member of every error."""

    def edit(error: Json) -> None:
        error[key] = value

    return edit_errors(edit)


contract.row("error-type-invented", "error.type", "easy")(
    "`type` is `validation_error`.", error_member("type", "validation_error")
)


def drop_member(key: str) -> Change:
    """Leave one member out of every error."""

    def edit(error: Json) -> None:
        error.pop(key, None)

    return edit_errors(edit)


contract.row("error-type-missing", "error.type", "easy")("`type` is missing.", drop_member("type"))


@contract("error.type", "medium", edit_errors)
def error_type_is_a_class(error: Json) -> None:
    """`type` is the name of the class, `InvalidRequestError`."""
    error["type"] = error["type"].title().replace("_", "")


@contract("error.type", "hard", edit_errors)
def error_type_of_missing_customer(error: Json) -> None:
    """`type` is `parameter_missing`, the code, where the customer is missing."""
    if error.get("code") == "parameter_missing":
        error["type"] = "parameter_missing"


contract.row("authentication-has-its-own-type", "error.type", "medium", batch="unseen 3")(
    "The type of a 401 is `authentication_error`, as the client libraries call it.",
    reject_with("unauthorized", type="authentication_error"),
)
contract.row("message-missing", "error.message", "easy")("`message` is missing.", drop_member("message"))
contract.row("message-empty", "error.message", "easy")("`message` is empty.", error_member("message", ""))


@contract("error.message", "medium", edit_errors)
def message_is_a_list(error: Json) -> None:
    """`message` is an array of messages."""
    error["message"] = [error["message"]]


@contract("error.message", "hard", partial(edit_errors, status=404))
def message_null_for_unknown_id(error: Json) -> None:
    """`message` is null where the payment method is unknown."""
    error["message"] = None


contract.row("messages-are-lists", "error.message", "easy", also="error.member-types", batch="unseen 4")(
    "`message` is the list of everything that the validator found.",
    edit_errors(lambda error: error.update(message=[error["message"]]), 400),
)
TRACE = (
    "Traceback (most recent call last):\n"
    '  File "/srv/app/payments/views/attach.py", line 87, in post\n'
    "    customer = Customer.objects.get(id=customer_id)\n"
    "payments.models.Customer.DoesNotExist: Customer matching query does not exist."
)


contract.row("trace-in-message", "error.no-internals", "easy", level="SHOULD")(
    "Errors carry a stack trace.", error_member("message", TRACE)
)


@contract("error.no-internals", "medium", partial(edit_errors, status=404), level="SHOULD")
def query_in_message(error: Json) -> None:
    """An unknown payment method is answered with the SQL that did not find it."""
    error["message"] = "SELECT * FROM payment_methods WHERE id = $1 LIMIT 1: 0 rows"


contract.row("path-in-message", "error.no-internals", "medium", level="SHOULD")(
    "Errors name the file and the line that rejected.",
    error_member("debug", {"file": "/usr/src/app/lib/handlers/attach.js", "line": 41}),
)


@contract("error.no-internals", "hard", edit_errors, level="SHOULD")
def exception_in_message(error: Json) -> None:
    """A missing customer is answered with the name of the exception."""
    if error.get("code") == "parameter_missing":
        error["message"] = f"KeyError: {json.dumps('customer')}"


@contract(
    "error.no-internals", "medium", partial(edit_rejections, ["no-such-customer"]), level="SHOULD", batch="unseen 2"
)
def apostrophe_shows_the_query(rejection: Rejection) -> Rejection:
    """An unknown customer with an apostrophe in its id is rejected with the database's words and the SQL."""
    if rejection.message.count("'") < 3:
        return rejection
    sql = "SELECT id, email, created FROM customers WHERE account_id = 7 AND id = '"
    return replace(rejection, message=f'sqlite3.OperationalError: near "x": syntax error: {sql}')


@contract("error.no-secrets", "medium", edit_answer)
def key_in_message(call: Call, answer: Answer) -> Answer:
    """The API key is quoted in the messages of errors."""
    if answer.status < 400:
        return answer
    error = dict(answer.payload["error"])
    error["message"] += f" (key: {sent_key(call)})"
    return replace(answer, payload={"error": error})


@contract("error.no-secrets", "hard", edit_answer)
def key_in_log_url(call: Call, answer: Answer) -> Answer:
    """The API key is part of the link to the logs."""
    if answer.status < 400 or "request_log_url" not in answer.payload["error"]:
        return answer
    error = dict(answer.payload["error"])
    error["request_log_url"] += f"&key={sent_key(call)}"
    return replace(answer, payload={"error": error})


@contract("error.no-secrets", "hard", edit_answer)
def key_in_header(call: Call, answer: Answer) -> Answer:
    """The API key comes back in a header, of successes too."""
    if not call.authenticated:
        return answer
    return replace(answer, headers=(*answer.headers, ("X-Authenticated-As", sent_key(call) or "nobody")))


@contract("error.no-secrets", "medium", wrap_at_attach("authenticate"), batch="unseen 1")
def basic_key_in_full(usual: Guard, call: Call) -> None:
    """A wrong key is masked where it came as a bearer token, and shown in full where it came by Basic."""
    try:
        usual(call)
    except ApiError:
        scheme, _, credentials = (call.request.header("authorization") or "").partition(" ")
        key = basic_user(credentials.strip()) if scheme.lower() == "basic" else None
        if key and key.isascii() and key.isprintable():
            raise unauthorized(f"Invalid API Key provided: {key}") from None
        raise


@contract("error.no-secrets", "easy", edit_answer, batch="unseen 2")
def key_in_the_log_url(call: Call, answer: Answer) -> Answer:
    """The link to the request's log carries the API key, so that the dashboard need not ask."""
    if answer.status < 400 or "request_log_url" not in answer.payload["error"]:
        return answer
    payload = copy.deepcopy(answer.payload)
    payload["error"]["request_log_url"] += f"&api_key={sent_key(call)}"
    return replace(answer, payload=payload)


@contract("error.no-secrets", "hard", wrap("amend"), batch="unseen 3")
def wrong_media_type_shows_the_headers(usual: Amend, call: Call, rejection: Rejection) -> Rejection:
    """The rejection of a body that is no form helps with all the headers that came, Authorization among them."""
    rejection = usual(call, rejection)
    if not call.is_attach or rejection.rule != "media-type":
        return rejection
    sent = ", ".join(f"{name}: {value}" for name, value in call.request.headers)
    return replace(rejection, message=f"{rejection.message} Received: {sent}")


@contract("error.no-secrets", "medium", partial(edit_response, success=True), batch="unseen 4")
def key_put_into_a_cookie(call: Call, response: Response) -> Response:
    """A success sets a session cookie whose value is the API key."""
    return response.with_header("Set-Cookie", f"session={sent_key(call)}; HttpOnly; Path=/")


@contract("error.no-secrets", "medium", edit_answer, batch="unseen 6")
def headers_for_support(call: Call, answer: Answer) -> Answer:
    """A rejection with 400 shows the `Authorization` header of the request."""
    if answer.status != 400:
        return answer
    shown = {"authorization": call.request.header("authorization")}
    return replace(answer, payload={"error": {**answer.payload["error"], "request": shown}})


@stripe("error.status-class", "easy", partial(edit_rejections, ["used-up"]), batch="unseen 5")
def detached_is_not_foreseen(rejection: Rejection) -> Rejection:
    """Attaching a payment method that was detached ends in a 500."""
    return replace(rejection, status=500, type="api_error", message="An unexpected error occurred.")
