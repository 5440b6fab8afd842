"""HTTP/1.1 on a socket: requests read within limits, responses written in one piece."""

from __future__ import annotations

import re
import socket
import time
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus

from .values import Headers, Request, Response

REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}) (\S+) (HTTP/1\.[01])", re.ASCII)
HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\0\r]*)")
LENGTH = re.compile(r"\d{1,15}", re.ASCII)
TOO_LONG = "Request-URI too large."
BEYOND = 1024 * 1024
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?")


class WireError(Exception):
    """A request that cannot be read. It is answered, and the connection closed."""

    def __init__(self, status: int, message: str, headers: Headers = ()) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers


class Gone(Exception):
    """The client has closed the connection, or sends nothing."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The parts of a request that are read, in bytes; a body of more than `unread` bytes is not, None reads all.

    With `trailers` a chunked body may end with header fields, which are passed over, and with `extensions` the size of
    a chunk may have some behind it. With `whole_urls` a request line may have a whole URL. With `expects` a client that
    waits for a 100 gets it, and with `closes` a connection ends where a client wishes it. The others are mistakes:
    headers without a `blank` behind their colon are not seen, a body is read from the socket `once`, a head must come
    as a whole, chunks end `early`, so that what follows the last one is the next request, and what comes in one read
    with a request is `alone` of it. The targets of requests whose bodies broke off are added to `interrupted`.
    """

    line: int = 16 * 1024
    header_bytes: int = 64 * 1024
    header_count: int = 200
    body: int = 2_000_000
    unread: int | None = None
    trailers: bool = True
    extensions: bool = True
    whole_urls: bool = True
    expects: bool = True
    closes: bool = True
    blank: bool = False
    once: bool = False
    whole_head: bool = False
    early: bool = False
    alone: bool = False
    interrupted: set[str] | None = None


def in_lower_case(headers: Headers) -> Headers:
    """Return the headers with their names in lower case."""
    return tuple((name.lower(), value) for name, value in headers)


