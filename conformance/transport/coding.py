"""Content codings (RFC 9110 section 8.4), undone within a limit: a few kilobytes can unpack to gigabytes."""

from __future__ import annotations

import zlib

from conformance.evidence.failure import ExchangeFailed, Failure

LONGEST_BODY = 4 * 1024 * 1024
"""The number of bytes in a body, before and after it is unpacked; the largest object of this API has some ten
thousand."""

_GZIP, _ZLIB = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS


def decode(body: bytes, encoding: str) -> tuple[bytes, tuple[str, ...]]:
    """Return the body without its content coding, and the errors in that coding.

    Raises ExchangeFailed where it unpacks to more than a body may have.
    """
    match encoding.strip().lower():
        case "" | "identity":
            return body, ()
        case "gzip" | "x-gzip":
            unpacked = _unpack(body, _GZIP)
        case "deflate":
            unpacked = _unpack(body, _ZLIB)
        case _:
            return body, (f"Content-Encoding says {encoding}, which nobody asked for",) if body else ()
    if unpacked is None:
        return body, (f"Content-Encoding says {encoding}, and the body is not",)
    return unpacked, ()


def _unpack(data: bytes, window: int) -> bytes | None:
    """Unpack data, which may be several gzip members; None where it is of another format."""
    unpacked = bytearray()
    while True:
        inflater = zlib.decompressobj(window)
        try:
            unpacked += inflater.decompress(data, LONGEST_BODY + 1 - len(unpacked))
        except zlib.error:
            return None
        if len(unpacked) > LONGEST_BODY:
            raise ExchangeFailed(Failure.TOO_LARGE, f"it unpacks to more than {LONGEST_BODY} bytes")
        if not inflater.eof:
            return None
        data = inflater.unused_data.lstrip(b"\0") if window == _GZIP else b""
        if not data:
            return bytes(unpacked)
