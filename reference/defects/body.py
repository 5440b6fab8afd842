"""Mistakes in checking `customer`: required, a string, of limited length, sent once."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from ..attach import Attempt
from ..behaviour import Behaviour
from ..call import Call
from ..objects import PaymentMethod
from ..values import Json
from .registry import Chapter
from .tools import check_after, customers_sent, edit_success, expands, refused, skip_check

seed = Chapter("body", "contract")


def customer_may_be_missing(b: Behaviour, tolerated: Callable[[Call], bool]) -> None:
    """Succeed without a customer in some cases, attaching nothing."""
    usual_attach = b.attach

    def absent(call: Call, attempt: Attempt) -> bool:
        return attempt.customer_id is None and tolerated(call)

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        return attempt.method if absent(call, attempt) else usual_attach(call, attempt)

    for name in ("customer-given", "customer", "not-another-customers"):
        skip_check(b, name, absent)
    b.attach = attach


@seed("body.customer-required", "easy")
def customer_optional(b: Behaviour) -> None:
    """A request without `customer` succeeds."""
    customer_may_be_missing(b, lambda call: True)


@seed("body.customer-required", "medium")
def customer_optional_with_expand(b: Behaviour) -> None:
    """A request with only `expand` succeeds."""
    customer_may_be_missing(b, expands)


@seed("body.customer-required", "medium")
def empty_body_succeeds(b: Behaviour) -> None:
    """A request with an empty body, or none, succeeds: there is nothing in it to be checked."""
    customer_may_be_missing(b, lambda call: not call.request.body)


@seed("body.customer-required", "hard")
def last_customer_remembered(b: Behaviour) -> None:
    """A request without `customer` attaches to the customer of the request before."""
    usual, last = b.attach, list[str]()

    def remember(call: Call, attempt: Attempt) -> None:
        if attempt.customer_id is None and last:
            attempt.customer_id = last[-1]

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        last[:] = [attempt.owner.id]
        return usual(call, attempt)

    check_after(b, "customer-structure", remember)
    b.attach = attach


def take_from_hash(b: Behaviour, key_is_fine: Callable[[str | int], bool]) -> None:
    """Take a value of the hash `customer[…]` for the customer."""
    usual = b.checks["customer-structure"]

    def check(call: Call, attempt: Attempt) -> None:
        value = call.parameters.tree.get("customer")
        inner = value if isinstance(value, dict) else {}
        found = [item for key, item in inner.items() if key_is_fine(key) and isinstance(item, str)]
        if found:
            attempt.customer_id = found[0]
        else:
            usual(call, attempt)

    b.checks["customer-structure"] = check


@seed("body.customer-structure", "easy")
def customer_hash_flattened(b: Behaviour) -> None:
    """Whatever is in brackets behind `customer` is ignored."""
    take_from_hash(b, lambda key: True)


@seed("body.customer-structure", "medium")
def customer_with_id_obeyed(b: Behaviour) -> None:
    """`customer[id]` is taken for the customer, as though an object had been sent."""
    take_from_hash(b, lambda key: key == "id")


@seed("body.customer-structure", "medium")
def customer_array_unwrapped(b: Behaviour) -> None:
    """The first item of `customer[]` is taken for the customer."""
    take_from_hash(b, lambda key: isinstance(key, int))


@seed("body.customer-structure", "hard")
def customer_index_unwrapped(b: Behaviour) -> None:
    """`customer[0]` is taken for the customer."""
    take_from_hash(b, lambda key: key == "0")


@seed("body.customer-max-length", "easy", stateless=True)
def length_not_limited(b: Behaviour) -> None:
    """The length of `customer` is not limited."""
    del b.checks["customer-length"]


@seed("body.customer-max-length", "medium", stateless=True)
def customer_cut_at_limit(b: Behaviour) -> None:
    """A customer that is too long is cut to 5000 characters and used."""

    def cut(call: Call, attempt: Attempt) -> None:
        if attempt.customer_id is not None:
            attempt.customer_id = attempt.customer_id[: b.limit]

    b.checks["customer-length"] = cut


@seed("body.customer-max-length", "hard", stateless=True)
def limit_one_too_high(b: Behaviour) -> None:
    """5001 characters are still accepted; the comparison lets one too many pass."""
    b.limit = 5001


@seed("body.customer-max-length", "medium", stateless=True)
def limit_of_65535(b: Behaviour) -> None:
    """The limit is that of a database column, 65,535."""
    b.limit = 65535


@seed("body.customer-max-length", "hard", stateless=True)
def limit_not_asked_with_expand(b: Behaviour) -> None:
    """The length is only looked at where nothing else was sent."""
    skip_check(b, "customer-length", lambda call, attempt: len(call.parameters.pairs) > 1)


@seed("body.customer-length-limit-exact", "hard")
def limit_one_too_low(b: Behaviour) -> None:
    """5000 characters are refused as too long."""
    b.limit = 4999


@seed("body.customer-length-limit-exact", "easy")
def limit_of_255(b: Behaviour) -> None:
    """More than 255 characters are refused as too long."""
    b.limit = 255


@seed("body.customer-length-limit-exact", "medium")
def long_values_too_large(b: Behaviour) -> None:
    """More than 4096 characters are answered with 413."""

    def refuse(call: Call, attempt: Attempt) -> None:
        if attempt.customer_id is not None and len(attempt.customer_id) > 4096:
            raise refused(413, "Request entity too large.")

    check_after(b, "customer-structure", refuse)


@seed("body.length-in-characters", "medium")
def limit_in_bytes(b: Behaviour) -> None:
    """The limit counts the bytes of the UTF-8 form."""
    b.measure = lambda call, text: len(text.encode("utf-8"))


@seed("body.length-in-characters", "hard")
def limit_in_utf16_units(b: Behaviour) -> None:
    """The limit counts UTF-16 units, so that an emoji is two."""
    b.measure = lambda call, text: len(text.encode("utf-16-le")) // 2


@seed("body.length-in-characters", "hard")
def limit_on_encoded_form(b: Behaviour) -> None:
    """The limit counts the characters of the percent-encoded form."""
    b.measure = lambda call, text: len(quote(text, safe=""))


@seed("body.duplicate-customer", "medium", level="SHOULD", stateless=True)
def duplicates_joined(b: Behaviour) -> None:
    """Two values for `customer` are joined by a comma."""

    def join(call: Call, attempt: Attempt) -> None:
        if len(customers_sent(call)) > 1:
            attempt.customer_id = ",".join(customers_sent(call))

    check_after(b, "customer-structure", join)


@seed("body.duplicate-customer", "hard", level="SHOULD", also=("response.customer",))
def duplicates_mixed(b: Behaviour) -> None:
    """Of two values for `customer` the first is obeyed and both are answered, joined."""

    def first(call: Call, attempt: Attempt) -> None:
        if len(customers_sent(call)) > 1:
            attempt.customer_id = customers_sent(call)[0]

    def both(call: Call, payload: Json) -> None:
        if len(customers_sent(call)) > 1:
            payload["customer"] = " ".join(customers_sent(call))

    check_after(b, "customer-structure", first)
    edit_success(b, both)
