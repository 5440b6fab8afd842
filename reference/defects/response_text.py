"""Mistakes in writing a success: its status, its media type, its JSON."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from ..behaviour import Amend, Attached, Behaviour, Check, Dump
from ..call import Call
from ..changes import (
    Change,
    apply,
    edit_answer,
    edit_body,
    edit_response,
    edit_success,
    on_attach,
    wrap,
    wrap_at_attach,
    wrap_check,
)
from ..objects.models import PaymentMethod
from ..rules.attach import Attempt
from ..rules.errors import ApiError, Rejection
from ..wire.values import Answer, Json, Response
from .registry import Topic

contract = Topic("contract")
stripe = Topic("stripe")


def success_status(status: int, *, only_expanded: bool = False) -> Change:
    """Answer success with another status."""

    def edit(call: Call, answer: Answer) -> Answer:
        if answer.status != 200 or (only_expanded and isinstance(answer.payload["customer"], str)):
            return answer
        return replace(answer, status=status)

    return edit_answer(edit)


contract.row("created-201", "response.status", "easy")("Success is answered with 201.", success_status(201))
contract.row("accepted-202", "response.status", "easy")("Success is answered with 202.", success_status(202))
contract.row("created-201-when-expanded", "response.status", "hard")(
    "Success is answered with 201 where something was expanded.", success_status(201, only_expanded=True)
)


@contract(
    "response.status",
    "medium",
    also="response.json response.media-type state.same-customer-again state.model stripe.same-customer",
    batch="unseen 3",
)
def nothing_changed_is_204(b: Behaviour) -> None:
    """Attaching to the same customer again is answered with 204 and no body."""

    @apply(b, wrap("attached"))
    def attached(usual: Attached, call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
        answer = usual(call, attempt, method)
        return replace(answer, status=204) if attempt.method.customer == attempt.owner.id else answer

    @apply(b, partial(edit_response, success=True))
    def emptied(call: Call, response: Response) -> Response:
        return replace(response.without("Content-Type"), body=b"") if response.status == 204 else response


@contract("response.status", "easy", wrap("attached"), batch="unseen 5")
def first_of_a_customer_is_created(usual: Attached, call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
    """The first payment method of a customer is answered with 201, later ones with 200."""
    answer = usual(call, attempt, method)
    only = len(call.store.methods_of(attempt.owner.id)) == 1
    return replace(answer, status=201) if only else answer


contract.row("json-called-html", "response.media-type", "easy")(
    "Success is called text/html.",
    edit_response(lambda call, r: r.with_header("Content-Type", "text/html; charset=utf-8"), success=True),
)
contract.row("media-type-missing", "response.media-type", "medium")(
    "Success has no media type.", edit_response(lambda call, r: r.without("Content-Type"), success=True)
)
contract.row("errors-called-plain-text", "response.media-type", "medium")(
    "Errors are called text/plain.",
    edit_response(lambda call, r: r.with_header("Content-Type", "text/plain"), success=False),
)


@contract("response.media-type", "hard", partial(edit_response, success=False))
def media_type_called_javascript(call: Call, response: Response) -> Response:
    """Errors of unknown ids are called text/javascript, by a handler of their own."""
    return response.with_header("Content-Type", "text/javascript") if response.status == 404 else response


@contract("response.media-type", "medium", partial(edit_response, success=False), batch="unseen 3")
def other_methods_answered_as_html(call: Call, response: Response) -> Response:
    """The JSON that says that GET, PUT and the like are not recognised is called text/html."""
    return response if call.request.method == "POST" else response.with_header("Content-Type", "text/html")


contract.row("errors-are-problems", "response.media-type", "easy", batch="unseen 4")(
    "Errors are called `application/problem+json`, as the framework's habit is.",
    edit_response(
        lambda call, response: response.with_header("Content-Type", "application/problem+json"), success=False
    ),
)
contract.row("byte-order-mark", "response.json", "medium")(
    "The body begins with a byte order mark.", edit_body(lambda body: b"\xef\xbb\xbf" + body, success=True)
)
contract.row("not-a-number", "response.json", "medium")(
    "A member is written as `NaN`.", edit_body(lambda body: body[:-2] + b',\n  "risk_score": NaN\n}', success=True)
)
contract.row("something-after-json", "response.json", "medium")(
    "Something follows the JSON value.", edit_body(lambda body: body + b"\n;", success=True)
)
contract.row("nul-after-json", "response.json", "hard")(
    "The buffer of an error is sent with the NUL at its end.", edit_body(lambda body: body + b"\0", success=False)
)


@contract("response.json", "hard", partial(edit_body, success=True))
def duplicate_keys(body: bytes) -> bytes:
    """`customer` is written twice, with the same value."""
    return re.sub(rb'\n  ("customer": "[^"]*",)', rb"\n  \1\n  \1", body, count=1)


contract.row("trailing-comma", "response.json", "easy")(
    "There is a comma behind the last member.", edit_body(lambda body: body[:-2] + b",\n}", success=True)
)


@contract("response.json", "easy", wrap_at_attach("dump"))
def python_instead_of_json(usual: Dump, call: Call, payload: Any) -> bytes:
    """The body is Python's notation, with single quotes and None."""
    return repr(payload).encode() if "error" not in payload else usual(call, payload)


