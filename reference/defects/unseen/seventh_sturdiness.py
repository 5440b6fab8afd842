"""Connections that wear out."""

from __future__ import annotations

from ...app import written
from ...behaviour import Behaviour
from ...call import Call
from ...values import Answer, Response
from ..registry import Chapter
from ..tools import interrupt

seed = Chapter("sturdiness", "contract")


@seed("robustness.same-request-same-answer", "hard", also=("robustness.still-serving",))
def kept_connection_wears_out(b: Behaviour) -> None:
    """From its thirtieth request on, a kept connection is answered with 400."""

    def answer(call: Call) -> Response:
        call.authenticated = True
        error = {"message": "Too many requests on this connection.", "type": "invalid_request_error"}
        return written(call, Answer(400, {"error": error}))

    interrupt(b, lambda call: call.request.position >= 30, answer)
