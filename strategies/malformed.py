"""Malformed and oversized requests, which a server answers in time, and after which it goes on serving.

Each function returns the attempts of one clause. Requests that a client library would repair, or that a server might
answer before it has read all of them, are sent as exact bytes on a separate connection.
"""

from __future__ import annotations

from collections.abc import Sequence

from strategies.attempt import Attempt, Pair
from strategies.valid import CUSTOMER, SECOND_PATH
from strategies.values import Joined, Known, Repeated, Text, joined
from strategies.wire import Spelling

GOOD_ID = Known("customer")

INJECTED_HEADER = "X-Injected"
"""The header that line ends in a value add to the response of a server that writes the value into a header."""

LONG_VALUE = 100_000
LONG_NAME = 2_200
"""Longer than some parsers allow a name to be (2,048), and with the value within 100 KB, a usual limit for a form."""
LONG_PATH_ID = 2_500
MANY_PARAMETERS = 10_000
BRACKETS = 130
LARGE_BODY = 1_000_000
IN_GZIP = bytes.fromhex("1f8b08000000000002034b2e2d2ec9cf4d2db24d2e2d8e370400ece612f50e000000")
"""The form `customer=cus_1`, in gzip."""


def _bytes(label: str, *parts: Text) -> Attempt:
    return Attempt(payload=Joined(parts), kind="wire", transport="raw", label=label)


def _body(*parts: Text) -> Attempt:
    return Attempt(payload=Joined(parts), kind="wire")


def _pairs(*pairs: Pair, label: str = "") -> Attempt:
    return Attempt(pairs, kind="wire", label=label)


def _path(segment: Text, label: str = "") -> Attempt:
    return Attempt((CUSTOMER,), kind="wire", transport="raw", path_id=segment, label=label)


ESCAPED_AS_IN_JAVASCRIPT = _body("customer=", Known("customer", "with an escape of JavaScript in it"))
"""A known customer for a server that decodes more than a form's escapes."""
ENDED_BY_NUL = _pairs(Pair("customer", joined(GOOD_ID, "\x00")))
"""A known customer for a server whose texts end at a NUL, or that removes it."""
FOLLOWED_BY_NO_TEXT = _body("customer=", GOOD_ID, "%ff%fe")
"""A known customer for a server that leaves out the bytes that it cannot read as UTF-8."""
RESEMBLING = (ESCAPED_AS_IN_JAVASCRIPT, ENDED_BY_NUL, FOLLOWED_BY_NO_TEXT)
"""Odd values that only resemble a known id."""


def malformed_encodings() -> Sequence[Attempt]:
    """Return bodies with percent signs that encode nothing."""
    return (
        _body("customer=", GOOD_ID, "%"),
        ESCAPED_AS_IN_JAVASCRIPT,
        _body("customer=", GOOD_ID, "&%zz=1"),
    )


UNREADABLE = (_body("customer=%ed%a0%80"), _body(b"customer=\xff\xfe"))
"""Bodies that cannot be read as UTF-8, one of a lone surrogate in escapes and one of raw bytes."""


def invalid_utf8() -> Sequence[Attempt]:
    """Return bodies with bytes that are not UTF-8, encoded and raw, in values and in names."""
    return (
        *UNREADABLE,
        FOLLOWED_BY_NO_TEXT,
        _body("customer=", GOOD_ID, b"&\xff=1"),
    )


def control_characters() -> Sequence[Attempt]:
    """Return bodies with NUL, line breaks, escape and delete, in values and in names."""
    return (
        ENDED_BY_NUL,
        _pairs(Pair("customer", f"cus_\r\n{INJECTED_HEADER}: 1")),
        _pairs(Pair("customer", "\x1b[31m\x07\x7f")),
        _pairs(CUSTOMER, Pair("expand[]", "customer\x00")),
        _pairs(CUSTOMER, Pair("x\x00", "1")),
    )


def non_bmp() -> Sequence[Attempt]:
    """Return bodies with characters beyond the Basic Multilingual Plane, escaped in values and raw in a name."""
    raw = Spelling("raw-utf-8")
    return (
        _pairs(Pair("customer", "cus_😀")),
        _pairs(CUSTOMER, Pair("expand[]", "😀")),
        Attempt((CUSTOMER, Pair("😀", "1", raw)), kind="wire", transport="raw"),
    )


INJECTED_CUSTOMER = _pairs(Pair("customer", "cus_' OR '1'='1"))
"""A customer that is true of every row, where it is put into a query's text."""
INJECTED_METHOD = _path("'%20OR%20%22%22=%22")
"""A payment method's id in the path that is so."""
ASKED_ELSEWHERE = (*UNREADABLE, INJECTED_CUSTOMER, INJECTED_METHOD)
"""The odd attempts to whose answers tests of other chapters look, too."""


def quotes() -> Sequence[Attempt]:
    """Return bodies with syntax of other languages in values and in names."""
    in_values = (_pairs(Pair("customer", "'\"\\$0<script>")), INJECTED_CUSTOMER)
    in_name = _pairs(CUSTOMER, Pair("\"\\'<${7*7}{{7*7}}>", "1"))
    return (*in_values, in_name, _pairs(CUSTOMER, Pair("expand[]", "'\"\\")))


