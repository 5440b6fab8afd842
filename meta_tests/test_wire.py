"""Every kind of attempt arrives at a server, byte for byte, as it is written down."""

from __future__ import annotations

import base64
import errno
import gzip
import inspect
import socket
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import schemathesis

from conformance.evidence.exchange import CONNECTION_LOST, TIMED_OUT
from conformance.evidence.failure import Failure
from conformance.evidence.secret import Secret
from conformance.transport.client import Address, Client
from conformance.transport.lanes import Pacer
from conformance.transport.serializer import encode_form, operation_of
from contracts import published_contract
from meta_tests.capture import capturing
from strategies import Attempt, Comparison, invalid, malformed, requests, resembling, valid

CONTRACT = published_contract()
KEY = Secret("sk_test_0123456789abcdefghijklmn")
BINDINGS = {"customer": "cus_Known0", "other_customer": "cus_Other0", "payment_method": "pm_Known0"}


def attempts_in(value: Any) -> Iterator[Attempt]:
    if isinstance(value, Attempt):
        yield value
    elif isinstance(value, Comparison):
        yield from (value.control, *value.subjects)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for item in value:
            yield from attempts_in(item)


def all_attempts() -> list[Attempt]:
    """Every attempt that the strategies' modules give, as a constant or by a function of nothing or of the contract."""
    found: dict[Attempt, None] = {}
    for module in (valid, invalid, requests, resembling, malformed):
        for name, member in sorted(vars(module).items()):
            if name.startswith("_"):
                continue
            if inspect.isfunction(member) and member.__module__ == module.__name__:
                names = list(inspect.signature(member).parameters)
                if names not in ([], ["contract"]):
                    continue
                member = member(*[CONTRACT] * len(names))
            found |= dict.fromkeys(attempts_in(member))
    return list(found)


def client_of(url: str, timeout: float = 5) -> Client:
    return Client(Address.of(url), KEY, CONTRACT, timeout=timeout)


LEFT_OUT = ("user-agent", "")
"""A header that an attempt leaves out."""


def test_every_kind_of_attempt_arrives_as_it_is_written() -> None:
    attempts = all_attempts()
    assert len(attempts) > 150
    with capturing() as capture:
        client = client_of(capture.url)
        for attempt in attempts:
            request = attempt.bind(BINDINGS)
            exchange = client.send(request)
            assert exchange.status == 400, (str(attempt), exchange.failure)
            arrived = capture.arrived[-1]
            assert arrived.line == f"{request.method} {request.target} HTTP/1.1", str(attempt)
            assert arrived.body == (request.body or b""), str(attempt)
            sent = {name.lower(): value for name, value in request.headers}
            came = {name.lower(): value for name, value in arrived.headers}
            assert came["authorization"] == f"Bearer {KEY.reveal()}"
            for name in {"host", "authorization", "user-agent", "accept-encoding", "connection"} - set(sent):
                came.pop(name, None)
            length = came.pop("content-length", None)
            assert length in (None, str(len(request.body or b""))), str(attempt)
            coding = (
                came.get("transfer-encoding", "") if "transfer-encoding" in sent else came.pop("transfer-encoding", "")
            )
            assert (coding.lower() == "chunked") == request.chunked
            assert came == {name: value for name, value in sent.items() if (name, value) != LEFT_OUT}, str(attempt)
        client.close()
        assert len(capture.arrived) == len(attempts) == client.requests_sent


def test_plain_attempts_share_a_connection_and_raw_ones_have_their_own() -> None:
    with capturing() as capture:
        client = client_of(capture.url)
        for _ in range(3):
            client.send(valid.MINIMAL.bind(BINDINGS))
        assert capture.connections == 1
        client.send(valid.MINIMAL.but(transport="raw").bind(BINDINGS))
        client.send(valid.MINIMAL.bind(BINDINGS), new_connection=True)
        assert capture.connections == 3


