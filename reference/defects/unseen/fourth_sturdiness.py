"""Odd requests that bring the server out of step, and answers that depend on the turn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

from ... import errors
from ...behaviour import Behaviour
from ...call import Call
from ...errors import ApiError
from ...forms import Form, Pair
from ...objects import PaymentMethod
from ..registry import Chapter
from ..tools import counter, crash, interrupt, on_attach

seed = Chapter("robustness", "contract")

CUT_ESCAPE = re.compile(rb"%[0-9A-Fa-f]?(?:[&=]|\Z)")
SURROGATE = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
LONGEST_NAME = 255


@seed("robustness.malformed-encoding", "medium", also=("error.status-class",))
def cut_escapes_crash(b: Behaviour) -> None:
    """The two digits after a `%` are read without a look at the end: an escape that is cut off crashes."""
    interrupt(b, lambda call: CUT_ESCAPE.search(call.request.body) is not None, crash)


@seed("robustness.invalid-utf8", "hard", also=("error.status-class",))
def surrogates_crash(b: Behaviour) -> None:
    """Surrogates in UTF-8 (`%ED%A0%80`) are let in, and crash the server when the answer is written."""
    interrupt(b, lambda call: SURROGATE.search(unquote_to_bytes(call.request.body)) is not None, crash)


@seed("robustness.long-path-id", "medium", also=("error.status-class",))
def ids_are_names_of_files(b: Behaviour) -> None:
    """Each payment method is a file: an id longer than a file's name may be crashes."""

    def too_long(call: Call) -> bool:
        return len(unquote_to_bytes(call.request.path.split("/")[3])) > LONGEST_NAME

    interrupt(b, too_long, crash)


@seed(
    "robustness.still-serving",
    "medium",
    also=("state.refusal-changes-nothing", "robustness.malformed-encoding", "robustness.invalid-utf8"),
)
def decoder_keeps_its_error(b: Behaviour) -> None:
    """The decoder's error is not reset: after what it can't decode the next good request is refused too."""
    unquote, build = b.unquote, b.build
    failed: list[bool] = []

    def noting(call: Call, raw: bytes) -> str:
        try:
            return unquote(call, raw)
        except ApiError:
            failed[:] = [True]
            raise

    def late(call: Call, pairs: Sequence[Pair]) -> Form:
        if failed:
            failed.clear()
            raise errors.malformed_form()
        return build(call, pairs)

    b.unquote, b.build = on_attach(unquote, noting), on_attach(build, late)


@seed("robustness.same-request-same-answer", "hard", intermittent=True)
def one_replica_is_behind(b: Behaviour) -> None:
    """One look-up in twelve goes to a replica that is behind, and does not find the payment method."""
    usual, behind = b.find_payment_method, counter(12)

    def find(call: Call, identifier: str) -> PaymentMethod | None:
        return None if behind() else usual(call, identifier)

    b.find_payment_method = find
