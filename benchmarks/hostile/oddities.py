"""A server whose answers hold legal and illegal oddities: the reference with one member, header or frame replaced.

No oddity may end in an error of the suite. Whether it conforms is not asked here.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from reference import build
from reference.call import Call
from reference.wire.server import Server
from reference.wire.values import Request, Response

PLACEHOLDER = "@@odd@@"
MANY_LEVELS, TOO_MANY_LEVELS = 300, 100_000
AFTER_PROBING = 25
"""The number of responses left unchanged, so that the suite does not give up while it probes the target."""

JSON_VALUES: Mapping[str, str] = {
    "null": "null",
    "true": "true",
    "zero": "0",
    "minus-zero": "-0",
    "integer-of-5000-digits": "9" * 5000,
    "fraction-of-5000-digits": "0." + "9" * 5000,
    "exponent-too-large": "1e999999",
    "exponent-too-small": "1e-999999",
    "not-a-number": "NaN",
    "infinity": "-Infinity",
    "empty-text": '""',
    "lone-surrogate": '"\\ud800"',
    "key-with-lone-surrogate": '{"\\ud800": {"\\udfff": "\\ud800"}}',
    "control-characters": '"\\u0000\\u0007\\u001b[31m\\u009b\\u202e\\r\\n]]>&<"',
    "astral": '"\\ud83d\\ude00"',
    "list": "[]",
    "list-of-numbers": "[1, 2.5, null, [], {}]",
    "list-of-lists": "[[[]]]",
    "object": "{}",
    "object-of-objects": '{"id": {"id": []}, "object": {}, "data": {}, "type": [], "code": {}}',
    "300-levels": '{"a":' * MANY_LEVELS + "1" + "}" * MANY_LEVELS,
    "300-lists": "[" * MANY_LEVELS + "]" * MANY_LEVELS,
    "100000-levels": "[" * TOO_MANY_LEVELS + "]" * TOO_MANY_LEVELS,
}
"""JSON texts by name; the least and the greatest are those that JSON parsers and Python's own limits stumble over."""

MEMBERS: tuple[str, ...] = (
    "",
    "id",
    "object",
    "created",
    "livemode",
    "metadata",
    "type",
    "card",
    "billing_details",
    "customer",
    "customer.id",
    "customer.object",
    "customer.invoice_settings",
    "customer.invoice_settings.default_payment_method",
    "invoice_settings",
    "invoice_settings.default_payment_method",
    "data",
    "data.0",
    "data.0.id",
    "data.0.customer",
    "has_more",
    "deleted",
    "error",
    "error.type",
    "error.code",
    "error.param",
    "error.message",
    "error.decline_code",
    "surprise",
)
"""The members that the suite reads anywhere, as paths; the empty one is the whole body, `surprise` is an extra one."""

HEADERS: Mapping[str, tuple[str, ...]] = {
    "Date": ("Fri, 01 Jan 99999999 00:00:00 GMT", "garbage", "", "Mon, 99 Foo 2026 99:99:99 +99999999", "\xff\xfe"),
    "Content-Type": ("", "\xff", "application/json; charset=\xe9", ";;;", "a" * 9000, "application/json; charset=x"),
    "Request-Id": ("", "\xff\xfe", "req_\x7f\x1b[31m", "req_" + "x" * 9000),
    "Stripe-Version": ("", "\xff", "99999999999999"),
    "Retry-After": ("9" * 400, "-1", "Fri, 01 Jan 99999999 00:00:00 GMT", "\xb2", "1e9"),
    "WWW-Authenticate": ("", "\xff", "Bearer realm=\xe9", ",,,,"),
    "Content-Encoding": ("", "\xff", "gzip", "br", "gzip, gzip"),
    "Idempotent-Replayed": ("", "\xff", "yes"),
    "Cache-Control": ("", "\xff", ",,,"),
    "Set-Cookie": (
        "\xff=\xfe; Expires=Fri, 01 Jan 99999999 00:00:00 GMT",
        "=;=;",
        "a=b; Domain=\xff; Max-Age=" + "9" * 400,
    ),
    "Location": ("http://[", "\xff", "//" * 500),
    "Connection": ("\xff", "close, keep-alive", "upgrade"),
}
"""Values of headers that are odd, by the header's name; characters up to U+00FF stand for bytes."""