def empty_values() -> Sequence[Attempt]:
    """Return bodies with empty values, names and pairs, and with a name without `=`, alone and before others."""
    return (
        _body("&x&customer=", GOOD_ID, "&&&=&=x&"),
        _pairs(Pair("customer", "")),
        _pairs(CUSTOMER, Pair("expand[]", "")),
        _pairs(Pair("customer", None)),
    )


def long_values() -> Sequence[Attempt]:
    """Return bodies with values and a name beyond every limit."""
    return (
        _pairs(Pair("customer", Repeated("a", LONG_VALUE)), Pair(Repeated("a", LONG_NAME), "1")),
        _pairs(CUSTOMER, Pair("expand[]", Repeated("a", LONG_VALUE))),
        _pairs(CUSTOMER, Pair(Repeated("a", LONG_VALUE), "1")),
    )


def long_path_ids() -> Sequence[Attempt]:
    """Return a request with an id in the path far longer than any real one."""
    return (_path(joined("pm_", Repeated("a", LONG_PATH_ID - 3))),)


def odd_path_ids() -> Sequence[Attempt]:
    """Return requests with odd ids in the path that are correctly encoded: blanks, dots, quotes, emoji."""
    return (_path("..."), _path("%F0%9F%98%80*"), INJECTED_METHOD)


def path_encodings() -> Sequence[Attempt]:
    """Return requests with escapes in the path that mean nothing, or that mean the end or a separator of a path."""
    segments = (
        "%00",
        "pm_%2Fx",
        "%zz",
        "%ff%fe",
        f"%0d%0a{INJECTED_HEADER}:%201",
    )
    return tuple(_path(segment) for segment in segments)


def large_bodies() -> Sequence[Attempt]:
    """Return a body of a megabyte, of unknown parameters that are each short."""
    return (_bytes("", "customer=", GOOD_ID, *_padding(LARGE_BODY)),)


def _padding(length: int, each: int = 4_900) -> list[Text]:
    parts: list[Text] = []
    for number in range(length // each):
        parts += [f"&padding{number}=", Repeated("a", each)]
    return parts


def many_parameters() -> Sequence[Attempt]:
    """Return bodies of ten thousand parameters, of one name and of an array."""
    return (
        _bytes("", "customer=", GOOD_ID, Repeated("&a=1", MANY_PARAMETERS)),
        _bytes("", "customer=", GOOD_ID, Repeated("&a[]=1", MANY_PARAMETERS)),
    )


def deep_brackets() -> Sequence[Attempt]:
    """Return bodies with a name of hashes and arrays 130 deep, with brackets that do not pair, and with odd keys.

    A superscript two is a digit to Unicode, and no number: Python says so of it, and fails to convert it.
    """
    return (
        _pairs(Pair(joined("customer", Repeated("[a][0]", BRACKETS // 2)), GOOD_ID)),
        _pairs(CUSTOMER, Pair("expand[999999999]", "customer")),
        _pairs(CUSTOMER, Pair(joined("a", Repeated("[", BRACKETS)), "1")),
        _pairs(CUSTOMER, Pair("expand[²]", "customer"), Pair("expand[__proto__]", SECOND_PATH.value)),
    )


def clashing_names() -> Sequence[Attempt]:
    """Return bodies in which a name is a string and a hash, and an array and a hash."""
    return (
        _pairs(CUSTOMER, Pair("customer[a]", "b"), Pair("customer[toString]", "c")),
        _pairs(CUSTOMER, Pair("expand[]", "customer"), Pair("expand[a]", "customer"), Pair("_method", "FOO BAR")),
    )


def no_media_type() -> Sequence[Attempt]:
    """Return good bodies without a Content-Type, and with ones that mean nothing."""
    base = Attempt((CUSTOMER,), kind="wire", transport="raw")
    return (
        base.but(media_type=None, label="without Content-Type"),
        base.but(media_type="multipart/form-data", label="with Content-Type: multipart/form-data, without a boundary"),
        base.but(media_type="nonsense", label="with Content-Type: nonsense"),
        base.but(media_type="application/x-www-form-urlencoded; charset=nonsense", label="with charset=nonsense"),
    )


def content_codings() -> Sequence[Attempt]:
    """Return a good body that calls itself compressed, which it is not, and a compressed one."""
    in_gzip = (("Content-Encoding", "gzip"),)
    plain = Attempt((CUSTOMER,), kind="wire")
    packed = Attempt(payload=IN_GZIP, kind="wire")
    return (
        plain.but(headers=in_gzip, label="with Content-Encoding: gzip"),
        packed.but(headers=in_gzip, label="in gzip"),
    )


def chunked_bodies() -> Sequence[Attempt]:
    """Return a good body sent in chunks (RFC 9112 section 7.1)."""
    return (Attempt((CUSTOMER,), kind="wire", transport="raw", chunked=True, label="chunked"),)


def many_expands(count: int = 100) -> Attempt:
    """Return a body with a hundred entries of `expand`, all the same legal one."""
    return Attempt((CUSTOMER, *(Pair(f"expand[{index}]", "customer") for index in range(count))), kind="wire")


def repeated_expands() -> Sequence[Attempt]:
    """Return bodies with the same entry of `expand` twice, in both bracket styles and mixed."""
    bracket, first, second = Pair("expand[]", "customer"), Pair("expand[0]", "customer"), Pair("expand[1]", "customer")
    return (
        _pairs(CUSTOMER, bracket, bracket),
        _pairs(CUSTOMER, bracket, first),
        _pairs(CUSTOMER, first, second),
        _pairs(CUSTOMER, first, first),
    )
