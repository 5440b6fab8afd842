"""Recorded bodies as the bytes that they were: base64 undone, content codings undone, and forms written again."""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import re
import string
import zlib
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote_plus

from conformance.commands.traffic.recordings.members import UnreadableMember
from conformance.evidence.storing import LONGEST_BODY
from strategies.wire import decode

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW, _ZLIB_WINDOW, _RAW_WINDOW = 31, 15, -15
"""The names that zlib has for the three containers of deflated data."""

_LITERAL_IN_FORMS = frozenset((string.ascii_letters + string.digits + "-._~*").encode())
_ALWAYS_ESCAPED = frozenset(b"%&+")
"""Bytes that no encoder leaves as they are: unescaped, they would mean something else."""
_ENCODED = re.compile(r"(?:%[0-9A-Fa-f]{2}|[^%&\"<>\s])*", re.ASCII)
"""Text that can stand in a form body as it is."""

_LOST = "\ufffd".encode()
"""The character that stands for bytes that are no text."""

Pairs = Sequence[tuple[str, str]]


def as_bytes(text: str) -> bytes:
    """Return the text in UTF-8; lone surrogates, which a recording may hold, become bytes that are not UTF-8."""
    return text.encode("utf-8", "surrogatepass")


def from_base64(text: str, member: str) -> bytes:
    """Return the bytes of base64 text with any white space in it, padded or not."""
    bare = "".join(text.split()).rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnreadableMember(member, f"is not base64: {error}") from None


def from_json(value: Any, member: str) -> bytes | None:
    """Return a body of which the text or the parsed value was recorded; None where neither was."""
    if value is None:
        return None
    if isinstance(value, str):
        return as_bytes(value)
    try:
        return json.dumps(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise UnreadableMember(member, f"is not a JSON value: {error}") from None


def chunks_in(text: str) -> list[str]:
    """Return the chunks of a text that is a JSON list of strings, as some recorders write bodies; else the text."""
    try:
        chunks = json.loads(text) if text.startswith("[") else [text]
    except (ValueError, RecursionError):
        return [text]
    return chunks if all(isinstance(chunk, str) for chunk in chunks) else [text]


def without_coding(body: bytes, coding: str | None) -> bytes | None:
    """Return the body without its content coding; None where that cannot be undone, or only to too many bytes.

    Most recorders keep the header Content-Encoding and write the decoded body, so that the body's bytes decide.
    """
    codings = {part.strip() for part in (coding or "").lower().split(",")}
    if body.startswith(_GZIP_MAGIC):
        return _inflate(body, _GZIP_WINDOW)
    if codings <= {"", "identity"}:
        return body
    if _is_text(body):
        return None if _is_garbled(body) else body
    return _inflate(body, _ZLIB_WINDOW, _RAW_WINDOW) if "deflate" in codings else None


def _inflate(body: bytes, *windows: int) -> bytes | None:
    """Return deflated data in the first of these containers that holds it whole; None where none does."""
    for window in windows:
        inflater = zlib.decompressobj(window)
        with contextlib.suppress(zlib.error):
            data = inflater.decompress(body, LONGEST_BODY)
            if inflater.eof:
                return data
    return None


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_garbled(text: bytes) -> bool:
    """Return whether a recorder took compressed bytes for a text, and so lost those that are no characters."""
    return _LOST in text and not text.lstrip().startswith((b"{", b"[", b"<"))


def form_of(pairs: Pairs, length: int | None) -> bytes | None:
    """Return a form body with these parameters, None where the recording leaves open what they are.

    HAR wants them decoded, and some tools leave them percent-encoded. Where the two readings differ, the length of
    the body that was sent decides, if it is known and only one of them can have it.
    """
    encoded = b"&".join(_quoted(name) + b"=" + _quoted(value) for name, value in pairs)
    as_written = b"&".join(as_bytes(name) + b"=" + as_bytes(value) for name, value in pairs)
    is_decoded = length is None or length in _lengths(pairs)
    is_encoded = length in (None, len(as_written)) and all(_ENCODED.fullmatch(part) for pair in pairs for part in pair)
    if is_decoded and is_encoded and decode(encoded) != decode(as_written):
        return None
    if is_decoded:
        return encoded
    return as_written if is_encoded else None


def _quoted(text: str) -> bytes:
    return quote_plus(as_bytes(text), safe="[]").encode("ascii")


def _lengths(pairs: Pairs) -> range:
    """Return the lengths that a form with these decoded parameters can have, by which encoder wrote it."""
    content = b"".join(as_bytes(name) + as_bytes(value) for name, value in pairs)
    punctuation = max(2 * len(pairs) - 1, 0)
    shortest = sum(3 if byte in _ALWAYS_ESCAPED else 1 for byte in content)
    longest = sum(1 if byte in _LITERAL_IN_FORMS else 3 for byte in content)
    return range(punctuation + shortest, punctuation + longest + 1)