def _with_other_length(value: str, head: bytes, body: bytes) -> bytes:
    return _with_length(head, value) + body


def _in_chunks(form: bytes, head: bytes, body: bytes) -> bytes:
    return _as_chunks(head, body, form)


def _with_first_line(line: bytes, head: bytes, body: bytes) -> bytes:
    return line + head[head.index(b"\r\n") :] + body


def _with_lines(lines: bytes, head: bytes, body: bytes) -> bytes:
    return head[:-2] + lines + b"\r\n" + body


Frame = Callable[[bytes, bytes], bytes]


def _numbered(
    name: str, change: Callable[[bytes, bytes, bytes], bytes], values: Iterable[bytes]
) -> Mapping[str, Frame]:
    """Return the change with each of the values, by the name and the number of the value."""
    return {f"{name}-{number}": partial(change, value) for number, value in enumerate(values)}


FRAMES: Mapping[str, Frame] = {
    **{
        f"length-{value or 'blank'}"[:20]: partial(_with_other_length, value)
        for value in ("+5", "5, 5", "-1", "0x5", "9" * 30, "", " ", "5 5", "\xb2", "1e3", "9" * 5000)
    },
    **_numbered(
        "chunks",
        _in_chunks,
        (
            b"%X\r\n%b\r\n0\r\n\r\n",
            b"0000000000000000%x\r\n%b\r\n000\r\n\r\n",
            b'%x;name="a;b\\r"\r\n%b\r\n0;x\r\n\r\n',
            b"%x \r\n%b\r\n0\r\nX-Trailer: \xff\r\n\r\n",
            b"%xffffffffffffffffffffffff\r\n%b\r\n0\r\n\r\n",
            b"-%x\r\n%b\r\n0\r\n\r\n",
            b"0x%x\r\n%b\r\n0\r\n\r\n",
            b"+%x\r\n%b\r\n0\r\n\r\n",
            b"%xzz\r\n%b\r\n0\r\n\r\n",
            b"%x\r\n%b0\r\n\r\n",
            b"\r\n%x%b",
        ),
    ),
    **_numbered(
        "status-line",
        _with_first_line,
        (
            b"HTTP/1.1 200",
            b"HTTP/1.1 200 \xff\xfe",
            b"HTTP/1.1  200  OK",
            b"HTTP/1.1 099 Low",
            b"HTTP/1.1 999 High",
            b"HTTP/1.1 1000 Higher",
            b"HTTP/1.1 -200 Below",
            b"HTTP/1.1 \xb2\xb2\xb2 Superscript",
            b"HTTP/1.1 abc",
            b"HTTP/9.9 200 OK",
            b"HTTP/1.0 200 OK",
            b"ICY 200 OK",
            b"",
            b"HTTP/1.1 101 Switching",
            b"HTTP/1.1 204 None",
            b"HTTP/1.1 304 Same",
        ),
    ),
    **_numbered(
        "header-lines",
        _with_lines,
        (
            b": no name\r\n",
            b"no colon\r\n",
            b" folded\r\n",
            b"X-A: 1\r\nX-A: 2\r\nx-a: \xff\r\n",
            b"Content-Type: text/html\r\nDate: x\r\nRequest-Id: req_2\r\n",
            b"Content-Length: 7\r\n",
            b"Transfer-Encoding: gzip\r\n",
            b"X-\xff\xfe: \xf0\x9f\x98\x80\r\n",
            b"X-Nul: a\0b\r\n",
            b"X-Many: y\r\n" * 150,
            b"X-Long: " + b"y" * 70_000 + b"\r\n",
        ),
    ),
}
"""How an answer's head and body are written down, by name."""


@dataclass(frozen=True)
class Oddity:
    """One replacement, made in every answer, or `after_probing` only; `frame` changes bytes, `change` all else."""

    name: str
    change: Callable[[Response], Response] = lambda response: response
    frame: Callable[[bytes, bytes], bytes] | None = None
    after_probing: bool = False


