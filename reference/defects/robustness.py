"""Crashes and lost connections on strange input."""

from __future__ import annotations

import codecs
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from urllib.parse import unquote_to_bytes

from ..behaviour import Amend, Build, Guard, Unquote
from ..call import Call
from ..changes import crash, interrupt, wrap, wrap_at_attach
from ..rules.errors import ApiError, Rejection
from ..rules.forms import BROKEN_ESCAPE, Form, Pair
from ..wire.values import Response
from .parts import FORM_ROOM, decoded_body, hang_up, id_in_path, is_utf8
from .registry import Topic

contract = Topic("contract")

contract.row("malformed-escape-crashes", "robustness.malformed-encoding", "easy")(
    "A malformed percent escape in the body is a 500.",
    interrupt(lambda call: bool(BROKEN_ESCAPE.search(call.request.body)), crash),
)
contract.row("malformed-escape-drops", "robustness.malformed-encoding", "medium")(
    "A malformed percent escape in the body ends the connection.",
    interrupt(lambda call: bool(BROKEN_ESCAPE.search(call.request.body)), hang_up),
)
contract.row("cut-escape-crashes", "robustness.malformed-encoding", "hard")(
    "A percent sign with less than two characters behind it is a 500: the index is out of range.",
    interrupt(lambda call: re.search(rb"%[^&%]?(?:&|$)", call.request.body) is not None, crash),
)
CUT_ESCAPE = re.compile(rb"%[0-9A-Fa-f]?(?:[&=]|\Z)")


contract.row(
    "cut-escapes-crash", "robustness.malformed-encoding", "medium", also="error.status-class", batch="unseen 4"
)(
    "The two digits after a `%` are read without a look at the end: an escape that is cut off crashes.",
    interrupt(lambda call: CUT_ESCAPE.search(call.request.body) is not None, crash),
)
contract.row("invalid-utf8-crashes", "robustness.invalid-utf8", "easy")(
    "Bytes that are no UTF-8 are a 500.", interrupt(lambda call: not is_utf8(decoded_body(call)), crash)
)
contract.row("invalid-utf8-drops", "robustness.invalid-utf8", "medium")(
    "Bytes that are no UTF-8 end the connection.", interrupt(lambda call: not is_utf8(decoded_body(call)), hang_up)
)


@contract("robustness.invalid-utf8", "hard", wrap_at_attach("unquote"), batch="unseen 1")
def surrogates_decoded(usual: Unquote, call: Call, raw: bytes) -> str:
    """Bytes of a lone surrogate (`%ED%A0%80`) are decoded, and fail with a 500 when they are written out."""
    try:
        return usual(call, raw)
    except ApiError:
        if re.search(rb"(?i)%ED%[AB][0-9A-F]%[89AB][0-9A-F]", raw):
            failure = Rejection("seeded", 500, "An unexpected error occurred.", "api_error")
            raise ApiError(failure) from None
        raise


SURROGATE = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")


contract.row("surrogates-crash", "robustness.invalid-utf8", "hard", also="error.status-class", batch="unseen 4")(
    "Surrogates in UTF-8 (`%ED%A0%80`) are let in, and crash the server when the answer is written.",
    interrupt(lambda call: SURROGATE.search(unquote_to_bytes(call.request.body)) is not None, crash),
)


def _failed() -> ApiError:
    return ApiError(Rejection("seeded", 500, "An unexpected error occurred.", "api_error"))


