"""The transport: one deadline, limits, kinds of failure, private CAs, proxies, and connections that servers close."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import conformance.transport.client as client_module
import conformance.transport.session
from benchmarks.examples import exchange
from conformance.evidence.failure import NEVER_ARRIVED, BoundReached, Failure
from conformance.evidence.secret import Secret
from conformance.evidence.storing import exchange_from_json, exchange_to_json
from conformance.fixtures.diagnosing import ADVICE
from conformance.fixtures.probing import probe
from conformance.fixtures.provisioning import Unreachable
from conformance.transport.coding import LONGEST_BODY
from conformance.transport.request import headers_on_wire
from meta_tests.capture import capturing
from meta_tests.odd_servers import OK, Authority, Proxy, answering, forever, private_authority, read_request, serving
from meta_tests.sending import BINDINGS, client_of, sent
from strategies import credentials, headers
from strategies.valid import MINIMAL

TRANSPORTS = ("schemathesis", "raw")
NAME = "target.example.invalid"

both = pytest.mark.parametrize("transport", TRANSPORTS)


@pytest.fixture(autouse=True)
def without_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


# TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return private_authority(tmp_path_factory.mktemp("ca"), NAME)


@pytest.fixture
def secure_port(authority: Authority) -> Iterator[int]:
    def serve(sock: socket.socket) -> None:
        with authority.server.wrap_socket(sock, server_side=True) as secured:
            while read_request(secured):
                secured.sendall(OK)

    with serving(serve) as port:
        yield port


@both
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_private_ca_is_trusted(
    transport: str, variable: str, secure_port: int, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(authority.file))
    client = client_of(f"https://127.0.0.1:{secure_port}")
    answers = [client.send(MINIMAL.but(transport=transport).bind(BINDINGS)) for _ in range(3)]
    assert [(one.status, one.resent) for one in answers] == [(400, False)] * 3
    assert (answers[-1].idle is not None) == (transport == "schemathesis")  # TLS connections are kept


@both
def test_an_unknown_ca_is_a_failure_of_tls(transport: str, secure_port: int) -> None:
    failed = sent(f"https://127.0.0.1:{secure_port}", transport)
    assert failed.failure == Failure.TLS_FAILED
    assert failed.original_error
    assert "self-signed" in ADVICE[Failure.TLS_FAILED]


@both
def test_a_ca_bundle_that_is_not_there_is_named(
    transport: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    with serving(answering(OK)) as port:
        failed = sent(f"https://127.0.0.1:{port}", transport)
    assert failed.failure == Failure.TLS_FAILED
    assert str(tmp_path / "none.pem") in failed.original_error


@both
def test_plain_http_where_tls_is_spoken_is_named(transport: str) -> None:
    with serving(lambda sock: sock.sendall(OK)) as port:
        assert sent(f"https://127.0.0.1:{port}", transport).failure == Failure.NO_TLS
    assert "http://" in ADVICE[Failure.NO_TLS]


# Proxies


@both
def test_a_proxy_forwards_http_in_absolute_form(transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with capturing() as capture, serving((proxy := Proxy(int(capture.url.rpartition(":")[2]))).serve) as port:
        monkeypatch.setenv("HTTP_PROXY", f"http://u:p@127.0.0.1:{port}")
        assert sent(f"http://{NAME}", transport).status == 400
        path = "/v1/payment_methods/pm_Known0/attach"
        assert proxy.asked == [f"POST http://{NAME}{path} HTTP/1.1".encode()]
        assert proxy.authorized == [True]
        assert capture.arrived[0].header("Host") == NAME


@both
def test_https_goes_through_a_tunnel(
    transport: str, secure_port: int, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving((proxy := Proxy(secure_port)).serve) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{port}")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.file))
        assert sent(f"https://{NAME}", transport).status == 400
        assert proxy.asked == [f"CONNECT {NAME}:443 HTTP/1.1".encode()]


@both
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there_is_named(transport: str, scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answering()) as port:
        pass
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://127.0.0.1:{port}")
    failed = sent(f"{scheme}://{NAME}", transport)
    assert failed.failure == Failure.PROXY_FAILED
    assert f"127.0.0.1:{port}" in failed.original_error


@both
def test_a_tunnel_that_is_refused_is_the_proxy_s_failure(transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Proxy(0, refusal=b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
    with serving(proxy.serve) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        failed = sent(f"https://{NAME}", transport)
    assert failed.failure == Failure.PROXY_FAILED
    assert "407" in failed.original_error


@both
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_proxy_is_used_for_this_machine(transport: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with capturing() as capture:
        assert sent(capture.url.replace("127.0.0.1", host), transport).status == 400


@both
def test_no_proxy_is_obeyed(transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", ".invalid")
    assert sent(f"http://{NAME}", transport).failure == Failure.NAME_NOT_RESOLVED


# One deadline

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

DRIPPING = {
    "headers": forever(HEAD + b"X-More: 1\r\n", 0.1),
    "body": answering(HEAD + b"Content-Length: 500\r\n\r\n", *[b"{"] * 30, pause=0.1),
    "chunks": answering(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[b"1\r\n{\r\n"] * 30, pause=0.1),
    "body without length": answering(HEAD + b"\r\n", *[b"{"] * 30, pause=0.1),
    "interim answers": forever(b"HTTP/1.1 100 Continue\r\n\r\n", 0.1),
    "nothing": answering(keep=True),
}


@both
@pytest.mark.parametrize("server", DRIPPING)
def test_the_time_limit_is_for_the_whole_exchange(transport: str, server: str) -> None:
    with serving(DRIPPING[server]) as port:
        start = time.monotonic()
        failed = sent(f"http://127.0.0.1:{port}", transport, timeout=0.4)
        assert time.monotonic() - start < 2.5
    assert failed.failure == Failure.TIMED_OUT
    assert "0.4 s have passed" in failed.original_error


def test_what_is_sent_again_has_no_time_of_its_own() -> None:
    numbers = iter(range(9))

    def serve(sock: socket.socket) -> None:
        if next(numbers):
            time.sleep(2)
            return
        read_request(sock)
        sock.sendall(OK)
        read_request(sock)
        time.sleep(0.3)

    with serving(serve) as port:
        client = client_of(f"http://127.0.0.1:{port}", timeout=0.5)
        assert client.send(MINIMAL.bind(BINDINGS)).status == 400
        start = time.monotonic()
        assert client.send(MINIMAL.bind(BINDINGS)).failure == Failure.TIMED_OUT
        assert time.monotonic() - start < 0.8


@both
def test_a_handshake_ends_in_time(transport: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        failed = sent(f"https://127.0.0.1:{silent.getsockname()[1]}", transport, timeout=0.3)
    assert failed.failure == Failure.CONNECT_TIMED_OUT


@both
def test_a_connection_that_is_not_accepted_in_time_is_said(transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket.socket, "connect", slow)
    assert sent("http://127.0.0.1:9", transport).failure == Failure.CONNECT_TIMED_OUT


@both
def test_a_look_up_ends_in_time(transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: released.wait(5) and [])
    failed = sent(f"http://{NAME}", transport, timeout=0.3)
    released.set()
    assert failed.failure == Failure.NAME_NOT_RESOLVED


# Kinds of failure


@both
def test_a_name_that_is_unknown_is_distinguished_from_a_refusal(transport: str) -> None:
    failed = sent(f"http://{NAME}", transport)
    assert failed.failure == Failure.NAME_NOT_RESOLVED
    assert failed.original_error
    assert failed.original_error in failed.why_unanswered


ODD = {
    "another protocol": (answering(b"SSH-2.0-OpenSSH_9.2\r\n"), Failure.GARBLED),
    "another version": (answering(b"HTTP/2 200\r\n\r\n"), Failure.GARBLED),
    "half a head": (answering(HEAD), Failure.GARBLED),
    "nothing": (answering(), Failure.CONNECTION_LOST),
    "a large body": (answering(HEAD + b"\r\n", bytes(LONGEST_BODY + 1)), Failure.TOO_LARGE),
    "a large chunk": (
        answering(HEAD + b"Transfer-Encoding: chunked\r\n\r\n4fffff\r\n", bytes(0x4FFFFF)),
        Failure.TOO_LARGE,
    ),
    "a bomb": (
        answering(HEAD + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(bytes(50_000_000))),
        Failure.TOO_LARGE,
    ),
    "a bomb of zlib's": (
        answering(HEAD + b"Content-Encoding: deflate\r\n\r\n", zlib.compress(bytes(50_000_000))),
        Failure.TOO_LARGE,
    ),
    "headers without end": (forever(HEAD + b"X-More: 1\r\n" * 10_000), Failure.TOO_LARGE),
    "a header without end": (answering(HEAD + b"X-More: ", *[bytes(1_000_000)] * 3), Failure.TOO_LARGE),
    "interim answers": (answering(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, keep=True), Failure.TOO_LARGE),
}


@both
@pytest.mark.parametrize("server", ODD)
def test_what_is_no_answer_has_a_kind(transport: str, server: str) -> None:
    serve, kind = ODD[server]
    with serving(serve) as port:
        failed = sent(f"http://127.0.0.1:{port}", transport)
    assert (failed.status, failed.failure) == (None, kind)
    assert failed.original_error


ANSWERS = {
    "early hints before it": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK,
    "many interim ones before it": b"HTTP/1.1 100 Continue\r\n\r\n" * 5 + OK,
    "no reason phrase": OK.replace(b"400 Bad Request", b"400"),
    "a length given twice": OK.replace(b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\n"),
    "a length in a list": OK.replace(b"Length: 2", b"Length: 2, 2"),
    "a folded header": OK.replace(b"\r\n\r\n", b"\r\nX-More: 1,\r\n  2\r\n\r\n"),
    "several gzip members": OK.partition(b"Content-Length")[0]
    + b"Content-Encoding: gzip\r\n\r\n"
    + gzip.compress(b"{")
    + gzip.compress(b"}"),
    "chunks with extensions and trailers": HEAD.replace(b"200 OK", b"400 x")
    + b"Transfer-Encoding: Chunked\r\n\r\n1;a=b\r\n{\r\n1\r\n}\r\n0\r\nX-T: 1\r\n\r\n",
}


@both
@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_read_in_every_form(transport: str, name: str) -> None:
    with serving(answering(ANSWERS[name])) as port:
        answer = sent(f"http://127.0.0.1:{port}", transport)
    assert (answer.status, answer.body, answer.framing) == (400, b"{}", ()), answer.why_unanswered


@both
def test_a_body_that_ends_early_is_seen(transport: str) -> None:
    with serving(answering(HEAD + b"Content-Length: 50\r\n\r\n{}")) as port:
        answer = sent(f"http://127.0.0.1:{port}", transport)
    assert (answer.status, answer.body, len(answer.framing)) == (200, b"{}", 1)


@both
def test_a_length_beside_chunks_is_seen(transport: str) -> None:
    """A sender never announces both (RFC 9112 section 6.2): proxies disagree on where such an answer ends."""
    with serving(
        answering(HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
    ) as port:
        answer = sent(f"http://127.0.0.1:{port}", transport)
    assert (answer.status, answer.body, len(answer.framing)) == (200, b"{}", 1)


@both
@pytest.mark.parametrize("length", ["9" * 5000, "-1", "two"])
def test_an_odd_length_is_no_error_of_the_suite(transport: str, length: str) -> None:
    with serving(answering(HEAD + f"Content-Length: {length}\r\n\r\n{{}}".encode())) as port:
        assert sent(f"http://127.0.0.1:{port}", transport).status == 200


@both
def test_an_error_of_the_suite_is_not_taken_for_a_lost_connection(
    transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> dict[str, str]:
        raise ValueError("an error of the suite's own")

    monkeypatch.setattr(conformance.transport.session, "headers_on_wire", broken)
    with capturing() as capture, pytest.raises(ValueError, match="own"):
        sent(capture.url, transport)


@both
def test_a_query_leaves_as_it_is_written(transport: str) -> None:
    request = MINIMAL.but(transport=transport).bind(BINDINGS)
    target = f"{request.target}?a&b=1&b=2&c=&%7e=/"
    with capturing() as capture:
        assert client_of(capture.url).send(replace(request, target=target)).status == 400
        assert capture.arrived[0].line == f"POST {target} HTTP/1.1"


# Told


@pytest.mark.parametrize("failure", Failure)
def test_every_failure_says_what_to_do(failure: Failure) -> None:
    assert ADVICE[failure]


def test_the_diagnosis_holds_the_original_error_and_the_advice() -> None:
    client = client_of(f"http://{NAME}")
    with pytest.raises(Unreachable) as caught:
        probe(client)
    assert Failure.NAME_NOT_RESOLVED in caught.value.diagnosis
    assert sent(f"http://{NAME}", "raw").original_error in caught.value.diagnosis
    assert caught.value.hint == ADVICE[Failure.NAME_NOT_RESOLVED]


def test_an_exchange_is_written_with_its_failure() -> None:
    failed = sent(f"http://{NAME}", "schemathesis")
    written: dict[str, Any] = json.loads(json.dumps(exchange_to_json(failed)))
    again = exchange_from_json(written)
    assert again.failure in NEVER_ARRIVED
    assert (again.failure, again.original_error) == (failed.failure, failed.original_error)
    for name in ("original_error", "unread", "idle"):  # older records are without these
        del written[name]
    assert exchange_from_json(written).failure == failed.failure


# what a target may cost


def throttled(retry_after: str) -> bytes:
    return f"HTTP/1.1 429 Too Many Requests\r\nRetry-After: {retry_after}\r\nContent-Length: 0\r\n\r\n".encode()


@pytest.mark.parametrize(("retry", "waits"), [(1, 0.0), (2, 1.0), (3, 2.0)])
def test_a_zero_that_stands_for_less_than_a_second_is_believed_once(retry: int, waits: float) -> None:
    answer = replace(exchange(429), headers=(("Retry-After", "0"),))
    assert client_module._retry_wait(answer, retry) == waits


def test_a_target_that_throttles_for_ever_is_not_asked_again_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("conformance.transport.client.time.sleep", waits.append)
    with serving(answering(throttled("1000000000"))) as port:
        client = client_of(f"http://127.0.0.1:{port}")
        retries = [client.call("GET", "/v1/customers").retries for _ in range(client_module.PATIENT_TIMES + 5)]
    assert retries == [client_module.MAX_THROTTLED_RETRIES] * client_module.PATIENT_TIMES + [0] * 5
    assert max(waits) <= client_module.LONGEST_RETRY_WAIT


def test_an_operation_that_is_throttled_for_ever_is_not_waited_for_where_others_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def serve(sock: socket.socket) -> None:
        while request := read_request(sock):
            sock.sendall(throttled("1") if b"/attach" in request else OK)

    monkeypatch.setattr("conformance.transport.client.time.sleep", lambda seconds: None)
    with serving(serve) as port:
        client = client_of(f"http://127.0.0.1:{port}")
        retries = []
        for _ in range(client_module.PATIENT_TIMES + 2):
            client.call("GET", "/v1/customers")
            retries.append(client.send(MINIMAL.bind(BINDINGS)).retries)
    assert retries == [client_module.MAX_THROTTLED_RETRIES] * client_module.PATIENT_TIMES + [0] * 2


def large(content: bytes) -> bytes:
    head = f"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


def test_large_answers_are_kept_only_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MOST_IN_LARGE_ANSWERS", 300_000)
    with serving(answering(large(b'"' + b"x" * 100_000 + b'"'))) as port:
        client = client_of(f"http://127.0.0.1:{port}")
        assert [client.call("GET", "/v1/customers").failure for _ in range(2)] == ["", ""]
        for _ in range(2):
            with pytest.raises(BoundReached, match="300000 bytes"):
                client.call("GET", "/v1/customers")


def test_an_answer_with_more_values_than_memory_is_too_large() -> None:
    with serving(answering(large(b"[" + b"[]," * client_module.MOST_VALUES + b"[]]"))) as port:
        exchange = client_of(f"http://127.0.0.1:{port}").call("GET", "/v1/customers")
    assert exchange.failure == Failure.TOO_LARGE
    assert "values" in exchange.original_error


def test_headers_in_lower_case_have_no_blank_behind_their_colon() -> None:
    heads: list[bytes] = []

    def serve(sock: socket.socket) -> None:
        heads.append(read_request(sock).partition(b"\r\n\r\n")[0])
        sock.sendall(OK)

    (lower,) = headers.IN_LOWER_CASE.subjects
    with serving(serve) as port:
        client_of(f"http://127.0.0.1:{port}").send(lower.bind(BINDINGS))
    lines = heads[0].decode().split("\r\n")
    assert "content-type:application/x-www-form-urlencoded" in lines
    assert f"Host: 127.0.0.1:{port}" in lines


@pytest.mark.parametrize("says_continue", [True, False])
def test_a_body_behind_an_expectation_comes_later_and_in_pieces(*, says_continue: bool) -> None:
    head: list[bytes] = []
    pieces: list[bytes] = []

    def serve(sock: socket.socket) -> None:
        while b"\r\n\r\n" not in b"".join(head):
            head.append(sock.recv(65536))
        if says_continue:
            sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(b"".join(pieces)) < len(body):
            pieces.append(sock.recv(65536))
        sock.sendall(OK)

    attempt = MINIMAL.but(transport="raw", headers=(("Expect", "100-continue"),))
    body = attempt.bind(BINDINGS).body or b""
    with serving(serve) as port:
        exchange = client_of(f"http://127.0.0.1:{port}").send(attempt.bind(BINDINGS))
    assert exchange.status == 400
    assert [piece[-3:] for piece in (head[0], head[2])] == [b"\nCo", b"\n\r\n"]
    assert head[1].endswith(b"\r")
    assert pieces == [body[: len(body) // 2], body[len(body) // 2 :]]


def test_an_early_answer_to_an_expectation_is_read() -> None:
    with serving(answering(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n")) as port:
        attempt = MINIMAL.but(transport="raw", headers=(("Expect", "100-continue"),))
        assert client_of(f"http://127.0.0.1:{port}").send(attempt.bind(BINDINGS)).status == 417


@pytest.mark.parametrize(("key", "sent"), [("sk_test_1", "rk_test_1"), ("rk_test_1", "sk_test_1")])
def test_a_key_of_another_kind_is_no_key_of_the_account(key: str, sent: str) -> None:
    request = credentials.unknown_keys()[1].bind(BINDINGS)
    assert headers_on_wire(request, Secret(key), "bearer")["Authorization"] == f"Bearer {sent}"


@pytest.mark.parametrize(("scheme", "value"), [("bearer", "Bearer sk_test_1"), ("basic", "Basic c2tfdGVzdF8xOg==")])
def test_a_lower_case_header_shows_the_key_in_the_scheme_that_works(scheme: str, value: str) -> None:
    """A server that takes one scheme only must not fail for the names of headers."""
    (lower,) = headers.IN_LOWER_CASE.subjects
    request = lower.bind(BINDINGS)
    sent = headers_on_wire(request, Secret("sk_test_1"), scheme)
    assert sent["authorization"] == value
    assert "Authorization" not in sent
