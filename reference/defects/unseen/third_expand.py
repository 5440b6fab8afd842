"""`expand`: which entries are looked at, and what comes of them."""

from __future__ import annotations

import itertools

from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call
from ...errors import ApiError, Refusal
from ...forms import INDEX
from ...objects import PaymentMethod
from ...values import Answer
from ..registry import Chapter
from ..tools import check_after

seed = Chapter("expand", "contract")


@seed("expand.every-entry", "hard")
def middle_entries_dropped(b: Behaviour) -> None:
    """Of three and more entries the first and the last are honoured, and those between them are not."""
    usual = b.attached

    def attached(call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
        if len(attempt.expand) > 2:
            attempt.expand = [attempt.expand[0], attempt.expand[-1]]
        return usual(call, attempt, method)

    b.attached = attached


@seed("expand.structure", "hard")
def later_items_not_checked(b: Behaviour) -> None:
    """Only the first item must be a string: a hash that comes after one is passed over."""
    usual = b.checks["expand-structure"]

    def check(call: Call, attempt: Attempt) -> None:
        sent = call.parameters.hash("expand")
        numbered = all(isinstance(key, int) or INDEX.fullmatch(key) for key in sent)
        if sent and numbered and isinstance(next(iter(sent.values())), str):
            attempt.expand = call.parameters.items("expand")
        else:
            usual(call, attempt)

    b.checks["expand-structure"] = check


@seed("error.status-class", "hard", also=("expand.duplicates",))
def repeated_after_another_crashes(b: Behaviour) -> None:
    """Neighbours that are alike are taken as one; an entry that comes again later meets an object, and crashes."""

    def check(call: Call, attempt: Attempt) -> None:
        kept = [item for item, _ in itertools.groupby(attempt.expand)]
        if len(set(kept)) < len(kept):
            raise ApiError(Refusal("crash", 500, "An unexpected error occurred.", type="api_error"))

    check_after(b, "expand-paths", check)


@seed("expand.not-expanded", "hard", also=("response.customer", "state.refusal-changes-nothing"))
def expansion_left_by_a_refusal(b: Behaviour) -> None:
    """A refused request with `expand` leaves its wish with the payment method; the next success fulfils it."""
    usual, attached = b.checks["customer"], b.attached
    left: dict[str, list[str]] = {}

    def check(call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError:
            if attempt.expand:
                left[attempt.payment_method_id] = attempt.expand
            raise

    def fulfil(call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
        attempt.expand = attempt.expand or left.pop(attempt.payment_method_id, [])
        return attached(call, attempt, method)

    b.checks["customer"], b.attached = check, fulfil


@seed("expand.inlined", "hard", also=("state.same-object",))
def metadata_taken_from_the_expanded(b: Behaviour) -> None:
    """Joined with its customer, the payment method loses its `metadata` to the column of the same name."""
    usual = b.attached

    def attached(call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
        answer = usual(call, attempt, method)
        if isinstance(answer.payload.get("customer"), dict) and "metadata" in answer.payload:
            answer.payload["metadata"] = dict(attempt.owner.metadata)
        return answer

    b.attached = attached
