"""Answers that would take time or memory without bound, if the suite read them naively."""

from __future__ import annotations

import gzip
import json
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.evidence.exchange import Exchange
from conformance.evidence.failure import BoundReached, ExchangeFailed, Failure
from conformance.evidence.secret import Secret
from conformance.evidence.strict_json import MOST_TWICE, read_json
from conformance.transport import client as client_module
from conformance.transport.answer import MOST_HEADERS, MOST_WRONG
from conformance.transport.coding import LONGEST_BODY, MOST_MEMBERS, decode
from conformance.verdict.record import BrokenRecord, Record
from meta_tests.odd_servers import answering, serving
from meta_tests.sending import BINDINGS, client_of
from strategies.valid import MINIMAL

SOON = 2.0
"""Seconds in which each of these is done many times over, unless it takes time that grows with the square."""

KEY = "sk_test_R7wQz4mKx9VbT2nJc8HsLd3F"


def asked(answer: bytes, times: int = 1) -> list[Exchange]:
    with serving(answering(answer)) as port:
        client = client_of(f"http://127.0.0.1:{port}")
        exchanges = [client.call("GET", "/v1/customers") for _ in range(times)]
        client.close()
    return exchanges


def with_lines(*lines: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 400 Bad Request", *lines, b"Content-Length: 2", b"", b"{}"])


def soon(act: Callable[[], object]) -> bool:
    start = time.process_time()
    act()
    return time.process_time() - start < SOON


def test_gzip_of_many_members_is_too_large() -> None:
    member = gzip.compress(b"{", mtime=0)
    assert decode(member * MOST_MEMBERS, "gzip") == (b"{" * MOST_MEMBERS, ())
    with pytest.raises(ExchangeFailed, match="members of gzip"):
        decode(member * (MOST_MEMBERS + 1), "gzip")
    empty = gzip.compress(b"", mtime=0)

    def unpack() -> None:
        with pytest.raises(ExchangeFailed):
            decode(empty * 200_000, "gzip")

    assert soon(unpack)


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 100_000, LONGEST_BODY])
def test_what_is_packed_is_unpacked_of_any_size(size: int) -> None:
    data = bytes(number * number % 251 for number in range(size // 64 + 1)) * 64
    data = data[:size]
    assert decode(gzip.compress(data), "gzip") == (data, ())
    assert decode(gzip.compress(data) + b"\0" * 9 + gzip.compress(b""), "gzip") == (data, ())
    assert decode(zlib.compress(data), "deflate") == (data, ())
    for broken in (gzip.compress(data)[:-1], gzip.compress(data) + b"junk", b"junk"):
        assert decode(broken, "gzip") == (broken, ("Content-Encoding says gzip, and the body is not",))


def test_members_that_stand_there_twice_are_found_soon() -> None:
    text = "{" + ",".join(f'"{number % 50_000}":1' for number in range(100_000)) + "}"
    assert soon(lambda: read_json(text.encode()))
    assert len(read_json(text.encode()).problems) == MOST_TWICE


def test_a_header_may_be_folded_and_its_parts_are_joined() -> None:
    [exchange] = asked(with_lines(b"X-Fold: a", *[b" b"] * 5_000, b"X-Next: c"))
    assert exchange.header("X-Fold") == "a" + " b" * 5_000
    assert exchange.header("X-Next") == "c"


@pytest.mark.parametrize("line", [b"X-Many: y", b" folded", b"no header"])
def test_a_head_has_a_bounded_number_of_lines(line: bytes) -> None:
    [exchange] = asked(with_lines(b"X-First: x", *[line] * (MOST_HEADERS + 1)))
    assert exchange.failure == Failure.TOO_LARGE


def test_a_body_has_a_bounded_number_of_trailers() -> None:
    head = b"HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
    few, many = (asked(head + b"X-T: y\r\n" * count + b"\r\n")[0] for count in (10, MOST_HEADERS + 1))
    assert (few.status, few.body, many.failure) == (400, b"{}", Failure.TOO_LARGE)


def test_only_the_first_lines_that_are_no_headers_are_named() -> None:
    [exchange] = asked(with_lines(*[b"no header %d" % number for number in range(5_000)]))
    assert len(exchange.framing) == MOST_WRONG + 1
    assert "4990 more lines" in exchange.framing[-1]


def test_large_heads_count_as_large_bodies_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MOST_IN_LARGE_ANSWERS", 1_000_000)
    many = with_lines(*[b"X-Many: y"] * 2_000)
    assert [one.failure for one in asked(many, 2)] == ["", ""]
    with pytest.raises(BoundReached, match="1000000 bytes"):
        asked(many, 3)


def test_many_small_values_are_kept_only_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MOST_IN_MANY_VALUES", 25_000)
    body = b"[" + b"[]," * 9_999 + b"[]]"
    answer = b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    assert [one.failure for one in asked(answer, 1)] == [""]
    with pytest.raises(BoundReached, match="25000 values"):
        asked(answer, 2)


def test_the_name_of_a_header_does_not_keep_the_key() -> None:
    with serving(answering(with_lines(b"X-" + KEY.encode() + b": yes"))) as port:
        client = client_of(f"http://127.0.0.1:{port}")
        client.key = Secret(KEY)
        exchange = client.call("GET", "/v1/customers")
    assert exchange.leaked_key
    assert KEY not in str(exchange.headers)


@pytest.mark.parametrize("escape", ["\\u{:04x}", "\\x{:02x}", "{}\0"])
def test_an_escaped_key_in_a_string_of_json_is_blotted_out(escape: str) -> None:
    spelled = "".join(escape.format(ord(char) if ":" in escape else char) for char in KEY)
    body = json.dumps({"error": {"message": spelled}})
    assert "[API key]" in Secret(KEY).blotted(body)


@pytest.mark.parametrize("second", [b"7", b"-1", b"many", b"9" * 5_000, b""])
def test_two_lengths_are_no_error_of_the_suite(second: bytes) -> None:
    with serving(answering(with_lines(b"Content-Length: " + second))) as port:
        exchange = client_of(f"http://127.0.0.1:{port}").send(MINIMAL.bind(BINDINGS))
    assert (exchange.status, exchange.body) == (400, b"{}")


@pytest.mark.parametrize("name", ["conformanceGivenIds", "payment_method_customer", "expectations_idempotency"])
def test_a_key_of_the_suites_own_words_leaves_them_alone(name: str) -> None:
    secret = Secret(f"sk_test_{name}")
    own = json.dumps({"suite": {"name": "attach-conformance"}, "payment_methods": [], "customers": "expectations"})
    assert secret.blotted(own) == own
    assert name not in secret.blotted(f"the key is sk_test_{name}.")


def test_half_a_surrogate_pair_in_a_record_is_no_error_of_the_suite(tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").write_text('{"previous":"","header":{"format":2,"suite":{"name":"\\ud800"}}}\n{}\n')
    with pytest.raises(BrokenRecord):
        Record.read(tmp_path / "run.jsonl")
