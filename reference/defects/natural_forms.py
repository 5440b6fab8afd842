"""Mistakes that form parsers, binders and sanitizers make on their own; each names the software that does so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from urllib.parse import parse_qsl

from ..behaviour import Build, ReadName, Split
from ..call import Call
from ..changes import Change, check_after, crash, edit_rejections, interrupt, rejection, tolerate, wrap_at_attach
from ..rules.attach import Attempt
from ..rules.errors import Rejection
from ..rules.forms import BROKEN_ESCAPE, Form, Pair, RawPair
from ..wire.values import Response
from .registry import Topic
from .unknown_parameters import OF_EVERY_OBJECT

contract = Topic("contract")
stripe = Topic("stripe")

BATCH = "natural"
ZOO = "zoo"
UNKNOWN = "body.unknown-parameter"
NESTED = "body.unknown-parameter-nested"

DEEPEST = 64

read = wrap_at_attach("read_name")
build = wrap_at_attach("build")
split = wrap_at_attach("split")


@contract(UNKNOWN, "hard", read, batch=BATCH)
def leading_blanks_of_names_lost(usual: ReadName, call: Call, name: str) -> tuple[str, ...]:
    """PHP 8.4 passes over blanks before a name: `+customer` is `customer`."""
    return usual(call, name.lstrip(" "))


@contract(UNKNOWN, "hard", read, batch=BATCH)
def names_end_at_a_nul(usual: ReadName, call: Call, name: str) -> tuple[str, ...]:
    """PHP 8.4 keeps names as C strings, which end at a NUL: `customer%00x` is `customer`."""
    return usual(call, name.partition("\0")[0])


@contract(UNKNOWN, "hard", read, batch=BATCH)
def brackets_around_a_name_lost(usual: ReadName, call: Call, name: str) -> tuple[str, ...]:
    """qs 6.14 takes brackets at the beginning of a name for what they hold: `[expand][]` is `expand[]`."""
    return usual(call, re.sub(r"^\[([^\[\]]+)\]", r"\1", name))


@contract(UNKNOWN, "hard", read, batch=BATCH)
def brackets_at_the_ends_of_a_name_lost(usual: ReadName, call: Call, name: str) -> tuple[str, ...]:
    """Rack 2.2 strips brackets before a name, and closing ones behind it: `[expand][]` and `customer]` are known."""
    return usual(call, re.sub(r"^[\[\]]*([^\[\]]+)\]*", r"\1", name))


contract.row("names-that-begin-with-a-bracket-dropped", UNKNOWN, "hard", batch=ZOO)(
    "PHP 8.4 drops a parameter whose name is empty, blank or begins with a bracket, without a word.",
    build(lambda usual, call, pairs: usual(call, [pair for pair in pairs if pair[0].lstrip(" ")[:1] not in ("", "[")])),
)
contract.row("brackets-too-deep-dropped", NESTED, "hard", batch=ZOO)(
    "PHP 8.4 (max_input_nesting_level) drops a parameter with more than 64 brackets, without a word.",
    build(lambda usual, call, pairs: usual(call, [pair for pair in pairs if pair[0].count("[") <= DEEPEST])),
)


@contract(NESTED, "hard", read, batch=BATCH)
def text_behind_brackets_lost(usual: ReadName, call: Call, name: str) -> tuple[str, ...]:
    """PHP 8.4 stops reading a name where text follows a bracket: `expand[]x` is `expand[]`."""
    return usual(call, re.sub(r"^([^\[\]]+(?:\[[^\[\]]*\])+)[^\[].*$", r"\1", name, flags=re.DOTALL))


def underscored(rejection: Rejection) -> Rejection:
    """Return the rejection of an unknown parameter with no dot or blank in the name that it shows."""
    root, bracket, rest = (rejection.param or "").partition("[")
    return replace(rejection, param=re.sub("[. ]", "_", root) + bracket + rest)


stripe.row("dots-in-names-become-underscores", "stripe.parameter-unknown", "hard", batch=BATCH)(
    "PHP 8.4 turns dots and blanks in names into underscores: `param` is a name that was not sent.",
    edit_rejections(["unknown-parameter"], underscored),
)


def drop_pairs(is_dropped: re.Pattern[str]) -> Change:
    """Forget the parameters whose names match, before anything is checked."""
    return build(lambda usual, call, pairs: usual(call, [pair for pair in pairs if not is_dropped.search(pair[0])]))


contract.row("properties-of-objects-in-brackets-dropped", NESTED, "hard", batch=BATCH)(
    "qs 6.14 drops names that would hide a property of every object: `foo[constructor]` is not seen.",
    drop_pairs(re.compile(rf"\[(?:{'|'.join(sorted(OF_EVERY_OBJECT))})\]")),
)
contract.row("names-for-a-database-dropped", UNKNOWN, "hard", also="stripe.parameter-unknown", batch=BATCH)(
    "express-mongo-sanitize 2.2 removes names that hold a dot or begin with `$`, without a word.",
    drop_pairs(re.compile(r"^\$|\[\$|\.")),
)

MOST_PAIRS = 1000


@contract(UNKNOWN, "hard", build, batch=BATCH)
def pairs_behind_the_thousandth_dropped(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """PHP 8.4 (max_input_vars) and qs 6.14 (parameterLimit) read 1000 parameters, and drop the others silently."""
    return usual(call, pairs[:MOST_PAIRS])


@contract(UNKNOWN, "hard", split, batch=BATCH)
def pairs_with_semicolons_dropped(usual: Split, call: Call, body: bytes) -> Sequence[RawPair]:
    """Go 1.25 skips pairs with a raw semicolon; r.FormValue and Gin's c.PostForm ignore the error."""
    return [pair for pair in usual(call, body) if not any(b";" in part for part in pair)]


