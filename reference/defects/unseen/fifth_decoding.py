"""Seeded defects: what is read from a request, and how."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call
from ...errors import wrong_media_type
from ..registry import Chapter
from ..tools import check_after, on_attach

seed = Chapter("request", "contract")
Raw = Sequence[tuple[bytes, bytes]]


@seed("request.equivalent-encodings", "medium")
def brackets_in_lower_hex(b: Behaviour) -> None:
    """Encoded brackets in a name count as brackets only with capital digits: `expand%5b%5d` is another name."""

    def split(call: Call, body: bytes) -> Raw:
        return [(name.replace(b"%5b", b"%255b").replace(b"%5d", b"%255d"), value) for name, value in usual(call, body)]

    usual = b.split
    b.split = on_attach(usual, split)


@seed("request.value-exact", "medium", also=("state.unknown-customer",))
def value_ends_at_second_equals(b: Behaviour) -> None:
    """A value ends at the first `=` in it: a known id with `=` and something more behind it is taken for the id."""

    def split(call: Call, body: bytes) -> Raw:
        return [(name, value.partition(b"=")[0]) for name, value in usual(call, body)]

    usual = b.split
    b.split = on_attach(usual, split)


@seed("request.charset-parameter", "medium")
def charset_without_a_blank(b: Behaviour) -> None:
    """A media type with `;charset=utf-8` behind it is refused where no blank stands after the semicolon."""

    def media_type(call: Call) -> None:
        usual(call)
        sent = (call.request.header("content-type") or "").partition("; ")[0].strip().lower()
        if call.request.body and ";" in sent and "charset=utf-8" in sent:
            raise wrong_media_type()

    usual = b.media_type
    b.media_type = on_attach(usual, media_type)


@seed("request.json-refused", "hard")
def json_with_a_charset(b: Behaviour) -> None:
    """JSON is refused as `application/json`, but obeyed as `application/json; charset=utf-8`."""

    def is_json(call: Call) -> bool:
        return call.request.media_type == "application/json" and ";" in (call.request.header("content-type") or "")

    def media_type(call: Call) -> None:
        if not is_json(call):
            usual_type(call)

    def split(call: Call, body: bytes) -> Raw:
        if not is_json(call):
            return usual_split(call, body)
        return _pairs_of_json(body)

    usual_type, usual_split = b.media_type, b.split
    b.media_type, b.split = on_attach(usual_type, media_type), on_attach(usual_split, split)


def _pairs_of_json(body: bytes) -> Raw:
    try:
        value: Any = json.loads(body)
    except ValueError:
        raise wrong_media_type() from None
    if not isinstance(value, dict):
        raise wrong_media_type()
    pairs: list[tuple[bytes, bytes]] = []
    for name, item in value.items():
        if isinstance(item, list):
            pairs += [(f"{name}[]".encode(), str(entry).encode()) for entry in item]
        else:
            pairs.append((str(name).encode(), str(item).encode()))
    return pairs


@seed("request.parameter-order", "medium", also=("expand.inlined",))
def expand_before_customer_is_lost(b: Behaviour) -> None:
    """An `expand` that stands before `customer` in the body is forgotten when `customer` comes."""

    def forget(call: Call, attempt: Attempt) -> None:
        names = [name.partition("[")[0] for name, _ in call.parameters.pairs]
        if "expand" in names and "customer" in names and names.index("expand") < names.index("customer"):
            attempt.expand = []

    check_after(b, "expand-structure", forget)
