"""Errors that come from a framework's habits rather than from the contract."""

from __future__ import annotations

from dataclasses import replace

from ...auth import sent_key
from ...behaviour import Behaviour
from ...call import Call
from ...values import Answer, Json, Response
from ..registry import Chapter
from ..tools import edit_answer, edit_errors, edit_refusals, edit_response

seed = Chapter("refusals", "contract")

UNSUPPORTED = 415


@seed(
    "error.status-class",
    "easy",
    also=(
        "auth.missing",
        "auth.malformed",
        "auth.empty",
        "auth.unknown-key",
        "auth.first",
        "auth.challenge",
        "error.envelope",
    ),
)
def sent_to_the_login_page(b: Behaviour) -> None:
    """Whoever shows no valid key is redirected to a login page."""

    def edit(call: Call, answer: Answer) -> Answer:
        return Answer(302, {}, (("Location", "/login"),)) if answer.status == 401 else answer

    edit_answer(b, edit)


@seed("error.envelope", "medium", also=("error.type",))
def framework_answers_wrong_media_types(b: Behaviour) -> None:
    """A body of a wrong media type never reaches the API: the framework refuses it in its own format."""

    def foreign(error: Json) -> Json:
        return {"statusCode": UNSUPPORTED, "message": error["message"], "error": "Unsupported Media Type"}

    edit_refusals(b, ["media-type"], lambda refusal: replace(refusal, status=UNSUPPORTED))
    edit_errors(b, foreign, UNSUPPORTED)


@seed("error.message", "easy", also=("error.member-types",))
def messages_are_lists(b: Behaviour) -> None:
    """`message` is the list of everything that the validator found."""
    edit_errors(b, lambda error: error.update(message=[error["message"]]), 400)


@seed("error.no-secrets", "medium")
def key_put_into_a_cookie(b: Behaviour) -> None:
    """A success sets a session cookie whose value is the API key."""

    def edit(call: Call, response: Response) -> Response:
        return response.with_header("Set-Cookie", f"session={sent_key(call)}; HttpOnly; Path=/")

    edit_response(b, edit, success=True)
