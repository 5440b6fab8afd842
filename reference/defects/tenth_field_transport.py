"""Mistakes of HTTP servers, proxies and form parsers: heads in pieces, chunks, HEAD, escapes, compression."""

from __future__ import annotations

import gzip
import time
from dataclasses import replace

from ..behaviour import Behaviour, Finish, Guard, Serve
from ..call import Call
from ..changes import apply, counter, interrupt, wrap, wrap_at_attach
from ..rules import errors
from ..rules.forms import RawPair
from ..wire.values import DROPPED, Headers, Response
from .parts import decoded_body, hang_up, is_utf8, rewrite_split
from .registry import Topic

contract = Topic("contract")
stripe = Topic("stripe")

BATCH = "tenth field, outer layers"

HEADER_ROOM = 32
"""The most headers of a request, in a table of fixed size."""
READ = 4096
"""The longest request that comes in one read, in bytes."""
WAIT = 5.0
"""Seconds of waiting for a body that nobody has announced."""
WORTH_COMPRESSING = 1024
"""The shortest body that is compressed, in bytes."""
ONE_DIGIT = 9
"""The longest chunk whose size is the same number in decimal as in hexadecimal."""


# How a request comes in.


@contract("request.other-headers", "hard", level="SHOULD", batch=BATCH)
def head_in_two_pieces_is_malformed(b: Behaviour) -> None:
    """The head of a request is looked for in one segment: one that comes in two is rejected with 400.

    libhv 1.3 (pull request 738), Peasy 1.2 (issue 16), old libwebsockets (pull request 154).
    """
    b.limits = replace(b.limits, whole_head=True)


@contract("request.other-headers", "hard", level="SHOULD", batch=BATCH)
def expectations_are_overlooked(b: Behaviour) -> None:
    """`Expect: 100-continue` is not looked at: the client waits for the 100 in vain, and then sends its body.

    cpp-httplib 0.5 (issue 349), snap-core (issue 15), HHVM (issue 1384). RFC 9110 (10.1.1): a server must answer.
    """
    b.limits = replace(b.limits, expects=False)


@contract("request.other-headers", "hard", level="SHOULD", batch=BATCH)
def connections_are_kept_against_the_wish(b: Behaviour) -> None:
    """`Connection: close` is not looked at: the connection is kept, and a client that reads to its end waits.

    NanoHTTPD 2.1 (issue 133), HttpServer.jl (issue 23), OrientDB 1.7 (issue 3037). RFC 9112 (9.6): a server must close.
    """
    b.limits = replace(b.limits, closes=False)


contract.row("thirty-three-headers-drop", "request.other-headers", "medium", level="SHOULD", batch=BATCH)(
    # dusty 0.9 (issue 162): a header too many makes the parser fail, and only its other limits are answered.
    "A request with more than 32 headers, as content networks make them, ends the connection without an answer.",
    interrupt(lambda call: len(call.request.headers) > HEADER_ROOM, hang_up),
)


@contract("robustness.still-serving", "hard", wrap("serve", stuck=dict), batch=BATCH)
def finished_request_stays(usual: Serve, call: Call, stuck: dict[int, Response]) -> Response:
    """A request that came in several reads stays in its connection's table: all that follow get its answer again.

    pyre.http (pull request 180).
    """
    connection = call.request.connection
    if connection in stuck:
        return stuck[connection]
    response = usual(call)
    if call.is_attach and len(call.request.body) > READ:
        stuck[connection] = response
    return response


@contract("robustness.still-serving", "hard", wrap_at_attach("serve"), batch=BATCH)
def post_without_a_length_is_waited_for(usual: Serve, call: Call) -> Response:
    """A POST with neither Content-Length nor chunks is thought to have a body, which is waited for in vain.

    cpp-httplib 0.6 (issue 523), node-restify 2.3 (issue 340), eventlet 0.37 (pull request 985).
    """
    request = call.request
    if request.method == "POST" and not request.chunked and request.header("content-length") is None:
        time.sleep(WAIT)
        return DROPPED
    return usual(call)


# Chunks.


@contract("request.chunked-body", "hard", wrap_at_attach("media_type"), level="SHOULD", batch=BATCH)
def chunked_with_a_capital_rejected(usual: Guard, call: Call) -> None:
    """`Transfer-Encoding: Chunked`, as Apple's NSURLConnection writes it, is rejected with 400.

    uWebSockets 20.70 (issue 1941), cpp-httplib 0.1 (pull request 54). RFC 9112 (7): codings know no case.
    """
    if call.request.chunked and call.request.header("transfer-encoding") != "chunked":
        raise errors.malformed_form()
    usual(call)


