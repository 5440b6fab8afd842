"""Other ways to frame an answer in HTTP/1, which RFC 9110 and RFC 9112 allow a server."""

from __future__ import annotations

import gzip
import itertools
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from ..behaviour import Behaviour, Finish, Serve
from ..call import Call
from ..changes import Change, apply, wrap
from ..wire.values import Farewell, Response
from .registry import STRIPE, Variants
from .wire import send

variant = Variants()

BATCH = "alarms 1"
TENTH = "alarms 10"
HEAD_END = b"\r\n\r\n"


def rewrite(edit: Callable[[bytes, bytes], bytes]) -> Change:
    """Make other bytes of the head and the body of every response."""
    return send(lambda call, response: replace(response, rewrite=edit))


def edit_head(edit: Callable[[bytes], bytes]) -> Change:
    """Write the head of every response in another way."""
    return rewrite(lambda head, body: edit(head) + body)


def edit_connection(edit: Callable[[bytes], bytes]) -> Change:
    """Write the Connection header of every response in another way, or leave it out."""

    def changed(head: bytes) -> bytes:
        before, name, value = head.removesuffix(HEAD_END).rpartition(b"\r\nConnection: ")
        line = edit(value)
        return before + (name + line if line else b"") + HEAD_END

    return edit_head(changed)


variant.row("early-hints", STRIPE, batch=BATCH)(
    "Every answer is preceded by `103 Early Hints`, which nobody asked for.",
    edit_head(lambda head: b"HTTP/1.1 103 Early Hints\r\nLink: </docs>; rel=preload\r\n\r\n" + head),
)
variant.row("processing-then-continue", STRIPE, batch=BATCH)(
    "Every answer is preceded by `102 Processing` twice and by `100 Continue`.",
    edit_head(lambda head: 2 * b"HTTP/1.1 102 Processing\r\n\r\n" + b"HTTP/1.1 100 Continue\r\n\r\n" + head),
)
variant.row("no-connection-header", STRIPE, batch=BATCH)(
    "Answers have no Connection header, as HTTP/1.1 keeps connections; only the last one of a connection has.",
    edit_connection(lambda value: b"" if value == b"keep-alive" else value),
)
variant.row("connection-offers-an-upgrade", STRIPE, batch=BATCH)(
    "Every answer offers `Upgrade: h2,h2c`, as Apache does.",
    edit_connection(
        lambda value: b"Upgrade, " + value.title() + b"\r\nUpgrade: h2,h2c\r\nKeep-Alive: timeout=5, max=99"
    ),
)


def spaced(head: bytes) -> bytes:
    """Return the head with white space around the values of its headers, and none in every second."""
    first, *lines = head.removesuffix(HEAD_END).split(b"\r\n")
    split = (line.partition(b": ") for line in lines)
    written = [
        name + (b":" + value if number % 2 else b":\t  " + value + b" \t ")
        for number, (name, _, value) in enumerate(split)
    ]
    return b"\r\n".join([first, *written]) + HEAD_END


variant.row("white-space-around-values", STRIPE, batch=BATCH)(
    "Header values have no white space, or much of it, before and behind them.", edit_head(spaced)
)
variant.row("length-with-zeros", STRIPE, batch=BATCH)(
    "The Content-Length has zeros before it.", edit_head(lambda head: head.replace(b"-Length: ", b"-Length: 000"))
)


