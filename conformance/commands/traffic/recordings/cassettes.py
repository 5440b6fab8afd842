"""Recordings of test libraries: VCR and its relatives, and nock; and exchanges in the suite's own plain form."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from conformance.commands.traffic.recordings.bodies import as_bytes, form_of, from_base64, from_json, without_coding
from conformance.commands.traffic.recordings.members import Headers, Member, UnreadableMember, time_of, value_of
from conformance.commands.traffic.recordings.recorded import Answer, Form, Sent, Target, certain_body, whole_headers
from strategies.wire import flatten

_OF_A_BODY = frozenset({"string", "base64_string", "encoding"})


# VCR and betamax (`http_interactions`), vcrpy and go-vcr (`interactions`), php-vcr (a list), in YAML and in JSON


def is_body(value: Any) -> bool:
    """Return whether a value is a body as cassettes write it: text next to the name of its encoding."""
    return isinstance(value, Mapping) and bool(value) and set(value) <= _OF_A_BODY and set(value) != {"encoding"}


def _target(item: Member) -> Target:
    request = item.object("request")
    key = "url" if "url" in request.value else "uri"
    method = (request.text("method") or "").removeprefix(":")
    return Target(method, request.text(key) or None, request.name_of(key))


def _sent(item: Member) -> Sent:
    request = item.object("request")
    headers = request.headers("headers")
    return Sent(headers, _sent_body(request, headers), value_of(headers, "Content-Type"))


def _sent_body(request: Member, headers: Headers) -> bytes | None:
    """Return the body where it is certain: an empty one may have been filtered out, unless its length was sent."""
    value = request.get("body")
    if isinstance(value, Mapping) and not is_body(value):
        return None
    body = _bytes_of(value, request.name_of("body")) or _body_of_fields(request)
    if not body:
        return b"" if value_of(headers, "Content-Length") == "0" else None
    return certain_body(body, headers)


def _body_of_fields(request: Member) -> bytes | None:
    """Return the form that a recorder kept as its fields only: go-vcr, with those of the query, and php-vcr."""
    fields, form = request.get("post_fields"), request.get("form")
    pairs: list[tuple[str, str]] = []
    if isinstance(fields, Mapping):
        pairs = list(flatten(fields))
    elif isinstance(form, Mapping) and "?" not in (request.text("url") or ""):
        for name, values in form.items():
            pairs += ((str(name), str(value)) for value in (values if isinstance(values, list) else [values]))
    return form_of(pairs, None) if pairs else None


def _answer(item: Member) -> Answer:
    response = item.object("response")
    status = _status(response)
    if status is None:
        return Answer()
    headers = response.headers("headers")
    key = "body" if "body" in response.value else "content"
    body = _bytes_of(response.get(key), response.name_of(key))
    if body == b"" and (value_of(headers, "Content-Length") or "0") != "0":
        body = None
    return Answer(
        status=status,
        headers=whole_headers(headers),
        body=None if body is None else without_coding(body, value_of(headers, "Content-Encoding")),
        received=time_of(item.get("recorded_at")),
        may_lack_headers=True,
    )


def _status(response: Member) -> int | None:
    """Return the status, for which the recorders of httpx and of Go have other members."""
    if isinstance(response.get("status"), Mapping):
        return response.object("status").status("code")
    if response.get("code") is not None:
        return response.status("code")
    return response.status("status_code" if response.get("status") is None else "status")


def _bytes_of(value: Any, member: str) -> bytes | None:
    match value:
        case {"base64_string": str() as text}:
            return from_base64(text, f"{member}.base64_string")
        case Mapping():
            return _encoded(value.get("string"), str(value.get("encoding")), f"{member}.string")
    return _encoded(value, "", member)


def _encoded(text: Any, encoding: str, member: str) -> bytes | None:
    """Return the bytes of a text. Old writers put binary text down as one character for each byte."""
    if text is None or isinstance(text, bytes):
        return text
    if not isinstance(text, str):
        raise UnreadableMember(member, "is neither text nor bytes")
    if encoding.upper() in ("ASCII-8BIT", "BINARY"):
        with contextlib.suppress(UnicodeError):
            return text.encode("latin-1").decode().encode()
    return as_bytes(text)


INTERACTION = Form(_target, _sent, _answer)


# nock's recorder


def _nock_target(definition: Member) -> Target:
    url = (definition.text("scope") or "") + (definition.text("path") or "")
    return Target(definition.text("method") or "GET", url, "path")


def _nock_sent(definition: Member) -> Sent:
    headers = definition.headers("reqheaders")
    text = definition.get("body")
    body = as_bytes(text) if isinstance(text, str) and text else None
    return Sent(headers, certain_body(body, headers), value_of(headers, "Content-Type"))


def _nock_answer(definition: Member) -> Answer:
    headers = _nock_headers(definition)
    return Answer(
        status=definition.status("status"),
        headers=whole_headers(headers),
        body=_nock_body(definition.get("response"), definition, value_of(headers, "Content-Encoding")),
        raw_body=isinstance(definition.get("response"), str),
        may_lack_headers=True,
    )


def _nock_headers(definition: Member) -> Headers:
    """Return headers that are a flat list of names and values, or have another usual form."""
    key = "rawHeaders" if "rawHeaders" in definition.value else "headers"
    headers = definition.get(key)
    if isinstance(headers, list) and len(headers) % 2 == 0 and all(isinstance(item, str) for item in headers):
        return tuple(zip(headers[::2], headers[1::2], strict=True))
    return definition.headers(key)


def _nock_body(value: Any, definition: Member, coding: str | None) -> bytes | None:
    is_encoded = bool(coding) and isinstance(value, list)
    if not is_encoded and not definition.get("responseIsBinary"):
        return None if value == "" else from_json(value, "response")
    try:
        body = bytes.fromhex("".join(value or ""))
    except (TypeError, ValueError) as error:
        raise UnreadableMember("response", f"is not hexadecimal: {error}") from None
    return without_coding(body, coding)


NOCK = Form(_nock_target, _nock_sent, _nock_answer)


# the plain form


def _plain_target(document: Member) -> Target:
    request = document.object("request")
    url = request.text("uri") or request.text("url") or ""
    return Target(request.text("method") or "POST", url, request.name_of("uri"))


def _plain_sent(document: Member) -> Sent:
    request = document.object("request")
    headers = request.headers("headers")
    text = request.text("body")
    return Sent(headers, None if text is None else as_bytes(text), value_of(headers, "Content-Type"))


def _plain_answer(document: Member) -> Answer:
    response = document.object("response")
    body, headers = response.get("body"), response.headers("headers")
    content = from_json(body, response.name_of("body"))
    return Answer(
        status=response.status("status"),
        headers=whole_headers(headers),
        body=None if content is None else without_coding(content, value_of(headers, "Content-Encoding")),
        raw_body=isinstance(body, str),
        received=time_of(document.get("recorded_at") or document.object("source").get("recorded_at")),
    )


PLAIN = Form(_plain_target, _plain_sent, _plain_answer)
