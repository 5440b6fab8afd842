"""Seeded defects: how a request is read. Decoders that differ, lookups that are lenient, names let through."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, quote_from_bytes

from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call, Endpoint
from ...errors import ApiError
from ...forms import FORM, Form, Pair
from ...objects import Customer, PaymentMethod
from ..registry import Chapter
from ..tools import check_after, expands, on_attach, tolerate

seed = Chapter("requests", "contract")

LEFT_OVER = b"%left-over"
ESCAPED = re.compile(r"\\u([0-9A-Fa-f]{4})")


@seed("request.parameter-order", "hard")
def array_restarts_after_another_name(b: Behaviour) -> None:
    """An array whose entries are not sent in a row keeps its last run only: `expand[]`, `customer`, `expand[]`."""

    def build(call: Call, pairs: Sequence[Pair]) -> Form:
        runs: dict[str, list[int]] = {}
        kept: list[int] = []
        before = ""
        for position, (name, _) in enumerate(pairs):
            root, bracket, _ = name.partition("[")
            if not bracket:
                kept.append(position)
            elif root == before and root in runs:
                runs[root].append(position)
            else:
                runs[root] = [position]
            before = root if bracket else ""
        kept += [position for run in runs.values() for position in run]
        return usual(call, [pairs[position] for position in sorted(kept)])

    usual = b.build
    b.build = on_attach(usual, build)


@seed("request.equivalent-encodings", "medium")
def brackets_half_encoded(b: Behaviour) -> None:
    """Brackets in a name are decoded as a pair only: `expand[%5D` and `expand%5B]` are other names."""

    def split(call: Call, body: bytes) -> list[tuple[bytes, bytes]]:
        return [(_half(name), value) for name, value in usual(call, body)]

    usual = b.split
    b.split = on_attach(usual, split)


def _half(name: bytes) -> bytes:
    upper = name.upper()
    opening, closing = b"%5B" in upper and b"]" in name, b"[" in name and b"%5D" in upper
    return re.sub(rb"(?i)%(5[bd])", rb"%25\1", name) if opening or closing else name


@seed("request.value-exact", "hard", also=("state.unknown-customer",))
def customer_looked_up_with_like(b: Behaviour) -> None:
    """The customer is searched with SQL's LIKE: `%` and `_` in the value stand for any other characters."""

    def find(call: Call, identifier: str) -> Customer | None:
        customer = usual(call, identifier)
        wild = "%" in identifier or identifier.count("_") > 1
        if customer is not None or not wild or identifier.count("%") > 3 or len(identifier) > 255:
            return customer
        parts = (re.escape(letter) for letter in identifier)
        pattern = "".join({"_": ".", "%": ".*"}.get(part, part) for part in parts)
        known = call.store.all_customers()
        return next((each for each in known if re.fullmatch(pattern, each.id)), None)

    usual = b.find_customer
    b.find_customer = on_attach(usual, find)


@seed("request.value-exact", "hard")
def json_escapes_undone(b: Behaviour) -> None:
    """The value passes through a JSON reader on its way: `cus\\u005f…` is taken for `cus_…`."""

    def undo(call: Call, attempt: Attempt) -> None:
        if attempt.customer_id is not None:
            attempt.customer_id = ESCAPED.sub(_letter, attempt.customer_id)

    check_after(b, "customer-structure", undo)


