"""Seeded defects: a success that is not what it should be."""

from __future__ import annotations

from dataclasses import replace

from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call
from ...objects import PaymentMethod
from ...values import Answer, Response
from ..registry import Chapter
from ..tools import edit_response

seed = Chapter("response", "contract")


@seed("response.status", "easy")
def first_of_a_customer_is_created(b: Behaviour) -> None:
    """The first payment method of a customer is answered with 201, later ones with 200."""

    def attached(call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
        answer = usual(call, attempt, method)
        only = len(call.store.methods_of(attempt.owner.id)) == 1
        return replace(answer, status=201) if only else answer

    usual = b.attached
    b.attached = attached


@seed("response.json", "hard")
def length_of_the_text(b: Behaviour) -> None:
    """Content-Length of a success counts characters, not bytes: with an accent in a name it is too small."""

    def edit(call: Call, response: Response) -> Response:
        return replace(response, declared_length=len(response.body.decode("utf-8")))

    edit_response(b, edit, success=True)


@seed("response.id", "hard", also=("state.same-object", "state.race"))
def first_method_is_shown(b: Behaviour) -> None:
    """The answer shows the customer's first payment method, not the one just attached, if there are several."""

    def attached(call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
        owned = call.store.methods_of(attempt.owner.id)
        return usual(call, attempt, owned[-1] if owned else method)

    usual = b.attached
    b.attached = attached
