"""Other ways to put an answer on the wire, and to end connections early, which RFC 9112 section 9.3 allows."""

from __future__ import annotations

import gzip as gzip_module
import itertools
import json
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from ..behaviour import Behaviour, Dump, Finish, Serve
from ..call import Call
from ..changes import Change, apply, change, override, wrap
from ..wire.values import Farewell, Response
from .registry import STRIPE, Variants

variant = Variants()


def write(dump: Callable[[Any], str]) -> Change:
    """Write JSON in another way."""
    return override("dump", lambda call, payload: dump(payload).encode("utf-8"))


variant.row("compact-json", STRIPE)(
    "JSON without any white space.",
    write(lambda payload: json.dumps(payload, separators=(",", ":"), ensure_ascii=False)),
)


def backwards(value: Any) -> Any:
    """Return the value with the keys of all its objects in the opposite order."""
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    return [backwards(item) for item in value] if isinstance(value, list) else value


variant.row("keys-reversed", STRIPE)(
    "JSON with the keys of every object in the opposite order.",
    write(lambda payload: json.dumps(backwards(payload), indent=2)),
)


@variant(STRIPE, write)
def escaped_json(payload: Any) -> str:
    """JSON with escapes for underscores, slashes and everything that is not ASCII."""
    return json.dumps(payload).replace("/", "\\/").replace("_", "\\u005f")


variant.row("padded-json", STRIPE)(
    "JSON with line ends and tabs around it and within.",
    write(lambda payload: "\r\n\t" + json.dumps(payload, indent="\t").replace("\n", "\r\n") + "\r\n\n"),
)


def send(change: Callable[[Call, Response], Response]) -> Change:
    """Send every response in another way."""
    return wrap("finish")(lambda usual, call, response: change(call, usual(call, response)))


variant.row("charset-in-type", STRIPE)(
    "The media type is `application/json; charset=utf-8`.",
    send(lambda call, r: r.with_header("Content-Type", "application/json; charset=utf-8")),
)
variant.row("media-type-in-capitals", STRIPE)(
    "The media type is `Application/JSON`.", send(lambda call, r: r.with_header("Content-Type", "Application/JSON"))
)
variant.row("chunked-response", STRIPE)(
    "Answers are sent in chunks, without a Content-Length.", send(lambda call, r: replace(r, chunked=True))
)


@variant(STRIPE, send)
def gzip(call: Call, response: Response) -> Response:
    """Answers are compressed where Accept-Encoding allows it."""
    allowed = (call.request.header("accept-encoding") or "").replace(" ", "").lower().split(",")
    if not {"gzip", "gzip;q=1.0", "gzip;q=1"} & set(allowed):
        return response
    packed = replace(response, body=gzip_module.compress(response.body, 1))
    return packed.with_header("Content-Encoding", "gzip").with_header("Vary", "Origin, Accept-Encoding")


variant.row("http-1-0", STRIPE)(
    "Answers are HTTP/1.0, and each ends its connection.",
    send(lambda call, r: replace(r, protocol="HTTP/1.0", close=True)),
)
variant.row("connection-close", STRIPE)(
    "Every answer ends its connection.", send(lambda call, r: replace(r, close=True))
)
variant.row("every-tenth-closes", STRIPE)(
    "Every tenth answer on a connection ends it, and says so.",
    send(lambda call, r: replace(r, close=r.close or call.request.position % 10 == 0)),
)
variant.row("lower-case-headers", STRIPE)(
    "The names of headers are in lower case.", send(lambda call, r: replace(r, lower_case=True))
)


@variant(STRIPE)
def more_headers(b: Behaviour) -> None:
    """There are many more headers, some of them twice and some empty."""
    more = (*((f"X-More-{number}", "x" * number) for number in range(40)), ("Via", "1.1 a"), ("Via", "1.1 b"))
    send(lambda call, r: replace(r, headers=(*r.headers, *more)))(b)


variant.row("no-reason-phrase", STRIPE)(
    "The status line has no reason phrase.", send(lambda call, r: replace(r, reason=""))
)
variant.row("no-date", STRIPE)(
    "There is no Date header, nor any that names the server.", send(lambda call, r: r.without("Date", "Server", "Vary"))
)


@variant(STRIPE, wrap("serve"))
def slow(usual: Serve, call: Call) -> Response:
    """Every answer takes a fifth of a second."""
    time.sleep(0.2)
    return usual(call)


@variant(STRIPE, wrap("serve", numbers=partial(itertools.count, 1)))
def unsteady(usual: Serve, call: Call, *, numbers: Iterator[int]) -> Response:
    """Every twentieth answer takes half a second."""
    if next(numbers) % 20 == 0:
        time.sleep(0.5)
    return usual(call)


@variant(STRIPE)
def path_prefix(b: Behaviour) -> None:
    """The API is below `/stripe/api`."""
    prefix = "/stripe/api"

    @apply(b, wrap("serve"))
    def serve(usual: Serve, call: Call) -> Response:
        target = call.request.target
        if not target.startswith(prefix + "/"):
            return Response(404, (("Content-Type", "text/plain"),), b"Nothing here.")
        call.request = replace(call.request, target=target.removeprefix(prefix))
        return usual(call)

    b.path_prefix = prefix


@variant(STRIPE)
def large_body_is_413(b: Behaviour) -> None:
    """A body of more than 64 KiB is answered with 413."""
    b.limits = replace(b.limits, body=64 * 1024)


@variant(STRIPE)
def long_path_is_414(b: Behaviour) -> None:
    """A request line of more than 2,000 bytes is answered with 414."""
    b.limits = replace(b.limits, line=2000)


