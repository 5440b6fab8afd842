"""Ways to write requests that create objects, and a note of each way that probing tried."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, quote_plus

from conformance.evidence.exchange import Exchange
from conformance.evidence.foreign import cut, one_line, usable_id
from conformance.evidence.strict_json import read_json
from contracts.contract import FORM_MEDIA_TYPE
from strategies.attempt import Credentials, Request

WITH_CHARSET = f"{FORM_MEDIA_TYPE}; charset=utf-8"
JSON_MEDIA_TYPE = "application/json"
RAW, ENCODED = "raw", "encoded"

LONGEST_ANSWER = 100
"""The number of characters of an answer that a try keeps: enough for one line on a terminal."""

AS_THE_OPERATION: Credentials = "key"
"""The scheme for which the key is presented as to the operation under test."""


UNUSABLE = "a success without a usable `id` (a text of printable ASCII characters, none of them %, & or +)"
"""The answer to a creation whose object no request can name."""


@dataclass(frozen=True)
class Manner:
    """A manner of writing a request to another endpoint.

    `brackets` says how `[` and `]` stand in names: `raw`, as the official libraries send them, or percent-`encoded`.
    """

    media_type: str = FORM_MEDIA_TYPE
    brackets: str = RAW
    scheme: Credentials = AS_THE_OPERATION

    def __str__(self) -> str:
        words = "as JSON" if self.media_type == JSON_MEDIA_TYPE else f"{self.brackets} brackets"
        if self.media_type == WITH_CHARSET:
            words += ", charset=utf-8"
        if self.scheme != AS_THE_OPERATION:
            words += f", {self.scheme.capitalize()}"
        return words

    def request(self, method: str, target: str, form: Mapping[str, str] | None) -> Request:
        """Write a request; a form without fields stays a form, and None sends no body."""
        headers = [("Accept", "application/json")]
        if form is None:
            return Request(method, target, tuple(headers), None, self.scheme)
        if form and self.media_type == JSON_MEDIA_TYPE:
            body = json.dumps(_nest(form)).encode()
        else:
            body = self._form_body(form)
        is_empty_json = not form and self.media_type == JSON_MEDIA_TYPE
        headers.append(("Content-Type", FORM_MEDIA_TYPE if is_empty_json else self.media_type))
        return Request(method, target, tuple(headers), body, self.scheme)

    def _form_body(self, form: Mapping[str, str]) -> bytes:
        safe = "[]" if self.brackets == RAW else ""
        pairs = (f"{quote_plus(name, safe=safe)}={quote_plus(value)}" for name, value in form.items())
        return "&".join(pairs).encode()


@dataclass(frozen=True)
class Way:
    """A way to create objects of one kind that has worked.

    `details` are fields that the target demands. Where it takes no tag, objects are not `tagged` with their run.
    """

    manner: Manner = Manner()
    details: tuple[tuple[str, str], ...] = ()
    tagged: bool = True

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Way:
        """Return the way that `asdict` wrote."""
        details = tuple((name, value) for name, value in data["details"])
        return cls(Manner(**data["manner"]), details, data["tagged"])


@dataclass(frozen=True)
class Try:
    """An attempt to get a fixture: the way in words, the request, and the answer in short.

    `status` is None where no answer came.
    """

    way: str
    request: str
    status: int | None
    answer: str

    def __str__(self) -> str:
        status = "no answer" if self.status is None else str(self.status)
        return f"{self.request} ({self.way}): {status}, {self.answer}"

    @classmethod
    def of(cls, way: str, exchange: Exchange) -> Try:
        """Note the answer of an exchange to a way."""
        request = exchange.request
        sent = f"{request.method} {request.target.partition('?')[0]}"
        return cls(way, sent, exchange.status, one_line(_in_short(exchange)))


def sent_fields(request: Request) -> dict[str, str]:
    """Return the fields of a creation in any media type, by their names with brackets."""
    body = (request.body or b"").decode("utf-8", "replace")
    media_types = [value for name, value in request.headers if name.lower() == "content-type"]
    if media_types != [JSON_MEDIA_TYPE]:
        return dict(parse_qsl(body, keep_blank_values=True))
    tree = read_json(body.encode()).value
    return dict(_flatten(tree)) if isinstance(tree, dict) else {}


def with_scheme(way: Way, scheme: Credentials) -> Way:
    """Return the same way, with the key shown in `scheme`."""
    return replace(way, manner=replace(way.manner, scheme=scheme))


def _in_short(exchange: Exchange) -> str:
    if exchange.status is None:
        return exchange.failure
    if exchange.is_success:
        return "a success" if usable_id(exchange.object.get("id")) else UNUSABLE
    error = exchange.error
    words = " ".join(str(error[name]) for name in ("type", "code", "param", "message") if error.get(name))
    if not words:
        words = (exchange.body or b"").decode("utf-8", "replace")
    return cut(" ".join(words.split()), LONGEST_ANSWER) or "an empty body"


def _nest(form: Mapping[str, str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, value in form.items():
        *path, last = name.replace("]", "").split("[")
        node = tree
        for key in path:
            node = node.setdefault(key, {})
        node[last] = value
    return tree


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    fields: list[tuple[str, str]] = []
    for key, value in tree.items():
        name = f"{prefix}[{key}]" if prefix else key
        fields += _flatten(value, name) if isinstance(value, dict) else [(name, str(value))]
    return fields
