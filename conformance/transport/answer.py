"""Reading an answer (RFC 9112) as the server sends it, within a deadline and limits.

A client library rejects some malformed answers and corrects others. Here an answer is read as far as it goes, and the
errors in its framing are listed.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable
from dataclasses import dataclass

from conformance.evidence.failure import ExchangeFailed, Failure, failure_of_tls
from conformance.transport.coding import LONGEST_BODY, decode
from conformance.transport.connection import Connection, Deadline

GRACE_SECONDS = 0.25
"""Seconds of listening after a complete answer to a server that keeps the connection open."""
LONGEST_HEAD = 2 * 1024 * 1024
"""The number of bytes in the heads of an answer and of the interim ones before it. HTTP knows no limit, and some
servers put each error of a request into a separate header."""
MOST_HEADERS = 10_000
"""The number of lines in a head, each of which should be a header."""
MOST_WRONG = 10
"""The number of lines that are no headers, and are named."""
MOST_INTERIM = 100
"""The number of interim answers (1xx, RFC 9110 section 15.2) before the answer."""
SWITCHING_PROTOCOLS = 101

STATUS_LINE = re.compile(rb"HTTP/(\d)\.(\d) +([1-9]\d\d)(?: [^\r\n]*| *)")
LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Answer:
    """An answer as it came: status, headers, the decoded body, and the errors in its `framing`.

    `keeps` says that the connection may carry another request.
    """

    status: int
    headers: Headers
    body: bytes
    framing: tuple[str, ...] = ()
    keeps: bool = False


def read_answer(connection: Connection, deadline: Deadline, method: str, *, to_the_end: bool = False) -> Answer:
    """Read the answer to a request that was sent with `method`; `to_the_end` listens for what comes after it.

    Raises ExchangeFailed when there is none, or when it breaks a limit.
    """
    incoming = _Incoming(connection, deadline)
    for _ in range(MOST_INTERIM + 1):
        head = _read_head(incoming)
        if head.status >= 200 or head.status == SWITCHING_PROTOCOLS:
            break
    else:
        raise ExchangeFailed(Failure.TOO_LARGE, f"more than {MOST_INTERIM} interim answers (1xx)")
    try:
        body, framing, is_delimited = _read_body(incoming, head, method)
    except ExchangeFailed as failed:
        if failed.failure is not Failure.TIMED_OUT:
            raise
        raise ExchangeFailed(failed.failure, f"{failed.error}: {head.describe_wait()}") from failed
    rest = incoming.rest() if to_the_end and is_delimited else incoming.pending
    if to_the_end and rest:
        framing = (*framing, _describe_rest(head, len(body), len(rest)))
        body = body if head.is_chunked else body + rest
    content, errors = decode(body, head.header("Content-Encoding")) if body else (body, ())
    keeps = is_delimited and head.keeps_alive and not rest and not framing
    return Answer(head.status, head.headers, content, (*head.framing, *framing, *errors), keeps)


@dataclass(frozen=True)
class _Head:
    """The status line and the headers of an answer."""

    is_http_1_1: bool
    status: int
    headers: Headers
    framing: tuple[str, ...]

    def header(self, name: str) -> str:
        """Join the values of all headers of that name; empty for none."""
        return ", ".join(value for key, value in self.headers if key.lower() == name.lower())

    @property
    def is_chunked(self) -> bool:
        """Return whether the body comes in chunks."""
        return self.header("transfer-encoding").lower().rpartition(",")[2].strip() == "chunked"

    @property
    def length(self) -> int | None:
        """Return the announced length, which may be repeated (RFC 9110 section 8.6); None where it is no number."""
        announced = {value.strip() for value in self.header("content-length").split(",")}
        number = announced.pop()
        if announced or not LENGTH.fullmatch(number):
            return None
        return int(number)

    def describe_wait(self) -> str:
        """Return why the body that did not come to its end was waited for."""
        if self.is_chunked:
            return f"status {self.status}, and a chunked body without its last chunk"
        if self.header("content-length"):
            return f"status {self.status}, and less of the body than the announced length"
        return f"status {self.status} without Content-Length, so that the body lasts until the connection is closed"

    @property
    def keeps_alive(self) -> bool:
        """Return whether the server is willing to read another request on the connection (RFC 9112 section 9.3)."""
        options = {option.strip() for option in self.header("connection").lower().split(",")}
        if "close" in options or self.status == SWITCHING_PROTOCOLS:
            return False
        return self.is_http_1_1 or "keep-alive" in options


class _Incoming:
    """The incoming bytes of a connection, in lines and pieces."""

    def __init__(self, connection: Connection, deadline: Deadline) -> None:
        self._connection = connection
        self._deadline = deadline
        self._buffer = bytearray()
        self.received = 0
        self.head_bytes = 0

    @property
    def pending(self) -> bytes:
        """Return the bytes that have come and were not read."""
        return bytes(self._buffer)

    def line(self) -> bytes:
        """Return the next line of a head without its end. Raises EOFError where the connection ends first."""
        start = 0
        while (end := self._buffer.find(b"\n", start)) < 0:
            start = len(self._buffer)
            if self.head_bytes + start > LONGEST_HEAD:
                raise ExchangeFailed(Failure.TOO_LARGE, f"a head of more than {LONGEST_HEAD} bytes")
            if not self._fill():
                raise EOFError
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self.head_bytes += end + 1
        return line.removesuffix(b"\r")

    def exactly(self, count: int) -> bytes:
        """Return `count` bytes, or less where the connection ends before."""
        while len(self._buffer) < count and self._fill():
            if len(self._buffer) > LONGEST_BODY:
                raise ExchangeFailed(Failure.TOO_LARGE, f"a body of more than {LONGEST_BODY} bytes")
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def rest(self) -> bytes:
        """Return the bytes that still come until the connection ends, or for a moment."""
        usual, self._deadline = self._deadline, Deadline(min(GRACE_SECONDS, self._deadline.left))
        try:
            while len(self._buffer) <= LONGEST_BODY and self._fill():
                pass
        except ExchangeFailed as failed:
            if failed.failure is not Failure.TIMED_OUT:
                raise
        finally:
            self._deadline = usual
        return self.pending

    def _fill(self) -> bool:
        """Receive more bytes, and return whether any came. A reset after the begin of an answer is its end."""
        try:
            data = self._connection.receive(self._deadline)
        except ssl.SSLError as error:
            raise failure_of_tls(error) from error
        except OSError as error:
            if not self.received:
                raise ExchangeFailed(Failure.CONNECTION_LOST, error) from error
            return False
        except ExchangeFailed as failed:
            raise ExchangeFailed(failed.failure, f"{failed.error}, {self.received} bytes had come") from failed
        self._buffer += data
        self.received += len(data)
        return bool(data)


def _read_head(incoming: _Incoming) -> _Head:
    try:
        line = incoming.line()
        match = STATUS_LINE.fullmatch(line)
        if match is None or match[1] != b"1":
            raise ExchangeFailed(Failure.GARBLED, f"it begins with {_quote(line)}")
        lines = _read_lines(incoming)
    except EOFError:
        if not incoming.received:
            raise ExchangeFailed(Failure.CONNECTION_LOST, "it ended before the first byte") from None
        raise ExchangeFailed(Failure.GARBLED, f"its head ends after {incoming.received} bytes") from None
    headers, framing = _read_headers(lines)
    return _Head(match[2] != b"0", int(match[3]), headers, framing)


def _read_lines(incoming: _Incoming) -> list[bytes]:
    """Return the lines before the next empty one, of a head or of trailers."""
    lines: list[bytes] = []
    for line in iter(incoming.line, b""):
        lines.append(line)
        if len(lines) > MOST_HEADERS:
            raise ExchangeFailed(Failure.TOO_LARGE, f"more than {MOST_HEADERS} headers")
    return lines


def _read_headers(lines: Iterable[bytes]) -> tuple[Headers, tuple[str, ...]]:
    """Return the headers in the lines of a head, and the errors in them: the first ones, and how many more."""
    headers: list[tuple[str, list[str]]] = []
    wrong: list[bytes] = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if line[:1] in (b" ", b"\t") and headers:  # a value that goes on, RFC 9112 section 5.2
            headers[-1][1].append(line.strip().decode("latin-1"))
        elif not colon or not name.strip():
            wrong.append(line)
        else:
            headers.append((name.strip().decode("latin-1"), [value.strip().decode("latin-1")]))
    framing = [f"the line {_quote(line)} among the headers is no header" for line in wrong[:MOST_WRONG]]
    if len(wrong) > MOST_WRONG:
        framing.append(f"{len(wrong) - MOST_WRONG} more lines among the headers are no headers")
    return tuple((name, " ".join(values)) for name, values in headers), tuple(framing)


def _read_body(incoming: _Incoming, head: _Head, method: str) -> tuple[bytes, tuple[str, ...], bool]:
    """Return the body, the errors in its framing, and whether it ends before its connection does."""
    if method == "HEAD" or head.status in (204, 304) or head.status < 200:
        return b"", (), True
    if head.is_chunked:
        body, errors = _read_chunks(incoming)
        errors = (*_second_framing(head), *errors)
        return body, errors, not errors
    announced = head.length
    if announced is None:
        return incoming.exactly(LONGEST_BODY + 1), (), False
    body = incoming.exactly(announced)
    if len(body) < announced:
        return body, (f"Content-Length says {announced} bytes, {len(body)} came",), False
    return body, (), True


def _second_framing(head: _Head) -> tuple[str, ...]:
    """Return the error of a chunked answer that announces a length, too (RFC 9112 section 6.2)."""
    announced = head.header("content-length")
    return (f"a chunked answer has Content-Length: {announced}, too",) if announced else ()


def _read_chunks(incoming: _Incoming) -> tuple[bytes, tuple[str, ...]]:
    body = bytearray()
    try:
        while size := _chunk_size(incoming.line()):
            piece = incoming.exactly(size)
            body += piece
            if len(body) > LONGEST_BODY:
                raise ExchangeFailed(Failure.TOO_LARGE, f"a body of more than {LONGEST_BODY} bytes")
            if len(piece) < size or incoming.line():
                raise EOFError
        _read_lines(incoming)
    except (EOFError, _NoChunk):
        return bytes(body), ("the chunked body ends before its last chunk",)
    return bytes(body), ()


class _NoChunk(Exception):
    """Something else in place of the size of a chunk."""


def _chunk_size(line: bytes) -> int:
    match = CHUNK_SIZE.fullmatch(line)
    if match is None:
        raise _NoChunk
    return int(match[1], 16)


def _describe_rest(head: _Head, length: int, more: int) -> str:
    announced = head.header("content-length")
    if announced and not head.is_chunked:
        return f"Content-Length says {announced} bytes, {length + more} came"
    return f"{more} bytes come after the end of the answer"


def _quote(line: bytes) -> str:
    return repr(line[:80].decode("latin-1"))
