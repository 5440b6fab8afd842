"""Mistakes in taking values as they were sent."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from functools import partial
from urllib.parse import unquote

from ..behaviour import Behaviour, FindCustomer, Split
from ..call import Call
from ..changes import Change, apply, check_after, edit_success, on_attach, wrap, wrap_at_attach
from ..objects.models import Customer
from ..rules.attach import Attempt
from ..rules.forms import RawPair, unescape
from ..wire.values import Json
from .parts import rewrite_split
from .registry import Topic

contract = Topic("contract")


@contract("request.value-exact", "medium", stateless=True, also="request.equivalent-encodings")
def encoded_plus_becomes_blank(b: Behaviour) -> None:
    """Pluses are made blanks after decoding, so that `%2B` becomes one too."""
    b.unquote = on_attach(b.unquote, lambda call, raw: unescape(raw).replace("+", " "))


@contract("request.value-exact", "medium", wrap("find_customer"), also="state.unknown-customer")
def customer_in_any_case(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
    """Customers are found without regard to upper and lower case."""
    folded = identifier.lower()
    alike = [known for known in call.store.customers if known.lower() == folded]
    return usual(call, alike[0] if alike else identifier)


@contract("request.value-exact", "medium", wrap("find_customer"), also="state.unknown-customer")
def customer_by_beginning(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
    """Customers are found by the beginning of their ids, eight characters and more."""
    alike = [known for known in call.store.customers if known.startswith(identifier)]
    return usual(call, alike[-1] if alike and len(identifier) >= 8 else identifier)


def find_by(changed: Callable[[str], str]) -> Change:
    """Look customers up by a changed id, if the id itself names none."""

    @wrap("find_customer")
    def find(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
        return usual(call, identifier) or usual(call, changed(identifier))

    return find


contract.row("nul-ends-customer", "request.value-exact", "medium")(
    "The id of the customer ends at the first NUL.", find_by(lambda identifier: identifier.partition("\0")[0])
)
contract.row("customer-decoded-twice", "request.value-exact", "medium")(
    "Percent escapes are undone a second time before the customer is looked up.", find_by(unquote)
)
contract.row("semicolon-ends-customer", "request.value-exact", "hard")(
    "The value is cut at a semicolon, as in a header.",
    find_by(lambda identifier: identifier.partition(";")[0]),
)
contract.row("second-equals-ends-value", "request.value-exact", "medium")(
    "The value is cut at a second `=` in its pair.",
    rewrite_split(lambda name, value: (name, value.partition(b"=")[0])),
)
contract.row("ampersand-in-value-separates", "request.value-exact", "hard")(
    "An encoded `&` cuts the value off, since the body is decoded before it is split.",
    find_by(lambda identifier: identifier.partition("&")[0]),
)


@contract("request.value-exact", "medium")
def junk_after_customer_ignored(b: Behaviour) -> None:
    """The id is matched by a pattern that is not anchored at its end."""
    pattern = re.compile(r"cus_[A-Za-z0-9_]+")

    @apply(b, find_by)
    def matched(identifier: str) -> str:
        match = pattern.match(identifier)
        return match[0] if match else identifier


contract.row("longer-customer-cut", "request.value-exact", "hard")(
    "The id is cut to the width of its column before it is looked up, so junk after it is lost.",
    find_by(lambda identifier: identifier[:28]),
)


def edit_echo(changed: Callable[[str], str]) -> Change:
    """Change the id of the customer in the answer."""

    def edit(call: Call, payload: Json) -> None:
        if isinstance(payload["customer"], str):
            payload["customer"] = changed(payload["customer"])

    return edit_success(edit)


contract.row(
    "echo-in-the-wrong-charset", "request.value-exact", "medium", stateless=True, also="body.length-in-characters"
)(
    "The value is echoed as though its UTF-8 were Latin-1.",
    edit_echo(lambda text: text.encode("utf-8").decode("latin-1")),
)
contract.row("echo-with-entities", "request.value-exact", "medium", stateless=True)(
    "The value is echoed with HTML entities for `<`, `>`, `&` and quotes.", edit_echo(html.escape)
)
contract.row("echo-with-single-blanks", "request.value-exact", "hard", stateless=True)(
    "Blanks within the value are echoed as underscores.", edit_echo(lambda text: text.replace(" ", "_"))
)
contract.row("echo-without-non-ascii", "request.value-exact", "medium", stateless=True)(
    "Characters beyond ASCII are echoed as question marks.",
    edit_echo(lambda text: text.encode("ascii", "replace").decode("ascii")),
)


@contract(
    "request.value-exact", "hard", wrap_at_attach("find_customer"), also="state.unknown-customer", batch="unseen 1"
)
def customer_looked_up_with_like(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
    """The customer is searched with SQL's LIKE: `%` and `_` in the value stand for any other characters."""
    customer = usual(call, identifier)
    wild = "%" in identifier or identifier.count("_") > 1
    if customer is not None or not wild or identifier.count("%") > 3 or len(identifier) > 255:
        return customer
    parts = (re.escape(letter) for letter in identifier)
    pattern = "".join({"_": ".", "%": ".*"}.get(part, part) for part in parts)
    known = call.store.all_customers()
    return next((each for each in known if re.fullmatch(pattern, each.id)), None)


ESCAPED = re.compile(r"\\u([0-9A-Fa-f]{4})")


