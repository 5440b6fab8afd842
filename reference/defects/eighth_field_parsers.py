"""Mistakes of form parsers, validators and routers, in requests that a client sends by an ordinary mistake."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

from ..behaviour import Check, Split
from ..call import Call
from ..changes import check_after, interrupt, rejection, tolerate, wrap_at_attach, wrap_check
from ..rules.attach import Attempt
from ..rules.checks import KNOWN
from ..rules.errors import unknown_parameters
from ..rules.forms import RawPair
from ..wire.values import Response
from .parts import crash_where_rejected, id_in_path, is_utf8, unexpected_error
from .registry import Topic
from .seventh_field_idempotency import keep_rejection

contract = Topic("contract")
stripe = Topic("stripe")

BATCH = "eighth field"

MOST_ARGUMENTS = 100
"""How many arguments of a form OpenResty reads by default."""
ATTRIBUTE_ROOM = 8192
"""The longest decoded attribute of a form that Vert.x reads by default, in bytes."""
TEXT = (("Content-Type", "text/plain; charset=utf-8"),)
PAGE = (("Content-Type", "text/html; charset=utf-8"),)
MARKUP = re.compile(r"<[A-Za-z!/?]|&#")
"""The texts in which ASP.NET sees an attack."""


# Parsers.


@contract("robustness.deep-brackets", "medium", wrap_at_attach("split"), batch=BATCH)
def unpaired_bracket_crashes(usual: Split, call: Call, body: bytes) -> Sequence[RawPair]:
    """A name with an opening bracket and no closing one is a 500: `name[at + 1 : name.index("]")]`.

    Parsers by hand in Python (ValueError), and in Java (StringIndexOutOfBoundsException).
    """
    for name, _ in usual(call, body):
        plain = re.sub(rb"%5[bB]", b"[", re.sub(rb"%5[dD]", b"]", name))
        if b"[" in plain and b"]" not in plain.partition(b"[")[2]:
            raise unexpected_error()
    return usual(call, body)


@contract("robustness.deep-brackets", "hard", wrap_at_attach("split"), batch=BATCH)
def index_of_another_digit_crashes(usual: Split, call: Call, body: bytes) -> Sequence[RawPair]:
    """An index of `expand` that is a digit and no decimal, `expand[²]`, is a 500: `int(index)` after `isdigit()`.

    Mocks by hand in Python: `str.isdigit` is true of superscripts, of which `int` makes no number.
    """
    pairs = usual(call, body)
    for name, _ in pairs:
        index = unquote_to_bytes(name).decode("utf-8", "replace").removeprefix("expand[").partition("]")[0]
        if index.isdigit() and not index.isdecimal():
            raise unexpected_error()
    return pairs


@contract("robustness.empty-values", "medium", wrap_at_attach("split"), batch=BATCH)
def empty_name_crashes(usual: Split, call: Call, body: bytes) -> Sequence[RawPair]:
    """A pair with an empty name, `=x`, is a 500: `if name[0] == "_"`, `name.charAt(0)`.

    Code in Python, Ruby and Java that looks for internal names, or for a bracket.
    """
    pairs = usual(call, body)
    if any(not name for name, _ in pairs):
        raise unexpected_error()
    return pairs


@contract("body.unknown-parameter", "medium", wrap_at_attach("split"), batch=BATCH)
def arguments_behind_the_hundredth_dropped(usual: Split, call: Call, body: bytes) -> Sequence[RawPair]:
    """The first 100 parameters are read, and those behind them dropped without a word.

    OpenResty's ngx.req.get_post_args, and Kong's plugins, unless a number is given.
    """
    return usual(call, body)[:MOST_ARGUMENTS]


contract.row("customer-twice-is-a-line-of-text", "error.envelope", "medium", batch=BATCH)(
    # axum 0.8: serde's rejection of `Form<Attach>`, which no handler of the application sees.
    "`customer` sent twice is answered with 422 and a line of text: duplicate field `customer`.",
    interrupt(
        lambda call: len(re.findall(rb"(?:\A|&)customer=", call.request.body)) > 1,
        lambda call: Response(422, TEXT, b"Failed to deserialize form body: duplicate field `customer`"),
    ),
)


# Validators.


contract.row("customer-that-is-no-string-crashes", "error.status-class", "easy", batch=BATCH)(
    # `req.body.customer.trim()` of Express with qs, PHP's `strlen($_POST["customer"])`, `params[:customer].strip`.
    "A `customer` in brackets is an array or a hash, which has no methods of strings: 500.",
    crash_where_rejected("customer-structure"),
)


def reject_markup(call: Call, attempt: Attempt) -> None:
    """Crash where a value looks like markup."""
    if any(MARKUP.search(value) for _, value in call.parameters.pairs):
        raise unexpected_error()


contract.row("markup-is-a-server-error", "robustness.quotes", "medium", batch=BATCH)(
    # ASP.NET 4.8: request validation raises HttpRequestValidationException, whose status is 500.
    "A value with `<` before a letter, or with `&#`, is a 500: a potentially dangerous value was detected.",
    check_after("customer-structure", reject_markup),
)


@contract("body.unknown-parameter", "medium", wrap_check("unknown-parameters"), batch=BATCH)
def id_of_the_body_replaces_that_of_the_path(usual: Check, call: Call, attempt: Attempt) -> None:
    """`id` in the body takes the place of the id in the path: `{ ...req.params, ...req.body }`.

    Express, and validators of one object that holds path and body (celebrate, express-validator's matchedData).
    """
    attempt.payment_method_id = call.parameters.text("id") or attempt.payment_method_id
    unknown = [str(name) for name in call.parameters.tree if name not in (*KNOWN, "id")]
    if unknown:
        raise unknown_parameters(unknown)


contract.row("pages-pass", "body.unknown-parameter", "medium")(
    # A base class of all requests: `class PageParams(BaseModel)`, shared helpers of Grape.
    "Parameters of lists are tolerated everywhere: `limit`, `starting_after`.",
    tolerate(lambda call, name: name in ("limit", "starting_after", "ending_before", "page")),
)
contract.row("sparse-fields-pass", "body.unknown-parameter-nested", "medium")(
    # JSON:API's libraries, and middleware that picks the members of an answer.
    "`fields[]`, which names the members to be shown, is tolerated.",
    tolerate(lambda call, name: name == "fields"),
)


def take_the_last_segment(call: Call, attempt: Attempt) -> None:
    """Take what stands behind the last slash for the id."""
    if attempt.customer_id:
        attempt.customer_id = attempt.customer_id.rpartition("/")[2]


contract.row("customer-may-be-a-link", "request.value-exact", "hard", batch=BATCH)(
    # API Platform's IRIs, `basename` before a file is opened, gid://app/Customer/… of Rails.
    "A link or a file's name is taken for the id behind its last slash: `/v1/customers/ID` and `./ID` are ID.",
    check_after("customer-structure", take_the_last_segment),
)


def limit_attribute(call: Call, attempt: Attempt) -> None:
    """Reject an attribute of more bytes than the decoder has room for."""
    if any(len(value.encode()) > ATTRIBUTE_ROOM for _, value in call.parameters.pairs):
        raise rejection(400, "Size exceed allowed maximum capacity")


contract.row("attributes-have-room-for-8-kib", "body.length-in-characters", "medium", batch=BATCH)(
    # Vert.x 4 and 5: setMaxFormAttributeSize.
    "A value of more than 8192 bytes is rejected, though 5000 characters can be longer.",
    check_after("unknown-parameters", limit_attribute),
)


stripe.row("wrong-structure-burns-the-key", "idempotency.validation-not-stored", "medium")(
    "The rejection of a `customer` that is no string is kept under the idempotency key.",
    wrap_check("customer-structure")(keep_rejection),
)
stripe.row("too-long-burns-the-key", "idempotency.validation-not-stored", "medium", batch=BATCH)(
    # ActiveModel's `validates :customer, length: …`, Bean Validation on the entity: found when it is saved.
    "The rejection of a `customer` that is too long is kept under the idempotency key: the model finds it.",
    wrap_check("customer-length")(keep_rejection),
)


# Routers.


contract.row("other-ids-have-no-route", "error.envelope", "medium", "request.path-encoding", batch=BATCH)(
    # Express 4's `:id(pm_\\w+)`, Laravel's `->where("id", …)`, `constraints` of Rails.
    "An id that does not begin with `pm_` has no route, and is answered with the framework's page, 404.",
    interrupt(
        lambda call: re.fullmatch(r"(?:pm|card|src|ba)_\w+", id_in_path(call), re.ASCII) is None,
        lambda call: Response(404, PAGE, b"<!DOCTYPE html><title>Error</title><pre>Cannot POST</pre>"),
    ),
)
contract.row("ids-with-dots-have-no-route", "error.envelope", "medium", batch=BATCH)(
    # Rails 8: dynamic segments do not accept dots.
    "An id with a dot in it has no route, and is answered with the framework's page, 404.",
    interrupt(
        lambda call: "." in id_in_path(call),
        lambda call: Response(404, PAGE, b"<!DOCTYPE html><title>The page you were looking for doesn't exist</title>"),
    ),
)
contract.row(
    "path-that-is-not-utf8-is-a-line-of-text", "robustness.error-envelope", "medium", level="SHOULD", batch=BATCH
)(
    # axum 0.8: the rejection of `Path<String>`.
    "An id in the path that is not UTF-8 is answered with 400 and a line of text.",
    interrupt(
        lambda call: not is_utf8(unquote_to_bytes(id_in_path(call))),
        lambda call: Response(400, TEXT, b"Invalid URL: Invalid UTF-8 in `id`"),
    ),
)
