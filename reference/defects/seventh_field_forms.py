"""Mistakes of form parsers, sanitizers and validators, and of routers, in requests that anybody may send."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from ..behaviour import FindMethod, Serve, Split
from ..call import Call
from ..changes import Change, check_after, customers_sent, rejection, wrap, wrap_at_attach
from ..objects.models import PaymentMethod
from ..rules.attach import Attempt
from ..rules.forms import RawPair
from ..wire.values import Response
from .parts import unexpected_error
from .registry import Topic

contract = Topic("contract")
stateful = Topic("stateful")
stripe = Topic("stripe")

BATCH = "seventh field"

MOST_ENTRIES = 10
"""How many entries of `expand` a validator lets pass."""


# Parsers.


@contract("error.status-class", "medium", wrap_at_attach("split"), batch=BATCH)
def second_equals_sign_crashes(usual: Split, call: Call, body: bytes) -> Sequence[RawPair]:
    """A value with an equals sign in it is a 500: `name, value = pair.split("=")`.

    Parsers by hand in Python; in JavaScript the rest of the value is lost instead.
    """
    if any(pair.count(b"=") > 1 for pair in body.split(b"&")):
        raise unexpected_error()
    return usual(call, body)


@contract("robustness.empty-values", "medium", wrap_at_attach("split"), batch=BATCH)
def empty_pair_crashes(usual: Split, call: Call, body: bytes) -> Sequence[RawPair]:
    """Two ampersands together, or one at an end of the form, are a 500: `name, value = pair.split("=", 1)`.

    Parsers by hand in Python, as in dict(pair.split("=") for pair in body.split("&")).
    """
    if body and not all(body.split(b"&")):
        raise unexpected_error()
    return usual(call, body)


# Validators.


def several_customers_crash(call: Call, attempt: Attempt) -> None:
    """Crash where `customer` was sent more than once."""
    if len(customers_sent(call)) > 1:
        raise unexpected_error()


contract.row("second-customer-makes-an-array", "error.status-class", "medium", batch=BATCH)(
    # qs 6 and node:querystring, and `customer.startsWith is not a function`.
    "`customer` sent twice is an array, which has none of the methods of strings: 500.",
    check_after("customer-structure", several_customers_crash),
)


def limit_entries(call: Call, attempt: Attempt) -> None:
    """Reject more entries of `expand` than a validator lets pass."""
    if len(attempt.expand) > MOST_ENTRIES:
        raise rejection(400, f"Array must contain at most {MOST_ENTRIES} element(s)", param="expand")


contract.row("entries-of-expand-are-limited", "expand.many-entries", "medium", level="SHOULD", batch=BATCH)(
    # `maxItems` of OpenAPI, `z.array(…).max(10)` of Zod, `@ArrayMaxSize(10)` of class-validator.
    "More than ten entries of `expand` are rejected.",
    check_after("expand-structure", limit_entries),
)


def demand_prefix(call: Call, attempt: Attempt) -> None:
    """Reject a customer that does not look like an id."""
    if attempt.customer_id and not attempt.customer_id.startswith("cus_"):
        raise rejection(400, "must match pattern ^cus_", "parameter_invalid_string", "customer")


stripe.row("customers-without-prefix-are-malformed", "stripe.resource-missing-customer", "medium", batch=BATCH)(
    # `pattern: ^cus_` of OpenAPI (AJV 8), `z.string().startsWith("cus_")`.
    "An unknown customer whose id does not begin with `cus_` is invalid to the validator, and not missing.",
    check_after("customer-length", demand_prefix),
)


def rewrite_customer(rewrite: Callable[[str], str]) -> Change:
    """Change the value of `customer` before it is checked."""

    def change(call: Call, attempt: Attempt) -> None:
        if attempt.customer_id:
            attempt.customer_id = rewrite(attempt.customer_id)

    return check_after("customer-structure", change)


# Sanitizers.


contract.row("tags-are-stripped", "request.value-exact", "hard", batch=BATCH)(
    # PHP's strip_tags, sanitize_text_field of WordPress 6, bleach with strip=True.
    "Tags of HTML are removed from values: `ID<br>` is ID.",
    rewrite_customer(lambda value: re.sub(r"<[^>]*>", "", value)),
)
contract.row("backslashes-removed", "request.value-exact", "hard")(
    # PHP's stripslashes, wp_unslash of WordPress 6.
    "Backslashes are removed from values: `ID\\` is ID.",
    rewrite_customer(lambda value: value.replace("\\", "")),
)
contract.row("characters-beyond-ascii-dropped", "request.value-exact", "hard", batch=BATCH)(
    # Python's encode("ascii", "ignore"), PHP's iconv with //IGNORE.
    "Characters that are not ASCII are dropped from values: `IDé` is ID.",
    rewrite_customer(lambda value: value.encode("ascii", "ignore").decode()),
)
contract.row("all-blanks-removed", "request.value-exact-whitespace", "medium", level="SHOULD", batch=BATCH)(
    # JavaScript's value.replace(/\s+/g, ""), for what users paste.
    "White space is removed from values, within them, too.",
    rewrite_customer(lambda value: re.sub(r"\s+", "", value)),
)
contract.row("line-end-is-chomped", "request.value-exact-whitespace", "hard", level="SHOULD", batch=BATCH)(
    # Ruby's chomp; `re.match(r"(cus_\w+)$", value)` of Python, whose `$` is before a last line end, too.
    "A line end behind a value is removed, and no other white space: `ID%0A` is ID.",
    rewrite_customer(lambda value: re.sub(r"\r?\n\Z", "", value)),
)


# Routes and gateways.


@contract("request.exact-path", "hard", wrap("serve"), level="SHOULD", batch=BATCH)
def line_end_behind_attach(usual: Serve, call: Call) -> Response:
    """`…/attach%0A` is `…/attach`: the pattern of the route ends with `$`, which is before a last line end, too.

    Django's re_path(r"^…/attach$"), as its documentation writes patterns.
    """
    path, question, query = call.request.target.partition("?")
    call.request = replace(call.request, target=re.sub("/attach%0[aA]\\Z", "/attach", path) + question + query)
    return usual(call)


@stateful("state.unknown-payment-method", "hard", wrap_at_attach("find_payment_method"), batch=BATCH)
def method_put_into_an_inner_address(usual: FindMethod, call: Call, identifier: str) -> PaymentMethod | None:
    """The decoded id is put into the address of an inner service, where `?` and `#` end it: `pm_1%3Fx` is `pm_1`.

    Gateways in JavaScript: fetch(`http://inner/payment_methods/${req.params.id}`).
    """
    return usual(call, re.split("[?#]", identifier)[0])
