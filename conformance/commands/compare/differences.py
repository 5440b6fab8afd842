"""The differences between two answers to one attempt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from conformance.commands.compare.masking import Mask
from conformance.evidence.exchange import Exchange
from conformance.verdict.shapes import endpoint

ABSENT = "(absent)"
ANY, OTHER = "any", "other"
"""What a difference is about if not a known object: any answer; a body of no known form."""
STATUS, HEADER, BODY = PARTS = ("status", "header", "body")
LONGEST_VALUE = 200


@dataclass(frozen=True)
class Difference:
    """A place in which the answers of A and B differ, with what each has there, in words.

    `part` is one of PARTS; `place` is a header's name, or a path with dots within the object that a body, or a part of
    it, is `about`; in it `[]` stands for any entry of an array.
    """

    part: str
    about: str
    place: str
    a: str
    b: str

    @property
    def kind(self) -> tuple[object, ...]:
        """Return what two equal differences share: of statuses the values, of others the place and the side."""
        if self.part == STATUS:
            return self.part, self.about, self.a, self.b
        return self.part, self.about, self.place, self.a == ABSENT, self.b == ABSENT


def differences(a: Exchange, of_a: Mask, b: Exchange, of_b: Mask) -> tuple[Difference, ...]:
    """Return where the answers differ, each place once; if their statuses differ, nothing else is compared."""
    if _status(a) != _status(b):
        return (Difference(STATUS, _asked(a), "", _in_short(a), _in_short(b)),)
    found = chain(_of_headers(of_a.headers(a), of_b.headers(b)), _of_values(OTHER, "", of_a.body(a), of_b.body(b)))
    by_kind: dict[tuple[object, ...], Difference] = {}
    for one in found:
        by_kind.setdefault(one.kind, one)
    return tuple(by_kind.values())


def _status(exchange: Exchange) -> str:
    return exchange.failure if exchange.status is None else str(exchange.status)


def _in_short(exchange: Exchange) -> str:
    error = exchange.error
    return " ".join(filter(None, (_status(exchange), str(error.get("type") or ""), str(error.get("code") or ""))))


def _of_headers(a: Any, b: Any) -> Iterator[Difference]:
    for name in sorted({*a, *b}):
        mine, theirs = a.get(name, ABSENT), b.get(name, ABSENT)
        if mine != theirs:
            yield Difference(HEADER, ANY, name, mine, theirs)


def _of_values(about: str, path: str, a: Any, b: Any) -> Iterator[Difference]:
    match a, b:
        case dict(), dict():
            yield from _of_objects(about, path, a, b)
        case list(), list():
            if len(a) != len(b):
                yield Difference(BODY, about, path, f"{len(a)} entries", f"{len(b)} entries")
            for mine, theirs in zip(a, b, strict=False):
                yield from _of_values(about, f"{path}[]", mine, theirs)
        case _ if type(a) is not type(b) or a != b:
            yield Difference(BODY, about, path, _as_json(a), _as_json(b))


def _of_objects(about: str, path: str, a: dict[str, Any], b: dict[str, Any]) -> Iterator[Difference]:
    kind = a.get("object")
    if isinstance(kind, str) and kind == b.get("object"):
        about, path = kind, ""
    for name in sorted({*a, *b}):
        here = f"{path}.{name}".lstrip(".")
        if name not in a:
            yield Difference(BODY, about, here, ABSENT, _as_json(b[name]))
        elif name not in b:
            yield Difference(BODY, about, here, _as_json(a[name]), ABSENT)
        else:
            yield from _of_values("error" if here == "error" else about, here, a[name], b[name])


def _asked(exchange: Exchange) -> str:
    request = exchange.request
    return "attach" if exchange.is_to_operation else f"{request.method} {endpoint(request.target)}"


def _as_json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"
