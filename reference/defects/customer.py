"""Mistakes in `customer`: required, a string, of limited length, sent once."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Callable, Sequence
from functools import partial
from urllib.parse import quote

from ..app import write_answer
from ..behaviour import Attach, Behaviour, Check, Measure, Split
from ..call import Call
from ..changes import (
    Change,
    apply,
    change,
    check_after,
    customers_sent,
    drop_check,
    edit_success,
    expands,
    interrupt,
    override,
    override_check,
    rejection,
    remembering,
    skip_check,
    wrap,
    wrap_at_attach,
    wrap_check,
)
from ..objects.models import Customer, PaymentMethod
from ..rules.attach import Attempt
from ..rules.errors import too_long
from ..rules.forms import RawPair
from ..wire.values import Answer, Json, Response
from .registry import Topic

contract = Topic("contract")


@change
def customer_may_be_missing(b: Behaviour, tolerated: Callable[[Call], bool]) -> None:
    """Succeed without a customer in some cases, and attach nothing."""
    usual_attach = b.attach

    def absent(call: Call, attempt: Attempt) -> bool:
        return attempt.customer_id is None and tolerated(call)

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        return attempt.method if absent(call, attempt) else usual_attach(call, attempt)

    for name in ("customer-given", "customer", "not-another-customers"):
        skip_check(name, absent)(b)
    b.attach = attach


contract.row("customer-optional", "body.customer-required", "easy")(
    "A request without `customer` succeeds.", customer_may_be_missing(lambda call: True)
)
contract.row("customer-optional-with-expand", "body.customer-required", "medium")(
    "A request with only `expand` succeeds.", customer_may_be_missing(expands)
)
contract.row("empty-body-succeeds", "body.customer-required", "medium")(
    "A request with an empty body, or none, succeeds: there is nothing in it to be checked.",
    customer_may_be_missing(lambda call: not call.request.body),
)


@contract("body.customer-required", "hard")
def last_customer_remembered(b: Behaviour) -> None:
    """A request without `customer` attaches to the customer of the request before."""
    last = list[str]()

    @apply(b, partial(check_after, "customer-structure"))
    def remember(call: Call, attempt: Attempt) -> None:
        if attempt.customer_id is None and last:
            attempt.customer_id = last[-1]

    @apply(b, wrap("attach"))
    def attach(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        last[:] = [attempt.owner.id]
        return usual(call, attempt)


@contract("body.customer-required", "hard", batch="unseen 1")
def customer_left_over_on_the_connection(b: Behaviour) -> None:
    """The form is not cleared between two requests of a connection: without `customer` the last one counts."""
    last: dict[int, str] = {}

    @apply(b, partial(check_after, "customer-structure"))
    def fill_in(call: Call, attempt: Attempt) -> None:
        if attempt.customer_id is None:
            attempt.customer_id = last.get(call.request.connection)

    @apply(b, wrap("attach"))
    def attach(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        last[call.request.connection] = attempt.owner.id
        return usual(call, attempt)


@contract("body.customer-required", "hard", partial(check_after, "customer-structure"), batch="unseen 1")
def owner_stands_in_for_customer(call: Call, attempt: Attempt) -> None:
    """Without `customer`, a payment method that is already attached is attached to its owner: 200."""
    method = call.store.method(attempt.payment_method_id)
    if attempt.customer_id is None and method is not None:
        attempt.customer_id = method.customer


@contract("body.customer-required", "easy", also="stripe.parameter-missing", batch="unseen 2")
def empty_body_is_no_change(b: Behaviour) -> None:
    """A POST without any body is answered at once with 200 and the payment method as it is."""

    def identifier(call: Call) -> str:
        return call.request.path.split("/")[3]

    def empty(call: Call) -> bool:
        request = call.request
        return request.method == "POST" and not request.body and identifier(call) in call.store.methods

    def unchanged(call: Call) -> Response:
        call.authenticated = True
        method = call.store.methods[identifier(call)]
        return write_answer(call, Answer(200, call.behaviour.payment_method_json(call, method)))

    interrupt(empty, unchanged)(b)


@contract(
    "body.customer-required",
    "hard",
    remembering(partial(check_after, "customer-structure"), left=dict),
    also="stripe.parameter-missing",
    batch="unseen 2",
)
def customer_left_over_from_before(call: Call, attempt: Attempt, *, left: dict[int, str]) -> None:
    """A connection's form object is reused: without `customer` that of an earlier request is taken."""
    connection = call.request.connection
    if attempt.customer_id is None:
        attempt.customer_id = left.get(connection)
    elif attempt.customer_id:
        left[connection] = attempt.customer_id


