"""A server that keeps every request, byte for byte, and sends the responses that a test prepared."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

ANSWER = b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@dataclass(frozen=True)
class Arrived:
    """One request as it arrived: its first line, its headers in order, and its body, decoded where it was chunked."""

    line: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header of that name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass
class Capture:
    """The requests that arrived, and the prepared `answers`: whole responses, or empty ones to hang up."""

    url: str = ""
    arrived: list[Arrived] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    connections: int = 0

    def next_answer(self) -> bytes:
        """The next of the answers that were laid ready, and then always the same."""
        return self.answers.pop(0) if self.answers else ANSWER


class _Handler(socketserver.StreamRequestHandler):
    capture: Capture

    def handle(self) -> None:
        self.capture.connections += 1
        while line := self.rfile.readline().decode("latin-1").rstrip("\r\n"):
            headers = []
            while header := self.rfile.readline().decode("latin-1").rstrip("\r\n"):
                name, _, value = header.partition(":")
                headers.append((name, value.strip()))
            arrived = Arrived(line, tuple(headers), b"")
            body = self._body(arrived)
            self.capture.arrived.append(Arrived(line, tuple(headers), body))
            answer = self.capture.next_answer()
            if not answer:
                return
            self.wfile.write(answer)
            self.wfile.flush()
            if (arrived.header("Connection") or "").lower() == "close":
                return

    def _body(self, arrived: Arrived) -> bytes:
        if (arrived.header("Transfer-Encoding") or "").lower() == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(arrived.header("Content-Length") or 0))


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextlib.contextmanager
def capturing() -> Iterator[Capture]:
    """Serve on a free port of this machine for as long as the block lasts."""
    capture = Capture()
    handler = type("Handler", (_Handler,), {"capture": capture})
    with _Server(("127.0.0.1", 0), handler) as server:
        capture.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield capture
        server.shutdown()