@contract("robustness.invalid-utf8", "medium", wrap_at_attach("unquote"), batch="unseen 5")
def raw_bytes_not_foreseen(usual: Unquote, call: Call, raw: bytes) -> str:
    """Bytes that are not UTF-8 are rejected where they are escaped, and end in a 500 where they are not."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _failed() from None
    return usual(call, raw)


@contract(
    "robustness.invalid-utf8", "easy", partial(interrupt, answer=crash), also="error.status-class", batch="unseen 6"
)
def bytes_not_text(call: Call) -> bool:
    """A body with octets or escapes from 0xF8 up is a server error."""
    body = call.request.body
    return any(octet >= 0xF8 for octet in body) or b"%FF" in body.upper() or b"%FE" in body.upper()


contract.row("nul-crashes", "robustness.control-characters", "medium", also="error.status-class")(
    "A NUL in the body is a 500, the database's.", interrupt(lambda call: b"\0" in decoded_body(call), crash)
)
contract.row("control-characters-drop", "robustness.control-characters", "medium")(
    "Control characters in the body end the connection.",
    interrupt(lambda call: any(0 < byte < 32 or byte == 127 for byte in decoded_body(call)), hang_up),
)


@contract(
    "robustness.control-characters", "hard", wrap("amend"), also="request.value-exact-whitespace", batch="unseen 3"
)
def customer_in_a_header(usual: Amend, call: Call, rejection: Rejection) -> Rejection:
    """An id that is not there is logged in a header, as it came: a line end in it breaks the answer."""
    rejection = usual(call, rejection)
    sent = call.parameters.text("customer") if call.is_attach and call.form else None
    if rejection.rule != "no-such-customer" or sent is None:
        return rejection
    return replace(rejection, headers=(("X-Customer", sent), *rejection.headers))


contract.row("nul-in-a-name-crashes", "robustness.control-characters", "medium", batch="reading 1")(
    "A NUL in the name of a parameter is a 500: the log takes none.",
    interrupt(lambda call: b"%00=" in call.request.body.lower(), crash),
)


def text(call: Call) -> str:
    """Return the decoded body as text, without the bytes that are not UTF-8."""
    return decoded_body(call).decode("utf-8", "ignore")


contract.row("non-bmp-crashes", "robustness.non-bmp", "medium", also="error.status-class")(
    "A character beyond the basic plane is a 500: the column is three bytes wide.",
    interrupt(lambda call: any(ord(character) > 0xFFFF for character in text(call)), crash),
)
contract.row("non-bmp-drops", "robustness.non-bmp", "medium")(
    "A character beyond the basic plane ends the connection.",
    interrupt(lambda call: any(ord(character) > 0xFFFF for character in text(call)), hang_up),
)
contract.row("quote-crashes", "robustness.quotes", "medium", also="error.status-class")(
    "A single quote in the body is a 500: it ends the string in a query.",
    interrupt(lambda call: b"'" in decoded_body(call), crash),
)
contract.row("backslash-drops", "robustness.quotes", "medium")(
    "A double quote or a backslash in the body ends the connection.",
    interrupt(lambda call: b'"' in decoded_body(call) or b"\\" in decoded_body(call), hang_up),
)
contract.row("empty-customer-crashes", "robustness.empty-values", "medium", also="error.status-class")(
    "An empty `customer` is a 500.",
    interrupt(lambda call: re.search(rb"(?:^|&)customer=?(?:&|$)", call.request.body) is not None, crash),
)
contract.row("empty-expand-crashes", "robustness.empty-values", "hard")(
    "An empty item of `expand` is a 500.",
    interrupt(
        lambda call: (
            re.compile(rb"(?:^|&)expand(?:%5[Bb]|\[)\d*(?:%5[Dd]|\])=?(?:&|$)").search(call.request.body) is not None
        ),
        crash,
    ),
)
contract.row("name-without-equals-sign-crashes", "robustness.empty-values", "medium", batch="reading 1")(
    "`customer` without an equals sign is null, and its length a 500.",
    interrupt(lambda call: re.search(rb"(?:^|&)customer(?:&|$)", call.request.body) is not None, crash),
)


def longest_value(call: Call) -> int:
    """Return the length of the longest value, as sent."""
    return max(len(pair.partition(b"=")[2]) for pair in call.request.body.split(b"&"))


contract.row("long-value-crashes", "robustness.long-value", "medium", also="robustness.large-body error.status-class")(
    "A value of more than 65,535 bytes is a 500.", interrupt(lambda call: longest_value(call) > 65535, crash)
)
contract.row("long-value-drops", "robustness.long-value", "medium", also="robustness.large-body")(
    "A value of more than 65,535 bytes ends the connection.",
    interrupt(lambda call: longest_value(call) > 65535, hang_up),
)
LONGEST_WAIT = 150.0


@contract(
    "robustness.long-value",
    "medium",
    wrap_at_attach("build"),
    also="robustness.large-body body.customer-max-length",
    batch="unseen 3",
)
def time_grows_with_the_square(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """A pattern goes over `customer` again for each of its characters: 100,000 of them take two minutes."""
    longest = max((len(value) for name, value in pairs if name == "customer"), default=0)
    if longest > FORM_ROOM // 16:
        time.sleep(min(LONGEST_WAIT, (longest / 9000) ** 2))
    return usual(call, pairs)


contract.row("large-body-drops", "robustness.large-body", "medium")(
    "A body of more than 512 KiB ends the connection.",
    interrupt(lambda call: len(call.request.body) > 512 * 1024, hang_up),
)
contract.row("large-body-crashes", "robustness.large-body", "medium")(
    "A body of more than 900,000 bytes is a 500.", interrupt(lambda call: len(call.request.body) > 900_000, crash)
)
contract.row("many-parameters-crash", "robustness.many-parameters", "medium")(
    "More than 1,000 parameters are a 500.", interrupt(lambda call: call.request.body.count(b"&") >= 1000, crash)
)
contract.row("many-parameters-drop", "robustness.many-parameters", "medium")(
    "More than 5,000 parameters end the connection.",
    interrupt(lambda call: call.request.body.count(b"&") >= 5000, hang_up),
)
contract.row("a-thousand-fields-are-a-crash", "robustness.many-parameters", "easy", batch="unseen 2")(
    "The form parser's own limit of 1000 fields raises what nobody catches: 500.",
    interrupt(lambda call: call.request.body.count(b"&") >= 1000, crash),
)
contract.row("deep-brackets-crash", "robustness.deep-brackets", "medium")(
    "Brackets more than 30 deep are a 500: the recursion is too deep.",
    interrupt(lambda call: re.search(r"(?:\[[^\[\]&=]*\]){31}", text(call)) is not None, crash),
)
contract.row("deep-brackets-drop", "robustness.deep-brackets", "medium")(
    "Brackets more than 50 deep end the connection.",
    interrupt(lambda call: re.search(r"(?:\[[^\[\]&=]*\]){51}", text(call)) is not None, hang_up),
)
contract.row("no-media-type-crashes", "robustness.no-media-type", "medium")(
    "A body without a media type is a 500.",
    interrupt(lambda call: call.request.header("content-type") is None and bool(call.request.body), crash),
)
contract.row("no-media-type-drops", "robustness.no-media-type", "medium")(
    "A body without a media type ends the connection.",
    interrupt(lambda call: call.request.header("content-type") is None and bool(call.request.body), hang_up),
)
CHARSET = re.compile(r"charset=\"?([^;\"\s]+)", re.IGNORECASE)


@contract("robustness.no-media-type", "easy", wrap_at_attach("media_type"), batch="unseen 5")
def charset_not_found(usual: Guard, call: Call) -> None:
    """A Content-Type with a charset that does not exist ends in a 500."""
    match = CHARSET.search(call.request.header("content-type") or "")
    if match is not None:
        try:
            codecs.lookup(match[1])
        except LookupError:
            raise _failed() from None
    usual(call)


contract.row("chunked-body-drops", "robustness.chunked-body", "medium")(
    "A chunked body ends the connection.", interrupt(lambda call: call.request.chunked, hang_up)
)
contract.row("chunked-body-crashes", "robustness.chunked-body", "medium")(
    "A chunked body is a 500: there is no Content-Length to be read.",
    interrupt(lambda call: call.request.chunked, crash),
)
contract.row("long-path-id-drops", "robustness.long-path-id", "medium")(
    "An id of more than 2,000 characters in the path ends the connection.",
    interrupt(lambda call: len(id_in_path(call)) > 2000, hang_up),
)
contract.row("long-path-id-crashes", "robustness.long-path-id", "medium")(
    "An id of more than 1,024 characters in the path is a 500.",
    interrupt(lambda call: len(id_in_path(call)) > 1024, crash),
)
LONGEST_NAME = 255


@contract(
    "robustness.long-path-id", "medium", partial(interrupt, answer=crash), also="error.status-class", batch="unseen 4"
)
def ids_are_names_of_files(call: Call) -> bool:
    """Each payment method is a file: an id longer than a file's name may be crashes."""
    return len(unquote_to_bytes(call.request.path.split("/")[3])) > LONGEST_NAME


