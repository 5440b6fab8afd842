"""Mistakes that many clauses meet in passing, and that one of them owns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..attach import Attempt
from ..behaviour import Behaviour
from ..call import Call
from ..forms import Form, Pair
from ..values import Answer, Json
from .expand import edit_expanded, expand_names
from .registry import Chapter
from .tools import check_first, edit_answer, edit_success, on_attach, refused

answers = Chapter("answers", "contract")
expansion = Chapter("expand", "contract")
refusals = Chapter("refusals", "contract")
lists = Chapter("state", "stateful")
keys = Chapter("idempotency", "stripe")

SEEDS = (answers, expansion, refusals, lists, keys)


@answers("response.customer", "easy")
def customer_is_null(b: Behaviour) -> None:
    """A success shows the customer as null, however it is asked for."""
    edit_success(b, lambda call, payload: payload.update(customer=None))


@answers("response.customer", "easy")
def customer_is_absent(b: Behaviour) -> None:
    """A success has no member `customer`, however it is asked for."""

    def edit(call: Call, payload: Json) -> None:
        payload.pop("customer", None)

    edit_success(b, edit)


@answers("response.customer", "medium")
def customer_is_the_newest(b: Behaviour) -> None:
    """A success shows the id of the customer that was created last."""

    def edit(call: Call, payload: Json) -> None:
        if isinstance(payload.get("customer"), str):
            payload["customer"] = call.store.all_customers()[0].id

    edit_success(b, edit)


@answers("response.object", "medium")
def wrapped_in_data(b: Behaviour) -> None:
    """A success wraps the payment method in `data`, as many JSON APIs do."""
    edit_success(b, lambda call, payload: {"data": payload})


@answers("response.object", "medium")
def wrapped_in_payment_method(b: Behaviour) -> None:
    """A success wraps the payment method in `payment_method`, with a word about its own success."""
    edit_success(b, lambda call, payload: {"success": True, "payment_method": payload})


@expansion("expand.inlined", "medium")
def expanded_customer_is_a_list(b: Behaviour) -> None:
    """The expanded customer is a list of one."""
    edit_expanded(b, lambda call, payload, customer: payload.update(customer=[customer]))


@expansion("expand.inlined", "medium")
def expanded_customer_lacks_its_id(b: Behaviour) -> None:
    """The expanded customer has no id."""

    def edit(call: Call, payload: Json, customer: Json) -> None:
        customer.pop("id", None)

    edit_expanded(b, edit)


@expansion("expand.inlined", "medium")
def expanded_in_a_member_of_its_own(b: Behaviour) -> None:
    """The customer stays an id, and the expanded object stands in `expanded`."""

    def edit(call: Call, payload: Json, customer: Json) -> None:
        payload.update(customer=customer["id"], expanded={"customer": customer})

    edit_expanded(b, edit)


@expansion("expand.accepted", "medium")
def empty_brackets_are_a_hash(b: Behaviour) -> None:
    """`expand[]` is read as a hash with an empty key, and refused for its structure."""

    def refuse(call: Call, attempt: Attempt) -> None:
        if "expand[]" in expand_names(call):
            raise refused(400, "Invalid array", param="expand")

    check_first(b, "empty-brackets", refuse)


@expansion("expand.every-entry", "medium")
def later_entries_are_not_read(b: Behaviour) -> None:
    """Only the first entry of `expand` is read; the others are dropped before anything is checked."""
    usual = b.build

    def build(call: Call, pairs: Sequence[Pair]) -> Form:
        entries = [pair for pair in pairs if pair[0].partition("[")[0] == "expand"]
        return usual(call, [pair for pair in pairs if pair not in entries[1:]])

    b.build = on_attach(usual, build)


@refusals("error.status-class", "easy")
def unknown_parameters_crash(b: Behaviour) -> None:
    """Every unknown parameter is answered 500."""

    def edit(call: Call, answer: Answer) -> Answer:
        error = answer.payload.get("error", {}) if isinstance(answer.payload, dict) else {}
        return replace(answer, status=500) if error.get("code") == "parameter_unknown" else answer

    edit_answer(b, edit)


@lists("state.listed", "medium")
def every_entry_listed_twice(b: Behaviour) -> None:
    """A list shows each of its entries twice."""
    usual = b.methods_of
    b.methods_of = lambda call, customer: [one for one in usual(call, customer) for _ in range(2)]


@keys("idempotency.other-path", "hard")
def other_path_answered_without_being_executed(b: Behaviour) -> None:
    """A key that comes again on another path brings the first answer with the second path's id, and nothing is done."""
    usual = b.idempotency_conflict

    def conflict(call: Call, earlier: object) -> str | None:
        path = getattr(earlier, "path", "")
        if call.is_attach and path.endswith("/attach") and path != call.request.path:
            return None
        return usual(call, earlier)

    b.idempotency_conflict = conflict

    def edit(call: Call, answer: Answer) -> Answer:
        if not call.replayed or answer.status != 200 or not isinstance(answer.payload, dict):
            return answer
        identifier = call.request.path.split("/")[-2]
        if identifier.startswith("pm_card_"):
            return answer
        return replace(answer, payload={**answer.payload, "id": identifier})

    edit_answer(b, edit)
