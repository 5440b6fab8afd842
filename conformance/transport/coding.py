"""Content codings (RFC 9110 section 8.4), undone within a limit: a few kilobytes can unpack to gigabytes."""

from __future__ import annotations

import zlib

from conformance.evidence.failure import ExchangeFailed, Failure

LONGEST_BODY = 4 * 1024 * 1024
"""The number of bytes in a body, before and after it is unpacked; the largest object of this API has some ten
thousand."""

MOST_MEMBERS = 1_000
"""The number of gzip members in a body; each costs some time to unpack, even if there is nothing in it."""

_PIECE = 4096
"""The number of bytes unpacked at a time: the rest of a piece is copied at the end of each member of gzip."""

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
    unpacked, place = bytearray(), 0
    for _ in range(MOST_MEMBERS):
        inflater = zlib.decompressobj(window)
        while not inflater.eof and place < len(data):
            piece = data[place : place + _PIECE]
            try:
                unpacked += inflater.decompress(piece, LONGEST_BODY + 1 - len(unpacked))
            except zlib.error:
                return None
            if len(unpacked) > LONGEST_BODY:
                raise ExchangeFailed(Failure.TOO_LARGE, f"it unpacks to more than {LONGEST_BODY} bytes")
            place += len(piece) - len(inflater.unused_data) - len(inflater.unconsumed_tail)
        if not inflater.eof:
            return None
        while window == _GZIP and data[place : place + 1] == b"\0":
            place += 1
        if window != _GZIP or place == len(data):
            return bytes(unpacked)
    raise ExchangeFailed(Failure.TOO_LARGE, f"more than {MOST_MEMBERS} members of gzip")
