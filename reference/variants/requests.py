"""Other ways to read a request."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from urllib.parse import quote, unquote_to_bytes

from ..behaviour import Build, Guard, Route, Serve, Split, Unquote
from ..call import Call, Endpoint
from ..changes import wrap
from ..rules import errors
from ..rules.attach import Attempt
from ..rules.errors import ApiError, Rejection
from ..rules.forms import BROKEN_ESCAPE, Form, Pair, RawPair
from ..wire.values import Response
from .registry import STRIPE, Variants
from .rules import ask_before

variant = Variants()


@variant(STRIPE, partial(ask_before, "customer-structure"))
def duplicate_customer_refused(call: Call, attempt: Attempt) -> None:
    """`customer` sent twice is rejected."""
    if sum(name == "customer" for name, _ in call.parameters.pairs) > 1:
        raise errors.malformed_form()


@variant(STRIPE, wrap("build"))
def first_duplicate_counts(usual: Build, call: Call, pairs: object) -> Form:
    """The first of two values for `customer` counts."""
    assert isinstance(pairs, list)
    kept: dict[str, tuple[str, str]] = {}
    rest = [pair for pair in pairs if pair[0] != "customer" or kept.setdefault("customer", pair) is pair]
    return usual(call, rest)


@variant(STRIPE, wrap("split"))
def query_counts(usual: Split, call: Call, body: bytes) -> list[RawPair]:
    """Parameters in the query of a POST count like those in its body."""
    query = call.request.query.encode("latin-1") if call.request.method == "POST" else b""
    return [*usual(call, query), *usual(call, body)]


@variant(STRIPE, wrap("build"))
def control_characters_refused(usual: Build, call: Call, pairs: object) -> Form:
    """Control characters in a value make the whole request malformed."""
    assert isinstance(pairs, list)
    if any(character < " " for pair in pairs for text in pair for character in text):
        raise errors.malformed_form()
    return usual(call, pairs)


@variant(STRIPE, wrap("media_type"))
def media_type_required(usual: Guard, call: Call) -> None:
    """A body without a media type is rejected."""
    if call.request.body and not call.request.media_type:
        raise errors.wrong_media_type()
    usual(call)


@variant(STRIPE, wrap("media_type"), deviates=("request.charset-capitals",), batch="alarms 4")
def media_type_ends_with_no_semicolon(usual: Guard, call: Call) -> None:
    """A media type with a semicolon and nothing behind it is rejected, as the grammar of RFC 7231 has it."""
    if (call.request.header("content-type") or "").rstrip().endswith(";"):
        raise errors.wrong_media_type()
    usual(call)


@variant(STRIPE, wrap("media_type"))
def chunked_body_is_411(usual: Guard, call: Call) -> None:
    """A chunked body is answered with 411."""
    if call.request.chunked:
        raise errors.wire_error(411, "Length required.")
    usual(call)


@variant(STRIPE, wrap("build"), batch="unseen 1")
def first_of_two_customers(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """The first of two parameters `customer` counts."""
    first = next((pair for pair in pairs if pair[0] == "customer"), None)
    kept = [pair for pair in pairs if pair[0] != "customer" or pair is first]
    return replace(usual(call, kept), pairs=tuple(pairs))


@variant(STRIPE, wrap("media_type"), batch="unseen 1")
def length_required(usual: Guard, call: Call) -> None:
    """A chunked body is read and answered 411: the API asks for a Content-Length."""
    if call.request.chunked:
        raise ApiError(Rejection("variant", 411, "Send a Content-Length."))
    usual(call)


@variant(STRIPE, wrap("build"), batch="unseen 2")
def first_of_two_counts(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """The first of two values of the same name counts."""
    kept: dict[object, Pair] = {}
    for position, pair in enumerate(pairs):
        kept.setdefault(position if pair[0].endswith("[]") else pair[0], pair)
    return replace(usual(call, list(kept.values())), pairs=tuple(pairs))


@variant(STRIPE, wrap("build"), batch="reading 1")
def empty_expand_is_an_empty_array(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """`expand=` is how client libraries write an array without entries, and is taken for that."""
    return usual(call, [pair for pair in pairs if pair != ("expand", "")])


BATCH = "natural"
MOST_PAIRS = 1000


@variant(STRIPE, wrap("split"), batch=BATCH)
def broken_escapes_taken_literally(usual: Split, call: Call, body: bytes) -> list[RawPair]:
    """A percent sign that encodes nothing is a percent sign, as the URL Standard has it."""
    return [(literal(name), literal(value)) for name, value in usual(call, body)]


def literal(raw: bytes) -> bytes:
    """Return the bytes with each broken escape written as an escaped percent sign."""
    return BROKEN_ESCAPE.sub(b"%25", raw)


@variant(STRIPE, wrap("split"), batch=BATCH)
def more_than_a_thousand_pairs_are_413(usual: Split, call: Call, body: bytes) -> Sequence[RawPair]:
    """More than a thousand parameters are rejected with 413, as body-parser 2.2 does."""
    pairs = usual(call, body)
    if len(pairs) > MOST_PAIRS:
        raise ApiError(Rejection("variant", 413, "Too many parameters."))
    return pairs


@variant(STRIPE, wrap("media_type"), batch=BATCH)
def compressed_bodies_read(usual: Guard, call: Call) -> None:
    """A body that is called gzip is inflated, as body-parser 2.2 does; one that is none is rejected with 400."""
    if call.request.header("content-encoding") != "gzip":
        usual(call)
        return
    kept = tuple(header for header in call.request.headers if header[0] != "content-encoding")
    try:
        call.request = replace(call.request, headers=kept, body=gzip.decompress(call.request.body))
    except (OSError, EOFError, zlib.error):
        raise errors.malformed_form() from None
    usual(call)


@variant(STRIPE, wrap("build"), batch=BATCH)
def later_of_string_and_hash_counts(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """A string and a hash of one name: the later counts, as in PHP 8.4."""
    last = {name.partition("[")[0]: "[" in name for name, _ in pairs}
    kept = [pair for pair in pairs if ("[" in pair[0]) == last[pair[0].partition("[")[0]]]
    return usual(call, kept)


MOST_INDEX = 100
INDEX = re.compile(r"\[(\d+)\]")


@variant(STRIPE, wrap("build"), batch="zoo")
def high_indexes_refused(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """An index of 100 and more is rejected with 400, as qs 6.17 with an arrayLimit of 100 lets a schema do."""
    if any(int(index) >= MOST_INDEX for name, _ in pairs for index in INDEX.findall(name)):
        raise errors.malformed_form()
    return usual(call, pairs)


ALARMS = "alarms 1"


@variant(STRIPE, wrap("unquote"), batch=ALARMS)
def invalid_utf8_replaced(usual: Unquote, call: Call, raw: bytes) -> str:
    """Bytes that are not UTF-8 become replacement characters, as the URL Standard has it."""
    text = unquote_to_bytes(literal(raw.replace(b"+", b" "))).decode("utf-8", "replace")
    return usual(call, quote(text).encode())


@variant(STRIPE, wrap("serve"), batch=ALARMS)
def path_decoded_before_it_is_split(usual: Serve, call: Call) -> Response:
    """The path is decoded before it is taken apart, as WSGI has it: `%2F` in it is a slash."""
    path, question, query = call.request.target.partition("?")
    decoded = path.replace("%2f", "/").replace("%2F", "/")
    call.request = replace(call.request, target=decoded + question + query)
    return usual(call)


@variant(STRIPE, wrap("serve"), batch=ALARMS)
def dot_segments_removed(usual: Serve, call: Call) -> Response:
    """`.` and `..` in a path, escaped ones too, are taken for steps, as in RFC 3986 section 5.2.4."""
    path, question, query = call.request.target.partition("?")
    kept: list[str] = []
    for segment in path.split("/"):
        plain = segment.replace("%2e", ".").replace("%2E", ".")
        if plain == "..":
            kept[1:] = kept[1:-1]
        elif plain != ".":
            kept.append(segment)
    call.request = replace(call.request, target="/".join(kept) + question + query)
    return usual(call)


@variant(STRIPE, wrap("serve"), deviates=("request.exact-path",), batch=ALARMS)
def slashes_merged(usual: Serve, call: Call) -> Response:
    """Consecutive slashes in a path are one, and one at its end is none, as nginx merges them."""
    path, question, query = call.request.target.partition("?")
    merged = re.sub("/+", "/", path).rstrip("/")
    call.request = replace(call.request, target=merged + question + query)
    return usual(call)


@variant(STRIPE, wrap("serve"), deviates=("request.user-agent",), batch=ALARMS)
def user_agent_required(usual: Serve, call: Call) -> Response:
    """A request without a User-Agent is answered with 403, as some firewalls do."""
    if call.request.header("user-agent"):
        return usual(call)
    body = b'{"error": {"type": "invalid_request_error", "message": "Say who you are."}}'
    return Response(403, (("Content-Type", "application/json"),), body)


@variant(STRIPE, wrap("split"), batch=ALARMS)
def query_of_a_post_refused(usual: Split, call: Call, body: bytes) -> Sequence[RawPair]:
    """A POST with a query string is rejected."""
    if call.request.method == "POST" and call.request.query:
        raise errors.malformed_form()
    return usual(call, body)


FREEDOMS = "zoo"


@variant(STRIPE, wrap("build"), batch=FREEDOMS)
def nameless_pairs_dropped(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """A pair without a name is dropped, as qs, PHP and Rack do."""
    return usual(call, [pair for pair in pairs if pair[0]])


@variant(STRIPE, wrap("build"), batch=FREEDOMS)
def repeated_indexes_refused(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """An index that comes twice is rejected, as it is where a parser makes an array of both values."""
    indexed = [name for name, _ in pairs if INDEX.search(name)]
    if len(set(indexed)) < len(indexed):
        raise errors.malformed_form()
    return usual(call, pairs)


@variant(STRIPE, wrap("media_type"), batch=FREEDOMS)
def content_coding_overlooked(usual: Guard, call: Call) -> None:
    """The Content-Encoding of a request is not looked at, as Flask, Gin, Rails and Spring do not."""
    kept = tuple(header for header in call.request.headers if header[0] != "content-encoding")
    call.request = replace(call.request, headers=kept)
    usual(call)


@variant(STRIPE, wrap("media_type"), batch=FREEDOMS)
def unknown_charset_is_415(usual: Guard, call: Call) -> None:
    """A charset that is not UTF-8 is answered with 415, as body-parser does."""
    named = (call.request.header("content-type") or "").lower().replace('"', "").partition("charset=")[2]
    if named not in ("", "utf-8"):
        raise errors.wire_error(415, "The charset is not supported.")
    usual(call)


@variant(STRIPE, wrap("route"), batch=FREEDOMS)
def unreadable_ids_are_unknown(usual: Route, call: Call) -> Endpoint:
    """An id in the path that cannot be decoded names nothing, and is answered with 404."""
    try:
        return usual(call)
    except ApiError as error:
        if error.rejection.rule != "malformed":
            raise
        raise errors.no_such("PaymentMethod", call.request.path, "payment_method", 404) from None


@variant(STRIPE, wrap("serve"), batch=FREEDOMS)
def options_answered(usual: Serve, call: Call) -> Response:
    """OPTIONS says which methods there are, with a key and without one, as Flask and Express with cors do."""
    if call.request.method != "OPTIONS":
        return usual(call)
    return Response(200, (("Allow", "OPTIONS, POST"), ("Content-Type", "text/html; charset=utf-8")), b"")


@variant(STRIPE, wrap("authenticate"), deviates=("method.unrecognized",), batch=FREEDOMS)
def method_before_key(usual: Guard, call: Call) -> None:
    """Another method on the attach URL is answered with 405 before the key is asked for, as Gin does."""
    if call.is_attach and call.request.method != "POST":
        raise ApiError(Rejection("variant", 405, "There is no such method.", headers=(("Allow", "POST"),)))
    usual(call)


@variant(STRIPE, wrap("split"), batch="alarms 5")
def line_end_behind_the_body_left_out(usual: Split, call: Call, body: bytes) -> list[RawPair]:
    """White space behind the whole body is no part of its last value, as aiohttp reads a form."""
    return list(usual(call, body.rstrip()))
