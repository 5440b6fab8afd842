"""Servers that break HTTP/1.1: status lines, lengths, chunks, connections, bytes of other protocols."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

from benchmarks.hostile.peer import Act, Gate, Hostile, Turn, forever
from conformance.verdict.run import ExitStatus

FAILS = (ExitStatus.DOES_NOT_CONFORM,)
CONFORMS = (ExitStatus.CONFORMS,)
UNTESTABLE = (ExitStatus.UNREACHABLE,)
UNDECIDED = (ExitStatus.INCONCLUSIVE,)
EITHER = (*FAILS, *UNDECIDED)


def status_line(line: bytes) -> Act:
    """Return the act of another status line."""
    return lambda turn: turn.answer(status=line)


def length_lines(*lines: bytes) -> Act:
    """Return the act of these lines in place of a Content-Length."""
    return lambda turn: turn.answer(None, *lines, length=False)


def chunked(make: Callable[[bytes], bytes]) -> Act:
    """Return the act of a chunked body that is made of the good body."""

    def act(turn: Turn) -> bytes:
        head = turn.answer(b"", b"Transfer-Encoding: chunked", length=False)
        return head + make(turn.response.body)

    return act


def begun_chunked(*pieces: bytes, pause: float = 0.0) -> Act:
    """Return the act of a chunked body that consists of the pieces for ever."""

    def act(turn: Turn) -> Iterator[bytes]:
        yield turn.answer(b"", b"Transfer-Encoding: chunked", length=False)
        yield from forever(*pieces, pause=pause)

    return act


def cut(before: float) -> Act:
    """Return the act of the good answer, of which only that share is sent."""
    return lambda turn: turn.good[: int(len(turn.good) * before)]


def cut_head(turn: Turn) -> bytes:
    """Send the head without the blank line."""
    return turn.head[:-4]


def reset_after(pieces: Callable[[Turn], bytes]) -> Act:
    """Return the act that resets the connection once it has sent some bytes."""

    def act(turn: Turn) -> Iterator[bytes]:
        if data := pieces(turn):
            yield data
            time.sleep(0.02)
        turn.reset()

    return act


def wait(turn: Turn) -> bytes:
    """Answer nothing, and hold the connection."""
    turn.wait()
    return b""


def drip(data: Callable[[Turn], bytes], pause: float) -> Act:
    """Return the act that sends bytes one by one."""

    def act(turn: Turn) -> Iterator[bytes]:
        for number in data(turn):
            yield bytes([number])
            time.sleep(pause)

    return act


def held(act: Act) -> Act:
    """Return the act that holds the connection afterwards instead of closing it."""

    def holding(turn: Turn) -> Iterator[bytes]:
        done = act(turn)
        yield from [done] if isinstance(done, bytes) else done
        turn.wait()

    return holding


def late(turn: Turn) -> Iterator[bytes]:
    """Send the good answer, and another one when the client believes the connection idle."""
    yield turn.good
    time.sleep(0.01)
    yield b'HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{"object": "surprise"}'[:-1]


def drip_first(turn: Turn) -> Iterator[bytes]:
    """Send a head byte by byte."""
    yield b"HTTP/1.1 200 OK\r\nX-Long: "
    yield from forever(b"x", pause=0.05)


def endless_body(turn: Turn) -> Iterator[bytes]:
    """Send a body without end."""
    yield turn.answer(b"", length=False)
    yield from forever(b" " * 65536)


def endless_trailers(turn: Turn) -> Iterator[bytes]:
    """Send trailers without end."""
    yield turn.answer(b"", b"Transfer-Encoding: chunked", length=False)
    yield b"%x\r\n%b\r\n0\r\n" % (len(turn.response.body), turn.response.body)
    yield from forever(b"X-Trailer: yes\r\n" * 1000)


STATUS_LINES = {
    "no-reason": ("answers with a status line without a reason", b"HTTP/1.1 200", FAILS),
    "reason-of-1-mb": ("answers with a reason of 1 MB", b"HTTP/1.1 200 " + b"y" * 1_000_000, FAILS),
    "version-9": ("answers with HTTP/9.9", b"HTTP/9.9 200 OK", UNDECIDED),
    "version-2": ("answers with HTTP/2 in a status line", b"HTTP/2 200", UNDECIDED),
    "version-0": ("answers with HTTP/0.9", b"HTTP/0.9 200 OK", UNDECIDED),
    "lower-case-http": ("spells the protocol in small letters", b"http/1.1 200 OK", UNDECIDED),
    "status-99": ("answers with the status 99", b"HTTP/1.1 99 Low", UNDECIDED),
    "status-099": ("answers with the status 099", b"HTTP/1.1 099 Low", UNDECIDED),
    "status-000": ("answers with the status 000", b"HTTP/1.1 000 Zero", UNDECIDED),
    "status-600": ("answers with the status 600", b"HTTP/1.1 600 High", FAILS),
    "status-999": ("answers with the status 999", b"HTTP/1.1 999 High", FAILS),
    "status-1000": ("answers with the status 1000", b"HTTP/1.1 1000 Higher", UNDECIDED),
    "status-negative": ("answers with the status -200", b"HTTP/1.1 -200 Below", UNDECIDED),
    "status-letters": ("answers with letters for a status", b"HTTP/1.1 two OK", UNDECIDED),
    "status-101": ("switches to another protocol", b"HTTP/1.1 101 Switching Protocols", FAILS),
    "status-204": ("answers with 204 and a body", b"HTTP/1.1 204 No Content", FAILS),
    "status-304": ("answers with 304 and a body", b"HTTP/1.1 304 Not Modified", FAILS),
    "status-line-empty": ("begins with an empty line", b"", UNDECIDED),
    "status-line-endless-blanks": (
        "separates status and reason by 100,000 blanks",
        b"HTTP/1.1 " + b" " * 100_000 + b"200 OK",
        FAILS,
    ),
    "icy": ("answers as a radio station does", b"ICY 200 OK", UNDECIDED),
}

WITH_LENGTHS = (*CONFORMS, *FAILS)
"""No clause speaks of a length that is no number or of an unknown coding: the body ends with its connection."""

LENGTHS = {
    "two-lengths": ("gives two different lengths", (b"Content-Length: 5", b"Content-Length: 7")),
    "length-junk": ("gives letters for a length", (b"Content-Length: many",)),
    "length-negative": ("gives a negative length", (b"Content-Length: -1",)),
    "length-of-30-digits": ("gives a length of 30 digits", (b"Content-Length: " + b"9" * 30,)),
    "length-of-5000-digits": ("gives a length of 5,000 digits", (b"Content-Length: " + b"9" * 5000,)),
    "length-too-long": ("gives a length beyond what it sends", (b"Content-Length: 99999",)),
    "length-too-short": ("gives a length below what it sends", (b"Content-Length: 3",)),
    "length-and-chunked": (
        "gives a length and says that the body is chunked, which it is not",
        (b"Content-Length: 5", b"Transfer-Encoding: chunked"),
    ),
    "coding-unknown": ("names a transfer coding that nobody knows", (b"Transfer-Encoding: nonsense",)),
    "coding-repeated": ("names chunked 1,000 times", (b"Transfer-Encoding: " + b"chunked, " * 999 + b"chunked",)),
}

CHUNKS = {
    "chunk-huge": ("announces a chunk of 10^18 bytes", lambda body: b"fffffffffffffff\r\n" + body),
    "chunk-of-24-digits": ("announces a chunk by a number of 24 digits", lambda body: b"f" * 24 + b"\r\n" + body),
    "chunk-negative": ("announces a chunk of -5 bytes", lambda body: b"-5\r\n" + body),
    "chunk-not-hex": ("announces a chunk by a word", lambda body: b"many\r\n" + body),
    "chunk-without-size": ("sends chunks without their sizes", lambda body: body),
    "chunk-extension-of-1-mb": (
        "adds an extension of 1 MB to a chunk",
        lambda body: b"%x;%b\r\n%b\r\n0\r\n\r\n" % (len(body), b"x" * 1_000_000, body),
    ),
    "chunk-without-last": ("ends before the last chunk", lambda body: b"%x\r\n%b\r\n" % (len(body), body)),
    "chunk-cut": ("ends within a chunk", lambda body: b"%x\r\n%b" % (len(body) + 9, body)),
    "chunk-wrong-end": ("ends a chunk late", lambda body: b"%x\r\n%b\r\n0\r\n\r\n" % (max(len(body) - 5, 1), body)),
}

OTHER_PROTOCOLS = {
    "http2-frames": ("answers with frames of HTTP/2", b"\0\0\x12\x04\0\0\0\0\0" + b"\0\x03\0\0\0\x64" * 3),
    "http2-preface": ("answers with the preface of an HTTP/2 client", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "tls-alert": ("answers with an alert of TLS", b"\x15\x03\x03\0\x02\x02\x46"),
    "tls-hello": ("answers with a handshake of TLS", b"\x16\x03\x03\x40\0" + bytes(range(256)) * 64),
    "ssh-banner": ("answers as SSH does", b"SSH-2.0-OpenSSH_9.7\r\n"),
    "smtp-banner": ("answers as SMTP does", b"220 mail ESMTP\r\n"),
    "redis-error": ("answers as Redis does", b"-ERR wrong number of arguments for 'post' command\r\n"),
    "body-without-head": ("answers with JSON and no head", b'{"id": "pm_1", "object": "payment_method"}'),
    "zeros": ("answers with a million zero bytes", bytes(1_000_000)),
}

SERVERS = (
    Hostile("drips-head", "sends a head byte by byte, without end", drip_first, Gate.ALL, UNTESTABLE),
    Hostile("drips-head-later", "the same, once it is probed", drip_first, Gate.LATER, UNDECIDED, 60),
    Hostile(
        "drips-body", "sends each body a byte a time", drip(lambda turn: turn.good, 0.01), seconds=240, status=EITHER
    ),
    Hostile(
        "drips-body-at-once", "the same for every request", drip(lambda turn: turn.good, 0.01), Gate.ALL, UNTESTABLE
    ),
    Hostile(
        "continues-for-ever",
        "sends 100 Continue without end",
        lambda turn: forever(b"HTTP/1.1 100 Continue\r\n\r\n"),
        Gate.ALL,
        UNTESTABLE,
    ),
    Hostile(
        "continues-slowly",
        "sends 100 Continue ten times a second without end",
        lambda turn: forever(b"HTTP/1.1 100 Continue\r\n\r\n", pause=0.1),
        seconds=240,
        status=EITHER,
    ),
    Hostile(
        "floods-with-hints",
        "sends 103 Early Hints of 100 kB each without end",
        lambda turn: forever(b"HTTP/1.1 103 Early Hints\r\nLink: " + b"x" * 100_000 + b"\r\n\r\n"),
        status=EITHER,
    ),
    Hostile(
        "ninety-hints",
        "sends 90 interim answers before each answer, as it may",
        lambda turn: b"HTTP/1.1 103 Early Hints\r\n\r\n" * 90 + turn.good,
        status=CONFORMS,
        keeps=True,
    ),
    Hostile(
        "endless-body",
        "sends a body without end",
        endless_body,
        Gate.ALL,
        UNTESTABLE,
    ),
    Hostile("endless-body-of-attach", "sends a body without end for the operation", endless_body, status=EITHER),
    Hostile(
        "endless-chunks",
        "sends chunks of 64 kB without end",
        begun_chunked(b"10000\r\n" + bytes(65536) + b"\r\n"),
        status=EITHER,
    ),
    Hostile(
        "tiny-chunks",
        "sends chunks of one byte without end",
        begun_chunked(b"1\r\n{\r\n" * 10_000),
        seconds=240,
        status=EITHER,
    ),
    Hostile(
        "slow-chunks",
        "sends a chunk of one byte every 50 ms",
        begun_chunked(b"1\r\n{\r\n", pause=0.05),
        seconds=240,
        status=EITHER,
    ),
    Hostile("endless-size", "sends the size of a chunk without end", begun_chunked(b"0" * 65536), status=EITHER),
    Hostile("endless-trailers", "sends trailers without end", endless_trailers, status=EITHER),
    Hostile("accepts-and-closes", "closes every connection at once", lambda turn: b"", Gate.CONNECT, UNTESTABLE),
    Hostile("accepts-and-waits", "accepts connections and reads nothing", wait, Gate.CONNECT, UNTESTABLE),
    Hostile(
        "accepts-and-resets", "resets every connection at once", reset_after(lambda t: b""), Gate.CONNECT, UNTESTABLE
    ),
    Hostile(
        "answers-first",
        "answers before a request is read, and closes",
        lambda turn: b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
        Gate.CONNECT,
        FAILS,
    ),
    Hostile("never-answers", "reads requests and answers none", wait, Gate.ALL, UNTESTABLE),
    Hostile("never-answers-attach", "answers no request of the operation", wait, seconds=240, status=EITHER),
    Hostile("stops-answering", "answers nothing once it is probed", wait, Gate.LATER, UNDECIDED, 90),
    Hostile("closes-unanswered", "closes the connection instead of an answer", lambda turn: b""),
    Hostile("closes-within-status", "closes within the status line", cut(0.02), status=EITHER),
    Hostile("closes-within-head", "closes within the head", cut(0.2), status=EITHER),
    Hostile("closes-before-blank-line", "closes before the blank line after the head", cut_head, status=EITHER),
    Hostile("closes-after-head", "closes after the head", lambda turn: turn.head),
    Hostile("closes-within-body", "closes within the body", cut(0.9)),
    Hostile("resets-unanswered", "resets the connection instead of an answer", reset_after(lambda turn: b"")),
    Hostile(
        "resets-within-head",
        "resets the connection within the head",
        reset_after(lambda turn: turn.good[:40]),
        status=EITHER,
    ),
    Hostile("resets-within-body", "resets the connection within the body", reset_after(lambda turn: turn.good[:-9])),
    Hostile("two-answers", "answers each request twice", lambda turn: turn.good * 2, keeps=True),
    Hostile(
        "late-answer", "sends an answer that nobody asked for on an idle connection", late, status=FAILS, keeps=True
    ),
    *(Hostile(name, does, status_line(line), status=status) for name, (does, line, status) in STATUS_LINES.items()),
    *(Hostile(name, does, length_lines(*lines), status=WITH_LENGTHS) for name, (does, lines) in LENGTHS.items()),
    Hostile(
        "length-waited-for",
        "gives a length beyond what it sends, and keeps the connection open",
        held(length_lines(b"Content-Length: 99999")),
        seconds=240,
        status=EITHER,
    ),
    Hostile(
        "no-length-held",
        "gives no length, and keeps the connection open",
        held(length_lines()),
        seconds=240,
        status=EITHER,
    ),
    *(
        Hostile(name, does, chunked(make), status=CONFORMS if name == "chunk-extension-of-1-mb" else FAILS)
        for name, (does, make) in CHUNKS.items()
    ),
    *(
        Hostile(name, does, partial(lambda data, turn: data, data), Gate.ALL, UNTESTABLE)
        for name, (does, data) in OTHER_PROTOCOLS.items()
    ),
)