def _letter(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return match[0] if 0xD800 <= code < 0xE000 else chr(code)


@contract("request.value-exact", "hard", partial(check_after, "customer-structure"), batch="unseen 1")
def json_escapes_undone(call: Call, attempt: Attempt) -> None:
    """The value passes through a JSON reader on its way: `cus\\u005f…` is taken for `cus_…`."""
    if attempt.customer_id is not None:
        attempt.customer_id = ESCAPED.sub(_letter, attempt.customer_id)


@contract("request.value-exact", "medium", wrap_at_attach("split"), batch="unseen 2")
def value_ends_at_a_semicolon(usual: Split, call: Call, body: bytes) -> list[RawPair]:
    """A raw semicolon ends the value, as it does in a header: `ID;junk` is taken for ID."""
    return [(name, value.partition(b";")[0]) for name, value in usual(call, body)]


def cut_customer(cut: Callable[[str], str]) -> Change:
    """Look up only a part of what was sent for `customer`."""

    @wrap("find_customer")
    def find(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
        return usual(call, cut(identifier))

    return find


contract.row(
    "value-read-up-to-a-blank", "request.value-exact", "medium", also="request.value-exact-whitespace", batch="unseen 3"
)(
    "The id is scanned as one word: what comes after a blank is not read.",
    cut_customer(lambda identifier: identifier.partition(" ")[0]),
)
contract.row("value-put-into-an-inner-address", "request.value-exact", "hard", batch="unseen 3")(
    "The id is put, unescape, into the address of an inner service: `?` and `#` end it.",
    cut_customer(lambda identifier: re.split("[?#]", identifier)[0]),
)
BEYOND_THREE_BYTES = re.compile("[\U00010000-\U0010ffff]")


contract.row("value-stored-in-three-byte-characters", "request.value-exact", "hard", batch="unseen 3")(
    "The column knows only characters of three bytes: the first longer one ends the value.",
    cut_customer(lambda identifier: BEYOND_THREE_BYTES.split(identifier)[0]),
)


@contract(
    "request.value-exact",
    "hard",
    wrap("find_customer"),
    also="state.unknown-customer stripe.resource-missing-customer",
    batch="unseen 4",
)
def customer_looked_up_by_pattern(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
    """The customer is looked up with SQL's LIKE: `%` stands for anything, `_` for any character."""
    found = usual(call, identifier)
    if found is not None:
        return found
    likes = {"%": ".*", "_": "."}
    pieces = re.split("(%+|_)", identifier)
    pattern = re.compile("".join(likes.get(piece[:1], re.escape(piece)) for piece in pieces), re.DOTALL)
    return next((one for one in call.store.all_customers() if pattern.fullmatch(one.id)), None)


RESERVED_ESCAPE = re.compile(rb"%(?=2[3-6BCFbcf]|3[ABDFabdf]|40)")


contract.row(
    "reserved-characters-stay-encoded",
    "request.value-exact",
    "hard",
    stateless=True,
    also="request.equivalent-encodings",
    batch="unseen 4",
)(
    "The function for whole URLs decodes the values, and leaves `%26`, `%2B`, `%2F` and their like.",
    wrap_at_attach("unquote")(lambda usual, call, raw: usual(call, RESERVED_ESCAPE.sub(b"%25", raw))),
)


def respell_body(respell: Callable[[bytes], bytes]) -> Change:
    """Change the body before it is split."""
    return wrap_at_attach("split")(lambda usual, call, raw: usual(call, respell(raw)))


contract.row("semicolon-parts-pairs", "request.value-exact", "hard", stateless=True, batch="reading 2")(
    "A semicolon parts two pairs like an ampersand.", respell_body(lambda raw: raw.replace(b";", b"&"))
)
contract.row("value-cut-at-semicolon", "request.value-exact", "hard", stateless=True, batch="reading 2")(
    "A value ends at a semicolon.", respell_body(lambda raw: re.sub(rb"(=[^&;]*);[^&]*", rb"\1", raw))
)


def edit_values(edit: Callable[[str], str]) -> Change:
    """Decode names and values, and then change them."""
    return wrap_at_attach("unquote")(lambda usual, call, raw: edit(usual(call, raw)))


contract.row("value-cut-at-escaped-semicolon", "request.value-exact", "hard", stateless=True, batch="reading 2")(
    "A value is cut at a semicolon once it is decoded.", edit_values(lambda text: text.partition(";")[0])
)
contract.row(
    "values-composed", "request.value-exact-unicode", "hard", level="SHOULD", stateless=True, batch="reading 2"
)(
    "Values are normalised to NFC: what was sent decomposed comes back composed.",
    edit_values(lambda text: unicodedata.normalize("NFC", text)),
)
contract.row(
    "values-decomposed", "request.value-exact-unicode", "hard", level="SHOULD", stateless=True, batch="reading 2"
)(
    "Values are normalised to NFD: what was sent composed comes back decomposed.",
    edit_values(lambda text: unicodedata.normalize("NFD", text)),
)
contract.row(
    "values-in-compatible-forms",
    "request.value-exact-unicode",
    "medium",
    level="SHOULD",
    stateless=True,
    batch="reading 2",
)(
    "Values are normalised to NFKC: full-width letters come back as ordinary ones.",
    edit_values(lambda text: unicodedata.normalize("NFKC", text)),
)
