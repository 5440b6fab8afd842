"""Seeded defects: API keys, idempotency keys and versions."""

from __future__ import annotations

from ...behaviour import Behaviour
from ...call import Call
from ...values import Answer, Headers
from ..registry import Chapter
from ..tools import on_attach

seed = Chapter("keys", "stripe")


@seed("header.version", "easy")
def release_name_is_lost(b: Behaviour) -> None:
    """The answer's `Stripe-Version` is the date alone, without the release name that was sent behind it."""

    def headers(call: Call, answer: Answer) -> Headers:
        shown = usual(call, answer)
        return tuple((key, text.partition(".")[0] if key == "Stripe-Version" else text) for key, text in shown)

    usual = b.headers
    b.headers = on_attach(usual, headers)
