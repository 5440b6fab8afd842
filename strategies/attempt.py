"""The attempt: one request to be made, as a frozen value, and the request that it becomes once its ids are known."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby
from typing import Literal
from urllib.parse import quote

from contracts.contract import FORM_MEDIA_TYPE
from strategies.values import Bindings, Joined, Known, Text, describe, known_names, render, render_bytes
from strategies.wire import PLAIN, Spelling

Kind = Literal["valid", "invalid", "wire"]
Transport = Literal["schemathesis", "raw"]
Credentials = str
"""The presentation of the key: `key` (in a scheme that works), `bearer`, `basic`, `none`, or a whole header value.

`lower-case bearer` (with two blanks) and `lower-case basic` spell the scheme so, IN_LOWER_CASE_HEADER the header.
Values that only resemble the key are `key and junk`, `key cut short`, `key in another case` and `key of another kind`,
which has the prefix of a restricted key; those that present it in no way that counts are `key and a word`, `key in
another scheme`, `key without a scheme`, `key as password`, `key without a colon` and `key with a sign in it`.
"""

IN_LOWER_CASE_HEADER: Credentials = "key in a lower-case header"
"""The key in a scheme that works, under a header whose name has no capitals."""

THE_PAYMENT_METHOD = Known("payment_method")

PATH_PREFIX = "/v1/payment_methods/"
PATH_SUFFIX = "/attach"


@dataclass(frozen=True)
class Invalid:
    """The one component of an attempt that breaks the contract, and the reason."""

    component: str
    why: str


@dataclass(frozen=True)
class Pair:
    """One parameter, and its spelling on the wire. A `value` of None writes the name without `=`."""

    name: Text
    value: Text | None
    name_spelling: Spelling = PLAIN
    value_spelling: Spelling = PLAIN

    def encoded(self, bindings: Bindings) -> bytes:
        """Return the bytes of this pair."""
        name = self.name_spelling.encode(render_bytes(self.name, bindings))
        if self.value is None:
            return name
        return name + b"=" + self.value_spelling.encode(render_bytes(self.value, bindings))

    def __str__(self) -> str:
        value = "" if self.value is None else f"={describe(self.value)}"
        return f"{describe(self.name)}{value}"


@dataclass(frozen=True)
class Request:
    """The request that is to arrive: method, path below the base URL (with its query), headers and body.

    `credentials` says how the key is presented; the key itself is never part of this value. A `raw` request is sent on
    a separate connection, byte for byte.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    credentials: Credentials = "key"
    raw: bool = False
    chunked: bool = False

    @property
    def adds_coding(self) -> bool:
        """True if the sender adds the header that says of a body in chunks that it is."""
        return self.chunked and all(name != "Transfer-Encoding" for name, _ in self.headers)

    @property
    def announces_length(self) -> bool:
        """True if the request says how long its body is; one that is not raw says 0 where it has none."""
        is_bare = self.raw and self.body is None
        return not (self.chunked or is_bare)


