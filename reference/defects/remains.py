"""What is left of a request that was refused, and read as the next one."""

from __future__ import annotations

from dataclasses import replace

from ..app import written
from ..behaviour import Behaviour
from ..call import Call
from ..errors import wire_error
from ..values import Response
from .registry import Chapter

seed = Chapter("robustness", "contract")

MOST_READ = 64 * 1024


@seed("robustness.still-serving", "hard", also=("robustness.large-body", "robustness.long-value"))
def rest_of_a_body_is_the_next_request(b: Behaviour) -> None:
    """A body of more than 64 KiB is refused with 413 and not read: what is left of it spoils the next request."""
    usual = b.serve
    b.limits = replace(b.limits, unread=MOST_READ)

    def serve(call: Call) -> Response:
        announced = dict(call.request.headers).get("content-length", "0")
        if int(announced) > MOST_READ:
            refusal = wire_error(413, "Request body is too large.").refusal
            return written(call, call.behaviour.refuse(call, refusal))
        return usual(call)

    b.serve = serve