def chunked_oddly(head: bytes, body: bytes) -> bytes:
    """Return the answer in chunks of three sizes, with extensions and trailers."""
    if b"\r\nContent-Length: " not in head:
        return head + body
    before, _, rest = head.partition(b"\r\nContent-Length: ")
    head = before + b"\r\nTransfer-Encoding: Chunked\r\nTrailer: X-Checksum" + rest[rest.index(b"\r\n") :]
    cut = (0, 1, len(body) // 2, len(body))
    pieces = (body[start:end] for start, end in itertools.pairwise(cut) if start < end)
    chunks = b"".join(b'%06X ; a=b;c="d, e" ; f\r\n%b\r\n' % (len(piece), piece) for piece in pieces)
    return head + chunks + b"000;last\r\nX-Checksum: %x\r\nX-Other:\r\n\r\n" % zlib.crc32(body)


variant.row("chunks-with-extensions-and-trailers", STRIPE, batch=BATCH)(
    "Answers come in chunks with extensions, capitals and leading zeros in their sizes, and trailers.",
    rewrite(chunked_oddly),
)


@variant(STRIPE, send, batch=BATCH)
def length_by_the_end(call: Call, response: Response) -> Response:
    """Answers are HTTP/1.1, and end where their connection ends: neither a length nor chunks."""
    ended = replace(response, until_close=True, close=True)
    return ended.with_header("Connection", "Close")


def kept_in_http_1_0(call: Call, response: Response) -> Response:
    """Return an answer of HTTP/1.0 that keeps its connection, where the client wishes it."""
    return replace(response, protocol="HTTP/1.0")


variant.row("http-1-0-keeps-connections", STRIPE, batch=BATCH)(
    "Answers are HTTP/1.0, and keep their connection by `Connection: keep-alive`.", send(kept_in_http_1_0)
)
variant.row("reason-in-latin-1", STRIPE, batch=BATCH)(
    "The reason phrase is a sentence with letters beyond ASCII.",
    send(lambda call, r: replace(r, reason=f"R\u00e9ponse {r.status}: tr\u00e8s bien,\tmerci")),
)


@variant(STRIPE, send, batch=BATCH)
def headers_of_a_content_network(call: Call, response: Response) -> Response:
    """Every answer has the headers that content networks add, some long, quoted, repeated or not in ASCII."""
    policy = "default-src 'none'; report-uri /r; " + "".join(f"img-src https://c{n}.example; " for n in range(300))
    more = (
        ("CF-Ray", "8f1e2d3c4b5a6978-FRA"),
        ("Age", "0"),
        ("X-Cache", "MISS, MISS"),
        ("Alt-Svc", 'h3=":443"; ma=86400, h2=":443"; ma=60'),
        ("NEL", '{"report_to":"default","max_age":3600,"success_fraction":0.01}'),
        ("Server-Timing", 'cfL4;desc="?proto=TCP&rtt=1", db;dur=5.3'),
        ("Set-Cookie", "sid=a=b; Path=/; Expires=Wed, 09 Jun 2032 10:18:14 GMT; HttpOnly; SameSite=Lax"),
        ("Set-Cookie", 'quoted="x y"; Max-Age=60'),
        ("Set-Cookie", "na\u00efve=\u00fc; Secure"),
        ("Set-Cookie", ""),
        ("Content-Disposition", 'attachment; filename="f.txt"'),
        ("Content-Language", "en, de-DE"),
        ("Content-Location", "/v1/elsewhere"),
        ("Location", "/v1/elsewhere"),
        ("Last-Modified", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("Deprecation", "@1688169599"),
        ("Content-Security-Policy", policy),
        ("X-Region", "\u00c5lesund, \u4f60".encode().decode("latin-1")),
        ("x_!#$%&'*+.^`|~9", "a name of every sign"),
        ("X-Empty", ""),
        ("Status", f"{response.status} as CGI says it"),
    )
    return replace(response, headers=(*more[:8], *response.headers, *more[8:]))


@variant(STRIPE, send, batch=BATCH)
def gzip_in_capitals_and_two_members(call: Call, response: Response) -> Response:
    """Answers are compressed as `GZIP` where that is accepted, in two members, and in chunks."""
    allowed = (call.request.header("accept-encoding") or "").replace(" ", "").lower().split(",")
    if "gzip" not in allowed:
        return response
    half = len(response.body) // 2
    packed = b"".join(gzip.compress(part, 9) for part in (response.body[:half], response.body[half:]))
    return replace(response, body=packed, chunked=True).with_header("Content-Encoding", "GZIP")


@variant(STRIPE, send, batch=BATCH)
def deflated(call: Call, response: Response) -> Response:
    """Answers are compressed as `deflate` (RFC 1950) where Accept-Encoding names it."""
    if "deflate" not in (call.request.header("accept-encoding") or ""):
        return response
    return replace(response, body=zlib.compress(response.body)).with_header("Content-Encoding", "deflate")


@variant(STRIPE, send, batch=BATCH)
def parameters_of_the_media_type(call: Call, response: Response) -> Response:
    """The media type has three parameters, one of them quoted with signs in it."""
    value = 'application/json;odata.metadata=minimal ; profile="https://a.example/;v=\\"1\\", x";CHARSET=utf-8'
    return response.with_header("Content-Type", value)


variant.row("head-before-body", STRIPE, batch=BATCH)(
    "Every answer comes in three pieces: the head, and the halves of the body, 3 ms after one another.",
    send(lambda call, r: replace(r, pause=0.003)),
)


def leave_after_rejections(farewell: Farewell) -> Change:
    """End the connection after each rejection, without announcing it."""
    return send(lambda call, r: replace(r, farewell=farewell) if r.status >= 400 and not r.close else r)


variant.row("closes-after-rejections", STRIPE, batch=BATCH)(
    "A connection ends after each rejection, unannounced.", leave_after_rejections(Farewell())
)
variant.row("resets-after-rejections", STRIPE, batch=BATCH)(
    "A connection is reset after each rejection, 5 ms after the answer.",
    leave_after_rejections(Farewell(after=0.005, reset=True)),
)


@variant(STRIPE, wrap("serve", numbers=partial(itertools.count, 1)), batch=BATCH)
def slow_to_wake(usual: Serve, call: Call, *, numbers: Iterator[int]) -> Response:
    """The first answer takes three seconds, as where a function starts for it."""
    if next(numbers) == 1:
        time.sleep(3.0)
    return usual(call)


@variant(STRIPE, batch=BATCH, deviates=("robustness.error-envelope",))
def front_server_with_narrow_limits(b: Behaviour) -> None:
    """A front-end server answers 413, 414 and 431 with pages in HTML, at 100 KB, 8 KB and 8 KB."""
    b.limits = replace(b.limits, body=100 * 1024, line=8190, header_bytes=8190)
    page = b"<html>\r\n<head><title>Request too large</title></head>\r\n<body>nginx</body>\r\n</html>\r\n"

    @apply(b, wrap("finish"))
    def finish(usual: Finish, call: Call, response: Response) -> Response:
        response = usual(call, response)
        if call.request.target != "/":
            return response
        return Response(response.status, (("Server", "nginx"), ("Content-Type", "text/html")), page, close=True)


@variant(STRIPE, wrap("serve"), batch=BATCH, deviates=("robustness.error-envelope",))
def escaped_slashes_never_arrive(usual: Serve, call: Call) -> Response:
    """A front-end server answers 404 with a page to an escaped slash or NUL in the path, as Apache does by default."""
    path = call.request.target.partition("?")[0].lower()
    if "%2f" not in path and "%00" not in path:
        return usual(call)
    page = b"<html><head>\n<title>404 Not Found</title>\n</head><body>\n<h1>Not Found</h1>\n</body></html>\n"
    return Response(404, (("Server", "Apache"), ("Content-Type", "text/html; charset=iso-8859-1")), page)


@variant(STRIPE, wrap("serve"), batch=TENTH, deviates=("request.other-headers",))
def expectations_are_417(usual: Serve, call: Call) -> Response:
    """A front-end server answers 417 with a page to a request that expects something, as old proxies do."""
    if call.request.header("expect") is None:
        return usual(call)
    page = b"<html><head><title>417 Expectation Failed</title></head></html>\n"
    return Response(417, (("Server", "lighttpd"), ("Content-Type", "text/html")), page, close=True)


@variant(STRIPE, wrap("serve"), batch="alarms 12")
def posts_without_a_length_are_411(usual: Serve, call: Call) -> Response:
    """A front-end server answers 411 with a page to a POST that announces no length, as lighttpd 1.4 does."""
    request = call.request
    announces_body = request.chunked or request.header("content-length") is not None
    if request.method != "POST" or announces_body:
        return usual(call)
    page = b"<html><head><title>411 Length Required</title></head></html>\n"
    return Response(411, (("Server", "lighttpd"), ("Content-Type", "text/html")), page, close=True)


@variant(STRIPE, wrap("serve"), batch=TENTH, deviates=("request.other-headers",))
def headers_beyond_ascii_are_400(usual: Serve, call: Call) -> Response:
    """An HTTP library rejects a header beyond ASCII with 400 and no body, before any application sees it."""
    if all(value.isascii() for _, value in call.request.headers):
        return usual(call)
    return Response(400, (), close=True)
