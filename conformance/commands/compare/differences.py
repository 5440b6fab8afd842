"""Where two answers to one attempt differ."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from conformance.commands.compare.masking import Mask
from conformance.evidence.exchange import Exchange
from conformance.verdict.shapes import endpoint

ABSENT = "(absent)"
ANY, OTHER = "any", "other"
"""What a difference is about that is about no object: any answer; a body that is of no known form."""
STATUS, HEADER, BODY = PARTS = ("status", "header", "body")
LONGEST_VALUE = 200


@dataclass(frozen=True)
class Difference:
    """One place in which the answers of A and B differ, with what either has there, in words.

    `part` is one of PARTS; `place` is a header's name, or a path with dots within the object that a body, or a part of
    it, is `about`; in it `[]` stands for any entry of an array.
    """

    part: str
    about: str
    place: str
    a: str
    b: str

    @property
    def kind(self) -> tuple[str, ...]:
        """What makes two differences one and the same: statuses by what they are, all else by where it is."""
        if self.part == STATUS:
            return self.part, self.about, self.a, self.b
        return self.part, self.about, self.place, "A" if self.b == ABSENT else "B" if self.a == ABSENT else "both"


def differences(a: Exchange, of_a: Mask, b: Exchange, of_b: Mask) -> tuple[Difference, ...]:
    """Where the answers differ, each place once. Of answers with different statuses the rest says nothing."""
    if _status(a) != _status(b):
        return (Difference(STATUS, _asked(a), "", _in_short(a), _in_short(b)),)
    found = [*_of_headers(a, of_a, b, of_b), *_of_values(OTHER, "", of_a.body(a), of_b.body(b))]
    return tuple({one.kind: one for one in reversed(found)}.values())[::-1]


def _status(exchange: Exchange) -> str:
    return exchange.failure if exchange.status is None else str(exchange.status)


def _in_short(exchange: Exchange) -> str:
    told = [_status(exchange), *(str(exchange.error.get(name) or "") for name in ("type", "code"))]
    return " ".join(filter(None, told))


def _of_headers(a: Exchange, of_a: Mask, b: Exchange, of_b: Mask) -> Iterator[Difference]:
    mine, theirs = of_a.headers(a), of_b.headers(b)
    for name in sorted({*mine, *theirs}):
        if mine.get(name) != theirs.get(name):
            yield Difference(HEADER, ANY, name, mine.get(name, ABSENT), theirs.get(name, ABSENT))


def _of_values(about: str, path: str, a: Any, b: Any) -> Iterator[Difference]:
    if isinstance(a, dict) and isinstance(b, dict):
        if isinstance(a.get("object"), str) and a["object"] == b.get("object"):
            about, path = a["object"], ""
        for name in sorted({*a, *b}):
            here = f"{path}.{name}".lstrip(".")
            if name in a and name in b:
                yield from _of_values("error" if here == "error" else about, here, a[name], b[name])
            else:
                yield Difference(BODY, about, here, *(_written(one[name]) if name in one else ABSENT for one in (a, b)))
    elif isinstance(a, list) and isinstance(b, list):
        if len(a) != len(b):
            yield Difference(BODY, about, path, *(f"{len(one)} entries" for one in (a, b)))
        for mine, theirs in zip(a, b, strict=False):
            yield from _of_values(about, f"{path}[]", mine, theirs)
    elif type(a) is not type(b) or a != b:
        yield Difference(BODY, about, path, _written(a), _written(b))


def _asked(exchange: Exchange) -> str:
    request = exchange.request
    return "attach" if exchange.is_to_operation else f"{request.method} {endpoint(request.target)}"


def _written(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"
