"""Connections that servers close, which they may, and requests that they drop, which they must not."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from benchmarks.examples import exchange
from conformance.evidence.exchange import Exchange
from conformance.evidence.failure import ExchangeFailed, Failure
from conformance.judge.steadiness import dropped
from conformance.transport.connection import Deadline
from conformance.transport.kept import KeptConnections
from conformance.transport.route import Route
from meta_tests.capture import capturing
from meta_tests.odd_servers import OK, answering, read_request, serving
from meta_tests.sending import BINDINGS, client_of
from reference.wire.values import Request as AtTheReference
from strategies.valid import MINIMAL


def test_what_a_kept_connection_drops_is_sent_again_and_told() -> None:
    with capturing() as capture:
        capture.answers = [OK, b"", OK, OK]
        client = client_of(capture.url)
        answers = [client.send(MINIMAL.bind(BINDINGS)) for _ in range(3)]
    assert [(one.status, one.resent, one.unread) for one in answers] == [
        (400, False, False),
        (400, True, False),
        (400, False, False),
    ]
    assert [one.idle is None for one in answers] == [True, False, False]


def test_a_request_that_nobody_read_is_said_by_the_reset() -> None:
    reset = struct.pack("ii", 1, 0)

    def serve(sock: socket.socket) -> None:
        read_request(sock)
        sock.sendall(OK)
        sock.recv(1, socket.MSG_PEEK)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)

    with serving(serve) as port:
        client = client_of(f"http://127.0.0.1:{port}")
        client.send(MINIMAL.bind(BINDINGS))
        answer = client.send(MINIMAL.bind(BINDINGS))
    assert (answer.status, answer.resent, answer.unread) == (400, True, True)


TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def test_a_request_that_crosses_the_408_of_an_idle_connection_is_sent_again() -> None:
    with capturing() as capture:
        capture.answers = [OK, TIMED_OUT, OK]
        client = client_of(capture.url)
        answers = [client.send(MINIMAL.bind(BINDINGS)) for _ in range(2)]
    assert [(one.status, one.resent, one.unread) for one in answers] == [(400, False, False), (400, True, True)]


def test_a_408_on_a_new_connection_is_the_answer() -> None:
    with capturing() as capture:
        capture.answers = [TIMED_OUT, OK]
        answer = client_of(capture.url).send(MINIMAL.bind(BINDINGS))
    assert (answer.status, answer.resent) == (408, False)


def test_a_connection_that_was_closed_is_seen_before_it_is_used() -> None:
    with serving(answering(OK)) as port:
        client = client_of(f"http://127.0.0.1:{port}")
        for _ in range(5):
            answer = client.send(MINIMAL.bind(BINDINGS))
            assert (answer.status, answer.resent, answer.idle) == (400, False, None)
            time.sleep(0.02)
    assert client.resends == 0


@pytest.mark.parametrize("ending", ["Connection: close", "Connection: Keep-Alive, Close"])
def test_an_announced_end_is_obeyed(ending: str) -> None:
    answer = OK.replace(b"\r\n\r\n", f"\r\n{ending}\r\n\r\n".encode())
    with serving(answering(answer, keep=True)) as port:
        client = client_of(f"http://127.0.0.1:{port}", timeout=1)
        assert [client.send(MINIMAL.bind(BINDINGS)).idle for _ in range(2)] == [None, None]


@pytest.mark.parametrize(
    ("values", "keeps"),
    [(("close",), False), (("Upgrade", "close"), False), (("x-closed, TE",), True), (("keep-alive, Close",), False)],
)
def test_the_reference_ends_a_connection_as_any_of_the_options_wishes(values: Sequence[str], keeps: bool) -> None:
    request = AtTheReference("POST", "/", tuple(("connection", value) for value in values))
    assert request.keeps_alive is keeps


def test_what_is_left_over_of_an_answer_is_not_taken_for_the_next() -> None:
    with serving(answering(OK + b"\r\nmore", keep=True)) as port:
        client = client_of(f"http://127.0.0.1:{port}", timeout=1)
        assert [client.send(MINIMAL.bind(BINDINGS)).status for _ in range(2)] == [400, 400]


# Judging what kept connections lose


def kept(idle: float | None, *, resent: bool = False, unread: bool = False) -> Exchange:
    return replace(exchange(400), idle=idle, resent=resent, unread=unread)


SERVED = [kept(idle) for idle in (0.15, 0.05, 0.06, 0.07)]


@pytest.mark.parametrize(
    ("lost", "count"),
    [
        ([kept(0.05, resent=True)], 1),
        ([kept(None, resent=True)], 1),
        ([kept(0.15, resent=True)], 0),  # perhaps it is closed after so long
        ([kept(0.001, resent=True)], 0),  # perhaps it was being closed
        ([kept(0.05, resent=True, unread=True)], 0),
        ([kept(0.05, resent=True, unread=True), kept(0.06, resent=True, unread=True)], 2),
    ],
)
def test_a_drop_is_distinguished_from_a_close(lost: list[Exchange], count: int) -> None:
    assert len(dropped([*SERVED, *lost])) == count


def test_a_timer_is_no_drop() -> None:
    served = [kept(idle) for idle in (0.03, 0.035, 0.04, 0.045, 0.09)]  # the last one on a machine that is busy
    assert dropped([*served, kept(None), kept(None), kept(0.05, resent=True), kept(0.0501, resent=True)]) == []


# A server that serves one connection at a time


@contextlib.contextmanager
def serving_in_turn() -> Iterator[str]:
    """Serve one connection until its client ends it, and then the next; the URL."""

    def serve() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with sock, contextlib.suppress(OSError):
                while read_request(sock):
                    sock.sendall(OK)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


RAW = MINIMAL.but(transport="raw")


def test_an_idle_connection_makes_way_for_a_new_one() -> None:
    with serving_in_turn() as url:
        client = client_of(url, timeout=0.5)
        answers = [client.send(one.bind(BINDINGS)) for one in (MINIMAL, RAW, MINIMAL, RAW, MINIMAL)]
        client.close()
    assert [one.status for one in answers] == [400] * 5
    assert [one.seconds > 0.4 for one in answers] == [False, True, False, False, False]


def test_simultaneous_requests_are_served_in_turn() -> None:
    with serving_in_turn() as url:
        client = client_of(url, timeout=1)
        client.send(MINIMAL.bind(BINDINGS))
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: client.send(MINIMAL.bind(BINDINGS)), range(4)))
        client.close()
    assert [one.status for one in answers] == [400] * 4


def test_an_answer_after_another_made_way_does_not_say_that_several_are_served() -> None:
    request, second = b"GET / HTTP/1.1\r\n\r\n", Deadline(5)
    with serving_in_turn() as url:
        kept, route = KeptConnections(), Route.to(url)
        idle = kept.connect(route, second)
        idle.send(request, second)
        idle.receive(second)
        kept.learn_from(idle)
        kept.keep("idle", idle)
        first, later = kept.connect(route, second), kept.connect(route, second)
        first.send(request, second)
        later.send(request, second)
        with pytest.raises(ExchangeFailed):
            later.receive(Deadline(0.1))  # it has made way for the first one
        assert first.receive(second) == OK
        kept.learn_from(first)
        kept.keep("first", first)
        assert kept.take("first") is None
        assert later.receive(second) == OK


def test_a_request_that_hangs_gets_no_more_time_where_others_are_served_beside_an_idle_connection() -> None:
    def serve(sock: socket.socket) -> None:
        while b"/pm_hanging/" not in (request := read_request(sock)) and request:
            sock.sendall(OK)
        time.sleep(2)

    with serving(serve) as port:
        client = client_of(f"http://127.0.0.1:{port}", timeout=0.4)
        client.send(MINIMAL.bind(BINDINGS))
        client.send(RAW.bind(BINDINGS))
        hanging = client.send(RAW.but(path_id="pm_hanging").bind(BINDINGS))
        kept = client.send(MINIMAL.bind(BINDINGS))
    assert hanging.failure == Failure.TIMED_OUT
    assert hanging.seconds < 0.7
    assert kept.idle is not None


HEAD = b"HTTP/1.1 400 Bad Request\r\n"
UNFINISHED = {
    HEAD + b"Connection: close\r\n\r\n": "until the connection is closed",
    HEAD + b"Content-Length: 500\r\n\r\n{": "less of the body than the announced length",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n": "without its last chunk",
}
"""The beginnings of answers on connections that stay open, and what the suite waits for."""


@pytest.mark.parametrize("begin", UNFINISHED)
def test_an_answer_without_its_end_is_described(begin: bytes) -> None:
    """Vert.x answers an upgrade that it does not know so, and leaves the connection open."""
    with serving(answering(begin, keep=True)) as port:
        failed = client_of(f"http://127.0.0.1:{port}", timeout=1).send(MINIMAL.bind(BINDINGS))
    assert failed.failure == Failure.TIMED_OUT
    assert "status 400" in failed.original_error
    assert UNFINISHED[begin] in failed.original_error
