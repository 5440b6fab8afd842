"""A hostile server: the reference behind a raw socket, and an act in place of some of its answers."""

from __future__ import annotations

import contextlib
import itertools
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum

from conformance.verdict.run import ExitStatus
from reference import build
from reference.call import Call
from reference.wire.http import Gone, Stream, WireError, encode
from reference.wire.values import Request, Response

PATIENCE = 30.0
"""The most seconds for which a connection is held; the suite's own time limits are far below."""

AFTER_PROBING = 40
"""The number of answers that are left alone by a server that begins later: by then the target is probed."""

SHORT, LONG = 0.3, 2.0
"""The seconds that a run gives an exchange: few, as many servers never end one; more where the server answers at once,
so that a busy machine does not look like a hanging server."""


class Gate(Enum):
    """The requests that an act answers."""

    ALL = "every request"
    ATTACH = "requests of the operation"
    LATER = f"every request after the first {AFTER_PROBING}"
    CONNECT = "every connection, before a request is read"


@dataclass(frozen=True)
class Turn:
    """A request, the reference's answer to it, and its number among all requests to the server."""

    sock: socket.socket
    request: Request
    response: Response
    number: int

    @property
    def good(self) -> bytes:
        """The answer as the reference sends it."""
        data, _ = encode(self.request, self.response)
        return data

    @property
    def head(self) -> bytes:
        """The head of that answer, with the blank line that ends it."""
        head, separator, _ = self.good.partition(b"\r\n\r\n")
        return head + separator

    @property
    def lines(self) -> list[bytes]:
        """The header lines of that answer that say nothing of its length or coding."""
        lines = self.head.rstrip(b"\r\n").split(b"\r\n")[1:]
        return [line for line in lines if not line.lower().startswith((b"content-length", b"transfer-enc"))]

    def answer(
        self,
        body: bytes | None = None,
        *lines: bytes,
        status: bytes | None = None,
        length: bool = True,
        without: tuple[bytes, ...] = (),
    ) -> bytes:
        """Return the answer with another body, more header lines, or another status line."""
        content = self.response.body if body is None else body
        kept = [line for line in self.lines if not line.lower().startswith(without)] if without else self.lines
        first = self.head.split(b"\r\n", 1)[0] if status is None else status
        measured = [b"Content-Length: %d" % len(content)] if length else []
        return b"\r\n".join([first, *kept, *measured, *lines, b"", content])

    def reset(self) -> None:
        """Close the connection with a reset (TCP RST)."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def wait(self, seconds: float = PATIENCE) -> None:
        """Wait until the client closes the connection, for `seconds` at most."""
        with contextlib.suppress(OSError, ValueError):
            select.select([self.sock], [], [], seconds)


Act = Callable[[Turn], "bytes | Iterable[bytes]"]


@dataclass(frozen=True)
class Hostile:
    """A hostile server.

    - `does`: what it does, in a sentence without a subject.
    - `act`: the bytes in place of an answer.
    - `gate`: the requests that it answers so; all others are answered as the reference does.
    - `status`: the exit statuses of a run that is right about it.
    - `seconds`: the time within which a run must end.
    - `keeps`: whether the connection is kept after the act.
    - `read`: a change of each request before the reference answers it.
    - `profile`: the profile of the run.
    - `timeout`: the seconds that the run gives an exchange; more where a slow machine would change what is seen.
    """

    name: str
    does: str
    act: Act
    gate: Gate = Gate.ATTACH
    status: tuple[ExitStatus, ...] = (ExitStatus.DOES_NOT_CONFORM,)
    seconds: float = 45
    keeps: bool = False
    read: Callable[[Request], Request] = lambda request: request
    profile: str = "contract"
    timeout: float = SHORT


@dataclass
class Served:
    """A running server: its port, and what it shares among connections."""

    hostile: Hostile
    stopping: threading.Event = field(default_factory=threading.Event)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self._reference = build()
        self._reference._listener.close()  # only its world is needed
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.listener.settimeout(0.05)

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def accept(self) -> None:
        """Accept connections until the server is stopped, each in a thread."""
        for connection in itertools.count(1):
            sock = None
            while sock is None:
                if self.stopping.is_set():
                    return
                with contextlib.suppress(OSError):
                    sock, _ = self.listener.accept()
            threading.Thread(target=self._converse, args=(sock, connection), daemon=True).start()

    def _converse(self, sock: socket.socket, connection: int) -> None:
        with sock, contextlib.suppress(OSError, Gone):
            sock.settimeout(PATIENCE)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.hostile.gate is Gate.CONNECT:
                nothing = Turn(sock, Request("", ""), Response(400), next(self.numbers))
                _send(sock, self.hostile.act(nothing))
                return
            stream = Stream(sock, self._reference.world.behaviour.limits, connection)
            while self._exchange(sock, stream):
                pass
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_WR)
                sock.settimeout(0.2)
                sock.recv(65536)

    def _exchange(self, sock: socket.socket, stream: Stream) -> bool:
        """Answer one request; return whether the connection is kept."""
        try:
            request = self.hostile.read(stream.request())
            response = self._reference.world.behaviour.serve(Call(self._reference.world, request))
        except WireError as error:
            request = Request("POST", "/v1/payment_methods/pm_1/attach")
            body = b'{"error": {"type": "invalid_request_error", "message": "Malformed."}}'
            response = Response(error.status, (("Content-Type", "application/json"),), body, close=True)
        turn = Turn(sock, request, response, next(self.numbers))
        if _is_answered(self.hostile.gate, turn):
            _send(sock, self.hostile.act(turn))
            return self.hostile.keeps and not response.close
        sock.sendall(turn.good)
        return request.keeps_alive and not response.close


def _is_answered(gate: Gate, turn: Turn) -> bool:
    if gate is Gate.ATTACH:
        return turn.request.is_attach
    return gate is Gate.ALL or turn.number > AFTER_PROBING


def _send(sock: socket.socket, pieces: bytes | Iterable[bytes]) -> None:
    for piece in [pieces] if isinstance(pieces, bytes) else pieces:
        sock.sendall(piece)


@contextlib.contextmanager
def serving(hostile: Hostile) -> Iterator[str]:
    """Serve for as long as the block lasts; yield the base URL."""
    served = Served(hostile)
    thread = threading.Thread(target=served.accept, daemon=True)
    thread.start()
    try:
        yield served.url
    finally:
        served.stopping.set()
        thread.join()
        served.listener.close()


def forever(*pieces: bytes, pause: float = 0.0) -> Iterator[bytes]:
    """Yield the pieces over and over, for as long as a client may listen."""
    end = time.monotonic() + PATIENCE
    for piece in itertools.cycle(pieces):
        if time.monotonic() > end:
            return
        yield piece
        if pause:
            time.sleep(pause)


def with_target(request: Request, target: str, body: bytes) -> Request:
    """Return the request with another target and body."""
    return replace(request, target=target, body=body)