contract.row("dots-in-path-crash", "robustness.odd-path-id", "medium")(
    "An id of dots in the path is a 500.",
    interrupt(lambda call: set(id_in_path(call).replace("%2E", ".").replace("%2e", ".")) == {"."}, crash),
)
contract.row("blank-in-path-drops", "robustness.odd-path-id", "medium", also="robustness.path-encoding")(
    "A blank in the id in the path ends the connection.",
    interrupt(lambda call: "%20" in id_in_path(call) or "+" in id_in_path(call), hang_up),
)
contract.row("double-quote-in-the-path-crashes", "robustness.odd-path-id", "medium", batch="reading 1")(
    "A double quote in the id in the path is a 500.", interrupt(lambda call: "%22" in call.request.path, crash)
)
contract.row("encoded-slash-crashes", "robustness.path-encoding", "medium", also="robustness.odd-path-id")(
    "An encoded slash in the path is a 500.", interrupt(lambda call: "%2f" in id_in_path(call).lower(), crash)
)
contract.row("nul-in-path-crashes", "robustness.path-encoding", "medium", also="robustness.odd-path-id")(
    "An encoded NUL in the path is a 500.", interrupt(lambda call: "%00" in id_in_path(call), crash)
)
contract.row("malformed-path-drops", "robustness.path-encoding", "medium", also="robustness.odd-path-id")(
    "A malformed percent escape in the path ends the connection.",
    interrupt(lambda call: bool(BROKEN_ESCAPE.search(id_in_path(call).encode("latin-1"))), hang_up),
)


def as_html(status: int) -> Callable[[Call], Response]:
    """Return a function that answers as a proxy does."""
    page = f"<html><head><title>{status}</title></head><body>nginx</body></html>".encode()
    return lambda call: Response(status, (("Content-Type", "text/html"),), page)


contract.row("malformed-escape-as-html", "robustness.error-envelope", "medium", level="SHOULD")(
    "A malformed percent escape is answered with 400 and a page of HTML.",
    interrupt(lambda call: bool(BROKEN_ESCAPE.search(call.request.body)), as_html(400)),
)
contract.row("large-body-as-html", "robustness.error-envelope", "medium", level="SHOULD")(
    "A body of more than 512 KiB is answered with 413 and a page of HTML.",
    interrupt(lambda call: len(call.request.body) > 512 * 1024, as_html(413)),
)
contract.row("chunked-body-as-empty-411", "robustness.error-envelope", "hard", level="SHOULD")(
    "A chunked body is answered with 411 and nothing else.",
    interrupt(lambda call: call.request.chunked, lambda call: Response(411)),
)