@contract(UNKNOWN, "hard", split, batch=BATCH)
def pairs_with_broken_escapes_dropped(usual: Split, call: Call, body: bytes) -> Sequence[RawPair]:
    """Go 1.25 skips pairs with a broken escape; r.FormValue and Gin's c.PostForm ignore the error."""
    return [pair for pair in usual(call, body) if not any(map(BROKEN_ESCAPE.search, pair))]


@contract("request.value-exact", "hard", split, batch=BATCH)
def values_split_at_commas(usual: Split, call: Call, body: bytes) -> Sequence[RawPair]:
    """qs 6.14 with `comma: true` splits values, and the handler takes the first: `ID,x` is ID."""
    return [(name, value.partition(b",")[0] if name == b"customer" else value) for name, value in usual(call, body)]


@stripe("stripe.expand-path", "hard", partial(check_after, "expand-structure"), level="SHOULD", batch=BATCH)
def entries_split_at_commas(call: Call, attempt: Attempt) -> None:
    """Spring 6.2 converts one value into a list at its commas: `expand[]=customer,card` is two entries."""
    attempt.expand = [part for entry in attempt.expand for part in entry.split(",")]


def without_first(prefix: bytes) -> Change:
    """Overlook what stands before the first name of a body."""
    return split(lambda usual, call, body: usual(call, body.removeprefix(prefix)))


contract.row("question-mark-before-the-form-lost", UNKNOWN, "hard", batch=BATCH)(
    "URLSearchParams of Node 24, made of the body, drops a question mark at its beginning: `?customer=…`.",
    without_first(b"?"),
)
contract.row("byte-order-mark-before-the-form-lost", UNKNOWN, "hard", batch=BATCH)(
    "body-parser 2.2 decodes with iconv-lite, which drops a byte order mark before the first name.",
    without_first(b"\xef\xbb\xbf"),
)


