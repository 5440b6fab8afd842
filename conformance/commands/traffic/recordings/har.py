"""HAR 1.2 entries, with what tools write beyond it: base64 requests, parameters without a text, chunked contents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.commands.traffic.recordings.bodies import as_bytes, chunks_in, form_of, from_base64, without_coding
from conformance.commands.traffic.recordings.members import (
    Headers,
    UnreadableMember,
    milliseconds_of,
    object_at,
    pairs_of,
    status_of,
    text_at,
    time_of,
    value_of,
)
from conformance.commands.traffic.recordings.recorded import (
    FORM,
    AnswerParts,
    Recorded,
    SentParts,
    certain_body,
    is_of_operation,
    recorded,
)

_OF_MULTIPART = ("fileName", "filename", "_fileName", "contentType")
"""Members of a parameter that only multipart/form-data has."""


def read_entry(entry: Mapping[str, Any], where: str) -> Recorded | None:
    """Read an entry, None where it is not with the operation. Raises UnreadableMember."""
    request = object_at(entry, "request", "request")
    method, url = (text_at(request, name, f"request.{name}") for name in ("method", "url"))
    if not url:
        raise UnreadableMember("request.url", "is missing")
    if not is_of_operation(method or "POST", url, "request.url"):
        return None
    if not method:
        raise UnreadableMember("request.method", "is missing")
    headers = pairs_of(request.get("headers"), "request.headers")
    media_type = _media_type(request, headers)
    sent = SentParts(method, url, headers, _sent_body(request, headers, media_type), media_type)
    return recorded(where, sent, _answer(entry))


def _answer(entry: Mapping[str, Any]) -> AnswerParts:
    response = object_at(entry, "response", "response")
    status = status_of(response.get("status"), "response.status")
    if status is None:
        return AnswerParts()
    fields = pairs_of(response.get("headers"), "response.headers")
    content = object_at(response, "content", "response.content")
    seconds = milliseconds_of(entry.get("time")) / 1000
    started = time_of(entry.get("startedDateTime"))
    return AnswerParts(
        status=status,
        headers=fields or None,
        body=_received_body(content, fields),
        received=started + seconds if started else 0.0,
        seconds=seconds,
    )


def _media_type(request: Mapping[str, Any], headers: Headers) -> str | None:
    named = value_of(headers, "Content-Type")
    if named is None:
        named = text_at(object_at(request, "postData", "request.postData"), "mimeType", "request.postData.mimeType")
    return named or ("" if headers else None)


def _sent_body(request: Mapping[str, Any], headers: Headers, media_type: str | None) -> bytes | None:
    """Return the body where it is certain, else None."""
    member = "request.postData"
    post = object_at(request, "postData", member)
    params = post.get("params")
    if not post.get("text") and not params and request.get("_content"):
        member = "request._content"
        post = object_at(request, "_content", member)
    text = text_at(post, "text", f"{member}.text")
    if text:
        body = from_base64(text, f"{member}.text") if _is_base64(post) else as_bytes(text)
        return certain_body(body, headers)
    if params:
        return _form(params, media_type, _announced_length(request, headers))
    length = value_of(headers, "Content-Length")
    if text is None:
        return b"" if length == "0" else None
    is_lost = bool(post.get("comment")) or bool(_announced_length(request, headers)) or _is_chunked(headers)
    return None if is_lost else b""


def _is_base64(post: Mapping[str, Any]) -> bool:
    """Tell whether a text is base64: HAR 1.2 has no member for it, and tools write it in several."""
    names = ("encoding", "_encoding", "comment")
    return any(str(value).strip().lower() == "base64" for name in names if isinstance(value := post.get(name), str))


def _announced_length(request: Mapping[str, Any], headers: Headers) -> int | None:
    """Return the length of the body that was sent, None where it is not known."""
    length = (value_of(headers, "Content-Length") or "").strip()
    if length.isascii() and length.isdigit() and len(length) <= 10:
        return int(length)
    size = request.get("bodySize")
    return size if isinstance(size, int) and not isinstance(size, bool) and size > 0 else None


def _is_chunked(headers: Headers) -> bool:
    return value_of(headers, "Transfer-Encoding") is not None


def _form(params: Any, media_type: str | None, length: int | None) -> bytes | None:
    """Return the form with these parameters, None where they are parts of another media type."""
    if not isinstance(params, list):
        raise UnreadableMember("request.postData.params", "is not a list")
    pairs = []
    for number, param in enumerate(params):
        member = f"request.postData.params[{number}]"
        if not isinstance(param, Mapping):
            raise UnreadableMember(member, "is not an object")
        if any(param.get(name) for name in _OF_MULTIPART):
            return None
        if param.get("disabled") is not True:
            pairs.append((_part(param, "name", member), _part(param, "value", member)))
    is_form = media_type is None or media_type.partition(";")[0].strip().lower() == FORM
    return form_of(pairs, length) if is_form else None


def _part(param: Mapping[str, Any], name: str, member: str) -> str:
    value = param.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    text = text_at(param, name, f"{member}.{name}")
    if text is None and name == "name":
        raise UnreadableMember(f"{member}.name", "is missing")
    return text or ""


def _received_body(content: Mapping[str, Any], headers: Headers) -> bytes | None:
    """Return the body where it is whole; None where its text is missing, cut, or in a form that cannot be undone."""
    text = text_at(content, "text", "response.content.text")
    if text is None:
        return None
    is_base64 = str(content.get("encoding")).strip().lower() == "base64"
    if content.get("_isBinary") and not is_base64:
        return None
    chunks = chunks_in(text) if is_base64 else None
    if chunks is not None:
        body = b"".join(from_base64(chunk, "response.content.text") for chunk in chunks)
    else:
        body = from_base64(text, "response.content.text") if is_base64 else as_bytes(text)
        size = content.get("size")
        if isinstance(size, int) and size > len(body):
            return None
    if not body and (value_of(headers, "Content-Length") or "0") != "0":
        return None
    return without_coding(body, value_of(headers, "Content-Encoding"))
