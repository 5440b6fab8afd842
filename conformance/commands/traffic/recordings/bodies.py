"""Recorded bodies as the bytes that they were: base64 undone, content codings undone, and forms written again."""

from __future__ import annotations

import base64
import binascii
import json
import string
import zlib
from collections.abc import Sequence
from urllib.parse import quote_plus

from conformance.commands.traffic.recordings.members import UnreadableMember
from conformance.evidence.storing import LONGEST_BODY
from strategies.wire import decode

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW, _ZLIB_WINDOW, _RAW_WINDOW = 31, 15, -15
"""What zlib calls the three containers of deflated data."""

_LITERAL_IN_FORMS = frozenset((string.ascii_letters + string.digits + "-._~*").encode())
_ALWAYS_ESCAPED = frozenset(b"%&+")
"""Bytes that no encoder leaves as they are: unescaped, they would mean something else."""

_HEX = frozenset(string.hexdigits)

Pairs = Sequence[tuple[str, str]]


def as_bytes(text: str) -> bytes:
    """Return the text in UTF-8; lone surrogates, which a recording may hold, become bytes that are not UTF-8."""
    return text.encode("utf-8", "surrogatepass")


def from_base64(text: str, member: str) -> bytes:
    """Return the bytes that base64 text stands for, whatever white space is in it and whether padded or not."""
    bare = "".join(text.split()).rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnreadableMember(member, f"is not base64: {error}") from None


def chunks_in(text: str) -> list[str] | None:
    """Return the chunks of a text that is a JSON list of strings, as some recorders write bodies; else None."""
    if not text.startswith("["):
        return None
    try:
        chunks = json.loads(text)
    except (ValueError, RecursionError):
        return None
    is_list_of_text = isinstance(chunks, list) and all(isinstance(chunk, str) for chunk in chunks)
    return chunks if is_list_of_text else None


def without_coding(body: bytes, coding: str | None) -> bytes | None:
    """Return the body without its content coding; None where that cannot be undone, or only to too many bytes.

    Most recorders keep the header Content-Encoding and write the decoded body, so that the body's bytes decide.
    """
    if body.startswith(_GZIP_MAGIC):
        return _inflated(body, _GZIP_WINDOW)
    codings = (coding or "").lower()
    if _is_text(body):
        return body
    if "deflate" in codings:
        inflated = _inflated(body, _ZLIB_WINDOW)
        return _inflated(body, _RAW_WINDOW) if inflated is None else inflated
    has_unknown_coding = any(part.strip() not in ("", "identity") for part in codings.split(","))
    return None if has_unknown_coding else body


def _inflated(body: bytes, window: int) -> bytes | None:
    inflater = zlib.decompressobj(window)
    try:
        data = inflater.decompress(body, LONGEST_BODY)
    except zlib.error:
        return None
    return data if inflater.eof else None


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


# forms of which only the parameters were recorded


def form_of(pairs: Pairs, length: int | None) -> bytes | None:
    """Return a form body with these parameters, None where the recording leaves open what they are.

    HAR wants them decoded, and some tools leave them percent-encoded. Where the two readings differ, the length of
    the body that was sent decides, if it is known and only one of them can have it.
    """
    decoded = b"&".join(_quoted(name) + b"=" + _quoted(value) for name, value in pairs)
    may_be_decoded = length is None or _shortest(pairs) <= length <= _longest(pairs)
    raw = b"&".join(as_bytes(name) + b"=" + as_bytes(value) for name, value in pairs)
    may_be_raw = length in (None, len(raw)) and all(_may_be_encoded(part) for pair in pairs for part in pair)
    if may_be_decoded and may_be_raw and decode(decoded) != decode(raw):
        return None
    if may_be_decoded:
        return decoded
    return raw if may_be_raw else None


def _quoted(text: str) -> bytes:
    return quote_plus(as_bytes(text), safe="[]").encode("ascii")


def _shortest(pairs: Pairs) -> int:
    return sum(3 if byte in _ALWAYS_ESCAPED else 1 for byte in _content(pairs)) + _punctuation(pairs)


def _longest(pairs: Pairs) -> int:
    return sum(1 if byte in _LITERAL_IN_FORMS else 3 for byte in _content(pairs)) + _punctuation(pairs)


def _content(pairs: Pairs) -> bytes:
    return b"".join(as_bytes(name) + as_bytes(value) for name, value in pairs)


def _punctuation(pairs: Pairs) -> int:
    return max(2 * len(pairs) - 1, 0)


def _may_be_encoded(text: str) -> bool:
    """Tell whether the text can stand in a form body as it is."""
    if not text.isascii() or any(sign.isspace() or sign in '&"<>' for sign in text):
        return False
    escapes = text.split("%")[1:]
    return all(len(rest) >= 2 and set(rest[:2]) <= _HEX for rest in escapes)
