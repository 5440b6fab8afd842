"""Mistakes of hand-made servers, gateways and proxies in HTTP itself: request lines, headers, chunks, dates."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from ..behaviour import Behaviour, Finish, Guard, Serve
from ..call import Call
from ..changes import wrap, wrap_at_attach
from ..wire.values import Request, Response
from .parts import change_request, unexpected_error
from .registry import Topic

contract = Topic("contract")

BATCH = "ninth field, outer layers"

INNER_ADDRESSES = ("x-original-url", "x-rewrite-url")
"""Headers in which a rewriting front-end server tells the application what was asked for."""


# Request lines and headers.


@contract("request.header-names", "hard", batch=BATCH)
def headers_want_a_blank_behind_the_colon(b: Behaviour) -> None:
    """A header line is split at a colon and a blank: `Content-Type:application/…` is not found.

    `line.split(": ")` of servers by hand. RFC 9112 (5) has white space there as optional.
    """
    b.limits = replace(b.limits, blank=True)


@contract("request.exact-path", "hard", level="SHOULD", batch=BATCH)
def whole_urls_have_no_route(b: Behaviour) -> None:
    """A request line with the whole URL, as clients of a proxy send it, finds no route: 404.

    Handlers that compare `req.url`. RFC 9112 (3.2.2): a server must accept the absolute-form.
    """
    b.limits = replace(b.limits, whole_urls=False)


@contract("request.other-headers", "hard", wrap("serve"), level="SHOULD", batch=BATCH)
def underscores_in_headers_are_hyphens(usual: Serve, call: Call) -> Response:
    """`Stripe_Version` and `Idempotency_Key` are read as the headers with hyphens.

    CGI, FastCGI and WSGI make HTTP_STRIPE_VERSION of both; nginx drops such headers, Apache 2.2 and Gunicorn 21 do not.
    """
    if call.is_attach:
        hyphened = tuple((name.replace("_", "-"), value) for name, value in call.request.headers)
        call.request = replace(call.request, headers=hyphened)
    return usual(call)


@contract("request.other-headers", "hard", wrap("serve"), level="SHOULD", batch=BATCH)
def original_url_is_obeyed(usual: Serve, call: Call) -> Response:
    """`X-Original-URL` and `X-Rewrite-URL` take the place of the URL.

    Symfony 2.7 to 4.1 (CVE-2018-14773), Zend Framework, and others that support IIS with its rewriting.
    """
    rewritten = next((value for name, value in call.request.headers if name in INNER_ADDRESSES), None)
    if call.is_attach and rewritten is not None:
        call.request = replace(call.request, target=rewritten)
    return usual(call)


@contract("error.status-class", "medium", wrap_at_attach("check_version"), batch=BATCH)
def headers_beyond_ascii_crash(usual: Guard, call: Call) -> None:
    """A header with a letter beyond ASCII, as a client's name may have, is a 500: `value.decode("ascii")`.

    RFC 9110 (5.5): a recipient should treat other octets as opaque data.
    """
    usual(call)
    if not all(value.isascii() for name, value in call.request.headers if name != "authorization"):
        raise unexpected_error()


# Bodies.


def part_at_chunks(request: Request) -> Request:
    """Return the request with its form parted where a chunk ends."""
    return replace(request, body=b"&".join(request.chunks)) if request.chunked else request


contract.row("chunks-are-parsed-one-by-one", "request.chunked-body", "medium", level="SHOULD", batch=BATCH)(
    # `for await (const chunk of request) Object.assign(form, querystring.parse(chunk))`.
    "Each chunk of a body is parsed by itself: a pair that is cut by the end of a chunk is two.",
    change_request(part_at_chunks),
)


@contract("request.other-headers", "medium", level="SHOULD", batch=BATCH)
def body_is_read_once(b: Behaviour) -> None:
    """The body is read from the socket once: of a client that waits for a 100, and sends in pieces, the first is read.

    `request.recv(65536)` of servers by hand, and handlers of embedded servers that do not loop.
    """
    b.limits = replace(b.limits, once=True)


# Answers.


@contract("response.json", "hard", wrap("finish"), batch=BATCH)
def old_clients_get_chunks(usual: Finish, call: Call, response: Response) -> Response:
    """A request of HTTP/1.0, as nginx sends it as a proxy, is answered in chunks.

    `self.send_header("Transfer-Encoding", "chunked")`. RFC 9112 (6.1): a server must not.
    """
    response = usual(call, response)
    if not call.is_attach or call.request.version != "HTTP/1.0":
        return response
    return replace(response, rewrite=chunk)


def chunk(head: bytes, body: bytes) -> bytes:
    """Return the answer with its body in one chunk."""
    before, _, rest = head.partition(b"\r\nContent-Length: ")
    behind = rest[rest.index(b"\r\n") :]
    return before + b"\r\nTransfer-Encoding: chunked" + behind + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


@contract("response.date", "medium", wrap_at_attach("finish"), level="SHOULD", batch=BATCH)
def date_is_not_of_http(usual: Finish, call: Call, response: Response) -> Response:
    """The header Date is in ISO 8601: `new Date().toISOString()`.

    RFC 9110 (5.6.7): a sender must write a date in the fixed form, `Sun, 06 Nov 1994 08:49:37 GMT`.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return usual(call, response).with_header("Date", now)
