"""Seeded defects: malformed input, and what becomes of the requests after it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

from ...behaviour import Behaviour
from ...call import Call
from ...errors import ApiError, Refusal, malformed_form
from ...forms import Form, Pair
from ..registry import Chapter
from ..tools import on_attach

seed = Chapter("robustness", "contract")
CHARSET = re.compile(r"charset=\"?([^;\"\s]+)", re.IGNORECASE)
MANY = 1000
TURNS = 20


def _failed() -> ApiError:
    return ApiError(Refusal("seeded", 500, "An unexpected error occurred.", "api_error"))


@seed("robustness.invalid-utf8", "medium")
def raw_bytes_not_foreseen(b: Behaviour) -> None:
    """Bytes that are not UTF-8 are refused where they are escaped, and end in a 500 where they are not."""

    def unquote(call: Call, raw: bytes) -> str:
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            raise _failed() from None
        return usual(call, raw)

    usual = b.unquote
    b.unquote = on_attach(usual, unquote)


@seed("robustness.still-serving", "hard")
def count_goes_on_after_many(b: Behaviour) -> None:
    """After a body of more than 1000 parameters, the next request is refused as malformed."""
    pending: list[bool] = []

    def build(call: Call, pairs: Sequence[Pair]) -> Form:
        if pending:
            pending.clear()
            raise malformed_form()
        if len(pairs) > MANY:
            pending.append(True)
        return usual(call, pairs)

    usual = b.build
    b.build = on_attach(usual, build)


@seed("robustness.same-request-same-answer", "hard", also=("robustness.still-serving", "request.minimal-body"))
def body_lost_on_old_connections(b: Behaviour) -> None:
    """From the 20th request on a connection on, the body is not read, and `customer` is missing."""

    def split(call: Call, body: bytes) -> Sequence[tuple[bytes, bytes]]:
        return [] if call.request.position >= TURNS else usual(call, body)

    usual = b.split
    b.split = on_attach(usual, split)


@seed("robustness.no-media-type", "easy")
def charset_not_found(b: Behaviour) -> None:
    """A Content-Type with a charset that does not exist ends in a 500."""

    def media_type(call: Call) -> None:
        match = CHARSET.search(call.request.header("content-type") or "")
        if match is not None:
            try:
                codecs.lookup(match[1])
            except LookupError:
                raise _failed() from None
        usual(call)

    usual = b.media_type
    b.media_type = on_attach(usual, media_type)