@contract("response.json", "hard", partial(edit_body, success=False))
def errors_in_latin_1(body: bytes) -> bytes:
    """Errors are written in Windows-1252, with typographic quotes."""
    text = re.sub(r"'([^'\n]*)'", "\u2018\\1\u2019", body.decode("utf-8"))
    return text.replace("Must provide", "Must provide\u00a0").encode("cp1252", "replace")


@contract("response.json", "medium")
def success_in_latin_1(b: Behaviour) -> None:
    """Success is written in Latin-1, with a name that is not ASCII."""

    @apply(b, edit_success)
    def add(call: Call, payload: Json) -> None:
        payload["issuer"] = "Cr\u00e9dit G\u00e9n\u00e9ral"

    edit_body(lambda body: body.decode("utf-8").encode("latin-1", "replace"), success=True)(b)


@contract("response.json", "hard", partial(edit_body, success=False))
def control_characters_unescaped(body: bytes) -> bytes:
    """Control characters that an error quotes are written as they are."""
    text = body.decode("utf-8")
    for character in map(chr, range(32)):
        text = text.replace(json.dumps(character)[1:-1], character)
    return text.encode("utf-8")


@contract("response.json", "hard", partial(edit_response, success=True))
def content_length_too_short(call: Call, response: Response) -> Response:
    """Content-Length is less than the body, and the connection closed after it."""
    return replace(response, declared_length=len(response.body) - 10, close=True)


@contract("response.json", "hard", partial(edit_response, success=True))
def content_length_too_long(call: Call, response: Response) -> Response:
    """Content-Length is more than the body, and the connection closed after it."""
    return replace(response, declared_length=len(response.body) + 10, close=True)


@contract("response.json", "hard", partial(edit_response, success=False))
def content_length_in_characters(call: Call, response: Response) -> Response:
    """Content-Length of an error counts characters; where it quotes others than ASCII that is too short."""
    characters = len(response.body.decode("utf-8"))
    honest = characters == len(response.body)
    return response if honest else replace(response, declared_length=characters, close=True)


contract.row("gzip-claimed", "response.json", "medium")(
    "Content-Encoding says gzip; the body is not compressed.",
    edit_response(lambda call, r: r.with_header("Content-Encoding", "gzip"), success=True),
)
contract.row("long-bodies-cut", "response.json", "hard")(
    "Bodies are cut at 1500 bytes, which only expanded ones reach.", edit_body(lambda body: body[:1500], success=True)
)


@contract("response.json", "medium", wrap_at_attach("dump"), batch="unseen 1")
def expanded_customer_appended(usual: Dump, call: Call, payload: Any) -> bytes:
    """The expanded customer is written after its id, not in place of it: the key `customer` comes twice."""
    body = usual(call, payload)
    customer = payload.get("customer") if isinstance(payload, dict) else None
    if not isinstance(customer, dict):
        return body
    both = f'\n  "customer": {json.dumps(customer["id"])},\n  "customer": {{'.encode()
    return body.replace(b'\n  "customer": {', both, 1)


contract.row(
    "apostrophes-escaped-as-in-javascript", "response.json", "medium", also="error.envelope", batch="unseen 2"
)(
    r"Errors write an apostrophe as `\'`, which is legal in JavaScript and not in JSON.",
    edit_body(lambda body: body.replace(b"'", b"\\'"), success=False),
)
CONTROLS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}


ESCAPE = re.compile(rb"\\(?:u00([01][0-9a-f])|(.))")


@contract("response.json", "hard", also="error.envelope", batch="unseen 2")
def control_characters_not_escaped(b: Behaviour) -> None:
    """The JSON writer escapes quotes and backslashes alone; control characters quoted back are raw."""
    usual = b.dump

    def unescape(match: re.Match[bytes]) -> bytes:
        if match[1]:
            return bytes([int(match[1], 16)])
        return CONTROLS.get(match[2], match[0])

    b.dump = on_attach(usual, lambda call, payload: ESCAPE.sub(unescape, usual(call, payload)))


SHOWN = 490


