"""Servers whose bodies are too large, too deep, packed, broken or no JSON, and whose heads are too large."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator

from benchmarks.hostile.framing import CONFORMS, UNDECIDED, UNTESTABLE
from benchmarks.hostile.oddities import replaced
from benchmarks.hostile.peer import Act, Gate, Hostile, Turn, forever
from conformance.verdict.run import ExitStatus

MEGABYTE = 1024 * 1024


def body(make: Callable[[bytes], bytes], *lines: bytes) -> Act:
    """Return the act of another body, made of the good one, with more header lines."""
    return lambda turn: turn.answer(make(turn.response.body), *lines, status=turn.head.split(b"\r\n")[0])


def member(text: Callable[[], str], path: str = "surprise") -> Callable[[Turn], bytes]:
    """Return the act of a good JSON body with a member that is written so."""

    def act(turn: Turn) -> bytes:
        changed = replaced(turn.response.body, path, text())
        return turn.answer(changed)

    return act


def packed(data: Callable[[bytes], bytes], coding: bytes) -> Act:
    """Return the act of a packed body."""
    return body(data, b"Content-Encoding: " + coding)


def lines(*more: bytes) -> Callable[[Turn], bytes]:
    """Return the act of the good answer with more lines in its head."""
    return lambda turn: turn.answer(None, *more)


def bomb(window: int) -> bytes:
    """Pack 512 MB of blanks, as one megabyte that is written 512 times; no reader gets as far as the checksum."""
    packer = zlib.compressobj(9, zlib.DEFLATED, window)
    first, again = (packer.compress(b" " * MEGABYTE) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + again * 511 + packer.flush()


def flipped(data: bytes) -> bytes:
    """Return packed data with its checksum broken."""
    return data[:-8] + bytes(8)


def huge_json(turn: Turn) -> Iterator[bytes]:
    """Send a JSON list of 50 MB."""
    size = 50 * MEGABYTE
    yield turn.answer(b"", b"Content-Length: %d" % size, length=False)
    piece = b"[" + b"1," * (MEGABYTE // 2 - 1) + b" "
    yield piece
    for _ in range(48):
        yield b"1," * (MEGABYTE // 2)
    yield b"1," * (MEGABYTE // 2 - 1) + b"1]"


def many(count: int, name: Callable[[int], str], value: str) -> str:
    """Return the text of an object with that many members."""
    return "{" + ",".join(f'"{name(number)}":{value}' for number in range(count)) + "}"


def endless_header(turn: Turn) -> Iterator[bytes]:
    """Send a header without end."""
    yield b"HTTP/1.1 200 OK\r\nX-Long: "
    yield from forever(b"y" * 65536)


GZIP_BOMB, DEFLATE_BOMB = bomb(31), bomb(15)
EMPTY_MEMBER = gzip.compress(b"", mtime=0)

SERVERS = (
    Hostile(
        "gzip-bomb", "packs 512 MB of blanks into 0.5 MB (gzip)", packed(lambda _: GZIP_BOMB, b"gzip"), status=UNDECIDED
    ),
    Hostile(
        "gzip-bomb-at-once", "the same for every request", packed(lambda _: GZIP_BOMB, b"gzip"), Gate.ALL, UNTESTABLE
    ),
    Hostile(
        "deflate-bomb",
        "packs 512 MB of blanks into 0.5 MB (deflate)",
        packed(lambda _: DEFLATE_BOMB, b"deflate"),
        status=UNDECIDED,
    ),
    Hostile(
        "gzip-members",
        "packs each body as 200,000 empty members of gzip and a last one",
        packed(lambda good: EMPTY_MEMBER * 200_000 + gzip.compress(good), b"gzip"),
        seconds=120,
        status=UNDECIDED,
    ),
    Hostile("gzip-cut", "cuts packed bodies short", packed(lambda good: gzip.compress(good)[:-12], b"gzip")),
    Hostile(
        "gzip-checksum",
        "packs bodies with a wrong checksum",
        packed(lambda good: flipped(gzip.compress(good)), b"gzip"),
    ),
    Hostile("gzip-and-junk", "adds junk to packed bodies", packed(lambda good: gzip.compress(good) + b"junk", b"gzip")),
    Hostile("gzip-announced", "says gzip and packs nothing", packed(lambda good: good, b"gzip")),
    Hostile("gzip-twice", "packs bodies twice", packed(lambda good: gzip.compress(gzip.compress(good)), b"gzip, gzip")),
    Hostile("brotli-announced", "says br, which nobody asked for", packed(lambda good: good, b"br")),
    Hostile(
        "deflate-raw",
        "says deflate and sends it without its frame",
        packed(lambda good: zlib.compress(good)[2:-4], b"deflate"),
    ),
    Hostile("json-of-50-mb", "answers with 50 MB of JSON", huge_json, status=UNDECIDED),
    Hostile("json-of-50-mb-at-once", "the same for every request", huge_json, Gate.ALL, UNTESTABLE),
    Hostile(
        "string-of-4-mb",
        "adds a member with a string of just below 4 MiB",
        member(lambda: '"' + "x" * (4 * MEGABYTE - 2000) + '"'),
        status=(ExitStatus.DOES_NOT_CONFORM, ExitStatus.INCONCLUSIVE),
        seconds=120,
    ),
    Hostile(
        "string-of-60-kb",
        "adds a member with a string of 60 kB",
        member(lambda: '"' + "y" * 60_000 + '"'),
        status=CONFORMS,
    ),
    Hostile(
        "lists-of-60-kb",
        "adds a member with 20,000 empty lists",
        member(lambda: "[" + ",".join(["[]"] * 20_000) + "]"),
        status=UNDECIDED,
        seconds=120,
    ),
    Hostile(
        "json-100000-deep",
        "adds a member that is 100,000 levels deep",
        member(lambda: "[" * 100_000 + "]" * 100_000),
        status=UNDECIDED,
        seconds=120,
    ),
    Hostile(
        "json-unclosed", "opens 1,000,000 lists and closes none", body(lambda _: b"[" * 1_000_000), status=UNDECIDED
    ),
    Hostile(
        "100000-members",
        "adds an object with 100,000 members",
        member(lambda: many(99_000, str, "1")),
        status=UNDECIDED,
        seconds=120,
    ),
    Hostile(
        "100000-duplicates",
        "adds an object whose 90,000 members stand there twice or more",
        member(lambda: many(90_000, lambda number: str(number % 45_000), "1")),
        seconds=120,
    ),
    Hostile(
        "10000-duplicates-of-60-kb",
        "adds an object of 60 kB whose members stand there twice",
        member(lambda: many(7_000, lambda number: str(number % 3_500), "1")),
        seconds=120,
    ),
    Hostile("number-of-5000-digits", "adds a number of 5,000 digits", member(lambda: "9" * 5000), status=CONFORMS),
    Hostile(
        "created-of-5000-digits",
        "says that it was created after 5,000 digits of seconds",
        member(lambda: "9" * 5000, "created"),
    ),
    Hostile("number-of-60-kb", "adds a number of 60,000 digits", member(lambda: "7" * 60_000), status=CONFORMS),
    Hostile("nan", "adds a member that is NaN", member(lambda: "NaN")),
    Hostile("infinity", "adds a member that is -Infinity", member(lambda: "-Infinity")),
    Hostile("exponent", "adds a member that is 1e999999", member(lambda: "1e999999"), status=CONFORMS),
    Hostile(
        "lone-surrogates",
        "adds a member with lone surrogates",
        member(lambda: '{"\\ud800": "\\udfff"}'),
        status=CONFORMS,
    ),
    Hostile("nul-escaped", "adds a member with escaped NULs", member(lambda: '"\\u0000\\u0000"'), status=CONFORMS),
    Hostile("nul-in-json", "puts a NUL into a string", member(lambda: '"a\0b"')),
    Hostile("tab-in-json", "puts a tab into a string", member(lambda: '"a\tb"')),
    Hostile("byte-order-mark", "begins bodies with a byte order mark", body(lambda good: b"\xef\xbb\xbf" + good)),
    Hostile("utf-16", "writes JSON in UTF-16", body(lambda good: good.decode().encode("utf-16"))),
    Hostile("utf-32", "writes JSON in UTF-32", body(lambda good: good.decode().encode("utf-32"))),
    Hostile("latin-1", "writes a name in Latin-1", body(lambda good: good[:-1] + b',"x":"\xe9"}')),
    Hostile("two-values", "answers with two JSON values", body(lambda good: good + good)),
    Hostile("json-cut", "answers with half of the JSON", body(lambda good: good[: len(good) // 2])),
    Hostile(
        "json-quoted",
        "answers with the JSON as a string of JSON",
        body(lambda good: b'"' + good.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b" ") + b'"'),
    ),
    Hostile("no-body", "answers without a body", body(lambda good: b"")),
    Hostile("blanks-of-3-mb", "answers with 3 MB of blanks", body(lambda good: b" " * 3 * MEGABYTE)),
    Hostile(
        "xml-entities",
        "answers with XML whose entities grow",
        body(lambda good: b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>'),
    ),
    Hostile(
        "header-of-1-mb", "sends a header of 1 MB", lines(b"X-Long: " + b"y" * 1_000_000), status=UNDECIDED, seconds=120
    ),
    Hostile("header-of-3-mb", "sends a header of 3 MB", lines(b"X-Long: " + b"y" * 3_000_000), status=UNDECIDED),
    Hostile("header-without-end", "sends a header without end", endless_header, status=UNDECIDED),
    Hostile("100000-headers", "sends 100,000 headers", lines(*[b"X-Many: y"] * 100_000), status=UNDECIDED),
    Hostile(
        "9000-headers",
        "sends 9,000 headers of 200 bytes",
        lines(*[b"X-Many: " + b"y" * 190] * 9_000),
        status=UNDECIDED,
        seconds=120,
    ),
    Hostile("headers-folded", "folds a header 10 times", lines(b"X-Fold: a", *[b" y"] * 10), status=CONFORMS),
    Hostile(
        "headers-folded-on-and-on",
        "folds a header 500,000 times",
        lines(b"X-Fold: a", *[b" y"] * 500_000),
        status=UNDECIDED,
        seconds=120,
    ),
    Hostile(
        "lines-without-colon",
        "sends 500,000 lines without a colon among the headers",
        lines(*[b"y"] * 500_000),
        seconds=120,
        status=UNDECIDED,
    ),
    Hostile("header-without-name", "sends a header without a name", lines(b": nobody")),
    Hostile(
        "header-name-with-blank",
        "sends a blank before a colon",
        lines(b"X-Blank : y"),
        status=(ExitStatus.DOES_NOT_CONFORM, ExitStatus.CONFORMS),
    ),
    Hostile(
        "nul-in-header",
        "sends a NUL in a header",
        lines(b"X-Nul: a\0b"),
        status=(ExitStatus.DOES_NOT_CONFORM, ExitStatus.CONFORMS),
    ),
    Hostile(
        "3000-cookies",
        "sets 3,000 cookies",
        lines(*[b"Set-Cookie: a=b; Domain=\xff; Expires=Fri, 01 Jan 99999 00:00:00 GMT"] * 3000),
        status=UNDECIDED,
        seconds=120,
    ),
    Hostile(
        "date-nonsense",
        "sends a date of no calendar",
        lambda turn: turn.answer(None, b"Date: Mon, 99 Foo 99999999 99:99:99 +9999", without=(b"date",)),
        status=CONFORMS,
    ),
    Hostile(
        "date-of-100-kb",
        "sends a date of 100 kB",
        lambda turn: turn.answer(None, b"Date: " + b"9" * 100_000, without=(b"date",)),
        status=CONFORMS,
    ),
    Hostile(
        "type-of-100-kb",
        "sends a media type of 100 kB",
        lambda turn: turn.answer(
            None, b"Content-Type: application/json" + b"; a=b" * 20_000, without=(b"content-type",)
        ),
        status=CONFORMS,
    ),
)
