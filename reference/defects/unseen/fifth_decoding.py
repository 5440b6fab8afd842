"""Seeded defects: what is read from a request, and how."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ...behaviour import Behaviour
from ...call import Call
from ...errors import wrong_media_type
from ..registry import Chapter
from ..tools import on_attach

seed = Chapter("request", "contract")
Raw = Sequence[tuple[bytes, bytes]]


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
