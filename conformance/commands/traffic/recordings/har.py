"""HAR 1.2 entries, with what tools write beyond it: base64 requests, parameters without a text, chunked contents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.commands.traffic.recordings.bodies import as_bytes, chunks_in, form_of, from_base64, without_coding
from conformance.commands.traffic.recordings.members import (
    Headers,
    Member,
    UnreadableMember,
    seconds_of,
    time_of,
    value_of,
)
from conformance.commands.traffic.recordings.recorded import Answer, Form, Sent, Target, certain_body, is_form_type

_OF_MULTIPART = ("fileName", "filename", "_fileName", "contentType")
"""Members of a parameter that only multipart/form-data has."""


def _target(entry: Member) -> Target:
    request = entry.object("request")
    return Target(request.text("method"), request.text("url") or None, request.name_of("url"))


def _sent(entry: Member) -> Sent:
    request = entry.object("request")
    headers = request.headers("headers")
    media_type = value_of(headers, "Content-Type")
    if media_type is None:
        media_type = request.object("postData").text("mimeType")
    if not media_type:
        media_type = "" if headers else None
    return Sent(headers, _sent_body(request, headers, media_type), media_type)


def _answer(entry: Member) -> Answer:
    response = entry.object("response")
    status = response.status("status")
    if status is None:
        return Answer()
    headers = response.headers("headers")
    seconds = seconds_of(entry.get("time"))
    started = time_of(entry.get("startedDateTime"))
    return Answer(
        status=status,
        headers=headers or None,
        body=_received_body(response.object("content"), headers),
        received=started + seconds if started else 0.0,
        seconds=seconds,
    )


def _sent_body(request: Member, headers: Headers, media_type: str | None) -> bytes | None:
    """Return the body where it is certain, else None."""
    post = request.object("postData")
    params = post.get("params")
    if not post.get("text") and not params and request.get("_content"):
        post = request.object("_content")
    text = post.text("text")
    if text:
        body = from_base64(text, post.name_of("text")) if _is_base64(post) else as_bytes(text)
        return certain_body(body, headers)
    length = _announced_length(request, headers)
    if params:
        return _form(post, params, media_type, length)
    if text is None:
        return b"" if value_of(headers, "Content-Length") == "0" else None
    is_lost = post.get("comment") or length or value_of(headers, "Transfer-Encoding") is not None
    return None if is_lost else b""


def _is_base64(post: Member) -> bool:
    """Return whether a text is base64: HAR 1.2 has no member for it, and tools write it in several."""
    return any(str(post.get(name)).strip().lower() == "base64" for name in ("encoding", "_encoding", "comment"))


def _announced_length(request: Member, headers: Headers) -> int | None:
    """Return the length of the body that was sent, None where it is not known."""
    length = (value_of(headers, "Content-Length") or "").strip()
    if length.isascii() and length.isdigit() and len(length) <= 10:
        return int(length)
    size = request.get("bodySize")
    return size if isinstance(size, int) and not isinstance(size, bool) and size > 0 else None


def _form(post: Member, params: Any, media_type: str | None, length: int | None) -> bytes | None:
    """Return the form with these parameters, None where they are parts of another media type."""
    if not isinstance(params, list):
        raise UnreadableMember(post.name_of("params"), "is not a list")
    pairs = []
    for number, value in enumerate(params):
        name = post.name_of(f"params[{number}]")
        if not isinstance(value, Mapping):
            raise UnreadableMember(name, "is not an object")
        param = Member(value, name)
        if any(param.get(member) for member in _OF_MULTIPART):
            return None
        if param.get("disabled") is not True:
            pairs.append((_part(param, "name"), _part(param, "value")))
    is_form = media_type is None or is_form_type(media_type)
    return form_of(pairs, length) if is_form else None


def _part(param: Member, key: str) -> str:
    value = param.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    text = param.text(key)
    if text is None and key == "name":
        raise UnreadableMember(param.name_of(key), "is missing")
    return text or ""


def _received_body(content: Member, headers: Headers) -> bytes | None:
    """Return the body where it is whole; None where its text is missing, cut, or in a form that cannot be undone."""
    text = content.text("text")
    is_base64 = str(content.get("encoding")).strip().lower() == "base64"
    if text is None or (content.get("_isBinary") and not is_base64):
        return None
    chunks = chunks_in(text) if is_base64 else None
    name = content.name_of("text")
    if chunks is not None:
        body = b"".join(from_base64(chunk, name) for chunk in chunks)
    else:
        body = from_base64(text, name) if is_base64 else as_bytes(text)
        size = content.get("size")
        if isinstance(size, int) and size > len(body):
            return None
    if not body and (value_of(headers, "Content-Length") or "0") != "0":
        return None
    return without_coding(body, value_of(headers, "Content-Encoding"))


ENTRY = Form(_target, _sent, _answer)
