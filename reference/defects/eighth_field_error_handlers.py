"""Mistakes of error handlers and JSON writers: words of drivers, own types, and errors that nobody hands on."""

from __future__ import annotations

import re
from dataclasses import replace

from ..behaviour import Finish, Serve
from ..call import Call
from ..changes import Change, edit_rejections, edit_response, wrap, wrap_at_attach
from ..rules.errors import Rejection
from ..wire.values import Response
from .eighth_field_parsers import BATCH
from .first_try_requests import NEVER
from .parts import reject_with
from .registry import Topic

contract = Topic("contract")
stateful = Topic("stateful")
stripe = Topic("stripe")


# The words of what lies below.


stateful.row("no-rows-in-the-result-set", "error.no-internals", "medium", level="SHOULD", batch=BATCH)(
    # Go's database/sql: `writeError(w, 400, err.Error())`.
    "An unknown customer is rejected with the words of the database's driver: sql: no rows in result set.",
    edit_rejections(["no-such-customer"], lambda it: replace(it, message="sql: no rows in result set")),
)


def show_file(rejection: Rejection) -> Rejection:
    """Return the rejection with the words of the file system."""
    quoted = re.search("'(.*)'", rejection.message, re.DOTALL)
    name = quoted[1] if quoted else ""
    message = f"ENOENT: no such file or directory, open '/srv/app/data/payment_methods/{name}.json'"
    return replace(rejection, message=message)


stateful.row("file-of-the-unknown-shown", "error.no-internals", "medium", level="SHOULD", batch=BATCH)(
    # Mocks that keep a file for each object: `err.message` of Node's fs, `str(error)` of Python's open.
    "An unknown payment method is rejected with the words of the file system, and the path of the file.",
    edit_rejections(["no-such-paymentmethod"], show_file),
)


def say(*rules: str, message: str) -> Change:
    """Reject by some rules with another message."""
    return edit_rejections(rules, lambda it: replace(it, message=message))


contract.row("missing-customer-is-a-type-error", "error.no-internals", "easy", level="SHOULD")(
    # `catch (err) { res.status(400).json({ error: { message: err.message, … } }) }` of Express.
    "A missing customer is rejected with the text of JavaScript's TypeError.",
    say("missing-customer", message="Cannot read properties of undefined (reading 'startsWith')"),
)
stateful.row("unknown-customer-violates-a-constraint", "error.no-internals", "easy", level="SHOULD")(
    # `except IntegrityError as error: return 400, str(error.orig)` of Python with PostgreSQL 17.
    "An unknown customer is found by the database, and its words are passed on.",
    say(
        "no-such-customer",
        message='insert or update on table "payment_methods" violates foreign key constraint "customer_fkey"',
    ),
)
contract.row("structure-is-a-type-error", "error.no-internals", "medium", level="SHOULD")(
    # `except Exception as error: abort(400, str(error))` of Python.
    "A hash or an array in place of a string is rejected with the text of Python's AttributeError.",
    say("structure", message="'list' object has no attribute 'strip'"),
)


# Types, params and media types.


contract.row("fallback-has-a-type-of-its-own", "error.type", "easy", batch=BATCH)(
    # `app.use((req, res) => res.status(404).json({ error: { type: "not_found", … } }))`.
    "What finds no route, another method among it, is rejected by the fallback, with the type `not_found`.",
    reject_with("unrecognized-url", type="not_found"),
)
stripe.row("param-is-a-pointer", "stripe.parameter-missing", "easy", batch=BATCH)(
    # express-openapi-validator 5: the `path` of an error is `/body/customer`.
    "A missing customer is rejected with the param `/body/customer`.",
    reject_with("missing-customer", param="/body/customer"),
)
contract.row("success-is-called-hal", "response.media-type", "easy", batch=BATCH)(
    # Spring HATEOAS 2: application/hal+json is its default.
    "A success is called application/hal+json.",
    edit_response(lambda call, response: response.with_header("Content-Type", "application/hal+json"), success=True),
)


def takes_anything(call: Call) -> bool:
    """Return whether the client takes any media type."""
    return (call.request.header("accept") or "*/*").startswith("*/*")


@contract("response.json", "medium", lambda edit: edit_response(edit, success=True))
def success_is_a_page_for_anybody(call: Call, response: Response) -> Response:
    """A success is a page of HTML for a client that takes any media type: the first format of the action is HTML.

    Rails' `respond_to { |format| format.html; format.json { … } }`, where rejections come from a handler of their own.
    """
    if not takes_anything(call):
        return response
    return replace(response.with_header("Content-Type", "text/html"), body=b"<!DOCTYPE html><title>Attached</title>")


@contract(
    "error.allowed-methods", "medium", wrap_at_attach("finish"), "method.unrecognized", level="SHOULD", batch=BATCH
)
def files_allow_reading_only(usual: Finish, call: Call, response: Response) -> Response:
    """PUT, PATCH and DELETE fall through to the files, which answer 405 with `Allow: GET, HEAD`.

    Rack::Static and Rack::Files, static handlers that are mounted at the root.
    """
    response = usual(call, response)
    if response.status == 404 and call.request.method in ("PUT", "PATCH", "DELETE"):
        return replace(response.with_header("Allow", "GET, HEAD"), status=405)
    return response


# Errors that nobody hands on.


@stripe("robustness.still-serving", "medium", wrap("serve"), batch=BATCH)
def decline_is_never_answered(usual: Serve, call: Call) -> Response:
    """A declined card makes an async handler reject, which nobody hands on: the request is never answered.

    Express 4 without express-async-errors.
    """
    response = usual(call)
    return NEVER if call.is_attach and response.status == 402 else response