def _letter(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return match[0] if 0xD800 <= code < 0xE000 else chr(code)


@seed("request.charset-parameter", "hard")
def charset_chooses_the_flat_parser(b: Behaviour) -> None:
    """With `; charset=utf-8` the form is read by a parser that drops `expand[…]` without a word."""

    def build(call: Call, pairs: Sequence[Pair]) -> Form:
        if ";" in (call.request.header("content-type") or ""):
            pairs = [pair for pair in pairs if not pair[0].startswith("expand[")]
        return usual(call, pairs)

    usual = b.build
    b.build = on_attach(usual, build)


@seed("request.json-refused", "medium")
def form_sniffed_as_json(b: Behaviour) -> None:
    """A body that begins with a brace is obeyed as JSON although its media type says form."""

    def split(call: Call, body: bytes) -> Sequence[tuple[bytes, bytes]]:
        if call.request.media_type == FORM and body.lstrip().startswith(b"{"):
            try:
                value = json.loads(body)
            except (ValueError, RecursionError):
                return usual(call, body)
            if isinstance(value, dict):
                return _members(value)
        return usual(call, body)

    usual = b.split
    b.split = on_attach(usual, split)


def _members(value: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    pairs: list[tuple[str, str]] = []
    for name, item in value.items():
        items = [(f"{name}[]", each) for each in item] if isinstance(item, list) else [(name, item)]
        pairs += [(key, each if isinstance(each, str) else json.dumps(each)) for key, each in items]
    return [(_quoted(name), _quoted(item)) for name, item in pairs]


def _quoted(text: str) -> bytes:
    return quote_from_bytes(text.encode("utf-8", "replace"), safe="").encode("ascii")


@seed("request.other-methods", "hard", also=("state.refusal-changes-nothing",))
def delete_attaches_quietly(b: Behaviour) -> None:
    """DELETE with `customer` in query or body is answered 404, and attaches all the same."""

    def route(call: Call) -> Endpoint:
        if call.request.method == "DELETE":
            _attach_what_is_named(call)
        return usual(call)

    usual = b.route
    b.route = on_attach(usual, route)


def _attach_what_is_named(call: Call) -> None:
    sent = f"{call.request.query}&{call.request.body.decode('latin-1')}"
    customers = parse_qs(sent, encoding="utf-8", errors="replace").get("customer", [""])
    with call.store.lock:
        customer = call.store.live_customer(customers[0])
        method = call.store.methods.get(call.request.path.split("/")[3])
        if customer is not None and method is not None and method.customer is None:
            call.store.attach(method, customer.id)


@seed("body.customer-required", "hard")
def customer_left_over_on_the_connection(b: Behaviour) -> None:
    """The form is not cleared between two requests of a connection: without `customer` the last one counts."""
    last: dict[int, str] = {}

    def fill_in(call: Call, attempt: Attempt) -> None:
        if attempt.customer_id is None:
            attempt.customer_id = last.get(call.request.connection)

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        last[call.request.connection] = attempt.owner.id
        return usual(call, attempt)

    usual = b.attach
    b.attach = attach
    check_after(b, "customer-structure", fill_in)


@seed("body.customer-required", "hard")
def owner_stands_in_for_customer(b: Behaviour) -> None:
    """Without `customer`, a payment method that is already attached is attached to its owner: 200."""

    def fill_in(call: Call, attempt: Attempt) -> None:
        method = call.store.method(attempt.payment_method_id)
        if attempt.customer_id is None and method is not None:
            attempt.customer_id = method.customer

    check_after(b, "customer-structure", fill_in)


@seed("body.customer-structure", "medium")
def customer_hash_with_expand(b: Behaviour) -> None:
    """`customer[id]=ID` is refused, but taken for the id where the request also has `expand`."""

    def check(call: Call, attempt: Attempt) -> None:
        value = call.parameters.tree.get("customer")
        inner = value.get("id") if isinstance(value, dict) else None
        if isinstance(inner, str) and expands(call):
            attempt.customer_id = inner
        else:
            usual(call, attempt)

    usual = b.checks["customer-structure"]
    b.checks["customer-structure"] = check


@seed("body.customer-max-length", "medium", stateless=True)
def prefix_not_counted(b: Behaviour) -> None:
    """The length is taken behind `cus_`: 5001 to 5004 characters are accepted."""
    usual = b.measure
    b.measure = on_attach(usual, lambda call, text: usual(call, text.removeprefix("cus_")))


@seed("body.length-in-characters", "medium", stateless=True)
def length_in_columns(b: Behaviour) -> None:
    """The limit counts columns of a terminal: wide characters (Chinese, emoji) count twice."""

    def measure(call: Call, text: str) -> int:
        wide = 0 if text.isascii() else sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
        return usual(call, text) + wide

    usual = b.measure
    b.measure = on_attach(usual, measure)


@seed("body.unknown-parameter", "hard")
def missing_comma(b: Behaviour) -> None:
    """A comma is missing in the list of parameters: any piece of `customerexpand` passes for a known one."""
    tolerate(b, lambda call, name: name in "customerexpand")


@seed("body.unknown-parameter", "medium")
def white_space_around_names(b: Behaviour) -> None:
    """Names are stripped of white space: `customer%20`, `+customer`, `expand[]%0A` are taken for known ones."""
    usual = b.read_name
    b.read_name = on_attach(usual, lambda call, name: usual(call, name.strip(" \t\r\n")))


@seed("body.unknown-parameter-nested", "medium")
def hashes_beside_expand_ignored(b: Behaviour) -> None:
    """Where `expand` is there too, brackets are thought to be its own: unknown hashes and arrays pass."""
    tolerate(b, lambda call, name: expands(call) and isinstance(call.parameters.tree.get(name), dict))


@seed("robustness.still-serving", "medium")
def broken_form_spoils_the_next(b: Behaviour) -> None:
    """After a form that could not be decoded, the next request on the same connection cannot be either."""
    spoilt: set[int] = set()

    def split(call: Call, body: bytes) -> Sequence[tuple[bytes, bytes]]:
        if call.request.connection in spoilt:
            spoilt.discard(call.request.connection)
            return [(LEFT_OVER, b"")]
        return usual(call, body)

    def unquote(call: Call, raw: bytes) -> str:
        try:
            return unquoted(call, raw)
        except ApiError:
            if raw != LEFT_OVER:
                spoilt.add(call.request.connection)
            raise

    usual, unquoted = b.split, b.unquote
    b.split = on_attach(usual, split)
    b.unquote = on_attach(unquoted, unquote)
