"""A connection to the target, or to a proxy before it, on which every step ends by a deadline."""

from __future__ import annotations

import contextlib
import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from urllib3.util import wait_for_read, wait_for_write

from conformance.evidence.failure import ExchangeFailed, Failure, failure_of_tls
from conformance.transport.route import Proxy, Route

CHUNK = 65536
EARLY_ANSWER_SECONDS = 1.0
"""Seconds for which a server may leave the rest of a request unread once it has begun to answer."""
LOOK_SECONDS = 0.1
"""Seconds between two checks whether a server that stopped reading has begun to answer."""
RESET_SECONDS = 0.05
"""Seconds of waiting for a reset after a connection's end: one that follows comes within a round trip."""
CONTINUE_SECONDS = 0.2
"""Seconds of waiting for a 100 before the body is sent all the same (RFC 9110 section 10.1.1)."""
PIECE_SECONDS = 0.01
"""Seconds between two pieces of a body, so that each is a segment of its own."""
HEAD_END = b"\r\n\r\n"
LONGEST_TUNNEL_HEAD = 65536

T = TypeVar("T")


class Deadline:
    """The moment by which an exchange must be over, from the look-up of the host to the last byte of the answer."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.begin_again()

    def begin_again(self) -> None:
        """Allow for as many seconds from now on."""
        self._end = time.monotonic() + self.seconds

    @property
    def left(self) -> float:
        """Return how many seconds are left, 0 when it has passed."""
        return max(0.0, self._end - time.monotonic())

    @property
    def has_passed(self) -> bool:
        """Return whether no time is left."""
        return self.left <= 0


class Connection:
    """An open connection, on which every step waits until the deadline at most.

    `prefix` stands before the path in each request line and `extra_headers` among its headers, where a proxy forwards.
    `make_way` is called, once, where the time is over before the first byte has come; where it returns True, there is
    as much time again, and `has_made_way` says so. `is_alone` says that no other one was open and idle when this one
    was opened, and `times_made_way` how often idle ones had been closed before. `last_used` is the time of the last
    incoming bytes. `is_reset` says that the other side's system rejected bytes (TCP RST), so that nobody has read all
    of them: a server that reads a request and then closes sends FIN alone.
    """

    def __init__(
        self,
        sock: socket.socket,
        prefix: str = "",
        extra_headers: tuple[tuple[str, str], ...] = (),
        make_way: Callable[[], bool] | None = None,
    ) -> None:
        self._sock = sock
        self.prefix = prefix
        self.extra_headers = extra_headers
        self._make_way = make_way
        self.has_made_way = False
        self.is_alone = True
        self.times_made_way = 0
        self.last_used = time.monotonic()
        self.is_reset = False

    def send(self, data: bytes, deadline: Deadline) -> OSError | None:
        """Send all of `data`, unless the server stops reading; return the error that ended it, None for none.

        A server may answer and hang up before it has read all of a request (RFC 9112 section 9.3), so that an error
        here is no failure yet. Raises ExchangeFailed when time runs out.
        """
        view, begin = memoryview(data), 0

        def send_more() -> int:
            return self._sock.send(view[begin : begin + CHUNK])

        try:
            while begin < len(view):
                sent = self._attempt(send_more, deadline, is_sending=True)
                if sent is None:
                    return BlockingIOError("the server answered and left the rest of the request unread")
                begin += sent
        except OSError as error:
            self.is_reset |= isinstance(error, ConnectionError)
            return error
        return None

    def send_apart(self, pieces: Sequence[bytes], deadline: Deadline) -> OSError | None:
        """Send pieces one after the other, as `send` does; wait for an answer behind the head of several."""
        problem: OSError | None = None
        sent = b""
        for number, piece in enumerate(pieces, 1):
            problem = problem or self.send(piece, deadline)
            was_in_head, sent = HEAD_END not in sent, sent + piece
            if was_in_head and HEAD_END in sent and number < len(pieces):
                wait_for_read(self._sock, min(CONTINUE_SECONDS, deadline.left))
            elif number < len(pieces):
                time.sleep(PIECE_SECONDS)
        return problem

    def receive(self, deadline: Deadline) -> bytes:
        """Wait for bytes and return them; empty at the end. Raises OSError, and ExchangeFailed when time runs out."""
        try:
            data = self._attempt(lambda: self._sock.recv(CHUNK), deadline)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            data = b""
        except ConnectionError:
            self.is_reset = True
            raise
        self._make_way = None
        self.last_used = time.monotonic()
        return data or b""

    @property
    def is_open(self) -> bool:
        """Return whether the server has neither closed the connection nor sent anything unasked."""
        has_more = isinstance(self._sock, ssl.SSLSocket) and self._sock.pending() > 0
        if has_more or not wait_for_read(self._sock, 0):
            return not has_more
        try:
            self._sock.recv(1)
        except (ssl.SSLWantReadError, BlockingIOError):
            return True  # only TLS's own, such as a session ticket
        except OSError:
            return False
        return False

    def note_reset(self) -> None:
        """Wait a moment for a reset, once the connection has ended, so that `is_reset` can tell."""
        until = time.monotonic() + RESET_SECONDS
        while not self.is_reset and time.monotonic() < until:
            self.is_reset = bool(self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
            time.sleep(RESET_SECONDS / 10)

    def close(self) -> None:
        """Close the socket."""
        with contextlib.suppress(OSError):
            self._sock.close()

    def tunnel(self, route: Route, proxy: Proxy, deadline: Deadline) -> None:
        """Have the proxy open a tunnel to the target (CONNECT, RFC 9110 section 9.3.6)."""
        host = f"[{route.host}]" if ":" in route.host else route.host
        lines = [f"CONNECT {host}:{route.port} HTTP/1.1", f"Host: {host}:{route.port}"]
        lines += [f"Proxy-Authorization: {proxy.authorization}"] * bool(proxy.authorization)
        received = b""
        try:
            self.send("\r\n".join([*lines, "", ""]).encode("latin-1"), deadline)
            while HEAD_END not in received and len(received) < LONGEST_TUNNEL_HEAD:
                if not (data := self.receive(deadline)):
                    break
                received += data
        except OSError as error:
            raise ExchangeFailed(Failure.PROXY_FAILED, error) from error
        except ExchangeFailed as failed:
            raise ExchangeFailed(Failure.PROXY_FAILED, failed.error) from failed
        first, _, _ = received.partition(b"\r\n")
        words = first.split(None, 2)
        is_granted = len(words) > 1 and words[0].startswith(b"HTTP/1.") and words[1][:1] == b"2" and len(words[1]) == 3
        if not is_granted or HEAD_END not in received:
            answer = first.decode("latin-1")[:200] or "it closed the connection"
            raise ExchangeFailed(Failure.PROXY_FAILED, f"CONNECT was answered: {answer}")

    def secure(self, route: Route, deadline: Deadline) -> None:
        """Speak TLS from here on."""
        try:
            self._sock = secured = route.tls.wrap_socket(
                self._sock, server_hostname=route.host, do_handshake_on_connect=False
            )
            self._attempt(secured.do_handshake, deadline, failure=Failure.CONNECT_TIMED_OUT)
        except (OSError, ValueError) as error:  # a ValueError of ssl's: a host name that no certificate can have
            raise failure_of_tls(error) from error

    def _attempt(
        self,
        act: Callable[[], T],
        deadline: Deadline,
        *,
        is_sending: bool = False,
        failure: Failure = Failure.TIMED_OUT,
    ) -> T | None:
        """Act as soon as the socket can. None when the server answers instead of reading, while `is_sending`."""
        early: Deadline | None = None
        while True:
            if deadline.has_passed and not self._gets_time_again(deadline):
                raise ExchangeFailed(failure, f"{deadline.seconds:g} s have passed")
            try:
                return act()
            except ssl.SSLWantReadError:
                wait_for_read(self._sock, deadline.left)
            except (BlockingIOError, ssl.SSLWantWriteError) as waiting:
                if isinstance(waiting, BlockingIOError) and not is_sending:
                    wait_for_read(self._sock, deadline.left)
                    continue
                answers = is_sending and wait_for_read(self._sock, 0)
                if answers:
                    early = early or Deadline(EARLY_ANSWER_SECONDS)
                    if early.has_passed:
                        return None
                wait_for_write(self._sock, min(deadline.left, LOOK_SECONDS) if is_sending else deadline.left)

    def _gets_time_again(self, deadline: Deadline) -> bool:
        make_way, self._make_way = self._make_way, None
        if make_way is None or not make_way():
            return False
        deadline.begin_again()
        self.has_made_way = True
        return True


def connect(route: Route, deadline: Deadline, make_way: Callable[[], bool] | None = None) -> Connection:
    """Open a connection along a route. Raises ExchangeFailed, by the kind of what went wrong."""
    proxy = route.proxy
    if proxy is None:
        connection = Connection(_open_socket(route.host, route.port, deadline), make_way=make_way)
    else:
        try:
            sock = _open_socket(proxy.host, proxy.port, deadline)
        except ExchangeFailed as failed:
            raise ExchangeFailed(Failure.PROXY_FAILED, f"{proxy.host}:{proxy.port}: {failed}") from failed
        is_forwarded = not route.is_secure
        shown = (("Proxy-Authorization", proxy.authorization),) if proxy.authorization and is_forwarded else ()
        connection = Connection(sock, f"http://{route.authority}" if is_forwarded else "", shown, make_way)
    try:
        if proxy is not None and route.is_secure:
            connection.tunnel(route, proxy, deadline)
        if route.is_secure:
            connection.secure(route, deadline)
    except BaseException:
        connection.close()
        raise
    return connection


def _open_socket(host: str, port: int, deadline: Deadline) -> socket.socket:
    """Return a socket that is connected to the first of the host's addresses that answers."""
    addresses = _addresses(host, port, deadline)
    problem: OSError | None = None
    for index, (family, kind, protocol, _, address) in enumerate(addresses):
        share = deadline.left / (len(addresses) - index)
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(max(share, 0.001))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(False)
        except OSError as error:
            problem = error
            sock.close()
        else:
            return sock
    match problem:
        case TimeoutError():
            raise ExchangeFailed(Failure.CONNECT_TIMED_OUT, problem) from problem
        case ConnectionRefusedError():
            raise ExchangeFailed(Failure.CONNECTION_REFUSED, problem) from problem
    raise ExchangeFailed(Failure.NOT_CONNECTED, problem or "the host name has no address") from problem


Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int]]


def _addresses(host: str, port: int, deadline: Deadline) -> list[Address]:
    """Look a host up; in a thread where that may ask a server, since a look-up has no time limit."""
    found: queue.SimpleQueue[list[Address] | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            found.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))  # type: ignore[arg-type]  # AF_INET and AF_INET6 alone
        except (OSError, UnicodeError) as error:
            found.put(error)

    if _is_number(host):
        look_up()
    else:
        threading.Thread(target=look_up, daemon=True, name=f"look up {host}").start()
    try:
        result = found.get(timeout=deadline.left)
    except queue.Empty:
        why = f"looking up {host} took longer than {deadline.seconds:g} s"
        raise ExchangeFailed(Failure.NAME_NOT_RESOLVED, why) from None
    if isinstance(result, Exception):
        raise ExchangeFailed(Failure.NAME_NOT_RESOLVED, result) from result
    return result


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
