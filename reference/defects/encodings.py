"""Mistakes in decoding a form: order, escapes, and what is taken for a value that was not sent."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from urllib.parse import unquote

from ..attach import Attempt
from ..behaviour import Behaviour
from ..call import Call
from ..forms import unescaped
from ..objects import Customer
from ..values import Json
from .registry import Chapter
from .tools import check_after, edit_success, on_attach

seed = Chapter("decoding", "contract")

RawPair = tuple[bytes, bytes]


@seed("request.parameter-order", "medium")
def customer_must_come_first(b: Behaviour) -> None:
    """`customer` is only seen where it is the first parameter."""

    def forget(call: Call, attempt: Attempt) -> None:
        if call.parameters.pairs and call.parameters.pairs[0][0] != "customer":
            attempt.customer_id = None

    check_after(b, "customer-structure", forget)


@seed("request.parameter-order", "hard")
def expand_before_customer_ignored(b: Behaviour) -> None:
    """`expand` is only honoured where it comes after `customer`."""

    def forget(call: Call, attempt: Attempt) -> None:
        names = [name.partition("[")[0] for name, _ in call.parameters.pairs]
        if "customer" in names and "expand" in names[: names.index("customer")]:
            attempt.expand = []

    check_after(b, "expand-structure", forget)


def rewrite_split(b: Behaviour, rewrite: Callable[[bytes, bytes], RawPair]) -> None:
    """Change the raw pairs of an attach request before they are decoded."""
    usual = b.split
    b.split = on_attach(usual, lambda call, body: [rewrite(*pair) for pair in usual(call, body)])


@seed("request.equivalent-encodings", "medium")
def escaped_names_not_decoded(b: Behaviour) -> None:
    """Escapes in parameter names are not decoded, but for those of brackets."""

    def rewrite(name: bytes, value: bytes) -> RawPair:
        return re.sub(rb"%(?!5[BbDd])", b"%25", name), value

    rewrite_split(b, rewrite)


@seed("request.equivalent-encodings", "medium")
def lower_hex_not_decoded(b: Behaviour) -> None:
    """Escapes with hexadecimal digits in lower case are taken literally."""
    lower = re.compile(rb"%(?=[0-9A-Fa-f]{2})(?![0-9A-F]{2})")

    def rewrite(name: bytes, value: bytes) -> RawPair:
        return lower.sub(b"%25", name), lower.sub(b"%25", value)

    rewrite_split(b, rewrite)


@seed("request.equivalent-encodings", "medium", also=("expand.accepted", "expand.indexed"))
def encoded_brackets_unknown(b: Behaviour) -> None:
    """Brackets in names are looked for before they are decoded, so `expand%5B%5D` is an unknown name."""

    def rewrite(name: bytes, value: bytes) -> RawPair:
        return re.sub(rb"%5[Dd]", b"", name), value

    rewrite_split(b, rewrite)


@seed("request.equivalent-encodings", "medium")
def unreserved_escapes_kept(b: Behaviour) -> None:
    """Escapes of letters and digits in values are kept, since nobody needs them."""

    def rewrite(name: bytes, value: bytes) -> RawPair:
        return name, re.sub(rb"%(?=[4-7][0-9A-Fa-f])(?!5[BbDdEeCc]|6[0]|7[BbCcDdFf])", b"%25", value)

    rewrite_split(b, rewrite)


@seed("request.equivalent-encodings", "medium", stateless=True, also=("request.value-exact",))
def plus_kept(b: Behaviour) -> None:
    """A plus stays a plus instead of standing for a blank."""
    b.unquote = on_attach(b.unquote, lambda call, raw: unescaped(raw))


@seed("request.value-exact", "medium", stateless=True, also=("request.equivalent-encodings",))
def encoded_plus_becomes_blank(b: Behaviour) -> None:
    """Pluses are made blanks after decoding, so that `%2B` becomes one too."""
    b.unquote = on_attach(b.unquote, lambda call, raw: unescaped(raw).replace("+", " "))


def find_by(b: Behaviour, changed: Callable[[str], str]) -> None:
    """Look customers up by a changed id, where the id itself names none."""
    usual = b.find_customer

    def find(call: Call, identifier: str) -> Customer | None:
        return usual(call, identifier) or usual(call, changed(identifier))

    b.find_customer = find


@seed("request.value-exact", "medium", also=("state.unknown-customer",))
def customer_in_any_case(b: Behaviour) -> None:
    """Customers are found without regard to upper and lower case."""
    usual = b.find_customer

    def find(call: Call, identifier: str) -> Customer | None:
        folded = identifier.lower()
        alike = [known for known in call.store.customers if known.lower() == folded]
        return usual(call, alike[0] if alike else identifier)

    b.find_customer = find


@seed("request.value-exact", "medium", also=("state.unknown-customer",))
def customer_by_beginning(b: Behaviour) -> None:
    """Customers are found by the beginning of their ids, eight characters and more."""
    usual = b.find_customer

    def find(call: Call, identifier: str) -> Customer | None:
        alike = [known for known in call.store.customers if known.startswith(identifier)]
        return usual(call, alike[-1] if alike and len(identifier) >= 8 else identifier)

    b.find_customer = find


@seed("request.value-exact", "medium")
def nul_ends_customer(b: Behaviour) -> None:
    """The id of the customer ends at the first NUL."""
    find_by(b, lambda identifier: identifier.partition("\0")[0])


@seed("request.value-exact", "medium")
def customer_decoded_twice(b: Behaviour) -> None:
    """Percent escapes are undone a second time before the customer is looked up."""
    find_by(b, unquote)


@seed("request.value-exact", "hard")
def semicolon_ends_customer(b: Behaviour) -> None:
    """What follows a semicolon in the value is dropped, as in a header."""
    find_by(b, lambda identifier: identifier.partition(";")[0])


@seed("request.value-exact", "medium")
def second_equals_ends_value(b: Behaviour) -> None:
    """What follows a second `=` in a pair is dropped."""
    rewrite_split(b, lambda name, value: (name, value.partition(b"=")[0]))


@seed("request.value-exact", "hard")
def ampersand_in_value_separates(b: Behaviour) -> None:
    """An encoded `&` cuts the value off, since the body is decoded before it is split."""
    find_by(b, lambda identifier: identifier.partition("&")[0])


@seed("request.value-exact", "medium")
def junk_after_customer_ignored(b: Behaviour) -> None:
    """The id is matched by a pattern that is not anchored at its end."""
    pattern = re.compile(r"cus_[A-Za-z0-9_]+")

    def matched(identifier: str) -> str:
        match = pattern.match(identifier)
        return match[0] if match else identifier

    find_by(b, matched)


@seed("request.value-exact", "hard")
def longer_customer_cut(b: Behaviour) -> None:
    """The id is cut to the width of its column before it is looked up, so junk after it is lost."""
    find_by(b, lambda identifier: identifier[:28])


def edit_echo(b: Behaviour, changed: Callable[[str], str]) -> None:
    """Change the id of the customer in the answer."""

    def edit(call: Call, payload: Json) -> None:
        if isinstance(payload["customer"], str):
            payload["customer"] = changed(payload["customer"])

    edit_success(b, edit)


@seed("request.value-exact", "medium", stateless=True, also=("body.length-in-characters",))
def echo_in_the_wrong_charset(b: Behaviour) -> None:
    """The value is echoed as though its UTF-8 were Latin-1."""
    edit_echo(b, lambda text: text.encode("utf-8").decode("latin-1"))


@seed("request.value-exact", "medium", stateless=True)
def echo_with_entities(b: Behaviour) -> None:
    """The value is echoed with HTML entities for `<`, `>`, `&` and quotes."""
    edit_echo(b, html.escape)


@seed("request.value-exact", "hard", stateless=True)
def echo_with_single_blanks(b: Behaviour) -> None:
    """Blanks within the value are echoed as underscores."""
    edit_echo(b, lambda text: text.replace(" ", "_"))


@seed("request.value-exact", "medium", stateless=True)
def echo_without_non_ascii(b: Behaviour) -> None:
    """What is not ASCII is echoed as question marks."""
    edit_echo(b, lambda text: text.encode("ascii", "replace").decode("ascii"))