@dataclass(frozen=True)
class Attempt:
    """One request to the operation, written down before any object exists on the target.

    A body is either `pairs` or a `payload` of exact bytes; None for both sends none. `kind` is `valid` (fits the
    contract), `invalid` (breaks it in the one way that `invalid` names) or `wire` (the contract does not decide).
    `headers` replace the defaults of the same name; a name in their values that is no fixture the sender binds. A
    `raw` attempt is sent as exact bytes on a separate connection, with a `path_id` of its own in the path as it is
    written here.
    An attempt with another `suffix` behind the id goes to another URL; its label says so.
    """

    pairs: tuple[Pair, ...] | None = None
    payload: Text | None = None
    kind: Kind = "valid"
    invalid: Invalid | None = None
    method: str = "POST"
    path_id: Text = THE_PAYMENT_METHOD
    query: tuple[Pair, ...] = ()
    media_type: str | None = FORM_MEDIA_TYPE
    accept: str | None = "application/json"
    headers: tuple[tuple[str, Text], ...] = ()
    credentials: Credentials = "key"
    transport: Transport = "schemathesis"
    chunked: bool = False
    label: str = ""
    suffix: str = field(default=PATH_SUFFIX, repr=False)

    def __post_init__(self) -> None:
        if (self.kind == "invalid") != (self.invalid is not None):
            raise ValueError("an invalid attempt names its one invalid component, and no other does")
        if self.pairs is not None and self.payload is not None:
            raise ValueError("an attempt has pairs or a payload, not both")

    @property
    def needs(self) -> frozenset[str]:
        """The names that must be bound before the attempt is sent: fixtures, and what the sender binds in headers."""
        texts: list[Text] = [self.path_id]
        texts += [] if self.payload is None else [self.payload]
        for pair in (*(self.pairs or ()), *self.query):
            texts += [pair.name] if pair.value is None else [pair.name, pair.value]
        texts += [value for _, value in self.headers]
        return frozenset().union(*(known_names(text) for text in texts))

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of this attempt in hexadecimal, the same for all ids that are bound in it."""
        return hashlib.sha256(repr(self).encode()).hexdigest()

    def bind(self, bindings: Bindings) -> Request:
        """Return the request that this attempt makes with these ids. Raises KeyError when an id is not bound."""
        is_written_out = self.transport == "raw" and self.path_id != THE_PAYMENT_METHOD
        segment = (
            render_bytes(self.path_id, bindings).decode("latin-1")
            if is_written_out
            else quote(render(self.path_id, bindings), safe="")
        )
        target = f"{PATH_PREFIX}{segment}{self.suffix}"
        if self.query:
            target += "?" + _encoded(self.query, bindings).decode("ascii")
        body = self._body(bindings)
        return Request(
            method=self.method,
            target=target,
            headers=self._headers(body, bindings),
            body=body,
            credentials=self.credentials,
            raw=self.transport == "raw",
            chunked=self.chunked,
        )

    def _body(self, bindings: Bindings) -> bytes | None:
        if self.payload is not None:
            return render_bytes(self.payload, bindings)
        return None if self.pairs is None else _encoded(self.pairs, bindings)

    def _headers(self, body: bytes | None, bindings: Bindings) -> tuple[tuple[str, str], ...]:
        defaults = {}
        if self.accept is not None:
            defaults["Accept"] = self.accept
        if body is not None and self.media_type is not None:
            defaults["Content-Type"] = self.media_type
        replaced = {name.lower() for name, _ in self.headers}
        kept = tuple((name, value) for name, value in defaults.items() if name.lower() not in replaced)
        return kept + tuple((name, render(value, bindings)) for name, value in self.headers)

    def but(self, **changes: object) -> Attempt:
        """Return the same attempt with some fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]  # the names are checked by dataclasses.replace

    def __str__(self) -> str:
        if self.pairs is not None:
            what = _list(self.pairs) or "an empty body"
        else:
            what = "no body" if self.payload is None else "".join(map(describe, _parts(self.payload)))
        if what.startswith("?"):
            what = f"the body {what}"  # a query is written in the same way
        if self.query:
            what = f"?{' & '.join(map(str, self.query))}, {what}"
        label = self.label
        if not label and self.path_id != THE_PAYMENT_METHOD:
            label = f"of {describe(self.path_id)}"
        return f"{self.method} {label}: {what}" if label else f"{self.method} {what}"


MOST_ALIKE = 3
"""How many equal pairs that follow each other are written out; of more, their number is."""


def _list(pairs: tuple[Pair, ...]) -> str:
    """Return the pairs in the words of a report."""
    listed: list[str] = []
    for pair, equal in groupby(map(str, pairs)):
        count = len(list(equal))
        listed += [f"{pair} ({count} times)"] if count > MOST_ALIKE else [pair] * count
    return " & ".join(listed)


def _parts(payload: Text) -> tuple[Text, ...]:
    return payload.parts if isinstance(payload, Joined) else (payload,)


def _encoded(pairs: tuple[Pair, ...], bindings: Bindings) -> bytes:
    return b"&".join(pair.encoded(bindings) for pair in pairs)
