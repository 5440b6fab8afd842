"""Lists: newest first, a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from . import errors
from .forms import INDEX

if TYPE_CHECKING:
    from ..call import Call
    from ..objects.models import Customer, PaymentMethod
    from ..wire.values import Json

PAGE = {"limit": "text", "starting_after": "text", "ending_before": "text", "expand": "expand"}

Item = TypeVar("Item", bound="Customer | PaymentMethod")


def page(call: Call, url: str, items: Sequence[Item], shown: Callable[[Call, Item], Json]) -> Json:
    """Return one page, by `limit`, `starting_after` and `ending_before`."""
    limit = _limit(call.parameters.text("limit"))
    ids = [item.id for item in items]
    after = _position(ids, call.parameters.text("starting_after"), "starting_after")
    before = _position(ids, call.parameters.text("ending_before"), "ending_before")
    if before is not None:
        start = max(0, before - limit)
        picked, more = items[start:before], start > 0
    else:
        start = 0 if after is None else after + 1
        picked, more = items[start : start + limit], len(items) > start + limit
    return {"object": "list", "data": [shown(call, item) for item in picked], "has_more": more, "url": url}


def _limit(text: str | None) -> int:
    if text is None:
        return 10
    if not INDEX.fullmatch(text):
        raise errors.invalid_value("limit", f"Invalid integer: {errors.shorten(text)}")
    limit = int(text)
    if not 1 <= limit <= 100:
        raise errors.invalid_value("limit", "This value must be between 1 and 100.")
    return limit


def _position(ids: Sequence[str], identifier: str | None, param: str) -> int | None:
    if identifier is None:
        return None
    if identifier not in ids:
        raise errors.no_such("object", identifier, param, 400)
    return ids.index(identifier)
