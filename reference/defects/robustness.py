"""Crashes and lost connections on strange input."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from ..behaviour import Behaviour
from ..call import Call
from ..forms import BROKEN_ESCAPE
from ..values import DROPPED, Response
from .registry import Chapter
from .tools import crash, interrupt

seed = Chapter("robustness", "contract")


def drop(call: Call) -> Response:
    """Hang up."""
    return DROPPED


def decoded(call: Call) -> bytes:
    """The body with its escapes undone."""
    return unquote_to_bytes(call.request.body)


def text(call: Call) -> str:
    """The same as text; what is no UTF-8 is left out."""
    return decoded(call).decode("utf-8", "ignore")


def is_utf8(data: bytes) -> bool:
    """Whether the bytes are UTF-8."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def identifier(call: Call) -> str:
    """The id in the path, as sent."""
    return call.request.path.removeprefix("/v1/payment_methods/").removesuffix("/attach")


@seed("robustness.malformed-encoding", "easy")
def malformed_escape_crashes(b: Behaviour) -> None:
    """A malformed percent escape in the body is a 500."""
    interrupt(b, lambda call: bool(BROKEN_ESCAPE.search(call.request.body)), crash)


@seed("robustness.malformed-encoding", "medium")
def malformed_escape_drops(b: Behaviour) -> None:
    """A malformed percent escape in the body ends the connection."""
    interrupt(b, lambda call: bool(BROKEN_ESCAPE.search(call.request.body)), drop)


@seed("robustness.malformed-encoding", "hard")
def cut_escape_crashes(b: Behaviour) -> None:
    """A percent sign with less than two characters behind it is a 500: the index is out of range."""
    interrupt(b, lambda call: re.search(rb"%[^&%]?(?:&|$)", call.request.body) is not None, crash)


@seed("robustness.invalid-utf8", "easy")
def invalid_utf8_crashes(b: Behaviour) -> None:
    """Bytes that are no UTF-8 are a 500."""
    interrupt(b, lambda call: not is_utf8(decoded(call)), crash)


@seed("robustness.invalid-utf8", "medium")
def invalid_utf8_drops(b: Behaviour) -> None:
    """Bytes that are no UTF-8 end the connection."""
    interrupt(b, lambda call: not is_utf8(decoded(call)), drop)


@seed("robustness.control-characters", "medium", also=("error.status-class",))
def nul_crashes(b: Behaviour) -> None:
    """A NUL in the body is a 500, the database's."""
    interrupt(b, lambda call: b"\0" in decoded(call), crash)


@seed("robustness.control-characters", "medium")
def control_characters_drop(b: Behaviour) -> None:
    """Control characters in the body end the connection."""
    interrupt(b, lambda call: any(0 < byte < 32 or byte == 127 for byte in decoded(call)), drop)


@seed("robustness.non-bmp", "medium", also=("error.status-class",))
def non_bmp_crashes(b: Behaviour) -> None:
    """A character beyond the basic plane is a 500: the column is three bytes wide."""
    interrupt(b, lambda call: any(ord(character) > 0xFFFF for character in text(call)), crash)


@seed("robustness.non-bmp", "medium")
def non_bmp_drops(b: Behaviour) -> None:
    """A character beyond the basic plane ends the connection."""
    interrupt(b, lambda call: any(ord(character) > 0xFFFF for character in text(call)), drop)


@seed("robustness.quotes", "medium", also=("error.status-class",))
def quote_crashes(b: Behaviour) -> None:
    """A single quote in the body is a 500: it ends the string in a query."""
    interrupt(b, lambda call: b"'" in decoded(call), crash)


@seed("robustness.quotes", "medium")
def backslash_drops(b: Behaviour) -> None:
    """A double quote or a backslash in the body ends the connection."""
    interrupt(b, lambda call: b'"' in decoded(call) or b"\\" in decoded(call), drop)


@seed("robustness.empty-values", "medium", also=("error.status-class",))
def empty_customer_crashes(b: Behaviour) -> None:
    """An empty `customer` is a 500."""
    interrupt(b, lambda call: re.search(rb"(?:^|&)customer=?(?:&|$)", call.request.body) is not None, crash)


@seed("robustness.empty-values", "hard")
def empty_expand_crashes(b: Behaviour) -> None:
    """An empty item of `expand` is a 500."""
    empty = re.compile(rb"(?:^|&)expand(?:%5[Bb]|\[)\d*(?:%5[Dd]|\])=?(?:&|$)")
    interrupt(b, lambda call: empty.search(call.request.body) is not None, crash)


def longest_value(call: Call) -> int:
    """The length of the longest value, as sent."""
    return max(len(pair.partition(b"=")[2]) for pair in call.request.body.split(b"&"))


@seed("robustness.long-value", "medium", also=("robustness.large-body", "error.status-class"))
def long_value_crashes(b: Behaviour) -> None:
    """A value of more than 65,535 bytes is a 500."""
    interrupt(b, lambda call: longest_value(call) > 65535, crash)


@seed("robustness.long-value", "medium", also=("robustness.large-body",))
def long_value_drops(b: Behaviour) -> None:
    """A value of more than 65,535 bytes ends the connection."""
    interrupt(b, lambda call: longest_value(call) > 65535, drop)


@seed("robustness.long-path-id", "medium")
def long_path_id_drops(b: Behaviour) -> None:
    """An id of more than 2,000 characters in the path ends the connection."""
    interrupt(b, lambda call: len(identifier(call)) > 2000, drop)