@contract("response.json", "hard", also="error.envelope body.length-in-characters", batch="unseen 3")
def long_quotations_cut_in_bytes(b: Behaviour) -> None:
    """A long id is quoted by its first and last 490 bytes, even if that cuts a character in two."""

    @apply(b, wrap("amend"))
    def amend(usual: Amend, call: Call, rejection: Rejection) -> Rejection:
        rejection = usual(call, rejection)
        sent = call.parameters.text("customer") if call.is_attach and call.form else None
        if rejection.rule != "no-such-customer" or sent is None:
            return rejection
        raw = sent.encode()
        if len(raw) > 2 * SHOWN:
            raw = raw[:SHOWN] + b"...(truncated)..." + raw[-SHOWN:]
        return replace(rejection, message=f"No such customer: '{raw.decode('utf-8', 'surrogateescape')}'")

    @apply(b, wrap("dump"))
    def as_it_is(dump: Dump, call: Call, payload: Any) -> bytes:
        if not call.is_attach:
            return dump(call, payload)
        return json.dumps(payload, indent=2, ensure_ascii=False).encode("utf-8", "surrogateescape")


@contract(
    "response.json", "medium", wrap_at_attach("dump"), also="error.envelope robustness.error-envelope", batch="unseen 4"
)
def unknown_ids_put_into_a_template(usual: Dump, call: Call, payload: Any) -> bytes:
    """The error for an unknown id is a text with a gap: quotes and backslashes in the id break the JSON."""
    error = payload.get("error", {})
    if error.get("code") != "resource_missing":
        return usual(call, payload)
    text = json.dumps({"error": error | {"message": "GAP"}}, ensure_ascii=False)
    return text.replace("GAP", error["message"]).encode("utf-8")


UNKNOWN = "unknown-parameters"


@contract(
    "response.json",
    "medium",
    also="error.envelope state.refusal-changes-nothing state.model stripe.parameter-unknown",
    batch="unseen 4",
)
def no_return_after_the_error(b: Behaviour) -> None:
    """After the error for an unknown parameter the handler runs on: it attaches, and writes a second body."""
    second: dict[str, bytes] = {}

    @apply(b, wrap_check(UNKNOWN))
    def check(usual: Check, call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError:
            step = call.behaviour
            with suppress(ApiError):
                for name, other in step.checks.items():
                    if name != UNKNOWN:
                        other(call, attempt)
                answer = step.attached(call, attempt, step.attach(call, attempt))
                second[call.request_id] = step.dump(call, answer.payload)
            raise

    @apply(b, partial(edit_response, success=False))
    def edit(call: Call, response: Response) -> Response:
        return replace(response, body=response.body + second.pop(call.request_id, b""))


@contract("response.json", "hard", partial(edit_response, success=True), batch="unseen 5")
def length_of_the_text(call: Call, response: Response) -> Response:
    """Content-Length of a success counts characters, not bytes: with an accent in a name it is too small."""
    return replace(response, declared_length=len(response.body.decode("utf-8")))


@contract(
    "response.json",
    "hard",
    partial(edit_response, success=False),
    also="error.envelope robustness.quotes",
    batch="reading 1",
)
def error_written_by_hand(call: Call, response: Response) -> Response:
    """The error about an unknown parameter is put together as a string, so that a quote in the name ends it early."""
    named = any('"' in name for name, _ in call.form.pairs) if call.form else False
    return replace(response, body=response.body.replace(b'\\"', b'"')) if named else response


@contract(
    "response.json",
    "hard",
    partial(edit_response, success=False),
    also="error.envelope robustness.quotes",
    batch="reading 1",
)
def path_put_into_the_error_by_hand(call: Call, response: Response) -> Response:
    """The error about a path to expand is put together as a string, so that a quote in the path ends it early."""
    named = call.form is not None and any('"' in path for path in call.form.items("expand"))
    return replace(response, body=response.body.replace(b'\\"', b'"')) if named else response


@contract("response.json", "easy", partial(edit_response, success=True), batch="reading 1")
def charset_called_an_encoding(call: Call, response: Response) -> Response:
    """`Content-Encoding: utf-8`, which is a charset and no coding."""
    return replace(response, headers=(*response.headers, ("Content-Encoding", "utf-8")))


@stripe("response.status", "hard", edit_answer, also="stripe.test-tokens", batch="unseen 4")
def shared_tokens_are_created(call: Call, answer: Answer) -> Answer:
    """Attaching `pm_card_visa` makes a new payment method, and so is answered with 201."""
    created = answer.status == 200 and call.request.path.split("/")[3].startswith("pm_card_")
    return replace(answer, status=201) if created else answer
