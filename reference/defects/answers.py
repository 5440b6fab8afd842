"""Mistakes in writing an answer: its status, its media type, its bytes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from ..behaviour import Behaviour
from ..call import Call
from ..values import Answer, Json, Response
from .registry import Chapter
from .tools import edit_answer, edit_body, edit_response, edit_success, on_attach

seed = Chapter("answers", "contract")


def success_status(b: Behaviour, status: int, *, only_expanded: bool = False) -> None:
    """Answer success with another status."""

    def edit(call: Call, answer: Answer) -> Answer:
        if answer.status != 200 or (only_expanded and isinstance(answer.payload["customer"], str)):
            return answer
        return replace(answer, status=status)

    edit_answer(b, edit)


@seed("response.status", "easy")
def created_201(b: Behaviour) -> None:
    """Success is answered with 201."""
    success_status(b, 201)


@seed("response.status", "easy")
def accepted_202(b: Behaviour) -> None:
    """Success is answered with 202."""
    success_status(b, 202)


@seed("response.status", "hard")
def created_201_when_expanded(b: Behaviour) -> None:
    """Success is answered with 201 where something was expanded."""
    success_status(b, 201, only_expanded=True)


@seed("response.media-type", "easy")
def json_called_html(b: Behaviour) -> None:
    """Success is called text/html."""
    edit_response(b, lambda call, r: r.with_header("Content-Type", "text/html; charset=utf-8"), success=True)


@seed("response.media-type", "medium")
def media_type_missing(b: Behaviour) -> None:
    """Success has no media type."""
    edit_response(b, lambda call, r: r.without("Content-Type"), success=True)


@seed("response.media-type", "medium")
def errors_called_plain_text(b: Behaviour) -> None:
    """Errors are called text/plain."""
    edit_response(b, lambda call, r: r.with_header("Content-Type", "text/plain"), success=False)


@seed("response.media-type", "hard")
def media_type_called_javascript(b: Behaviour) -> None:
    """Errors of unknown ids are called text/javascript, by a handler of their own."""

    def edit(call: Call, response: Response) -> Response:
        return response.with_header("Content-Type", "text/javascript") if response.status == 404 else response

    edit_response(b, edit, success=False)


@seed("response.json", "medium")
def byte_order_mark(b: Behaviour) -> None:
    """The body begins with a byte order mark."""
    edit_body(b, lambda body: b"\xef\xbb\xbf" + body, success=True)


@seed("response.json", "medium")
def not_a_number(b: Behaviour) -> None:
    """A member is written as `NaN`."""
    edit_body(b, lambda body: body[:-2] + b',\n  "risk_score": NaN\n}', success=True)


@seed("response.json", "medium")
def something_after_json(b: Behaviour) -> None:
    """Something follows the JSON value."""
    edit_body(b, lambda body: body + b"\n;", success=True)


@seed("response.json", "hard")
def nul_after_json(b: Behaviour) -> None:
    """The buffer of an error is sent with the NUL at its end."""
    edit_body(b, lambda body: body + b"\0", success=False)


@seed("response.json", "hard")
def duplicate_keys(b: Behaviour) -> None:
    """`customer` is written twice, with the same value."""

    def twice(body: bytes) -> bytes:
        return re.sub(rb'\n  ("customer": "[^"]*",)', rb"\n  \1\n  \1", body, count=1)

    edit_body(b, twice, success=True)


@seed("response.json", "easy")
def trailing_comma(b: Behaviour) -> None:
    """There is a comma behind the last member."""
    edit_body(b, lambda body: body[:-2] + b",\n}", success=True)


@seed("response.json", "easy")
def python_instead_of_json(b: Behaviour) -> None:
    """The body is Python's notation, with single quotes and None."""
    usual = b.dump

    def dump(call: Call, payload: Any) -> bytes:
        return repr(payload).encode() if "error" not in payload else usual(call, payload)

    b.dump = on_attach(usual, dump)


@seed("response.json", "hard")
def errors_in_latin_1(b: Behaviour) -> None:
    """Errors are written in Windows-1252, with typographic quotes."""

    def encode(body: bytes) -> bytes:
        text = re.sub(r"'([^'\n]*)'", "\u2018\\1\u2019", body.decode("utf-8"))
        return text.replace("Must provide", "Must provide\u00a0").encode("cp1252", "replace")

    edit_body(b, encode, success=False)


@seed("response.json", "medium")
def success_in_latin_1(b: Behaviour) -> None:
    """Success is written in Latin-1, with a name that is not ASCII."""

    def add(call: Call, payload: Json) -> None:
        payload["issuer"] = "Cr\u00e9dit G\u00e9n\u00e9ral"

    edit_success(b, add)
    edit_body(b, lambda body: body.decode("utf-8").encode("latin-1", "replace"), success=True)


@seed("response.json", "hard")
def control_characters_unescaped(b: Behaviour) -> None:
    """Control characters that an error quotes are written as they are."""

    def unescape(body: bytes) -> bytes:
        text = body.decode("utf-8")
        for character in map(chr, range(32)):
            text = text.replace(json.dumps(character)[1:-1], character)
        return text.encode("utf-8")

    edit_body(b, unescape, success=False)


@seed("response.json", "hard")
def content_length_too_short(b: Behaviour) -> None:
    """Content-Length is less than the body, and the connection closed after it."""

    def shorten(call: Call, response: Response) -> Response:
        return replace(response, declared_length=len(response.body) - 10, close=True)

    edit_response(b, shorten, success=True)


@seed("response.json", "hard")
def content_length_too_long(b: Behaviour) -> None:
    """Content-Length is more than the body, and the connection closed after it."""

    def lengthen(call: Call, response: Response) -> Response:
        return replace(response, declared_length=len(response.body) + 10, close=True)

    edit_response(b, lengthen, success=True)


@seed("response.json", "hard")
def content_length_in_characters(b: Behaviour) -> None:
    """Content-Length of an error counts characters; where it quotes others than ASCII that is too short."""

    def count(call: Call, response: Response) -> Response:
        characters = len(response.body.decode("utf-8"))
        honest = characters == len(response.body)
        return response if honest else replace(response, declared_length=characters, close=True)

    edit_response(b, count, success=False)


@seed("response.json", "medium")
def gzip_claimed(b: Behaviour) -> None:
    """Content-Encoding says gzip; the body is not compressed."""
    edit_response(b, lambda call, r: r.with_header("Content-Encoding", "gzip"), success=True)


@seed("response.json", "hard")
def long_bodies_cut(b: Behaviour) -> None:
    """Bodies are cut at 1500 bytes, which only expanded ones reach."""
    edit_body(b, lambda body: body[:1500], success=True)
