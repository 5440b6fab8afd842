"""Mistakes in reading a request: chunks, expectations, forms, paths of `expand`, and looking up the customer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..behaviour import Behaviour, Build, Check, FindCustomer, Unquote
from ..call import Call
from ..changes import interrupt, wrap_at_attach, wrap_check
from ..objects.models import Customer
from ..rules import errors
from ..rules.attach import Attempt
from ..rules.forms import Form, Pair
from ..wire.values import Response
from .registry import Topic

contract = Topic("contract")
stripe = Topic("stripe")

BATCH = "twelfth field"

PAGE = 100
"""How many customers a page of their list has."""
MOST_INDEX = 20
"""The highest index that makes an array, in qs."""
EXPECTATION = b'{"error": {"type": "invalid_request_error", "message": "Unknown expectation."}}'


# How a request comes in.


@contract("request.chunked-body", "hard", level="SHOULD", batch=BATCH)
def trailers_are_the_next_request(b: Behaviour) -> None:
    """A chunked body ends with its last chunk: the fields of a trailer section are taken for the next request.

    Bun 1.2 (pull request 32887). RFC 9112 (7.1.2): a recipient may drop the fields, but has to read them.
    """
    b.limits = replace(b.limits, early=True)


contract.row("expectation-in-lower-case-only", "request.other-headers", "hard", level="SHOULD", batch=BATCH)(
    # RFC 9110 (10.1.1): the value of Expect knows no case.
    "`Expect: 100-Continue`, with a capital, is answered with 417.",
    interrupt(
        lambda call: call.request.header("expect") not in (None, "100-continue"),
        lambda call: Response(417, (("Content-Type", "application/json"),), EXPECTATION),
    ),
)


# Names and values of the form.


@contract("robustness.empty-values", "medium", wrap_at_attach("build"), batch=BATCH)
def ampersand_at_the_end_is_a_parameter(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """An ampersand at the end of a form makes a parameter with an empty name, which is unknown: 400.

    amphp/http-server 0.7 (issue 178). The URL Standard passes over an empty sequence.
    """
    if call.request.body.endswith(b"&") and call.request.media_type == "application/x-www-form-urlencoded":
        raise errors.unknown_parameters([""])
    return usual(call, pairs)


@contract("expand.many-entries", "hard", wrap_check("expand-structure"), level="SHOULD", batch=BATCH)
def high_index_makes_a_hash(usual: Check, call: Call, attempt: Attempt) -> None:
    """An index of `expand` above 20 makes a hash of the array, which is rejected: qs 6 (issues 107 and 157)."""
    usual(call, attempt)
    tree = call.parameters.tree.get("expand")
    if isinstance(tree, dict) and any(str(key).isdigit() and int(str(key)) > MOST_INDEX for key in tree):
        raise errors.invalid_array("expand")


@contract(
    "request.value-exact-unicode",
    "hard",
    wrap_at_attach("unquote"),
    also="state.unknown-customer",
    level="SHOULD",
    batch=BATCH,
)
def byte_order_mark_before_an_id_dropped(usual: Unquote, call: Call, text: bytes) -> str:
    """Values are decoded as `utf-8-sig`: a byte order mark before an id is dropped."""
    value = usual(call, text)
    return value[1:] if value.startswith("\ufeffcus_") else value


# Looking up.


@contract("robustness.same-request-same-answer", "hard", wrap_at_attach("find_customer"), batch=BATCH)
def customers_behind_the_first_page_unknown(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
    """The customer is looked for on the first page of the list: the newest hundred are known, no older one."""
    newest = [customer.id for customer in call.store.all_customers()[:PAGE]]
    return usual(call, identifier) if identifier in newest else None


@stripe("stripe.expand-path", "hard", wrap_check("expand-paths"), level="SHOULD", batch=BATCH)
def path_needs_only_begin_right(usual: Check, call: Call, attempt: Attempt) -> None:
    """A path is expanded if it begins with a known name: `path.startswith("customer")` takes `customers`, too."""
    attempt.expand = [
        "customer" if item.startswith("customer") and "." not in item else item for item in attempt.expand
    ]
    usual(call, attempt)
