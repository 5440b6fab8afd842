"""Interactions of cassettes: VCR and betamax (`http_interactions`), vcrpy (`interactions`), in YAML and in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.commands.traffic.recordings.bodies import as_bytes, from_base64, without_coding
from conformance.commands.traffic.recordings.members import (
    Headers,
    UnreadableMember,
    object_at,
    pairs_of,
    status_of,
    text_at,
    time_of,
    value_of,
)
from conformance.commands.traffic.recordings.recorded import (
    AnswerParts,
    Recorded,
    SentParts,
    certain_body,
    is_of_operation,
    recorded,
    whole_headers,
)

_OF_A_BODY = frozenset({"string", "base64_string", "encoding"})


def is_body(value: Any) -> bool:
    """Tell whether a value is a body as cassettes write it: text beside the name of its encoding."""
    return isinstance(value, Mapping) and bool(value) and set(value) <= _OF_A_BODY and set(value) != {"encoding"}


def read_interaction(item: Mapping[str, Any], where: str) -> Recorded | None:
    """Read an interaction, None where it is not with the operation. Raises UnreadableMember."""
    request = object_at(item, "request", "request")
    member = "request.url" if "url" in request else "request.uri"
    url = text_at(request, member.removeprefix("request."), member)
    method = (text_at(request, "method", "request.method") or "").removeprefix(":")
    if not url or not method:
        raise UnreadableMember("request.method" if url else member, "is missing")
    if not is_of_operation(method, url, member):
        return None
    headers = pairs_of(request.get("headers"), "request.headers")
    sent = SentParts(method, url, headers, _sent_body(request, headers), value_of(headers, "Content-Type"))
    return recorded(where, sent, _answer(item), member)


def _answer(item: Mapping[str, Any]) -> AnswerParts:
    response = object_at(item, "response", "response")
    status = status_of(*_status(response))
    if status is None:
        return AnswerParts()
    headers = pairs_of(response.get("headers"), "response.headers")
    name = "body" if "body" in response else "content"
    body = _bytes_of(response.get(name), f"response.{name}")
    if body == b"" and (value_of(headers, "Content-Length") or "0") != "0":
        body = None
    whole = None if body is None else without_coding(body, value_of(headers, "Content-Encoding"))
    return AnswerParts(
        status=status,
        headers=whole_headers(headers),
        body=whole,
        received=time_of(item.get("recorded_at")),
        may_lack_headers=True,
    )


def _status(response: Mapping[str, Any]) -> tuple[Any, str]:
    """Return the status and the name of its member: httpx's recorder writes another one."""
    status = response.get("status")
    if isinstance(status, Mapping):
        return status.get("code"), "response.status.code"
    if status is None:
        return response.get("status_code"), "response.status_code"
    return status, "response.status"


def _sent_body(request: Mapping[str, Any], headers: Headers) -> bytes | None:
    """Return the body where it is certain: an empty one may have been filtered out, unless its length was sent."""
    value = request.get("body")
    if isinstance(value, Mapping) and not is_body(value):
        return None
    body = _bytes_of(value, "request.body")
    if not body:
        return b"" if value_of(headers, "Content-Length") == "0" else None
    return certain_body(body, headers)


def _bytes_of(value: Any, member: str) -> bytes | None:
    if not isinstance(value, Mapping):
        return _encoded(value, "", member)
    if isinstance(text := value.get("base64_string"), str):
        return from_base64(text, f"{member}.base64_string")
    return _encoded(value.get("string"), str(value.get("encoding") or ""), f"{member}.string")


def _encoded(text: Any, encoding: str, member: str) -> bytes | None:
    """Return the bytes of a text. Old writers put binary text down as one character for each byte."""
    if text is None or isinstance(text, bytes):
        return text
    if not isinstance(text, str):
        raise UnreadableMember(member, "is neither text nor bytes")
    if encoding.upper() in ("ASCII-8BIT", "BINARY"):
        try:
            body = text.encode("latin-1")
            body.decode()
        except UnicodeError:
            return as_bytes(text)
        return body
    return as_bytes(text)
