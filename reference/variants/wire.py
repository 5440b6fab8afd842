"""Other ways to put an answer on the wire."""

from __future__ import annotations

import gzip as gzip_module
import itertools
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..behaviour import Behaviour
from ..call import Call
from ..values import Response
from .registry import STRIPE, Variants

variant = Variants()


def write(b: Behaviour, dump: Callable[[Any], str]) -> None:
    """Write JSON in another way."""
    b.dump = lambda call, payload: dump(payload).encode("utf-8")


def send(b: Behaviour, change: Callable[[Call, Response], Response]) -> None:
    """Send every response in another way."""
    usual = b.finish
    b.finish = lambda call, response: change(call, usual(call, response))


@variant(STRIPE)
def compact_json(b: Behaviour) -> None:
    """JSON without any white space."""
    write(b, lambda payload: json.dumps(payload, separators=(",", ":"), ensure_ascii=False))


def backwards(value: Any) -> Any:
    """The value with the keys of all its objects in the opposite order."""
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    return [backwards(item) for item in value] if isinstance(value, list) else value


@variant(STRIPE)
def keys_reversed(b: Behaviour) -> None:
    """JSON with the keys of every object in the opposite order."""
    write(b, lambda payload: json.dumps(backwards(payload), indent=2))


@variant(STRIPE)
def escaped_json(b: Behaviour) -> None:
    """JSON with escapes for underscores, slashes and everything that is not ASCII."""

    def dump(payload: Any) -> str:
        return json.dumps(payload).replace("/", "\\/").replace("_", "\\u005f")

    write(b, dump)


@variant(STRIPE)
def padded_json(b: Behaviour) -> None:
    """JSON with line ends and tabs around it and within."""
    write(b, lambda payload: "\r\n\t" + json.dumps(payload, indent="\t").replace("\n", "\r\n") + "\r\n\n")


@variant(STRIPE)
def charset_in_type(b: Behaviour) -> None:
    """The media type is `application/json; charset=utf-8`."""
    send(b, lambda call, r: r.with_header("Content-Type", "application/json; charset=utf-8"))


@variant(STRIPE)
def media_type_in_capitals(b: Behaviour) -> None:
    """The media type is `Application/JSON`."""
    send(b, lambda call, r: r.with_header("Content-Type", "Application/JSON"))


@variant(STRIPE)
def chunked_response(b: Behaviour) -> None:
    """Answers are sent in chunks, without a Content-Length."""
    send(b, lambda call, r: replace(r, chunked=True))


@variant(STRIPE)
def gzip(b: Behaviour) -> None:
    """Answers are compressed where Accept-Encoding allows it."""

    def compress(call: Call, response: Response) -> Response:
        allowed = (call.request.header("accept-encoding") or "").replace(" ", "").lower().split(",")
        if not {"gzip", "gzip;q=1.0", "gzip;q=1"} & set(allowed):
            return response
        packed = replace(response, body=gzip_module.compress(response.body, 1))
        return packed.with_header("Content-Encoding", "gzip").with_header("Vary", "Origin, Accept-Encoding")

    send(b, compress)


@variant(STRIPE)
def http_1_0(b: Behaviour) -> None:
    """Answers are HTTP/1.0, each with a connection of its own."""
    send(b, lambda call, r: replace(r, protocol="HTTP/1.0", close=True))


@variant(STRIPE)
def connection_close(b: Behaviour) -> None:
    """Every answer ends its connection."""
    send(b, lambda call, r: replace(r, close=True))


@variant(STRIPE)
def every_tenth_closes(b: Behaviour) -> None:
    """Every tenth answer on a connection ends it, and says so."""
    send(b, lambda call, r: replace(r, close=r.close or call.request.position % 10 == 0))


@variant(STRIPE)
def lower_case_headers(b: Behaviour) -> None:
    """The names of headers are in lower case."""
    send(b, lambda call, r: replace(r, lower_case=True))


@variant(STRIPE)
def more_headers(b: Behaviour) -> None:
    """There are many more headers, some of them twice and some empty."""
    more = (*((f"X-More-{number}", "x" * number) for number in range(40)), ("Via", "1.1 a"), ("Via", "1.1 b"))
    send(b, lambda call, r: replace(r, headers=(*r.headers, *more)))


@variant(STRIPE)
def no_reason_phrase(b: Behaviour) -> None:
    """The status line has no reason phrase."""
    send(b, lambda call, r: replace(r, reason=""))


@variant(STRIPE)
def no_date(b: Behaviour) -> None:
    """There is no Date header, nor any that names the server."""
    send(b, lambda call, r: r.without("Date", "Server", "Vary"))


@variant(STRIPE)
def slow(b: Behaviour) -> None:
    """Every answer takes a fifth of a second."""
    usual = b.serve

    def serve(call: Call) -> Response:
        time.sleep(0.2)
        return usual(call)

    b.serve = serve


@variant(STRIPE)
def unsteady(b: Behaviour) -> None:
    """Every twentieth answer takes half a second."""
    usual, numbers = b.serve, itertools.count(1)

    def serve(call: Call) -> Response:
        if next(numbers) % 20 == 0:
            time.sleep(0.5)
        return usual(call)

    b.serve = serve


@variant(STRIPE)
def path_prefix(b: Behaviour) -> None:
    """The API is below `/stripe/api`."""
    usual, prefix = b.serve, "/stripe/api"

    def serve(call: Call) -> Response:
        target = call.request.target
        if not target.startswith(prefix + "/"):
            return Response(404, (("Content-Type", "text/plain"),), b"Nothing here.")
        call.request = replace(call.request, target=target.removeprefix(prefix))
        return usual(call)

    b.serve, b.path_prefix = serve, prefix


@variant(STRIPE)
def large_body_is_413(b: Behaviour) -> None:
    """A body of more than 64 KiB is answered with 413."""
    b.limits = replace(b.limits, body=64 * 1024)


@variant(STRIPE)
def long_path_is_414(b: Behaviour) -> None:
    """A request line of more than 2,000 bytes is answered with 414."""
    b.limits = replace(b.limits, line=2000)