@pytest.mark.parametrize(
    ("credentials", "arrives"),
    [
        ("bearer", f"Bearer {KEY.reveal()}"),
        ("basic", "Basic " + base64.b64encode(f"{KEY.reveal()}:".encode()).decode()),
        ("none", None),
        ("Digest x", "Digest x"),
    ],
)
@pytest.mark.parametrize("transport", ["schemathesis", "raw"])
def test_credentials_arrive_as_asked(credentials: str, arrives: str | None, transport: str) -> None:
    with capturing() as capture:
        client_of(capture.url).send(valid.MINIMAL.but(credentials=credentials, transport=transport).bind(BINDINGS))
        assert capture.arrived[-1].header("Authorization") == arrives


def test_our_serializer_writes_brackets_for_generated_bodies() -> None:
    assert encode_form({"customer": "a", "expand": ["b", "c d"]}) == b"customer=a&expand[0]=b&expand[1]=c+d"
    case = operation_of(CONTRACT).Case(
        path_parameters={"payment_method": "pm"},
        body={"customer": "a", "expand": ["b"]},
        media_type="application/x-www-form-urlencoded",
    )
    assert isinstance(case, schemathesis.Case)
    assert case.as_transport_kwargs(base_url="http://127.0.0.1")["data"] == b"customer=a&expand[0]=b"


def answer(status: str, body: bytes, *headers: str) -> bytes:
    length = () if any(header.startswith("Content-Length") for header in headers) else (f"Content-Length: {len(body)}",)
    head = "\r\n".join([f"HTTP/1.1 {status}", "Content-Type: application/json", *length, *headers])
    return head.encode() + b"\r\n\r\n" + body


@pytest.mark.parametrize("coding", ["gzip", "utf-8"])
@pytest.mark.parametrize("transport", ["schemathesis", "raw"])
def test_a_false_content_encoding_is_seen(transport: str, coding: str) -> None:
    with capturing() as capture:
        capture.answers = [answer("200 OK", b"{}", f"Content-Encoding: {coding}")]
        exchange = client_of(capture.url).send(valid.MINIMAL.but(transport=transport).bind(BINDINGS))
        assert exchange.status == 200
        assert coding in exchange.framing[0]


@pytest.mark.parametrize("transport", ["schemathesis", "raw"])
def test_a_true_content_encoding_is_decoded(transport: str) -> None:
    with capturing() as capture:
        capture.answers = [answer("200 OK", gzip.compress(b'{"a": 1}'), "Content-Encoding: gzip")]
        exchange = client_of(capture.url).send(valid.MINIMAL.but(transport=transport).bind(BINDINGS))
        assert exchange.object == {"a": 1}
        assert not exchange.framing


@pytest.mark.parametrize("transport", ["schemathesis", "raw"])
def test_an_id_is_one_segment_of_the_path(transport: str) -> None:
    ids = {**BINDINGS, "payment_method": "pm_é 1?"}
    target = valid.MINIMAL.but(transport=transport).bind(ids).target
    assert target == "/v1/payment_methods/pm_%C3%A9%201%3F/attach"


@pytest.mark.parametrize("length", [1, 50])
def test_a_false_content_length_is_seen_by_the_raw_transport(length: int) -> None:
    with capturing() as capture:
        capture.answers = [answer("200 OK", b'{"a": 1}', f"Content-Length: {length}", "Connection: close")]
        exchange = client_of(capture.url).send(valid.MINIMAL.but(transport="raw").bind(BINDINGS))
        assert f"Content-Length says {length}" in exchange.framing[0]


@pytest.mark.parametrize("transport", ["schemathesis", "raw"])
@pytest.mark.parametrize(("count", "length"), [(700, 60), (1, 120_000)])
def test_an_answer_with_a_long_head_is_an_answer(transport: str, count: int, length: int) -> None:
    with capturing() as capture:
        capture.answers = [answer("200 OK", b"{}", *[f"X-Wrong-{index}: {'a' * length}" for index in range(count)])]
        exchange = client_of(capture.url).send(valid.MINIMAL.but(transport=transport).bind(BINDINGS))
        assert exchange.status == 200, exchange.failure


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_a_throttle_is_waited_out_and_counted(status: str) -> None:
    with capturing() as capture:
        capture.answers = [answer(status, b"{}", "Retry-After: 0")] * 2
        exchange = client_of(capture.url).send(valid.MINIMAL.bind(BINDINGS))
        assert (exchange.status, exchange.retries) == (400, 2)