@contract("request.chunked-body", "hard", wrap_at_attach("media_type"), level="SHOULD", batch=BATCH)
def chunk_sizes_are_decimal(usual: Guard, call: Call) -> None:
    """The sizes of chunks are read as decimal numbers: what is longer than nine bytes is malformed, 400.

    http-z 7 (issue 66).
    """
    if any(len(chunk) > ONE_DIGIT for chunk in call.request.chunks if call.request.chunked):
        raise errors.malformed_form()
    usual(call)


@contract("request.chunked-body", "hard", level="SHOULD", batch=BATCH)
def chunk_extensions_rejected(b: Behaviour) -> None:
    """A chunk whose size has an extension behind it, `5;a=b`, is malformed, 400.

    hotaru_http 0.8 (issue 31), tink_http (pull request 146), http-parser.js.
    """
    b.limits = replace(b.limits, extensions=False)


# Forms and headers.


def read_after_the_name(name: bytes, value: bytes) -> RawPair:
    """Return a pair whose value is its name, where the value has an escape."""
    return (name, name) if b"%" in value else (name, value)


contract.row("escaped-values-are-their-names", "request.equivalent-encodings", "medium", batch=BATCH)(
    # Criollo 0.5 (issue 30): the branch for values with escapes was copied from the one for names.
    "A value with a percent escape in it is replaced by its name: `customer=cus%5F1` is `customer=customer`.",
    rewrite_split(read_after_the_name),
)


@contract("request.other-headers", "medium", wrap_at_attach("check_version"), level="SHOULD", batch=BATCH)
def languages_of_regions_rejected(usual: Guard, call: Call) -> None:
    """A language with digits in it, `es-419` (Spanish of Latin America), is no language: 400.

    Jersey 2 under JSON Blob (issue 22), java-http 0.1 (issue 4).
    """
    usual(call)
    wanted = (call.request.header("accept-language") or "").split(",")
    if any(digit.isdigit() for one in wanted for digit in one.partition(";")[0]):
        raise errors.malformed_form()


# Answers.


@contract("response.accepted-coding", "hard", wrap_at_attach("finish"), level="SHOULD", batch=BATCH)
def answers_compressed_for_everybody(usual: Finish, call: Call, response: Response) -> Response:
    """A body of 1 KiB and more is compressed for each client: Accept-Encoding is not looked at.

    Hono 4.12 with `compress({encoding: "gzip"})` (pull request 4951), koa-compress 4.0 (issue 107).
    """
    response = usual(call, response)
    if len(response.body) < WORTH_COMPRESSING:
        return response
    return replace(response, body=gzip.compress(response.body, mtime=0)).with_header("Content-Encoding", "gzip")


@stripe("header.request-id", "hard", wrap_at_attach("finish", shared=dict), batch=BATCH)
def rejections_of_bytes_share_their_headers(
    usual: Finish, call: Call, response: Response, shared: dict[str, Headers]
) -> Response:
    """The rejection of a body that is not UTF-8 is a constant, whose headers middleware has filled: all are the first.

    rack-utf8_sanitizer 1.9 (pull request 86).
    """
    response = usual(call, response)
    if response.status != 400 or is_utf8(decoded_body(call)):
        return response
    return replace(response, headers=shared.setdefault("first", response.headers))


@stripe("robustness.still-serving", "medium", wrap_at_attach("finish", seen=list), also="auth.missing", batch=BATCH)
def second_rejection_of_a_missing_key_hangs(usual: Finish, call: Call, response: Response, seen: list[int]) -> Response:
    """The answer to a request without a key is one object, which can be sent once: the next such request gets none.

    aiohttp 3.2 (issue 3020).
    """
    response = usual(call, response)
    if response.status != 401 or call.request.header("authorization") is not None:
        return response
    seen.append(1)
    return response if len(seen) == 1 else DROPPED


@contract("response.json", "hard", wrap_at_attach("finish"), batch=BATCH)
def head_has_a_body(usual: Finish, call: Call, response: Response) -> Response:
    """The answer to HEAD has a body, which a client takes for the next answer of the connection.

    Mongoose 6.18 (issue 1151), Qore's HttpServer (issue 3116), nghttpx 1.62 (pull request 2144).
    """
    response = usual(call, response)
    if call.request.method != "HEAD":
        return response
    return replace(response, rewrite=lambda head, _: head + response.body)


@stripe("idempotency.replay", "hard", also="robustness.same-request-same-answer", batch=BATCH, intermittent=True)
def every_fifth_attach_is_sent_twice(b: Behaviour) -> None:
    """The proxy sends each fifth attach again, whose answer it could not read, and passes on the second answer.

    Pingora 0.6 (issue 979). RFC 9110 (9.2.2): a proxy must not repeat what may have been executed.
    """
    is_unread = counter(5)

    @apply(b, wrap_at_attach("serve"))
    def serve(usual: Serve, call: Call) -> Response:
        response = usual(call)
        if call.request.method != "POST" or not is_unread():
            return response
        return usual(Call(call.world, call.request))
