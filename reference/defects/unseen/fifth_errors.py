"""Seeded defects: refusals that are not as refusals should be."""

from __future__ import annotations

from dataclasses import replace

from ...auth import sent_key
from ...behaviour import Behaviour
from ...call import Call
from ...errors import ApiError, unauthorized
from ...rules import KNOWN
from ...values import Answer, Json, Response
from ..registry import Chapter
from ..tools import edit_answer, edit_errors, edit_response, on_attach

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


@seed("error.type", "easy")
def authentication_error(b: Behaviour) -> None:
    """The error of a 401 has the type authentication_error."""

    def edit(error: Json) -> None:
        error["type"] = "authentication_error"

    edit_errors(b, edit, status=401)


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


@seed("error.no-secrets", "medium")
def basic_key_is_quoted(b: Behaviour) -> None:
    """A wrong key is masked where it came as a Bearer token, but quoted in full where it came by Basic."""

    def authenticate(call: Call) -> None:
        try:
            usual(call)
        except ApiError:
            header = call.request.header("authorization") or ""
            key = sent_key(call)
            if key and header.lower().startswith("basic "):
                raise unauthorized(f"Invalid API Key provided: {key}") from None
            raise

    usual = b.authenticate
    b.authenticate = on_attach(usual, authenticate)
