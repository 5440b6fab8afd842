"""The request as it leaves: its headers with the API key, and its bytes."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping

from conformance.evidence.secret import Secret
from conformance.transport.connection import Connection
from conformance.transport.route import Route
from strategies.attempt import IN_LOWER_CASE_HEADER, Credentials, Request

IDENTIFICATION = "attach-conformance"
LETTERS_IN_ANOTHER_CASE = 8
"""The number of characters at a key's end whose case changes: so few that the rest of it is still blotted out."""

LEFT_OUT = ("User-Agent", "")
"""The header that says that there is to be none of this name."""

CUT_IN_A_NAME = 4
"""How many bytes behind the end of a line a header's name is cut: two of them are the line's end."""

Headers = tuple[tuple[str, str], ...]


def in_another_case(key: str) -> str:
    """Return the key with its last letters in the other case; with junk behind it where it has no letters."""
    start, end = key[:-LETTERS_IN_ANOTHER_CASE], key[-LETTERS_IN_ANOTHER_CASE:]
    spellings = (start + end.swapcase(), key.swapcase(), f"{key}x")
    return next(spelling for spelling in spellings if spelling != key)


def of_another_kind(key: str) -> str:
    """Return a secret key with the prefix of a restricted one, and the other way round: no account has both."""
    return f"{'sk' if key.startswith('rk') else 'rk'}{key[2:]}"


def _basic(credentials: str) -> str:
    return "Basic " + base64.b64encode(credentials.encode()).decode()


_AUTHORIZATION: Mapping[str, Callable[[str], str]] = {
    "bearer": lambda key: f"Bearer {key}",
    "basic": lambda key: _basic(f"{key}:"),
    "lower-case bearer": lambda key: f"bearer  {key}",
    "lower-case basic": lambda key: _basic(f"{key}:").replace("Basic", "basic", 1),
    "key and junk": lambda key: f"Bearer {key}x",
    "key and a word": lambda key: f"Bearer {key} x",
    "key in another scheme": lambda key: f"Token {key}",
    "key without a scheme": lambda key: key,
    "key cut short": lambda key: f"Bearer {key[:-1]}",
    "key in another case": lambda key: _basic(f"{in_another_case(key)}:"),
    "key of another kind": lambda key: f"Bearer {of_another_kind(key)}",
    "key as password": lambda key: _basic(f"nobody:{key}"),
    "key without a colon": _basic,
    "key with a sign in it": lambda key: _basic(f"{key}:").replace("Basic ", "Basic %", 1),
}
"""The value of the Authorization header by the credentials of a request; other credentials are the value itself."""


def headers_on_wire(request: Request, key: Secret, scheme: Credentials) -> dict[str, str]:
    """Return the headers that leave with `request`, which presents the key in `scheme` unless it names another."""
    headers = {"User-Agent": IDENTIFICATION, "Accept-Encoding": "gzip, deflate"}
    for name, value in request.headers:
        headers.pop(name.title(), None)
        if (name, value) != LEFT_OUT:
            headers[name] = value
    credentials = scheme if request.credentials in ("key", IN_LOWER_CASE_HEADER) else request.credentials
    if credentials in _AUTHORIZATION:
        name = "authorization" if request.credentials == IN_LOWER_CASE_HEADER else "Authorization"
        headers[name] = _AUTHORIZATION[credentials](key.reveal())
    elif credentials != "none":
        headers["Authorization"] = credentials
    return headers


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
    lines += [field_line(name, value) for name, value in (*headers, *connection.extra_headers)]
    if chunked:
        lines += ["Transfer-Encoding: chunked"] * all(name != "Transfer-Encoding" for name, _ in headers)
    elif body is not None:
        lines.append(f"Content-Length: {len(body)}")
    content = body or b""
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    return head + (_in_chunks(content) if chunked else content)


def pieces_of(request: Request, data: bytes) -> tuple[bytes, ...]:
    """Return the parts of a request that are sent apart, if it waits for a 100: three of its head, two of its body.

    The head is cut within a header's name, and within the line end before the empty line.
    """
    if not any(name.lower() == "expect" for name, _ in request.headers):
        return (data,)
    head, end, body = data.partition(b"\r\n\r\n")
    name = head.rindex(b"\r\n") + CUT_IN_A_NAME
    middle = len(body) // 2
    return (head[:name], head[name:] + end[:1], end[1:], body[:middle], body[middle:])


def field_line(name: str, value: str) -> str:
    """Return a header's line; one in lower case is without the blank, which is optional (RFC 9112 section 5)."""
    return f"{name}:{value}" if name.islower() else f"{name}: {value}"


def _in_chunks(content: bytes) -> bytes:
    middle = len(content) // 2
    pieces = [piece for piece in (content[:middle], content[middle:]) if piece]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
