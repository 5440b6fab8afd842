"""The raw transport: exact bytes on a connection of its own, read to its end.

A client library mends paths, re-encodes bodies and believes Content-Length. Where those are the point, the request is
written by `http.client` as it is, and the answer is compared with what its headers say.
"""

from __future__ import annotations

import contextlib
import gzip
import http.client
import io
import select
import socket
import ssl
import time
import zlib
from dataclasses import dataclass
from urllib.parse import SplitResult

GRACE_SECONDS = 0.25
"""How long after a complete answer a server that keeps the connection open is listened to."""

LONGEST_ANSWER = 8 * 1024 * 1024


@dataclass(frozen=True)
class RawAnswer:
    """An answer as it came: status, headers, the decoded body, and the `framing` lies that were seen."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    framing: tuple[str, ...]


class NoAnswer(Exception):
    """The connection ended, or time ran out, before a whole answer came. `timed_out` tells which."""

    def __init__(self, *, timed_out: bool) -> None:
        super().__init__("no answer in time" if timed_out else "the connection was closed without an answer")
        self.timed_out = timed_out


def exchange_raw(
    base: SplitResult,
    method: str,
    target: str,
    headers: tuple[tuple[str, str], ...],
    body: bytes | None,
    *,
    chunked: bool,
    timeout: float,
) -> RawAnswer:
    """Send one request on a new connection and read its answer to the end.

    `target` is the whole path and query as they are to stand in the request line; `timeout` counts seconds for the
    whole exchange. Raises NoAnswer, or OSError when no connection could be made.
    """
    deadline = time.monotonic() + timeout
    connection = _connection(base, timeout)
    try:
        connection.connect()
        with contextlib.suppress(OSError):  # a server may answer and hang up before it has read all
            _write(connection, method, target, headers, body, chunked=chunked)
        data = _read_all(connection.sock, deadline, method)
        try:
            return _parsed(data, method)
        except (http.client.HTTPException, ValueError):
            raise NoAnswer(timed_out=time.monotonic() >= deadline) from None
    finally:
        connection.close()


def _connection(base: SplitResult, timeout: float) -> http.client.HTTPConnection:
    host = base.hostname or "127.0.0.1"
    if base.scheme == "https":
        return http.client.HTTPSConnection(host, base.port, timeout=timeout, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, base.port, timeout=timeout)


def _write(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    headers: tuple[tuple[str, str], ...],
    body: bytes | None,
    *,
    chunked: bool,
) -> None:
    lines = [f"{method} {target} HTTP/1.1", f"Host: {_host(connection)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines += ["Connection: close"]
    if chunked:
        lines += ["Transfer-Encoding: chunked"]
    elif body is not None:
        lines += [f"Content-Length: {len(body)}"]
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    content = body or b""
    if chunked:
        middle = len(content) // 2
        pieces = [piece for piece in (content[:middle], content[middle:]) if piece]
        content = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    connection.sock.sendall(head + content)


def _host(connection: http.client.HTTPConnection) -> str:
    host = f"[{connection.host}]" if ":" in connection.host else connection.host
    return host if connection.port == connection.default_port else f"{host}:{connection.port}"


def _read_all(sock: socket.socket, deadline: float, method: str) -> bytes:
    received = bytearray()
    complete_at: float | None = None
    while len(received) < LONGEST_ANSWER:
        now = time.monotonic()
        limit = deadline if complete_at is None else min(deadline, complete_at + GRACE_SECONDS)
        if now >= limit:
            break
        pending = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        if not pending and not select.select([sock], [], [], limit - now)[0]:
            break
        try:
            data = sock.recv(65536)
        except OSError:
            data = b""
        if not data:
            break
        received += data
        if complete_at is None and _is_complete(bytes(received), method):
            complete_at = time.monotonic()
    else:
        return bytes(received)
    if not received:
        raise NoAnswer(timed_out=time.monotonic() >= deadline)
    return bytes(received)


def _is_complete(data: bytes, method: str) -> bool:
    """Whether the headers and as much body as they announce are there."""
    if b"\r\n\r\n" not in data:
        return False
    try:
        response, _ = _begun(data, method)
        if response.length is None and not response.chunked:
            return False
        response.read()
    except (http.client.HTTPException, ValueError):
        return False
    return True


class _Stream(io.BytesIO):
    """A stream that stays open when `http.client` has read what it thinks is all."""

    def close(self) -> None:
        """Stay open."""


class _Bytes:
    """Bytes that `http.client` reads as if they came from a socket."""

    def __init__(self, data: bytes) -> None:
        self.stream = _Stream(data)

    def makefile(self, mode: str) -> io.BytesIO:
        return self.stream


def _begun(data: bytes, method: str) -> tuple[http.client.HTTPResponse, io.BytesIO]:
    source = _Bytes(data)
    response = http.client.HTTPResponse(source, method=method)  # type: ignore[arg-type]  # it calls only makefile
    response.begin()
    return response, source.stream


def _parsed(data: bytes, method: str) -> RawAnswer:
    response, stream = _begun(data, method)
    headers = tuple(response.getheaders())
    framing = []
    if response.chunked:
        try:
            body = response.read()
        except http.client.HTTPException:
            body = stream.getvalue().partition(b"\r\n\r\n")[2]
            framing.append("the chunked body ends before its last chunk")
        rest = stream.read()
    else:
        body, rest = stream.read(), b""
        announced = response.getheader("Content-Length")
        is_announced = announced is not None and announced.isdecimal() and not _is_bodiless(response.status, method)
        if is_announced and int(announced or 0) != len(body):
            framing.append(f"Content-Length says {announced} bytes, {len(body)} came")
    if rest:
        framing.append(f"{len(rest)} bytes come after the end of the answer")
    content, lie = decoded(body, response.getheader("Content-Encoding") or "")
    return RawAnswer(response.status, headers, content, (*framing, *lie))


def _is_bodiless(status: int, method: str) -> bool:
    return status in (204, 304) or status < 200 or method == "HEAD"


def decoded(body: bytes, encoding: str) -> tuple[bytes, tuple[str, ...]]:
    """The body without its content coding (RFC 9110 section 8.4), and in words what is false about that coding."""
    try:
        match encoding.strip().lower():
            case "gzip" | "x-gzip":
                return gzip.decompress(body), ()
            case "deflate":
                return zlib.decompress(body), ()
            case "" | "identity":
                return body, ()
    except (OSError, EOFError, zlib.error):
        return body, (f"Content-Encoding says {encoding}, and the body is not",)
    return body, (f"Content-Encoding says {encoding}, which nobody asked for",) if body else ()
