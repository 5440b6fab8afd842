"""Servers that put terminal escapes, bidi marks, HTML, scripts, odd ids and the key into every place of an answer."""

from __future__ import annotations

import base64
import itertools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from benchmarks.hostile.bodies import lines, member
from benchmarks.hostile.framing import CONFORMS, FAILS, UNDECIDED, UNTESTABLE
from benchmarks.hostile.peer import LONG, Act, Gate, Hostile, Turn
from conformance.verdict.run import ExitStatus
from reference.wire.values import Request

TEXTS = (
    "\x1b[31mred\x1b[2J\x1b]0;owned\x07\x1b]8;;http://x\x1b\\link\x1b[8m",
    "\u009b31m\u0090q\u009c\u0085\x7f\b\b\b\v\f",
    "\u202eright\u202c\u2066to\u2069left\u200f\u061c\ufeff\u00ad",
    "\u2028new\u2029lines\r\rover\nwritten\r\n\r\n::error::owned",
    "<script>alert(1)</script><img src=x onerror=alert(1)>\"'><!--",
    "]]></failure><testcase name='owned'/>&lt;&#27;[31m",
    "`|[x](javascript:alert(1))\n# owned\n```\n{{ 7*7 }}{% raw %}${IFS}",
    "$(touch owned)`touch owned`'; touch owned; '\"; touch owned; \"",
    "\U000e0041\U000e0042\ue000\ufffe a\u0301\u0302 \U0001f600",
    "%s%n{0}{x!r}%(a)s\\u001b\\x1b",
)
"""Texts that a careless output acts on; a server takes one after the other."""

CONTROLS, MARKUP, COMMANDS = TEXTS[:4], TEXTS[4:7], TEXTS[7:8]

LONE = "\ud800\x1b[31m\udfff"
"""A text that no UTF-8 can hold; JSON writes it in escapes."""

Write = Callable[[Turn, str], bytes]


def wire(text: str) -> bytes:
    """Return a text as it can stand in a line of a head."""
    return text.encode("utf-8", "surrogatepass").replace(b"\r", b" ").replace(b"\n", b" ")


def refusal(text: str, *names: str, status: bytes = b"HTTP/1.1 400 Bad Request") -> Callable[[Turn], bytes]:
    """Return the act of a refusal with that text in these members."""
    error = {"type": "invalid_request_error", "message": "No.", **dict.fromkeys(names, text)}
    return lambda turn: turn.answer(json.dumps({"error": error}).encode(), status=status)


def as_reason(turn: Turn, text: str) -> bytes:
    """Write the text as the reason."""
    return turn.answer(status=b"HTTP/1.1 %d " % turn.response.status + wire(text))


def as_header_value(turn: Turn, text: str) -> bytes:
    """Write the text into the values of headers that reports show."""
    names = (b"Request-Id", b"Stripe-Version", b"X-Odd", b"Location", b"WWW-Authenticate")
    return turn.answer(None, *(name + b": " + wire(text) for name in names), without=(b"request-id", b"stripe-version"))


def as_header_name(turn: Turn, text: str) -> bytes:
    """Write the text as the name of a header."""
    return turn.answer(None, b"X-" + wire(text).replace(b":", b"") + b": odd")


def as_line(turn: Turn, text: str) -> bytes:
    """Write the text as a line among the headers that is no header."""
    return turn.answer(None, wire(text).replace(b":", b""))


def as_status_line(turn: Turn, text: str) -> bytes:
    """Write the text instead of a status line."""
    return wire(text) + b"\r\n\r\n"


def as_coding(turn: Turn, text: str) -> bytes:
    """Write the text as the content coding."""
    return turn.answer(None, b"Content-Encoding: " + wire(text))


def as_length(turn: Turn, text: str) -> bytes:
    """Write the text as the length."""
    return turn.answer(None, b"Content-Length: " + wire(text), length=False)


def as_media_type(turn: Turn, text: str) -> bytes:
    """Write the text as the media type."""
    return turn.answer(None, b"Content-Type: " + wire(text), without=(b"content-type",))


def as_message(turn: Turn, text: str) -> bytes:
    """Refuse with the text as the message."""
    return refusal(text, "message")(turn)


def as_error(turn: Turn, text: str) -> bytes:
    """Refuse with the text in every member of an error."""
    return refusal(text, "type", "code", "param", "message", "doc_url", "decline_code", text)(turn)


def as_server_error(turn: Turn, text: str) -> bytes:
    """Fail with the text in every member of an error."""
    return refusal(text, "type", "code", "param", "message", status=b"HTTP/1.1 500 Oops")(turn)


def as_body(turn: Turn, text: str) -> bytes:
    """Write the text as a body that is no JSON."""
    return turn.answer(text.encode("utf-8", "surrogatepass"))


