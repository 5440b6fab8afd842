"""Mistakes of routers, gateways and middleware that show in how a request is read."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import replace

from ..behaviour import Unquote
from ..call import Call
from ..changes import crash, edit_response, interrupt, wrap_at_attach
from ..wire.values import Response
from .methods_and_paths import obey_method
from .registry import Topic

contract = Topic("contract")

BATCH = "fifth field"

OVERLONG = re.compile(rb"%[Cc]([01])%([89ABab])([0-9A-Fa-f])")
"""An escaped ASCII character in two octets instead of one."""
TEXT = (("Content-Type", "text/plain; charset=utf-8"),)


# The body.


def shortest_form(match: re.Match[bytes]) -> bytes:
    """Return the escape of the ASCII character that an overlong form stands for."""
    high, low = int(match[1]), int(match[2] + match[3], 16) & 0x3F
    return b"%%%02X" % (high << 6 | low)


@contract("request.value-exact", "hard", wrap_at_attach("unquote"), batch=BATCH)
def overlong_octets_are_letters(usual: Unquote, call: Call, raw: bytes) -> str:
    """Overlong forms of ASCII characters are decoded: `%C1%A3us_…` is `cus_…`.

    Tomcat 4 to 6 on the decoder of old Java: CVE-2008-2938.
    """
    return usual(call, OVERLONG.sub(shortest_form, raw))


# Methods.


contract.row("options-attaches", "request.other-methods", "medium", batch=BATCH)(
    "OPTIONS runs the route of POST: laravel-cors 0.9 (issue 223), sanic-cors without automatic_options (issue 30).",
    obey_method("OPTIONS"),
)


# Heads.


def tag_of(response: Response) -> str:
    """Return a weak entity tag of the body."""
    return f'W/"{zlib.crc32(response.body):x}"'


def has_tag(call: Call, tag: str) -> bool:
    """Return whether If-None-Match names that tag, or any."""
    wanted = [part.strip() for part in (call.request.header("if-none-match") or "").split(",")]
    return "*" in wanted or tag in wanted


def not_modified(call: Call, response: Response) -> Response:
    """Return a 304 if the client has that body."""
    tag = tag_of(response)
    response = response.with_header("ETag", tag)
    return replace(response, status=304, body=b"") if has_tag(call, tag) else response


contract.row("post-is-not-modified", "error.status-class", "hard", batch=BATCH)(
    "A POST with a matching If-None-Match, or `*`, is answered with 304: rack-cache (issue 44), ring (issue 200).",
    edit_response(not_modified, success=True),
)
contract.row(
    "expectations-fail", "request.other-headers", "medium", also="error.envelope", level="SHOULD", batch=BATCH
)(
    "`Expect: 100-continue` is answered with 417 and no body: lighttpd 1.4, Squid 3.1.",
    interrupt(lambda call: call.request.header("expect") is not None, lambda call: Response(417)),
)


def is_spoofed(call: Call) -> bool:
    """Return whether two headers disagree about the client's address."""
    client, forwarded = call.request.header("client-ip"), call.request.header("x-forwarded-for")
    return client is not None and forwarded is not None and client not in addresses(forwarded)


def addresses(forwarded: str) -> Sequence[str]:
    """Return the addresses in an X-Forwarded-For."""
    return [part.strip() for part in forwarded.split(",")]


contract.row("disagreeing-addresses-crash", "error.status-class", "hard", batch=BATCH)(
    "`Client-Ip` that is not in `X-Forwarded-For` is a 500: IpSpoofAttackError of Rails 8 (RemoteIp).",
    interrupt(is_spoofed, crash),
)
contract.row("opaque-origin-crashes", "error.status-class", "hard", batch=BATCH)(
    "`Origin: null` is a 500: it is read with `new URL`, as origin functions for Express's cors 2.8 often do.",
    interrupt(lambda call: call.request.header("origin") == "null", crash),
)


def forbid(call: Call) -> Response:
    """Return the answer of Go's protection."""
    return Response(403, TEXT, b"cross-origin request detected from Sec-Fetch-Site header\n")


contract.row(
    "fetch-metadata-forbids-other-sites",
    "request.other-site",
    "hard",
    also="error.envelope",
    level="SHOULD",
    batch=BATCH,
)(
    "`Sec-Fetch-Site: cross-site` is answered with 403: CrossOriginProtection of Go 1.25's net/http.",
    interrupt(lambda call: call.request.header("sec-fetch-site") == "cross-site", forbid),
)