@contract(UNKNOWN, "hard", build, batch=BATCH)
def default_of_a_field_obeyed(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """Spring 6.2 binds `!customer` where there is no `customer`, as the default of a field."""
    names = {name for name, _ in pairs}
    bound = [(name.removeprefix("!"), value) for name, value in pairs]
    return usual(call, [new for new, old in zip(bound, pairs, strict=True) if new == old or new[0] not in names])


def header_as(parameter: str) -> Change:
    """Read the header of that name as a parameter where the form has none of that name."""
    name = parameter.partition("[")[0]

    def change(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
        value = call.request.header(name)
        if value is None or any(sent.partition("[")[0] == name for sent, _ in pairs):
            return usual(call, pairs)
        return usual(call, [*pairs, (parameter, value)])

    return build(change)


contract.row("header-binds-as-customer", "body.customer-required", "hard", batch=ZOO)(
    "Spring 6.2 binds headers to a form object, too: one named `customer` stands in for the parameter.",
    header_as("customer"),
)
contract.row("header-binds-as-expand", "request.other-headers", "hard", level="SHOULD", batch=ZOO)(
    "Spring 6.2 binds headers to a form object, too: one named `expand` expands.",
    header_as("expand[]"),
)


@contract("body.customer-required", "hard", build, batch=ZOO)
def cookie_read_as_customer(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """PHP with `C` in its request_order merges cookies into $_REQUEST: one named `customer` stands in."""
    cookies = (part.strip().partition("=") for part in (call.request.header("cookie") or "").split(";"))
    sent = {name for name, _ in pairs}
    return usual(call, [*pairs, *((name, value) for name, _, value in cookies if name == "customer" not in sent)])


contract.row("names-of-the-router-ignored", UNKNOWN, "medium", also="stripe.parameter-unknown", batch=BATCH)(
    "Rails 8 merges the route into the parameters, so `controller`, `action` and `format` are left out of the check.",
    tolerate(lambda call, name: name in ("controller", "action", "format")),
)
contract.row("charset-sentinel-dropped", UNKNOWN, "hard", batch=BATCH)(
    "qs 6.14 with `charsetSentinel: true` drops `utf8=…`, which old forms of Rails send.",
    tolerate(lambda call, name: name == "utf8"),
)


def roots_of(call: Call, *, nested: bool) -> set[str]:
    """Return the roots of the names with brackets, or the names without any."""
    names = [name for name, _ in parse_qsl(call.request.body.decode("utf-8", "replace"), keep_blank_values=True)]
    return {name.partition("[")[0] for name in names if ("[" in name) == nested}


contract.row("string-and-hash-of-one-name-crash", "error.status-class", "hard", batch=BATCH)(
    "Rack 3.2 raises ParameterTypeError where a name is a string and a hash; outside of Rails nothing catches it: 500.",
    interrupt(lambda call: bool(roots_of(call, nested=True) & roots_of(call, nested=False)), crash),
)


def show_page(call: Call) -> Response:
    """Answer with the page of a framework."""
    page = b"<!DOCTYPE html><h1>Bad Request</h1><p>Invalid query parameters: expected Hash (got String)</p>"
    return Response(400, (("Content-Type", "text/html"),), page)


contract.row("string-and-hash-of-one-name-are-a-page", "error.envelope", "hard", batch=ZOO)(
    "Sinatra 3.0 answers a name that is a string and a hash with a page of its own, outside of the application.",
    interrupt(lambda call: bool(roots_of(call, nested=True) & roots_of(call, nested=False)), show_page),
)
contract.row("brackets-beyond-the-limit-crash", "robustness.deep-brackets", "hard", batch=ZOO)(
    "Rack 2.2 raises RangeError for more than 100 brackets, which Sinatra 3.0 does not take for a bad request: 500.",
    interrupt(lambda call: re.search(rb"(?:\[\w*\]){101}", call.request.body) is not None, crash),
)


@contract("request.equivalent-encodings", "hard", split, batch=ZOO)
def names_without_equals_sign_are_nil(usual: Split, call: Call, body: bytes) -> Sequence[RawPair]:
    """Rack 2.2 reads `expand` as nil, and `expand=` as an empty string: the first passes for absent."""
    pieces = [piece for piece in body.split(b"&") if b"=" in piece or piece != b"expand"]
    return usual(call, b"&".join(pieces))


@contract("request.equivalent-encodings", "hard", split, batch=ZOO)
def nil_entries_are_dropped(usual: Split, call: Call, body: bytes) -> Sequence[RawPair]:
    """Rails 6.1 takes nil out of arrays: `expand[]` without an equals sign passes, and `expand[]=` does not."""
    return usual(call, b"&".join(piece for piece in body.split(b"&") if piece not in (b"expand[]", b"expand%5B%5D")))


MOST_ENTRIES = 20


@contract("expand.many-entries", "hard", partial(check_after, "customer-structure"), level="SHOULD", batch=ZOO)
def long_arrays_are_objects(call: Call, attempt: Attempt) -> None:
    """qs 6.14 (arrayLimit 20) makes an object of an array with 21 entries, which @fastify/formbody 9 hands on."""
    if len(call.parameters.items("expand")) > MOST_ENTRIES:
        raise rejection(400, "body/expand must be array")


@contract(UNKNOWN, "hard", read, batch=ZOO)
def dots_are_brackets(usual: ReadName, call: Call, name: str) -> tuple[str, ...]:
    """koa-bodyparser 4.4 reads dots as brackets (qs with allowDots): `expand.0` is `expand[0]`."""
    return usual(call, re.sub(r"\.([^.\[]+)", r"[\1]", name))


@contract("expand.every-entry", "hard", build, batch=ZOO)
def last_of_a_repeated_name_kept(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """hpp 0.2 keeps the last of parameters with one name, of `expand[]` too: what comes before it is not looked at."""
    return usual(call, list(dict(pairs).items()))


HIGH_INDEX = re.compile(rb"expand(?:\[|%5[Bb])0*(?:[1-9]\d{3,}|2(?:5[6-9]|[6-9]\d)|[3-9]\d\d)(?:\]|%5[Dd])")


contract.row("index-beyond-the-list-crashes", "robustness.deep-brackets", "medium", batch=BATCH)(
    "Spring 6.2 grows lists to 256 entries; a higher index is an InvalidPropertyException, and a 500.",
    interrupt(lambda call: HIGH_INDEX.search(call.request.body) is not None, crash),
)
LIKE_A_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e\d+)?|true|false|null|undefined", re.IGNORECASE)


def is_converted(call: Call) -> bool:
    """Return whether a value of the body looks like something else than a string."""
    pairs = parse_qsl(call.request.body.decode("utf-8", "replace"), keep_blank_values=True)
    return any(name == "customer" and LIKE_A_NUMBER.fullmatch(value) for name, value in pairs)


contract.row("converted-value-is-no-string", "error.status-class", "hard", batch=BATCH)(
    "express-query-parser 1.3 makes `123` a number and `null` null; the first method of strings on it is a 500.",
    interrupt(is_converted, crash),
)
INVISIBLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@contract("request.value-exact", "hard", build, batch=BATCH)
def control_characters_removed(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """CodeIgniter 3.1 removes control characters from all input: an id with one behind it is the id."""
    return usual(call, [(name, INVISIBLE.sub("", value)) for name, value in pairs])


@contract("request.value-exact", "hard", build, also="request.value-exact-whitespace", batch=ZOO)
def nul_and_blanks_trimmed(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """PHP 8.4's trim() takes a NUL for white space: an id with one behind it is the id."""
    return usual(call, [(name, value.strip(" \t\n\r\0\v")) for name, value in pairs])


@contract("request.value-exact-whitespace", "medium", build, level="SHOULD", batch=BATCH)
def values_trimmed(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """Laravel 12 trims every value (TrimStrings), invisible characters of Unicode included."""
    return usual(call, [(name, value.strip(" \t\r\n\v\f\u00a0\u200b\ufeff")) for name, value in pairs])