def as_member(turn: Turn, text: str) -> bytes:
    """Write the text as value and name of members."""
    value = json.dumps(text)
    changed = {path: member(lambda: value, path)(turn) for path in ("customer", "object", "type", "id")}
    return changed[("customer", "object", "type", "id")[turn.number % 4]]


def as_names(turn: Turn, text: str) -> bytes:
    """Write the text as the name of a member that stands there twice."""
    name = json.dumps(text)
    return turn.answer(turn.response.body.rstrip()[:-1] + f", {name}: 1, {name}: 2}}".encode())


def as_rest(turn: Turn, text: str) -> bytes:
    """Write the text after the JSON value."""
    return turn.answer(turn.response.body + text.encode("utf-8", "surrogatepass"))


PLACES: Mapping[str, tuple[str, Write, tuple[ExitStatus, ...]]] = {
    "reason": ("the reason", as_reason, CONFORMS),
    "status-line": ("the status line", as_status_line, UNDECIDED),
    "header-values": ("the values of headers", as_header_value, (*CONFORMS, *FAILS)),
    "header-names": ("the name of a header", as_header_name, (*CONFORMS, *FAILS)),
    "header-lines": ("a line among the headers that is no header", as_line, FAILS),
    "coding": ("the content coding", as_coding, FAILS),
    "length": ("the length", as_length, (*CONFORMS, *FAILS)),
    "media-type": ("the media type", as_media_type, FAILS),
    "messages": ("the messages of errors", as_message, FAILS),
    "errors": ("every member of errors", as_error, FAILS),
    "server-errors": ("every member of errors with status 500", as_server_error, FAILS),
    "bodies": ("a body that is no JSON", as_body, FAILS),
    "members": ("members of objects", as_member, FAILS),
    "duplicate-names": ("the name of a member that stands there twice", as_names, FAILS),
    "rests": ("what comes after the JSON value", as_rest, FAILS),
}


def in_turn(write: Write, texts: tuple[str, ...]) -> Act:
    """Return the act that writes one text after the other into a place."""
    numbers = itertools.count()
    return lambda turn: write(turn, texts[next(numbers) % len(texts)])


def places() -> list[Hostile]:
    """Return a server for each place with all texts, and for the most telling ones at once with every request."""
    servers = [
        Hostile(
            f"text-in-{name}",
            f"puts escapes, bidi marks, HTML and commands into {what}",
            in_turn(write, TEXTS),
            status=status,
            timeout=LONG,
        )
        for name, (what, write, status) in PLACES.items()
    ]
    for name in ("status-line", "messages", "errors", "server-errors", "bodies"):
        what, write, _ = PLACES[name]
        does = f"puts escapes and bidi marks into {what} at every request"
        act = in_turn(write, (*CONTROLS, LONE) if name in ("messages", "errors") else CONTROLS)
        servers.append(Hostile(f"text-in-{name}-at-once", does, act, Gate.ALL, UNTESTABLE, timeout=LONG))
    return servers


# ids

_ID = re.compile(r"\b(?:cus|pm)_[A-Za-z0-9]{8,}")


def in_any_spelling(number: int) -> bytes:
    """Return the regular expression of a byte in a path or a form, escaped or not."""
    plain = {re.escape(bytes([number])), b"\\+"} if number == ord(" ") else {re.escape(bytes([number]))}
    return b"(?:%s|(?i:%%%02x))" % (b"|".join(sorted(plain)), number)


def suffixed(suffix: str, kinds: str = "cus|pm") -> tuple[Act, Callable[[Request], Request]]:
    """Return the act that lengthens every id of those kinds by the suffix, and the reading that undoes it."""
    spelled = json.dumps(suffix)[1:-1]
    known = re.compile(rf"\b(?:{kinds})_[A-Za-z0-9]{{8,}}")

    def act(turn: Turn) -> bytes:
        if turn.response.status >= 400:
            return turn.good
        return turn.answer(known.sub(lambda match: match[0] + spelled, turn.response.body.decode()).encode())

    same = itertools.groupby(suffix.encode("utf-8", "surrogatepass"))
    pieces = (b"%s{%d}" % (in_any_spelling(number), len(list(group))) for number, group in same)
    written = re.compile(b"".join(pieces))

    def read(request: Request) -> Request:
        target = written.sub(b"", request.target.encode("latin-1")).decode("latin-1")
        return replace(request, target=target, body=written.sub(b"", request.body))

    return act, read


