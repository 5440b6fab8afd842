"""HAR 1.2 entries, with what tools write beyond it: base64 requests, parameters without a text, chunked contents."""

from __future__ import annotations

import re
from typing import Any

from conformance.commands.traffic.recordings.bodies import as_bytes, chunks_in, form_of, from_base64, without_coding
from conformance.commands.traffic.recordings.members import (
    Headers,
    Member,
    UnreadableMember,
    is_whole_number,
    seconds_of,
    time_of,
    value_of,
)
from conformance.commands.traffic.recordings.recorded import Answer, Form, Sent, Target, certain_body, is_form_type

_OF_MULTIPART = ("fileName", "filename", "_fileName", "contentType")
"""Members of a parameter that only multipart/form-data has."""
_OF_CODED_REQUESTS = ("encoding", "_encoding", "comment")
"""Members that say of a request's text that it is base64: HAR 1.2 has none, and tools write it in several."""
LENGTH = re.compile(r"\d{1,10}", re.ASCII)
"""A length that is believed."""


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
        is_base64 = _says_base64(post, *_OF_CODED_REQUESTS)
        return certain_body(from_base64(text, post.name_of("text")) if is_base64 else as_bytes(text), headers)
    length = _announced_length(request, headers)
    if params:
        return _form(post, params, media_type, length)
    if text is None:
        return b"" if value_of(headers, "Content-Length") == "0" else None
    is_lost = post.get("comment") or length or value_of(headers, "Transfer-Encoding") is not None
    return None if is_lost else b""


def _says_base64(holder: Member, *names: str) -> bool:
    """Return whether any of these members says that a text is base64."""
    return any(str(holder.get(name)).strip().lower() == "base64" for name in names)


def _announced_length(request: Member, headers: Headers) -> int | None:
    """Return the length of the body that was sent, None where it is not known."""
    length = (value_of(headers, "Content-Length") or "").strip()
    if LENGTH.fullmatch(length):
        return int(length)
    size = request.get("bodySize")
    return size if is_whole_number(size) and size > 0 else None


def _form(post: Member, params: Any, media_type: str | None, length: int | None) -> bytes | None:
    """Return the form with these parameters, None where they are parts of another media type."""
    if not isinstance(params, list):
        raise UnreadableMember(post.name_of("params"), "is not a list")
    pairs = []
    for number, value in enumerate(params):
        param = Member.of(value, post.name_of(f"params[{number}]"))
        if any(map(param.get, _OF_MULTIPART)):
            return None
        if param.get("disabled") is not True:
            pairs.append((_part(param, "name"), _part(param, "value")))
    is_form = media_type is None or is_form_type(media_type)
    return form_of(pairs, length) if is_form else None


def _part(param: Member, key: str) -> str:
    if is_whole_number(param.get(key)):
        return str(param.get(key))
    text = param.text(key)
    if text is None and key == "name":
        raise UnreadableMember(param.name_of(key), "is missing")
    return text or ""


def _received_body(content: Member, headers: Headers) -> bytes | None:
    """Return the body where it is whole; None where its text is missing, cut, or in a form that cannot be undone."""
    text, name = content.text("text"), content.name_of("text")
    is_base64 = _says_base64(content, "encoding")
    if text is None or (content.get("_isBinary") and not is_base64):
        return None
    parts = chunks_in(text) if is_base64 else [text]
    body = b"".join(from_base64(part, name) if is_base64 else as_bytes(part) for part in parts)
    size = content.get("size")
    is_cut = parts == [text] and isinstance(size, int) and size > len(body)
    is_lost = not body and (value_of(headers, "Content-Length") or "0") != "0"
    return None if is_cut or is_lost else without_coding(body, value_of(headers, "Content-Encoding"))


ENTRY = Form(_target, _sent, _answer)
