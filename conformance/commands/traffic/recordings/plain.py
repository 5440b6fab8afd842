"""Exchanges in the suite's own plain form, and in that of nock."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from conformance.commands.traffic.recordings.bodies import as_bytes, without_coding
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


def read_exchange(document: Mapping[str, Any], where: str) -> Recorded | None:
    """Read an exchange in the plain form, None where it is not with the operation. Raises UnreadableMember."""
    request = object_at(document, "request", "request")
    source = object_at(document, "source", "source")
    method = text_at(request, "method", "request.method") or "POST"
    url = text_at(request, "uri", "request.uri") or text_at(request, "url", "request.url") or ""
    if not is_of_operation(method, url, "request.uri"):
        return None
    headers = pairs_of(request.get("headers"), "request.headers")
    text = text_at(request, "body", "request.body")
    body = None if text is None else as_bytes(text)
    sent = SentParts(method, url, headers, body, value_of(headers, "Content-Type"))

    response = object_at(document, "response", "response")
    fields = pairs_of(response.get("headers"), "response.headers")
    value = response.get("body")
    answer = AnswerParts(
        status=status_of(response.get("status"), "response.status"),
        headers=whole_headers(fields),
        body=_content(value, "response.body"),
        raw_body=isinstance(value, str),
        received=time_of(document.get("recorded_at") or source.get("recorded_at")),
    )
    return recorded(where, sent, answer, "request.uri")


def read_nock(definition: Mapping[str, Any], where: str) -> Recorded | None:
    """Read a definition as nock's recorder writes it, None where it is not with the operation."""
    scope, path = (text_at(definition, name, name) or "" for name in ("scope", "path"))
    method = text_at(definition, "method", "method") or "GET"
    if not is_of_operation(method, scope + path, "path"):
        return None
    headers = pairs_of(definition.get("reqheaders"), "reqheaders")
    text = definition.get("body")
    body = as_bytes(text) if isinstance(text, str) and text else None
    sent = SentParts(method, scope + path, headers, certain_body(body, headers), value_of(headers, "Content-Type"))

    fields = _raw_headers(definition.get("rawHeaders", definition.get("headers")))
    answer = AnswerParts(
        status=status_of(definition.get("status"), "status"),
        headers=whole_headers(fields),
        body=_nock_content(definition, value_of(fields, "Content-Encoding")),
        raw_body=isinstance(definition.get("response"), str),
        may_lack_headers=True,
    )
    return recorded(where, sent, answer, "path")


def _content(value: Any, member: str) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, str):
        return as_bytes(value)
    try:
        return json.dumps(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise UnreadableMember(member, f"is not a JSON value: {error}") from None


def _nock_content(definition: Mapping[str, Any], coding: str | None) -> bytes | None:
    value = definition.get("response")
    is_encoded = bool(coding) and isinstance(value, list)
    if not is_encoded and not definition.get("responseIsBinary"):
        return _content(value, "response") if value != "" else None
    try:
        body = bytes.fromhex("".join(value) if isinstance(value, list) else value or "")
    except (TypeError, ValueError) as error:
        raise UnreadableMember("response", f"is not hexadecimal: {error}") from None
    return without_coding(body, coding)


def _raw_headers(headers: Any) -> Headers:
    """Return headers that are a flat list of names and values, or have another usual form."""
    if isinstance(headers, list) and len(headers) % 2 == 0 and all(isinstance(item, str) for item in headers):
        return tuple(zip(headers[::2], headers[1::2], strict=True))
    return pairs_of(headers, "rawHeaders")
