"""The bytes of a request, as they leave on a connection."""

from __future__ import annotations

from conformance.transport.connection import Connection
from conformance.transport.route import Route

Headers = tuple[tuple[str, str], ...]


def request_bytes(
    connection: Connection,
    route: Route,
    method: str,
    target: str,
    headers: Headers,
    body: bytes | None,
    *,
    chunked: bool = False,
) -> bytes:
    """Return a whole request. `target` is path and query as they are to stand in the request line."""
    lines = [f"{method} {connection.prefix}{target} HTTP/1.1", f"Host: {route.authority}"]
    lines += [f"{name}: {value}" for name, value in (*headers, *connection.extra_headers)]
    if chunked:
        lines.append("Transfer-Encoding: chunked")
    elif body is not None:
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    return head + (_in_chunks(body or b"") if chunked else body or b"")


def _in_chunks(content: bytes) -> bytes:
    middle = len(content) // 2
    pieces = [piece for piece in (content[:middle], content[middle:]) if piece]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