def of_member(path: str, value: str, *, after_probing: bool = False) -> Oddity:
    """Put the JSON text of that name in the place of a member, at every place of that member."""

    def change(response: Response) -> Response:
        body = replaced(response.body, path, JSON_VALUES[value])
        return response if body is None else replace(response, body=body)

    return Oddity(f"{path or 'body'}={value}", change, after_probing=after_probing)


def of_header(name: str, value: str, *, status: int | None = None, after_probing: bool = False) -> Oddity:
    """Give a header that value, and answers of the operation that status."""

    def change(response: Response) -> Response:
        changed = response.with_header(name, value)
        return changed if status is None else replace(changed, status=status)

    return Oddity(f"{name}: {value[:20]!r}", change, after_probing=after_probing)


def of_frame(name: str, *, after_probing: bool = False) -> Oddity:
    """Write every answer down in the way of that name."""
    return Oddity(name, frame=FRAMES[name], after_probing=after_probing)


def every_oddity() -> Iterator[Oddity]:
    """Yield all of them: every value at every member, every header, every frame."""
    for after in (True, False):
        for path, value in itertools.product(MEMBERS, JSON_VALUES):
            yield of_member(path, value, after_probing=after)
        for name, values in HEADERS.items():
            yield from (of_header(name, value, after_probing=after) for value in values)
        yield from (of_frame(name, after_probing=after) for name in FRAMES)


@contextlib.contextmanager
def running_with(*oddities: Oddity) -> Iterator[Server]:
    """Serve the reference with these oddities for as long as the block lasts; they take turns, answer by answer."""
    server = _Odd(oddities)
    try:
        yield server.start()
    finally:
        server.stop()


class _Odd:
    def __init__(self, oddities: tuple[Oddity, ...]) -> None:
        self.oddities = oddities
        self.server = build()
        self.count = itertools.count()
        behaviour = self.server.world.behaviour
        usual = behaviour.finish
        self._encode = self.server.encode

        def finish(call: Call, response: Response) -> Response:
            response = usual(call, response)
            number = next(self.count)
            oddity = oddities[number % len(oddities)]
            if oddity.after_probing and number < AFTER_PROBING:
                return response
            return oddity.change(response)

        behaviour.finish = finish

    def start(self) -> Server:
        self.server.encode = self._encoded
        self.server.start()
        return self.server

    def stop(self) -> None:
        self.server.stop()

    def _encoded(self, request: Request | None, response: Response) -> tuple[bytes, bool]:
        data, close = self._encode(request, response)
        number = next(self.count)
        frame = self.oddities[number % len(self.oddities)].frame
        if frame is None or (self.oddities[0].after_probing and number < 2 * AFTER_PROBING):
            return data, close
        head, separator, body = data.partition(b"\r\n\r\n")
        return frame(head + separator, body), True


def replaced(body: bytes, path: str, text: str) -> bytes | None:
    """Return the JSON `body` with a text in the place of a member; None where it has no such place."""
    if not path:
        return text.encode()
    try:
        value = json.loads(body)
    except ValueError:
        return None
    *outer, last = path.split(".")
    inner: Any = value
    for name in outer:
        inner = _member(inner, name)
    if (last == "surprise" and isinstance(inner, dict)) or (isinstance(inner, dict) and last in inner):
        inner[last] = PLACEHOLDER
    elif isinstance(inner, list) and last.isdecimal() and int(last) < len(inner):
        inner[int(last)] = PLACEHOLDER
    else:
        return None
    return json.dumps(value).replace(f'"{PLACEHOLDER}"', text).encode()


def _member(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return value.get(name)
    if isinstance(value, list) and name.isdecimal() and int(name) < len(value):
        return value[int(name)]
    return None


def _with_length(head: bytes, value: str) -> bytes:
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"content-length", b"transfer-enc"))]
    return b"\r\n".join([lines[0], b"Content-Length: " + value.encode("latin-1"), *lines[1:]])


def _as_chunks(head: bytes, body: bytes, form: bytes) -> bytes:
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"content-length", b"transfer-enc"))]
    return b"\r\n".join([lines[0], b"Transfer-Encoding: chunked", *lines[1:]]) + form % (len(body), body)