@contract("body.customer-required", "hard", wrap_check("customer-given"), batch="unseen 3")
def attached_ones_need_no_customer(usual: Check, call: Call, attempt: Attempt) -> None:
    """Without `customer`, a payment method that is attached already is answered as attached to its owner."""
    if attempt.customer_id is None:
        attempt.customer_id = attempt.method.customer
    usual(call, attempt)


@contract(
    "body.customer-required",
    "easy",
    partial(override_check, "customer-given"),
    also="stripe.parameter-missing stripe.parameter-missing-code",
    batch="unseen 4",
)
def guest_customer_made(call: Call, attempt: Attempt) -> None:
    """Without `customer` a new customer is made, a guest, and gets the payment method."""
    if attempt.customer_id is None:
        guest = Customer(call.behaviour.new_id("cus_"), int(time.time()))
        attempt.customer_id = call.store.put_customer(guest).id


@contract(
    "body.customer-required", "medium", also="stripe.parameter-missing stripe.parameter-missing-code", batch="unseen 4"
)
def customer_of_the_last_good_request(b: Behaviour) -> None:
    """The parameters are kept in one place: without `customer` the one of the last good request counts."""
    left: list[str] = []

    @apply(b, wrap_check("customer-given"))
    def check(usual: Check, call: Call, attempt: Attempt) -> None:
        if attempt.customer_id is None and left:
            attempt.customer_id = left[-1]
        usual(call, attempt)

    @apply(b, partial(check_after, "customer"))
    def remember(call: Call, attempt: Attempt) -> None:
        left[:] = [attempt.owner.id]


