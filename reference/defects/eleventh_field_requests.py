"""Mistakes in reading a request: forms, names, values, methods, credentials and idempotency keys."""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from collections.abc import Hashable, Sequence
from dataclasses import replace

from ..behaviour import Check, FindCustomer, KeyName, Once, ReadName, Serve, Split
from ..call import Call, Endpoint
from ..changes import is_authentic, override, wrap, wrap_at_attach, wrap_check
from ..objects.models import Customer
from ..rules.attach import Attempt
from ..rules.forms import RawPair
from ..rules.idempotency import execute
from ..wire.values import Answer, Response
from .parts import unexpected_error
from .registry import Topic

contract = Topic("contract")
stripe = Topic("stripe")

BATCH = "eleventh field"


# Names and values of the form.


@contract("robustness.empty-values", "medium", wrap_at_attach("split"), batch=BATCH)
def bare_name_before_others_crashes(usual: Split, call: Call, body: bytes) -> Sequence[RawPair]:
    """A name without an equals sign is a 500 where another parameter follows, as in `a&customer=…`.

    Micronaut 4.2 on Netty's HttpPostStandardRequestDecoder (issue 10446).
    """
    if any(piece and b"=" not in piece for piece in body.split(b"&")[:-1]):
        raise unexpected_error()
    return usual(call, body)


@contract("body.unknown-parameter", "hard", wrap_at_attach("read_name"), batch=BATCH)
def names_in_compatible_forms(usual: ReadName, call: Call, name: str) -> tuple[str, ...]:
    """Names are normalised to NFKC before they are looked at: `customer` in full-width letters is `customer`."""
    return usual(call, unicodedata.normalize("NFKC", name))


contract.row("length-of-the-composed", "body.customer-max-length", "hard", stateless=True, batch=BATCH)(
    "The length is counted after letters and their accents were composed (NFC): 5001 characters may be 2501.",
    override("measure", lambda call, text: len(unicodedata.normalize("NFC", text))),
)


# Looking up the customer.


@contract("body.customer-required", "medium", wrap_check("customer-given"), batch=BATCH)
def no_condition_finds_the_first_customer(usual: Check, call: Call, attempt: Attempt) -> None:
    """Without `customer` the query has no condition, and finds the first customer that there is.

    Prisma drops `undefined` from `where` (issue 11021).
    """
    customers = call.store.all_customers()
    if attempt.customer_id is None and customers:
        attempt.customer_id = customers[-1].id
    usual(call, attempt)


def find_by(call: Call, pattern: str) -> Customer | None:
    """Return the first customer whose id has the form of the pattern, if it is one."""
    try:
        wanted = re.compile(pattern, re.DOTALL)
    except (re.error, OverflowError, RecursionError):
        return None
    return next((one for one in reversed(call.store.all_customers()) if wanted.fullmatch(one.id)), None)


@contract("request.value-exact", "hard", wrap_at_attach("find_customer"), also="state.unknown-customer", batch=BATCH)
def regular_expression_finds_a_customer(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
    """The customer is looked up by a regular expression with the value in it: `.` stands for any character."""
    return usual(call, identifier) or find_by(call, identifier)


@contract("request.value-exact", "hard", wrap_at_attach("find_customer"), also="state.unknown-customer", batch=BATCH)
def asterisk_finds_a_customer(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
    """The customer is looked up among the keys of Redis: `*` stands for anything, `?` for any character."""
    return usual(call, identifier) or find_by(call, fnmatch.translate(identifier))


# Methods.


@contract("request.other-methods", "hard", wrap_at_attach("serve"), batch=BATCH)
def head_attaches(usual: Serve, call: Call) -> Response:
    """HEAD runs the handler of POST, which attaches: its body is read, and the answer has none."""
    if call.request.method == "HEAD" and is_authentic(call):
        return usual(Call(call.world, replace(call.request, method="POST")))
    return usual(call)


# Idempotency keys.


@stripe("idempotency.replay", "hard", wrap("once"), batch=BATCH)
def keys_that_begin_with_a_digit_ignored(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
    """A key is an item of a structured field: one that begins with a digit is a malformed number, and ignored.

    enkan's IdempotencyKeyMiddleware (pull request 139). RFC 9651 (4.2.3.1). A UUID may begin with a digit.
    """
    key = call.request.header("idempotency-key") or ""
    return execute(call, endpoint) if key[:1].isdigit() else usual(call, endpoint)


@stripe("idempotency.replay", "hard", wrap("idempotency_name"), batch=BATCH)
def keys_end_at_a_comma(usual: KeyName, call: Call, key: str) -> Hashable:
    """The header is read as a list, whose first item is the key: what comes behind a comma does not count."""
    return usual(call, key.partition(",")[0])
