"""What was sent and what came back, as frozen values: the evidence of every verdict."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from conformance.evidence.failure import Failure
from conformance.evidence.strict_json import JsonText, read_json
from strategies.attempt import PATH_PREFIX, PATH_SUFFIX, Request
from strategies.wire import DecodedPair, decode

TIMED_OUT = Failure.TIMED_OUT
CONNECTION_LOST = Failure.CONNECTION_LOST

LONGEST_PLAIN_BODY = 4_000
"""From how many bytes on a body is written deflated."""
LONGEST_BODY = 64_000_000
"""How many bytes a body that is read again may have."""


@dataclass(frozen=True)
class Exchange:
    """One request and its answer as received.

    `status` is None when no answer came; then `failure` says why (a `Failure`), and `original_error` in the words of
    the original error. `headers` is None where the evidence lacks them (a recording), `body` likewise. `seconds` is the
    time of the whole exchange, the connecting included. `received` is when the answer came, in seconds since 1970, 0 if
    not known. `framing` lists what is false about the framing of the answer. `leaked_key` tells that the key which the
    request carried came back; the copy in `body` and `headers` is blotted out. `retries` counts the 429s before.
    `resent` tells that a kept connection was closed without an answer, and that this is the answer on a new one;
    `unread` that a reset shows that the server had not read the request on the kept one. `idle` is for how many seconds
    the kept connection had been idle, None for a new one. `new_connection` tells that the request had a connection of
    its own.
    """

    request: Request
    status: int | None = None
    headers: tuple[tuple[str, str], ...] | None = None
    body: bytes | None = None
    seconds: float = 0.0
    received: float = 0.0
    failure: str = ""
    framing: tuple[str, ...] = ()
    leaked_key: bool = False
    retries: int = 0
    resent: bool = False
    new_connection: bool = False
    original_error: str = ""
    unread: bool = False
    idle: float | None = None

    @property
    def why_unanswered(self) -> str:
        """Why no answer came, with the text of the original error; empty where one came."""
        return f"{self.failure}: {self.original_error}" if self.original_error else self.failure

    @property
    def answered(self) -> bool:
        """Whether an answer came that is not a throttle (429)."""
        return self.status is not None and self.status != 429

    @property
    def is_success(self) -> bool:
        """Whether the answer is a 2xx without an error inside."""
        return self.status is not None and 200 <= self.status < 300 and not self.has_error_inside

    @property
    def is_refusal(self) -> bool:
        """Whether the answer is a 4xx and not a throttle."""
        return self.status is not None and 400 <= self.status < 500 and self.status != 429

    @property
    def has_error_inside(self) -> bool:
        """Whether the body is an object with a member `error` that is an object."""
        value = self.json.value
        return isinstance(value, dict) and isinstance(value.get("error"), dict)

    @property
    def is_to_operation(self) -> bool:
        """Whether the request went to the operation's URL, whatever its method."""
        path = self.request.target.partition("?")[0]
        return path.startswith(PATH_PREFIX) and path.endswith(PATH_SUFFIX)

    @cached_property
    def json(self) -> JsonText:
        """The body read as JSON, with what is wrong about it."""
        return read_json(self.body or b"")

    @property
    def object(self) -> Mapping[str, Any]:
        """The body as a JSON object, empty when it is none."""
        value = self.json.value
        return value if isinstance(value, dict) else {}

    @property
    def customer_id(self) -> Any:
        """The id of the customer that the body shows, expanded or not; what stands there instead, None for nothing."""
        customer = self.object.get("customer")
        return customer.get("id") if isinstance(customer, dict) else customer

    @property
    def error(self) -> Mapping[str, Any]:
        """The `error` object of the body, empty when there is none."""
        error = self.object.get("error")
        return error if isinstance(error, dict) else {}

    def header(self, name: str) -> str | None:
        """The first header of that name, whatever its case."""
        for key, value in self.headers or ():
            if key.lower() == name.lower():
                return value
        return None

    @cached_property
    def sent_pairs(self) -> tuple[DecodedPair, ...]:
        """The parameters of the form body that was sent."""
        return decode(self.request.body or b"")

    def sent_values(self, name: str) -> tuple[str, ...]:
        """The values of the plain parameters of that name that were sent."""
        wanted = name.encode()
        return tuple(pair.value.decode("utf-8", "replace") for pair in self.sent_pairs if pair.name == wanted)

    @property
    def may_be_lost_on_the_way(self) -> bool:
        """Whether a network may have lost the answer, cut it short or had it asked for twice."""
        is_without_length = self.header("Content-Length") is None and self.header("Transfer-Encoding") is None
        is_bare = not self.body and self.headers is not None and is_without_length
        return self.status is None or self.resent or bool(self.framing) or is_bare

    @property
    def asked_to_expand(self) -> bool:
        """Whether the request held any parameter `expand`."""
        return any(pair.name.partition(b"[")[0] == b"expand" for pair in self.sent_pairs)

    def to_json(self) -> dict[str, Any]:
        """A JSON-like form, from which `from_json` makes the same value."""
        request = self.request
        return {
            "request": {
                "method": request.method,
                "target": request.target,
                "headers": [list(header) for header in request.headers],
                "body": _to_text(request.body),
                "credentials": request.credentials,
                "raw": request.raw,
                "chunked": request.chunked,
            },
            "status": self.status,
            "headers": None if self.headers is None else [list(header) for header in self.headers],
            "body": _to_text(self.body),
            "seconds": round(self.seconds, 6),
            "received": self.received,
            "failure": self.failure,
            "framing": list(self.framing),
            "leaked_key": self.leaked_key,
            "retries": self.retries,
            "resent": self.resent,
            "new_connection": self.new_connection,
            "original_error": self.original_error,
            "unread": self.unread,
            "idle": None if self.idle is None else round(self.idle, 6),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Exchange:
        """The exchange that `to_json` wrote. Raises KeyError when a member is missing."""
        sent = data["request"]
        return cls(
            request=Request(
                method=sent["method"],
                target=sent["target"],
                headers=tuple((name, value) for name, value in sent["headers"]),
                body=_from_text(sent["body"]),
                credentials=sent["credentials"],
                raw=sent["raw"],
                chunked=sent["chunked"],
            ),
            status=data["status"],
            headers=None if data["headers"] is None else tuple((name, value) for name, value in data["headers"]),
            body=_from_text(data["body"]),
            seconds=data["seconds"],
            received=data["received"],
            failure=data["failure"],
            framing=tuple(data["framing"]),
            leaked_key=data["leaked_key"],
            retries=data["retries"],
            resent=data["resent"],
            new_connection=data["new_connection"],
            original_error=data.get("original_error", ""),
            unread=data.get("unread", False),
            idle=data.get("idle"),
        )


def _to_text(data: bytes | None) -> str | dict[str, str] | None:
    if data is None:
        return None
    if len(data) > LONGEST_PLAIN_BODY:
        return {"deflate": base64.b64encode(zlib.compress(data, 9)).decode()}
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _from_text(data: str | Mapping[str, str] | None) -> bytes | None:
    if data is None:
        return None
    if isinstance(data, str):
        return data.encode()
    if "deflate" in data:
        return _inflated(base64.b64decode(data["deflate"]))
    return base64.b64decode(data["base64"])


def _inflated(data: bytes) -> bytes:
    """The inflated data. Raises ValueError where it is longer than any body that the suite keeps."""
    inflater = zlib.decompressobj()
    body = inflater.decompress(data, LONGEST_BODY)
    if inflater.unconsumed_tail:
        raise ValueError(f"a body of more than {LONGEST_BODY} bytes")
    return body


def is_creation(exchange: Exchange) -> bool:
    """Whether a customer or a payment method was created."""
    request = exchange.request
    is_post = request.method == "POST" and request.target in ("/v1/customers", "/v1/payment_methods")
    return is_post and exchange.is_success
