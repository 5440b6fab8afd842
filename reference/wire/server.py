"""The sockets: one thread for each connection, one write for each response unless it pauses."""

from __future__ import annotations

import contextlib
import itertools
import select
import socket
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace

from ..app import write_answer
from ..call import Call, World
from ..rules.errors import ApiError, wire_error
from .http import Gone, Stream, WireError, encode
from .values import Farewell, Request, Response

PATIENCE = 120.0
FAREWELL = 1.0


class Server:
    """A listener on the loopback interface, until it is stopped."""

    def __init__(self, world: World, port: int = 0) -> None:
        self.world = world
        self._listener = socket.create_server(("127.0.0.1", port), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._stopping = False
        self._thread = threading.Thread(target=self._accept, name="reference", daemon=True)
        self.encode: Callable[[Request | None, Response], tuple[bytes, bool]] = encode

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}{self.world.behaviour.path_prefix}"

    def start(self) -> None:
        """Serve in threads."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and close all connections."""
        self._stopping = True
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1.0):
            pass
        self._thread.join(5.0)
        self._listener.close()
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                time.sleep(0.01)
                continue
            if self._stopping:
                sock.close()
                return
            with self._lock:
                self._open.add(sock)
            threading.Thread(target=self._converse, args=(sock, next(self._numbers)), daemon=True).start()

    def _converse(self, sock: socket.socket, number: int) -> None:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(PATIENCE)
            stream = Stream(sock, self.world.behaviour.limits, number)
            while self._exchange(sock, stream) and self._hears_more(sock, stream):
                pass
        except (Gone, OSError):
            pass
        finally:
            with self._lock:
                self._open.discard(sock)
            sock.close()

    def _hears_more(self, sock: socket.socket, stream: Stream) -> bool:
        """Wait for the next request on a connection, as long as it may be idle."""
        return not stream.is_empty or bool(select.select([sock], [], [], self.world.behaviour.idle)[0])

    def _exchange(self, sock: socket.socket, stream: Stream) -> bool:
        """Read one request and send its response; return whether there may be another."""
        request: Request | None = None
        try:
            request = stream.request()
            response = self._answer(request)
        except WireError as error:
            response = self._unreadable(error)
        if response.dropped:
            self._leave(sock, response.farewell or Farewell())
            return False
        data, close = self.encode(request, response)
        self._send(sock, data, response.pause)
        if response.farewell is not None:
            self._leave(sock, response.farewell)
        elif close:
            self._hang_up(sock)
        return not close and response.farewell is None

    def _send(self, sock: socket.socket, data: bytes, pause: float) -> None:
        if pause:
            head, end, body = data.partition(b"\r\n\r\n")
            for piece in (head + end, body[: len(body) // 2]):
                sock.sendall(piece)
                time.sleep(pause)
            data = body[len(body) // 2 :]
        sock.sendall(data)

    def _answer(self, request: Request) -> Response:
        call = Call(self.world, request)
        try:
            return self.world.behaviour.serve(call)
        except Exception:
            traceback.print_exc(file=sys.stderr)
            body = b'{"error": {"message": "Something went wrong.", "type": "api_error"}}'
            return Response(500, (("Content-Type", "application/json"),), body, close=True)

    def _unreadable(self, error: WireError) -> Response:
        """Reject an unreadable request by the same steps as any other, and end the connection."""
        behaviour = self.world.behaviour
        call = Call(self.world, Request("GET", "/", error.headers))
        rejection = wire_error(error.status, error.message).rejection
        try:
            if error.headers:
                behaviour.authenticate(call)
                behaviour.check_version(call)
        except ApiError as earlier:
            rejection = earlier.rejection
        return replace(write_answer(call, behaviour.reject(call, rejection)), close=True)

    def _leave(self, sock: socket.socket, farewell: Farewell) -> None:
        """Close without an announcement, even while the client is sending."""
        time.sleep(farewell.after)
        if farewell.lingers:
            self._hang_up(sock)
        if farewell.reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    def _hang_up(self, sock: socket.socket) -> None:
        """Close so that the response still arrives, though the client may be sending."""
        sock.shutdown(socket.SHUT_WR)
        sock.settimeout(0.2)
        until = time.monotonic() + FAREWELL
        with contextlib.suppress(OSError):
            while time.monotonic() < until and sock.recv(65536):
                pass