@seed("robustness.long-path-id", "medium")
def long_path_id_crashes(b: Behaviour) -> None:
    """An id of more than 1,024 characters in the path is a 500."""
    interrupt(b, lambda call: len(identifier(call)) > 1024, crash)


@seed("robustness.odd-path-id", "medium")
def dots_in_path_crash(b: Behaviour) -> None:
    """An id of dots in the path is a 500."""
    interrupt(b, lambda call: set(identifier(call).replace("%2E", ".").replace("%2e", ".")) == {"."}, crash)


@seed("robustness.odd-path-id", "medium", also=("robustness.path-encoding",))
def blank_in_path_drops(b: Behaviour) -> None:
    """A blank in the id in the path ends the connection."""
    interrupt(b, lambda call: "%20" in identifier(call) or "+" in identifier(call), drop)


@seed("robustness.path-encoding", "medium", also=("robustness.odd-path-id",))
def encoded_slash_crashes(b: Behaviour) -> None:
    """An encoded slash in the path is a 500."""
    interrupt(b, lambda call: "%2f" in identifier(call).lower(), crash)


@seed("robustness.path-encoding", "medium", also=("robustness.odd-path-id",))
def nul_in_path_crashes(b: Behaviour) -> None:
    """An encoded NUL in the path is a 500."""
    interrupt(b, lambda call: "%00" in identifier(call), crash)


@seed("robustness.path-encoding", "medium", also=("robustness.odd-path-id",))
def malformed_path_drops(b: Behaviour) -> None:
    """A malformed percent escape in the path ends the connection."""
    interrupt(b, lambda call: bool(BROKEN_ESCAPE.search(identifier(call).encode("latin-1"))), drop)


@seed("robustness.large-body", "medium")
def large_body_drops(b: Behaviour) -> None:
    """A body of more than 512 KiB ends the connection."""
    interrupt(b, lambda call: len(call.request.body) > 512 * 1024, drop)


@seed("robustness.large-body", "medium")
def large_body_crashes(b: Behaviour) -> None:
    """A body of more than 900,000 bytes is a 500."""
    interrupt(b, lambda call: len(call.request.body) > 900_000, crash)


@seed("robustness.many-parameters", "medium")
def many_parameters_crash(b: Behaviour) -> None:
    """More than 1,000 parameters are a 500."""
    interrupt(b, lambda call: call.request.body.count(b"&") >= 1000, crash)


@seed("robustness.many-parameters", "medium")
def many_parameters_drop(b: Behaviour) -> None:
    """More than 5,000 parameters end the connection."""
    interrupt(b, lambda call: call.request.body.count(b"&") >= 5000, drop)


@seed("robustness.deep-brackets", "medium")
def deep_brackets_crash(b: Behaviour) -> None:
    """Brackets more than 30 deep are a 500: the recursion is too deep."""
    interrupt(b, lambda call: re.search(r"(?:\[[^\[\]&=]*\]){31}", text(call)) is not None, crash)


@seed("robustness.deep-brackets", "medium")
def deep_brackets_drop(b: Behaviour) -> None:
    """Brackets more than 50 deep end the connection."""
    interrupt(b, lambda call: re.search(r"(?:\[[^\[\]&=]*\]){51}", text(call)) is not None, drop)


@seed("robustness.no-media-type", "medium")
def no_media_type_crashes(b: Behaviour) -> None:
    """A body without a media type is a 500."""
    interrupt(b, lambda call: call.request.header("content-type") is None and bool(call.request.body), crash)


@seed("robustness.no-media-type", "medium")
def no_media_type_drops(b: Behaviour) -> None:
    """A body without a media type ends the connection."""
    interrupt(b, lambda call: call.request.header("content-type") is None and bool(call.request.body), drop)


@seed("robustness.chunked-body", "medium")
def chunked_body_drops(b: Behaviour) -> None:
    """A chunked body ends the connection."""
    interrupt(b, lambda call: call.request.chunked, drop)


@seed("robustness.chunked-body", "medium")
def chunked_body_crashes(b: Behaviour) -> None:
    """A chunked body is a 500: there is no Content-Length to be read."""
    interrupt(b, lambda call: call.request.chunked, crash)


def as_html(status: int) -> Callable[[Call], Response]:
    """A proxy's answer."""
    page = f"<html><head><title>{status}</title></head><body>nginx</body></html>".encode()
    return lambda call: Response(status, (("Content-Type", "text/html"),), page)


@seed("robustness.error-envelope", "medium", level="SHOULD")
def malformed_escape_as_html(b: Behaviour) -> None:
    """A malformed percent escape is answered with 400 and a page of HTML."""
    interrupt(b, lambda call: bool(BROKEN_ESCAPE.search(call.request.body)), as_html(400))


@seed("robustness.error-envelope", "medium", level="SHOULD")
def large_body_as_html(b: Behaviour) -> None:
    """A body of more than 512 KiB is answered with 413 and a page of HTML."""
    interrupt(b, lambda call: len(call.request.body) > 512 * 1024, as_html(413))


@seed("robustness.error-envelope", "hard", level="SHOULD")
def chunked_body_as_empty_411(b: Behaviour) -> None:
    """A chunked body is answered with 411 and nothing else."""
    interrupt(b, lambda call: call.request.chunked, lambda call: Response(411))
