"""Seeded defects: refusals that are not as refusals should be."""

from __future__ import annotations

from dataclasses import replace

from ...behaviour import Behaviour
from ...call import Call
from ...rules import KNOWN
from ...values import Answer, Response
from ..registry import Chapter
from ..tools import edit_answer, edit_response

seed = Chapter("error", "contract")
PAGE = b"<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>"


@seed("error.envelope", "easy", also=("method.unrecognized",))
def page_for_another_method(b: Behaviour) -> None:
    """GET on the attach URL is answered with an error page in HTML."""

    def edit(call: Call, response: Response) -> Response:
        if call.request.method != "GET" or response.status != 404:
            return response
        return replace(response.with_header("Content-Type", "text/html"), body=PAGE)

    edit_response(b, edit, success=False)


@seed("error.member-types", "medium", also=("stripe.parameter-unknown",))
def list_of_unknown_names(b: Behaviour) -> None:
    """Where several parameters are unknown, `param` is the list of their names."""

    def edit(call: Call, answer: Answer) -> Answer:
        if answer.status != 400 or answer.payload["error"].get("code") != "parameter_unknown":
            return answer
        names = [str(name) for name in call.parameters.tree if name not in KNOWN]
        if len(names) < 2:
            return answer
        return replace(answer, payload={"error": answer.payload["error"] | {"param": names}})

    edit_answer(b, edit)