@variant(STRIPE, wrap("finish"), batch="unseen 1")
def padded_json_in_capitals(usual: Finish, call: Call, response: Response) -> Response:
    """JSON has white space around it, its media type is `Application/JSON ; Charset="UTF-8"`."""
    response = usual(call, response)
    padded = replace(response, body=b"\r\n\t " + response.body + b"\r\n\n")
    return padded.with_header("CONTENT-TYPE", 'Application/JSON ; Charset="UTF-8"')


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


@variant(STRIPE, wrap("dump"), batch="unseen 2")
def slashes_escaped(usual: Dump, call: Call, payload: object) -> bytes:
    r"""JSON as PHP writes it: `\/` for a slash, and every letter beyond ASCII as `\uXXXX`."""
    text = usual(call, payload).decode().replace("/", "\\/")
    units = (char if char.isascii() else _escaped(char) for char in text)
    return "".join(units).encode("ascii")


@variant(STRIPE, batch="reading 1")
def body_where_none_belongs_is_a_page(b: Behaviour) -> None:
    """A front-end server rejects the body of a GET or a DELETE, with a page in HTML."""
    page = b"<html><title>Error 400 (Bad Request)</title><p>Your client has issued a malformed request.</html>"

    @apply(b, wrap("finish"))
    def finish(usual: Finish, call: Call, response: Response) -> Response:
        response = usual(call, response)
        if call.request.method not in ("GET", "DELETE") or not call.request.body:
            return response
        return Response(400, (("Server", "front"), ("Content-Type", "text/html")), page)


def leave_after(count: int, farewell: Farewell) -> Change:
    """End each connection after `count` answers, without announcing it."""

    def change(call: Call, response: Response) -> Response:
        is_last = call.request.position % count == 0
        return replace(response, farewell=farewell) if is_last and not response.close else response

    return send(change)


variant.row("closes-after-each", STRIPE)(
    "Every connection ends after one answer, which does not announce it.", leave_after(1, Farewell())
)
variant.row("closes-after-two", STRIPE)(
    "Every connection ends after two answers, unannounced.", leave_after(2, Farewell())
)
variant.row("closes-after-three", STRIPE)(
    "Every connection ends after three answers, unannounced.", leave_after(3, Farewell())
)
variant.row("closes-after-five", STRIPE)(
    "Every connection ends after five answers, unannounced.", leave_after(5, Farewell())
)
variant.row("closes-after-ten", STRIPE)(
    "Every connection ends after ten answers, unannounced.", leave_after(10, Farewell())
)
variant.row("closes-after-twenty", STRIPE)(
    "Every connection ends after twenty answers, unannounced.", leave_after(20, Farewell())
)
variant.row("resets-after-each", STRIPE)(
    "Every connection is reset after one answer.", leave_after(1, Farewell(reset=True))
)
variant.row("resets-after-five", STRIPE)(
    "Every connection is reset after five answers.", leave_after(5, Farewell(reset=True))
)
variant.row("closes-soon-after-each", STRIPE)(
    "Every connection ends 2 ms after one answer, unannounced: about when the next request comes.",
    leave_after(1, Farewell(after=0.002)),
)
variant.row("lingers-after-each", STRIPE)(
    "Every connection ends after one answer, unannounced, and what comes by then is read and left.",
    leave_after(1, Farewell(lingers=True)),
)
variant.row("lingers-soon-after-each", STRIPE)(
    "As `lingers-after-each`, 2 ms later: the next request is often on its way by then.",
    leave_after(1, Farewell(after=0.002, lingers=True)),
)
variant.row("lingers-after-five", STRIPE)(
    "Every connection ends after five answers, unannounced, and what comes by then is read and left.",
    leave_after(5, Farewell(lingers=True)),
)


@change
def give_up_after(b: Behaviour, seconds: float) -> None:
    """Close connections that are idle for `seconds`."""
    b.idle = seconds


variant.row("closes-when-idle", STRIPE)(
    "A connection on which nothing comes for 50 ms is closed, unannounced.", give_up_after(0.05)
)
variant.row("closes-when-idle-for-a-moment", STRIPE)(
    "A connection on which nothing comes for 3 ms is closed, unannounced.", give_up_after(0.003)
)


@variant(STRIPE, send)
def http_1_0_without_length(call: Call, response: Response) -> Response:
    """Answers are HTTP/1.0, and end where their connection ends: no Content-Length, no Connection."""
    return replace(response, protocol="HTTP/1.0", until_close=True, close=True)


variant.row("cookie-of-the-balancer", STRIPE, batch="natural")(
    "A load balancer sets a cookie on every answer, which names a server.",
    send(lambda call, r: r.with_header("Set-Cookie", "AWSALB=c2VydmVyLTE; Path=/")),
)


@variant(STRIPE, wrap("serve"), batch="natural")
def final_slash_redirected(usual: Serve, call: Call) -> Response:
    """A URL with a slash at its end is redirected with 307 to the one without, as FastAPI 0.121 does."""
    path, question, query = call.request.target.partition("?")
    if not path.endswith("/"):
        return usual(call)
    return Response(307, (("Location", path.rstrip("/") + question + query),))


@variant(STRIPE, send, batch="zoo")
def request_id_without_a_key(call: Call, response: Response) -> Response:
    """Every answer has a Request-Id, that to a request without a key too, as middleware adds it."""
    return response if response.header("Request-Id") else response.with_header("Request-Id", call.request_id)


@variant(STRIPE, send, batch="zoo")
def etag_on_every_answer(call: Call, response: Response) -> Response:
    """Every answer has an ETag, as Express 5 and Rails 6.1 add it."""
    return response.with_header("ETag", f'W/"{len(response.body):x}-{zlib.crc32(response.body):08x}"')
