"""The plain values that travel through the server: a request, a response, an answer that is not bytes yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

Json = dict[str, Any]
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived, but with the names of headers in lower case; `header_names` has them as sent.

    `chunks` are the pieces of a chunked body.
    """

    method: str
    target: str
    headers: Headers = ()
    body: bytes = b""
    version: str = "HTTP/1.1"
    chunked: bool = False
    connection: int = 0
    position: int = 1
    header_names: tuple[str, ...] = ()
    chunks: tuple[bytes, ...] = ()

    @property
    def path(self) -> str:
        """The path as sent, still percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query string as sent, still percent-encoded."""
        return self.target.partition("?")[2]

    @property
    def is_attach(self) -> bool:
        """True if the request went to the attach URL, by any method and with any id."""
        return self.path.startswith("/v1/payment_methods/") and self.path.endswith("/attach")

    def header(self, name: str) -> str | None:
        """Return the first header of that name."""
        for key, value in self.headers:
            if key == name:
                return value
        return None

    @property
    def media_type(self) -> str:
        """The media type without its parameters, in lower case; empty when there is none."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower()

    @property
    def keeps_alive(self) -> bool:
        """True if the client may send another request on this connection."""
        lists = (value.split(",") for name, value in self.headers if name == "connection")
        wishes = {option.strip().lower() for options in lists for option in options}
        return "close" not in wishes and (self.version == "HTTP/1.1" or "keep-alive" in wishes)


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON value, before they become bytes."""

    status: int
    payload: Any
    headers: Headers = ()
    executed: bool = False


@dataclass(frozen=True, slots=True)
class Farewell:
    """The unannounced end of a connection: `after` seconds after the answer, by FIN or by RST.

    With `lingers` the server goes on reading what the client sends, and answers nothing.
    """

    after: float = 0.0
    reset: bool = False
    lingers: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    """A response as it goes over the wire; the later members let framing vary, or be wrong.

    `rewrite` makes the bytes of the whole from those of the head, with the empty line at its end, and of the body.
    With a `pause` the head, the body's first half and its second half are sent apart, that many seconds after another.
    """

    status: int
    headers: Headers = ()
    body: bytes = b""
    close: bool = False
    chunked: bool = False
    protocol: str = "HTTP/1.1"
    reason: str | None = None
    declared_length: int | None = None
    lower_case: bool = False
    dropped: bool = False
    farewell: Farewell | None = None
    until_close: bool = False
    rewrite: Callable[[bytes, bytes], bytes] | None = None
    pause: float = 0.0

    def header(self, name: str) -> str | None:
        """Return the first header of that name."""
        for key, value in self.headers:
            if key.lower() == name.lower():
                return value
        return None

    def without(self, *names: str) -> Response:
        """Return the response without the headers of those names."""
        gone = {name.lower() for name in names}
        return replace(self, headers=tuple(item for item in self.headers if item[0].lower() not in gone))

    def with_header(self, name: str, value: str) -> Response:
        """Return the response with that header, in place of any of that name."""
        return replace(self, headers=(*self.without(name).headers, (name, value)))


RESET = Response(status=0, dropped=True, close=True, farewell=Farewell(reset=True))
"""No answer at all: the connection is reset instead."""

DROPPED = Response(status=0, dropped=True, close=True)
"""No answer at all: the connection is closed instead."""
