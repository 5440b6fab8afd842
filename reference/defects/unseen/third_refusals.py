"""What goes wrong in saying no."""

from __future__ import annotations

from dataclasses import replace

from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call
from ...errors import ApiError, Refusal
from ...values import Answer
from ..registry import Chapter
from ..tools import edit_answer, edit_refusals

seed = Chapter("errors", "contract")


def crashed() -> ApiError:
    """What an unforeseen exception is answered with."""
    return ApiError(Refusal("crash", 500, "An unexpected error occurred.", type="api_error"))


@seed("error.envelope", "medium", also=("method.unrecognized",))
def framework_refuses_other_methods(b: Behaviour) -> None:
    """GET, PUT and the like are refused by the framework, in its own words: `{"detail": …}`."""

    def edit(call: Call, answer: Answer) -> Answer:
        if call.request.method == "POST" or answer.status != 404:
            return answer
        return replace(answer, payload={"detail": "Not Found"})

    edit_answer(b, edit)


@seed("error.status-class", "hard")
def percent_sign_crashes_the_message(b: Behaviour) -> None:
    """The id that is not there is part of the message's format: a `%` in it is answered with 500."""
    usual = b.checks["customer"]

    def check(call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError as error:
            raise crashed() if "%" in (attempt.customer_id or "") else error from None

    b.checks["customer"] = check


@seed("error.status-class", "hard", also=("state.second-customer",))
def refusal_with_expand_crashes(b: Behaviour) -> None:
    """Who wants `expand` of what another customer has gets 500: the code that expands finds nothing to expand."""
    usual = b.checks["not-another-customers"]

    def check(call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError as error:
            raise crashed() if attempt.expand else error from None

    b.checks["not-another-customers"] = check


@seed("error.no-secrets", "hard")
def wrong_media_type_shows_the_headers(b: Behaviour) -> None:
    """The refusal of a body that is no form helps with all the headers that came, Authorization among them."""
    usual = b.amend

    def amend(call: Call, refusal: Refusal) -> Refusal:
        refusal = usual(call, refusal)
        if not call.is_attach or refusal.rule != "media-type":
            return refusal
        sent = ", ".join(f"{name}: {value}" for name, value in call.request.headers)
        return replace(refusal, message=f"{refusal.message} Received: {sent}")

    b.amend = amend


@seed("error.type", "medium")
def authentication_has_its_own_type(b: Behaviour) -> None:
    """The type of a 401 is `authentication_error`, as the client libraries call it."""
    edit_refusals(b, ["unauthorized"], lambda refusal: replace(refusal, type="authentication_error"))
