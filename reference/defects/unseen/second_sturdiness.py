"""What a rough request does to the server, or to the one after it."""

from __future__ import annotations

from collections.abc import Sequence

from ...behaviour import Behaviour
from ...call import Call
from ...errors import ApiError, malformed_form
from ..registry import Chapter
from ..tools import crash, interrupt, on_attach

seed = Chapter("robustness", "contract")


@seed("robustness.many-parameters", "easy")
def a_thousand_fields_are_a_crash(b: Behaviour) -> None:
    """The form parser's own limit of 1000 fields raises what nobody catches: 500."""
    interrupt(b, lambda call: call.request.body.count(b"&") >= 1000, crash)


@seed("robustness.still-serving", "hard")
def depth_not_unwound(b: Behaviour) -> None:
    """After brackets too deep the parser's depth is not taken back, and the next form is refused."""
    usual, depths = b.read_name, [0]

    def read_name(call: Call, name: str) -> tuple[str, ...]:
        if depths[0]:
            depths[0] = 0
            raise malformed_form()
        try:
            return usual(call, name)
        except ApiError:
            depths[0] = name.count("[")
            raise

    b.read_name = on_attach(usual, read_name)


@seed("robustness.same-request-same-answer", "hard", intermittent=True)
def every_fiftieth_body_is_lost(b: Behaviour) -> None:
    """On a kept connection every 50th request is read as if it had no body."""
    usual = b.split

    def split(call: Call, body: bytes) -> Sequence[tuple[bytes, bytes]]:
        return [] if call.request.position % 50 == 0 else usual(call, body)

    b.split = on_attach(usual, split)
