"""Exchanges as JSON-like values for the record of a run, and back."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from typing import Any

from conformance.evidence.exchange import Exchange
from strategies.attempt import Request

LONGEST_PLAIN_BODY = 4_000
"""The number of bytes from which on a body is written deflated."""
LONGEST_BODY = 64_000_000
"""The number of bytes that a body which is read again may have."""

_PLAIN = ("status", "seconds", "received", "failure", "leaked_key", "retries", "resent", "new_connection")
_NEWER = ("original_error", "unread", "idle")
"""Members that older records lack."""


def exchange_to_json(exchange: Exchange) -> dict[str, Any]:
    """Return a JSON-like form, from which `exchange_from_json` makes the same value."""
    request = exchange.request
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
        "status": exchange.status,
        "headers": None if exchange.headers is None else [list(header) for header in exchange.headers],
        "body": _to_text(exchange.body),
        "seconds": round(exchange.seconds, 6),
        "received": exchange.received,
        "failure": exchange.failure,
        "framing": list(exchange.framing),
        "leaked_key": exchange.leaked_key,
        "retries": exchange.retries,
        "resent": exchange.resent,
        "new_connection": exchange.new_connection,
        "original_error": exchange.original_error,
        "unread": exchange.unread,
        "idle": None if exchange.idle is None else round(exchange.idle, 6),
    }


def exchange_from_json(data: Mapping[str, Any]) -> Exchange:
    """Return the exchange that `exchange_to_json` wrote. Raises KeyError when a member is missing."""
    sent = data["request"]
    request = Request(
        method=sent["method"],
        target=sent["target"],
        headers=_pairs(sent["headers"]),
        body=_from_text(sent["body"]),
        credentials=sent["credentials"],
        raw=sent["raw"],
        chunked=sent["chunked"],
    )
    return Exchange(
        request=request,
        headers=None if data["headers"] is None else _pairs(data["headers"]),
        body=_from_text(data["body"]),
        framing=tuple(data["framing"]),
        **{name: data[name] for name in _PLAIN},
        **{name: data[name] for name in _NEWER if name in data},
    )


def size_of_body(stored: str | Mapping[str, str] | None) -> int:
    """Return how many bytes a stored body has. Raises ValueError for one that is too long, and zlib.error."""
    return len(_from_text(stored) or b"")


def _pairs(headers: Any) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in headers)


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
        return _inflate(base64.b64decode(data["deflate"]))
    return base64.b64decode(data["base64"])


def _inflate(data: bytes) -> bytes:
    """Inflate data. Raises ValueError where it is longer than any body that the suite keeps."""
    inflater = zlib.decompressobj()
    body = inflater.decompress(data, LONGEST_BODY)
    if inflater.unconsumed_tail:
        raise ValueError(f"a body of more than {LONGEST_BODY} bytes")
    if not inflater.eof or inflater.unused_data:
        raise ValueError("a deflated body that is cut off, or goes on after its end")
    return body