IDS: Mapping[str, tuple[str, str, tuple[ExitStatus, ...]]] = {
    "slash": ("a slash", "/x", CONFORMS),
    "dots": ("dots and slashes that lead upwards", "/../../v1/customers", CONFORMS),
    "percent": ("percent signs", "%2F%00%", UNTESTABLE),
    "quotes": ("quotation marks", "\"'`", CONFORMS),
    "blanks": ("blanks", " x ", CONFORMS),
    "query": ("signs of queries and forms", "?a=b&c[d]=e;f+g#h", UNTESTABLE),
    "commands": ("commands of a shell", "$(touch owned)`touch owned`'; touch owned; '", CONFORMS),
    "html": ("HTML", "<script>alert(1)</script>", CONFORMS),
    "umlauts": ("letters of other scripts", "\u00e4\u4e2d\U0001f600", CONFORMS),
    "line-ends": ("line ends", "\r\nX-Injected: yes\r\n\r\n", UNTESTABLE),
    "controls": ("terminal escapes", "\x1b[31m\x07", UNTESTABLE),
    "bidi": ("bidi marks", "\u202e\u2066", UNTESTABLE),
    "long": ("4,000 more letters", "x" * 4000, CONFORMS),
    "endless": ("a million more letters", "x" * 1_000_000, UNDECIDED),
}


def odd_ids() -> list[Hostile]:
    """Return a server for each oddity of ids: in customers and payment methods, and in what they are instead."""
    servers = []
    for name, (what, suffix, status) in IDS.items():
        act, read = suffixed(suffix)
        does = f"makes ids that hold {what}"
        servers.append(Hostile(f"ids-with-{name}", does, act, Gate.ALL, status, keeps=True, read=read, timeout=LONG))
    for name, value in {
        "null": "null",
        "number": "7",
        "list": '["cus_1"]',
        "object": '{"id": "cus_1"}',
        "true": "true",
        "empty": '""',
    }.items():
        servers.append(
            Hostile(f"ids-are-{name}", f"makes objects whose id is {value}", ids_are(value), Gate.ALL, UNTESTABLE)
        )
    return servers


def ids_are(value: str) -> Act:
    """Return the act that writes that value as the id of every object."""

    def act(turn: Turn) -> bytes:
        return member(lambda: value, "id")(turn) if turn.response.status < 400 else turn.good

    return act


# the key


def key_of(turn: Turn) -> str:
    """Return the key that a request presents, empty for none."""
    scheme, _, value = (turn.request.header("authorization") or "").partition(" ")
    if scheme.lower() == "basic":
        return base64.b64decode(value + "==").decode("latin-1").strip(":")
    return value


SPELLINGS: Mapping[str, Callable[[str], str]] = {
    "plain": lambda key: key,
    "upper": str.upper,
    "backwards": lambda key: key[::-1],
    "percent": lambda key: "".join(f"%{ord(char):02X}" for char in key),
    "entities": lambda key: "".join(f"&#{ord(char)};" for char in key),
    "escapes": lambda key: "".join(f"\\u{ord(char):04x}" for char in key),
    "base64": lambda key: base64.b64encode(f"{key}:".encode()).decode(),
    "base32": lambda key: base64.b32encode(key.encode()).decode(),
    "hex": lambda key: key.encode().hex(),
    "numbers": lambda key: str(list(key.encode())),
    "octal": lambda key: "".join(f"\\{ord(char):03o}" for char in key),
    "two bytes": lambda key: base64.b64encode(key.encode("utf-16-le")).decode(),
    "blanks": " ".join,
    "dots": ".".join,
    "nuls": "\0".join,
    "cut": lambda key: key[:-1],
    "halves": lambda key: f"{key[: len(key) // 2]}…{key[len(key) // 2 :]}",
}


def with_key(write: Write) -> Act:
    """Return the act that writes the request's key into a place, in one spelling after the other."""
    numbers = itertools.count()
    spellings = list(SPELLINGS.values())
    return lambda turn: write(turn, spellings[next(numbers) % len(spellings)](key_of(turn)))


def keys() -> list[Hostile]:
    """Return a server for each place that echoes the key, in many spellings."""
    servers = [
        Hostile(
            f"key-in-{name}",
            f"echoes the key in many spellings in {what}",
            with_key(write),
            status=status if status == UNDECIDED else (*FAILS, *CONFORMS),
            timeout=LONG,
        )
        for name, (what, write, status) in PLACES.items()
    ]
    for name in ("status-line", "errors", "bodies"):
        what, write, _ = PLACES[name]
        does = f"echoes the key in {what} at every request"
        servers.append(Hostile(f"key-in-{name}-at-once", does, with_key(write), Gate.ALL, UNTESTABLE, timeout=LONG))
    return servers


SERVERS = (
    *places(),
    *odd_ids(),
    *keys(),
    Hostile(
        "cookie-with-key",
        "sets the key as a cookie",
        lambda turn: lines(b"Set-Cookie: key=" + wire(key_of(turn)))(turn),
        timeout=LONG,
    ),
)
