"""Requests read in a way of the server's own: escapes, separators, media types, methods."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote

from ...behaviour import Behaviour
from ...call import Call
from ...errors import malformed_form
from ...forms import Form, Pair
from ...values import Response
from ..registry import Chapter
from ..tools import is_authentic, on_attach

seed = Chapter("request", "contract")

LOWER_HEX = re.compile(rb"%(?=[0-9A-Fa-f]{2})(?![0-9A-F]{2})")
JSON = "application/json"


@seed("request.equivalent-encodings", "medium", also=("request.value-exact",))
def lower_case_hex_left_alone(b: Behaviour) -> None:
    """Percent escapes are undone only where their hex digits are capitals: `expand%5b%5d` is another name."""
    usual = b.unquote
    b.unquote = on_attach(usual, lambda call, raw: usual(call, LOWER_HEX.sub(b"%25", raw)))


@seed("request.value-exact", "medium")
def value_ends_at_a_semicolon(b: Behaviour) -> None:
    """A raw semicolon ends the value, as it does in a header: `ID;junk` is taken for ID."""
    usual = b.split

    def split(call: Call, body: bytes) -> list[tuple[bytes, bytes]]:
        return [(name, value.partition(b";")[0]) for name, value in usual(call, body)]

    b.split = on_attach(usual, split)


@seed("request.parameter-order", "medium")
def expand_before_customer_dropped(b: Behaviour) -> None:
    """The form is read from `customer` on; an `expand` that was sent before it is forgotten."""
    usual = b.build

    def build(call: Call, pairs: Sequence[Pair]) -> Form:
        names = [name for name, _ in pairs]
        start = names.index("customer") if "customer" in names else 0
        kept = [pair for at, pair in enumerate(pairs) if at >= start or not pair[0].startswith("expand")]
        return usual(call, kept)

    b.build = on_attach(usual, build)


@seed("request.charset-parameter", "hard", stateless=True)
def charset_given_means_latin_1(b: Behaviour) -> None:
    """Any charset parameter, `utf-8` too, has the form decoded as Latin-1: `é` comes back as two letters."""
    usual = b.unquote

    def unquote(call: Call, raw: bytes) -> str:
        text = usual(call, raw)
        given = "charset" in (call.request.header("content-type") or "").lower()
        return text.encode().decode("latin-1") if given else text

    b.unquote = on_attach(usual, unquote)


@seed("request.json-refused", "medium")
def json_with_a_charset_obeyed(b: Behaviour) -> None:
    """JSON is refused by comparing the whole header; `application/json; charset=utf-8` is obeyed."""
    media_type, split = b.media_type, b.split

    def passes(call: Call) -> bool:
        return call.request.media_type == JSON and ";" in (call.request.header("content-type") or "")

    def check(call: Call) -> None:
        if not passes(call):
            media_type(call)

    def read(call: Call, body: bytes) -> Sequence[tuple[bytes, bytes]]:
        if not passes(call):
            return split(call, body)
        try:
            sent = json.loads(body)
        except ValueError:
            raise malformed_form() from None
        if not isinstance(sent, dict):
            raise malformed_form()
        pairs: list[tuple[bytes, bytes]] = []
        for name, value in sent.items():
            values = value if isinstance(value, list) else [value]
            key = quote(name) + ("[]" if isinstance(value, list) else "")
            pairs += [(key.encode(), quote(str(item)).encode()) for item in values]
        return pairs

    b.media_type, b.split = on_attach(media_type, check), on_attach(split, read)


@seed("request.other-methods", "hard", also=("state.refusal-changes-nothing",))
def put_attaches_behind_a_404(b: Behaviour) -> None:
    """PUT is answered with 404, but only after the same handler as for POST has attached."""
    usual = b.serve

    def serve(call: Call) -> Response:
        if call.is_attach and call.request.method == "PUT" and is_authentic(call):
            usual(Call(call.world, replace(call.request, method="POST")))
        return usual(call)

    b.serve = serve