@contract(
    "body.customer-required", "medium", also="stripe.parameter-missing state.refusal-changes-nothing", batch="unseen 5"
)
def last_customer_is_remembered(b: Behaviour) -> None:
    """A body with `expand` but no `customer` attaches to the customer that was last attached to."""
    last: list[str] = []

    @apply(b, wrap_check("customer-structure"))
    def structure(usual_check: Check, call: Call, attempt: Attempt) -> None:
        usual_check(call, attempt)
        if attempt.customer_id is None and last and expands(call):
            attempt.customer_id = last[-1]

    @apply(b, wrap("attach"))
    def attach(usual_attach: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        last[:] = [attempt.owner.id]
        return usual_attach(call, attempt)


def take_from_hash(key_is_fine: Callable[[str | int], bool]) -> Change:
    """Take a value of the hash `customer[…]` for the customer."""

    @wrap_check("customer-structure")
    def check(usual: Check, call: Call, attempt: Attempt) -> None:
        value = call.parameters.tree.get("customer")
        inner = value if isinstance(value, dict) else {}
        found = [item for key, item in inner.items() if key_is_fine(key) and isinstance(item, str)]
        if found:
            attempt.customer_id = found[0]
        else:
            usual(call, attempt)

    return check


contract.row("customer-hash-flattened", "body.customer-structure", "easy")(
    "Brackets behind `customer`, and all that they hold, are ignored.", take_from_hash(lambda key: True)
)
contract.row("customer-with-id-obeyed", "body.customer-structure", "medium")(
    "`customer[id]` is taken for the customer, as though an object had been sent.",
    take_from_hash(lambda key: key == "id"),
)
contract.row("customer-array-unwrapped", "body.customer-structure", "medium")(
    "The first item of `customer[]` is taken for the customer.", take_from_hash(lambda key: isinstance(key, int))
)
contract.row("customer-index-unwrapped", "body.customer-structure", "hard")(
    "`customer[0]` is taken for the customer.", take_from_hash(lambda key: key == "0")
)


@contract("body.customer-structure", "medium", wrap_check("customer-structure"), batch="unseen 1")
def customer_hash_with_expand(usual: Check, call: Call, attempt: Attempt) -> None:
    """`customer[id]=ID` is rejected, but taken for the id where the request also has `expand`."""
    value = call.parameters.tree.get("customer")
    inner = value.get("id") if isinstance(value, dict) else None
    if isinstance(inner, str) and expands(call):
        attempt.customer_id = inner
    else:
        usual(call, attempt)


@contract(
    "body.customer-structure", "easy", wrap_check("customer-structure"), also="stripe.wrong-structure", batch="unseen 2"
)
def array_coerced_to_text(usual: Check, call: Call, attempt: Attempt) -> None:
    """An array is turned into a string as in JavaScript, so `customer[]=ID` and `customer[0]=ID` are ID."""
    value = call.parameters.tree.get("customer")
    if isinstance(value, dict) and value and all(str(key).isdigit() for key in value):
        attempt.customer_id = ",".join(str(item) for item in value.values())
    else:
        usual(call, attempt)


ENCODED_BRACKETS = re.compile(rb"customer%5[Bb][^\[\]%]*%5[Dd]")


@contract(
    "body.customer-structure", "hard", wrap_at_attach("split"), also="request.equivalent-encodings", batch="unseen 3"
)
def encoded_brackets_unwrapped(usual: Split, call: Call, body: bytes) -> Sequence[RawPair]:
    """Brackets are looked for before decoding: `customer%5B%5D` passes for a string, and is one later."""
    pairs = usual(call, body)
    return [(b"customer" if ENCODED_BRACKETS.fullmatch(name) else name, value) for name, value in pairs]


@contract(
    "body.duplicate-customer", "medium", partial(check_after, "customer-structure"), level="SHOULD", stateless=True
)
def duplicates_joined(call: Call, attempt: Attempt) -> None:
    """Two values for `customer` are joined by a comma."""
    if len(customers_sent(call)) > 1:
        attempt.customer_id = ",".join(customers_sent(call))


@contract("body.duplicate-customer", "hard", level="SHOULD", also="response.customer")
def duplicates_mixed(b: Behaviour) -> None:
    """The first of two values for `customer` is obeyed, and the answer shows both, joined."""

    @apply(b, partial(check_after, "customer-structure"))
    def first(call: Call, attempt: Attempt) -> None:
        if len(customers_sent(call)) > 1:
            attempt.customer_id = customers_sent(call)[0]

    @apply(b, edit_success)
    def both(call: Call, payload: Json) -> None:
        if len(customers_sent(call)) > 1:
            payload["customer"] = " ".join(customers_sent(call))


contract.row("length-not-limited", "body.customer-max-length", "easy", stateless=True)(
    "The length of `customer` is not limited.", drop_check("customer-length")
)


@contract("body.customer-max-length", "medium", partial(override_check, "customer-length"), stateless=True)
def customer_cut_at_limit(call: Call, attempt: Attempt) -> None:
    """A customer that is too long is cut to 5000 characters and used."""
    if attempt.customer_id is not None:
        attempt.customer_id = attempt.customer_id[: call.behaviour.limit]


contract.row("limit-one-too-high", "body.customer-max-length", "hard", stateless=True)(
    "5001 characters are still accepted; the comparison lets one too many pass.", override("limit", 5001)
)
contract.row("limit-of-65535", "body.customer-max-length", "medium", stateless=True)(
    "The limit is that of a database column, 65,535.", override("limit", 65535)
)
contract.row("limit-not-asked-with-expand", "body.customer-max-length", "hard", stateless=True)(
    "The length is only looked at where nothing else was sent.",
    skip_check("customer-length", lambda call, attempt: len(call.parameters.pairs) > 1),
)
contract.row("prefix-not-counted", "body.customer-max-length", "medium", stateless=True, batch="unseen 1")(
    "The length is taken behind `cus_`: 5001 to 5004 characters are accepted.",
    wrap_at_attach("measure")(lambda usual, call, text: usual(call, text.removeprefix("cus_"))),
)


@contract(
    "body.customer-max-length", "hard", partial(override_check, "customer-length"), stateless=True, batch="unseen 2"
)
def only_ascii_is_counted(call: Call, attempt: Attempt) -> None:
    """The length of `customer` is taken after dropping what is not ASCII: 5001 such characters pass."""
    value, limit = attempt.customer_id or "", call.behaviour.limit
    if len(value.encode("ascii", "ignore")) > limit:
        raise too_long("customer", value, limit)


contract.row("own-prefix-not-measured", "body.customer-max-length", "medium", stateless=True, batch="unseen 3")(
    "A value that begins with `cus_` is taken for an id of this server, and may have any length.",
    skip_check("customer-length", lambda call, attempt: (attempt.customer_id or "").startswith("cus_")),
)
ID_LENGTH = 28


@contract(
    "body.customer-max-length",
    "hard",
    wrap_check("customer-length"),
    also="request.value-exact state.unknown-customer stripe.too-long",
    batch="unseen 5",
)
def long_customer_is_cut(usual: Check, call: Call, attempt: Attempt) -> None:
    """A `customer` of more than 5000 characters is cut to the length of an id instead of rejected."""
    if attempt.customer_id is not None and len(attempt.customer_id) > call.behaviour.limit:
        attempt.customer_id = attempt.customer_id[:ID_LENGTH]
    usual(call, attempt)


contract.row("limit-one-too-low", "body.customer-length-limit-exact", "hard")(
    "5000 characters are rejected as too long.", override("limit", 4999)
)
contract.row("limit-of-255", "body.customer-length-limit-exact", "easy")(
    "More than 255 characters are rejected as too long.", override("limit", 255)
)


@contract("body.customer-length-limit-exact", "medium", partial(check_after, "customer-structure"))
def long_values_too_large(call: Call, attempt: Attempt) -> None:
    """More than 4096 characters are answered with 413."""
    if attempt.customer_id is not None and len(attempt.customer_id) > 4096:
        raise rejection(413, "Request entity too large.")


@contract(
    "body.customer-length-limit-exact",
    "easy",
    partial(override_check, "customer-length"),
    stateless=True,
    also="body.length-in-characters",
    batch="unseen 2",
)
def name_counts_towards_the_limit(call: Call, attempt: Attempt) -> None:
    """The limit of 5000 is applied to `customer=` and the value together."""
    value, limit = attempt.customer_id or "", call.behaviour.limit
    if len(f"customer={value}") > limit:
        raise too_long("customer", value, limit)


contract.row("limit-in-bytes", "body.length-in-characters", "medium")(
    "The limit counts the bytes of the UTF-8 form.", override("measure", lambda call, text: len(text.encode("utf-8")))
)
contract.row("limit-in-utf16-units", "body.length-in-characters", "hard")(
    "The limit counts UTF-16 units, so that an emoji is two.",
    override("measure", lambda call, text: len(text.encode("utf-16-le")) // 2),
)
contract.row("limit-on-encoded-form", "body.length-in-characters", "hard")(
    "The limit counts the characters of the percent-encoded form.",
    override("measure", lambda call, text: len(quote(text, safe=""))),
)


@contract("body.length-in-characters", "medium", wrap_at_attach("measure"), stateless=True, batch="unseen 1")
def length_in_columns(usual: Measure, call: Call, text: str) -> int:
    """The limit counts columns of a terminal: wide characters (Chinese, emoji) count twice."""
    wide = 0 if text.isascii() else sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return usual(call, text) + wide