def test_an_overload_that_names_no_end_is_an_answer() -> None:
    with capturing() as capture:
        capture.answers = [answer("503 Service Unavailable", b"{}")]
        exchange = client_of(capture.url).send(valid.MINIMAL.bind(BINDINGS))
        assert (exchange.status, exchange.retries) == (503, 0)


@pytest.mark.parametrize(
    ("date", "after", "seconds"),
    [
        ("Mon, 30 Nov 2026 10:00:00 GMT", "Mon, 30 Nov 2026 10:00:03 GMT", 3.0),
        ("Mon, 30 Nov 2026 10:00:00 GMT", "Mon, 30 Nov 2026 11:00:00 GMT", 10.0),
        ("Mon, 30 Nov 2026 10:00:00 GMT", "Mon, 30 Nov 2026 09:00:00 GMT", 0.5),
        ("Mon, 30 Nov 2026 10:00:00 GMT", "soon", 0.5),
        ("", "Mon, 30 Nov 2026 10:00:03 GMT", 0.5),
    ],
)
def test_a_throttle_may_name_the_time_of_its_end(
    date: str, after: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("conformance.transport.client.time.sleep", waits.append)
    with capturing() as capture:
        capture.answers = [answer("429 Too Many Requests", b"{}", f"Date: {date}", f"Retry-After: {after}")]
        client_of(capture.url).send(valid.MINIMAL.bind(BINDINGS))
    assert waits == [seconds]


@pytest.mark.parametrize("transport", ["schemathesis", "raw"])
def test_a_lost_connection_is_said(transport: str) -> None:
    with capturing() as capture:
        capture.answers = [b"", b""]
        exchange = client_of(capture.url).send(valid.MINIMAL.but(transport=transport).bind(BINDINGS))
        assert (exchange.status, exchange.failure) == (None, CONNECTION_LOST)


@pytest.mark.parametrize("transport", ["schemathesis", "raw"])
def test_a_refused_connection_is_said(transport: str) -> None:
    with capturing() as capture:
        url = capture.url
    exchange = client_of(url).send(valid.MINIMAL.but(transport=transport).bind(BINDINGS))
    assert (exchange.status, exchange.failure) == (None, Failure.CONNECTION_REFUSED)


@pytest.mark.parametrize("transport", ["schemathesis", "raw"])
def test_a_connection_that_does_not_come_about_is_said(transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", unreachable)
    exchange = client_of("http://127.0.0.1:9").send(valid.MINIMAL.but(transport=transport).bind(BINDINGS))
    assert (exchange.status, exchange.failure) == (None, Failure.NOT_CONNECTED)


@pytest.mark.parametrize("transport", ["schemathesis", "raw"])
def test_a_slow_answer_is_said(transport: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        exchange = client_of(url, timeout=0.3).send(valid.MINIMAL.but(transport=transport).bind(BINDINGS))
        assert exchange.failure == TIMED_OUT


@pytest.mark.parametrize("transport", ["schemathesis", "raw"])
def test_a_key_that_comes_back_is_noticed_and_blotted_out(transport: str) -> None:
    with capturing() as capture:
        capture.answers = [answer("401 Unauthorized", b'{"error": {"message": "' + KEY.reveal().encode() + b'"}}')]
        exchange = client_of(capture.url).send(valid.MINIMAL.but(transport=transport).bind(BINDINGS))
        assert exchange.leaked_key
        assert KEY.reveal().encode() not in (exchange.body or b"")


def test_the_pace_is_kept() -> None:
    times = iter([0.0, 0.0, 0.0])
    pacer = Pacer(1000, clock=lambda: next(times))
    for _ in range(3):
        pacer.wait()
    assert pacer._next == pytest.approx(0.003)
