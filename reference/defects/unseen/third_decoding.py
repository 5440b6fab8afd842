"""Reading the request: names, values, escapes and media types."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from urllib.parse import urlencode

from ...behaviour import Behaviour
from ...call import Call
from ...forms import FORM, Form, Pair
from ...objects import Customer
from ..registry import Chapter
from ..tools import on_attach

seed = Chapter("decoding", "contract")

RawPair = tuple[bytes, bytes]
LAST_ESCAPE = re.compile(rb"%(?=[0-7][0-9A-Fa-f]\Z)")
ESCAPED_DOT = re.compile(rb"%(?=2[eE])")
BEYOND_THREE_BYTES = re.compile("[\U00010000-\U0010ffff]")


def reread(b: Behaviour, change: Callable[[Call, RawPair], RawPair | None]) -> None:
    """Change the pairs of an attach request before they are decoded; None drops one."""
    usual = b.split

    def split(call: Call, body: bytes) -> Sequence[RawPair]:
        changed = (change(call, pair) for pair in usual(call, body))
        return [pair for pair in changed if pair is not None]

    b.split = on_attach(usual, split)


def cut_customer(b: Behaviour, cut: Callable[[str], str]) -> None:
    """Look up only a part of what was sent for `customer`."""
    usual = b.find_customer

    def find(call: Call, identifier: str) -> Customer | None:
        return usual(call, cut(identifier))

    b.find_customer = find


@seed("request.parameter-order", "hard")
def customer_in_the_middle_lost(b: Behaviour) -> None:
    """`customer` is read where it comes first or last; between two other parameters it is taken for an entry."""
    usual = b.build

    def build(call: Call, pairs: Sequence[Pair]) -> Form:
        inner = range(1, len(pairs) - 1)
        return usual(call, [pair for at, pair in enumerate(pairs) if pair[0] != "customer" or at not in inner])

    b.build = on_attach(usual, build)


@seed("request.equivalent-encodings", "hard")
def last_escape_kept(b: Behaviour) -> None:
    """The decoder's loop ends one too early: an escape at the very end of a value stays as it is."""
    reread(b, lambda call, pair: (pair[0], LAST_ESCAPE.sub(b"%25", pair[1])))


@seed("request.equivalent-encodings", "hard")
def escaped_dots_do_not_separate(b: Behaviour) -> None:
    """Paths of `expand` are taken apart before they are decoded: `card%2Egenerated_from` is one segment."""

    def change(call: Call, pair: RawPair) -> RawPair:
        name, value = pair
        return (name, ESCAPED_DOT.sub(b"%25", value)) if name.startswith(b"expand") else pair

    reread(b, change)


@seed("request.value-exact", "medium", also=("request.value-exact-whitespace",))
def value_read_up_to_a_blank(b: Behaviour) -> None:
    """The id is scanned as one word: what comes after a blank is not read."""
    cut_customer(b, lambda identifier: identifier.partition(" ")[0])


@seed("request.value-exact", "hard")
def value_put_into_an_inner_address(b: Behaviour) -> None:
    """The id is put, unescaped, into the address of an inner service: `?` and `#` end it."""
    cut_customer(b, lambda identifier: re.split("[?#]", identifier)[0])


@seed("request.value-exact", "hard")
def value_stored_in_three_byte_characters(b: Behaviour) -> None:
    """The column knows only characters of three bytes: the first longer one ends the value."""
    cut_customer(b, lambda identifier: BEYOND_THREE_BYTES.split(identifier)[0])


@seed("request.charset-parameter", "hard")
def charset_drops_empty_values(b: Behaviour) -> None:
    """With a `charset` the body is read by another library, which leaves out parameters without a value."""

    def change(call: Call, pair: RawPair) -> RawPair | None:
        parameters = (call.request.header("content-type") or "").partition(";")[2]
        return None if "charset" in parameters.lower() and not pair[1] else pair

    reread(b, change)


@seed("request.json-refused", "medium")
def kinds_of_json_obeyed(b: Behaviour) -> None:
    """`application/json` is refused, but a JSON body called `application/vnd.api+json` or the like is obeyed."""
    usual = b.media_type

    def media_type(call: Call) -> None:
        if call.request.media_type.endswith("+json"):
            try:
                sent = json.loads(call.request.body)
            except ValueError:
                sent = None
            if isinstance(sent, dict):
                headers = tuple(item for item in call.request.headers if item[0] != "content-type")
                form = urlencode(sent).encode()
                call.request = replace(call.request, headers=(*headers, ("content-type", FORM)), body=form)
        usual(call)

    b.media_type = on_attach(usual, media_type)