class Stream:
    """A reader of consecutive requests on one connection."""

    def __init__(self, sock: socket.socket, limits: Limits, connection: int) -> None:
        self._sock, self._limits, self._connection = sock, limits, connection
        self._buffer = bytearray()
        self._reads = 0
        self._position = 0

    @property
    def is_empty(self) -> bool:
        """True if all bytes that have come were read."""
        return not self._buffer

    def request(self) -> Request:
        """Return the next request; raise Gone at the end and WireError on bytes that are not HTTP."""
        self._reads = 0
        method, target, version = self._request_line()
        sent = self._headers()
        headers = in_lower_case(sent)
        if self._limits.whole_head and self._reads > 1:
            raise WireError(400, "Malformed request.", headers)
        chunked, length = self._framing(headers)
        if length > self._limits.body:
            raise WireError(413, "Request body is too large.", headers)
        expects = any(name == "expect" and value.lower() == "100-continue" for name, value in headers)
        if expects and self._limits.expects and (chunked or length) and not self._buffer:
            self._sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            chunks = self._chunked_body(headers) if chunked else (self._body(length),)
        except Gone:
            if self._limits.interrupted is not None:
                self._limits.interrupted.add(target)
            raise
        if self._limits.alone:
            self._buffer.clear()
        if self._limits.once and not chunked and len(chunks[0]) < length:
            headers += (("connection", "close"),)
        if not self._limits.closes:
            headers = tuple(header for header in headers if header[0] != "connection")
        self._position += 1
        names = tuple(name for name, _ in sent)
        return Request(
            method, target, headers, b"".join(chunks), version, chunked, self._connection, self._position, names, chunks
        )

    def _request_line(self) -> tuple[str, str, str]:
        line = self._line(BEYOND, 414, TOO_LONG)
        if not line:
            line = self._line(BEYOND, 414, TOO_LONG)
        if len(line) > self._limits.line:
            raise WireError(414, TOO_LONG, in_lower_case(self._headers()))
        match = REQUEST_LINE.fullmatch(line)
        if match is None:
            raise WireError(400, "Malformed request line.")
        method, target, version = (part.decode("latin-1") for part in match.groups())
        if not target.startswith("/") and self._limits.whole_urls:
            rest = target.partition("://")[2]
            target = "/" + rest.partition("/")[2] if rest else target
        return method, target, version

    def _headers(self) -> Headers:
        headers: list[tuple[str, str]] = []
        room = self._limits.header_bytes
        while line := self._line(room, 431, "Request header fields too large."):
            room -= len(line)
            match = HEADER.fullmatch(line)
            if match is None:
                raise WireError(400, "Malformed header field.")
            name, value = match.groups()
            if value.startswith(b" ") or not self._limits.blank:
                headers.append((name.decode("latin-1"), value.strip(b" \t").decode("latin-1")))
            if room <= 0 or len(headers) > self._limits.header_count:
                raise WireError(431, "Request header fields too large.")
        return tuple(headers)

    def _framing(self, headers: Headers) -> tuple[bool, int]:
        codings = [value.strip().lower() for name, value in headers if name == "transfer-encoding"]
        lengths = {value for name, value in headers if name == "content-length"}
        if codings:
            if codings != ["chunked"] or lengths:
                raise WireError(400, "Unsupported transfer coding.", headers)
            return True, 0
        if not lengths:
            return False, 0
        length = lengths.pop()
        if lengths or not LENGTH.fullmatch(length):
            raise WireError(400, "Malformed Content-Length.", headers)
        return False, int(length)

    def _body(self, length: int) -> bytes:
        """Return what is read of a body: all of it, nothing of one that is left where it is, or what is there."""
        if self._limits.unread is not None and length > self._limits.unread:
            return b""
        if length and self._limits.once:
            if not self._buffer:
                self._fill()
            length = min(length, len(self._buffer))
        return self._exactly(length)

    def _chunked_body(self, headers: Headers) -> tuple[bytes, ...]:
        try:
            return self._chunks()
        except WireError as error:
            error.headers = headers
            raise

    def _chunks(self) -> tuple[bytes, ...]:
        chunks: list[bytes] = []
        room = self._limits.body
        while True:
            match = CHUNK_SIZE.fullmatch(self._line(1024, 400, "Malformed chunk."))
            if match is None or not (self._limits.extensions or match[0] == match[1]):
                raise WireError(400, "Malformed chunk.")
            size = int(match[1], 16)
            room -= size
            if room < 0:
                raise WireError(413, "Request body is too large.")
            if size == 0:
                break
            chunks.append(self._exactly(size))
            if self._line(2, 400, "Malformed chunk."):
                raise WireError(400, "Malformed chunk.")
        if not self._limits.early and self._headers() and not self._limits.trailers:
            raise WireError(400, "Improperly terminated chunked request.")
        return tuple(chunks)

    def _line(self, limit: int, status: int, message: str) -> bytes:
        start = 0
        while (end := self._buffer.find(b"\n", start, limit + 2)) < 0:
            if len(self._buffer) > limit + 1:
                raise WireError(status, message)
            start = len(self._buffer)
            self._fill()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.removesuffix(b"\r")

    def _exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._fill()
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def _fill(self) -> None:
        try:
            data = self._sock.recv(65536)
        except OSError as error:
            raise Gone from error
        if not data:
            raise Gone
        self._reads += 1
        self._buffer += data


def encode(request: Request | None, response: Response) -> tuple[bytes, bool]:
    """Return the bytes of a response, and whether the connection ends with it."""
    close = response.close or request is None or not request.keeps_alive
    reason = response.reason if response.reason is not None else _reason(response.status)
    lines = [f"{response.protocol} {response.status} {reason}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    body = response.body
    if response.chunked and request is not None and request.version == "HTTP/1.1":
        lines.append("Transfer-Encoding: chunked")
        body = _chunked(body)
    elif not response.until_close:
        declared = response.declared_length
        lines.append(f"Content-Length: {len(body) if declared is None else declared}")
    if not response.until_close:
        lines.append(f"Connection: {'close' if close else 'keep-alive'}")
    if response.lower_case:
        split = (line.partition(":") for line in lines[1:])
        lines[1:] = [name.lower() + colon + value for name, colon, value in split]
    if request is not None and request.method == "HEAD":
        body = b""
    head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
    return (head + body if response.rewrite is None else response.rewrite(head, body)), close


def _chunked(body: bytes, size: int = 512) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def date() -> str:
    """Return the present moment as a Date header has it; make it once a second."""
    global _date
    now = int(time.time())
    if _date[0] != now:
        _date = (now, formatdate(now, usegmt=True))
    return _date[1]


_date = (0, "")
