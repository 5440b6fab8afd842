"""Mistakes in decoding a form: order, escapes, chunks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from ..behaviour import Behaviour, Build, Guard, Route, Split
from ..call import Call, Endpoint
from ..changes import apply, check_after, edit_success, expands, on_attach, override_check, rejection, wrap_at_attach
from ..rules import forms
from ..rules.attach import Attempt
from ..rules.errors import unrecognized_url
from ..rules.forms import Form, Pair, RawPair, unescape
from ..wire.values import Json
from .parts import change_request, demand_media_type, reject_bodies_with, rewrite_pairs, rewrite_split
from .registry import Topic

contract = Topic("contract")


@contract("request.minimal-body", "easy", partial(override_check, "not-declined"))
def always_refused(call: Call, attempt: Attempt) -> None:
    """Every request to attach is rejected, however good it is."""
    raise rejection(400, "Attaching is not available.")


@contract("request.minimal-body", "easy", partial(check_after, "customer"))
def expand_required(call: Call, attempt: Attempt) -> None:
    """A request without `expand` is rejected, as though it were required."""
    if not expands(call):
        raise rejection(400, "Missing required param: expand.", "parameter_missing", "expand")


@contract("request.minimal-body", "easy", wrap_at_attach("route"))
def attach_not_routed(usual: Route, call: Call) -> Endpoint:
    """The URL is answered with 404, as though it were not part of the API."""
    raise unrecognized_url(call.request.method, call.request.path)


contract.row("charset-demanded", "request.minimal-body", "medium")(
    "A form is rejected by every endpoint unless its media type names the charset.",
    demand_media_type(with_charset=True),
)


@contract("request.parameter-order", "medium", partial(check_after, "customer-structure"))
def customer_must_come_first(call: Call, attempt: Attempt) -> None:
    """`customer` is only seen where it is the first parameter."""
    if call.parameters.pairs and call.parameters.pairs[0][0] != "customer":
        attempt.customer_id = None


@contract("request.parameter-order", "hard", partial(check_after, "expand-structure"))
def expand_before_customer_ignored(call: Call, attempt: Attempt) -> None:
    """`expand` is only honoured where it comes after `customer`."""
    names = [name.partition("[")[0] for name, _ in call.parameters.pairs]
    if "customer" in names and "expand" in names[: names.index("customer")]:
        attempt.expand = []


@contract("request.parameter-order", "hard", wrap_at_attach("build"), batch="unseen 1")
def array_restarts_after_another_name(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """An array with other names between its entries keeps its last run only: `expand[]`, `customer`, `expand[]`."""
    runs: dict[str, list[int]] = {}
    kept: list[int] = []
    before = ""
    for position, (name, _) in enumerate(pairs):
        root, bracket, _ = name.partition("[")
        if not bracket:
            kept.append(position)
        elif root == before and root in runs:
            runs[root].append(position)
        else:
            runs[root] = [position]
        before = root if bracket else ""
    kept += [position for run in runs.values() for position in run]
    return usual(call, [pairs[position] for position in sorted(kept)])


@contract("request.parameter-order", "medium", wrap_at_attach("build"), batch="unseen 2")
def expand_before_customer_dropped(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """The form is read from `customer` on; an `expand` that was sent before it is forgotten."""
    names = [name for name, _ in pairs]
    start = names.index("customer") if "customer" in names else 0
    kept = [pair for at, pair in enumerate(pairs) if at >= start or not pair[0].startswith("expand")]
    return usual(call, kept)


@contract("request.parameter-order", "hard", wrap_at_attach("build"), batch="unseen 3")
def customer_in_the_middle_lost(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """`customer` is read where it comes first or last; between two other parameters it is taken for an entry."""
    inner = range(1, len(pairs) - 1)
    return usual(call, [pair for at, pair in enumerate(pairs) if pair[0] != "customer" or at not in inner])


@contract(
    "request.parameter-order",
    "medium",
    partial(check_after, "expand-paths"),
    also="expand.inlined expand.indexed expand.every-entry",
    batch="unseen 4",
)
def expansions_before_their_customer_lost(call: Call, attempt: Attempt) -> None:
    """`expand` is kept only once `customer` has been read: what stands before it is lost."""
    names = [call.behaviour.read_name(call, name)[0] for name, _ in call.parameters.pairs]
    if "customer" in names and "expand" not in names[names.index("customer") :]:
        attempt.expand = []


@contract(
    "request.parameter-order",
    "easy",
    wrap_at_attach("build"),
    also="expand.accepted request.minimal-body body.unknown-parameter body.unknown-parameter-nested",
    batch="unseen 6",
)
def reading_ends_at_the_array(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """Parameters that stand behind an entry of `expand` are not read, save further entries."""
    seen, kept = False, []
    for name, value in pairs:
        seen = seen or name.startswith("expand[")
        if not seen or name.startswith("expand["):
            kept.append((name, value))
    return usual(call, kept)


@contract("request.equivalent-encodings", "medium", rewrite_split)
def escaped_names_not_decoded(name: bytes, value: bytes) -> RawPair:
    """Escapes in parameter names are not decoded, but for those of brackets."""
    return re.sub(rb"%(?!5[BbDd])", b"%25", name), value


@contract("request.equivalent-encodings", "medium")
def lower_hex_not_decoded(b: Behaviour) -> None:
    """Escapes with hexadecimal digits in lower case are taken literally."""
    lower = re.compile(rb"%(?=[0-9A-Fa-f]{2})(?![0-9A-F]{2})")

    @apply(b, rewrite_split)
    def rewrite(name: bytes, value: bytes) -> RawPair:
        return lower.sub(b"%25", name), lower.sub(b"%25", value)


@contract("request.equivalent-encodings", "medium", rewrite_split, also="expand.accepted expand.indexed")
def encoded_brackets_unknown(name: bytes, value: bytes) -> RawPair:
    """Brackets in names are looked for before they are decoded, so `expand%5B%5D` is an unknown name."""
    return re.sub(rb"%5[Dd]", b"", name), value


@contract("request.equivalent-encodings", "medium", rewrite_split)
def unreserved_escapes_kept(name: bytes, value: bytes) -> RawPair:
    """Escapes of letters and digits in values are kept, since nobody needs them."""
    return name, re.sub(rb"%(?=[4-7][0-9A-Fa-f])(?!5[BbDdEeCc]|6[0]|7[BbCcDdFf])", b"%25", value)


@contract("request.equivalent-encodings", "medium")
def plus_kept(b: Behaviour) -> None:
    """A plus stays a plus instead of standing for a blank."""
    b.unquote = on_attach(b.unquote, lambda call, raw: unescape(raw))


contract.row("raw-brackets-only", "request.equivalent-encodings", "medium")(
    "A form whose names have percent-encoded brackets is rejected by every endpoint.", reject_bodies_with(b"%5b")
)


def _half(name: bytes) -> bytes:
    upper = name.upper()
    opening, closing = b"%5B" in upper and b"]" in name, b"[" in name and b"%5D" in upper
    return re.sub(rb"(?i)%(5[bd])", rb"%25\1", name) if opening or closing else name


@contract("request.equivalent-encodings", "medium", wrap_at_attach("split"), batch="unseen 1")
def brackets_half_encoded(usual: Split, call: Call, body: bytes) -> list[RawPair]:
    """Brackets in a name are decoded as a pair only: `expand[%5D` and `expand%5B]` are other names."""
    return [(_half(name), value) for name, value in usual(call, body)]


LOWER_HEX = re.compile(rb"%(?=[0-9A-Fa-f]{2})(?![0-9A-F]{2})")


contract.row(
    "lower-case-hex-left-alone", "request.equivalent-encodings", "medium", also="request.value-exact", batch="unseen 2"
)(
    "Percent escapes are undone only where their hex digits are capitals: `expand%5b%5d` is another name.",
    wrap_at_attach("unquote")(lambda usual, call, raw: usual(call, LOWER_HEX.sub(b"%25", raw))),
)
LAST_ESCAPE = re.compile(rb"%(?=[0-7][0-9A-Fa-f]\Z)")


contract.row("last-escape-kept", "request.equivalent-encodings", "hard", batch="unseen 3")(
    "The decoder's loop ends one too early: an escape at the very end of a value stays as it is.",
    rewrite_pairs(lambda call, pair: (pair[0], LAST_ESCAPE.sub(b"%25", pair[1]))),
)
ESCAPED_DOT = re.compile(rb"%(?=2[eE])")


@contract("request.equivalent-encodings", "hard", rewrite_pairs, batch="unseen 3")
def escaped_dots_do_not_separate(call: Call, pair: RawPair) -> RawPair:
    """Paths of `expand` are taken apart before they are decoded: `card%2Egenerated_from` is one segment."""
    name, value = pair
    return (name, ESCAPED_DOT.sub(b"%25", value)) if name.startswith(b"expand") else pair


LOWER_ESCAPE = re.compile(rb"%(?=[0-9A-Fa-f]{2})(?![0-9A-F]{2})")


contract.row("lower-case-escapes-not-undone", "request.equivalent-encodings", "easy", batch="unseen 4")(
    "Only percent escapes with upper-case digits are undone: `%5b` stays `%5b`.",
    wrap_at_attach("unquote")(lambda usual, call, raw: usual(call, LOWER_ESCAPE.sub(b"%25", raw))),
)


@contract(
    "request.equivalent-encodings", "hard", edit_success, also="response.customer request.value-exact", batch="unseen 4"
)
def customer_shown_as_encoded(call: Call, payload: Json) -> None:
    """The answer shows the customer's id as it stood in the body, percent escapes and all."""
    for name, value in forms.split(call, call.request.body):
        if isinstance(payload["customer"], str) and call.behaviour.unquote(call, name) == "customer":
            payload["customer"] = value.decode("latin-1")


contract.row("chunked-body-is-empty", "request.chunked-body", "medium", level="SHOULD", batch="reading 2")(
    "A body without a Content-Length is read as empty.",
    change_request(lambda request: replace(request, body=b"") if request.chunked else request),
)
contract.row("first-chunk-is-all", "request.chunked-body", "medium", level="SHOULD", stateless=True, batch="reading 2")(
    "Only the beginning of a chunked body is read.",
    change_request(lambda request: replace(request, body=request.body[:20]) if request.chunked else request),
)


@contract("request.chunked-body", "hard", wrap_at_attach("media_type"), level="SHOULD", batch="reading 2")
def chunked_body_is_refused(usual: Guard, call: Call) -> None:
    """A chunked body is rejected with 400."""
    if call.request.chunked:
        raise rejection(400, "Chunked bodies are not supported.")
    usual(call)
